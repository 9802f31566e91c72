//! What a simulation comes to.

use schemars::JsonSchema;
use serde::Serialize;

use super::Kind;
use crate::report::cluster::FailedRequests;
use crate::report::world::{Totals, directory};
use crate::report::{Run, arithmetic, cluster, kubectl, phases, reasons};
use crate::sim::{RescaleRecord, Rollout, Snapshot};
use crate::study::fleet::Course;
use crate::study::phases::{PhaseRuns, Recurrence};
use crate::units::{Replicas, SimTime, Span};

/// HPAs under load, in one world.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// As long as the shortest of them.
    duration_seconds: i64,
    pods: Pods,
    peak_cpu_request_millicores: i64,
    peak_memory_request_bytes: i64,
    nodes: Option<Nodes>,
    /// In the unit of the nodes' prices.
    node_cost_per_month: Option<f64>,
    targets: Vec<Summary>,
}

impl Kind for Simulation {
    const KIND: &'static str = "Simulation";
}

/// Pods of all targets together.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Pods {
    min: i64,
    mean: f64,
    max: i64,
    max_at_seconds: i64,
}

/// One HPA under load.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    hpa: Hpa,
    kubernetes_version: String,
    /// What was changed before by --set.
    overrides: Vec<String>,
    /// The instant of the start, RFC 3339, if the load has timestamps.
    start: Option<String>,
    duration_seconds: i64,
    syncs: u64,
    phases: Phases,
    /// The HPA after the first sync, as kubectl shows it.
    first: Status,
    /// The same after the last one.
    last: Status,
    replicas: ReplicaFigures,
    pod_hours: f64,
    requests: RequestFigures,
    metrics: Vec<Metric>,
    at_max_replicas_seconds: i64,
    /// Time in which work waited for CPU.
    work_waiting_seconds: i64,
    peak_backlog_core_seconds: f64,
    dropped_core_seconds: f64,
    final_backlog_core_seconds: f64,
    lost_core_seconds: f64,
    /// None where the load is not made of requests.
    requests_failed: Option<RequestsFailed>,
    /// Time in which work was sent to pods that did not take it.
    refused_seconds: i64,
    slo: Option<Slo>,
    pods: PodFigures,
    nodes: Option<Nodes>,
    /// How often the parts of the cluster did not come to an end with each other within a second; zero if all is well.
    unsettled: u64,
    rollouts: Vec<RolloutTimes>,
    calls: Vec<Call>,
    occurrences: Vec<Occurrence>,
    events: Vec<Event>,
    /// Where its files are, below the directory of a simulation of several.
    directory: String,
}

impl Kind for Summary {
    const KIND: &'static str = "Summary";
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Hpa {
    name: String,
    namespace: String,
    /// KIND/NAME of the scale target.
    target: String,
    min_replicas: Replicas,
    max_replicas: Replicas,
}

/// When things fall that know nothing of each other, by the names of the settings that fix it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    sync_offset_seconds: i64,
    metric_offset_seconds: i64,
    housekeeping_offset_seconds: i64,
}

impl Phase {
    pub(crate) fn new(phase: crate::model::Phase) -> Self {
        Self {
            sync_offset_seconds: phase.sync.seconds(),
            metric_offset_seconds: phase.scrape.seconds(),
            housekeeping_offset_seconds: phase.kubelet.seconds(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Phases {
    /// The one that all other figures are of.
    shown: Phase,
    simulated: usize,
    /// How many there are.
    possible: Option<u64>,
    /// What the sample was drawn with.
    seed: Option<u64>,
    /// None where one phase was simulated.
    ranges: Option<Ranges>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Ranges {
    pod_hours: Option<Range>,
    mean_replicas: Option<Range>,
    max_replicas: Option<Range>,
    at_max_replicas_seconds: Option<Range>,
    work_waiting_seconds: Option<Range>,
    lost_core_seconds: Option<Range>,
    dropped_core_seconds: Option<Range>,
    container_restarts: Option<Range>,
    slo_broken_seconds: Option<Range>,
    max_nodes: Option<Range>,
}

#[derive(Serialize, JsonSchema)]
struct Range {
    min: f64,
    max: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Status {
    time_seconds: i64,
    targets: String,
    replicas: Replicas,
}

#[derive(Serialize, JsonSchema)]
struct ReplicaFigures {
    min: Replicas,
    mean: f64,
    p95: Replicas,
    max: Replicas,
}

#[derive(Serialize, JsonSchema)]
struct RequestFigures {
    min: Requests,
    mean: Requests,
    peak: Requests,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Requests {
    cpu_cores: f64,
    memory_bytes: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Metric {
    name: String,
    above_target_seconds: i64,
    unavailable_seconds: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RequestsFailed {
    all: f64,
    cut_off: f64,
    lost: f64,
    dropped: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Slo {
    promise: String,
    broken_seconds: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PodFigures {
    created: u64,
    deleted: u64,
    restarts: u64,
    oom_kills: u64,
    liveness_restarts: u64,
    readiness_failures: u64,
    unschedulable_seconds: i64,
    refused_by_quota_seconds: i64,
}

#[derive(Serialize, JsonSchema)]
struct Nodes {
    mean: f64,
    max: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RolloutTimes {
    began_seconds: i64,
    completed_seconds: Option<i64>,
    progress_deadline_exceeded_seconds: Option<i64>,
}

/// A target that this one calls.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Call {
    namespace: String,
    hpa: String,
    longest_wait_seconds: f64,
    at_seconds: i64,
}

/// What happened besides scaling.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    time_seconds: i64,
    what: String,
}

/// A change of the replica count.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Event {
    time_seconds: i64,
    /// RFC 3339, if the load has timestamps.
    timestamp: Option<String>,
    over_phases: Option<OverPhases>,
    from: Replicas,
    to: Replicas,
    metric: Option<String>,
    calculation: String,
    /// What held the replica count back; empty if nothing did.
    limited_by: String,
    /// As in the SuccessfulRescale event.
    reason: String,
}

/// When the same change comes in other phases.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverPhases {
    earliest_seconds: i64,
    latest_seconds: i64,
    /// So many have it.
    phases: usize,
    of: usize,
}

impl OverPhases {
    pub(crate) fn new(found: &Recurrence, of: usize) -> Self {
        let (earliest_seconds, latest_seconds) = (found.times.low.seconds(), found.times.high.seconds());
        Self { earliest_seconds, latest_seconds, phases: found.runs, of }
    }
}

impl Simulation {
    /// Of runs in one world.
    pub fn new(runs: &[Run<'_>]) -> Self {
        let totals = Totals::of(runs);
        let (min, mean, max) = totals.pods;
        Self {
            duration_seconds: totals.duration.seconds(),
            pods: Pods { min, mean, max, max_at_seconds: totals.peak_at.seconds() },
            peak_cpu_request_millicores: totals.peak_cpu.get(),
            peak_memory_request_bytes: totals.peak_memory.get(),
            nodes: totals.nodes.map(|(mean, max)| Nodes { mean, max }),
            node_cost_per_month: totals.cost_per_month,
            targets: runs.iter().map(Summary::new).collect(),
        }
    }
}

impl Summary {
    /// Of one run.
    pub fn new(run: &Run<'_>) -> Self {
        let s = run.summary;
        let hpa = run.hpa();
        let requests = |replicas: f64| Requests {
            cpu_cores: s.pod_cpu_request.get() as f64 / 1000.0 * replicas,
            memory_bytes: s.pod_memory_request.get() as f64 * replicas,
        };
        let (min, mean, max) = (s.min_replicas(), s.mean_replicas(), s.max_replicas());
        let failed = FailedRequests::of(run).map(|failed| RequestsFailed {
            all: failed.all(),
            cut_off: failed.cut_off,
            lost: failed.lost,
            dropped: failed.dropped,
        });
        let slo = run.target().cluster.slo;
        let slo = slo.map(|slo| Slo { promise: slo.to_string(), broken_seconds: s.slow.seconds() });
        let nodes = s
            .node_seconds
            .map(|seconds| Nodes { mean: seconds as f64 / s.duration.seconds().max(1) as f64, max: s.max_nodes });
        let occurrences = s.occurrences.iter();
        Self {
            hpa: Hpa {
                name: hpa.name.clone(),
                namespace: hpa.namespace.clone(),
                target: hpa.target.to_string(),
                min_replicas: hpa.min_replicas,
                max_replicas: hpa.max_replicas,
            },
            kubernetes_version: run.controller().version.to_string(),
            overrides: run.overrides.to_vec(),
            start: run.timestamp(SimTime::ZERO),
            duration_seconds: s.duration.seconds(),
            syncs: s.syncs,
            phases: Phases::new(run),
            first: status(run, &s.first),
            last: status(run, &s.last),
            replicas: ReplicaFigures { min, mean, p95: s.replicas_quantile(0.95), max },
            pod_hours: s.pod_seconds() as f64 / 3600.0,
            requests: RequestFigures { min: requests(min.into()), mean: requests(mean), peak: requests(max.into()) },
            metrics: metrics(run),
            at_max_replicas_seconds: s.at_max.seconds(),
            work_waiting_seconds: s.waiting.seconds(),
            peak_backlog_core_seconds: s.peak_backlog.core_seconds(),
            dropped_core_seconds: s.work_dropped.core_seconds(),
            final_backlog_core_seconds: s.final_backlog.core_seconds(),
            lost_core_seconds: s.work_lost.core_seconds(),
            requests_failed: failed,
            refused_seconds: s.refusing.seconds(),
            slo,
            pods: PodFigures {
                created: s.pods_created,
                deleted: s.pods_deleted,
                restarts: s.restarts,
                oom_kills: s.oom_kills,
                liveness_restarts: s.liveness_restarts,
                readiness_failures: s.readiness_failures,
                unschedulable_seconds: s.unschedulable.seconds(),
                refused_by_quota_seconds: s.refused.seconds(),
            },
            nodes,
            unsettled: s.unsettled,
            rollouts: s.rollouts.iter().map(rollout).collect(),
            calls: calls(run),
            occurrences: occurrences
                .map(|(at, what)| Occurrence { time_seconds: at.seconds(), what: cluster::occurrence(run, *what) })
                .collect(),
            events: phases::recurrences(run).into_iter().map(|(event, found)| change(run, event, found)).collect(),
            directory: directory(run),
        }
    }
}

fn metrics(run: &Run<'_>) -> Vec<Metric> {
    let known = run.hpa().metrics.iter().zip(&run.summary.metrics);
    let one = |(source, metric): (&crate::model::MetricSource, &crate::sim::MetricSummary)| Metric {
        name: source.label(),
        above_target_seconds: metric.above_target.seconds(),
        unavailable_seconds: metric.unavailable.seconds(),
    };
    known.map(one).collect()
}

fn rollout(rollout: &Rollout) -> RolloutTimes {
    RolloutTimes {
        began_seconds: rollout.began.seconds(),
        completed_seconds: rollout.completed.map(SimTime::seconds),
        progress_deadline_exceeded_seconds: rollout.stalled.map(SimTime::seconds),
    }
}

fn calls(run: &Run<'_>) -> Vec<Call> {
    let call = |callee: &crate::sim::Callee| {
        let other = run.setup.targets[callee.target].hpa;
        Call {
            namespace: other.namespace.clone(),
            hpa: other.name.clone(),
            longest_wait_seconds: callee.longest_seconds,
            at_seconds: callee.at.seconds(),
        }
    };
    run.summary.callees.iter().map(call).collect()
}

fn status(run: &Run<'_>, snapshot: &Snapshot) -> Status {
    Status {
        time_seconds: snapshot.at.seconds(),
        targets: kubectl::targets(run.hpa(), &snapshot.current_metrics),
        replicas: snapshot.replicas,
    }
}

fn change(run: &Run<'_>, event: &RescaleRecord, found: Option<(&PhaseRuns, Recurrence)>) -> Event {
    let (decision, hpa) = (&event.decision, run.hpa_at(event.at));
    Event {
        time_seconds: event.at.seconds(),
        timestamp: run.timestamp(event.at),
        over_phases: found.map(|(runs, found)| OverPhases::new(&found, runs.courses.len())),
        from: decision.current,
        to: decision.desired,
        metric: arithmetic::deciding_metric(hpa, decision).map(|(source, _)| source.label()),
        calculation: arithmetic::formula(hpa, decision),
        limited_by: arithmetic::limits(hpa, decision),
        reason: reasons::rescale_reason(hpa, run.controller().version, decision),
    }
}

impl Phases {
    fn new(run: &Run<'_>) -> Self {
        Self {
            shown: Phase::new(run.target().phase),
            simulated: run.phases.map_or(1, |runs| runs.sample.phases.len()),
            possible: run.phases.map(|runs| runs.sample.of),
            seed: run.phases.map(|runs| runs.sample.seed),
            ranges: phases::several(run).map(Ranges::new),
        }
    }
}

impl Ranges {
    fn new(runs: &PhaseRuns) -> Self {
        let range = |of: &dyn Fn(&Course) -> f64| runs.range(of).map(|found| Range { min: found.low, max: found.high });
        let seconds = |of: &dyn Fn(&Course) -> Span| range(&|course| of(course).seconds() as f64);
        let first = runs.courses.first();
        let slo = first.and_then(|course| course.slow);
        let nodes = first.and_then(|course| course.max_nodes);
        Self {
            pod_hours: range(&|course| course.pod_seconds as f64 / 3600.0),
            mean_replicas: range(&Course::mean_replicas),
            max_replicas: range(&|course| course.max_replicas.into()),
            at_max_replicas_seconds: seconds(&|course| course.at_max),
            work_waiting_seconds: seconds(&|course| course.waiting),
            lost_core_seconds: range(&|course| course.work_lost.core_seconds()),
            dropped_core_seconds: range(&|course| course.work_dropped.core_seconds()),
            container_restarts: range(&|course| course.restarts as f64),
            slo_broken_seconds: slo.and_then(|_| seconds(&|course| course.slow.unwrap_or_default())),
            max_nodes: nodes.and_then(|_| range(&|course| course.max_nodes.unwrap_or(0) as f64)),
        }
    }
}
