//! Cohorts that have become alike are one again, so that cost does not grow with the history of a target.

use super::cohort::Cohort;
use super::milestones::{Milestones, NEVER};
use super::places::merge_places;
use super::pods::Pods;
use super::rules::Rules;
use crate::units::{SimTime, Span};

impl Pods {
    /// Joins cohorts that neither the load nor the HPA can tell apart any more: serving, past the CPU initialization
    /// period, and with the same samples. Says whether there were any.
    pub fn merge(&mut self, now: SimTime, cpu_initialization_period: Span, rules: &Rules<'_>) -> bool {
        let before = self.cohorts.len();
        if rules.one_cohort_each {
            return false;
        }
        // What is likely to differ comes first.
        let look_alike = |one: &Cohort, other: &Cohort| {
            let times = |cohort: &Cohort| (cohort.next_sample, cohort.cpu_since);
            times(one) == times(other) && one.life.scraped == other.life.scraped
        };
        if !self.cohorts.windows(2).any(|pair| look_alike(&pair[0], &pair[1])) {
            return false;
        }
        let settled = |cohort: &Cohort| {
            cohort.due == NEVER
                && cohort.works()
                && cohort.available
                && cohort.life.at == Milestones::default()
                && cohort.life.created + cpu_initialization_period <= now
        };
        self.cohorts.dedup_by(|later, earlier| {
            let same = look_alike(later, earlier)
                && settled(later)
                && settled(earlier)
                && later.revision == earlier.revision
                && later.rate == earlier.rate
                && later.life.queue == earlier.life.queue
                && later.life.memory_high == earlier.life.memory_high
                && later.weight.to_bits() == earlier.weight.to_bits()
                && (!rules.ordered || later.life.first_ordinal == earlier.life.first_ordinal + earlier.count);
            if same {
                earlier.count += later.count;
                earlier.life.nodes.append(&mut later.life.nodes);
                merge_places(&mut earlier.life.nodes);
            }
            same
        });
        self.cohorts.len() < before
    }
}
