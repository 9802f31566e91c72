//! Claims about pods, requests and nodes.

use super::{Outcome, ReadingRun};
use crate::model::{Check, Window};
use crate::report::amounts::decimal;
use crate::sim::{PodNumbers, Summary};
use crate::units::{Replicas, SimTime};

/// Checks a claim; one that is not about these holds of nothing.
pub(super) fn outcome(run: &ReadingRun<'_>, check: &Check) -> Outcome {
    let s = &run.summary;
    match check {
        Check::ReadyAtLeast { pods, within } => ready_at_least(s, *pods, *within),
        Check::ReadyAtMost { pods, within } => ready_at_most(s, *pods, *within),
        Check::PodsAtMost { pods, within } => pods_at_most(s, *pods, *within),
        Check::NothingLost => nothing_lost(run),
        Check::RolloutCompletes { by } => rollout_completes(s, *by),
        Check::SlowAtMost { span } => {
            let Some(slo) = run.setup.cluster.slo else {
                let instead = "there is no promise: cluster.slo".to_owned();
                return Outcome::new(false, instead, String::new());
            };
            Outcome::new(s.slow <= *span, format!("{slo} is broken for {}", s.slow), String::new())
        }
        Check::RestartsAtMost { restarts } => {
            let oom = if s.oom_kills > 0 { format!("{} of them OOMKilled", s.oom_kills) } else { String::new() };
            Outcome::new(s.restarts <= *restarts, format!("{} restarts", s.restarts), oom)
        }
        Check::NodesAtMost { nodes } => {
            let known = s.node_seconds.is_some();
            let instead =
                if known { format!("at most {} nodes", s.max_nodes) } else { "no nodes are simulated".into() };
            Outcome::new(known && s.max_nodes <= *nodes, instead, String::new())
        }
        _ => Outcome::new(false, String::new(), String::new()),
    }
}

/// The numbers of pods in a window: those at its start, and every change.
fn numbers(s: &Summary, within: Window) -> impl Iterator<Item = &(SimTime, PodNumbers)> {
    let before = s.pod_numbers.iter().rev().find(|(at, _)| *at < within.from);
    let exact = s.pod_numbers.iter().any(|(at, _)| *at == within.from);
    let inside = s.pod_numbers.iter().filter(move |(at, _)| within.contains(*at));
    before.filter(|_| !exact).into_iter().chain(inside)
}

fn ready_at_least(s: &Summary, pods: Replicas, within: Window) -> Outcome {
    let least = numbers(s, within).min_by_key(|(_, numbers)| numbers.ready);
    let Some((at, least)) = least else { return Outcome::new(false, "no pods".into(), String::new()) };
    let instead = format!("{} or more ready", least.ready);
    let why = if least.ready < pods { format!("{} of {} at {at}", least.ready, least.existing) } else { String::new() };
    Outcome::new(least.ready >= pods, instead, why)
}

fn ready_at_most(s: &Summary, pods: Replicas, within: Window) -> Outcome {
    let most = numbers(s, within).max_by_key(|(_, numbers)| numbers.ready);
    let Some((at, most)) = most else { return Outcome::new(true, "no pods".into(), String::new()) };
    let pending = numbers(s, within).map(|(_, numbers)| numbers.pending).max().unwrap_or(0);
    let why = if most.ready > pods {
        format!("{} of {} at {at}", most.ready, most.existing)
    } else {
        format!("up to {pending} are Pending")
    };
    Outcome::new(most.ready <= pods, format!("up to {} ready", most.ready), why)
}

fn pods_at_most(s: &Summary, pods: Replicas, within: Window) -> Outcome {
    let most = numbers(s, within).max_by_key(|(_, numbers)| numbers.existing);
    let Some((at, most)) = most else { return Outcome::new(true, "no pods".into(), String::new()) };
    let terminating = numbers(s, within).map(|(_, numbers)| numbers.existing + numbers.terminating).max().unwrap_or(0);
    let why = format!("first at {at}; with terminating ones up to {terminating}");
    Outcome::new(most.existing <= pods, format!("up to {} pods", most.existing), why)
}

fn nothing_lost(run: &ReadingRun<'_>) -> Outcome {
    let s = &run.summary;
    let core_seconds = |work: i128| decimal(work as f64 / 1e9, 2);
    let mut lost = Vec::new();
    if s.refusing.seconds() > 0 {
        lost.push(format!("{} in which pods that end, or have not started, are still sent work", s.refusing));
    }
    if s.work_lost > 0 {
        lost.push(format!("{} core-seconds lost", core_seconds(s.work_lost)));
    }
    if s.work_dropped > 0 {
        lost.push(format!("{} core-seconds dropped from the queue", core_seconds(s.work_dropped)));
    }
    if s.requests_failed >= 0.5 {
        lost.push(format!("{} requests cut off", decimal(s.requests_failed, 0)));
    }
    let holds = lost.is_empty();
    let instead = if holds { "no request fails".to_owned() } else { lost.join(", ") };
    let propagation = run.setup.cluster.endpoint_propagation;
    let hook = run.setup.workload.template.pre_stop();
    let mut outcome = Outcome::new(holds, instead, String::new());
    if s.refusing.seconds() > 0 {
        outcome.why =
            format!("proxies hear of a change after {}, and the pods' preStop hook takes {hook}", propagation);
        if hook < propagation {
            outcome.remedy = format!("a preStop hook that sleeps {} or more", propagation);
        }
    }
    outcome
}

fn rollout_completes(s: &Summary, by: SimTime) -> Outcome {
    let Some(last) = s.rollouts.iter().rev().find(|rollout| rollout.began <= by) else {
        return Outcome::new(false, "nothing is rolled out".into(), String::new());
    };
    let instead = match (last.completed, last.stalled) {
        (Some(at), _) => format!("complete at {at}, {} after it began", at - last.began),
        (None, Some(at)) => format!("ProgressDeadlineExceeded at {at}"),
        (None, None) => "not complete at the end".to_owned(),
    };
    Outcome::new(last.completed.is_some_and(|at| at <= by), instead, String::new())
}
