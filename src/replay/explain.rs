//! A decision as a person would derive it, stage by stage; as text or JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{ReadingRun, Step};
use crate::hpa::{Arithmetic, Basis, Decision, MetricOutcome, PodCounts, StabilizationKind, Verdict};
use crate::model::{HpaSpec, KubernetesVersion, MetricSource};
use crate::report::amounts::{decimal, metric_amount, tolerances};
use crate::report::{arithmetic, kubectl, reasons};

/// A decision in words, of a step whose history was kept.
pub fn text(run: &ReadingRun<'_>, step: &Step) -> String {
    let (hpa, decision) = (run.hpa_at(step.now), &step.decision);
    let mut text = format!("Sync at {}: {} replicas\n", step.now, decision.current);
    match decision.verdict {
        Verdict::NoScale => {
            let _ = writeln!(text, "  The scale of {} cannot be found: nothing is done (FailedGetScale).", hpa.target);
        }
        Verdict::Disabled => {
            let _ = writeln!(text, "  At zero replicas, and not put there by the HPA: autoscaling is off.");
        }
        Verdict::OutOfBounds => {
            let _ = writeln!(text, "  {}: no metric is looked at.", reasons::bounds_reason(decision));
        }
        Verdict::Computed | Verdict::Failed => {
            metrics(run, step, &mut text);
            if decision.verdict == Verdict::Computed {
                stabilization(run, step, &mut text);
                rate_limit(run, step, &mut text);
            }
        }
    }
    result(hpa, run.setup.world.controller.version, decision, &mut text);
    text
}

fn metrics(run: &ReadingRun<'_>, step: &Step, text: &mut String) {
    let (hpa, decision) = (run.hpa_at(step.now), &step.decision);
    let tolerance = hpa.tolerances(run.setup.world.controller.tolerance);
    for (index, (source, outcome)) in hpa.metrics.iter().zip(&decision.metrics).enumerate() {
        let status = outcome.result.ok().map(|proposal| proposal.status);
        let _ = writeln!(text, "  Metric {}: {}", index + 1, kubectl::target(source, status));
        if let Some(pods) = outcome.pods {
            let _ = writeln!(
                text,
                "    pods: {} ready, {} unready, {} missing (no metrics), {} ignored",
                pods.ready, pods.unready, pods.missing, pods.ignored
            );
        }
        match &outcome.result {
            Err(failure) => {
                let _ = writeln!(text, "    no proposal: {}", reasons::failure(*failure));
            }
            Ok(proposal) => {
                calculation(tolerance, source, &proposal.arithmetic, outcome.pods, text);
                let _ = writeln!(text, "    {}", arithmetic::proposal_formula(source, proposal, outcome.pods));
            }
        }
    }
    match (decision.winner, decision.proposed) {
        (Some(winner), Some(proposed)) if hpa.metrics.len() > 1 => {
            let label = hpa.metrics.get(winner).map(MetricSource::label).unwrap_or_default();
            let _ = writeln!(text, "  The largest proposal counts: {proposed}, of {label}");
        }
        (_, None) => {
            let why = "No replica count: without all metrics the HPA may scale up on the rest, but never down";
            let _ = writeln!(text, "  {why}");
        }
        _ => {}
    }
}

/// Sums, quotient, ratio and tolerance.
fn calculation(
    tolerance: (f64, f64),
    source: &MetricSource,
    a: &Arithmetic,
    pods: Option<PodCounts>,
    text: &mut String,
) {
    let counted = pods.map_or(a.multiplier, |pods| pods.ready);
    let amount = |value: i64| metric_amount(source, value);
    let sums = match (a.basis, a.request_total) {
        (Basis::Utilization, Some(requests)) => {
            format!("use {} / requests {} = {}%, truncated", amount(a.total), amount(requests), a.current)
        }
        (Basis::AverageValue, _) => format!("use {} / {counted} pods = {}", amount(a.total), amount(a.current)),
        (Basis::ValuePerPod, _) => format!("{} / {counted} pods = {}", amount(a.total), amount(a.current)),
        _ => format!("value {}", amount(a.total)),
    };
    let (down, up) = tolerance;
    let _ = writeln!(text, "    {sums}; ratio {} (tolerance {})", decimal(a.ratio, 4), tolerances(down, up));
    if let Some(recount) = a.recount {
        let value =
            if a.basis == Basis::Utilization { format!("{}%", recount.current) } else { amount(recount.current) };
        let _ = writeln!(
            text,
            "    counted again over {} pods with what is assumed of the others: {value}; ratio {}",
            a.multiplier,
            decimal(recount.ratio, 4)
        );
    }
}

fn stabilization(run: &ReadingRun<'_>, step: &Step, text: &mut String) {
    let (Some(stage), Some(proposed)) = (step.decision.stabilization, step.decision.proposed) else { return };
    let which = match stage.kind {
        StabilizationKind::Up => "lowest of the scale-up window",
        StabilizationKind::Down => "highest of the scale-down window",
    };
    let Some(history) = &step.history else { return };
    let past = history.recommendations_before(step.now, proposed);
    let cutoff = step.now - stage.window;
    let inclusive = run.hpa_at(step.now).behavior.is_none();
    let inside: Vec<String> = past
        .iter()
        .filter(|old| old.at > cutoff || (inclusive && old.at == cutoff))
        .map(|old| (old.replicas, old.at))
        .collect::<Vec<_>>()
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|group| {
            let (first, last) = (group.first()?, group.last()?);
            Some(if group.len() == 1 {
                format!("{} at {}", first.0, first.1)
            } else {
                format!("{} from {} to {}", first.0, first.1, last.1)
            })
        })
        .collect();
    let inside = if inside.is_empty() { "none".to_owned() } else { inside.join(", ") };
    let _ = writeln!(text, "  Stabilization, {which} ({}): recommendations {inside}", stage.window);
    let _ = writeln!(text, "    {proposed} becomes {}", stage.replicas);
}

fn rate_limit(run: &ReadingRun<'_>, step: &Step, text: &mut String) {
    let (hpa, decision) = (run.hpa_at(step.now), &step.decision);
    let (Some(stabilized), Some(stage)) = (decision.stabilization.map(|s| s.replicas), decision.rate_limit) else {
        return;
    };
    if stabilized != decision.current {
        let up = stabilized > decision.current;
        let sign = if up { '+' } else { '-' };
        let version = run.setup.world.controller.version;
        let history = step.history.iter();
        for policy in history.flat_map(|known| known.policies_at(hpa, version, step.now, decision.current, up)) {
            let _ = writeln!(
                text,
                "  Policy {sign}{}: {} replicas when the period began ({} added, {} removed since): allows {}",
                policy.policy, policy.period_start_replicas, policy.added, policy.removed, policy.allowed
            );
        }
        if let Some(limit) = stage.limit {
            let rules = hpa.behavior.as_ref().map(|b| if up { &b.scale_up } else { &b.scale_down });
            let selected = rules.map_or_else(String::new, |rules| format!(", selectPolicy {:?}", rules.select_policy));
            let _ = writeln!(text, "  Rate limit{selected}: {limit}");
        }
    }
    let limits = arithmetic::limits(hpa, decision);
    let clamp = format!("  Bounds {} to {}: {}", hpa.min_replicas, hpa.max_replicas, decision.desired);
    let _ = writeln!(text, "{clamp}{}", if limits.is_empty() { String::new() } else { format!(" ({limits})") });
}

fn result(hpa: &HpaSpec, version: KubernetesVersion, decision: &Decision, text: &mut String) {
    if decision.rescaled {
        let reason = reasons::rescale_reason(hpa, version, decision);
        let _ =
            writeln!(text, "  => {} -> {}; SuccessfulRescale, reason: {reason}", decision.current, decision.desired);
    } else {
        let _ = writeln!(text, "  => stays at {}", decision.desired);
    }
    let conditions: Vec<String> = reasons::conditions(&decision.conditions)
        .iter()
        .map(|(kind, status, reason)| format!("{kind}={} ({reason})", if *status { "True" } else { "False" }))
        .collect();
    let _ = writeln!(text, "  Conditions: {}", conditions.join(", "));
}

/// The same as JSON; values of metrics in thousandths, utilization in percent.
pub fn json(run: &ReadingRun<'_>, step: &Step) -> Value {
    let (hpa, decision) = (run.hpa_at(step.now), &step.decision);
    let metrics: Vec<Value> =
        hpa.metrics.iter().zip(&decision.metrics).map(|(source, outcome)| metric_json(source, outcome)).collect();
    let up = decision.stabilization.is_some_and(|stage| stage.replicas > decision.current);
    let version = run.setup.world.controller.version;
    let policies: Vec<Value> = step
        .history
        .iter()
        .flat_map(|history| history.policies_at(hpa, version, step.now, decision.current, up))
        .map(|policy| {
            json!({
                "policy": policy.policy.to_string(),
                "periodStartReplicas": policy.period_start_replicas,
                "added": policy.added,
                "removed": policy.removed,
                "allowed": policy.allowed,
            })
        })
        .collect();
    let recommendations: Vec<Value> = step
        .history
        .iter()
        .flat_map(|history| history.recommendations_before(step.now, decision.proposed.unwrap_or_default()))
        .map(|old| json!({ "timeSeconds": old.at.seconds(), "replicas": old.replicas }))
        .collect();
    let conditions: Vec<Value> = reasons::conditions(&decision.conditions)
        .iter()
        .map(|(kind, status, reason)| json!({ "type": kind, "status": status, "reason": reason }))
        .collect();
    json!({
        "timeSeconds": step.now.seconds(),
        "reading": run.load.reading.name(),
        "currentReplicas": decision.current,
        "metrics": metrics,
        "winner": decision.winner.and_then(|index| hpa.metrics.get(index)).map(MetricSource::label),
        "proposed": decision.proposed,
        "stabilization": decision.stabilization.map(|stage| json!({
            "windowSeconds": stage.window.seconds(),
            "direction": match stage.kind { StabilizationKind::Up => "up", StabilizationKind::Down => "down" },
            "replicas": stage.replicas,
        })),
        "recommendations": recommendations,
        "policies": policies,
        "rateLimit": decision.rate_limit.map(|stage| json!({
            "limit": stage.limit, "limited": stage.limited, "reason": stage.reason.name(),
        })),
        "desiredReplicas": decision.desired,
        "rescaled": decision.rescaled,
        "reason": reasons::rescale_reason(hpa, run.setup.world.controller.version, decision),
        "limitedBy": arithmetic::limits(hpa, decision),
        "conditions": conditions,
    })
}

fn metric_json(source: &MetricSource, outcome: &MetricOutcome) -> Value {
    let pods = outcome.pods.map(|pods| {
        json!({ "ready": pods.ready, "unready": pods.unready, "missing": pods.missing, "ignored": pods.ignored })
    });
    match &outcome.result {
        Err(failure) => json!({ "name": source.label(), "pods": pods, "failure": reasons::failure(*failure) }),
        Ok(proposal) => {
            let a = &proposal.arithmetic;
            json!({
                "name": source.label(),
                "pods": pods,
                "total": a.total,
                "requests": a.request_total,
                "current": a.current,
                "target": a.target,
                "ratio": a.ratio,
                "recount": a.recount.map(|recount| json!({
                    "current": recount.current, "ratio": recount.ratio, "missingUse": recount.missing_use,
                    "withUnready": recount.with_unready,
                })),
                "multiplier": a.multiplier,
                "proposal": proposal.replicas,
                "calculation": arithmetic::proposal_formula(source, proposal, outcome.pods),
            })
        }
    }
}
