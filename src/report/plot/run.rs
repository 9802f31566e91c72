//! `timeline.png`: replicas, each metric with its target and tolerance, load against capacity.

use super::{Area, Axis, GREY, Line, LineStyle, Panel, PlotError, draw_picture, line};
use crate::hpa::MetricStatus;
use crate::model::{Action, Drive, HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::report::{Run, amounts};
use crate::sim::TimelineRow;
use crate::units::{Nanocores, SimTime, Span};

/// What the picture shows.
pub fn panels(run: &Run<'_>) -> Vec<Panel> {
    let mut panels = vec![replicas_panel(run)];
    panels.extend((0..run.hpa().metrics.len()).map(|index| metric_panel(run, index)));
    if run.target().drives.cpu != Drive::None {
        panels.push(cpu_panel(run));
    }
    if run.target().drives.memory != Drive::None {
        panels.push(memory_panel(run));
    }
    if run.target().drives.requests.is_some() {
        panels.push(response_panel(run));
    }
    panels
}

fn response_panel(run: &Run<'_>) -> Panel {
    let slo = run.target().cluster.slo;
    let part = slo.map_or(95.0, |slo| slo.quantile * 100.0);
    // Without requests there is no response time: a gap.
    let millis = |row: &TimelineRow| Some(row.response_micros.map_or(f64::NAN, |micros| micros as f64 / 1e3));
    let mut lines = Vec::new();
    if let Some(slo) = slo {
        lines.push(line(slo.to_string(), 3, LineStyle::Reference, constant(run, slo.within_seconds * 1e3)));
    }
    let times = series(run, millis);
    let highest = times.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let top = slo.map_or(highest, |slo| highest.max(slo.within_seconds * 1e3));
    lines.push(line(format!("p{}", amounts::decimal(part, 3)), 0, LineStyle::Solid, times));
    Panel { title: "Response time (ms)".into(), lines, band: None, areas: broken(run, top).into_iter().collect() }
}

/// When the promise was broken: also between two syncs, and where requests were not answered at all.
fn broken(run: &Run<'_>, top: f64) -> Option<Area> {
    let end = run.summary.duration.seconds();
    // Wide enough to be seen.
    let least = (end / 600).max(1);
    let rows = run.rows.iter().map(|row| (row.now.seconds(), row.resources.slow));
    let (mut points, mut before) = (Vec::new(), (0, Span::ZERO));
    for (at, slow) in rows.chain([(end, run.summary.slow)]) {
        if slow > before.1 {
            points.extend([(before.0.min(at - least).max(0), 0.0, top), (at, 0.0, 0.0)]);
        }
        before = (at, slow);
    }
    let label = run.target().cluster.slo.map(|slo| format!("{slo} broken"))?;
    (!points.is_empty()).then_some(Area { label, color: 3, points })
}

/// Draws the picture; the bytes of a PNG file.
pub fn png(run: &Run<'_>) -> Result<Vec<u8>, PlotError> {
    let hpa = run.hpa();
    let name = run.title.as_ref().map_or_else(String::new, |title| format!("{title}: "));
    let heading = format!("{name}{} ({}), Kubernetes {}", hpa.name, hpa.target, run.controller().version);
    draw_picture(&heading, &panels(run), &Axis::Time(run.summary.duration))
}

/// The values of the rows that have one.
fn series(run: &Run<'_>, of: impl Fn(&TimelineRow) -> Option<f64>) -> Vec<(i64, f64)> {
    run.rows.iter().filter_map(|row| Some((row.now.seconds(), of(row)?))).collect()
}

fn constant(run: &Run<'_>, value: f64) -> Vec<(i64, f64)> {
    vec![(0, value), (run.summary.duration.seconds(), value)]
}

/// A value of the HPA, which events may change: a line of reference, its label with every value.
fn reference(run: &Run<'_>, name: &str, color: usize, of: impl Fn(&HpaSpec) -> f64) -> Line {
    let (mut points, mut told) = (Vec::new(), Vec::new());
    let changes = run
        .setup
        .world
        .events
        .iter()
        .filter(|event| event.target == run.index && matches!(event.action, Action::ChangeHpa(_)));
    for at in std::iter::once(SimTime::ZERO).chain(changes.map(|event| event.at)) {
        let value = of(run.hpa_at(at));
        let last = points.last().map(|&(_, last)| last);
        if last == Some(value) {
            continue;
        }
        points.extend(last.map(|last| (at.seconds(), last)));
        points.push((at.seconds(), value));
        told.push(amounts::decimal(value, 3));
    }
    points.extend(points.last().map(|&(_, last)| (run.summary.duration.seconds(), last)));
    line(format!("{name} {}", told.join(", then ")), color, LineStyle::Reference, points)
}

fn replicas_panel(run: &Run<'_>) -> Panel {
    // Where there are others than those that are wanted: a rolling update, or pods that wait.
    let others = run.rows.iter().any(|row| row.pods.existing != row.replicas);
    let existing =
        others.then(|| line("existing", 2, LineStyle::Solid, series(run, |row| Some(row.pods.existing.into()))));
    let nodes =
        run.rows.iter().any(|row| row.pods.nodes.is_some()).then(|| {
            line("nodes", GREY, LineStyle::Solid, series(run, |row| row.pods.nodes.map(|nodes| nodes as f64)))
        });
    let more = existing.into_iter().chain(nodes);
    Panel {
        title: if run.setup.world.nodes.is_some() { "Pods and nodes".into() } else { "Replicas (pods)".into() },
        lines: more
            .chain([
                reference(run, "maxReplicas", 3, |hpa| hpa.max_replicas.into()),
                reference(run, "minReplicas", GREY, |hpa| hpa.min_replicas.into()),
                line("desired", 1, LineStyle::Wide, series(run, |row| Some(row.desired.into()))),
                line("ready", 0, LineStyle::Solid, series(run, |row| Some(row.pods.ready.into()))),
            ])
            .collect(),
        band: None,
        areas: Vec::new(),
    }
}

fn metric_panel(run: &Run<'_>, index: usize) -> Panel {
    let hpa = run.hpa();
    let source = &hpa.metrics[index];
    let scale = MetricScale::of(source);
    let target = |hpa: &HpaSpec| MetricScale::of(&hpa.metrics[index]).target / scale.divisor;
    let (down, up) = hpa.tolerances(run.controller().tolerance);
    let value = |row: &TimelineRow| {
        let status = row.metrics.get(index).copied().flatten()?;
        Some((scale.value)(&status)? / scale.divisor)
    };
    let changes = run
        .setup
        .world
        .events
        .iter()
        .any(|event| event.target == run.index && matches!(event.action, Action::ChangeHpa(_)));
    let tolerance = format!("tolerance {}", amounts::tolerances(down, up));
    Panel {
        title: format!("{} ({})", source.label(), scale.unit),
        lines: vec![
            reference(run, "target", 3, target),
            line("as the HPA sees it", 0, LineStyle::Solid, series(run, value)),
        ],
        areas: Vec::new(),
        band: (!changes).then(|| (tolerance, target(hpa) * (1.0 - down), target(hpa) * (1.0 + up))),
    }
}

/// How a metric is drawn.
struct MetricScale {
    unit: &'static str,
    divisor: f64,
    target: f64,
    value: fn(&MetricStatus) -> Option<f64>,
}

impl MetricScale {
    fn of(source: &MetricSource) -> Self {
        let average: fn(&MetricStatus) -> Option<f64> = |status| status.average_value.map(|value| value as f64);
        let as_is: fn(&MetricStatus) -> Option<f64> = |status| status.value.map(|value| value as f64);
        match source {
            MetricSource::Resource { name, target } | MetricSource::ContainerResource { name, target, .. } => {
                match (*target, name) {
                    (MetricTarget::Utilization(percent), _) => Self {
                        unit: "% of the request",
                        divisor: 1.0,
                        target: percent.into(),
                        value: |status| status.average_utilization.map(f64::from),
                    },
                    (MetricTarget::AverageValue(target), ResourceName::Memory) => Self {
                        unit: "MiB per pod",
                        divisor: 1000.0 * 1_048_576.0,
                        target: target as f64,
                        value: average,
                    },
                    (MetricTarget::AverageValue(target), _) => {
                        Self { unit: "millicores per pod", divisor: 1.0, target: target as f64, value: average }
                    }
                }
            }
            MetricSource::Pods { average_value, .. } => {
                Self { unit: "average per pod", divisor: 1000.0, target: *average_value as f64, value: average }
            }
            MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match *target {
                ValueTarget::Value(target) => {
                    Self { unit: "value", divisor: 1000.0, target: target as f64, value: as_is }
                }
                ValueTarget::AverageValue(target) => {
                    Self { unit: "value per pod", divisor: 1000.0, target: target as f64, value: average }
                }
            },
        }
    }
}

fn cpu_panel(run: &Run<'_>) -> Panel {
    let request = run.summary.pod_cpu_request.get() as f64 / 1000.0;
    let mut lines: Vec<Line> = Vec::new();
    let capacity = series(run, |row| row.resources.cpu_capacity.map(Nanocores::cores));
    if !capacity.is_empty() {
        lines.push(line("limits of ready pods", GREY, LineStyle::Solid, capacity));
    }
    lines.push(line(
        "requests of ready pods",
        2,
        LineStyle::Solid,
        series(run, |row| Some(f64::from(row.pods.ready) * request)),
    ));
    let demand = series(run, |row| row.resources.cpu_demand.map(Nanocores::cores));
    if !demand.is_empty() {
        lines.push(line("demand", 1, LineStyle::Wide, demand));
    }
    lines.push(line("used", 0, LineStyle::Solid, series(run, |row| Some(row.resources.cpu_used.cores()))));
    Panel { title: "CPU (cores)".into(), lines, band: None, areas: Vec::new() }
}

fn memory_panel(run: &Run<'_>) -> Panel {
    let gib = |bytes: f64| bytes / 1_073_741_824.0;
    let template = &run.workload().template;
    let of_ready = |per_pod: i64| series(run, |row| Some(gib(per_pod as f64 * f64::from(row.pods.ready))));
    let mut lines = Vec::new();
    if let Some(limit) = template.memory_limit() {
        lines.push(line("limits of ready pods", GREY, LineStyle::Solid, of_ready(limit.get())));
    }
    lines.push(line("requests of ready pods", 2, LineStyle::Solid, of_ready(template.memory_request().get())));
    lines.push(line("used", 0, LineStyle::Solid, series(run, |row| Some(gib(row.resources.memory_used.get() as f64)))));
    Panel { title: "Memory (GiB)".into(), lines, band: None, areas: Vec::new() }
}
