//! ResourceQuotas that several targets use up: what one has, the other does not get.
//!
//! Pods count until they are gone (`pkg/quota/v1/evaluator/core/pods.go`). A controller whose pods were refused tries again as soon as
//! there is room; upstream it waits longer and longer between its tries.

use super::Engine;
use crate::model::{MOST_PODS, SharedQuota};
use crate::sim::SimError;
use crate::units::{Quantity, Replicas};

/// The quotas of the targets that are simulated together, by their places.
pub(super) struct Quotas {
    shared: Vec<Shared>,
    /// For each target the quotas that it uses up, and what a pod of it takes of them.
    of: Vec<Vec<(usize, Quantity)>>,
    /// The pods that each target was last known to have.
    pods: Vec<Replicas>,
}

struct Shared {
    left: Quantity,
    used: Quantity,
    users: Vec<usize>,
    /// The use has changed since all were told.
    has_changed: bool,
}

impl Quotas {
    /// `places` are the indices of the targets.
    pub fn new(quotas: &[SharedQuota], places: &[usize]) -> Self {
        let mut all = Self { shared: Vec::new(), of: vec![Vec::new(); places.len()], pods: vec![0; places.len()] };
        for quota in quotas {
            let mut users = Vec::new();
            for (index, each) in &quota.users {
                if let Ok(place) = places.binary_search(index) {
                    all.of[place].push((all.shared.len(), *each));
                    users.push(place);
                }
            }
            all.shared.push(Shared { left: quota.left, used: Quantity::ZERO, users, has_changed: false });
        }
        all
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// A target has so many pods now.
    pub fn note(&mut self, place: usize, pods: Replicas) {
        let more = pods - std::mem::replace(&mut self.pods[place], pods);
        for &(quota, each) in self.of[place].iter().filter(|_| more != 0) {
            let shared = &mut self.shared[quota];
            shared.used = shared.used + each.times(more.into());
            shared.has_changed = true;
        }
    }

    /// The most pods that they let a target have now.
    pub fn most(&self, place: usize) -> Replicas {
        let of = |&(quota, each): &(usize, Quantity)| {
            let shared = &self.shared[quota];
            let others = shared.used.minus(each.times(self.pods[place].into()));
            shared.left.minus(others).div_floor(each).clamp(0, MOST_PODS.into()) as Replicas
        };
        self.of[place].iter().map(of).min().unwrap_or(MOST_PODS)
    }

    /// Those who use up what has changed.
    fn take_concerned(&mut self) -> Vec<usize> {
        let mut places = Vec::new();
        for shared in self.shared.iter_mut().filter(|shared| shared.has_changed) {
            shared.has_changed = false;
            places.extend_from_slice(&shared.users);
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Engine<'_> {
    /// Tells a target how many pods it may have now. If pods of it were refused and there is room again, it tries again; says
    /// whether it does.
    pub(super) fn limit(&mut self, place: usize) -> bool {
        if self.quotas.is_empty() {
            return false;
        }
        let most = self.quotas.most(place);
        let target = &mut self.targets[place];
        let tries_again = target.is_refused() && most > target.all_pods();
        target.limit(most);
        if tries_again {
            target.try_again();
        }
        tries_again
    }

    /// A target's pods may have become more or fewer.
    pub(super) fn count_pods(&mut self, place: usize) {
        if !self.quotas.is_empty() {
            self.quotas.note(place, self.targets[place].all_pods());
        }
    }

    /// What one has the others do not get: all are told. Says whether any tries again.
    pub(super) fn share_quotas(&mut self) -> Result<bool, SimError> {
        let mut any = false;
        for at in 0..self.active.len() {
            self.count_pods(self.active[at]);
        }
        for place in self.quotas.take_concerned() {
            if !self.targets[place].knows_limit(self.quotas.most(place)) {
                self.touch(place)?;
                any |= self.limit(place);
            }
        }
        Ok(any)
    }
}
