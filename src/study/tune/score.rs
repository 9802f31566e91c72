//! What a choice of settings comes to.

use serde::{Deserialize, Serialize};

use crate::study::phases::Range;

/// So many standard errors are not by chance.
const SURE: f64 = 1.96;
/// Less than this is no difference: seconds, or core-seconds.
pub(super) const EQUAL: f64 = 1e-6;

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
pub struct Scores(pub Vec<Score>);

impl Scores {
    /// The mean of a figure.
    pub fn mean(&self, of: impl Fn(&Score) -> f64) -> f64 {
        self.0.iter().map(of).sum::<f64>() / self.0.len().max(1) as f64
    }

    /// How much more a figure is than in others, phase by phase.
    pub fn more(&self, than: &Self, of: impl Fn(&Score) -> f64) -> Option<Range<f64>> {
        Range::of(self.0.iter().zip(&than.0).map(|(own, other)| of(own) - of(other)))
    }

    /// Whether a figure is more or less on average than more phases and loads would be likely to make of it: zero is not in the 95% interval
    /// of the mean of the differences.
    pub fn differs(&self, than: &Self, of: impl Fn(&Score) -> f64) -> bool {
        let each: Vec<f64> = self.0.iter().zip(&than.0).map(|(own, other)| of(own) - of(other)).collect();
        let count = each.len().max(1) as f64;
        let mean = each.iter().sum::<f64>() / count;
        let squares: f64 = each.iter().map(|one| (one - mean).powi(2)).sum();
        let deviation = if each.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        mean.abs() > SURE * deviation / count.sqrt()
    }

    /// Without what there was in a part of the time.
    #[must_use]
    pub fn less(&self, part: &Self) -> Self {
        Self(self.0.iter().zip(&part.0).map(|(whole, part)| whole.less(part)).collect())
    }

    /// Whether it serves as well, over all phases.
    pub fn serves_like(&self, other: &Self) -> bool {
        let is_no_more = |of: fn(&Score) -> f64| self.mean(of) <= other.mean(of) + EQUAL;
        is_no_more(|score| score.bad) && is_no_more(|score| score.lost)
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
