//! The closed loop: load makes pods use CPU and memory, use makes metrics, metrics make decisions,
//! decisions make pods, and those share the load.
//!
//! Discrete time in whole seconds. At each second: what was used since the last one is added up, the
//! metrics pipeline samples if it is due, the load changes, events happen, pods change state, controllers and
//! scheduler answer, the HPA syncs if it is due. A sample therefore never contains the future. Seconds at which
//! nothing changes are skipped. Amounts are integers (nanocores, bytes), so that a sum does not depend on its order.

mod draw;
mod record;
mod target;
mod world;

pub use record::check;
pub use record::{
    Callee, Exported, ExportedPod, ExportedState, MetricSummary, Occurrence, PodSample, RescaleRecord, Snapshot,
    Summary, TimelineRow,
};
pub use target::{Lifecycle, Patience, Rollout, typical_startup};
pub use world::{SimError, simulate, simulate_all, simulate_one};

use crate::hpa::{Decision, History};
use crate::model::{Action, ControllerConfig, HpaSpec, NodesConfig, ScheduledEvent, SharedQuota, Target};
use crate::units::{Bytes, Nanocores, Replicas, SimTime, Span, Work};

/// Everything that a simulation starts from.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// What all targets share.
    pub world: World<'a>,
    /// What is scaled.
    pub targets: Vec<Target<'a>>,
}

/// What all targets of a simulation share.
#[derive(Clone, Debug, Default)]
pub struct World<'a> {
    /// The controller's settings.
    pub controller: ControllerConfig,
    /// The nodes; without them there is always room.
    pub nodes: Option<NodesConfig>,
    /// The quotas that several of the targets use up.
    pub quotas: Vec<SharedQuota>,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Time before [`SimTime::ZERO`] in which the cluster settles under the first rows of the load, and the
    /// controller gathers its history. Nothing of it is recorded, and the replica counts must not change.
    pub lead_in: Span,
    /// How long to simulate from [`SimTime::ZERO`] on; by default as long as the shortest load lasts.
    pub duration: Option<Span>,
    /// What happens besides the load, in the order of time.
    pub events: &'a [ScheduledEvent],
    /// Whether to keep every change of the numbers of pods, not only those at syncs.
    pub keep_pod_numbers: bool,
    /// Whether to step through every second instead of skipping quiet ones; the result is the same.
    pub every_second: bool,
    /// How often what exporters say is read, if it is to be kept. It takes every second.
    pub export: Option<Span>,
}

impl World<'_> {
    /// Whether it goes second by second.
    fn is_stepped(&self) -> bool {
        self.every_second || self.export.is_some()
    }
}

impl<'a> Setup<'a> {
    /// The targets that bear on each other, together; those that share nothing can be simulated each by itself.
    pub fn parts(&self) -> Vec<Vec<usize>> {
        let all = 0..self.targets.len();
        if self.world.nodes.is_some() {
            return vec![all.collect()];
        }
        // Each names another of its part, or itself: the first of the part.
        let mut above: Vec<usize> = all.clone().collect();
        let mut join = |one: usize, other: usize| {
            let (one, other) = (first_of(&mut above, one), first_of(&mut above, other));
            above[one.max(other)] = one.min(other);
        };
        // Who calls whom, and who shares a quota.
        for (index, target) in self.targets.iter().enumerate() {
            target.callers.iter().for_each(|caller| join(index, caller.target));
        }
        for quota in &self.world.quotas {
            let mut users = quota.users.iter().map(|(user, _)| *user);
            if let Some(first) = users.next() {
                users.for_each(|user| join(user, first));
            }
        }
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); self.targets.len()];
        all.for_each(|index| parts[first_of(&mut above, index)].push(index));
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// A target's HPA as it is at an instant: events may change it.
    pub fn hpa_at(&self, target: usize, at: SimTime) -> &'a HpaSpec {
        let past = self.world.events.iter().rev().filter(|event| event.at <= at && event.target == target);
        let changed = past.filter_map(|event| match &event.action {
            Action::ChangeHpa(hpa) => Some(hpa.as_ref()),
            _ => None,
        });
        changed.into_iter().next().unwrap_or(self.targets[target].hpa)
    }
}

/// Follows who is above, and makes the way shorter.
fn first_of(above: &mut [usize], mut index: usize) -> usize {
    while above[index] != index {
        above[index] = above[above[index]];
        index = above[index];
    }
    index
}

/// What is called after every sync, with the target's index.
pub type Listener<'l> = dyn FnMut(usize, &SyncRecord<'_>) + 'l;

/// What wants to know of the syncs of a target.
pub trait Listen: Send {
    /// Whether it does: otherwise it takes less time.
    fn listens(&self) -> bool;

    /// There was a sync.
    fn hear(&mut self, record: &SyncRecord<'_>);
}

/// Nobody.
impl Listen for () {
    fn listens(&self) -> bool {
        false
    }

    fn hear(&mut self, _: &SyncRecord<'_>) {}
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
    /// Restarts by liveness probes that there are on average, so far: their chance, whatever came of it.
    pub expected_restarts: f64,
    /// When the newest sample was taken that metrics-server had.
    pub newest_sample: Option<SimTime>,
    /// CPU, memory and work.
    pub resources: ResourceState,
    response: target::ResponseSource<'a>,
}

impl SyncRecord<'_> {
    /// The response time that the promised part of the requests does not exceed (95% without a promise), seconds, if
    /// the load is made of requests.
    pub fn response_seconds(&self) -> Option<f64> {
        self.response.seconds()
    }
}

/// Prices are added up in such parts of their unit, so that the order does not matter.
pub const PRICE_UNIT: f64 = 1e6;

/// Nodes that are ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct ReadyNodes {
    /// How many there are.
    pub count: i64,
    /// What they cost a month, in millionths, if all shapes have a price.
    pub price: Option<i64>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceState {
    /// The CPU that the load demands; absent if the load does not say.
    pub cpu_demand: Option<Nanocores>,
    /// The CPU that all pods used on average since the last sync.
    pub cpu_used: Nanocores,
    /// The CPU that ready pods can use at most; absent without a limit.
    pub cpu_capacity: Option<Nanocores>,
    /// The memory that all pods use.
    pub memory_used: Bytes,
    /// CPU work that has arrived since the start.
    pub work_arrived: Work,
    /// CPU work that has been done since the start.
    pub work_done: Work,
    /// CPU work that waits.
    pub backlog: Work,
    /// CPU work that was dropped since the start.
    pub work_dropped: Work,
    /// CPU work that was lost with pods, or sent to pods that did not take it, since the start.
    pub work_lost: Work,
    /// Time since the start in which more requests were slow than was promised.
    pub slow: Span,
}
