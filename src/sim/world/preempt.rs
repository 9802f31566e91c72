//! Preemption: pods of a higher priority take the place of others.
//!
//! Mirrors `DefaultPreemption` (`pkg/scheduler/framework/plugins/defaultpreemption`, `pkg/scheduler/framework/preemption`): of each
//! node all pods with a lower priority are taken away; where the pod fits then, as many of them are let stay as can, the most
//! important first; the node is taken whose victims are the least important, then the fewest. Victims end gracefully, and the pod
//! waits for them. Disruption budgets, which upstream heeds where it can, are not looked at.

use super::nodes::{Nodes, Nomination};
use crate::placement::NodeIndex;
use crate::units::Replicas;

impl Nomination {
    /// Whether it is on a node.
    pub fn is_on(self, node: NodeIndex) -> bool {
        self.node == node
    }
}

/// Who has to leave a node for a pod: the kinds, with how many of each.
#[derive(Clone, Debug)]
pub(super) struct Preemption {
    pub node: NodeIndex,
    pub victims: Vec<(usize, Replicas)>,
}

impl Nodes<'_> {
    fn priority(&self, kind: usize) -> i32 {
        self.cluster.catalog().kind(kind).priority
    }

    /// How many pods of a kind wait for victims to leave.
    pub fn nominated(&self, kind: usize) -> Replicas {
        self.nominations.iter().filter(|nomination| nomination.kind == kind).count() as Replicas
    }

    /// A pod of a kind has found a place.
    pub fn is_placed(&mut self, kind: usize) {
        if let Some(place) = self.nominations.iter().position(|nomination| nomination.kind == kind) {
            self.nominations.remove(place);
        }
    }

    /// A pod has left a node.
    pub fn has_left(&mut self, node: NodeIndex) {
        if let Some(nomination) = self.nominations.iter_mut().find(|one| one.node == node && one.leaving > 0) {
            nomination.leaving -= 1;
        }
    }

    /// Makes a place for a pod of a kind that has found none, if somebody is less important. Its earlier places are forgotten if
    /// their victims have left and it still has none.
    pub fn preempt(&mut self, kind: usize, unplaced: Replicas) -> Option<Preemption> {
        self.nominations.retain(|nomination| nomination.kind != kind || nomination.leaving > 0);
        if self.nominated(kind) >= unplaced || !self.cluster.catalog().kind(kind).preempts {
            return None;
        }
        let mut best: Option<((i32, i64, Replicas, NodeIndex), Preemption)> = None;
        for node in 0..self.nodes.len() {
            if !self.cluster.takes_pods(node) || self.nominations.iter().any(|one| one.node == node && one.leaving > 0)
            {
                continue;
            }
            let Some(victims) = self.victims(kind, node) else { continue };
            let highest = victims.iter().map(|(kind, _)| self.priority(*kind)).max().unwrap_or(i32::MIN);
            let sum = victims.iter().map(|(kind, pods)| i64::from(self.priority(*kind)) * i64::from(*pods)).sum();
            let rank = (highest, sum, victims.iter().map(|victim| victim.1).sum(), node);
            if best.as_ref().is_none_or(|(other, _)| rank < *other) {
                best = Some((rank, Preemption { node, victims }));
            }
        }
        let (_, preemption) = best?;
        let leaving = preemption.victims.iter().map(|victim| victim.1).sum();
        self.nominations.push(Nomination { kind, node: preemption.node, leaving });
        Some(preemption)
    }

    /// Who has to leave a node so that a pod of a kind fits; none if that does not help, or nobody is less important.
    fn victims(&mut self, kind: usize, node: NodeIndex) -> Option<Vec<(usize, Replicas)>> {
        let own = self.priority(kind);
        let lower = self.nodes[node].pods.iter().filter(|(other, _)| self.priority(**other) < own);
        let mut lower: Vec<(usize, Replicas)> = lower.map(|(other, pods)| (*other, *pods)).collect();
        if lower.is_empty() {
            return None;
        }
        // The most important may stay first.
        lower.sort_by_key(|(other, _)| (std::cmp::Reverse(self.priority(*other)), *other));
        for &(other, pods) in &lower {
            (0..pods).for_each(|_| self.cluster.take(other, node));
        }
        let fits = self.cluster.fits(kind, node);
        let mut victims = Vec::new();
        for &(other, pods) in &lower {
            let mut leave = 0;
            for _ in 0..pods {
                self.cluster.put(other, node);
                if fits && !self.cluster.fits(kind, node) {
                    self.cluster.take(other, node);
                    leave += 1;
                }
            }
            if leave > 0 {
                victims.push((other, leave));
            }
        }
        for &(other, leave) in &victims {
            (0..leave).for_each(|_| self.cluster.put(other, node));
        }
        (fits && !victims.is_empty()).then_some(victims)
    }

    /// Pods of a workload that is not simulated give way at once.
    pub fn evict_other(&mut self, kind: usize, node: NodeIndex, pods: Replicas) {
        for _ in 0..pods {
            self.leave(kind, node);
        }
        if let Some(other) = self.others.iter_mut().find(|other| other.kind == kind) {
            other.waiting += pods;
        }
    }
}
