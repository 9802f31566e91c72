//! What is known of a simulation at its end, added up on the way.

pub mod check;
mod exported;
mod timeline;

pub use exported::{Exported, ExportedPod, ExportedState, PodSample};
pub use timeline::TimelineRow;

use std::collections::BTreeMap;

use super::target::Passed;
use super::{PRICE_UNIT, PodNumbers, ReadyNodes, Rollout};
use crate::hpa::{Decision, MetricStatus, Verdict};
use crate::model::{HpaSpec, MetricSource, MetricTargetType, Workload};
use crate::units::{Bytes, Millicores, Nanocores, Replicas, SimTime, Span, Work};

/// A change of the replica count.
#[derive(Clone, Debug)]
pub struct RescaleRecord {
    /// When.
    pub at: SimTime,
    /// The decision, whole.
    pub decision: Decision,
}

/// The HPA as `kubectl get hpa` shows it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub at: SimTime,
    /// `status.currentMetrics`.
    pub current_metrics: Vec<Option<MetricStatus>>,
    /// `status.currentReplicas`.
    pub replicas: Replicas,
}

/// One metric over the whole simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricSummary {
    /// Time in which the HPA saw the metric above its target.
    pub above_target: Span,
    /// Time in which the HPA could not read it.
    pub unavailable: Span,
}

/// Something that happened besides scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// An event of the scenario, by its index.
    Action(usize),
    /// So many pods were killed for their memory.
    OomKilled(Replicas),
    /// So many pods did not answer their liveness probes in time and were restarted, over a time.
    NotLive(Replicas, Span),
    /// So many did not answer their readiness probes in time.
    Unready(Replicas, Span),
    /// There was no node for so many pods.
    Unschedulable(Replicas),
    /// So many pods had to give way to more important ones.
    Preempted(Replicas),
    /// The cluster autoscaler removed a node.
    NodeRemoved,
}

/// A target that another calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Callee {
    /// Its index among the targets.
    pub target: usize,
    /// The longest mean time that all calls of one request took, seconds.
    pub longest_seconds: f64,
    /// When that was.
    pub at: SimTime,
}

/// What is told again within this time is the same event.
const TOLD_AGAIN: Span = Span::from_seconds(600);
/// More occurrences than this are counted, not kept.
const MOST_OCCURRENCES: usize = 1000;

/// What passes in a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim) struct Passing {
    pub pods: Replicas,
    pub passed: Passed,
    pub unschedulable: bool,
    pub refused: bool,
    pub nodes: Option<ReadyNodes>,
}

/// What others have added up on the way.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Ending {
    /// Work, nanocore-seconds: that waits, was dropped, was lost.
    pub waiting: i128,
    pub dropped: i128,
    pub lost: i128,
    pub requests_cut_off: f64,
    /// Pods.
    pub created: u64,
    pub deleted: u64,
    pub restarts: u64,
    pub rollouts: Vec<Rollout>,
    /// `status.currentMetrics` after the last sync.
    pub current_metrics: Vec<Option<MetricStatus>>,
    pub looks: u64,
    pub exported: Option<Exported>,
}

/// A simulation in numbers.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How long it lasted.
    pub duration: Span,
    /// How many syncs there were.
    pub syncs: u64,
    /// The HPA after the first sync and after the last.
    pub first: Snapshot,
    /// See `first`.
    pub last: Snapshot,
    /// Every change of the replica count.
    pub rescales: Vec<RescaleRecord>,
    /// Time spent at each replica count.
    pub time_at: BTreeMap<Replicas, Span>,
    /// Each metric of the HPA.
    pub metrics: Vec<MetricSummary>,
    /// Time at maxReplicas.
    pub at_max: Span,
    /// Time in which work waited for CPU.
    pub waiting: Span,
    /// The most work that ever waited.
    pub peak_backlog: Work,
    /// The most CPU that all pods used on average between two syncs.
    pub peak_cpu_used: Nanocores,
    /// The most memory that all pods used at a sync.
    pub peak_memory_used: Bytes,
    /// The work that still waits at the end.
    pub final_backlog: Work,
    /// Work that was dropped because it had waited too long.
    pub work_dropped: Work,
    /// Work that was lost with pods, or sent to pods that did not take it.
    pub work_lost: Work,
    /// Requests that were under way at pods that died, if the load is made of requests.
    pub requests_cut_off: f64,
    /// Time in which work was sent to pods that did not take it.
    pub refusing: Span,
    /// Time in which more requests were slow than was promised.
    pub slow: Span,
    /// Time in which there was no node for a pod.
    pub unschedulable: Span,
    /// Time in which pods were missing since a quota or a LimitRange let no more be made.
    pub refused: Span,
    /// How often pods, controllers and scheduler had not come to rest within a second, so that the rest of what they would do
    /// is a second late: 0 unless there is a fault in the simulator.
    pub unsettled: u64,
    /// Nodes added over time, node-seconds; none if nodes are not simulated.
    pub node_seconds: Option<i128>,
    /// What they cost: the price of a month, in parts of [`super::PRICE_UNIT`], times seconds; none if a shape has no price.
    pub node_price_seconds: Option<i128>,
    /// The most nodes that were ready.
    pub max_nodes: i64,
    /// Pods that were created, deleted, and restarts of pods, from the lead-in on.
    pub pods_created: u64,
    /// See `pods_created`.
    pub pods_deleted: u64,
    /// See `pods_created`.
    pub restarts: u64,
    /// Rollouts, in the order of time.
    pub rollouts: Vec<Rollout>,
    /// What happened besides scaling, with its time; the first ones if there are many.
    pub occurrences: Vec<(SimTime, Occurrence)>,
    /// How often pods were killed for their memory.
    pub oom_kills: u64,
    /// How often pods that were short of CPU were restarted by their liveness probes.
    pub liveness_restarts: u64,
    /// How often they were unready by their readiness probes.
    pub readiness_failures: u64,
    /// Every change of the numbers of pods, if they were to be kept.
    pub pod_numbers: Vec<(SimTime, PodNumbers)>,
    /// The targets that it calls, and how long it waited for them at most.
    pub callees: Vec<Callee>,
    /// How often a group of pods was looked at: what the simulation takes, not what came of it. It may be another when
    /// somebody listens.
    pub looks: u64,
    /// What one pod requests.
    pub pod_cpu_request: Millicores,
    /// See `pod_cpu_request`.
    pub pod_memory_request: Bytes,
    /// What exporters would have said, if they were to be read.
    pub exported: Option<Exported>,
}

impl Summary {
    /// The lowest replica count.
    pub fn min_replicas(&self) -> Replicas {
        self.time_at.keys().next().copied().unwrap_or_default()
    }

    /// The highest replica count.
    pub fn max_replicas(&self) -> Replicas {
        self.time_at.keys().next_back().copied().unwrap_or_default()
    }

    /// Seconds that pods existed, added over all pods.
    pub fn pod_seconds(&self) -> i128 {
        self.time_at.iter().map(|(&replicas, span)| i128::from(replicas) * i128::from(span.seconds())).sum()
    }

    /// What nodes cost a month on average, in the unit of their prices, if all shapes have one.
    pub fn node_price(&self) -> Option<f64> {
        let seconds = self.duration.seconds().max(1) as f64;
        self.node_price_seconds.map(|price| price as f64 / PRICE_UNIT / seconds)
    }

    /// The mean replica count over time.
    pub fn mean_replicas(&self) -> f64 {
        self.pod_seconds() as f64 / self.duration.seconds().max(1) as f64
    }

    /// The smallest replica count that was not exceeded for the given share of the time (0 to 1):
    /// the inverse of the distribution function, no interpolation.
    pub fn replicas_quantile(&self, share: f64) -> Replicas {
        let needed = share * self.duration.seconds() as f64;
        let mut passed = 0;
        for (&replicas, span) in &self.time_at {
            passed += span.seconds();
            if passed as f64 >= needed {
                return replicas;
            }
        }
        self.max_replicas()
    }
}

/// The running totals.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Accounts {
    /// What is known so far; the rest comes with the end.
    summary: Summary,
    /// The replica count of the last stretch and its time, not yet in `time_at`.
    current: (Replicas, Span),
    keep_pod_numbers: bool,
    /// The time that all syncs so far count for, seconds.
    synced: i64,
    /// How each metric was at the last sync, and how much of that time is in the summary.
    readings: Vec<(Reading, i64)>,
}

/// What a sync made of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    AboveTarget,
    Unavailable,
    /// Not above its target, or not looked at.
    Neither,
}

impl Accounts {
    pub fn new(metrics: usize, keep_pod_numbers: bool) -> Self {
        let summary = Summary { metrics: vec![MetricSummary::default(); metrics], ..Summary::default() };
        Self { summary, current: (0, Span::ZERO), keep_pod_numbers, synced: 0, readings: Vec::new() }
    }

    /// Something happened.
    pub fn happened(&mut self, now: SimTime, what: Occurrence) {
        match what {
            Occurrence::OomKilled(pods) => self.summary.oom_kills += u64::from(pods.unsigned_abs()),
            Occurrence::NotLive(pods, _) => self.summary.liveness_restarts += u64::from(pods.unsigned_abs()),
            Occurrence::Unready(pods, _) => self.summary.readiness_failures += u64::from(pods.unsigned_abs()),
            _ => {}
        }
        if self.happens_again(now, what) {
            return;
        }
        let room = self.summary.occurrences.len() < MOST_OCCURRENCES;
        let last = self.summary.occurrences.last_mut().filter(|(at, _)| *at == now);
        match (last.map(|(_, last)| last), what) {
            (Some(Occurrence::OomKilled(all)), Occurrence::OomKilled(pods))
            | (Some(Occurrence::Preempted(all)), Occurrence::Preempted(pods))
            | (Some(Occurrence::Unschedulable(all)), Occurrence::Unschedulable(pods)) => *all += pods,
            _ if room => self.summary.occurrences.push((now, what)),
            _ => {}
        }
    }

    /// What the kubelet tells again and again is one event, as long as it does so within ten minutes (`maxIntervalInSeconds` in
    /// client-go's `tools/events` and `tools/record`).
    fn happens_again(&mut self, now: SimTime, what: Occurrence) -> bool {
        use Occurrence::{NotLive, Unready};
        let mut all = self.summary.occurrences.iter_mut().rev();
        let is_same =
            |one: &&mut (SimTime, Occurrence)| std::mem::discriminant(&one.1) == std::mem::discriminant(&what);
        let (NotLive(more, _) | Unready(more, _)) = what else { return false };
        match all.find(is_same) {
            Some((at, NotLive(pods, over) | Unready(pods, over))) if now - (*at + *over) <= TOLD_AGAIN => {
                (*pods, *over) = (*pods + more, now - *at);
                true
            }
            _ => false,
        }
    }

    /// The numbers of pods now, if they are to be kept.
    pub fn note_pods(&mut self, now: SimTime, numbers: PodNumbers) {
        if !self.keep_pod_numbers {
            return;
        }
        if self.summary.pod_numbers.last().is_none_or(|(_, last)| *last != numbers) {
            self.summary.pod_numbers.push((now, numbers));
        }
    }

    /// A stretch of time without a change.
    pub fn time_passes(&mut self, seconds: i64, max_replicas: Replicas, passing: &Passing) {
        let span = Span::from_seconds(seconds);
        if self.current.0 != passing.pods {
            self.flush();
            self.current.0 = passing.pods;
        }
        self.current.1 = self.current.1 + span;
        if passing.pods >= max_replicas {
            self.summary.at_max = self.summary.at_max + span;
        }
        let (passed, summary) = (passing.passed, &mut self.summary);
        summary.waiting = summary.waiting + Span::from_seconds(passed.waiting_seconds);
        summary.slow = summary.slow + Span::from_seconds(passed.slow_seconds);
        summary.refusing = summary.refusing + Span::from_seconds(passed.refusing_seconds);
        if passing.unschedulable {
            summary.unschedulable = summary.unschedulable + span;
        }
        if passing.refused {
            summary.refused = summary.refused + span;
        }
        if let Some(nodes) = passing.nodes {
            let with = |sum: Option<i128>, each: i64| sum.unwrap_or(0) + i128::from(each) * i128::from(seconds);
            summary.node_seconds = Some(with(summary.node_seconds, nodes.count));
            // Prices are of shapes, which do not change.
            summary.node_price_seconds = nodes.price.map(|price| with(summary.node_price_seconds, price));
            summary.max_nodes = summary.max_nodes.max(nodes.count);
        }
    }

    fn flush(&mut self) {
        let (replicas, span) = self.current;
        if span > Span::ZERO {
            let total = self.summary.time_at.entry(replicas).or_default();
            *total = *total + span;
        }
        self.current.1 = Span::ZERO;
    }

    /// Pods, controllers and scheduler have not come to rest.
    pub fn gave_up(&mut self) {
        self.summary.unsettled += 1;
    }

    /// Time so far in which the promise was broken.
    pub fn slow(&self) -> Span {
        self.summary.slow
    }

    /// How much work waits now.
    pub fn backlog(&mut self, waiting: i128) {
        self.summary.peak_backlog = self.summary.peak_backlog.max(Work::new(waiting));
    }

    /// A sync; what it saw counts for one sync period.
    #[inline]
    pub fn sync(
        &mut self,
        period: Span,
        hpa: &HpaSpec,
        now: SimTime,
        decision: &Decision,
        current: &[Option<MetricStatus>],
    ) {
        // Where the controller gives up before it, no metric is read.
        let gives_up = matches!(decision.verdict, Verdict::Failed | Verdict::NoScale);
        let otherwise = if gives_up { Reading::Unavailable } else { Reading::Neither };
        if self.readings.len() != hpa.metrics.len() {
            (0..self.readings.len()).for_each(|metric| self.read(metric, otherwise));
            self.readings.resize(hpa.metrics.len(), (otherwise, self.synced));
        }
        for (metric, source) in hpa.metrics.iter().enumerate() {
            let reading = match decision.metrics.get(metric).map(|outcome| &outcome.result) {
                Some(Ok(proposal)) if is_above_target(source, &proposal.status) => Reading::AboveTarget,
                Some(Ok(_)) => Reading::Neither,
                Some(Err(_)) => Reading::Unavailable,
                None => otherwise,
            };
            if self.readings[metric].0 != reading {
                self.read(metric, reading);
            }
        }
        let summary = &mut self.summary;
        let is_first = summary.syncs == 0;
        summary.last.replicas = decision.current;
        if decision.rescaled {
            summary.rescales.push(RescaleRecord { at: now, decision: decision.clone() });
        }
        self.sync_again(period, (now, 1));
        if is_first {
            self.summary.first = Snapshot { current_metrics: current.to_vec(), ..self.summary.last };
        }
    }

    /// So many more syncs, up to this one, that saw and did what the last one did.
    pub fn sync_again(&mut self, period: Span, (now, count): (SimTime, i64)) {
        self.summary.syncs += count.unsigned_abs();
        self.summary.last.at = now;
        self.synced += period.seconds() * count;
    }

    /// So much CPU was used between two syncs, all in all, and so much memory.
    pub fn uses(&mut self, (cpu, memory): (Nanocores, Bytes)) {
        let summary = &mut self.summary;
        summary.peak_cpu_used = summary.peak_cpu_used.max(cpu);
        summary.peak_memory_used = summary.peak_memory_used.max(memory);
    }

    /// From the next sync on a metric is otherwise: how it was until then is added up.
    fn read(&mut self, metric: usize, next: Reading) {
        let (reading, added) = std::mem::replace(&mut self.readings[metric], (next, self.synced));
        let span = Span::from_seconds(self.synced - added);
        let Some(total) = self.summary.metrics.get_mut(metric) else { return };
        match reading {
            Reading::AboveTarget => total.above_target = total.above_target + span,
            Reading::Unavailable => total.unavailable = total.unavailable + span,
            Reading::Neither => {}
        }
    }

    pub fn finish(mut self, workload: &Workload, end: SimTime, ending: Ending) -> Summary {
        self.flush();
        (0..self.readings.len()).for_each(|metric| self.read(metric, Reading::Neither));
        let template = &workload.template;
        if self.summary.syncs > 0 {
            self.summary.last.current_metrics = ending.current_metrics;
        }
        Summary {
            duration: end.since_start(),
            final_backlog: Work::new(ending.waiting),
            work_dropped: Work::new(ending.dropped),
            work_lost: Work::new(ending.lost),
            requests_cut_off: ending.requests_cut_off,
            pods_created: ending.created,
            pods_deleted: ending.deleted,
            restarts: ending.restarts,
            rollouts: ending.rollouts,
            looks: ending.looks,
            exported: ending.exported,
            pod_cpu_request: template.cpu_request(),
            pod_memory_request: template.memory_request(),
            ..self.summary
        }
    }
}

/// Whether a metric is above its target, the tolerance not considered.
fn is_above_target(source: &MetricSource, status: &MetricStatus) -> bool {
    let value = |value: Option<i64>, target: i64| value.is_some_and(|value| value > target);
    match source.target() {
        MetricTargetType::Utilization(percent) => status.average_utilization.is_some_and(|now| now > percent),
        MetricTargetType::AverageValue(target) => value(status.average_value, target),
        MetricTargetType::Value(target) => value(status.value, target),
    }
}
