//! ResourceQuotas that several targets use up: what one has, the other does not get.
//!
//! Pods count until they are gone (`pkg/quota/v1/evaluator/core/pods.go`). A controller whose pods were refused tries again as soon as
//! there is room; upstream it waits longer and longer between its tries.

use super::Engine;
use crate::model::{MOST_PODS, SharedQuota};
use crate::sim::SimError;
use crate::sim::target::TargetState;
use crate::units::{Quantity, Replicas};

/// The most pods that the shared quotas let a target have now, by its place. `pods` are those that each has.
pub(super) fn most_pods(quotas: &[SharedQuota], targets: &[usize], pods: &[Replicas], place: usize) -> Replicas {
    let of = |quota: &SharedQuota| {
        let each = |place: usize| quota.each.get(targets[place]).copied().unwrap_or(Quantity::ZERO);
        let own = Some(each(place)).filter(|own| own.signum() > 0)?;
        let others = (0..pods.len()).filter(|other| *other != place);
        let used = others.fold(Quantity::ZERO, |sum, other| sum + each(other).times(pods[other].into()));
        Some(quota.left.minus(used).div_floor(own).clamp(0, MOST_PODS.into()) as Replicas)
    };
    quotas.iter().filter_map(of).min().unwrap_or(MOST_PODS)
}

impl Engine<'_> {
    fn quota_of(&self, place: usize) -> Replicas {
        let targets: Vec<usize> = self.targets.iter().map(|target| target.index).collect();
        let pods: Vec<Replicas> = self.targets.iter().map(TargetState::all_pods).collect();
        most_pods(&self.world.quotas, &targets, &pods, place)
    }

    /// Tells a target how many pods it may have now. If pods of it were refused and there is room again, it tries again; says
    /// whether it does.
    pub(super) fn limit(&mut self, place: usize) -> bool {
        if self.world.quotas.is_empty() {
            return false;
        }
        let most = self.quota_of(place);
        let target = &mut self.targets[place];
        let tries_again = target.is_refused() && most > target.all_pods();
        target.limit(most);
        if tries_again {
            target.try_again();
        }
        tries_again
    }

    /// What one has the others do not get: all are told. Says whether any tries again.
    pub(super) fn share_quotas(&mut self) -> Result<bool, SimError> {
        let mut any = false;
        for place in 0..self.targets.len() {
            if !self.world.quotas.is_empty() && !self.targets[place].knows_limit(self.quota_of(place)) {
                self.touch(place)?;
                any |= self.limit(place);
            }
        }
        Ok(any)
    }
}
