//! When a new pod runs, becomes ready and serves.
//!
//! The simple form: containers start at once, the application answers after a fixed start-up time, and the
//! probes decide when Kubernetes notices. Mirrors the probe worker of the kubelet
//! (`pkg/kubelet/prober/worker.go`) without its random start.

use crate::model::{Container, PodTemplate, Probe};
use crate::units::Span;

/// The milestones of a new pod, counted from its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// When the Ready condition becomes true; `None` if a startup probe gives up first, again and again.
    pub ready_after: Option<Span>,
    /// When the pod takes its share of the load: ready, and the application is up.
    pub serving_after: Option<Span>,
}

impl Lifecycle {
    /// The life cycle of the pods of a template whose application needs `startup` to come up.
    pub fn of(template: &PodTemplate, startup: Span) -> Self {
        let ready_after = template
            .running()
            .map(|container| container_ready(container, startup))
            .try_fold(Span::ZERO, |latest, ready| Some(latest.max(ready?)));
        Self { ready_after, serving_after: ready_after.map(|ready| ready.max(startup)) }
    }
}

fn container_ready(container: &Container, startup: Span) -> Option<Span> {
    let started = match &container.startup_probe {
        Some(probe) => first_success(probe, startup)?,
        None => Span::ZERO,
    };
    Some(match &container.readiness_probe {
        Some(probe) => readiness(probe, started, startup),
        None => started,
    })
}

/// The first attempt of a startup probe after the application is up, unless it gives up before.
fn first_success(probe: &Probe, startup: Span) -> Option<Span> {
    (0..i64::from(probe.failure_threshold))
        .map(|attempt| probe.initial_delay + Span::from_seconds(attempt * probe.period.seconds()))
        .find(|&at| at >= startup)
}

/// The kubelet probes as soon as the container has started, then at every multiple of the period;
/// never before the initial delay.
fn readiness(probe: &Probe, started: Span, startup: Span) -> Span {
    let period = probe.period.seconds();
    let regular = |from: Span| Span::from_seconds((from.seconds() + period - 1) / period * period);
    let mut attempt = if started >= probe.initial_delay { started } else { regular(probe.initial_delay) };
    let mut successes = 0;
    loop {
        if attempt >= startup {
            successes += 1;
            if successes >= probe.success_threshold {
                return attempt;
            }
        }
        // The next multiple of the period; straight to the one where the application is up.
        let next = regular(attempt + Span::from_seconds(1));
        attempt = if successes == 0 { next.max(regular(startup)) } else { next };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> Span {
        Span::from_seconds(seconds)
    }

    fn probe(initial_delay: i64, period: i64, failure_threshold: i32, success_threshold: i32) -> Option<Probe> {
        let (initial_delay, period) = (seconds(initial_delay), seconds(period));
        Some(Probe { initial_delay, period, failure_threshold, success_threshold })
    }

    fn ready(startup_probe: Option<Probe>, readiness_probe: Option<Probe>, startup: i64) -> Option<i64> {
        let container = Container { startup_probe, readiness_probe, ..Container::default() };
        let template = PodTemplate { containers: vec![container], ..PodTemplate::default() };
        Lifecycle::of(&template, seconds(startup)).ready_after.map(Span::seconds)
    }

    #[test]
    fn probes_decide_when_a_pod_is_ready() {
        assert_eq!(ready(None, None, 20), Some(0), "no probes: ready at once");
        assert_eq!(ready(None, probe(10, 5, 3, 1), 0), Some(10), "initial delay");
        assert_eq!(ready(None, probe(0, 5, 3, 1), 12), Some(15), "next period");
        assert_eq!(ready(None, probe(0, 5, 3, 3), 12), Some(25), "three successes in a row");
        assert_eq!(ready(probe(0, 5, 12, 1), probe(10, 5, 3, 1), 20), Some(20), "startup probe, then at once");
        assert_eq!(ready(probe(0, 5, 12, 1), probe(10, 5, 3, 1), 3), Some(10));
        assert_eq!(ready(probe(0, 5, 12, 1), None, 55), Some(55), "the last attempt");
        assert_eq!(ready(probe(0, 5, 12, 1), None, 56), None, "the startup probe gives up");
    }

    #[test]
    fn a_pod_without_probes_is_ready_before_it_serves() {
        let template = PodTemplate { containers: vec![Container::default()], ..PodTemplate::default() };
        let lifecycle = Lifecycle::of(&template, seconds(20));
        assert_eq!(lifecycle.serving_after, Some(seconds(20)));
    }
}
