//! The outcome of one sync, a field for every stage.

use super::calculator::MetricOutcome;
use crate::model::{MetricSource, ScalingPolicy};
use crate::units::{Replicas, Span};

/// What one sync decided and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Which way the decision went.
    pub verdict: Verdict,
    /// `spec.replicas` before the sync.
    pub current: Replicas,
    /// Stage 1: one outcome for each metric; empty if the metrics were not looked at.
    pub metrics: Vec<MetricOutcome>,
    /// Stage 2: the index of the metric with the largest proposal.
    pub winner: Option<usize>,
    /// Stage 2: the largest proposal.
    pub proposed: Option<Replicas>,
    /// Stage 3: the proposal after the stabilization window.
    pub stabilization: Option<Stabilization>,
    /// Stage 4: the rate limit and the bounds, and whether they changed the result.
    pub rate_limit: Option<RateLimit>,
    /// The replica count after the sync.
    pub desired: Replicas,
    /// Whether the scale was written.
    pub rescaled: bool,
    /// Why the replica count should change, as the SuccessfulRescale event says; `None` where only
    /// stabilization asked for it.
    pub reason: Option<RescaleReason>,
    /// The conditions after the sync.
    pub conditions: Conditions,
}

impl Decision {
    /// Makes ready for another sync. Outcomes of metrics are overwritten, or forgotten where metrics are not looked at.
    pub(super) fn reset(&mut self, current: Replicas) {
        let metrics = std::mem::take(&mut self.metrics);
        *self = Self { current, desired: current, metrics, ..Self::default() };
    }
}

/// Which way a decision went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// From the metrics.
    #[default]
    Computed,
    /// Corrected to minReplicas or maxReplicas without looking at metrics.
    OutOfBounds,
    /// At zero replicas: autoscaling is off.
    Disabled,
    /// The metrics gave no replica count.
    Failed,
    /// The scale of the target could not be found.
    NoScale,
}

/// Why the scale was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RescaleReason {
    /// A metric is above its target.
    AboveTarget {
        /// Index of the metric.
        metric: usize,
    },
    /// Every metric is below its target.
    AllBelowTarget,
    /// More replicas than maxReplicas.
    AboveMaxReplicas,
    /// Fewer replicas than minReplicas.
    BelowMinReplicas,
}

/// The stabilization stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stabilization {
    /// The window that was looked at.
    pub window: Span,
    /// The lowest or the highest recommendation was taken.
    pub kind: StabilizationKind,
    /// How many stored recommendations lie in the window.
    pub recommendations: usize,
    /// The result.
    pub replicas: Replicas,
}

/// The direction of a stabilization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StabilizationKind {
    /// The lowest recommendation of the scale-up window.
    Up,
    /// The highest recommendation of the scale-down window.
    Down,
}

/// The rate-limiting stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The replica count that the policies allow at this sync.
    pub limit: Option<Replicas>,
    /// The policy that gave the limit, if `behavior` is set.
    pub policy: Option<PolicyLimit>,
    /// Whether the result differs from the stabilized proposal.
    pub limited: bool,
    /// What it was limited by, or that it was not.
    pub reason: LimitReason,
}

/// The policy that a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLimit {
    /// The policy.
    pub policy: ScalingPolicy,
    /// The replicas at the start of its period.
    pub period_start_replicas: Replicas,
}

/// A condition: its status and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<R> {
    /// `True` or `False`.
    pub status: bool,
    /// The reason.
    pub reason: R,
}

/// The HPA's conditions; absent until the controller sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `AbleToScale`.
    pub able_to_scale: Option<Condition<AbleToScale>>,
    /// `ScalingActive`.
    pub scaling_active: Option<Condition<ScalingActive>>,
    /// `ScalingLimited`.
    pub scaling_limited: Option<Condition<LimitReason>>,
    /// `ScaledToZero`, from 1.37 on.
    pub scaled_to_zero: Option<Condition<ScaledToZero>>,
}

/// Reasons of the condition AbleToScale, which is true with all of them but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbleToScale {
    /// The scale could not be found.
    FailedGetScale,
    /// The scale could be read; no more was decided.
    SucceededGetScale,
    /// The scale was written.
    SucceededRescale,
    /// Nothing stands in the way of the recommendation.
    ReadyForNewScale,
    /// A lower recommendation of the recent past is applied.
    ScaleUpStabilized,
    /// A higher recommendation of the recent past is applied.
    ScaleDownStabilized,
}

/// Reasons of the condition ScalingActive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingActive {
    /// A replica count could be computed.
    ValidMetricFound,
    /// The workload is at zero replicas.
    ScalingDisabled,
    /// Some of the pods are another HPA's, too.
    AmbiguousSelector,
    /// A Resource metric could not be used.
    FailedGetResourceMetric,
    /// A ContainerResource metric could not be used.
    FailedGetContainerResourceMetric,
    /// A Pods metric could not be used.
    FailedGetPodsMetric,
    /// An Object metric could not be used.
    FailedGetObjectMetric,
    /// An External metric could not be used.
    FailedGetExternalMetric,
}

/// Reasons of the condition ScalingLimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReason {
    /// Not limited.
    DesiredWithinRange,
    /// By minReplicas.
    TooFewReplicas,
    /// By maxReplicas.
    TooManyReplicas,
    /// By the rate of scaling up.
    ScaleUpLimit,
    /// By the rate of scaling down.
    ScaleDownLimit,
}

/// Reasons of the condition ScaledToZero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaledToZero {
    /// The HPA scaled the workload to zero.
    ScaledToZero,
    /// It last scaled the workload to another number.
    NotScaledToZero,
}

/// The names of reasons are those of the variants, as the controller writes them.
macro_rules! named {
    ($($type:ident: $($variant:ident),+;)+) => {$(
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As the controller writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant)),+
                }
            }
        }
    )+};
}

named! {
    AbleToScale: FailedGetScale, SucceededGetScale, SucceededRescale, ReadyForNewScale, ScaleUpStabilized,
        ScaleDownStabilized;
    ScalingActive: ValidMetricFound, ScalingDisabled, AmbiguousSelector, FailedGetResourceMetric,
        FailedGetContainerResourceMetric, FailedGetPodsMetric, FailedGetObjectMetric, FailedGetExternalMetric;
    LimitReason: DesiredWithinRange, TooFewReplicas, TooManyReplicas, ScaleUpLimit, ScaleDownLimit;
    ScaledToZero: ScaledToZero, NotScaledToZero;
}

/// The names of all reasons that a condition can have.
pub fn condition_reasons() -> Vec<&'static str> {
    let able = AbleToScale::ALL.iter().map(|reason| reason.name());
    let active = ScalingActive::ALL.iter().map(|reason| reason.name());
    let limited = LimitReason::ALL.iter().map(|reason| reason.name());
    let zero = ScaledToZero::ALL.iter().map(|reason| reason.name());
    able.chain(active).chain(limited).chain(zero).collect()
}

impl From<AbleToScale> for Condition<AbleToScale> {
    fn from(reason: AbleToScale) -> Self {
        Self { status: reason != AbleToScale::FailedGetScale, reason }
    }
}

impl From<ScalingActive> for Condition<ScalingActive> {
    fn from(reason: ScalingActive) -> Self {
        Self { status: reason == ScalingActive::ValidMetricFound, reason }
    }
}

impl ScalingActive {
    /// The reason for a metric of this type that could not be used.
    pub(super) fn failed(source: &MetricSource) -> Self {
        match source {
            MetricSource::Resource { .. } => Self::FailedGetResourceMetric,
            MetricSource::ContainerResource { .. } => Self::FailedGetContainerResourceMetric,
            MetricSource::Pods { .. } => Self::FailedGetPodsMetric,
            MetricSource::Object { .. } => Self::FailedGetObjectMetric,
            MetricSource::External { .. } => Self::FailedGetExternalMetric,
        }
    }
}
