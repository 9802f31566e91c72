//! What exporters say of a target: read every so often, of a simulation that goes second by second.

use super::*;
use crate::sim::record::{Exported, ExportedPod, ExportedState, PodSample};

/// What is counted on the way, and what was read.
pub(super) struct Exports {
    interval: Span,
    /// By the number of a pod, which counts from one: what its containers have used and how long they ran, since their start.
    pods: Vec<Running>,
    /// Requests that were answered, and what the answers took, seconds.
    requests: (f64, f64),
    read: Exported,
}

#[derive(Clone, Copy, Default)]
struct Running {
    started: Option<SimTime>,
    /// Nanocore-seconds.
    cpu: i128,
    /// Seconds.
    seconds: i64,
    throttled: i64,
}

/// From this part of the limit on containers are throttled.
const AT_LIMIT: f64 = 0.999;

impl Exports {
    pub fn new(world: &World<'_>) -> Option<Box<Self>> {
        let interval = world.export?.max(Span::from_seconds(1));
        Some(Box::new(Self { interval, pods: Vec::new(), requests: (0.0, 0.0), read: Exported::default() }))
    }

    pub fn finish(self) -> Exported {
        self.read
    }
}

impl TargetState<'_> {
    /// A stretch that has been added up is counted, and what is known at its end read, if that is due. Almost nobody wants to know it.
    #[cold]
    #[inline(never)]
    pub(super) fn export(&mut self, (now, seconds): (SimTime, i64), was_uniform: bool) {
        let Some(mut exports) = self.exports.take() else { return };
        let limit = self.rules.template.cpu_limit().map(|limit| limit.get() as f64 * 1e6 * seconds as f64);
        let mut served = 0.0;
        for cohort in self.pods.cohorts_mut() {
            if cohort.life.number == 0 {
                exports.pods.push(Running::default());
                exports.read.pods.push(ExportedPod {
                    created: cohort.life.created,
                    revision: cohort.revision,
                    ordinal: cohort.life.first_ordinal,
                    samples: Vec::new(),
                });
                cohort.life.number = exports.pods.len();
            }
            let of_pod = &mut exports.pods[cohort.life.number - 1];
            if of_pod.started != cohort.running {
                *of_pod = Running { started: cohort.running, ..Running::default() };
            }
            if cohort.running.is_none() {
                continue;
            }
            let (_, cpu) = self.traffic.done_by(cohort, (was_uniform, seconds));
            of_pod.cpu += i128::from(cpu);
            of_pod.seconds += seconds;
            if limit.is_some_and(|limit| cpu as f64 >= limit * AT_LIMIT) {
                of_pod.throttled += seconds;
            }
            served += self.traffic.served_by(cohort, (was_uniform, seconds)) * f64::from(cohort.count);
        }
        let took = self.traffic.response(&self.pods).mean;
        exports.requests = (exports.requests.0 + served, exports.requests.1 + served * took);
        if now >= SimTime::ZERO && now.since_start().seconds() % exports.interval.seconds() == 0 {
            self.read_exports(now, &mut exports);
        }
        self.exports = Some(exports);
    }

    fn read_exports(&self, now: SimTime, exports: &mut Exports) {
        let has_limit = self.rules.template.cpu_limit().is_some();
        for cohort in self.pods.cohorts() {
            let Some(place) = cohort.life.number.checked_sub(1) else { continue };
            let of_pod = &exports.pods[place];
            exports.read.pods[place].samples.push(PodSample {
                at: now,
                scheduled: cohort.life.start_time,
                started: cohort.running,
                ready: cohort.ready.then_some(cohort.life.ready_since),
                cpu: of_pod.cpu,
                memory: if cohort.running.is_some() { self.memory.of(cohort, now) } else { 0 },
                throttled: has_limit.then_some((of_pod.seconds, of_pod.throttled)),
                restarts: cohort.life.restarts,
                oom_kills: cohort.life.oom_kills,
            });
        }
        let has_synced = self.last_sync.1 >= SimTime::ZERO - self.world.lead_in;
        let (current, desired) = match has_synced {
            true => (self.decision.current, self.decision.desired),
            false => (self.controller.replicas, self.controller.replicas),
        };
        exports.read.states.push(ExportedState {
            at: now,
            current,
            desired,
            metrics: self.history.current_metrics().to_vec(),
            existing: self.numbers.existing,
            ready: self.numbers.ready,
            requests: self.target.drives.requests.is_some().then_some(exports.requests),
            load: self.values.clone(),
        });
    }
}
