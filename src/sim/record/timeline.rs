//! A simulation sync by sync, kept for tables and pictures.

use crate::hpa::{Conditions, MetricStatus, Verdict};
use crate::sim::{PodNumbers, ResourceState, SyncRecord, Turnover};
use crate::units::{Replicas, SimTime};

/// The state of the loop right after one sync; see [`SyncRecord`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineRow {
    /// The time of the sync.
    pub now: SimTime,
    /// The values of the load's columns.
    pub load: Vec<f64>,
    /// `spec.replicas` before the sync.
    pub replicas: Replicas,
    /// The pods at the sync.
    pub pods: PodNumbers,
    /// Pods created and deleted so far.
    pub turnover: Turnover,
    /// When the newest sample was taken that metrics-server had.
    pub newest_sample: Option<SimTime>,
    /// The response time that the promised part of the requests does not exceed (95% without a promise), microseconds.
    pub response_micros: Option<i64>,
    /// The replica count after the sync.
    pub desired: Replicas,
    /// The HPA's `status.currentMetrics`, one for each metric.
    pub metrics: Vec<Option<MetricStatus>>,
    /// What each metric asked for.
    pub proposals: Vec<Option<Replicas>>,
    /// The largest proposal.
    pub proposed: Option<Replicas>,
    /// The proposal after stabilization.
    pub stabilized: Option<Replicas>,
    /// Which way the decision went.
    pub verdict: Verdict,
    /// The conditions after the sync.
    pub conditions: Conditions,
    /// CPU, memory and work.
    pub resources: ResourceState,
}

impl From<&SyncRecord<'_>> for TimelineRow {
    fn from(record: &SyncRecord<'_>) -> Self {
        let mut row = Self::default();
        row.take(record);
        row
    }
}

impl TimelineRow {
    /// Becomes the row of another sync; its memory is kept.
    pub fn take(&mut self, record: &SyncRecord<'_>) {
        let decision = record.decision;
        self.now = record.now;
        self.load.clear();
        self.load.extend_from_slice(record.load);
        self.replicas = record.replicas;
        self.pods = record.pods;
        self.turnover = record.turnover;
        self.newest_sample = record.newest_sample;
        self.response_micros = record.response_seconds().map(|seconds| (seconds * 1e6).round() as i64);
        self.desired = decision.desired;
        self.metrics.clear();
        self.metrics.extend_from_slice(record.history.current_metrics());
        self.proposals.clear();
        self.proposals.extend(decision.metrics.iter().map(|m| m.result.ok().map(|proposal| proposal.replicas)));
        self.proposed = decision.proposed;
        self.stabilized = decision.stabilization.map(|stage| stage.replicas);
        self.verdict = decision.verdict;
        self.conditions = decision.conditions;
        self.resources = record.resources;
    }
}
