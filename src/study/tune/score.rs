//! What a choice of settings comes to.

use serde::{Deserialize, Serialize};

use crate::study::phases::Range;
use crate::study::statistics;

/// Less than this is no difference: seconds, or core-seconds.
pub(super) const EQUAL: f64 = 1e-6;

/// So sure it is to be that other days are no worse. Surer is dearer: at 95% settings that are as good are not taken (docs/tuning.md).
pub const LIKELY: f64 = 0.8;

/// What a choice comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Node-seconds where nodes are simulated, or else pod-seconds.
    pub cost: f64,
    /// Time without the service, seconds.
    pub bad: f64,
    /// Work that was lost or dropped, core-seconds.
    pub lost: f64,
    /// Scaling events.
    pub events: f64,
}

/// The same in several phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Phase by phase.
    pub runs: Vec<Score>,
    /// Time without the service on each day of the load, seconds, on average over the phases.
    pub days: Vec<f64>,
}

impl Scores {
    /// The mean of a figure.
    pub fn mean(&self, of: impl Fn(&Score) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len().max(1) as f64
    }

    /// How much more a figure is than in others, phase by phase.
    pub fn more(&self, than: &Self, of: impl Fn(&Score) -> f64) -> Option<Range<f64>> {
        Range::of(self.runs.iter().zip(&than.runs).map(|(own, other)| of(own) - of(other)))
    }

    /// Whether a figure is more or less on average than more phases and loads would be likely to make of it: zero is not in the 95% interval
    /// of the mean of the differences.
    pub fn differs(&self, than: &Self, of: impl Fn(&Score) -> f64) -> bool {
        let each: Vec<f64> = self.runs.iter().zip(&than.runs).map(|(own, other)| of(own) - of(other)).collect();
        if each.is_empty() {
            return false;
        }
        let mean = statistics::mean(&each);
        mean.low.unwrap_or(mean.value) > 0.0 || mean.high.unwrap_or(mean.value) < 0.0
    }

    /// Without what there was in a part of the time.
    #[must_use]
    pub fn less(&self, part: &Self) -> Self {
        Self {
            runs: self.runs.iter().zip(&part.runs).map(|(whole, part)| whole.less(part)).collect(),
            days: self.days.iter().skip(part.days.len()).copied().collect(),
        }
    }

    /// Whether it serves as well, over all phases: no worse on average; and from one day to another the difference is such that other days are
    /// not likely to be worse on average (one-sided), since what is at the bound on some days is beyond it on as many others.
    pub fn serves_like(&self, other: &Self) -> bool {
        let is_no_more = |of: fn(&Score) -> f64| self.mean(of) <= other.mean(of) + EQUAL;
        let each: Vec<f64> = self.days.iter().zip(&other.days).map(|(own, other)| own - other).collect();
        let is_sure = each.len() < 2 || statistics::mean_at_most(&each, LIKELY) <= EQUAL;
        is_no_more(|score| score.bad) && is_no_more(|score| score.lost) && is_sure
    }
}

impl Score {
    /// Without what there was in a part of the time.
    #[must_use]
    pub fn less(&self, part: &Self) -> Self {
        Self {
            cost: self.cost - part.cost,
            bad: self.bad - part.bad,
            lost: self.lost - part.lost,
            events: self.events - part.events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(days: &[f64]) -> Scores {
        let bad = days.iter().sum();
        Scores { runs: vec![Score { bad, ..Score::default() }; 2], days: days.to_vec() }
    }

    #[test]
    fn what_may_be_chance_is_not_as_good() {
        let today = scores(&[60.0, 20.0, 40.0, 0.0, 30.0]);
        let serves = |days: [f64; 5]| scores(&days).serves_like(&today);
        assert!(serves([60.0, 20.0, 40.0, 0.0, 30.0]), "the same");
        assert!(serves([50.0, 10.0, 31.0, 0.0, 21.0]), "better on nearly all days");
        assert!(!serves([61.0, 20.0, 40.0, 0.0, 30.0]), "worse");
        // Better on average by one lucky day alone; Student's t of four degrees of freedom is 0.94.
        assert!(!serves([0.0, 30.0, 50.0, 5.0, 40.0]));
        assert!(scores(&[5.0]).serves_like(&scores(&[6.0])), "one day tells nothing of others");
    }
}
