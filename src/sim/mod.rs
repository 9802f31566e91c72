//! The closed loop: load makes pods use CPU and memory, use makes metrics, metrics make decisions,
//! decisions make pods, and those share the load.
//!
//! Discrete time in whole seconds. At each second: what was used since the last one is added up, the
//! metrics pipeline scrapes if it is due, the load changes, pods change state, the HPA syncs if it is
//! due. A sample therefore never contains the future. Seconds at which nothing changes are skipped.
//! Amounts are integers (nanocores, bytes), so that a sum does not depend on its order.

pub mod check;
mod engine;
mod lifecycle;
mod load;
mod metrics;
pub mod pattern;
mod pods;
mod summary;
mod timeline;
mod usage;

pub use engine::{SimError, simulate};
pub use lifecycle::Lifecycle;
pub use summary::{MetricSummary, RescaleRecord, Snapshot, Summary};
pub use timeline::TimelineRow;

use crate::hpa::{Decision, History};
use crate::model::{ClusterConfig, ControllerConfig, HpaSpec, Interpolation, LoadPlan, Workload};
use crate::units::{Replicas, SimTime, Span};

/// Everything that a simulation starts from.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The autoscaler.
    pub hpa: &'a HpaSpec,
    /// Its target.
    pub workload: &'a Workload,
    /// The controller's settings.
    pub controller: ControllerConfig,
    /// How pods start and metrics are gathered.
    pub cluster: ClusterConfig,
    /// What the columns of the load drive.
    pub plan: LoadPlan,
    /// How the load changes between rows.
    pub interpolation: Interpolation,
    /// Pods at the start: all ready, in a steady state under the first row's load.
    pub initial_replicas: Replicas,
    /// Time before [`SimTime::ZERO`] in which the cluster settles under the first rows of the load, and the
    /// controller gathers its history. Nothing of it is recorded, and the replica count must not change.
    pub lead_in: Span,
    /// How long to simulate from [`SimTime::ZERO`] on; by default as long as the load lasts.
    pub duration: Option<Span>,
    /// Whether to step through every second instead of skipping quiet ones; the result is the same.
    pub every_second: bool,
}

/// The state of the loop right after one sync.
#[derive(Clone, Copy, Debug)]
pub struct SyncRecord<'a> {
    /// The time of the sync.
    pub now: SimTime,
    /// The values of the load's columns.
    pub load: &'a [f64],
    /// What the controller decided.
    pub decision: &'a Decision,
    /// What the controller remembers after the sync, the HPA's status among it.
    pub history: &'a History,
    /// Pods before the sync.
    pub replicas: Replicas,
    /// Of these, ready ones.
    pub ready: Replicas,
    /// CPU, memory and work.
    pub resources: ResourceState,
}

/// CPU and memory at a sync, and the work so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceState {
    /// The CPU that the load demands, nanocores; absent if the load does not say.
    pub cpu_demand: Option<i64>,
    /// The CPU that all pods used on average since the last sync, nanocores.
    pub cpu_used: i64,
    /// The CPU that ready pods can use at most, nanocores; absent without a limit.
    pub cpu_capacity: Option<i64>,
    /// The memory that all pods use, bytes.
    pub memory_used: i64,
    /// CPU work that has arrived since the start, nanocore-seconds.
    pub work_arrived: i128,
    /// CPU work that has been done since the start, nanocore-seconds.
    pub work_done: i128,
    /// CPU work that waits, nanocore-seconds.
    pub backlog: i128,
    /// CPU work that was dropped since the start, nanocore-seconds.
    pub work_dropped: i128,
}
