//! A simulation sync by sync, kept for tables and pictures.

use super::SyncRecord;
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
    /// CPU demand, nanocores.
    pub cpu_demand: Option<i64>,
    /// CPU used on average since the last sync, nanocores.
    pub cpu_used: i64,
    /// The most CPU that serving pods can use, nanocores.
    pub cpu_capacity: Option<i64>,
    /// Memory used, bytes.
    pub memory_used: i64,
    /// CPU work that has arrived since the start, nanocore-seconds.
    pub work_arrived: i128,
    /// CPU work that has been done since the start, nanocore-seconds.
    pub work_done: i128,
    /// CPU work that waits, nanocore-seconds.
    pub backlog: i128,
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
            metrics: record.current_metrics.to_vec(),
            proposals: decision.metrics.iter().map(|m| m.result.ok().map(|proposal| proposal.replicas)).collect(),
            proposed: decision.proposed,
            stabilized: decision.stabilization.map(|stage| stage.replicas),
            verdict: decision.verdict,
            conditions: decision.conditions,
            cpu_demand: record.cpu_demand,
            cpu_used: record.cpu_used,
            cpu_capacity: record.cpu_capacity,
            memory_used: record.memory_used,
            work_arrived: record.work_arrived,
            work_done: record.work_done,
            backlog: record.backlog,
        }
    }
}
