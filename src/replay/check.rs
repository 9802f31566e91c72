//! One claim against one timeline.

use super::outcome::{Outcome, Part};
use super::{ReadingRun, Step, cluster_check};
use crate::hpa::{Decision, LimitReason, RescaleReason, StabilizationKind, Verdict, limit_proposal};
use crate::model::{Check, Claim, Figure, HpaSpec, Limit, MetricSource, MetricTargetType, Scenario, Window};
use crate::report::{amounts, arithmetic, kubectl, reasons};
use crate::sim::RescaleRecord;
use crate::units::{Replicas, SimTime};

/// So many changes are told one by one.
const TOLD_CHANGES: usize = 3;

/// Checks a claim. Why, and what would make it hold, is told if it is asked for: that takes longer than the check.
pub(super) fn outcome(scenario: &Scenario, runs: &[ReadingRun<'_>], claim: &Claim, explain: bool) -> Outcome {
    let run = &runs[claim.target];
    let checker = Checker { run, hpa: run.target().hpa, explain };
    match &claim.check {
        Check::Stays { replicas, within } => checker.stays(*replicas, *within),
        Check::ReplicasAt { at, replicas } => checker.replicas_at(*at, *replicas),
        Check::Scales { from, to, within } => checker.scales(*from, *to, *within),
        Check::FirstChange { from, to, within } => checker.first_change(*from, *to, *within),
        Check::Reaches { replicas, within } => checker.reaches(*replicas, *within),
        Check::AtMost { replicas } => checker.at_most(*replicas),
        Check::EveryStepUp { pods } => checker.every_step_up(*pods),
        Check::LimitedBy { limit, within } => checker.limited_by(*limit, *within),
        Check::Reason { metric, within } => checker.reason(*metric, *within),
        Check::Condition { reason, within } => checker.condition(reason, *within),
        Check::Triggers { metric, within } => checker.triggers(*metric, *within),
        Check::Total { figure, equals } => checker.total(*figure, *equals),
        Check::GetHpa { at, targets, min_pods, max_pods } => checker.get_hpa(*at, targets, *min_pods, *max_pods),
        Check::GetPods { at, pods } => checker.get_pods(scenario, runs, *at, pods),
        Check::ReadyAtLeast { pods, within } => cluster_check::ready_at_least(run, *pods, *within),
        Check::ReadyAtMost { pods, within } => cluster_check::ready_at_most(run, *pods, *within),
        Check::PodsAtMost { pods, within } => cluster_check::pods_at_most(run, *pods, *within),
        Check::NothingLost => cluster_check::nothing_lost(run),
        Check::RolloutCompletes { by } => cluster_check::rollout_completes(run, *by),
        Check::SlowAtMost { slo, span } => cluster_check::slow_at_most(run, *slo, *span),
        Check::RestartsAtMost { restarts } => cluster_check::restarts(run, |found| found <= *restarts),
        Check::RestartsAtLeast { restarts } => cluster_check::restarts(run, |found| found >= *restarts),
        Check::UnschedulableAtMost { span } => cluster_check::unschedulable_at_most(run, *span),
        Check::NodesAtMost { nodes } => cluster_check::nodes_at_most(run, *nodes),
    }
}

/// What stabilized a decision, and what limited it.
fn limits_of(decision: &Decision) -> [Option<Limit>; 2] {
    let moved = decision.stabilization.filter(|stage| decision.proposed.is_some_and(|p| stage.replicas != p));
    let stabilized = moved.map(|stage| match stage.kind {
        StabilizationKind::Up => Limit::ScaleUpStabilized,
        StabilizationKind::Down => Limit::ScaleDownStabilized,
    });
    let limited = decision.rate_limit.filter(|stage| stage.limited).and_then(|stage| match stage.reason {
        LimitReason::ScaleUpLimit => Some(Limit::ScaleUpLimit),
        LimitReason::ScaleDownLimit => Some(Limit::ScaleDownLimit),
        LimitReason::TooManyReplicas => Some(Limit::TooManyReplicas),
        LimitReason::TooFewReplicas => Some(Limit::TooFewReplicas),
        LimitReason::DesiredWithinRange => None,
    });
    [stabilized, limited]
}

struct Checker<'a> {
    run: &'a ReadingRun<'a>,
    hpa: &'a HpaSpec,
    explain: bool,
}

impl Checker<'_> {
    fn changes(&self, within: Window) -> Vec<&RescaleRecord> {
        self.run.summary.rescales.iter().filter(|event| within.contains(event.at)).collect()
    }

    /// `3 -> 4 at 15s, 4 -> 5 at 1m`, or that nothing changes.
    fn told(&self, changes: &[&RescaleRecord], from: SimTime) -> Vec<Part> {
        if changes.is_empty() {
            return Part::count("stays at ", self.run.replicas_at(from), "").into();
        }
        let one = |event: &&RescaleRecord| {
            Part::at(format_args!("{} -> {}", event.decision.current, event.decision.desired), event.at)
        };
        let mut parts: Vec<Part> = changes.iter().take(TOLD_CHANGES).map(one).collect();
        if let Some(last) = changes.get(TOLD_CHANGES..).and_then(<[_]>::last) {
            parts.push(Part::at(format_args!("... {}", last.decision.desired), last.at));
        }
        parts
    }

    /// The calculation of a decision and what limited it.
    fn why(&self, at: SimTime, decision: &Decision) -> String {
        if !self.explain {
            return String::new();
        }
        let hpa = self.run.hpa_at(at);
        let limits = arithmetic::limits(hpa, decision);
        let formula = arithmetic::formula(hpa, decision);
        if limits.is_empty() { formula } else { format!("{formula}; {limits}") }
    }

    /// What limited a decision.
    fn limits(&self, step: &Step) -> String {
        arithmetic::limits(self.run.hpa_at(step.now), &step.decision)
    }

    /// Why the first of these changes happens, or why nothing does.
    fn why_first(&self, changes: &[&RescaleRecord], until: SimTime) -> String {
        match changes.first() {
            Some(event) => self.why(event.at, &event.decision),
            None => self.why_not(until),
        }
    }

    /// What every metric says at the last sync up to an instant.
    fn why_not(&self, until: SimTime) -> String {
        let Some(step) = self.run.step_at(until).filter(|_| self.explain) else { return String::new() };
        match step.decision.verdict {
            Verdict::Computed => {}
            Verdict::NoScale => return "the scale of the target cannot be found (FailedGetScale)".to_owned(),
            Verdict::Disabled => return "at zero replicas, and not by the HPA: autoscaling is off".to_owned(),
            _ => return "the metrics give no replica count".to_owned(),
        }
        let metrics = self.hpa.metrics.iter().zip(&step.decision.metrics);
        let told: Vec<String> = metrics
            .filter_map(|(source, outcome)| {
                let proposal = outcome.result.as_ref().ok()?;
                Some(format!("{}: {}", source.label(), arithmetic::proposal_formula(source, proposal, outcome.pods)))
            })
            .collect();
        let limits = self.limits(step);
        let limits = if limits.is_empty() { limits } else { format!("; {limits}") };
        told.join(", ") + &limits
    }

    fn stays(&self, replicas: Replicas, within: Window) -> Outcome {
        let changes = self.changes(within);
        let holds = changes.is_empty() && self.run.replicas_at(within.from) == replicas;
        self.outcome(holds, self.told(&changes, within.from), self.why_first(&changes, within.to))
    }

    fn replicas_at(&self, at: SimTime, replicas: Replicas) -> Outcome {
        let found = self.run.replicas_at(at);
        let changes = self.changes(Window { from: SimTime::ZERO, to: at });
        let last = changes.last().map_or_else(|| self.why_not(at), |event| self.why(event.at, &event.decision));
        self.outcome(found == replicas, Part::count("", found, format!(" replicas at {at}")), last)
    }

    fn scales(&self, from: Replicas, to: Replicas, within: Window) -> Outcome {
        let is_it = |event: &&&RescaleRecord| event.decision.current == from && event.decision.desired == to;
        let all: Vec<&RescaleRecord> = self.run.summary.rescales.iter().collect();
        if let Some(event) = all.iter().find(|event| is_it(event) && within.contains(event.at)) {
            return self.outcome(true, self.told(&[event], within.from), self.why(event.at, &event.decision));
        }
        if let Some(event) = all.iter().find(is_it) {
            return self.outcome(false, self.told(&[event], within.from), self.why(event.at, &event.decision));
        }
        let mut outcome = self.outcome(false, self.told(&all, within.from), self.why_first(&all, within.to));
        outcome.remedy = self.remedy(from, to);
        outcome
    }

    fn first_change(&self, from: Option<Replicas>, to: Option<Replicas>, within: Window) -> Outcome {
        let first: Vec<&RescaleRecord> = self.run.summary.rescales.iter().take(1).collect();
        let as_said = first.first().is_some_and(|event| {
            from.is_none_or(|from| event.decision.current == from) && to.is_none_or(|to| event.decision.desired == to)
        });
        let holds = as_said && first.first().is_some_and(|event| within.contains(event.at));
        let mut outcome = self.outcome(holds, self.told(&first, within.from), self.why_first(&first, within.to));
        if let (false, Some(from), Some(to)) = (as_said, from, to) {
            outcome.remedy = self.remedy(from, to);
        }
        outcome
    }

    fn reaches(&self, replicas: Replicas, within: Window) -> Outcome {
        let there = self.run.summary.rescales.iter().find(|event| event.decision.desired >= replicas);
        if self.run.target().initial_replicas >= replicas {
            let at_start = Part::count("", self.run.target().initial_replicas, " from the start");
            return self.outcome(within.from == SimTime::ZERO, at_start, String::new());
        }
        match there {
            Some(event) => {
                let reached = Part::at(event.decision.desired, event.at);
                self.outcome(event.at <= within.to, reached, self.why(event.at, &event.decision))
            }
            None => {
                let most = Part::count("never more than ", self.run.summary.max_replicas(), "");
                self.outcome(false, most, self.why_not(within.to))
            }
        }
    }

    fn at_most(&self, replicas: Replicas) -> Outcome {
        let most = self.run.summary.max_replicas();
        let capped = self.run.steps.iter().find(|step| step.decision.desired >= self.hpa.max_replicas);
        let why =
            capped.map_or_else(|| format!("maxReplicas {}", self.hpa.max_replicas), |s| self.why(s.now, &s.decision));
        self.outcome(most <= replicas, Part::count("at most ", most, ""), why)
    }

    fn every_step_up(&self, pods: Replicas) -> Outcome {
        let ups: Vec<&RescaleRecord> =
            self.run.summary.rescales.iter().filter(|e| e.decision.desired > e.decision.current).collect();
        let other = ups.iter().find(|event| event.decision.desired - event.decision.current != pods);
        let holds = !ups.is_empty() && other.is_none();
        let why = other
            .or(ups.first())
            .map_or_else(|| self.why_not(SimTime::MAX), |event| self.why(event.at, &event.decision));
        self.outcome(holds, self.told(&ups, SimTime::ZERO), why)
    }

    fn limited_by(&self, limit: Limit, within: Window) -> Outcome {
        let named = |step: &Step| limits_of(&step.decision).contains(&Some(limit));
        let mut steps = self.run.steps.iter().filter(|step| within.contains(step.now));
        if let Some(step) = steps.clone().find(|step| named(step)) {
            return self.outcome(true, Part::at("limited", step.now), self.why(step.now, &step.decision));
        }
        let limited = steps.find(|step| limits_of(&step.decision) != [None, None]);
        let first = self.run.summary.rescales.first().map(|event| (event.at, &event.decision));
        let decision = limited.map(|step| (step.now, &step.decision)).or(first);
        let why = decision.map_or_else(
            || self.why_not(SimTime::MAX),
            |(at, decision)| {
                self.why(at, decision) + &self.governing_policy(first.map_or(decision, |(_, first)| first))
            },
        );
        let instead = if limited.is_some() { "limited by something else" } else { "nothing is limited" };
        self.outcome(false, Part::words(instead), why)
    }

    fn reason(&self, metric: usize, within: Window) -> Outcome {
        let mut seen: Vec<String> = Vec::new();
        for step in self.run.steps.iter().filter(|step| within.contains(step.now) && step.decision.rescaled) {
            let setup = &self.run.setup;
            let reason =
                reasons::rescale_reason(self.run.hpa_at(step.now), setup.world.controller.version, &step.decision);
            if step.decision.reason == Some(RescaleReason::AboveTarget { metric }) {
                return self.outcome(true, Part::at(reason, step.now), self.why(step.now, &step.decision));
            }
            if !reason.is_empty() && !seen.contains(&reason) {
                seen.push(reason);
            }
        }
        let instead = if seen.is_empty() { "no rescale in this time".to_owned() } else { seen.join(", ") };
        self.outcome(false, Part::words(instead), String::new())
    }

    fn condition(&self, wanted: &str, within: Window) -> Outcome {
        let mut seen: Vec<&str> = Vec::new();
        for step in self.run.steps.iter().filter(|step| within.contains(step.now)) {
            for (kind, _, reason) in reasons::conditions(&step.decision.conditions) {
                if reason == wanted {
                    let instead = Part::at(format_args!("{kind} has {reason}"), step.now);
                    return self.outcome(true, instead, self.why(step.now, &step.decision));
                }
                if !seen.contains(&reason) {
                    seen.push(reason);
                }
            }
        }
        self.outcome(false, Part::words(format!("the conditions have {}", seen.join(", "))), String::new())
    }

    /// What the policy that governs a change allows.
    fn governing_policy(&self, decision: &Decision) -> String {
        let Some((limit, from)) = decision.rate_limit.and_then(|stage| Some((stage.limit?, stage.policy?))) else {
            return String::new();
        };
        let sign = if decision.desired > decision.current { '+' } else { '-' };
        format!("; {sign}{} governs and allows {} -> {limit}", from.policy, decision.current)
    }

    fn triggers(&self, index: usize, within: Window) -> Outcome {
        let source = &self.hpa.metrics[index];
        let metric = source.label();
        let steps = self.run.steps.iter().filter(|step| within.contains(step.now));
        let mut why = String::new();
        for step in steps {
            let Some(outcome) = step.decision.metrics.get(index) else { continue };
            let Ok(proposal) = &outcome.result else { continue };
            let told = || arithmetic::proposal_formula(source, proposal, outcome.pods);
            let formula = if self.explain { told() } else { String::new() };
            if proposal.replicas > step.decision.current {
                return self.outcome(true, Part::at(format_args!("{metric} asks for more"), step.now), formula);
            }
            why = formula;
        }
        self.outcome(false, Part::words(format!("{metric} never asks for more")), why)
    }

    fn total(&self, figure: Figure, equals: f64) -> Outcome {
        let s = &self.run.summary;
        let peak = f64::from(s.max_replicas());
        let (found, text) = match figure {
            Figure::PodHours => {
                let hours = s.pod_seconds() as f64 / 3600.0;
                (hours, Part::decimal(hours, " pod-hours"))
            }
            Figure::PeakCpuRequests => {
                let cores = s.pod_cpu_request.get() as f64 / 1000.0 * peak;
                (cores, Part::words(format!("{} cores", amounts::decimal(cores, 3))))
            }
            Figure::PeakMemoryRequests => {
                let bytes = s.pod_memory_request.get() as f64 * peak;
                (bytes, Part::words(amounts::bytes(bytes)))
            }
        };
        // Pod-hours as they are printed; requests are exact.
        let rounding = if figure == Figure::PodHours { 0.005 } else { 0.0 };
        let holds = (found - equals).abs() <= (1e-9 * equals.abs()).max(rounding);
        let per_pod = format!("{} and {} requested per pod", s.pod_cpu_request, s.pod_memory_request);
        self.outcome(holds, text, format!("at most {} replicas, {per_pod}", s.max_replicas()))
    }

    fn get_hpa(&self, at: SimTime, targets: &str, min_pods: Replicas, max_pods: Replicas) -> Outcome {
        let Some(row) = self.run.rows.iter().rev().find(|row| row.now <= at) else {
            return self.outcome(false, Part::words(format!("no sync up to {at}")), String::new());
        };
        let hpa = self.run.hpa_at(at);
        let found = kubectl::targets(hpa, &row.metrics);
        // Up to 1.29 kubectl did not name the resources.
        let named = |text: &str| text.contains(": ");
        let shown = if named(targets) { found.clone() } else { without_names(&found) };
        let bounds = hpa.min_replicas == min_pods && hpa.max_replicas == max_pods;
        let instead = format!("{found}, {} to {} pods", hpa.min_replicas, hpa.max_replicas);
        let kubectl = if named(targets) || shown != targets { "" } else { "kubectl 1.30 and later name the resource" };
        self.outcome(shown == targets && bounds, Part::words(instead), kubectl.to_owned())
    }

    fn get_pods(
        &self,
        scenario: &Scenario,
        runs: &[ReadingRun<'_>],
        at: SimTime,
        pods: &[(String, Replicas)],
    ) -> Outcome {
        let found = |name: &str| {
            if let Some(run) = runs.iter().find(|run| name == run.target().workload.reference.name) {
                return Some(run.replicas_at(at));
            }
            scenario.workloads.iter().find(|(workload, _)| workload == name).map(|(_, replicas)| *replicas)
        };
        let told: Vec<String> = pods
            .iter()
            .map(|(name, _)| found(name).map_or_else(|| format!("no {name}"), |count| format!("{count} {name}")))
            .collect();
        let holds = pods.iter().all(|(name, count)| found(name) == Some(*count));
        self.outcome(
            holds,
            Part::words(told.join(", ")),
            format!("spec.replicas of the manifests, the HPA's choice at {at}"),
        )
    }

    fn outcome(&self, holds: bool, instead: impl Into<Vec<Part>>, why: String) -> Outcome {
        Outcome::new(holds, instead, why)
    }

    /// The utilization that makes the HPA go from one count to another in one step: of the first metric with
    /// such a target, if nothing has been scaled for a while.
    fn remedy(&self, from: Replicas, to: Replicas) -> String {
        let utilization = |source: &MetricSource| match source.target() {
            MetricTargetType::Utilization(percent) => Some((source.label(), i64::from(percent))),
            MetricTargetType::AverageValue(_) | MetricTargetType::Value(_) => None,
        };
        let Some((label, target)) = self.hpa.metrics.iter().find_map(utilization) else { return String::new() };
        if !self.explain || from < 1 || to < 1 || from == to {
            return String::new();
        }
        let (down, up) = self.hpa.tolerances(self.run.setup.world.controller.tolerance);
        let takes_there = |percent: &i64| {
            let ratio = *percent as f64 / target as f64;
            let scales = ratio > 1.0 + up || ratio < 1.0 - down;
            let proposed = (ratio * f64::from(from)).ceil() as Replicas;
            scales && limit_proposal(self.hpa, &self.run.setup.world.controller, from, proposed) == to
        };
        let step = format!("{from} -> {to} in one step");
        match ((1..=MOST_PERCENT).find(takes_there), (1..=MOST_PERCENT).rev().find(takes_there)) {
            (Some(1), Some(highest)) => format!("{step} takes {label} at {highest}% or less"),
            (Some(lowest), Some(MOST_PERCENT)) => format!("{step} takes {label} at {lowest}% or more"),
            (Some(lowest), Some(highest)) => format!("{step} takes {label} at {lowest}% to {highest}%"),
            _ => format!("{step} cannot happen: no {label} utilization and policy allow it"),
        }
    }
}

/// Utilization is looked for up to here.
const MOST_PERCENT: i64 = 10_000;

/// `cpu: 50%/70%, memory: 40%/80%` as older kubectls print it: `50%/70%, 40%/80%`.
fn without_names(targets: &str) -> String {
    let bare = |part: &str| part.split_once(": ").map_or(part, |(_, rest)| rest).to_owned();
    targets.split(", ").map(bare).collect::<Vec<_>>().join(", ")
}
