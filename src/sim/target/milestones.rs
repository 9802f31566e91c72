//! When things are going to happen to a pod.

use crate::units::SimTime;

/// Never.
pub(super) const NEVER: SimTime = SimTime::MAX;

/// When things are going to happen to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Milestones {
    /// It has ended, if its work is done: the pod, or its containers that a probe restarts.
    pub(super) gone: SimTime,
    pub(super) bound: SimTime,
    pub(super) running: SimTime,
    pub(super) up: SimTime,
    pub(super) ready: SimTime,
    pub(super) available: SimTime,
    pub(super) serving: SimTime,
    pub(super) warm: SimTime,
    /// A probe restarts it.
    pub(super) fails: SimTime,
    /// The readiness probe notices that it does not answer.
    pub(super) unready: SimTime,
    /// Proxies do not send work any more.
    pub(super) unserved: SimTime,
    /// It takes no new work.
    pub(super) closed: SimTime,
    /// What is to end is killed, whatever it has to do.
    pub(super) killed: SimTime,
    /// The node controller deletes it.
    pub(super) evicted: SimTime,
}

impl Default for Milestones {
    fn default() -> Self {
        Self {
            gone: NEVER,
            bound: NEVER,
            running: NEVER,
            up: NEVER,
            ready: NEVER,
            available: NEVER,
            serving: NEVER,
            warm: NEVER,
            fails: NEVER,
            unready: NEVER,
            unserved: NEVER,
            closed: NEVER,
            killed: NEVER,
            evicted: NEVER,
        }
    }
}

impl Milestones {
    /// Whether it is still to be bound, and whether it is to end.
    pub(super) fn awaits(&self) -> (bool, bool) {
        (self.bound != NEVER, self.gone != NEVER)
    }

    /// The first that is still to come.
    pub(super) fn next(&self, now: SimTime) -> SimTime {
        let all = [
            self.gone,
            self.bound,
            self.running,
            self.up,
            self.ready,
            self.available,
            self.serving,
            self.warm,
            self.fails,
            self.unready,
            self.unserved,
            self.closed,
            self.killed,
            self.evicted,
        ];
        all.into_iter().filter(|&at| at > now).min().unwrap_or(NEVER)
    }
}
