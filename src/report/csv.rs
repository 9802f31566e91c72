//! `timeline.csv` and `events.csv`.

use std::io::Write;

use super::amounts::{push_decimal, push_milli};
use super::{Run, arithmetic, phases, reasons};
use crate::hpa::Conditions;
use crate::model::{Action, Column, HpaSpec, MetricSource, MetricTargetType, ScheduledEvent, Target, escaped};
use crate::sim::{PodNumbers, Setup, TimelineRow};
use crate::units::{Clock, Nanocores, Replicas, SimTime};

/// A name in a cell. Spreadsheets would take one that begins like a formula for one.
pub(super) fn cell(name: &str) -> String {
    let acts = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if acts { format!("'{name}") } else { name.to_owned() }
}

/// A row for every sync.
pub fn timeline(run: &Run<'_>, rows: &[TimelineRow]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = TimelineWriter::new(run.setup, (run.index, run.columns, run.clock), Vec::new())?;
    for row in rows {
        writer.write(row)?;
    }
    writer.finish()
}

/// So many bytes are written at once.
const BLOCK: usize = 1 << 14;

/// Writes `timeline.csv` row by row, in the order of time.
pub struct TimelineWriter<'a, W: Write> {
    out: W,
    /// What is not written yet.
    cells: Cells,
    target: &'a Target<'a>,
    clock: Option<Clock>,
    /// The HPA that is in force, and what it becomes when, the next change last.
    hpa: &'a HpaSpec,
    changes: Vec<(SimTime, &'a HpaSpec)>,
    /// What a pod requests: thousandths of a core, bytes.
    requests: (i64, i64),
    /// Cells that are mostly those of the last row.
    counts: Part<([Replicas; 2], PodNumbers, [Option<Replicas>; 2])>,
    ending: Part<(Option<i64>, Replicas, Conditions)>,
}

/// Cells of the last row, and what they follow from.
#[derive(Debug)]
struct Part<K> {
    of: Option<K>,
    text: String,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { of: None, text: String::new() }
    }
}

impl<'a, W: Write> TimelineWriter<'a, W> {
    /// Begins with the header: for a target by its index, with the columns of its load and the instant of the start.
    pub fn new(
        setup: &'a Setup<'a>,
        (index, columns, clock): (usize, &[Column], Option<Clock>),
        out: W,
    ) -> Result<Self, csv::Error> {
        let target = &setup.targets[index];
        let mut header = csv::Writer::from_writer(Vec::new());
        header.write_record(timeline_header(target.hpa, columns, clock.is_some()))?;
        let header = header.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let change = |event: &'a ScheduledEvent| match &event.action {
            Action::ChangeHpa(hpa) if event.target == index => Some((event.at, hpa.as_ref())),
            _ => None,
        };
        let template = &target.workload.template;
        Ok(Self {
            out,
            cells: Cells { text: String::from_utf8_lossy(&header).into_owned(), ..Cells::default() },
            target,
            clock,
            hpa: target.hpa,
            changes: setup.world.events.iter().rev().filter_map(change).collect(),
            requests: (template.cpu_request().get(), template.memory_request().get()),
            counts: Part::default(),
            ending: Part::default(),
        })
    }

    /// The next row.
    pub fn write(&mut self, row: &TimelineRow) -> Result<(), csv::Error> {
        while let Some((_, hpa)) = self.changes.pop_if(|(at, _)| *at <= row.now) {
            self.hpa = hpa;
        }
        let cells = &mut self.cells;
        cells.whole(row.now.seconds());
        if let Some(clock) = self.clock {
            cells.name(clock.rfc3339(row.now).as_deref());
        }
        row.load.iter().for_each(|value| cells.decimal(Some(*value), 6));
        let pods = row.pods;
        cells.part(&mut self.counts, ([row.replicas, row.desired], pods, [row.proposed, row.stabilized]), |cells| {
            for count in [row.replicas, pods.existing, pods.ready, pods.pending, pods.unschedulable] {
                cells.whole(count);
            }
            cells.whole(pods.terminating);
            cells.whole(row.desired);
            cells.maybe(row.proposed);
            cells.maybe(row.stabilized);
        });
        for (index, source) in self.hpa.metrics.iter().enumerate() {
            let status = row.metrics.get(index).copied().flatten().unwrap_or_default();
            match source.target() {
                MetricTargetType::Utilization(percent) => {
                    cells.maybe(status.average_utilization);
                    cells.whole(percent);
                }
                MetricTargetType::Value(target) => {
                    cells.milli(status.value);
                    cells.milli(Some(target));
                }
                MetricTargetType::AverageValue(target) => {
                    cells.milli(status.average_value);
                    cells.milli(Some(target));
                }
            }
            cells.maybe(row.proposals.get(index).copied().flatten());
        }
        let (resources, per_pod) = (&row.resources, self.requests);
        cells.decimal(resources.cpu_demand.map(Nanocores::cores), 6);
        cells.decimal(Some(resources.cpu_used.cores()), 6);
        cells.decimal(resources.cpu_capacity.map(Nanocores::cores), 6);
        cells.whole(resources.memory_used.get());
        for work in [resources.backlog, resources.work_dropped, resources.work_lost] {
            cells.decimal(Some(work.core_seconds()), 6);
        }
        cells.decimal(row.response_micros.map(|micros| micros as f64 / 1e3), 3);
        cells.maybe(self.target.cluster.slo.map(|_| resources.slow.seconds()));
        cells.part(&mut self.ending, (pods.nodes, pods.existing, row.conditions), |cells| {
            cells.maybe(pods.nodes);
            cells.milli(Some(per_pod.0.saturating_mul(pods.existing.into())));
            cells.whole(per_pod.1.saturating_mul(pods.existing.into()));
            let Conditions { able_to_scale, scaling_active, scaling_limited, .. } = row.conditions;
            cells.name(able_to_scale.map(|condition| condition.reason.name()));
            cells.name(scaling_active.map(|condition| condition.reason.name()));
            cells.name(scaling_limited.map(|condition| condition.reason.name()));
        });
        cells.end_row();
        if cells.text.len() > BLOCK { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<(), csv::Error> {
        self.out.write_all(self.cells.text.as_bytes())?;
        self.cells.text.clear();
        Ok(())
    }

    /// All is written.
    pub fn finish(mut self) -> Result<W, csv::Error> {
        self.write_out()?;
        Ok(self.out)
    }
}

/// Cells of rows: numbers and reasons, which need no quotes. Each has a comma after it.
#[derive(Debug, Default)]
struct Cells {
    text: String,
    /// The decimals of the last row, by their bits: most are the same again.
    decimals: Vec<(Option<u64>, String)>,
    /// How many this row has so far.
    decimal: usize,
}

impl Cells {
    /// Cells that follow from `of`, none of them a decimal.
    fn part<K: PartialEq>(&mut self, part: &mut Part<K>, of: K, write: impl FnOnce(&mut Self)) {
        if part.of.as_ref() == Some(&of) {
            return self.text.push_str(&part.text);
        }
        let start = self.text.len();
        write(self);
        part.text.clear();
        part.text.push_str(&self.text[start..]);
        part.of = Some(of);
    }

    fn whole(&mut self, value: impl itoa::Integer) {
        self.text.push_str(itoa::Buffer::new().format(value));
        self.text.push(',');
    }

    fn maybe(&mut self, value: Option<impl itoa::Integer>) {
        match value {
            Some(value) => self.whole(value),
            None => self.text.push(','),
        }
    }

    fn milli(&mut self, value: Option<i64>) {
        value.iter().for_each(|value| push_milli(&mut self.text, *value));
        self.text.push(',');
    }

    /// A row has as many of them as every other, each of as many digits.
    fn decimal(&mut self, value: Option<f64>, digits: usize) {
        if let Some(value) = value {
            if self.decimals.len() <= self.decimal {
                self.decimals.resize(self.decimal + 1, (None, String::new()));
            }
            let (last, text) = &mut self.decimals[self.decimal];
            if last.replace(value.to_bits()) != Some(value.to_bits()) {
                text.clear();
                push_decimal(text, value, digits);
            }
            self.text.push_str(text);
        }
        self.decimal += 1;
        self.text.push(',');
    }

    fn name(&mut self, name: Option<&str>) {
        self.text.push_str(name.unwrap_or_default());
        self.text.push(',');
    }

    fn end_row(&mut self) {
        self.decimal = 0;
        self.text.pop();
        self.text.push('\n');
    }
}

fn timeline_header(hpa: &HpaSpec, columns: &[Column], has_timestamps: bool) -> Vec<String> {
    let mut header = vec!["time_seconds".to_owned()];
    if has_timestamps {
        header.push("timestamp".into());
    }
    header.extend(columns.iter().map(|column| format!("load_{column}")));
    let pods =
        ["replicas", "pods", "ready", "pending", "unschedulable", "terminating", "desired", "proposed", "stabilized"];
    header.extend(pods.map(str::to_owned));
    for source in &hpa.metrics {
        let (label, unit) = (source.label(), unit(source));
        let label = cell(&label);
        header.extend([format!("{label}_{unit}"), format!("{label}_target"), format!("{label}_proposal")]);
    }
    let rest = [
        "cpu_demand_cores",
        "cpu_used_cores",
        "cpu_capacity_cores",
        "memory_used_bytes",
        "backlog_core_seconds",
        "dropped_core_seconds",
        "lost_core_seconds",
        "response_ms",
        "slo_broken_seconds",
        "nodes",
        "cpu_requests_cores",
        "memory_requests_bytes",
        "able_to_scale",
        "scaling_active",
        "scaling_limited",
    ];
    header.extend(rest.map(str::to_owned));
    // Names are data.
    header.iter().map(|name| escaped(name).into_owned()).collect()
}

/// The unit of a metric's columns.
fn unit(source: &MetricSource) -> &'static str {
    match source.target() {
        MetricTargetType::Utilization(_) => "percent",
        MetricTargetType::Value(_) => "value",
        MetricTargetType::AverageValue(_) => "average",
    }
}

/// A row for every change of the replica count.
pub fn events(run: &Run<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "time_seconds",
        "timestamp",
        "from",
        "to",
        "metric",
        "calculation",
        "limited_by",
        "reason",
        "earliest_seconds",
        "latest_seconds",
        "phases",
    ];
    writer.write_record(header)?;
    for (event, found) in phases::recurrences(run) {
        let found = found.map(|(_, found)| found);
        let seconds = |at: Option<SimTime>| at.map_or_else(String::new, |at| at.seconds().to_string());
        let decision = &event.decision;
        let metric = arithmetic::deciding_metric(run.hpa(), decision).map(|(source, _)| source.label());
        writer.write_record([
            event.at.seconds().to_string(),
            run.timestamp(event.at).unwrap_or_default(),
            decision.current.to_string(),
            decision.desired.to_string(),
            metric.as_deref().map(cell).unwrap_or_default(),
            arithmetic::formula(run.hpa(), decision),
            arithmetic::limits(run.hpa(), decision),
            reasons::rescale_reason(run.hpa(), run.setup.world.controller.version, decision),
            seconds(found.map(|found| found.times.low)),
            seconds(found.map(|found| found.times.high)),
            found.map_or_else(String::new, |found| found.runs.to_string()),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
