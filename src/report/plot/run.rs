//! `timeline.png`: replicas, each metric with its target and tolerance, load against capacity.

use super::curve::{Curve, Stretches};
use super::{Area, Axis, GREY, Ink, Line, LineStyle, Panel, PlotError, draw_picture, line};
use crate::hpa::MetricStatus;
use crate::model::{Action, Drive, HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::report::document::{Chart, Mark};
use crate::report::{Run, amounts, arithmetic, cluster, explain};
use crate::sim::{RescaleRecord, TimelineRow};
use crate::units::{Nanocores, SimTime, Span, Work};

/// What is drawn of a simulation, taken sync by sync: little, however long it lasts.
#[derive(Clone, Debug)]
pub struct Curves {
    desired: Curve,
    existing: Curve,
    ready: Curve,
    nodes: Curve,
    cpu_capacity: Curve,
    cpu_demand: Curve,
    cpu_used: Curve,
    memory_used: Curve,
    response_micros: Curve,
    /// Each metric, in the unit of its status.
    metrics: Vec<(MetricScale, Curve)>,
    /// Whether there were ever other pods than those that are wanted: a rolling update, or pods that wait.
    others: bool,
    broken: Stretches,
    /// When work was lost or dropped, and how much had been until the last sync.
    lost: (Stretches, Work),
    /// The last sync, and how long the promise had been broken until then.
    last: (SimTime, Span),
}

impl Curves {
    /// Of an HPA, before its first sync.
    pub fn new(hpa: &HpaSpec) -> Self {
        Self {
            desired: Curve::default(),
            existing: Curve::default(),
            ready: Curve::default(),
            nodes: Curve::default(),
            cpu_capacity: Curve::default(),
            cpu_demand: Curve::default(),
            cpu_used: Curve::default(),
            memory_used: Curve::default(),
            response_micros: Curve::default(),
            metrics: hpa.metrics.iter().map(|source| (MetricScale::of(source), Curve::default())).collect(),
            others: false,
            broken: Stretches::default(),
            lost: (Stretches::default(), Work::default()),
            last: (SimTime::ZERO, Span::ZERO),
        }
    }

    /// All rows of a simulation.
    pub fn of(hpa: &HpaSpec, rows: &[TimelineRow]) -> Self {
        let mut curves = Self::new(hpa);
        rows.iter().for_each(|row| curves.push(row));
        curves
    }

    /// The next sync.
    pub fn push(&mut self, row: &TimelineRow) {
        let (at, pods, resources) = (row.now.seconds(), &row.pods, &row.resources);
        self.desired.push(at, Some(row.desired.into()));
        self.existing.push(at, Some(pods.existing.into()));
        self.ready.push(at, Some(pods.ready.into()));
        self.nodes.push(at, pods.nodes.map(|nodes| nodes as f64));
        self.cpu_capacity.push(at, resources.cpu_capacity.map(Nanocores::cores));
        self.cpu_demand.push(at, resources.cpu_demand.map(Nanocores::cores));
        self.cpu_used.push(at, Some(resources.cpu_used.cores()));
        self.memory_used.push(at, Some(resources.memory_used.get() as f64));
        // Without requests there is no response time: a gap.
        self.response_micros.push(at, Some(row.response_micros.map_or(f64::NAN, |micros| micros as f64)));
        for ((scale, curve), status) in self.metrics.iter_mut().zip(&row.metrics) {
            curve.push(at, status.as_ref().and_then(scale.value));
        }
        self.others |= pods.existing != row.replicas;
        let lost = resources.work_lost + resources.work_dropped;
        if lost != self.lost.1 {
            self.lost.0.push(self.last.0.seconds(), at);
            self.lost.1 = lost;
        }
        self.is_slow_until(row.now, resources.slow);
    }

    /// For how long the promise has been broken so far.
    fn is_slow_until(&mut self, now: SimTime, slow: Span) {
        if slow > self.last.1 {
            self.broken.push(self.last.0.seconds(), now.seconds());
        }
        self.last = (now, slow);
    }
}

/// The same for forms that draw themselves, with what happens: decisions, and other events.
pub fn chart(run: &Run<'_>, curves: &Curves) -> Chart {
    let decisions = run.summary.rescales.iter().map(|event| {
        let decision = &event.decision;
        let limits = arithmetic::limits(run.hpa_at(event.at), decision);
        let limits = if limits.is_empty() { limits } else { format!("; limited by {limits}") };
        Mark {
            at: event.at,
            label: format!("{} -> {} replicas", decision.current, decision.desired),
            detail: arithmetic::formula(run.hpa_at(event.at), decision) + &limits,
            derivation: derivation(run, event),
            scales: true,
        }
    });
    let others =
        events(run).map(|(at, label)| Mark { at, label, detail: String::new(), derivation: Vec::new(), scales: false });
    let mut marks: Vec<Mark> = decisions.chain(others).collect();
    marks.sort_by_key(|mark| mark.at);
    Chart { panels: panels(run, curves), axis: axis(run), marks }
}

fn axis(run: &Run<'_>) -> Axis {
    Axis::Time(run.summary.duration, run.clock)
}

/// How a decision came about, where what the controller remembered was kept.
fn derivation(run: &Run<'_>, event: &RescaleRecord) -> Vec<(usize, String)> {
    let sync = run.sync(event.at, &event.decision);
    if sync.history.is_some() { explain::outline(&sync).1 } else { Vec::new() }
}

/// What happens besides scaling.
fn events<'a>(run: &'a Run<'_>) -> impl Iterator<Item = (SimTime, String)> + 'a {
    run.summary.occurrences.iter().map(|(at, what)| (*at, cluster::occurrence(run, *what)))
}

/// What the picture shows.
fn panels(run: &Run<'_>, curves: &Curves) -> Vec<Panel> {
    let mut panels = vec![replicas_panel(run, curves)];
    panels.extend((0..run.hpa().metrics.len()).map(|index| metric_panel(run, curves, index)));
    if run.target().drives.cpu != Drive::None {
        panels.push(cpu_panel(run, curves));
    }
    if run.target().drives.memory != Drive::None {
        panels.push(memory_panel(run, curves));
    }
    if run.target().drives.requests.is_some() {
        panels.push(response_panel(run, curves));
    }
    panels.extend(cost_panel(run, curves));
    panels
}

/// What the nodes cost at each moment, where that is known.
fn cost_panel(run: &Run<'_>, curves: &Curves) -> Option<Panel> {
    let price = run.setup.world.nodes.as_ref()?.price_per_month()?;
    let node_seconds = run.summary.node_seconds?;
    let mean = price * node_seconds as f64 / run.summary.duration.seconds().max(1) as f64;
    Some(super::cost(price, as_it_is(&curves.nodes), Some((mean, run.summary.duration.seconds()))))
}

fn response_panel(run: &Run<'_>, curves: &Curves) -> Panel {
    let slo = run.target().cluster.slo;
    let part = slo.map_or(95.0, |slo| slo.quantile * 100.0);
    let mut lines = Vec::new();
    if let Some(slo) = slo {
        lines.push(line(slo.to_string(), 3, LineStyle::Reference, constant(run, slo.within_seconds * 1e3)));
    }
    let times = points(&curves.response_micros, |micros| micros / 1e3);
    let highest = times.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    // What is far above the promise would flatten what is near it.
    let promised = slo.map(|slo| slo.within_seconds * 1e3);
    let top = promised.map_or(highest, |promised| highest.clamp(promised, MOST_PROMISES * promised));
    let line = line(format!("p{}", amounts::decimal(part, 3)), 0, LineStyle::Solid, times);
    lines.push(Line { may_be_cut: highest > top, ..line });
    let areas = broken(run, curves, top).into_iter().collect();
    Panel { title: "Response time (ms)".into(), lines, band: None, areas }.naming_what_is_cut()
}

/// So many times the promise is drawn of response times.
const MOST_PROMISES: f64 = 4.0;

/// When the promise was broken: also between two syncs, and where requests were not answered at all.
fn broken(run: &Run<'_>, curves: &Curves, top: f64) -> Option<Area> {
    let end = run.summary.duration;
    let mut curves = curves.clone();
    curves.is_slow_until(SimTime::ZERO + end, run.summary.slow);
    // Wide enough to be seen.
    let stretches = curves.broken.at_least((end.seconds() / 600).max(1));
    let points: Vec<_> = stretches.into_iter().flat_map(|(from, to)| [(from, 0.0, top), (to, 0.0, 0.0)]).collect();
    let label = run.target().cluster.slo.map(|slo| format!("{slo} broken"))?;
    (!points.is_empty()).then_some(Area { label, color: 3, points })
}

/// Draws the picture; the bytes of the file.
pub fn picture(run: &Run<'_>, curves: &Curves, ink: Ink) -> Result<Vec<u8>, PlotError> {
    let hpa = run.hpa();
    let name = run.title.as_ref().map_or_else(String::new, |title| format!("{title}: "));
    let zone = run.clock.map_or_else(String::new, |clock| format!(", times in {}", clock.zone()));
    let heading = format!("{name}{} ({}), Kubernetes {}{zone}", hpa.name, hpa.target, run.controller().version);
    let marks: Vec<(i64, String)> = events(run).map(|(at, what)| (at.seconds(), what)).collect();
    draw_picture(&heading, &panels(run, curves), &axis(run), &marks, ink)
}

/// A line through a curve in another unit.
fn points(curve: &Curve, unit: impl Fn(f64) -> f64) -> Vec<(i64, f64)> {
    curve.points().iter().map(|&(at, value)| (at, unit(value))).collect()
}

fn as_it_is(curve: &Curve) -> Vec<(i64, f64)> {
    curve.points().to_vec()
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

fn replicas_panel(run: &Run<'_>, curves: &Curves) -> Panel {
    let existing = curves.others.then(|| line("existing", 2, LineStyle::Dashed, as_it_is(&curves.existing)));
    let has_nodes = !curves.nodes.is_empty();
    let nodes = has_nodes.then(|| line("nodes", GREY, LineStyle::Dotted, as_it_is(&curves.nodes)));
    let more = existing.into_iter().chain(nodes);
    Panel {
        title: if run.setup.world.nodes.is_some() { "Pods and nodes".into() } else { "Replicas (pods)".into() },
        lines: more
            .chain([
                reference(run, "maxReplicas", 3, |hpa| hpa.max_replicas.into()),
                reference(run, "minReplicas", GREY, |hpa| hpa.min_replicas.into()),
                line("desired", 1, LineStyle::Wide, as_it_is(&curves.desired)),
                line("ready", 0, LineStyle::Solid, as_it_is(&curves.ready)),
            ])
            .collect(),
        band: None,
        areas: Vec::new(),
    }
}

fn metric_panel(run: &Run<'_>, curves: &Curves, index: usize) -> Panel {
    let hpa = run.hpa();
    let source = &hpa.metrics[index];
    let (scale, curve) = &curves.metrics[index];
    let target = |hpa: &HpaSpec| MetricScale::of(&hpa.metrics[index]).target / scale.divisor;
    let (down, up) = hpa.tolerances(run.controller().tolerance);
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
            line("as the HPA sees it", 0, LineStyle::Solid, points(curve, |value| value / scale.divisor)),
        ],
        areas: Vec::new(),
        band: (!changes).then(|| (tolerance, target(hpa) * (1.0 - down), target(hpa) * (1.0 + up))),
    }
}

/// How a metric is drawn.
#[derive(Clone, Debug)]
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

/// What all ready pods may use, which is often far above what they do.
fn limits(points: Vec<(i64, f64)>) -> Line {
    Line { may_be_cut: true, ..line("limits of ready pods", GREY, LineStyle::Dotted, points) }
}

fn cpu_panel(run: &Run<'_>, curves: &Curves) -> Panel {
    let request = run.summary.pod_cpu_request.get() as f64 / 1000.0;
    let mut lines: Vec<Line> = Vec::new();
    if !curves.cpu_capacity.is_empty() {
        lines.push(limits(as_it_is(&curves.cpu_capacity)));
    }
    let requests = points(&curves.ready, |ready| ready * request);
    lines.push(line("requests of ready pods", 2, LineStyle::Dashed, requests));
    if !curves.cpu_demand.is_empty() {
        lines.push(line("demand", 1, LineStyle::Wide, as_it_is(&curves.cpu_demand)));
    }
    lines.push(line("used", 0, LineStyle::Solid, as_it_is(&curves.cpu_used)));
    let mut panel = Panel { title: "CPU (cores)".into(), lines, band: None, areas: Vec::new() }.naming_what_is_cut();
    // As high as what matters, so that it does not change the axis.
    let near = panel.lines.iter().filter(|line| !line.may_be_cut);
    let top = near.flat_map(|line| &line.points).map(|(_, value)| *value).fold(0.0, f64::max);
    let stretches = curves.lost.0.at_least((run.summary.duration.seconds() / 600).max(1));
    let points: Vec<_> = stretches.into_iter().flat_map(|(from, to)| [(from, 0.0, top), (to, 0.0, 0.0)]).collect();
    if !points.is_empty() {
        panel.areas.push(Area { label: "work lost".to_owned(), color: 3, points });
    }
    panel
}

fn memory_panel(run: &Run<'_>, curves: &Curves) -> Panel {
    let gib = |bytes: f64| bytes / 1_073_741_824.0;
    let template = &run.workload().template;
    let of_ready = |per_pod: i64| points(&curves.ready, |ready| gib(per_pod as f64 * ready));
    let mut lines = Vec::new();
    if let Some(limit) = template.memory_limit() {
        lines.push(limits(of_ready(limit.get())));
    }
    lines.push(line("requests of ready pods", 2, LineStyle::Dashed, of_ready(template.memory_request().get())));
    lines.push(line("used", 0, LineStyle::Solid, points(&curves.memory_used, gib)));
    Panel { title: "Memory (GiB)".into(), lines, band: None, areas: Vec::new() }.naming_what_is_cut()
}
