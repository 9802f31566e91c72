//! Probes of pods that are short of CPU: the longer an answer takes, the likelier it comes too late.
//!
//! Mirrors `pkg/kubelet/prober/worker.go`: a probe is asked when the containers start and every period from then on, a result counts
//! once there are as many of it in a row as the threshold says, a liveness probe that fails restarts the container, and one that fails
//! its readiness probe is not sent anything until it succeeds again.

use super::cohort::Cohort;
use super::milestones::NEVER;
use super::probes::{Asked, Asking};
use super::*;
use crate::sim::draw::Purpose;

impl Cohort {
    /// Whether its probes are asked, and their answers depend on what it has to do.
    fn is_probed(&self) -> bool {
        self.running.is_some() && self.up && !self.stopping()
    }
}

/// How often a probe fails for good each time that it is asked, on average over a long time, if an answer is too late with some
/// chance: so many in a row take as long as the sum of the chance's inverse powers.
fn failures(too_late: f64, threshold: i32) -> f64 {
    1.0 / (1..=threshold.max(1)).map(|row| too_late.powi(-row)).sum::<f64>()
}

impl TargetState<'_> {
    /// Probes of pods that have come up are asked from now on; when the next one is.
    #[inline]
    pub(super) fn watch(&mut self) {
        if !self.rules.probes.is_empty() {
            self.watch_pods();
        }
    }

    #[cold]
    #[inline(never)]
    fn watch_pods(&mut self) {
        let (now, probes) = (self.now, &self.rules.probes);
        self.watch.next = NEVER;
        for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.is_probed()) {
            let running = cohort.running.unwrap_or(now);
            if cohort.life.probed.is_empty() {
                cohort.life.probed = probes.iter().map(|asking| Asked::from(asking.after(now, running))).collect();
            }
            let next = cohort.life.probed.iter().map(|asked| asked.next).min();
            self.watch.next = self.watch.next.min(next.unwrap_or(NEVER));
        }
    }

    /// Probes that are due are asked. What their answers take is what the pods have had to do until now.
    #[cold]
    #[inline(never)]
    pub(super) fn ask_probes(&mut self) {
        let (now, propagation) = (self.now, self.target.cluster.endpoint_propagation);
        let (mut unready, mut restarted) = (0, 0);
        for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.is_probed()) {
            let mut probed = std::mem::take(&mut cohort.life.probed);
            let mut has_recovered = false;
            let latency = self.target.cluster.probe_latency.get() * self.traffic.slowdown(cohort);
            for (Asking { probe, stop }, asked) in self.rules.probes.iter().zip(&mut probed) {
                if asked.next > now {
                    continue;
                }
                asked.next = now + probe.period;
                let too_late = (-(probe.timeout.seconds() as f64) / latency).exp();
                if stop.is_some() && !cohort.stopping() {
                    self.watch.expected_restarts +=
                        f64::from(cohort.count) * failures(too_late, probe.failure_threshold);
                }
                let in_time = !self.draws.chance(Purpose::Probing, too_late);
                if !asked.hears(probe, in_time) {
                    continue;
                }
                match (stop, in_time) {
                    (Some(stop), false) if !cohort.stopping() => {
                        restarted += cohort.count;
                        cohort.begins_to_stop(now, *stop, self.target.cluster.shutdown);
                    }
                    (None, false) => {
                        unready += if cohort.ready { cohort.count } else { 0 };
                        cohort.becomes_unready(now, propagation);
                        cohort.due = cohort.life.at.next(now);
                    }
                    (None, true) => has_recovered = true,
                    _ => {}
                }
            }
            let is_unready = |(asking, asked): (&Asking, &Asked)| asking.stop.is_none() && asked.is_failing;
            let is_ready = !self.rules.probes.iter().zip(&probed).any(is_unready);
            if has_recovered && is_ready && !cohort.stopping() {
                (cohort.life.at.ready, cohort.due) = (now, now);
            }
            cohort.life.probed = probed;
        }
        self.watch();
        if unready > 0 {
            self.accounts.happened(now, Occurrence::Unready(unready, Span::ZERO));
        }
        if restarted > 0 {
            self.accounts.happened(now, Occurrence::NotLive(restarted, Span::ZERO));
        }
        if self.pods.cohorts().iter().any(|cohort| cohort.due <= now) || unready + restarted > 0 {
            self.pods_change();
        }
    }
}
