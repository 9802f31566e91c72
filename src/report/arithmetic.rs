//! A decision in one line: the metric, the calculation, what limited it.

use super::amounts::metric_amount;
use super::reasons;
use crate::hpa::{
    Arithmetic, Basis, Decision, KeepReason, LimitReason, MetricOutcome, PodCounts, Proposal, StabilizationKind,
    Verdict,
};
use crate::model::{HpaSpec, MetricSource};
use crate::units::Replicas;

/// The metric that a decision goes back to: the one with the largest proposal.
pub fn deciding_metric<'a>(hpa: &'a HpaSpec, decision: &Decision) -> Option<(&'a MetricSource, MetricOutcome)> {
    let index = decision.winner?;
    Some((hpa.metrics.get(index)?, *decision.metrics.get(index)?))
}

/// The calculation of a decision's replica count: `ceil(3 x 80/70) = 4`.
pub fn formula(hpa: &HpaSpec, decision: &Decision) -> String {
    match (decision.verdict, deciding_metric(hpa, decision)) {
        (Verdict::OutOfBounds, _) => reasons::bounds_reason(decision).to_owned(),
        (_, Some((source, MetricOutcome { result: Ok(proposal), pods }))) => proposal_formula(source, &proposal, pods),
        _ => "-".to_owned(),
    }
}

/// The calculation of one metric's proposal.
pub fn proposal_formula(source: &MetricSource, proposal: &Proposal, pods: Option<PodCounts>) -> String {
    let a = &proposal.arithmetic;
    let ratio = format!("{}/{}", in_unit(source, a, current_of(a)), in_unit(source, a, a.target));
    let assumed = assumptions(source, a, pods);
    let kept = |why: &str| format!("{ratio}{assumed} {why}: keep {}", proposal.replicas);
    match a.kept {
        Some(KeepReason::WithinTolerance) => return kept("is within tolerance"),
        Some(KeepReason::WouldReverse) => return kept("would reverse the direction"),
        None => {}
    }
    let product = match a.basis {
        Basis::ValuePerPod => {
            format!("{}/{}", metric_amount(source, a.total), metric_amount(source, a.target))
        }
        // At zero replicas, the ratio itself.
        Basis::Value if a.multiplier == 1 => ratio,
        _ => format!("{} x {ratio}", a.multiplier),
    };
    format!("ceil({product}) = {}{assumed}", proposal.replicas)
}

/// What was assumed of pods that do not count, in brackets; empty if nothing was.
fn assumptions(source: &MetricSource, a: &Arithmetic, pods: Option<PodCounts>) -> String {
    let (Some(recount), Some(pods)) = (a.recount, pods) else { return String::new() };
    let mut parts = Vec::new();
    if recount.with_unready {
        parts.push(format!("{} unready at 0", pods.unready));
    }
    if let Some(assumed) = recount.missing_use {
        parts.push(format!("{} missing at {}", pods.missing, metric_amount(source, assumed)));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// What the ratio is of, after the second calculation if there was one.
fn current_of(a: &Arithmetic) -> i64 {
    a.recount.map_or(a.current, |recount| recount.current)
}

fn in_unit(source: &MetricSource, a: &Arithmetic, value: i64) -> String {
    match a.basis {
        Basis::Utilization => value.to_string(),
        Basis::AverageValue | Basis::Value | Basis::ValuePerPod => metric_amount(source, value),
    }
}

/// What kept a decision from its largest proposal: stabilization, a policy, the bounds. Empty if nothing did.
pub fn limits(hpa: &HpaSpec, decision: &Decision) -> String {
    let mut parts = Vec::new();
    if let (Some(stage), Some(proposed)) = (decision.stabilization, decision.proposed)
        && stage.replicas != proposed
    {
        let which = match stage.kind {
            StabilizationKind::Up => "ScaleUpStabilized: lowest",
            StabilizationKind::Down => "ScaleDownStabilized: highest",
        };
        parts.push(format!("{which} recommendation of the last {} is {}", stage.window, stage.replicas));
    }
    if let Some(stage) = decision.rate_limit.filter(|stage| stage.limited) {
        parts.push(limit_text(hpa, decision, stage.reason, stage.limit));
    }
    parts.join("; ")
}

fn limit_text(hpa: &HpaSpec, decision: &Decision, reason: LimitReason, limit: Option<Replicas>) -> String {
    let name = reason.name();
    match reason {
        LimitReason::TooFewReplicas => format!("{name}: minReplicas {}", hpa.min_replicas),
        LimitReason::TooManyReplicas => format!("{name}: maxReplicas {}", hpa.max_replicas),
        LimitReason::DesiredWithinRange => String::new(),
        LimitReason::ScaleUpLimit | LimitReason::ScaleDownLimit => {
            let limit = limit.unwrap_or(decision.desired);
            let sign = if reason == LimitReason::ScaleUpLimit { '+' } else { '-' };
            match decision.rate_limit.and_then(|stage| stage.policy) {
                Some(from) => {
                    format!("{name}: {sign}{} from {} allows {limit}", from.policy, from.period_start_replicas)
                }
                None if hpa.behavior.is_none() => format!("{name}: max(2 x {}, 4) = {limit}", decision.current),
                None => format!("{name}: selectPolicy Disabled"),
            }
        }
    }
}
