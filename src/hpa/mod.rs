//! The decision of the HorizontalPodAutoscaler controller, exact and pure.
//!
//! [`decide`] is one sync: it reads an [`Observation`], updates the controller's [`History`]
//! and leaves a [`Decision`] with one field for every stage. No I/O, no clock, no allocation
//! once the buffers have grown.
//!
//! Mirrors `reconcileAutoscaler` of `pkg/controller/podautoscaler/horizontal.go`,
//! Kubernetes 1.23 to 1.38; differences between releases are named where they matter and listed
//! in `docs/kubernetes-versions.md`.

mod calculator;
mod convert;
mod decision;
mod explain;
mod groups;
mod history;
mod normalize;
mod observation;
mod recommendations;

pub use calculator::{Arithmetic, Basis, KeepReason, MetricFailure, MetricOutcome, MetricStatus, Proposal, Recount};
pub use decision::{
    AbleToScale, Condition, Conditions, Decision, LimitReason, PolicyLimit, RateLimit, RescaleReason, ScaledToZero,
    ScalingActive, Stabilization, StabilizationKind, Verdict, condition_reasons,
};
pub use explain::{PastRecommendation, PolicyExplanation};
pub use groups::PodCounts;
pub use history::History;
pub use observation::{MetricValues, Observation, PodGroup, PodPhase, ReadyCondition, Sample, SampleSum};

use crate::model::{ControllerConfig, HpaSpec};
use crate::units::{Replicas, SimTime};
use calculator::Calculator;

/// One sync of the controller.
///
/// `out` is overwritten; passing the same one again spares allocations.
pub fn decide(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    observation: &Observation<'_>,
    out: &mut Decision,
) {
    let current = observation.spec_replicas;
    out.reset(current);
    if spec.target.resolves().is_err() {
        // The scale subresource cannot be found: nothing else is looked at, the bounds not either.
        history.conditions.able_to_scale = Some(AbleToScale::FailedGetScale.into());
        out.verdict = Verdict::NoScale;
        out.metrics.clear();
        out.conditions = history.conditions;
        return;
    }
    history.conditions.able_to_scale = Some(AbleToScale::SucceededGetScale.into());
    history.record_initial_recommendation(current, observation.now);

    let leaves_zero = current == 0 && may_leave_zero(spec, config, history);
    out.verdict = if current == 0 && !leaves_zero {
        history.conditions.scaling_active = Some(ScalingActive::ScalingDisabled.into());
        Verdict::Disabled
    } else if current > spec.max_replicas {
        out.desired = spec.max_replicas;
        out.reason = Some(RescaleReason::AboveMaxReplicas);
        Verdict::OutOfBounds
    } else if current < spec.min_replicas && !leaves_zero {
        out.desired = spec.min_replicas;
        out.reason = Some(RescaleReason::BelowMinReplicas);
        Verdict::OutOfBounds
    } else {
        decide_from_metrics(spec, config, history, observation, out)
    };
    if matches!(out.verdict, Verdict::Disabled | Verdict::OutOfBounds) {
        out.metrics.clear();
    }
    if leaves_zero && out.verdict == Verdict::Computed && out.desired < spec.min_replicas {
        // minReplicas was raised while the workload was at zero.
        out.desired = spec.min_replicas;
        out.reason.get_or_insert(RescaleReason::BelowMinReplicas);
    }
    if out.verdict == Verdict::Failed {
        if config.version.at_least(29) {
            history.save_current_metrics(out);
        }
    } else {
        history.save_current_metrics(out);
        apply_scale(spec, config, history, observation, out);
    }
    out.conditions = history.conditions;
}

/// Another sync that sees what the last one saw: the same HPA, replicas, pods and values, whatever their times, and pods that are
/// all past the CPU initialization period. `out` is what [`decide`] made of them, a count from the metrics that is in force; what
/// they propose is not worked out again.
pub fn decide_again(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    observation: &Observation<'_>,
    out: &mut Decision,
) {
    let (current, replicas) = (observation.spec_replicas, out.proposed.unwrap_or_default());
    let proposal = normalize::Proposed { now: observation.now, current, replicas };
    out.desired = normalize::normalize(spec, config, history, proposal, out);
    apply_scale(spec, config, history, observation, out);
    out.conditions = history.conditions;
}

/// Whether other syncs that see what it saw decide the same, whatever has been recommended in the meantime: the metrics propose
/// the replicas that there are, and neither the lowest nor the highest recommendation of a window can move them from there.
pub fn keeps_its_proposal(spec: &HpaSpec, decision: &Decision) -> bool {
    let keeps = decision.proposed == Some(decision.current) && decision.desired == decision.current;
    spec.behavior.is_some() && decision.verdict == Verdict::Computed && keeps
}

/// So many syncs from one on, a sync period apart, each of which is known to decide as the last one did, and to recommend the
/// same. Only the recommendations are stored.
#[inline]
pub fn coast(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    last: &Decision,
    (first, count): (SimTime, i64),
) {
    let mut at = first;
    for _ in 0..count {
        let proposal =
            normalize::Proposed { now: at, current: last.current, replicas: last.proposed.unwrap_or_default() };
        normalize::store(spec, config, history, proposal);
        at += config.sync_period;
    }
}

/// What stabilization, policies and bounds leave of a proposal when nothing has been scaled or recommended for
/// a while.
pub fn limit_proposal(spec: &HpaSpec, config: &ControllerConfig, current: Replicas, proposed: Replicas) -> Replicas {
    let proposal = normalize::Proposed { now: SimTime::ZERO, current, replicas: proposed };
    normalize::normalize(spec, config, &mut History::default(), proposal, &mut Decision::default())
}

/// Whether a workload at zero replicas is autoscaled. From 1.37 on: only if the HPA itself scaled it to zero (condition
/// ScaledToZero), whatever has happened since without a rescale of its own. Before, with `HPAScaleToZero` off: never.
fn may_leave_zero(spec: &HpaSpec, config: &ControllerConfig, history: &History) -> bool {
    let scaled_to_zero = history.conditions.scaled_to_zero.is_some_and(|condition| condition.status);
    // With minReplicas raised meanwhile the condition alone suffices.
    config.version.at_least(37) && scaled_to_zero && (spec.has_object_or_external_metric() || spec.min_replicas != 0)
}

/// The largest proposal of the metrics, stabilized, rate-limited and clamped.
fn decide_from_metrics(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    observation: &Observation<'_>,
    out: &mut Decision,
) -> Verdict {
    let current = observation.spec_replicas;
    let Some((winner, proposed)) = combine_proposals(spec, config, history, observation, out) else {
        return Verdict::Failed;
    };
    // A negative proposal (an overflow before 1.37) names no metric and counts as zero.
    let proposed = if proposed > 0 {
        out.winner = Some(winner);
        proposed
    } else {
        0
    };
    out.proposed = Some(proposed);
    out.reason = match proposed.cmp(&current) {
        std::cmp::Ordering::Greater => Some(RescaleReason::AboveTarget { metric: winner }),
        std::cmp::Ordering::Less => Some(RescaleReason::AllBelowTarget),
        std::cmp::Ordering::Equal => None,
    };
    let proposal = normalize::Proposed { now: observation.now, current, replicas: proposed };
    out.desired = normalize::normalize(spec, config, history, proposal, out);
    Verdict::Computed
}

/// Mirrors `computeReplicasForMetrics`: the largest proposal wins; with a metric missing the
/// workload may grow but not shrink. `None` when no replica count can be computed.
fn combine_proposals(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    observation: &Observation<'_>,
    out: &mut Decision,
) -> Option<(usize, Replicas)> {
    if observation.ambiguous_selector && config.version.at_least(27) {
        history.conditions.scaling_active = Some(ScalingActive::AmbiguousSelector.into());
        out.metrics.clear();
        return None;
    }
    let calculator = Calculator::new(spec, config, observation);
    let mut best: Option<(usize, Replicas)> = None;
    let mut first_failure = None;
    out.metrics.resize(spec.metrics.len(), MetricOutcome::default());
    for (index, (source, outcome)) in spec.metrics.iter().zip(&mut out.metrics).enumerate() {
        calculator.work_out(index, source, outcome);
        match &outcome.result {
            Ok(proposal) => {
                if best.is_none_or(|(_, replicas)| replicas == 0 || proposal.replicas > replicas) {
                    best = Some((index, proposal.replicas));
                }
            }
            Err(_) => {
                first_failure.get_or_insert(index);
            }
        }
    }
    let usable = best.filter(|&(_, replicas)| first_failure.is_none() || replicas >= observation.spec_replicas);
    history.conditions.scaling_active = Some(match (usable, first_failure) {
        (Some(_), _) => ScalingActive::ValidMetricFound.into(),
        (None, Some(failed)) => ScalingActive::failed(&spec.metrics[failed]).into(),
        // No metric and no failure: the spec has no metrics, which validation excludes.
        (None, None) => return None,
    });
    usable
}

/// Writes the new scale, remembers the scale event and sets the last conditions.
fn apply_scale(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    observation: &Observation<'_>,
    out: &mut Decision,
) {
    let current = observation.spec_replicas;
    out.rescaled = out.desired != current;
    if !out.rescaled {
        return;
    }
    history.conditions.able_to_scale = Some(AbleToScale::SucceededRescale.into());
    if let Some(behavior) = &spec.behavior {
        history.store_scale_event(behavior, observation.now, current, out.desired);
    }
    if config.version.at_least(37) {
        let to_zero = current > 0 && out.desired == 0 && spec.min_replicas == 0 && spec.has_object_or_external_metric();
        let reason = if to_zero { ScaledToZero::ScaledToZero } else { ScaledToZero::NotScaledToZero };
        history.conditions.scaled_to_zero = Some(Condition { status: to_zero, reason });
    }
}
