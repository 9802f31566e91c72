//! The call graph: what a target serves makes requests to others, and their answers take part of its time.
//!
//! Requests go out in the second in which they are served; that their answers take longer, or less, is felt a second later. The
//! graph has no circles, so that every target can be worked out after those that call it.

use std::cmp::Reverse;

use super::Engine;
use crate::model::Target;
use crate::sim::SimError;
use crate::sim::record::Callee;
use crate::sim::target::Moments;
use crate::units::{SimTime, Span};

/// Steps towards the steady state before the start: clients in a closed loop send less the longer it takes.
const STEADY_STEPS: usize = 200;

/// One target calls another: places among the targets that are simulated together.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub caller: usize,
    pub callee: usize,
    pub per_request: f64,
    /// Requests per second, and how long one takes, as the two know it.
    rate: f64,
    takes: Moments,
    /// The longest mean time that the calls of a request took, and when.
    longest: (f64, SimTime),
}

/// The calls among targets, those of callers before those of whom they call. `places` are the indices of the targets that are
/// simulated together.
pub(super) fn calls(targets: &[Target<'_>], places: &[usize]) -> Vec<Call> {
    let place = |index: usize| places.iter().position(|other| *other == index);
    let mut left: Vec<Call> = Vec::new();
    for (callee, index) in places.iter().enumerate() {
        for caller in &targets[*index].callers {
            let Some(from) = place(caller.target) else { continue };
            let (rate, takes, longest) = (0.0, Moments::default(), (0.0, SimTime::ZERO));
            left.push(Call { caller: from, callee, per_request: caller.requests_per_request, rate, takes, longest });
        }
    }
    let mut ordered: Vec<Call> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let called: Vec<usize> = left.iter().map(|call| call.callee).collect();
        let (ready, rest): (Vec<Call>, Vec<Call>) = left.into_iter().partition(|call| !called.contains(&call.caller));
        if ready.is_empty() {
            // A circle, which input refuses: it is not followed.
            return ordered;
        }
        ordered.extend(ready);
        left = rest;
    }
    ordered
}

impl Engine<'_> {
    fn called(&self, callee: usize) -> f64 {
        self.calls.iter().filter(|call| call.callee == callee).map(|call| call.rate).sum()
    }

    /// The time of all calls of a request.
    fn time_of_calls(&self, caller: usize) -> Moments {
        let of = self.calls.iter().filter(|call| call.caller == caller);
        of.fold(Moments::default(), |sum, call| sum.then(call.takes.times(call.per_request)))
    }

    /// The steady state before the start.
    pub(super) fn begin_steady(&mut self) {
        for _ in 0..STEADY_STEPS {
            let mut changed = false;
            for index in 0..self.calls.len() {
                let Call { caller, callee, per_request, .. } = self.calls[index];
                let rate = self.targets[caller].served() * per_request;
                changed |= rate.to_bits() != self.calls[index].rate.to_bits();
                self.calls[index].rate = rate;
                let (rate, calls) = (self.called(callee), self.time_of_calls(callee));
                self.targets[callee].has_heard(rate, calls);
            }
            for index in (0..self.calls.len()).rev() {
                let Call { caller, callee, .. } = self.calls[index];
                let takes = self.targets[callee].response();
                changed |= takes != self.calls[index].takes;
                self.calls[index].takes = takes;
                let (rate, calls) = (self.called(caller), self.time_of_calls(caller));
                self.targets[caller].has_heard(rate, calls);
            }
            if !changed {
                break;
            }
        }
        for call in &mut self.calls {
            call.longest = (call.takes.mean * call.per_request, SimTime::ZERO);
        }
    }

    /// Targets call others, if they serve more or less than before; says whether any does.
    pub(super) fn call(&mut self) -> Result<bool, SimError> {
        let mut busy = false;
        for index in 0..self.calls.len() {
            let Call { caller, callee, per_request, .. } = self.calls[index];
            if self.active.binary_search(&caller).is_err() {
                continue;
            }
            let rate = self.targets[caller].served() * per_request;
            if rate.to_bits() != self.calls[index].rate.to_bits() {
                self.calls[index].rate = rate;
                self.touch(callee)?;
                let rate = self.called(callee);
                self.targets[callee].is_called(rate);
                busy = true;
            }
        }
        Ok(busy)
    }

    /// Callers learn in the next second how long their calls take.
    pub(super) fn answer(&mut self) {
        let soon = self.now + Span::from_seconds(1);
        for index in 0..self.calls.len() {
            let Call { caller, callee, per_request, .. } = self.calls[index];
            if self.active.binary_search(&callee).is_err() {
                continue;
            }
            let takes = self.targets[callee].response();
            if takes == self.calls[index].takes {
                continue;
            }
            self.calls[index].takes = takes;
            let all = takes.mean * per_request;
            if self.now >= SimTime::ZERO && all > self.calls[index].longest.0 {
                self.calls[index].longest = (all, self.now);
            }
            let calls = self.time_of_calls(caller);
            self.targets[caller].will_hear(calls);
            if self.due[caller] > soon {
                self.due[caller] = soon;
                self.alarms.push(Reverse((soon, caller)));
            }
        }
    }

    /// What each target waited for.
    pub(super) fn callees(&self, caller: usize) -> Vec<Callee> {
        let own = self.calls.iter().filter(|call| call.caller == caller);
        let callee = |call: &Call| Callee {
            target: self.targets[call.callee].index,
            longest_seconds: call.longest.0,
            at: call.longest.1,
        };
        own.map(callee).collect()
    }
}
