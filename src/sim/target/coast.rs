//! Syncs between which nothing else happens follow each other here, without a look at the rest of the world.
//!
//! In steady stretches, syncs that can only find what the last one found are counted, not made.
//! Load, pods and limits stay as they are, every sample covers time of which that is true, and what the metrics propose is in force,
//! or held back by minReplicas or maxReplicas alone. All recommendations are the same, so that none of them can change that.

use super::TargetState;
use super::cohort::Cohort;
use crate::hpa::{Verdict, coast};
use crate::sim::{Listener, SimError};
use crate::units::{SimTime, Span};

/// Fewer syncs than this are not passed over: looking whether they can be takes as long as making them.
const FEWEST_SYNCS: i64 = 4;

impl TargetState<'_> {
    /// Lets the syncs come that come before anything else happens to it, of its own doing or before `end`. Says whether there is
    /// more to do in the second of the last of them than that: then it is not over.
    pub fn keep_syncing(&mut self, end: SimTime, mut listener: Option<&mut Listener<'_>>) -> Result<bool, SimError> {
        let is_busy = self.to_reconcile || self.heard.is_some() || self.traffic.is_restless();
        if is_busy || !self.may_look_back() || self.next_sync >= end.min(self.load.next_change(self.now)) {
            return Ok(false);
        }
        let end = end.min(self.next_change());
        let mut rescaled = false;
        while self.next_sync < end && !rescaled {
            if listener.is_none() && self.last_sync.1 == self.now {
                if self.coast(end) {
                    continue;
                }
                self.pass_alike(self.next_sync.seconds_since(self.now));
            } else {
                self.pass_until(self.next_sync);
            }
            rescaled = self.sync(listener.as_deref_mut())?;
        }
        self.add_up_alike();
        Ok(rescaled)
    }

    /// Right after a sync: lets all syncs but the last pass before `end` that are like it; says whether there were any.
    fn coast(&mut self, end: SimTime) -> bool {
        let period = self.world.controller.sync_period;
        let worthwhile = self.next_sync + Span::from_seconds(period.seconds() * FEWEST_SYNCS);
        if end <= worthwhile || !self.is_steady() {
            return false;
        }
        self.add_up_alike();
        // The last one before the end is made.
        let count = ((end - self.next_sync).seconds() - 1) / period.seconds();
        let last = self.next_sync + Span::from_seconds((count - 1) * period.seconds());
        let first = self.next_sync;
        self.pass_until(last);
        coast(self.hpa, &self.world.controller, &mut self.history, &self.decision, (first, count));
        let use_now = self.use_since_last_sync();
        self.accounts.sync_again(period, (last, count), use_now);
        self.last_sync = (self.traffic.totals.cpu, last);
        self.next_sync = last + period;
        true
    }

    /// Whether the next sync sees what the last one has seen, and so on as long as load and pods stay as they are.
    fn is_steady(&self) -> bool {
        let last = &self.decision;
        let replicas = self.controller.replicas;
        let proposed = last.proposed.unwrap_or_default();
        let is_held = proposed == replicas
            || (proposed > replicas && replicas == self.hpa.max_replicas)
            || (proposed < replicas && replicas == self.hpa.min_replicas);
        let outage = self.resource_outage.max(self.custom_outage);
        // What is likely not to hold comes first.
        (last.verdict, last.current, last.desired) == (Verdict::Computed, replicas, replicas)
            && is_held
            && !(self.unseen || self.changed || self.to_reconcile || self.reconciled_at_once)
            && self.now >= SimTime::ZERO.max(outage)
            && self.history.recommends_only(proposed)
            && replicas > 0
            && self.sampling.are_regular
            && self.may_look_back()
            && self.observer.is_ageless()
            && self.observer.has_read(&self.values, &self.pods)
            && self.pods.cohorts().iter().all(|cohort| self.is_sampled_steadily(cohort))
            && !(self.memory.grows() || self.heard.is_some() || self.traffic.is_restless())
    }

    fn is_sampled_steadily(&self, cohort: &Cohort) -> bool {
        let is_down = cohort.running.is_none() && cohort.scraped.is_unknown();
        is_down || cohort.is_steady(self.sampling.steady_since, self.target.cluster.metric_resolution)
    }
}
