//! A decision as a person would derive it, stage by stage.

use super::amounts::{decimal, metric_amount, tolerances};
use super::{arithmetic, kubectl, reasons};
use crate::hpa::{Arithmetic, Basis, Decision, History, PodCounts, PolicyExplanation, StabilizationKind, Verdict};
use crate::model::{ControllerConfig, HpaSpec, KubernetesVersion, MetricSource};
use crate::units::SimTime;

/// A sync of the HPA that is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'a> {
    /// The HPA at that instant.
    pub hpa: &'a HpaSpec,
    /// The controller's settings.
    pub controller: &'a ControllerConfig,
    /// When.
    pub now: SimTime,
    /// What was decided.
    pub decision: &'a Decision,
    /// What the controller remembered afterwards; without it policies and earlier recommendations are not told.
    pub history: Option<&'a History>,
}

/// What the controller remembered after syncs that are to be explained: it takes more room than all else.
#[derive(Clone, Debug, Default)]
pub struct Remembered(Vec<(SimTime, History)>);

impl Remembered {
    /// Nothing.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// After a sync later than the others.
    pub fn push(&mut self, now: SimTime, history: &History) {
        self.0.push((now, history.clone()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// After the sync at an instant.
    pub fn after(&self, now: SimTime) -> Option<&History> {
        let index = self.0.binary_search_by_key(&now, |(at, _)| *at).ok()?;
        self.0.get(index).map(|(_, history)| history)
    }
}

/// Lines, each as deep as what it is part of.
#[derive(Debug, Default)]
struct Outline(Vec<(usize, String)>);

impl Outline {
    fn add(&mut self, depth: usize, line: impl Into<String>) {
        self.0.push((depth, line.into()));
    }
}

/// A decision in words: its heading, and lines that stand the deeper the more they are a part of what is above.
pub fn outline(sync: &Sync<'_>) -> (String, Vec<(usize, String)>) {
    let (hpa, decision) = (sync.hpa, sync.decision);
    let mut out = Outline::default();
    match decision.verdict {
        Verdict::NoScale => {
            out.add(0, format!("The scale of {} cannot be found: nothing is done (FailedGetScale).", hpa.target));
        }
        Verdict::Disabled => out.add(0, "At zero replicas, and not put there by the HPA: autoscaling is off."),
        Verdict::OutOfBounds => {
            out.add(0, format!("{}: no metric is looked at.", reasons::bounds_reason(decision)));
        }
        Verdict::Computed | Verdict::Failed => {
            metrics(sync, &mut out);
            if decision.verdict == Verdict::Computed {
                stabilization(sync, &mut out);
                rate_limit(sync, &mut out);
            }
        }
    }
    result(hpa, sync.controller.version, decision, &mut out);
    (format!("Sync at {}: {} replicas", sync.now, decision.current), out.0)
}

fn metrics(sync: &Sync<'_>, out: &mut Outline) {
    let (hpa, decision) = (sync.hpa, sync.decision);
    let tolerance = hpa.tolerances(sync.controller.tolerance);
    for (index, (source, outcome)) in hpa.metrics.iter().zip(&decision.metrics).enumerate() {
        let status = outcome.result.ok().map(|proposal| proposal.status);
        out.add(0, format!("Metric {}: {}", index + 1, kubectl::target(source, status)));
        if let Some(PodCounts { ready, unready, missing, ignored }) = outcome.pods {
            let counts = format!("{ready} ready, {unready} unready, {missing} missing (no metrics), {ignored} ignored");
            out.add(1, format!("pods: {counts}"));
        }
        match &outcome.result {
            Err(failure) => out.add(1, format!("no proposal: {}", reasons::failure(*failure))),
            Ok(proposal) => {
                calculation(tolerance, source, &proposal.arithmetic, outcome.pods, out);
                out.add(1, arithmetic::proposal_formula(source, proposal, outcome.pods));
            }
        }
    }
    match (decision.winner, decision.proposed) {
        (Some(winner), Some(proposed)) if hpa.metrics.len() > 1 => {
            let label = hpa.metrics.get(winner).map(MetricSource::label).unwrap_or_default();
            out.add(0, format!("The largest proposal counts: {proposed}, of {label}"));
        }
        (_, None) => {
            out.add(0, "No replica count: without all metrics the HPA may scale up on the rest, but never down");
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
    out: &mut Outline,
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
    out.add(1, format!("{sums}; ratio {} (tolerance {})", decimal(a.ratio, 4), tolerances(down, up)));
    if let Some(recount) = a.recount {
        let value =
            if a.basis == Basis::Utilization { format!("{}%", recount.current) } else { amount(recount.current) };
        let (pods, ratio) = (a.multiplier, decimal(recount.ratio, 4));
        let what = "counted again over";
        out.add(1, format!("{what} {pods} pods with what is assumed of the others: {value}; ratio {ratio}"));
    }
}

fn stabilization(sync: &Sync<'_>, out: &mut Outline) {
    let (Some(stage), Some(proposed)) = (sync.decision.stabilization, sync.decision.proposed) else { return };
    let which = match stage.kind {
        StabilizationKind::Up => "lowest of the scale-up window",
        StabilizationKind::Down => "highest of the scale-down window",
    };
    let Some(history) = sync.history else { return };
    let past = history.recommendations_before(sync.now, proposed);
    let cutoff = sync.now - stage.window;
    let inclusive = sync.hpa.behavior.is_none();
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
    out.add(0, format!("Stabilization, {which} ({}): recommendations {inside}", stage.window));
    out.add(1, format!("{proposed} becomes {}", stage.replicas));
}

fn rate_limit(sync: &Sync<'_>, out: &mut Outline) {
    let (hpa, decision) = (sync.hpa, sync.decision);
    let (Some(stabilized), Some(stage)) = (decision.stabilization.map(|s| s.replicas), decision.rate_limit) else {
        return;
    };
    if stabilized != decision.current {
        let up = stabilized > decision.current;
        let sign = if up { '+' } else { '-' };
        let version = sync.controller.version;
        let history = sync.history.iter();
        for policy in history.flat_map(|known| known.policies_at(hpa, version, sync.now, decision.current, up)) {
            let PolicyExplanation { policy, added, removed, period_start_replicas: began, allowed } = policy;
            let since = format!("{began} replicas when the period began ({added} added, {removed} removed since)");
            out.add(0, format!("Policy {sign}{policy}: {since}: allows {allowed}"));
        }
        if let Some(limit) = stage.limit {
            let rules = hpa.behavior.as_ref().map(|b| if up { &b.scale_up } else { &b.scale_down });
            let selected = rules.map_or_else(String::new, |rules| format!(", selectPolicy {:?}", rules.select_policy));
            out.add(0, format!("Rate limit{selected}: {limit}"));
        }
    }
    let limits = arithmetic::limits(hpa, decision);
    let clamp = format!("Bounds {} to {}: {}", hpa.min_replicas, hpa.max_replicas, decision.desired);
    out.add(0, if limits.is_empty() { clamp } else { format!("{clamp} ({limits})") });
}

fn result(hpa: &HpaSpec, version: KubernetesVersion, decision: &Decision, out: &mut Outline) {
    if decision.rescaled {
        let reason = reasons::rescale_reason(hpa, version, decision);
        let (from, to) = (decision.current, decision.desired);
        out.add(0, format!("=> {from} -> {to}; SuccessfulRescale, reason: {reason}"));
    } else {
        out.add(0, format!("=> stays at {}", decision.desired));
    }
    let conditions: Vec<String> = reasons::conditions(&decision.conditions)
        .iter()
        .map(|(kind, status, reason)| format!("{kind}={} ({reason})", if *status { "True" } else { "False" }))
        .collect();
    out.add(0, format!("Conditions: {}", conditions.join(", ")));
}
