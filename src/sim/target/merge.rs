//! Cohorts that have become alike are one again, so that cost does not grow with the history of a target.

use super::cohort::{Cohort, merge_places};
use super::milestones::{Milestones, NEVER};
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
        let look_alike =
            |one: &Cohort, other: &Cohort| one.next_sample == other.next_sample && one.scraped == other.scraped;
        if !self.cohorts.windows(2).any(|pair| look_alike(&pair[0], &pair[1])) {
            return false;
        }
        let settled = |cohort: &Cohort| {
            cohort.due == NEVER
                && cohort.works()
                && cohort.available
                && cohort.at == Milestones::default()
                && cohort.created + cpu_initialization_period <= now
        };
        self.cohorts.dedup_by(|later, earlier| {
            let same = look_alike(later, earlier)
                && settled(later)
                && settled(earlier)
                && later.revision == earlier.revision
                && later.rate == earlier.rate
                && later.queue == earlier.queue
                && later.sessions.to_bits() == earlier.sessions.to_bits()
                && later.memory_high == earlier.memory_high
                && later.weight.to_bits() == earlier.weight.to_bits()
                && (!rules.ordered || later.first_ordinal == earlier.first_ordinal + earlier.count);
            if same {
                earlier.count += later.count;
                earlier.nodes.append(&mut later.nodes);
                merge_places(&mut earlier.nodes);
            }
            same
        });
        self.cohorts.len() < before
    }
}
