//! What the world does to a target's pods: it finds nodes for them, takes nodes away, and counts them.

use super::{Occurrence, TargetState};
use crate::sim::ReadyNodes;
use crate::units::{Replicas, SimTime, Span};

impl TargetState<'_> {
    /// Its pods that are ready, and how many there should be.
    pub fn health(&self) -> (Replicas, Replicas) {
        (self.numbers.ready, self.controller.replicas)
    }

    /// Up to when it has been simulated.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Pods without a node.
    pub fn unschedulable(&self) -> Replicas {
        self.numbers.unschedulable
    }

    /// The places on nodes that its pods have left.
    pub fn freed(&mut self) -> &mut Vec<(usize, Replicas)> {
        &mut self.pods.freed
    }

    /// Without nodes there is always room; says whether a pod was bound.
    pub fn bind_anywhere(&mut self) -> bool {
        self.pods.freed.clear();
        let bound = self.pods.bind_anywhere(self.now, &self.rules);
        if bound {
            self.pods_change();
        }
        bound
    }

    /// The cohorts that are to be bound now, with when they were created.
    pub fn unbound(&self, retry: bool) -> impl Iterator<Item = (usize, SimTime)> {
        self.pods.unbound(self.now, retry)
    }

    /// How many pods a cohort has.
    pub fn pods_in(&self, cohort: usize) -> Replicas {
        self.pods.cohorts()[cohort].count
    }

    /// Binds pods of a cohort to these places; the others of it wait. Says whether there were any, and whether others wait.
    pub fn bind(&mut self, cohort: usize, places: Vec<(usize, Replicas)>) -> (bool, bool) {
        let (count, waited) = {
            let cohort = &self.pods.cohorts()[cohort];
            (cohort.count, cohort.unschedulable)
        };
        let placed: Replicas = places.iter().map(|place| place.1).sum();
        self.pods.bind(cohort, places, self.now, &self.rules);
        if placed < count && !waited {
            self.happened(Occurrence::Unschedulable(count - placed));
        }
        (self.outlook, self.sampling.next_sample) = (None, None);
        if placed > 0 {
            self.pods_change();
        }
        if !waited {
            (self.changed, self.pods_changed) = (true, true);
        }
        (placed > 0, placed > 0 && placed < count)
    }

    /// Its pods on a node are evicted.
    pub fn evict(&mut self, node: usize) {
        self.pods.evict(node, Replicas::MAX, self.now, &self.rules);
        self.pods_change();
    }

    /// Pods that wait for a node now.
    pub fn without_node(&self) -> Replicas {
        self.pods.without_node()
    }

    /// So many of its pods on a node give way to more important ones.
    pub fn give_way(&mut self, node: usize, pods: Replicas) {
        self.pods.evict(node, pods, self.now, &self.rules);
        self.happened(Occurrence::Preempted(pods));
        self.pods_change();
    }

    /// A node does not answer any more.
    pub fn lose_node(&mut self, node: usize, noticed: Span, tolerated: Span) {
        self.pods.lose_node(node, self.now, noticed, tolerated);
        self.note_pods_changed();
    }

    /// The number of nodes that are ready.
    pub fn count_nodes(&mut self, ready: Option<ReadyNodes>) {
        self.ready_nodes = ready;
    }

    /// Whether it has counted so many.
    pub fn knows_nodes(&self, ready: Option<ReadyNodes>) -> bool {
        self.ready_nodes == ready
    }

    /// All its pods, those on their way out among them.
    pub fn all_pods(&self) -> Replicas {
        self.pods.all()
    }

    /// Quotas that it shares let it have so many pods now.
    pub fn limit(&mut self, most: Replicas) {
        self.rules.most_pods = self.allowed.min(most);
    }

    /// Whether it has been told that.
    pub fn knows_limit(&self, most: Replicas) -> bool {
        self.rules.most_pods == self.allowed.min(most)
    }

    /// Whether it has fewer pods than it should, since quotas let no more be made.
    pub fn is_refused(&self) -> bool {
        self.pods.count() < self.controller.replicas && self.pods.is_full(&self.rules) && self.pods.all() < self.allowed
    }

    /// Its controller tries again to make pods.
    pub fn try_again(&mut self) {
        self.to_reconcile = true;
    }

    /// Something happened that is to be told.
    pub fn happened(&mut self, what: Occurrence) {
        self.accounts.happened(self.now, what);
    }
}
