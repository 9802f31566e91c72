//! `timeline.csv` and `events.csv`.

use super::amounts::{decimal, milli};
use super::{Run, arithmetic, phases, reasons};
use crate::hpa::MetricStatus;
use crate::model::{MetricSource, MetricTarget, ValueTarget};
use crate::sim::TimelineRow;
use crate::units::SimTime;

/// A name in a cell. Spreadsheets would take one that begins like a formula for one.
pub(super) fn cell(name: &str) -> String {
    let acts = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if acts { format!("'{name}") } else { name.to_owned() }
}

/// A row for every sync.
pub fn timeline(run: &Run<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(timeline_header(run))?;
    for row in run.rows {
        writer.write_record(timeline_row(run, row))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn timeline_header(run: &Run<'_>) -> Vec<String> {
    let mut header = vec!["time_seconds".to_owned()];
    if run.epoch_seconds.is_some() {
        header.push("timestamp".into());
    }
    header.extend(run.columns.iter().map(|column| format!("load_{column}")));
    let pods =
        ["replicas", "pods", "ready", "pending", "unschedulable", "terminating", "desired", "proposed", "stabilized"];
    header.extend(pods.map(str::to_owned));
    for source in &run.hpa().metrics {
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
    header
}

fn timeline_row(run: &Run<'_>, row: &TimelineRow) -> Vec<String> {
    let number = |value: Option<i32>| value.map_or_else(String::new, |value| value.to_string());
    let cores = |nanocores: i64| decimal(nanocores as f64 / 1e9, 6);
    let mut record = vec![row.now.seconds().to_string()];
    record.extend(run.timestamp(row.now));
    record.extend(row.load.iter().map(|value| decimal(*value, 6)));
    let pods = row.pods;
    record.extend(
        [row.replicas, pods.existing, pods.ready, pods.pending, pods.unschedulable, pods.terminating, row.desired]
            .map(|count| count.to_string()),
    );
    record.extend([number(row.proposed), number(row.stabilized)]);
    for (index, source) in run.hpa_at(row.now).metrics.iter().enumerate() {
        let current = row.metrics.get(index).copied().flatten().and_then(|status| current(source, &status));
        record.push(current.unwrap_or_default());
        record.push(target(source));
        record.push(number(row.proposals.get(index).copied().flatten()));
    }
    let requests = |per_pod: i64| per_pod.saturating_mul(row.pods.existing.into());
    record.extend([
        row.resources.cpu_demand.map_or_else(String::new, cores),
        cores(row.resources.cpu_used),
        row.resources.cpu_capacity.map_or_else(String::new, cores),
        row.resources.memory_used.to_string(),
        decimal(row.resources.backlog as f64 / 1e9, 6),
        decimal(row.resources.work_dropped as f64 / 1e9, 6),
        decimal(row.resources.work_lost as f64 / 1e9, 6),
        row.response_micros.map_or_else(String::new, |micros| decimal(micros as f64 / 1e3, 3)),
        run.target().cluster.slo.map_or_else(String::new, |_| row.resources.slow.seconds().to_string()),
        row.pods.nodes.map_or_else(String::new, |nodes| nodes.to_string()),
        milli(requests(run.summary.pod_cpu_request.get())),
        requests(run.summary.pod_memory_request.get()).to_string(),
    ]);
    let conditions = reasons::conditions(&row.conditions);
    for kind in ["AbleToScale", "ScalingActive", "ScalingLimited"] {
        let reason = conditions.iter().find(|(name, ..)| *name == kind).map_or("", |(.., reason)| reason);
        record.push(reason.to_owned());
    }
    record
}

/// The unit of a metric's columns.
fn unit(source: &MetricSource) -> &'static str {
    match source {
        MetricSource::Resource { target: MetricTarget::Utilization(_), .. }
        | MetricSource::ContainerResource { target: MetricTarget::Utilization(_), .. } => "percent",
        MetricSource::Object { target: ValueTarget::Value(_), .. }
        | MetricSource::External { target: ValueTarget::Value(_), .. } => "value",
        _ => "average",
    }
}

/// What a metric is, in the unit of its target.
fn current(source: &MetricSource, status: &MetricStatus) -> Option<String> {
    match unit(source) {
        "percent" => status.average_utilization.map(|percent| percent.to_string()),
        "value" => status.value.map(milli),
        _ => status.average_value.map(milli),
    }
}

fn target(source: &MetricSource) -> String {
    match source {
        MetricSource::Resource { target, .. } | MetricSource::ContainerResource { target, .. } => match *target {
            MetricTarget::Utilization(percent) => percent.to_string(),
            MetricTarget::AverageValue(value) => milli(value),
        },
        MetricSource::Pods { average_value, .. } => milli(*average_value),
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match *target {
            ValueTarget::Value(value) | ValueTarget::AverageValue(value) => milli(value),
        },
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
