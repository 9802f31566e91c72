//! What happened to pods, requests and nodes besides scaling.

use super::Run;
use super::amounts::{decimal, share};
use crate::model::{MetricSource, ResourceName};
use crate::sim::{Occurrence, Rollout};

/// Something that happened, in words.
pub fn occurrence(run: &Run<'_>, what: Occurrence) -> String {
    let pods = |count: i32| if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") };
    match what {
        Occurrence::Action(index) => {
            run.setup.events.get(index).map(|event| event.action.describe()).unwrap_or_default()
        }
        Occurrence::OomKilled(count) => format!("{} OOMKilled", pods(count)),
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

/// Figures that not every simulation has, name and value.
pub fn figures(run: &Run<'_>) -> Vec<(String, String)> {
    let s = run.summary;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
    for done in &s.rollouts {
        add(&format!("Rollout at {}", done.began), rollout(done));
    }
    if s.work_lost > 0 {
        let mut value = format!("{} core-seconds", decimal(s.work_lost as f64 / 1e9, 1));
        if s.refusing.seconds() > 0 {
            value += &format!(", sent to pods that did not take it for {}", share(s.refusing, s.duration));
        }
        add("Work lost", value);
    }
    if s.requests_failed >= 0.5 {
        add("Requests cut off", format!("{} under way at pods that died", decimal(s.requests_failed, 0)));
    }
    if let Some(slo) = run.setup.cluster.slo {
        let value = if run.setup.plan.requests.is_some() {
            format!("broken for {}", share(s.slow, s.duration))
        } else {
            "not known: the load is not made of requests (rps or clients, with --cpu-per-request)".to_owned()
        };
        add(&slo.to_string(), value);
    }
    if s.restarts > 0 {
        let killed = if s.oom_kills > 0 { format!(", {} of them OOMKilled", s.oom_kills) } else { String::new() };
        add("Container restarts", format!("{}{killed}", s.restarts));
    }
    if let Some(seconds) = s.node_seconds {
        let mean = seconds as f64 / s.duration.seconds().max(1) as f64;
        add("Nodes", format!("mean {}, max {}", decimal(mean, 2), s.max_nodes));
        add("Pods without a node", share(s.unschedulable, s.duration));
    }
    if let Some(allowance) = &run.setup.neighbours.allowance
        && s.refused > crate::units::Span::ZERO
    {
        let value = format!("{}: {}", share(s.refused, s.duration), allowance.reason);
        add("Pods refused", value);
    }
    let memory_target = run.hpa().metrics.iter().any(|metric| {
        matches!(
            metric,
            MetricSource::Resource { name: ResourceName::Memory, .. }
                | MetricSource::ContainerResource { name: ResourceName::Memory, .. }
        )
    });
    if run.setup.cluster.memory_kept && memory_target {
        let value = "never given back, so that the memory target does not scale down before pods are replaced";
        add("Memory", value.to_owned());
    }
    all
}
