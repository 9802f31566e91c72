//! What happened to pods, requests and nodes besides scaling.

use super::Run;
use super::amounts::{decimal, share};
use super::phases::Ranges;
use crate::model::ResourceName;
use crate::sim::{Occurrence, Rollout};
use crate::units::{Span, Work};

/// Something that happened, in words.
pub fn occurrence(run: &Run<'_>, what: Occurrence) -> String {
    let pods = |count: i32| if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") };
    let times = |count: i32, over: Span| {
        let count = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        if over == Span::ZERO { count } else { format!("{count} over {over}") }
    };
    match what {
        Occurrence::Action(index) => {
            run.setup.world.events.get(index).map(|event| event.action.describe()).unwrap_or_default()
        }
        Occurrence::OomKilled(count) => format!("{} OOMKilled", pods(count)),
        Occurrence::NotLive(count, over) => format!("Killing: liveness probe failed, {}", times(count, over)),
        Occurrence::Unready(count, over) => format!("Unhealthy: readiness probe failed, {}", times(count, over)),
        Occurrence::Preempted(count) => format!("Preempted: {} of a lower priority", pods(count)),
        Occurrence::Unschedulable(count) => format!("FailedScheduling: no node for {}", pods(count)),
        Occurrence::NodeRemoved => "the cluster autoscaler removes a node".to_owned(),
    }
}

fn rollout(rollout: &Rollout) -> String {
    match (rollout.completed, rollout.stalled) {
        (Some(at), None) => format!("complete after {}", at - rollout.began),
        (Some(at), Some(_)) => {
            format!("complete after {}, the progress deadline exceeded on the way", at - rollout.began)
        }
        (None, Some(at)) => format!("not complete: ProgressDeadlineExceeded after {}", at - rollout.began),
        (None, None) => "not complete".to_owned(),
    }
}

/// What happened, in the order of time: when, what.
pub fn history(run: &Run<'_>) -> Vec<(String, String)> {
    let s = run.summary;
    s.occurrences.iter().map(|(at, what)| (at.to_string(), occurrence(run, *what))).collect()
}

/// A figure, and its range over the phases where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: String,
    /// From the least to the most in other phases; empty if it is not known.
    pub range: String,
}

impl Figure {
    /// A figure without a range.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), range: String::new() }
    }

    /// The same with a range.
    #[must_use]
    pub fn ranging(self, range: String) -> Self {
        Self { range, ..self }
    }
}

/// Figures that not every simulation has.
pub fn figures(run: &Run<'_>) -> Vec<Figure> {
    let (s, ranges) = (run.summary, Ranges::of(run));
    let mut all: Vec<Figure> = Vec::new();
    for done in &s.rollouts {
        all.push(Figure::new(format!("Rollout at {}", done.began), rollout(done)));
    }
    if s.work_lost.is_some() || ranges.any(|course| course.work_lost.is_some()) {
        let mut value = format!("{} core-seconds", decimal(s.work_lost.core_seconds(), 1));
        if s.refusing.seconds() > 0 {
            value += &format!(", sent to pods that did not take it for {}", share(s.refusing, s.duration));
        }
        all.push(Figure::new("Work lost", value).ranging(ranges.work(|course| course.work_lost)));
    }
    all.extend(requests_failed(run));
    if let Some(slo) = run.target().cluster.slo {
        all.push(if run.target().drives.requests.is_some() {
            let value = format!("broken for {}", share(s.slow, s.duration));
            Figure::new(slo.to_string(), value).ranging(ranges.span(|course| course.slow.unwrap_or_default()))
        } else {
            let value = "not known: the load is not made of requests (rps or clients, with --cpu-per-request)";
            Figure::new(slo.to_string(), value)
        });
    }
    if s.restarts > 0 || ranges.any(|course| course.restarts > 0) {
        let killed = if s.oom_kills > 0 { format!(", {} of them OOMKilled", s.oom_kills) } else { String::new() };
        let live = match s.liveness_restarts {
            0 => String::new(),
            count => format!(", {count} of them by liveness probes not answered in time"),
        };
        all.push(
            Figure::new("Container restarts", format!("{}{killed}{live}", s.restarts))
                .ranging(ranges.figure(|course| course.restarts, u64::to_string)),
        );
    }
    if s.readiness_failures > 0 || ranges.any(|course| course.readiness_failures > 0) {
        let value = format!("{} times, by readiness probes not answered in time", s.readiness_failures);
        all.push(
            Figure::new("Pods unready", value)
                .ranging(ranges.figure(|course| course.readiness_failures, u64::to_string)),
        );
    }
    if s.unsettled > 0 {
        let value =
            format!("{} times pods and controllers were not done within a second: please report this", s.unsettled);
        all.push(Figure::new("NOT SETTLED", value));
    }
    if let Some(seconds) = s.node_seconds {
        let mean = seconds as f64 / s.duration.seconds().max(1) as f64;
        let most = ranges.figure(|course| course.max_nodes.unwrap_or(0), i64::to_string);
        let most = if most.is_empty() { most } else { format!("max {most}") };
        all.push(Figure::new("Nodes", format!("mean {}, max {}", decimal(mean, 2), s.max_nodes)).ranging(most));
        all.push(Figure::new("Pods without a node", share(s.unschedulable, s.duration)));
    }
    if let Some(allowance) = &run.target().neighbours.allowance
        && s.refused > Span::ZERO
    {
        let value = format!("{}: {}", share(s.refused, s.duration), allowance.reason);
        all.push(Figure::new("Pods refused", value));
    }
    let memory_target = run
        .hpa()
        .metrics
        .iter()
        .any(|metric| metric.resource().is_some_and(|metric| *metric.name == ResourceName::Memory));
    if run.target().cluster.memory_kept && memory_target {
        let value = "never given back, so that the memory target does not scale down before pods are replaced";
        all.push(Figure::new("Memory", value));
    }
    all
}

/// Requests that were not answered: how many, and why.
fn requests_failed(run: &Run<'_>) -> Option<Figure> {
    let failed = FailedRequests::of(run)?;
    let count = |requests: f64| decimal(requests, 0);
    let causes = [
        (failed.cut_off, "under way at pods that died"),
        (failed.lost, "sent to pods that did not take them, or lost with them"),
        (failed.dropped, "dropped from the queue"),
    ];
    let told = causes.iter().filter(|(requests, _)| *requests >= 0.5);
    let told: Vec<String> = told.map(|(requests, why)| format!("{} {why}", count(*requests))).collect();
    (failed.all() >= 0.5)
        .then(|| Figure::new("Requests failed", format!("{}: {}", count(failed.all()), told.join(", "))))
}

/// Requests that were not answered, if the load is made of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailedRequests {
    /// Under way at pods that died.
    pub cut_off: f64,
    /// Sent to pods that did not take them, or lost with the pods that they waited at.
    pub lost: f64,
    /// Dropped because they had waited too long.
    pub dropped: f64,
}

impl FailedRequests {
    /// Of a run: work that came to nothing, by what a request takes.
    pub fn of(run: &Run<'_>) -> Option<Self> {
        let s = run.summary;
        let seconds = run.target().drives.requests?.cpu_seconds;
        let requests = |work: Work| work.core_seconds() / seconds;
        Some(Self { cut_off: s.requests_cut_off, lost: requests(s.work_lost), dropped: requests(s.work_dropped) })
    }

    /// All of them.
    pub fn all(&self) -> f64 {
        self.cut_off + self.lost + self.dropped
    }
}
