//! What happens besides the load.

use super::Engine;
use crate::model::{Action, MetricsApi};
use crate::sim::controller::same_again;
use crate::sim::nodes::{NODE_GRACE, NODE_GRACE_BEFORE_1_32, NODE_TOLERATION};
use crate::sim::summary::Occurrence;
use crate::units::SimTime;

impl<'a> Engine<'a> {
    /// The scenario's events.
    pub(super) fn happen(&mut self) {
        let setup = self.setup;
        while let Some(event) = setup.events.get(self.next_event).filter(|event| event.at <= self.now) {
            self.next_event += 1;
            self.accounts.happened(self.now, Occurrence::Action(self.next_event - 1));
            self.act(&event.action);
            self.to_reconcile = true;
            self.changed = true;
        }
    }

    fn act(&mut self, action: &'a Action) {
        let now = self.now;
        match action {
            Action::Rollout(revision) => self.roll_out(*revision),
            Action::Restart => self.roll_out(same_again(&self.rules.revisions, self.controller.target())),
            Action::Rollback => {
                self.controller.roll_back(now);
            }
            Action::Pause => self.controller.paused = true,
            Action::Resume => self.controller.paused = false,
            Action::Scale(replicas) => self.controller.replicas = *replicas,
            Action::KillPods(pods) => self.pods.kill(*pods, now, &self.rules),
            Action::HangPods(pods) => self.pods.hang(*pods, now, &self.rules),
            Action::LoseNodes(count) => {
                let recent = self.setup.controller.version.at_least(32);
                let noticed = if recent { NODE_GRACE } else { NODE_GRACE_BEFORE_1_32 };
                let until = now + noticed + NODE_TOLERATION;
                for node in self.nodes.as_mut().map(|nodes| nodes.lose(0, *count, until)).unwrap_or_default() {
                    self.pods.lose_node(node, now, noticed, NODE_TOLERATION);
                }
            }
            Action::MetricsOutage { which, lasts } => {
                let until = now + *lasts;
                if *which != MetricsApi::Custom {
                    self.resource_outage = self.resource_outage.max(until);
                    for cohort in self.pods.cohorts_mut() {
                        cohort.scraped.forget();
                    }
                }
                if *which != MetricsApi::Resource {
                    self.custom_outage = self.custom_outage.max(until);
                }
            }
            // Known from the start: see `rules`.
            Action::DependencyDown { .. } => {}
            Action::ChangeHpa(hpa) => {
                self.hpa = hpa;
                // From 1.37 on a changed HPA is reconciled at once (kubernetes/kubernetes#138294), besides the syncs.
                self.reconciled_at_once = self.setup.controller.version.at_least(37);
            }
            Action::LoadFactor { factor, lasts } => {
                self.factors.push((*factor, lasts.map_or(SimTime::MAX, |lasts| now + lasts)));
                self.take_values();
            }
        }
    }

    fn roll_out(&mut self, revision: crate::model::Revision) {
        self.rules.revisions.push(revision);
        self.controller.roll_out(self.rules.revisions.len() - 1, self.now);
    }
}
