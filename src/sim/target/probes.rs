//! Probes whose answers may come too late, and what the kubelet makes of their answers (`pkg/kubelet/prober/worker.go`).

use super::lifecycle::Stop;
use crate::model::{ClusterConfig, Container, Delay, PodTemplate, Probe};
use crate::sim::draw::{Draws, Purpose};
use crate::units::{SimTime, Span};

/// A probe whose answer may come too late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub probe: Probe,
    /// How it stops the container if it is a liveness probe; a readiness probe stops nothing.
    pub stop: Option<Stop>,
}

impl Asking {
    /// Those of a template, if answers take any time at all.
    pub fn all(template: &PodTemplate, config: &ClusterConfig) -> Vec<Self> {
        if config.probe_latency.get() <= 0.0 {
            return Vec::new();
        }
        let of_container = |container: &Container| {
            let stop = |probe: &Probe| Some(Stop::of_container(template, container, probe));
            let readiness = container.readiness_probe.map(|probe| Self { probe, stop: None });
            let liveness = container.liveness_probe.map(|probe| Self { probe, stop: stop(&probe) });
            [readiness, liveness].into_iter().flatten()
        };
        // Sidecars do none of the work, and whether a port is open the kernel answers.
        let working = template.running().filter(|container| !container.sidecar);
        working.flat_map(of_container).filter(|asking| asking.probe.is_answered_by_process).collect()
    }

    /// The first time after an instant that it is asked.
    pub fn after(&self, now: SimTime, running: SimTime) -> SimTime {
        let first = running + self.probe.initial_delay;
        let period = self.probe.period.seconds();
        if now < first {
            return first;
        }
        first.later((now.seconds_since(first) / period + 1) * period)
    }
}

/// What is known of all probes of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Watch {
    /// When one is asked next.
    pub next: SimTime,
    /// Restarts by liveness probes that there are on average, so far.
    pub expected_restarts: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { next: SimTime::MAX, expected_restarts: 0.0 }
    }
}

/// What is known of a probe of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// When it is asked next.
    pub next: SimTime,
    /// Failures in a row, and successes in a row while it is taken as failing.
    failures: i32,
    successes: i32,
    pub is_failing: bool,
}

impl Asked {
    pub fn from(next: SimTime) -> Self {
        Self { next, failures: 0, successes: 0, is_failing: false }
    }

    /// Of a pod that has run for long: when its containers started nobody knows.
    pub fn settled(probes: &[Asking], start: SimTime, draws: &mut Draws) -> Vec<Self> {
        let one = |asking: &Asking| {
            let high = Span::from_seconds(asking.probe.period.seconds() - 1);
            let late = draws.delay(Purpose::Probing, Delay::Uniform { low: Span::ZERO, high });
            Self::from(start + late + Span::from_seconds(1))
        };
        probes.iter().map(one).collect()
    }

    /// An answer came in time, or not; says whether that changes what the kubelet makes of it.
    pub fn hears(&mut self, probe: &Probe, in_time: bool) -> bool {
        if in_time {
            self.failures = 0;
            self.successes = self.successes.saturating_add(1);
            let is_over = self.is_failing && self.successes >= probe.success_threshold;
            self.is_failing &= !is_over;
            return is_over;
        }
        self.successes = 0;
        self.failures = self.failures.saturating_add(1);
        let has_failed = !self.is_failing && self.failures >= probe.failure_threshold;
        self.is_failing |= has_failed;
        has_failed
    }
}
