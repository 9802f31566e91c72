//! The closed loop: load makes pods use CPU and memory, use makes metrics, metrics make decisions,
//! decisions make pods, and those share the load.
//!
//! Discrete time in whole seconds. At each second: what was used since the last one is added up, the
//! metrics pipeline samples if it is due, the load changes, events happen, pods change state, controllers and
//! scheduler answer, the HPA syncs if it is due. A sample therefore never contains the future. Seconds at which
//! nothing changes are skipped. Amounts are integers (nanocores, bytes), so that a sum does not depend on its order.

mod autoscaler;
pub mod check;
mod clients;
mod cohort;
mod controller;
mod draw;
mod engine;
mod latency;
mod lifecycle;
mod load;
mod memory;
mod metrics;
mod nodes;
mod observe;
mod pods;
mod queue;
mod rules;
mod summary;
mod timeline;
mod traffic;
mod usage;
mod victims;

pub use controller::Rollout;
pub use engine::{SimError, simulate};
pub use lifecycle::{Lifecycle, Patience, typical_startup};
pub use summary::{MetricSummary, Occurrence, RescaleRecord, Snapshot, Summary};
pub use timeline::TimelineRow;

use crate::hpa::{Decision, History};
use crate::model::{
    Action, ClusterConfig, ControllerConfig, HpaSpec, Interpolation, LoadPlan, Neighbours, NodesConfig, Phase,
    ScheduledEvent, Workload,
};
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
    /// The nodes; without them there is always room.
    pub nodes: Option<NodesConfig>,
    /// When the HPA syncs, metrics-server scrapes and the kubelets sample.
    pub phase: Phase,
    /// Seed of everything that is drawn.
    pub seed: u64,
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
    /// What happens besides the load, in the order of time.
    pub events: &'a [ScheduledEvent],
    /// What else is in the namespace that bears on the target. Foreign pods are taken to use nothing.
    pub neighbours: Neighbours,
    /// Whether to keep every change of the numbers of pods, not only those at syncs.
    pub keep_pod_numbers: bool,
    /// Whether to step through every second instead of skipping quiet ones; the result is the same.
    pub every_second: bool,
}

impl<'a> Setup<'a> {
    /// The HPA as it is at an instant: events may change it.
    pub fn hpa_at(&self, at: SimTime) -> &'a HpaSpec {
        let changed = self.events.iter().rev().filter(|event| event.at <= at).find_map(|event| match &event.action {
            Action::ChangeHpa(hpa) => Some(hpa.as_ref()),
            _ => None,
        });
        changed.unwrap_or(self.hpa)
    }
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
    /// `spec.replicas` before the sync.
    pub replicas: Replicas,
    /// The pods at the sync.
    pub pods: PodNumbers,
    /// Pods created and deleted so far.
    pub turnover: Turnover,
    /// When the newest sample was taken that the HPA saw.
    pub newest_sample: Option<SimTime>,
    /// CPU, memory and work.
    pub resources: ResourceState,
    response: engine::ResponseSource<'a>,
}

impl SyncRecord<'_> {
    /// The response time that the promised part of the requests does not exceed (95% without a promise), seconds, if
    /// the load is made of requests.
    pub fn response_seconds(&self) -> Option<f64> {
        self.response.seconds()
    }
}

/// Pods that came and went since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Created, those at the start not among them.
    pub created: u64,
    /// Deleted, or on their way out.
    pub deleted: u64,
}

/// How many pods and nodes there are at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodNumbers {
    /// `status.replicas`: all but terminating ones, with the surge of a rolling update.
    pub existing: Replicas,
    /// Of these, ready ones.
    pub ready: Replicas,
    /// Pods that get work and take it.
    pub working: Replicas,
    /// Pods whose containers have not started yet.
    pub pending: Replicas,
    /// Pods for which there is no node.
    pub unschedulable: Replicas,
    /// Pods on their way out.
    pub terminating: Replicas,
    /// Nodes that are ready, if nodes are simulated.
    pub nodes: Option<i64>,
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
    /// CPU work that was lost with pods, or sent to pods that did not take it, since the start, nanocore-seconds.
    pub work_lost: i128,
    /// Time since the start in which more requests were slow than was promised.
    pub slow: Span,
}
