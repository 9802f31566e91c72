//! What the controller remembers from sync to sync.

use super::calculator::MetricStatus;
use super::decision::{Conditions, Decision};
use super::recommendations::{Recommendation, Recommendations};
use crate::model::{Behavior, ScalingRules};
use crate::units::{Replicas, SimTime, Span};

/// A change of the scale; the change is positive in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScaleEvent {
    pub change: Replicas,
    pub at: SimTime,
}

/// The state of the controller for one HPA.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub(super) recommendations: Recommendations,
    pub(super) scale_up_events: Vec<ScaleEvent>,
    pub(super) scale_down_events: Vec<ScaleEvent>,
    pub(super) conditions: Conditions,
    current_metrics: Vec<Option<MetricStatus>>,
}

impl History {
    /// The HPA's `status.conditions`.
    pub fn conditions(&self) -> Conditions {
        self.conditions
    }

    /// The HPA's `status.currentMetrics`: one entry for each metric that the last sync looked at,
    /// `None` where it could not be read.
    pub fn current_metrics(&self) -> &[Option<MetricStatus>] {
        &self.current_metrics
    }

    /// Whether every recommendation that is stored is of so many replicas.
    pub fn recommends_only(&self, replicas: Replicas) -> bool {
        self.recommendations.are_all(replicas)
    }

    /// The first sync remembers the replica count it found as a recommendation.
    pub(super) fn record_initial_recommendation(&mut self, replicas: Replicas, now: SimTime) {
        if self.recommendations.is_empty() {
            self.recommendations.store(Recommendation { replicas, at: now }, now);
        }
    }

    /// Stores a scale event, in the slot of the last one that no policy looks at any more.
    pub(super) fn store_scale_event(
        &mut self,
        behavior: &Behavior,
        now: SimTime,
        previous: Replicas,
        replicas: Replicas,
    ) {
        let up = replicas > previous;
        let (events, rules) = if up {
            (&mut self.scale_up_events, &behavior.scale_up)
        } else {
            (&mut self.scale_down_events, &behavior.scale_down)
        };
        let new = ScaleEvent { change: replicas.wrapping_sub(previous).wrapping_abs(), at: now };
        let cutoff = now - longest_period(rules);
        match events.iter().rposition(|old| old.at < cutoff) {
            Some(slot) => events[slot] = new,
            None => events.push(new),
        }
    }

    pub(super) fn save_current_metrics(&mut self, decision: &Decision) {
        self.current_metrics.resize(decision.metrics.len(), None);
        for (status, outcome) in self.current_metrics.iter_mut().zip(&decision.metrics) {
            *status = outcome.result.as_ref().ok().map(|proposal| proposal.status);
        }
    }
}

fn longest_period(rules: &ScalingRules) -> Span {
    rules.policies.iter().map(|policy| policy.period).max().unwrap_or(Span::ZERO)
}

/// The sum of the changes within `period` before `now`, its start excluded.
pub(super) fn change_within(events: &[ScaleEvent], period: Span, now: SimTime) -> Replicas {
    let cutoff = now - period;
    events.iter().filter(|event| event.at > cutoff).fold(0, |sum: Replicas, event| sum.wrapping_add(event.change))
}
