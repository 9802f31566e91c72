//! Syncs and changes of the load between which nothing else happens follow each other here, without a look at the rest of the world.
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
    /// Goes on as long as it has nothing to do but its work, to the last second before `end` in which something happens: syncs, and
    /// where it `is_alone` changes of its load. Says whether there is more to do in that second: then it is not over.
    pub fn keep_syncing(
        &mut self,
        end: SimTime,
        is_alone: bool,
        mut listener: Option<&mut Listener<'_>>,
    ) -> Result<bool, SimError> {
        // The world has seen to the second that it comes with, and to none after it.
        let mut is_over = true;
        loop {
            let is_busy = self.to_reconcile || self.heard.is_some() || self.traffic.is_restless();
            if is_busy || !self.may_look_back() {
                return Ok(!is_over);
            }
            let change = self.next_change();
            while self.next_sync < end.min(change) {
                let is_unheard = listener.is_none();
                if is_unheard && self.last_sync.1 == self.now && self.coast(end.min(change)) {
                    continue;
                }
                self.pass_alike(self.next_sync.seconds_since(self.now));
                if !is_unheard {
                    self.add_up_alike();
                }
                if self.sync(listener.as_deref_mut())? {
                    return Ok(true);
                }
            }
            if change >= end || !is_alone {
                self.add_up_alike();
                return Ok(false);
            }
            self.owed += change.seconds_since(self.now);
            self.add_up_to(change);
            self.move_on(change.seconds_since(self.now), true);
            self.advance_load()?;
            if self.load_end().is_some_and(|end| end <= self.now) || !self.rests() || self.work_out() {
                return Ok(true);
            }
            self.end_settling(true);
            is_over = false;
        }
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
        self.accounts.sync_again(period, (last, count));
        self.note_use();
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
            && !self.observer.counts()
            && !(self.unseen || self.changed || self.to_reconcile || self.reconciled_at_once)
            && self.now >= SimTime::ZERO.max(outage)
            && self.history.recommends_only(proposed)
            && replicas > 0
            && self.may_look_back()
            && self.observer.is_ageless()
            && self.observer.has_read(&self.values, &self.pods)
            && self.pods.cohorts().iter().all(|cohort| self.is_sampled_steadily(cohort))
            && !(self.memory.grows() || self.heard.is_some() || self.traffic.is_restless())
    }

    fn is_sampled_steadily(&self, cohort: &Cohort) -> bool {
        let is_down = cohort.running.is_none() && cohort.life.scraped.is_unknown();
        is_down || cohort.is_steady(self.sampling.steady_since, self.target.cluster.metric_resolution)
    }
}
