//! Claims about pods, requests and nodes.

use super::ReadingRun;
use super::outcome::{Outcome, Part};
use crate::model::{Action, ScheduledEvent, Slo, Window};
use crate::sim::{PodNumbers, Summary};
use crate::units::{Replicas, SimTime, Span, Work};

/// The numbers of pods in a window: those at its start, and every change.
fn numbers(s: &Summary, within: Window) -> impl Iterator<Item = &(SimTime, PodNumbers)> {
    let before = s.pod_numbers.iter().rev().find(|(at, _)| *at < within.from);
    let exact = s.pod_numbers.iter().any(|(at, _)| *at == within.from);
    let inside = s.pod_numbers.iter().filter(move |(at, _)| within.contains(*at));
    before.filter(|_| !exact).into_iter().chain(inside)
}

pub(super) fn ready_at_least(run: &ReadingRun<'_>, pods: Replicas, within: Window) -> Outcome {
    let s = &run.summary;
    let least = numbers(s, within).min_by_key(|(_, numbers)| numbers.ready);
    let Some((at, least)) = least else { return Outcome::new(false, Part::words("no pods"), String::new()) };
    let instead = Part::count("", least.ready, " or more ready");
    let why = if least.ready < pods { format!("{} of {} at {at}", least.ready, least.existing) } else { String::new() };
    Outcome::new(least.ready >= pods, instead, why)
}

pub(super) fn ready_at_most(run: &ReadingRun<'_>, pods: Replicas, within: Window) -> Outcome {
    let s = &run.summary;
    let most = numbers(s, within).max_by_key(|(_, numbers)| numbers.ready);
    let Some((at, most)) = most else { return Outcome::new(true, Part::words("no pods"), String::new()) };
    let pending = numbers(s, within).map(|(_, numbers)| numbers.pending).max().unwrap_or(0);
    let why = if most.ready > pods {
        format!("{} of {} at {at}", most.ready, most.existing)
    } else if pending > 0 {
        format!("up to {pending} are Pending")
    } else {
        String::new()
    };
    Outcome::new(most.ready <= pods, Part::count("up to ", most.ready, " ready"), why)
}

pub(super) fn pods_at_most(run: &ReadingRun<'_>, pods: Replicas, within: Window) -> Outcome {
    let s = &run.summary;
    let most = numbers(s, within).max_by_key(|(_, numbers)| numbers.existing);
    let Some((at, most)) = most else { return Outcome::new(true, Part::words("no pods"), String::new()) };
    let terminating = numbers(s, within).map(|(_, numbers)| numbers.existing + numbers.terminating).max().unwrap_or(0);
    let why = format!("first at {at}; with terminating ones up to {terminating}");
    Outcome::new(most.existing <= pods, Part::count("up to ", most.existing, " pods"), why)
}

pub(super) fn nothing_lost(run: &ReadingRun<'_>) -> Outcome {
    let s = &run.summary;
    let core_seconds = Work::core_seconds;
    let mut lost = Vec::new();
    if s.refusing.seconds() > 0 {
        lost.push(Part::span("", s.refusing, " in which pods that end, or have not started, are still sent work"));
    }
    if s.work_lost.is_some() {
        lost.push(Part::decimal(core_seconds(s.work_lost), " core-seconds lost"));
    }
    if s.work_dropped.is_some() {
        lost.push(Part::decimal(core_seconds(s.work_dropped), " core-seconds dropped from the queue"));
    }
    if s.requests_cut_off >= 0.5 {
        lost.push(Part::count("", s.requests_cut_off.round() as i64, " requests cut off"));
    }
    let holds = lost.is_empty();
    let instead = if holds { Part::words("no request fails").into() } else { lost };
    let propagation = run.target().cluster.endpoint_propagation;
    let hook = run.target().workload.template.pre_stop();
    let mut outcome = Outcome::new(holds, instead, String::new());
    let fails = |event: &ScheduledEvent| {
        matches!(
            event.action,
            Action::HangPods(_) | Action::LoseNodes(_) | Action::KillPods(..) | Action::RestartContainers { .. }
        )
    };
    if run.setup.world.events.iter().any(fails) {
        outcome.why = "what fails is still sent work until a probe, or the node controller, notices".to_owned();
        return outcome;
    }
    if s.refusing.seconds() > 0 {
        outcome.why =
            format!("proxies hear of a change after {}, and the pods' preStop hook takes {hook}", propagation);
        if hook < propagation {
            outcome.remedy = format!("a preStop hook that sleeps {} or more", propagation);
        }
    }
    outcome
}

pub(super) fn rollout_completes(run: &ReadingRun<'_>, by: SimTime) -> Outcome {
    let Some(last) = run.summary.rollouts.iter().rev().find(|rollout| rollout.began <= by) else {
        return Outcome::new(false, Part::words("nothing is rolled out"), String::new());
    };
    let instead = match (last.completed, last.stalled) {
        (Some(at), _) => vec![Part::at("complete", at), Part::span("", at - last.began, " after it began")],
        (None, Some(at)) => Part::at("ProgressDeadlineExceeded", at).into(),
        (None, None) => Part::words("not complete at the end").into(),
    };
    Outcome::new(last.completed.is_some_and(|at| at <= by), instead, String::new())
}

pub(super) fn slow_at_most(run: &ReadingRun<'_>, slo: Slo, span: Span) -> Outcome {
    let slow = run.summary.slow;
    Outcome::new(slow <= span, Part::span(format!("{slo} is broken for "), slow, ""), String::new())
}

pub(super) fn restarts(run: &ReadingRun<'_>, good: impl Fn(u64) -> bool) -> Outcome {
    let s = &run.summary;
    let oom = if s.oom_kills > 0 { format!("{} of them OOMKilled", s.oom_kills) } else { String::new() };
    let count = i64::try_from(s.restarts).unwrap_or(i64::MAX);
    Outcome::new(good(s.restarts), Part::count("container restarts: ", count, ""), oom)
}

pub(super) fn unschedulable_at_most(run: &ReadingRun<'_>, span: Span) -> Outcome {
    let waited = run.summary.unschedulable;
    Outcome::new(waited <= span, Part::span("no node for some pod for ".to_owned(), waited, ""), String::new())
}

pub(super) fn nodes_at_most(run: &ReadingRun<'_>, nodes: i64) -> Outcome {
    let most = run.summary.max_nodes;
    Outcome::new(most <= nodes, Part::count("at most ", most, " nodes"), String::new())
}
