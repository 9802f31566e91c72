//! The controllers between the replica count and the pods: Deployment with its ReplicaSets, StatefulSet, and whatever
//! else has replicas.
//!
//! Mirrors `pkg/controller/deployment` (`rolling.go`, `sync.go`, `recreate.go`, `progress.go`),
//! `pkg/controller/replicaset/replica_set.go` and `pkg/controller/statefulset/stateful_set_control.go`. The controllers
//! act at once; upstream they need some tens of milliseconds.

use std::collections::BTreeMap;

use super::cohort::Cohort;
use super::pods::Pods;
use super::rules::Rules;
use crate::model::{Revision, Workload, WorkloadController};
use crate::sim::draw::Draws;
use crate::units::{Replicas, SimTime};

/// A rollout: how a new template, or an old one, came to its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// When it began.
    pub began: SimTime,
    /// When the last pod of it was available and the last old one was gone; `None` if that never happened.
    pub completed: Option<SimTime>,
    /// When it had made no progress for `progressDeadlineSeconds` (condition Progressing: ProgressDeadlineExceeded).
    pub stalled: Option<SimTime>,
}

/// The controller of the target.
#[derive(Clone, Debug)]
pub(super) struct Controller<'a> {
    workload: &'a Workload,
    /// `spec.replicas`.
    pub replicas: Replicas,
    /// The revision that new pods are of: an index into the revisions.
    target: usize,
    /// The revision before, which a rollback goes back to.
    previous: usize,
    pub paused: bool,
    /// `spec.replicas` of the ReplicaSet of each revision; of others than the target only those that have pods.
    sets: BTreeMap<usize, Replicas>,
    /// `spec.replicas` when the ReplicaSets were last made to fit it.
    scaled_to: Replicas,
    /// The rollout that is under way is the last one.
    pub rollouts: Vec<Rollout>,
    /// Available pods of the target revision and pods of others, at the last progress.
    progress: (Replicas, Replicas),
    progress_at: SimTime,
}

/// The pods that a controller owns, and what it needs to make others.
pub(super) struct Owner<'a, 'b> {
    pub pods: &'a mut Pods,
    pub rules: &'a Rules<'b>,
    pub draws: &'a mut Draws,
    pub now: SimTime,
}

impl Owner<'_, '_> {
    fn create(&mut self, count: Replicas, revision: usize) {
        self.pods.create(count, revision, self.now, self.rules, self.draws);
    }

    fn delete(&mut self, count: Replicas, revision: usize) {
        self.pods.delete(count, Some(revision), self.now, self.rules);
    }
}

impl<'a> Controller<'a> {
    pub fn new(workload: &'a Workload, replicas: Replicas, start: SimTime) -> Self {
        Self {
            workload,
            replicas,
            target: 0,
            previous: 0,
            paused: workload.paused,
            sets: BTreeMap::from([(0, replicas)]),
            scaled_to: replicas,
            rollouts: Vec::new(),
            progress: (replicas, 0),
            progress_at: start,
        }
    }

    /// A new template: `revision` is its index.
    pub fn roll_out(&mut self, revision: usize, now: SimTime) {
        // Below a partition the revision before the first partitioned update stays.
        let partitioned =
            matches!(self.workload.controller, WorkloadController::StatefulSet { partition, .. } if partition > 0);
        if !partitioned || self.rollouts.is_empty() {
            self.previous = self.target;
        }
        self.target = revision;
        self.begins(now);
    }

    /// Back to the template before; says whether there is one.
    pub fn roll_back(&mut self, now: SimTime) -> bool {
        if self.previous == self.target {
            return false;
        }
        std::mem::swap(&mut self.previous, &mut self.target);
        self.begins(now);
        true
    }

    fn begins(&mut self, now: SimTime) {
        self.sets.entry(self.target).or_default();
        self.rollouts.push(Rollout { began: now, completed: None, stalled: None });
        self.progress_at = now;
        self.progress = (0, Replicas::MAX);
    }

    /// The template that is rolled out.
    pub fn target(&self) -> usize {
        self.target
    }

    /// Makes the pods fit the replica count and the template, as far as the strategy allows now. The pods change only by
    /// this and by what happens to them.
    pub fn reconcile(&mut self, mut owned: Owner<'_, '_>) {
        match self.workload.controller {
            WorkloadController::RollingDeployment { .. } => self.deployment(&mut owned, Self::rolling),
            WorkloadController::RecreatingDeployment => self.deployment(&mut owned, Self::recreating),
            WorkloadController::StatefulSet { parallel, partition } => {
                self.stateful_set(&mut owned, parallel, partition);
            }
            _ => {
                // One set of pods, whatever their template: new ones get the new one.
                let change = self.replicas - owned.pods.count();
                if change > 0 {
                    owned.create(change, self.target);
                } else {
                    owned.pods.delete(-change, None, owned.now, owned.rules);
                }
            }
        }
        self.note_progress(owned.pods, owned.now);
    }

    /// When the progress deadline passes, should nothing happen before.
    pub fn deadline(&self) -> SimTime {
        match self.rollouts.last() {
            Some(rollout) if rollout.completed.is_none() && rollout.stalled.is_none() && !self.paused => {
                self.progress_at + self.workload.progress_deadline
            }
            _ => SimTime::MAX,
        }
    }

    fn note_progress(&mut self, pods: &Pods, now: SimTime) {
        let deadline = self.deadline();
        let Some(rollout) = self.rollouts.last_mut().filter(|rollout| rollout.completed.is_none()) else { return };
        let (updated, available) = pods.of_revision(self.target);
        let old = pods.count() - updated;
        // A partitioned update leaves the pods below the partition as they are.
        let kept = match self.workload.controller {
            WorkloadController::StatefulSet { partition, .. } => partition.min(self.replicas),
            _ => 0,
        };
        if old <= kept && available >= self.replicas - kept {
            rollout.completed = Some(now);
        } else if available > self.progress.0 || old < self.progress.1 {
            self.progress = (available, old);
            self.progress_at = now;
        } else if now >= deadline {
            rollout.stalled = Some(now);
        }
    }

    /// A Deployment: its ReplicaSets are made to fit, and each makes or deletes its pods; again as long as that lets the
    /// strategy go on.
    fn deployment(&mut self, owned: &mut Owner<'_, '_>, strategy: fn(&mut Self, &Pods)) {
        loop {
            let before = self.sets.clone();
            // Without pods there is nothing to share: the strategy makes the first ones.
            let active = self.sets.values().any(|&pods| pods > 0);
            if self.scaled_to != self.replicas && (active || self.paused) {
                self.scale_sets();
            } else if !self.paused {
                strategy(self, owned.pods);
            }
            self.scaled_to = self.replicas;
            for (&revision, &wanted) in &self.sets {
                // Without a rollout all are of one.
                let is_only = self.rollouts.is_empty();
                let there = if is_only { owned.pods.count() } else { owned.pods.of_revision(revision).0 };
                let change = wanted - there;
                if change > 0 {
                    owned.create(change, revision);
                } else if change < 0 {
                    owned.delete(-change, revision);
                }
            }
            if self.sets == before {
                let target = self.target;
                self.sets.retain(|&set, pods| *pods > 0 || set == target);
                return;
            }
        }
    }

    /// The replica count has changed: the ReplicaSets that have pods share the change in proportion. Mirrors `scale` in
    /// `sync.go` and `GetReplicaSetProportion`.
    fn scale_sets(&mut self) {
        let active: Vec<usize> = self.sets.iter().filter(|(_, pods)| **pods > 0).map(|(set, _)| *set).collect();
        match active.as_slice() {
            [] => {
                self.sets.insert(self.target, self.replicas);
                return;
            }
            [only] => {
                self.sets.insert(*only, self.replicas);
                return;
            }
            _ => {}
        }
        if !matches!(self.workload.controller, WorkloadController::RollingDeployment { .. }) {
            return;
        }
        let total: Replicas = self.sets.values().sum();
        let allowed = if self.replicas > 0 { self.replicas + self.workload.fenceposts(self.replicas).0 } else { 0 };
        let change = allowed - total;
        let before = f64::from((self.scaled_to + self.workload.fenceposts(self.scaled_to).0).max(1));
        // The largest first; of equal ones the newest when growing, the oldest when shrinking.
        let mut order = active;
        order.sort_by_key(|&set| {
            let age = if change > 0 { -(set as i64) } else { set as i64 };
            (-i64::from(self.sets[&set]), age)
        });
        let mut added = 0;
        for &set in &order {
            let own = self.sets.entry(set).or_default();
            let fraction = (f64::from(*own) * f64::from(allowed) / before).round() as Replicas;
            let left = change - added;
            let part = fraction - *own;
            let part = if change > 0 { part.clamp(0, left.max(0)) } else { part.clamp(left.min(0), 0) };
            *own += part;
            added += part;
        }
        if let Some(first) = order.first().and_then(|first| self.sets.get_mut(first)) {
            *first = (*first + change - added).max(0);
        }
    }

    /// Mirrors `reconcileNewReplicaSet` and `reconcileOldReplicaSets` in `rolling.go`.
    fn rolling(&mut self, pods: &Pods) {
        let target = self.target;
        let (surge, unavailable) = self.workload.fenceposts(self.replicas);
        let total: Replicas = self.sets.values().sum();
        let new = self.sets.entry(target).or_default();
        if *new > self.replicas {
            *new = self.replicas;
            return;
        }
        if *new < self.replicas {
            let room = self.replicas + surge - total;
            if room > 0 {
                *new += room.min(self.replicas - *new);
                return;
            }
        }
        let new = *new;
        if total == new {
            return;
        }
        let new_unavailable = new - pods.of_revision(target).1;
        let least = self.replicas - unavailable;
        let mut may_go = total - least - new_unavailable;
        if may_go <= 0 {
            return;
        }
        // Old pods that are not available go first, then as many others as there may be unavailable.
        for (&set, left) in self.sets.iter_mut().filter(|(set, _)| **set != target) {
            let unhealthy = *left - pods.of_revision(set).1;
            let gone = unhealthy.clamp(0, may_go);
            *left -= gone;
            may_go -= gone;
        }
        let available: Replicas = self.sets.iter().map(|(&set, &left)| pods.of_revision(set).1.min(left)).sum();
        let mut may_go = available - least;
        for (_, left) in self.sets.iter_mut().filter(|(set, _)| **set != target) {
            let gone = (*left).min(may_go.max(0));
            *left -= gone;
            may_go -= gone;
        }
    }

    /// Old pods go first, all of them; the new ones come when the last has ended. Mirrors `recreate.go`.
    fn recreating(&mut self, pods: &Pods) {
        let target = self.target;
        self.sets.iter_mut().filter(|(set, _)| **set != target).for_each(|(_, left)| *left = 0);
        let old_left = pods.cohorts().iter().any(|cohort| cohort.revision != target);
        if !old_left {
            self.sets.insert(target, self.replicas);
        }
    }

    /// Mirrors `updateStatefulSet`: pods come and go one by one in the order of their ordinals unless management is
    /// parallel; updates go from the highest ordinal down to the partition, one pod at a time.
    fn stateful_set(&mut self, owned: &mut Owner<'_, '_>, parallel: bool, partition: Replicas) {
        owned.pods.sort_by_ordinal();
        let wanted = |ordinal: Replicas, this: &Self| if ordinal >= partition { this.target } else { this.previous };
        let mut ordinal = 0;
        while ordinal < self.replicas {
            match Self::state_of(owned.pods, ordinal) {
                Some((end, healthy, _)) => {
                    if !healthy && !parallel {
                        return;
                    }
                    ordinal = end;
                }
                None => {
                    // As many as are missing in a row, if they need not wait for each other.
                    let revision = wanted(ordinal, self);
                    let missing = |next: &Replicas| {
                        Self::state_of(owned.pods, *next).is_none() && wanted(*next, self) == revision
                    };
                    let end = if parallel {
                        (ordinal..self.replicas).take_while(missing).last().map_or(ordinal, |last| last + 1)
                    } else {
                        ordinal + 1
                    };
                    owned.pods.create_at(end - ordinal, revision, ordinal, owned.now, owned.rules, owned.draws);
                    owned.pods.sort_by_ordinal();
                    if !parallel {
                        return;
                    }
                    ordinal = end;
                }
            }
        }
        self.condemned(owned, parallel);
        self.update(owned, partition);
    }

    /// Pods with ordinals that are too high go, the highest first.
    fn condemned(&self, owned: &mut Owner<'_, '_>, parallel: bool) {
        loop {
            let ends = owned.pods.cohorts().iter().map(|cohort| cohort.life.first_ordinal + cohort.count);
            let Some(highest) = ends.max().map(|end| end - 1).filter(|&highest| highest >= self.replicas) else {
                return;
            };
            let terminating = owned.pods.cohorts().iter().any(|cohort| cohort.deleted);
            if terminating && !parallel {
                return;
            }
            let active = |cohort: &Cohort| cohort.active() && cohort.life.first_ordinal + cohort.count > self.replicas;
            let Some(last) = owned
                .pods
                .cohorts()
                .iter()
                .filter(|cohort| active(cohort))
                .map(|c| c.life.first_ordinal + c.count - 1)
                .max()
            else {
                return;
            };
            owned.pods.delete_ordinal(last, owned.now, owned.rules);
            if !parallel || highest < self.replicas {
                return;
            }
        }
    }

    /// The next pod to be updated, from the highest ordinal down; not before those above it are healthy again.
    fn update(&self, owned: &mut Owner<'_, '_>, partition: Replicas) {
        let mut ordinal = self.replicas - 1;
        while ordinal >= partition.max(0) {
            let Some((_, healthy, revision)) = Self::state_of(owned.pods, ordinal) else { return };
            if revision != self.target {
                let terminating = owned.pods.cohorts().iter().any(|cohort| cohort.deleted);
                if !terminating {
                    owned.pods.delete_ordinal(ordinal, owned.now, owned.rules);
                }
                return;
            }
            if !healthy {
                return;
            }
            ordinal -= 1;
        }
    }

    /// The pods from an ordinal on that live alike: where they end, whether they are available, their revision. None if
    /// there is no such pod; one that is terminating is not healthy.
    fn state_of(pods: &Pods, ordinal: Replicas) -> Option<(Replicas, bool, usize)> {
        let has =
            |cohort: &&Cohort| (cohort.life.first_ordinal..cohort.life.first_ordinal + cohort.count).contains(&ordinal);
        let cohort = pods.cohorts().iter().find(has)?;
        let end = cohort.life.first_ordinal + cohort.count;
        Some((end, cohort.available && !cohort.deleted, cohort.revision))
    }
}

/// The revision that is rolled out again when nothing is to be different.
pub(super) fn same_again(revisions: &[Revision], target: usize) -> Revision {
    revisions.get(target).copied().unwrap_or_default()
}
