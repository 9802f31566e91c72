//! What is known of a simulation at its end, added up on the way.

use std::collections::BTreeMap;

use super::Setup;
use crate::hpa::{Decision, MetricStatus};
use crate::model::{MetricSource, MetricTarget, ValueTarget};
use crate::units::{Bytes, Millicores, Replicas, SimTime, Span};

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

/// A simulation in numbers.
#[derive(Clone, Debug)]
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
    /// The most work that ever waited, nanocore-seconds.
    pub peak_backlog: i128,
    /// The work that still waits at the end, nanocore-seconds.
    pub final_backlog: i128,
    /// Work that was dropped because it had waited too long, nanocore-seconds.
    pub work_dropped: i128,
    /// Time in which serving pods were above their memory limit.
    pub over_memory_limit: Span,
    /// What one pod requests.
    pub pod_cpu_request: Millicores,
    /// See `pod_cpu_request`.
    pub pod_memory_request: Bytes,
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
pub(super) struct Accounts {
    syncs: u64,
    first: Option<Snapshot>,
    last: Snapshot,
    rescales: Vec<RescaleRecord>,
    time_at: BTreeMap<Replicas, Span>,
    /// The replica count of the last stretch and its time, not yet in `time_at`.
    current: (Replicas, Span),
    metrics: Vec<MetricSummary>,
    at_max: Span,
    waiting: Span,
    peak_backlog: i128,
    over_memory_limit: Span,
}

impl Accounts {
    pub fn new(metrics: usize) -> Self {
        Self {
            syncs: 0,
            first: None,
            last: Snapshot::default(),
            rescales: Vec::new(),
            time_at: BTreeMap::new(),
            current: (0, Span::ZERO),
            metrics: vec![MetricSummary::default(); metrics],
            at_max: Span::ZERO,
            waiting: Span::ZERO,
            peak_backlog: 0,
            over_memory_limit: Span::ZERO,
        }
    }

    /// A stretch of time without a change.
    pub fn time_passes(
        &mut self,
        seconds: i64,
        max_replicas: Replicas,
        replicas: Replicas,
        waiting_seconds: i64,
        over_memory: bool,
    ) {
        let span = Span::from_seconds(seconds);
        if self.current.0 != replicas {
            self.flush();
            self.current.0 = replicas;
        }
        self.current.1 = self.current.1 + span;
        if replicas >= max_replicas {
            self.at_max = self.at_max + span;
        }
        self.waiting = self.waiting + Span::from_seconds(waiting_seconds);
        if over_memory {
            self.over_memory_limit = self.over_memory_limit + span;
        }
    }

    fn flush(&mut self) {
        let (replicas, span) = self.current;
        if span > Span::ZERO {
            let total = self.time_at.entry(replicas).or_default();
            *total = *total + span;
        }
        self.current.1 = Span::ZERO;
    }

    /// How much work waits now.
    pub fn backlog(&mut self, waiting: i128) {
        self.peak_backlog = self.peak_backlog.max(waiting);
    }

    /// A sync; what it saw counts for one sync period.
    pub fn sync(&mut self, setup: &Setup<'_>, now: SimTime, decision: &Decision, current: &[Option<MetricStatus>]) {
        self.syncs += 1;
        self.last.at = now;
        self.last.replicas = decision.current;
        self.last.current_metrics.clear();
        self.last.current_metrics.extend_from_slice(current);
        if self.first.is_none() {
            self.first = Some(self.last.clone());
        }
        let period = setup.controller.sync_period;
        for (total, (source, outcome)) in self.metrics.iter_mut().zip(setup.hpa.metrics.iter().zip(&decision.metrics)) {
            match &outcome.result {
                Ok(proposal) if is_above_target(source, &proposal.status) => {
                    total.above_target = total.above_target + period;
                }
                Ok(_) => {}
                Err(_) => total.unavailable = total.unavailable + period,
            }
        }
        if decision.rescaled {
            self.rescales.push(RescaleRecord { at: now, decision: decision.clone() });
        }
    }

    pub fn finish(mut self, setup: &Setup<'_>, end: SimTime, final_backlog: i128, work_dropped: i128) -> Summary {
        self.flush();
        let template = &setup.workload.template;
        Summary {
            duration: end.since_start(),
            syncs: self.syncs,
            first: self.first.unwrap_or_default(),
            last: self.last,
            rescales: self.rescales,
            time_at: self.time_at,
            metrics: self.metrics,
            at_max: self.at_max,
            waiting: self.waiting,
            peak_backlog: self.peak_backlog,
            final_backlog,
            work_dropped,
            over_memory_limit: self.over_memory_limit,
            pod_cpu_request: template.cpu_request(),
            pod_memory_request: template.memory_request(),
        }
    }
}

/// Whether a metric is above its target, the tolerance not considered.
fn is_above_target(source: &MetricSource, status: &MetricStatus) -> bool {
    let value = |value: Option<i64>, target: i64| value.is_some_and(|value| value > target);
    match source {
        MetricSource::Resource { target, .. } | MetricSource::ContainerResource { target, .. } => match *target {
            MetricTarget::Utilization(percent) => status.average_utilization.is_some_and(|now| now > percent),
            MetricTarget::AverageValue(target) => value(status.average_value, target),
        },
        MetricSource::Pods { average_value, .. } => value(status.average_value, *average_value),
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match *target {
            ValueTarget::Value(target) => value(status.value, target),
            ValueTarget::AverageValue(target) => value(status.average_value, target),
        },
    }
}
