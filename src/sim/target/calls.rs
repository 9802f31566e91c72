//! Requests from one target to another: how many it makes, how long their answers take.

use super::TargetState;
use super::latency::Moments;

impl TargetState<'_> {
    /// Requests per second that it serves in the second to come.
    pub fn served(&self) -> f64 {
        self.traffic.served(&self.pods)
    }

    /// From a request to it to its answer.
    pub fn response(&self) -> Moments {
        self.traffic.response(&self.pods)
    }

    /// Other targets make so many requests per second from now on.
    pub fn is_called(&mut self, rate: f64) {
        self.called = rate;
        self.take_values();
    }

    /// The calls of a request take so long; it learns of it in the next second.
    pub fn will_hear(&mut self, calls: Moments) {
        self.heard = Some(calls);
    }

    /// The same in the steady state before the start, where it has known it for long.
    pub fn has_heard(&mut self, rate: f64, calls: Moments) {
        self.traffic.hear(calls);
        self.is_called(rate);
        self.begin_steady();
    }
}
