//! What a decision was made of, beyond its result: for people, not for the simulation.

use super::history::{History, change_within};
use super::normalize::{Direction, allowed_by, period_start_replicas};
use crate::model::{HpaSpec, KubernetesVersion, ScalingPolicy};
use crate::units::{Replicas, SimTime};

/// A recommendation that was stored before a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastRecommendation {
    /// When it was made.
    pub at: SimTime,
    /// What it was, before stabilization.
    pub replicas: Replicas,
}

/// What a policy allows at a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyExplanation {
    /// The policy.
    pub policy: ScalingPolicy,
    /// Pods added within its period before the sync.
    pub added: Replicas,
    /// Pods removed within its period before the sync.
    pub removed: Replicas,
    /// The replicas when its period began.
    pub period_start_replicas: Replicas,
    /// The replicas that it allows.
    pub allowed: Replicas,
}

impl History {
    /// The recommendations that the controller had when it synced at `now`, oldest first. `self` is the
    /// history after that sync.
    pub fn recommendations_before(&self, now: SimTime, proposed: Replicas) -> Vec<PastRecommendation> {
        let mut all: Vec<PastRecommendation> = self
            .recommendations
            .slots()
            .iter()
            .map(|old| PastRecommendation { at: old.at, replicas: old.replicas })
            .collect();
        all.sort_by_key(|old| old.at);
        // The one that this sync has stored comes last; the first sync has stored two.
        if all.last().is_some_and(|last| last.at == now && last.replicas == proposed) {
            all.pop();
        }
        all
    }

    /// What each policy allowed at the sync at `now`, from `current` replicas up or down. `self` is the
    /// history after that sync.
    pub fn policies_at(
        &self,
        spec: &HpaSpec,
        version: KubernetesVersion,
        now: SimTime,
        current: Replicas,
        up: bool,
    ) -> Vec<PolicyExplanation> {
        let Some(behavior) = &spec.behavior else { return Vec::new() };
        let (rules, direction) =
            if up { (&behavior.scale_up, Direction::Up) } else { (&behavior.scale_down, Direction::Down) };
        let mut before = self.clone();
        before.scale_up_events.retain(|event| event.at < now);
        before.scale_down_events.retain(|event| event.at < now);
        let explain = |&policy: &ScalingPolicy| {
            let start = period_start_replicas(version, &before, now, current, &policy, direction);
            PolicyExplanation {
                policy,
                added: change_within(&before.scale_up_events, policy.period, now),
                removed: change_within(&before.scale_down_events, policy.period, now),
                period_start_replicas: start,
                allowed: allowed_by(&policy, start, direction, version),
            }
        };
        rules.policies.iter().map(explain).collect()
    }
}
