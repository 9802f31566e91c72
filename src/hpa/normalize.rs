//! From the proposal to the replica count: stabilization, rate limits, bounds.

use super::convert::{Site, ceil_to_replicas, truncate_to_replicas};
use super::decision::{
    AbleToScale, Condition, Decision, LimitReason, PolicyLimit, RateLimit, Stabilization, StabilizationKind,
};
use super::history::{History, change_within};
use super::recommendations::{End, Recommendation};
use crate::model::{
    Behavior, ControllerConfig, HpaSpec, KubernetesVersion, PolicyKind, ScalingPolicy, ScalingRules, SelectPolicy,
};
use crate::units::{Replicas, SimTime, Span};

/// What the metrics ask for at a sync.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proposed {
    pub now: SimTime,
    pub current: Replicas,
    pub replicas: Replicas,
}

/// The replica count that a proposal comes to.
pub(super) fn normalize(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    proposal: Proposed,
    out: &mut Decision,
) -> Replicas {
    match &spec.behavior {
        None => without_behavior(spec, config, history, proposal, out),
        Some(behavior) => with_behavior(spec, behavior, config, history, proposal, out),
    }
}

/// The path of an HPA without `behavior`; mirrors `normalizeDesiredReplicas`.
fn without_behavior(
    spec: &HpaSpec,
    config: &ControllerConfig,
    history: &mut History,
    proposal: Proposed,
    out: &mut Decision,
) -> Replicas {
    let Proposed { now, current, replicas: proposed } = proposal;
    let window = config.downscale_stabilization;
    // This window includes its cutoff, the windows of `behavior` do not.
    let cutoff = now - window;
    let recent = history.recommendations.within(End::Highest, cutoff - Span::from_seconds(1));
    let stabilized = recent.best.map_or(proposed, |highest| highest.max(proposed));
    let recommendations = recent.count;
    store(spec, config, history, proposal);
    record_stabilization(
        history,
        out,
        proposed,
        Stabilization { window, kind: StabilizationKind::Down, recommendations, replicas: stabilized },
    );

    // `calculateScaleUpLimit`: twice the current replicas, at least 4.
    let rate = ceil_to_replicas((2.0 * f64::from(current)).max(4.0), config.version, Site::Other);
    let (allowed, reason) = if spec.max_replicas > rate {
        (rate, LimitReason::ScaleUpLimit)
    } else {
        (spec.max_replicas, LimitReason::TooManyReplicas)
    };
    let (replicas, reason) = if stabilized < spec.min_replicas {
        (spec.min_replicas, LimitReason::TooFewReplicas)
    } else if stabilized > allowed {
        (allowed, reason)
    } else {
        (stabilized, LimitReason::DesiredWithinRange)
    };
    let limit = (stabilized > current).then_some(rate);
    let limited = replicas != stabilized;
    record_limit(history, out, RateLimit { limit, policy: None, limited, reason });
    replicas
}

/// The path of an HPA with `behavior`; mirrors `normalizeDesiredReplicasWithBehaviors`.
fn with_behavior(
    spec: &HpaSpec,
    behavior: &Behavior,
    config: &ControllerConfig,
    history: &mut History,
    proposal: Proposed,
    out: &mut Decision,
) -> Replicas {
    let Proposed { now, current, replicas: proposed } = proposal;
    let stabilization = stabilize(spec, behavior, config, history, proposal);
    let stabilized = stabilization.replicas;
    record_stabilization(history, out, proposed, stabilization);

    let (mut replicas, mut reason) = (stabilized, LimitReason::DesiredWithinRange);
    let (mut limit, mut policy) = (None, None);
    if stabilized > current {
        let rate = rate_limit(&behavior.scale_up, Direction::Up, config.version, history, now, current);
        let floor = rate.0.max(current);
        let (allowed, why) = if spec.max_replicas > floor {
            (floor, LimitReason::ScaleUpLimit)
        } else {
            (spec.max_replicas, LimitReason::TooManyReplicas)
        };
        (limit, policy) = (Some(floor), rate.1);
        if stabilized > allowed {
            (replicas, reason) = (allowed, why);
        }
    } else if stabilized < current {
        let rate = rate_limit(&behavior.scale_down, Direction::Down, config.version, history, now, current);
        let ceiling = rate.0.min(current);
        let (allowed, why) = if spec.min_replicas < ceiling {
            (ceiling, LimitReason::ScaleDownLimit)
        } else {
            (spec.min_replicas, LimitReason::TooFewReplicas)
        };
        (limit, policy) = (Some(ceiling), rate.1);
        if stabilized < allowed {
            (replicas, reason) = (allowed, why);
        }
    }
    let limited = replicas != stabilized;
    record_limit(history, out, RateLimit { limit, policy, limited, reason });
    replicas
}

/// The windows of the two directions, up and down.
fn windows(behavior: &Behavior, config: &ControllerConfig) -> (Span, Span) {
    let window_of = |rules: &ScalingRules| rules.stabilization_window.unwrap_or(config.downscale_stabilization);
    (window_of(&behavior.scale_up), window_of(&behavior.scale_down))
}

/// Stores a proposal among the recommendations, in place of one that no window reaches.
pub(super) fn store(spec: &HpaSpec, config: &ControllerConfig, history: &mut History, proposal: Proposed) {
    let longest = match &spec.behavior {
        None => config.downscale_stabilization,
        Some(behavior) => {
            let (up, down) = windows(behavior, config);
            up.max(down)
        }
    };
    let new = Recommendation { replicas: proposal.replicas, at: proposal.now };
    history.recommendations.store(new, proposal.now - longest);
}

/// Mirrors `stabilizeRecommendationWithBehaviors`: the current count moves up at most to the lowest
/// recommendation of the scale-up window, and down at least to the highest of the scale-down window.
fn stabilize(
    spec: &HpaSpec,
    behavior: &Behavior,
    config: &ControllerConfig,
    history: &mut History,
    proposal: Proposed,
) -> Stabilization {
    let Proposed { now, current, replicas: proposed } = proposal;
    let (up_window, down_window) = windows(behavior, config);
    let up = history.recommendations.within(End::Lowest, now - up_window);
    let down = history.recommendations.within(End::Highest, now - down_window);
    let lowest = up.best.map_or(proposed, |lowest| lowest.min(proposed));
    let highest = down.best.map_or(proposed, |highest| highest.max(proposed));
    store(spec, config, history, proposal);
    let replicas = current.max(lowest).min(highest);
    if proposed >= current {
        Stabilization { window: up_window, kind: StabilizationKind::Up, recommendations: up.count, replicas }
    } else {
        Stabilization { window: down_window, kind: StabilizationKind::Down, recommendations: down.count, replicas }
    }
}

type Limit = (Replicas, Option<PolicyLimit>);

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// Mirrors `calculateScaleUpLimitWithScalingRules` and `calculateScaleDownLimitWithBehaviors`: the limit of
/// the policy that wins, the one that allows most replicas or fewest.
fn rate_limit(
    rules: &ScalingRules,
    direction: Direction,
    version: KubernetesVersion,
    history: &History,
    now: SimTime,
    current: Replicas,
) -> Limit {
    let most_replicas = match (rules.select_policy, direction) {
        (SelectPolicy::Disabled, _) => return (current, None),
        // The largest change down leaves the fewest replicas.
        (SelectPolicy::Max, Direction::Up) | (SelectPolicy::Min, Direction::Down) => true,
        (SelectPolicy::Min, Direction::Up) | (SelectPolicy::Max, Direction::Down) => false,
    };
    let mut best: Option<(Replicas, PolicyLimit)> = None;
    for &policy in &rules.policies {
        let period_start_replicas = period_start_replicas(version, history, now, current, &policy, direction);
        let allowed = allowed_by(&policy, period_start_replicas, direction, version);
        if best.is_none_or(|(limit, _)| if most_replicas { allowed > limit } else { allowed < limit }) {
            best = Some((allowed, PolicyLimit { policy, period_start_replicas }));
        }
    }
    best.map_or((current, None), |(limit, policy)| (limit, Some(policy)))
}

/// The replicas that a policy allows: percentages round up on the way up and truncate on the way down.
pub(super) fn allowed_by(
    policy: &ScalingPolicy,
    start: Replicas,
    direction: Direction,
    version: KubernetesVersion,
) -> Replicas {
    let percent = f64::from(policy.value) / 100.0;
    match (policy.kind, direction) {
        (PolicyKind::Pods, Direction::Up) => start.wrapping_add(policy.value),
        (PolicyKind::Pods, Direction::Down) => start.wrapping_sub(policy.value),
        (PolicyKind::Percent, Direction::Up) => {
            ceil_to_replicas(f64::from(start) * (1.0 + percent), version, Site::Other)
        }
        (PolicyKind::Percent, Direction::Down) => truncate_to_replicas(f64::from(start) * (1.0 - percent), version),
    }
}

/// The replicas when the policy's period began. Up to 1.24 only the changes in the same direction
/// were undone (kubernetes/kubernetes#109058).
pub(super) fn period_start_replicas(
    version: KubernetesVersion,
    history: &History,
    now: SimTime,
    current: Replicas,
    policy: &ScalingPolicy,
    direction: Direction,
) -> Replicas {
    let both = version.at_least(25);
    let mut start = current;
    if both || direction == Direction::Up {
        start = start.wrapping_sub(change_within(&history.scale_up_events, policy.period, now));
    }
    if both || direction == Direction::Down {
        start = start.wrapping_add(change_within(&history.scale_down_events, policy.period, now));
    }
    start
}

fn record_stabilization(history: &mut History, out: &mut Decision, proposed: Replicas, stage: Stabilization) {
    let reason = match stage.kind {
        _ if stage.replicas == proposed => AbleToScale::ReadyForNewScale,
        StabilizationKind::Up => AbleToScale::ScaleUpStabilized,
        StabilizationKind::Down => AbleToScale::ScaleDownStabilized,
    };
    history.conditions.able_to_scale = Some(reason.into());
    out.stabilization = Some(stage);
}

fn record_limit(history: &mut History, out: &mut Decision, stage: RateLimit) {
    history.conditions.scaling_limited = Some(Condition { status: stage.limited, reason: stage.reason });
    out.rate_limit = Some(stage);
}
