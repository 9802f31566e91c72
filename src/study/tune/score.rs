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
    /// What was paid, in the unit of an hour for a second: node-seconds where nodes are simulated, or else pod-seconds, or what is
    /// requested by its prices.
    pub cost: f64,
    /// Time without the service, seconds.
    pub bad: f64,
    /// Work that was lost or dropped, core-seconds: of all that are simulated.
    pub lost: f64,
    /// Time without their service of those beside it, seconds.
    pub others: f64,
    /// Scaling events.
    pub events: f64,
    /// Time in which pods use more than they request where that is not what service is, seconds.
    pub above: f64,
    /// What pods request over time: core-seconds, and GiB-seconds.
    pub cores: f64,
    /// See `cores`.
    pub gib: f64,
}

/// What a choice comes to in a phase: in all, and time without the service on each day.
pub(super) type Run = (Score, Vec<f64>);

/// The same in several phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Phase by phase.
    pub runs: Vec<Score>,
    /// Time without the service on each day of the load, seconds, on average over the phases.
    pub days: Vec<f64>,
}

impl Scores {
    /// Of runs in some phases.
    pub(super) fn of(runs: &[Run]) -> Self {
        let count = runs.iter().map(|(_, days)| days.len()).max().unwrap_or(0);
        let on = |day: usize| runs.iter().filter_map(|(_, days)| days.get(day)).sum::<f64>() / runs.len() as f64;
        Self { runs: runs.iter().map(|(score, _)| *score).collect(), days: (0..count).map(on).collect() }
    }

    /// The mean of a figure in the first phases.
    pub(super) fn first(&self, phases: usize, of: impl Fn(&Score) -> f64) -> f64 {
        let runs = &self.runs[..phases.min(self.runs.len())];
        runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64
    }

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

    /// Whether it keeps within what is allowed, over all phases: on average; and time without service is from one day to another such that
    /// other days are not likely to have more on average (one-sided), since what is at the bound on some days is beyond it on as many others.
    pub fn keeps(&self, limits: &Limits, today: &Self) -> bool {
        let is_no_more = |of: fn(&Score) -> f64, most: f64| self.mean(of) <= most + EQUAL;
        let day = |index: usize| limits.without.or(today.days.get(index).copied()).unwrap_or(0.0);
        let each: Vec<f64> = self.days.iter().enumerate().map(|(index, own)| own - day(index)).collect();
        let is_sure = each.len() < 2 || statistics::mean_at_most(&each, LIKELY) <= EQUAL;
        let most = limits.most(&Score {
            bad: today.mean(|score| score.bad),
            lost: today.mean(|score| score.lost),
            others: today.mean(|score| score.others),
            cost: today.mean(|score| score.cost),
            above: today.mean(|score| score.above),
            ..Score::default()
        });
        let is_as_cheap = self.mean(|score| score.cost) <= most.cost * (1.0 + EQUAL);
        is_no_more(|score| score.bad, most.bad)
            && is_as_cheap
            && is_no_more(|score| score.lost, most.lost)
            && is_no_more(|score| score.others, most.others)
            && is_no_more(|score| score.events, most.events)
            && is_no_more(|score| score.above, most.above)
            && is_sure
    }
}

/// What is to be least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// The cost.
    #[default]
    Cost,
    /// Time without the service.
    Without,
    /// Work that is lost or dropped.
    Lost,
    /// Scaling events.
    Events,
}

impl Objective {
    /// Its value.
    pub fn of(self, score: &Score) -> f64 {
        match self {
            Self::Cost => score.cost,
            Self::Without => score.bad,
            Self::Lost => score.lost,
            Self::Events => score.events,
        }
    }

    /// Less than this is no difference, beside a part of it: what is counted in seconds or events may be none.
    pub fn grain(self) -> f64 {
        if self == Self::Cost { 0.0 } else { 1.0 }
    }
}

/// What is to be least, and what a choice may come to on a day, on average; what today's settings do where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// What is to be least.
    pub least: Objective,
    /// The cost, as a part of today's.
    pub cost: Option<f64>,
    /// How many days are seen.
    pub days: f64,
    /// Time without the service, seconds.
    pub without: Option<f64>,
    /// Work that is lost or dropped, core-seconds.
    pub lost: Option<f64>,
    /// Scaling events; as many as there are where nothing is said.
    pub events: Option<f64>,
    /// Time in which pods use more than they request, where it is not what service is, seconds.
    pub above: Option<f64>,
}

impl Limits {
    /// Whether something else than today's settings is the measure.
    pub fn are_said(&self) -> bool {
        self.cost.is_some()
            || self.without.is_some()
            || self.lost.is_some()
            || self.events.is_some()
            || self.above.is_some()
    }

    /// What is allowed in all, where today's settings come to this.
    pub fn most(&self, today: &Score) -> Score {
        let of = |limit: Option<f64>, own: f64| limit.map_or(own, |day| day * self.days);
        Score {
            cost: self.cost.map_or(f64::MAX, |part| today.cost * part),
            bad: of(self.without, today.bad),
            lost: of(self.lost, today.lost),
            events: of(self.events, f64::MAX),
            above: of(self.above, today.above),
            ..*today
        }
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
            others: self.others - part.others,
            events: self.events - part.events,
            above: self.above - part.above,
            cores: self.cores - part.cores,
            gib: self.gib - part.gib,
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
        let limits = Limits { days: 5.0, ..Limits::default() };
        let serves = |days: [f64; 5]| scores(&days).keeps(&limits, &today);
        assert!(serves([60.0, 20.0, 40.0, 0.0, 30.0]), "the same");
        assert!(serves([50.0, 10.0, 31.0, 0.0, 21.0]), "better on nearly all days");
        assert!(!serves([61.0, 20.0, 40.0, 0.0, 30.0]), "worse");
        // Better on average by one lucky day alone; Student's t of four degrees of freedom is 0.94.
        assert!(!serves([0.0, 30.0, 50.0, 5.0, 40.0]));
        assert!(scores(&[5.0]).keeps(&limits, &scores(&[6.0])), "one day tells nothing of others");
        let said = Limits { without: Some(50.0), events: Some(2.0), ..limits };
        let with = |days: [f64; 5], events: f64| {
            let mut scores = scores(&days);
            scores.runs.iter_mut().for_each(|score| score.events = events);
            scores.keeps(&said, &today)
        };
        assert!(with([40.0, 45.0, 50.0, 40.0, 45.0], 10.0), "more than today, and less than is allowed");
        assert!(!with([40.0, 45.0, 50.0, 40.0, 45.0], 10.5), "more events than two a day");
        assert!(!with([0.0, 0.0, 0.0, 200.0, 40.0], 0.0), "48 a day on average, by luck");
    }
}
