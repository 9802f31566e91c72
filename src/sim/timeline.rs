//! A simulation sync by sync, kept for tables and pictures.

use super::{ResourceState, SyncRecord};
use crate::hpa::{Conditions, MetricStatus, Verdict};
use crate::units::{Replicas, SimTime};

/// The state of the loop right after one sync; see [`SyncRecord`].
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// The time of the sync.
    pub now: SimTime,
    /// The values of the load's columns.
    pub load: Vec<f64>,
    /// Pods before the sync.
    pub replicas: Replicas,
    /// Of these, ready ones.
    pub ready: Replicas,
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
        let decision = record.decision;
        Self {
            now: record.now,
            load: record.load.to_vec(),
            replicas: record.replicas,
            ready: record.ready,
            desired: decision.desired,
            metrics: record.history.current_metrics().to_vec(),
            proposals: decision.metrics.iter().map(|m| m.result.ok().map(|proposal| proposal.replicas)).collect(),
            proposed: decision.proposed,
            stabilized: decision.stabilization.map(|stage| stage.replicas),
            verdict: decision.verdict,
            conditions: decision.conditions,
            resources: record.resources,
        }
    }
}
