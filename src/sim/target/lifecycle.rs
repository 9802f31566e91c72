//! What becomes of the containers of a pod, counted from their start: when the application answers, when Kubernetes
//! notices, and when a probe gives up.
//!
//! Mirrors the probe worker of the kubelet (`pkg/kubelet/prober/worker.go`) without its random start, and the back-off of
//! its restarts (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`).

use crate::model::{Container, PodTemplate, Probe, Startup};
use crate::units::Span;

/// How long the kubelet takes to notice that a container runs (the period of its pod lifecycle event generator).
const NOTICED: Span = Span::from_seconds(1);
/// The first wait before a restart; each is twice the one before (`MaxContainerBackOff` and the base in
/// `pkg/kubelet/kubelet.go`).
const FIRST_BACK_OFF: Span = Span::from_seconds(10);
/// The longest.
const LONGEST_BACK_OFF: Span = Span::from_seconds(300);
/// After so long without a crash the count begins again.
const FORGIVEN: Span = Span::from_seconds(600);

/// The milestones of a pod's containers, counted from their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// When the Ready condition becomes true; `None` if a probe gives up first, again and again, or nothing ever answers.
    pub ready_after: Option<Span>,
    /// When the pod can do its work: ready, and the application is up.
    pub serving_after: Option<Span>,
    /// When a startup or liveness probe gives up, so that the container is restarted.
    pub fails: Option<Failure>,
}

/// A probe that gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub after: Span,
    /// How the container is stopped then.
    pub stop: Stop,
}

/// How the kubelet stops a container (`killContainer` in `pkg/kubelet/kuberuntime/kuberuntime_container.go`): it runs the
/// preStop hook, asks the application to end, and kills it when the grace period is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// How long the preStop hook takes.
    pub hook: Span,
    /// `terminationGracePeriodSeconds`, the probe's own or the pod's.
    pub grace: Span,
}

impl Stop {
    /// Of a whole pod that is deleted.
    pub(super) fn of_pod(template: &PodTemplate) -> Self {
        Self { hook: template.pre_stop(), grace: template.grace_period }
    }

    /// Of a container that a probe restarts.
    pub(super) fn of_container(template: &PodTemplate, container: &Container, probe: &Probe) -> Self {
        let grace = probe.grace_period.unwrap_or(template.grace_period);
        Self { hook: container.pre_stop.unwrap_or(Span::ZERO), grace }
    }
}

impl Lifecycle {
    /// Of the pods of a template whose application needs `startup` to come up; without one it never does. Sidecars are
    /// up at once.
    pub fn of(template: &PodTemplate, startup: Option<Span>) -> Self {
        let up = |container: &Container| if container.sidecar { Some(Span::ZERO) } else { startup };
        let fails = template
            .running()
            .filter_map(|container| {
                let (after, probe) = gives_up(container, up(container))?;
                Some(Failure { after, stop: Stop::of_container(template, container, probe) })
            })
            .min_by_key(|failure| failure.after);
        let ready_after = template
            .running()
            .map(|container| container_ready(container, up(container)))
            .try_fold(Span::ZERO, |latest, ready| Some(latest.max(ready?)))
            .filter(|ready| fails.is_none_or(|fails| *ready < fails.after));
        let serving_after = ready_after.zip(startup).map(|(ready, startup)| ready.max(startup));
        Self { ready_after, serving_after: serving_after.filter(|_| fails.is_none()), fails }
    }
}

/// The longest start-up that the probes of a template let pass, and whose probe it is that gives up after that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience<'a> {
    /// From the start of the containers on.
    pub startup: Span,
    /// The container.
    pub container: &'a Container,
}

impl<'a> Patience<'a> {
    /// Of a template; none if no probe restarts its containers.
    pub fn of(template: &'a PodTemplate) -> Option<Self> {
        let of_container = |container: &'a Container| {
            // What never comes up is given up on last.
            let (startup, _) = gives_up(container, None)?;
            Some(Self { startup, container })
        };
        template.running().filter_map(of_container).min_by_key(|patience| patience.startup)
    }

    /// The probe, as Kubernetes names it.
    pub fn probe(&self) -> &'static str {
        if self.container.startup_probe.is_some() { "startupProbe" } else { "livenessProbe" }
    }
}

/// The start-up that a pod of a template typically has: an assumed one is not longer than its probes allow.
pub fn typical_startup(startup: Startup, template: &PodTemplate) -> Span {
    let typical = startup.delay().typical();
    bound(startup, template).map_or(typical, |bound| typical.min(bound))
}

/// The longest start-up, where it is assumed.
pub(super) fn bound(startup: Startup, template: &PodTemplate) -> Option<Span> {
    matches!(startup, Startup::Assumed(_)).then(|| Patience::of(template))?.map(|patience| patience.startup)
}

/// What a sidecar holds up the init containers after it: until it has started.
pub(super) fn sidecar_started(container: &Container) -> Span {
    container.startup_probe.and_then(|probe| first_success(&probe, Span::ZERO)).unwrap_or(Span::ZERO)
}

/// How long the kubelet waits before a restart, after so many crashes that are not forgiven yet.
pub(super) fn back_off(crashes: u32) -> Span {
    match crashes {
        0 => Span::ZERO,
        crashes => {
            let doubled = FIRST_BACK_OFF.seconds() << (crashes - 1).min(10);
            Span::from_seconds(doubled).min(LONGEST_BACK_OFF)
        }
    }
}

/// The crashes that still count for a container that has run for so long.
pub(super) fn crashes_kept(crashes: u32, ran: Span) -> u32 {
    if ran >= FORGIVEN { 0 } else { crashes }
}

fn container_ready(container: &Container, startup: Option<Span>) -> Option<Span> {
    let started = match &container.startup_probe {
        // A sidecar has started before the containers that are counted from here.
        Some(probe) if !container.sidecar => first_success(probe, startup?)?,
        _ => Span::ZERO,
    };
    match &container.readiness_probe {
        Some(probe) => Some(readiness(probe, started, startup?)),
        None => Some(started.max(NOTICED)),
    }
}

/// When a probe restarts a container whose application comes up after `startup`, if one does, and which.
fn gives_up(container: &Container, startup: Option<Span>) -> Option<(Span, &Probe)> {
    let last = |probe: &Probe| {
        probe.initial_delay + Span::from_seconds((i64::from(probe.failure_threshold) - 1) * probe.period.seconds())
    };
    if container.sidecar {
        return None;
    }
    // The liveness probe waits for the startup probe.
    let probe = container.startup_probe.as_ref().or(container.liveness_probe.as_ref())?;
    let first = startup.map(|startup| attempt_from(probe, startup));
    let gives_up = last(probe);
    if first.is_some_and(|first| first <= gives_up) { None } else { Some((gives_up, probe)) }
}

/// The first attempt at or after an instant.
fn attempt_from(probe: &Probe, at: Span) -> Span {
    let late = (at.seconds() - probe.initial_delay.seconds()).max(0);
    let period = probe.period.seconds();
    probe.initial_delay + Span::from_seconds((late + period - 1) / period * period)
}

/// The first attempt of a startup probe after the application is up, unless it gives up before.
fn first_success(probe: &Probe, startup: Span) -> Option<Span> {
    let attempt = attempt_from(probe, startup);
    let number = (attempt.seconds() - probe.initial_delay.seconds()) / probe.period.seconds();
    (number < i64::from(probe.failure_threshold)).then_some(attempt)
}

/// The kubelet probes as soon as the container has started, then at every multiple of the period;
/// never before the initial delay.
fn readiness(probe: &Probe, started: Span, startup: Span) -> Span {
    let period = probe.period.seconds();
    let regular = |from: Span| Span::from_seconds((from.seconds() + period - 1) / period * period);
    let after = |attempt: Span| regular(attempt + Span::from_seconds(1));
    let first = if started >= probe.initial_delay { started } else { regular(probe.initial_delay) };
    // The first one where the application is up.
    let success = if first >= startup { first } else { after(first).max(regular(startup)) };
    match i64::from(probe.success_threshold) {
        ..=1 => success,
        threshold => after(success) + Span::from_seconds((threshold - 2).saturating_mul(period)),
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
        let timeout = seconds(1);
        let is_answered_by_process = true;
        Some(Probe {
            initial_delay,
            period,
            failure_threshold,
            success_threshold,
            timeout,
            is_answered_by_process,
            grace_period: None,
        })
    }

    fn ready(startup_probe: Option<Probe>, readiness_probe: Option<Probe>, startup: i64) -> Option<i64> {
        let container = Container { startup_probe, readiness_probe, ..Container::default() };
        let template = PodTemplate { containers: vec![container], ..PodTemplate::default() };
        Lifecycle::of(&template, Some(seconds(startup))).ready_after.map(Span::seconds)
    }

    #[test]
    fn probes_decide_when_a_pod_is_ready() {
        assert_eq!(ready(None, None, 20), Some(1), "no probes: ready as soon as the kubelet notices");
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
        let lifecycle = Lifecycle::of(&template, Some(seconds(20)));
        assert_eq!(lifecycle.serving_after, Some(seconds(20)));
        assert_eq!(Lifecycle::of(&template, None).serving_after, None, "an application that never comes up");
    }

    #[test]
    fn probes_restart_what_does_not_come_up() {
        let fails = |startup_probe, liveness_probe, startup: Option<i64>| {
            let container = Container { startup_probe, liveness_probe, ..Container::default() };
            let template = PodTemplate { containers: vec![container], ..PodTemplate::default() };
            Lifecycle::of(&template, startup.map(seconds)).fails.map(|fails| fails.after.seconds())
        };
        assert_eq!(fails(probe(0, 5, 12, 1), None, Some(55)), None);
        assert_eq!(fails(probe(0, 5, 12, 1), None, Some(56)), Some(55));
        assert_eq!(fails(None, probe(30, 10, 3, 1), Some(50)), None, "the third attempt");
        assert_eq!(fails(None, probe(30, 10, 3, 1), Some(51)), Some(50), "a liveness probe that is too hasty");
        assert_eq!(fails(probe(0, 5, 12, 1), probe(0, 10, 3, 1), Some(50)), None, "it waits for the startup probe");
        assert_eq!(fails(None, None, None), None);
    }

    #[test]
    fn restarts_back_off_up_to_five_minutes() {
        let waits: Vec<i64> = (0..8).map(|crashes| back_off(crashes).seconds()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off(u32::MAX).seconds(), 300);
        assert_eq!((crashes_kept(4, seconds(599)), crashes_kept(4, seconds(600))), (4, 0));
    }
}
