//! How many pods there are of every kind, and when something happens to them next.

use super::cohort::Cohort;
use super::milestones::NEVER;
use super::pods::Pods;
use super::rules::Rules;
use crate::model::MOST_PODS;
use crate::sim::PodNumbers;
use crate::units::{Replicas, SimTime};

/// When something happens to the pods next, and whether some of them are about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    pub next: SimTime,
    pub is_ending: bool,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { next: NEVER, is_ending: false }
    }
}

/// What is known of all pods after one look at each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Census {
    pub numbers: PodNumbers,
    pub outlook: Outlook,
    /// When a kubelet samples one of them next.
    pub next_sample: SimTime,
}

impl Default for Census {
    fn default() -> Self {
        Self { numbers: PodNumbers::default(), outlook: Outlook::default(), next_sample: NEVER }
    }
}

impl Census {
    /// One more cohort.
    pub fn add(&mut self, cohort: &Cohort) {
        debug_assert_eq!((cohort.to_bind, cohort.to_end), cohort.life.at.awaits(), "flags say what milestones do");
        self.outlook.next = self.outlook.next.min(cohort.due);
        self.next_sample = self.next_sample.min(cohort.next_sample);
        self.outlook.is_ending |= cohort.stopping() || cohort.count == 0;
        let add = |number: &mut Replicas, counts: bool| *number += if counts { cohort.count } else { 0 };
        let (active, numbers) = (cohort.active(), &mut self.numbers);
        add(&mut numbers.existing, active);
        add(&mut numbers.ready, active && cohort.ready);
        add(&mut numbers.working, cohort.works());
        add(&mut numbers.pending, active && !cohort.has_run);
        add(&mut numbers.unschedulable, active && cohort.unschedulable);
        add(&mut numbers.terminating, cohort.deleted);
    }
}

impl Pods {
    fn sum(&self, counts: impl Fn(&Cohort) -> bool) -> Replicas {
        self.cohorts.iter().filter(|cohort| counts(cohort)).map(|cohort| cohort.count).sum()
    }

    /// How many pods there are, terminating ones apart: `status.replicas`.
    pub fn count(&self) -> Replicas {
        debug_assert_eq!(self.active, self.sum(Cohort::active));
        self.active
    }

    /// All of them, terminating ones too.
    pub fn all(&self) -> Replicas {
        self.sum(|_| true)
    }

    /// Whether a quota lets no more pods be made now.
    pub fn is_full(&self, rules: &Rules<'_>) -> bool {
        rules.most_pods < MOST_PODS && self.all() >= rules.most_pods
    }

    /// How many pods get and take work.
    pub fn working(&self) -> Replicas {
        self.sum(Cohort::works)
    }

    /// How many there are of every kind, and when something happens to them next.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        self.cohorts.iter().for_each(|cohort| census.add(cohort));
        census
    }

    /// The pods of a revision: how many, and how many of these are available.
    pub fn of_revision(&self, revision: usize) -> (Replicas, Replicas) {
        let its = self.cohorts.iter().filter(|cohort| cohort.active() && cohort.revision == revision);
        its.fold((0, 0), |(all, available), cohort| {
            (all + cohort.count, available + if cohort.available { cohort.count } else { 0 })
        })
    }

    /// Pods for which there is no node.
    pub fn without_node(&self) -> Replicas {
        self.sum(|cohort| cohort.active() && cohort.unschedulable)
    }

    /// When a kubelet samples a pod next.
    pub fn next_sample(&self) -> SimTime {
        self.cohorts.iter().map(|cohort| cohort.next_sample).min().unwrap_or(NEVER)
    }

    /// When the newest sample was taken that metrics-server has.
    pub fn newest_sample(&self) -> Option<SimTime> {
        self.cohorts.iter().filter_map(|cohort| cohort.life.scraped.sample.map(|usage| usage.at)).max()
    }
}
