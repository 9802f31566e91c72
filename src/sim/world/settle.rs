//! Pods, controllers, scheduler and autoscaler within a second.

use std::cmp::Reverse;

use super::Engine;
use super::autoscaler::Health;
use super::nodes::{NODE_GRACE, NODE_GRACE_BEFORE_1_32, NODE_TOLERATION};
use crate::model::Workload;
use crate::sim::SimError;
use crate::sim::record::Occurrence;
use crate::sim::target::TargetState;
use crate::units::{Replicas, SimTime};

/// Controllers and pods answer each other at most so often within a second.
const MOST_ROUNDS: usize = 1000;

/// Pods that wait for a node: of a target, and there of a cohort; or of another workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    /// Those with the highest priority come first, then those that were created first.
    priority: Reverse<i32>,
    created: Option<SimTime>,
    kind: usize,
    cohort: usize,
}

impl Engine<'_> {
    /// Pods, controllers, scheduler and autoscaler answer each other until all is done that can be done now.
    pub(super) fn settle(&mut self) -> Result<(), SimError> {
        if self.rest()? {
            return Ok(());
        }
        for &index in &self.active {
            self.targets[index].begin_to_settle();
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.come_and_go(self.now);
        }
        self.scan_nodes()?;
        let mut rounds = 0;
        let rests = loop {
            if !self.round()? {
                break true;
            }
            rounds += 1;
            if rounds == MOST_ROUNDS {
                break false;
            }
        };
        self.count_nodes()?;
        for &index in &self.active {
            self.targets[index].end_settling(rests);
        }
        Ok(())
    }

    /// Where targets share nothing and none of them has anything to do but its work, that is all; says whether it is so.
    fn rest(&mut self) -> Result<bool, SimError> {
        let share = self.nodes.is_some() || !self.quotas.is_empty() || !self.calls.is_empty();
        let targets = &mut self.targets;
        if share || !self.active.iter().all(|&index| targets[index].rests()) {
            return Ok(false);
        }
        let mut rest = true;
        for &index in &self.active {
            rest &= !self.targets[index].work_out();
        }
        if rest {
            self.active.iter().for_each(|&index| self.targets[index].end_settling(true));
        }
        Ok(rest)
    }

    /// Each answers once; says whether anything was done.
    fn round(&mut self) -> Result<bool, SimError> {
        let mut busy = false;
        for place in 0..self.active.len() {
            let index = self.active[place];
            self.limit(index);
            busy |= self.targets[index].answer();
            self.count_pods(index);
        }
        busy |= self.share_quotas()?;
        if self.nodes.is_some() {
            busy |= self.schedule()?;
        } else {
            for &index in &self.active {
                busy |= self.targets[index].bind_anywhere();
            }
        }
        for &index in &self.active {
            busy |= self.targets[index].work_out();
        }
        busy |= self.call()?;
        Ok(busy)
    }

    /// Binds pods whose time has come, and those that wait for a node if there is room again.
    fn schedule(&mut self) -> Result<bool, SimError> {
        let Some(nodes) = &mut self.nodes else { return Ok(false) };
        for &index in &self.active {
            nodes.release(index, self.targets[index].freed());
        }
        nodes.finish_draining();
        let retry = std::mem::take(&mut nodes.changed);
        if retry {
            for index in 0..self.targets.len() {
                if self.targets[index].unschedulable() > 0 {
                    self.touch(index)?;
                }
            }
        }
        let mut queue = self.queue(retry);
        let mut busy = false;
        for at in 0..queue.len() {
            let Waiting { kind, cohort, .. } = queue[at];
            if kind >= self.targets.len() {
                if let Some(nodes) = &mut self.nodes {
                    nodes.place_other(kind - self.targets.len());
                }
                if self.preempt(kind)? {
                    return Ok(true);
                }
                continue;
            }
            let count = self.targets[kind].pods_in(cohort);
            let places = self.nodes.as_mut().map(|nodes| nodes.schedule(kind, count)).unwrap_or_default();
            let (placed, split) = self.targets[kind].bind(cohort, places);
            busy |= placed;
            if split {
                // The rest stands after it.
                queue
                    .iter_mut()
                    .filter(|other| other.kind == kind && other.cohort > cohort)
                    .for_each(|o| o.cohort += 1);
            }
            // Who gives way is no longer where the queue has it: the rest of it is for the next round.
            if (split || !placed) && self.preempt(kind)? {
                return Ok(true);
            }
        }
        Ok(busy)
    }

    /// The pods that are to be bound now, in the scheduler's order.
    fn queue(&self, retry: bool) -> Vec<Waiting> {
        let mut queue = Vec::new();
        for &kind in &self.active {
            let priority = Reverse(self.workloads[kind].template.placement.priority);
            let unbound = self.targets[kind].unbound(retry);
            queue.extend(unbound.map(|(cohort, created)| Waiting { priority, created: Some(created), kind, cohort }));
        }
        if let Some(nodes) = self.nodes.as_ref().filter(|_| retry) {
            queue.extend(nodes.others.iter().filter(|other| other.waiting > 0).map(|other| Waiting {
                priority: Reverse(other.workload.template.placement.priority),
                created: None,
                kind: other.kind,
                cohort: 0,
            }));
        }
        queue.sort();
        queue
    }

    /// Makes places for pods of a kind that have found none; says whether anybody has to give way.
    fn preempt(&mut self, kind: usize) -> Result<bool, SimError> {
        let mut any = false;
        loop {
            let unplaced = match self.targets.get(kind) {
                Some(target) => target.without_node(),
                None => self.nodes.as_ref().map_or(0, |nodes| nodes.others[kind - self.targets.len()].waiting),
            };
            let Some(found) = self.nodes.as_mut().and_then(|nodes| nodes.preempt(kind, unplaced)) else {
                return Ok(any);
            };
            any = true;
            if let Some(nodes) = &mut self.nodes {
                nodes.has_changed();
            }
            for (victim, pods) in found.victims {
                if victim < self.targets.len() {
                    self.touch(victim)?;
                    self.targets[victim].give_way(found.node, pods);
                } else if let Some(nodes) = &mut self.nodes {
                    nodes.evict_other(victim, found.node, pods);
                }
            }
        }
    }

    fn scan_nodes(&mut self) -> Result<(), SimError> {
        let Some(nodes) = &mut self.nodes else { return Ok(()) };
        let mut pending: Vec<(usize, Replicas)> =
            self.targets.iter().map(TargetState::unschedulable).enumerate().collect();
        pending.extend(nodes.others.iter().map(|other| (other.kind, other.waiting)));
        // For those that others give way to there is a place.
        pending.iter_mut().for_each(|(kind, pods)| *pods -= nodes.nominated(*kind).min(*pods));
        let health = self.targets.iter().map(TargetState::health);
        let targets: Vec<(&Workload, Health)> = self.workloads.iter().copied().zip(health).collect();
        let scan = nodes.scan(self.now, &pending, &targets, &mut self.draws);
        if scan.removed == 0 && scan.drained.is_none() {
            return Ok(());
        }
        self.touch_all()?;
        for target in &mut self.targets {
            for _ in 0..scan.removed {
                target.happened(Occurrence::NodeRemoved);
            }
            if let Some(node) = scan.drained {
                target.evict(node);
                target.happened(Occurrence::NodeRemoved);
            }
        }
        Ok(())
    }

    /// So many nodes do not answer any more, those with the most pods of a target.
    pub(super) fn lose_nodes(&mut self, of: usize, count: i64) -> Result<(), SimError> {
        let recent = self.world.controller.version.at_least(32);
        let noticed = if recent { NODE_GRACE } else { NODE_GRACE_BEFORE_1_32 };
        let until = self.now + noticed + NODE_TOLERATION;
        let kind = self.targets.iter().position(|target| target.index == of).unwrap_or(0);
        let lost = self.nodes.as_mut().map(|nodes| nodes.lose(kind, count, until)).unwrap_or_default();
        self.touch_all()?;
        for node in lost {
            for target in &mut self.targets {
                target.lose_node(node, noticed, NODE_TOLERATION);
            }
        }
        Ok(())
    }

    /// Where the number of ready nodes has changed, every target is told.
    pub(super) fn count_nodes(&mut self) -> Result<(), SimError> {
        let ready = self.nodes.as_ref().map(super::Nodes::ready);
        if !self.targets.iter().all(|target| target.knows_nodes(ready)) {
            self.touch_all()?;
            self.targets.iter_mut().for_each(|target| target.count_nodes(ready));
        }
        Ok(())
    }
}
