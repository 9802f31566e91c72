//! Pods, controllers, scheduler and autoscaler within a second.

use super::Engine;
use crate::sim::controller::Hands;
use crate::sim::summary::Occurrence;
use crate::units::Replicas;

/// Controllers and pods answer each other at most so often within a second.
const MOST_ROUNDS: usize = 1000;

impl Engine<'_> {
    /// Pods, controllers, scheduler and autoscaler answer each other until all is done that can be done now.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        if self.controller.deadline() <= now {
            self.to_reconcile = true;
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.come_and_go(now);
        }
        self.scan_nodes();
        let rests = (0..MOST_ROUNDS).any(|_| !self.round());
        if !rests {
            self.accounts.gave_up();
        }
        self.memory.remember(&mut self.pods, self.asks.memory);
    }

    /// Each answers once; says whether anything was done.
    fn round(&mut self) -> bool {
        let now = self.now;
        let mut busy = self.pods.advance(now, &self.rules);
        if busy {
            self.to_reconcile = true;
        }
        if std::mem::take(&mut self.to_reconcile) {
            let before = (self.pods.created, self.pods.deleted);
            let hands = Hands { pods: &mut self.pods, rules: &self.rules, draws: &mut self.draws, now };
            self.controller.reconcile(hands);
            busy = true;
            self.to_reconcile = before != (self.pods.created, self.pods.deleted);
        }
        if self.schedule() {
            busy = true;
            self.to_reconcile = true;
        }
        self.changed |= busy;
        busy | self.work_out()
    }

    /// What each pod does from now on, if something has changed; says whether a pod was killed for its memory.
    pub(super) fn work_out(&mut self) -> bool {
        let changed = std::mem::take(&mut self.changed);
        if changed {
            self.numbers = self.pods.numbers();
            self.traffic.update(self.asks.cpu, &mut self.pods, &self.rules);
        }
        (changed || self.memory.grows()) && self.kill_over_limit()
    }

    /// Binds pods whose time has come, and those that wait for a node if there is room again.
    fn schedule(&mut self) -> bool {
        let now = self.now;
        let mut retry = false;
        if let Some(nodes) = &mut self.nodes {
            nodes.release(0, &mut self.pods.freed);
            nodes.finish_draining();
            retry = std::mem::take(&mut nodes.changed);
            if retry {
                nodes.place_others();
            }
        } else {
            self.pods.freed.clear();
        }
        let mut busy = false;
        // From the last to the first, since binding may split a cohort.
        while let Some(index) = self.pods.last_unbound(now, retry) {
            let count = self.pods.cohorts()[index].count;
            let places = self.nodes.as_mut().map(|nodes| nodes.schedule(0, count));
            let placed: Replicas = places.iter().flatten().map(|place| place.1).sum();
            let anywhere = places.is_none();
            let waited = self.pods.cohorts()[index].unschedulable;
            self.pods.bind(index, places.unwrap_or_default(), anywhere, now, &self.rules);
            if !anywhere && placed < count {
                // Nothing more fits for now.
                retry = false;
                if !waited {
                    self.accounts.happened(now, Occurrence::Unschedulable(count - placed));
                }
            }
            busy |= anywhere || placed > 0;
        }
        busy
    }

    fn kill_over_limit(&mut self) -> bool {
        let mut killed = false;
        while let Some(index) = self.memory.over_limit(&self.pods, self.asks.memory, self.now) {
            let count = self.pods.cohorts()[index].count;
            self.accounts.happened(self.now, Occurrence::OomKilled(count));
            self.pods.restart_cohort(index, self.now, &self.rules);
            killed = true;
        }
        self.changed |= killed;
        killed
    }

    fn scan_nodes(&mut self) {
        let Some(nodes) = &mut self.nodes else { return };
        let mut pending = vec![(0, self.numbers.unschedulable)];
        pending.extend(nodes.others.iter().map(|other| (other.kind, other.waiting)));
        let health = (self.numbers.ready, self.controller.replicas);
        let scan = nodes.scan(self.now, &pending, &[(self.setup.workload, health)], &mut self.draws);
        for _ in 0..scan.removed {
            self.accounts.happened(self.now, Occurrence::NodeRemoved);
        }
        if let Some(node) = scan.drained {
            self.pods.evict(node, self.now, &self.rules);
            self.accounts.happened(self.now, Occurrence::NodeRemoved);
        }
        if scan.removed > 0 || scan.drained.is_some() {
            self.to_reconcile = true;
            self.changed = true;
        }
    }
}
