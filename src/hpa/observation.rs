//! What the controller can see at one sync.

use crate::units::{Replicas, SimTime, Span};

/// Everything that one sync reads.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The time of the sync.
    pub now: SimTime,
    /// The scale subresource's `spec.replicas`.
    pub spec_replicas: Replicas,
    /// The scale subresource's `status.replicas`.
    pub status_replicas: Replicas,
    /// The pods that match the target's selector, equal ones together.
    pub pods: &'a [PodGroup],
    /// One entry for each metric of the HPA, in order.
    pub metrics: &'a [MetricValues],
    /// For each metric, one entry for each pod group: its samples, if it is read from pods.
    pub samples: &'a [Option<Sample>],
    /// In the same order what a pod of the group requests of the measured resource, in thousandths; absent if a
    /// container has no such request. Only utilization targets need it.
    pub requests: &'a [Option<i64>],
    /// In place of both, for each metric what its samples come to, where it is known that all of them count.
    pub sums: &'a [SampleSum],
    /// Whether another HPA controls some of the pods as well: its target's selector selects them, too.
    pub ambiguous_selector: bool,
}

impl<'a> Observation<'a> {
    /// The samples of one metric, in the order of the pods.
    pub(super) fn samples_of(&self, metric: usize) -> &'a [Option<Sample>] {
        let width = self.pods.len();
        self.samples.get(metric * width..(metric + 1) * width).unwrap_or_default()
    }

    /// The requests that one metric is relative to, in the order of the pods.
    pub(super) fn requests_of(&self, metric: usize) -> &'a [Option<i64>] {
        let width = self.pods.len();
        self.requests.get(metric * width..(metric + 1) * width).unwrap_or_default()
    }
}

/// Pods that the controller cannot tell apart: same status, same samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodGroup {
    /// How many pods.
    pub count: Replicas,
    /// `status.phase`.
    pub phase: PodPhase,
    /// `status.startTime`.
    pub start_time: Option<SimTime>,
    /// The Ready condition.
    pub ready: Option<ReadyCondition>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub terminating: bool,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all containers have started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers have ended, one with an error.
    Failed,
    /// All containers have ended well.
    Succeeded,
}

/// The Ready condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyCondition {
    /// Whether it is `True`.
    pub status: bool,
    /// `lastTransitionTime`.
    pub since: SimTime,
}

/// A pod's usage as the metrics API reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths of the metric's unit.
    pub value: i64,
    /// `timestamp`.
    pub at: SimTime,
    /// `window`: how much time before `at` the sample covers.
    pub window: Span,
}

/// What the samples of one metric come to where every pod that is not terminating runs, is ready, is past the CPU initialization
/// period and has a sample, and there is such a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSum {
    /// How many pods that are.
    pub pods: i64,
    /// How many are terminating.
    pub terminating: i64,
    /// The sum of the samples, thousandths of the metric's unit.
    pub total: i64,
    /// The sum of the requests, thousandths; absent if a container has none.
    pub requests: Option<i64>,
}

/// What the metrics API said about one metric.
#[derive(Clone, Copy, Debug)]
pub enum MetricValues {
    /// The metrics API answered with an error, or with no samples at all.
    Unavailable,
    /// The samples of the pods, in [`Observation::samples`].
    Pods,
    /// The value of an Object or External metric, in thousandths.
    Value(i64),
}
