//! From what was found in one phase to what is best in all: each choice is looked at in some phases, and what may be worth it in all.

use std::collections::BTreeMap;

use super::Tuning;
use super::found::{cheapest, front_of};
use super::front::spread;
use super::score::{Run, Score, Scores};
use super::search::Choice;
use crate::sim::SimError;
use crate::study::is_stopped;

/// Before it is looked at in all phases a choice is in so many, or in such a part of them.
const FIRST: usize = 5;
const PART: usize = 4;
/// Who breaks so many times what is allowed in these, and so many seconds or core-seconds more, is not looked at further.
const FAR: f64 = 1.5;
const MORE: f64 = 20.0;
/// Nor is what costs so much more in these, as a part.
const DEARER: f64 = 2e-3;
/// So often each field is changed by one, two or four steps.
const ROUNDS: usize = 6;
/// So many pairs of changes at once, evenly from the cheapest to the dearest.
const PAIRS: usize = 40;
/// What costs so much more at most, as a part, is left as it is.
const SAME: f64 = 5e-3;
/// What serves so much worse at most, seconds or core-seconds, is left as it is in what is not recommended.
const AS_WELL: f64 = 1.0;
/// So many of the front of a search may become rows.
const KEPT: usize = 20;

/// What is known of choices.
pub(super) struct Refined<'t, 'p, 'a> {
    tuning: &'t Tuning<'p, 'a>,
    today: Choice,
    /// In how many phases a choice is looked at first.
    phases: usize,
    /// What choices come to in these.
    first: BTreeMap<Choice, Vec<Run>>,
    /// What those that may be worth it come to in all.
    pub known: BTreeMap<Choice, Scores>,
    best: Choice,
}

impl<'t, 'p, 'a> Refined<'t, 'p, 'a> {
    /// Of choices that are looked at in all phases, today's among them.
    pub fn new(tuning: &'t Tuning<'p, 'a>, today: &Choice, choices: Vec<Choice>) -> Result<Self, SimError> {
        let scores = tuning.scores(&choices, tuning.problem.seen)?;
        let all = tuning.phases;
        let mut refined = Self {
            tuning,
            today: today.clone(),
            phases: FIRST.max(all / PART).min(all),
            first: BTreeMap::new(),
            known: choices.into_iter().zip(scores).collect(),
            best: today.clone(),
        };
        refined.best = refined.cheapest();
        Ok(refined)
    }

    fn cheapest(&self) -> Choice {
        cheapest(&self.today, self.known.iter(), &self.tuning.problem.limits)
    }

    /// What a figure is in the first phases.
    fn in_first(&self, choice: &Choice, of: impl Fn(&Score) -> f64) -> Option<f64> {
        let mean = |runs: &Vec<Run>| runs.iter().map(|(score, _)| of(score)).sum::<f64>() / runs.len().max(1) as f64;
        let first = self.first.get(choice).map(mean);
        first.or_else(|| self.known.get(choice).map(|scores| scores.first(self.phases, &of)))
    }

    /// What is to be least in the first phases.
    fn least_in_first(&self, choice: &Choice) -> f64 {
        let least = self.tuning.problem.limits.least;
        self.in_first(choice, |score| least.of(score)).unwrap_or(f64::INFINITY)
    }

    /// The same of all phases.
    fn least(&self, scores: &Scores) -> f64 {
        scores.mean(|score| self.tuning.problem.limits.least.of(score))
    }

    /// Whether a choice may be cheaper than the best, or dearer by such a part, and within what is allowed.
    fn may_be_better(&self, choice: &Choice, dearer: f64) -> bool {
        let of = |choice: &Choice, figure: fn(&Score) -> f64| self.in_first(choice, figure).unwrap_or(f64::INFINITY);
        let limits = &self.tuning.problem.limits;
        let is_within = |choice| {
            self.known.get(choice).zip(self.known.get(&self.today)).is_some_and(|(own, today)| own.keeps(limits, today))
        };
        let today = |figure: fn(&Score) -> f64| of(&self.today, figure);
        let most = limits.most(&Score {
            bad: today(|score| score.bad),
            lost: today(|score| score.lost),
            others: today(|score| score.others),
            events: today(|score| score.events),
            above: today(|score| score.above),
            cost: today(|score| score.cost),
            ..Score::default()
        });
        let is_near = |figure: fn(&Score) -> f64| of(choice, figure) <= figure(&most) * FAR + MORE;
        let least = |choice: &Choice| self.least_in_first(choice);
        (least(choice) <= least(&self.best) * (1.0 + dearer) + limits.least.grain() || !is_within(&self.best))
            && of(choice, |score| score.cost) <= most.cost * (1.0 + SAME)
            && is_near(|score| score.bad)
            && is_near(|score| score.lost)
            && is_near(|score| score.others)
            && is_near(|score| score.events)
            && is_near(|score| score.above)
    }

    /// Looks at what is not known yet in some phases.
    fn glance(&mut self, choices: &[Choice]) -> Result<(), SimError> {
        let is_new = |choice: &&Choice| {
            !self.known.contains_key(*choice) && !self.first.contains_key(*choice) && self.tuning.is_valid(choice)
        };
        let mut new: Vec<Choice> = choices.iter().filter(is_new).cloned().collect();
        new.sort();
        new.dedup();
        let runs = self.tuning.runs(&new, 0..self.phases, self.tuning.problem.seen)?;
        self.first.extend(new.into_iter().zip(runs));
        Ok(())
    }

    /// Looks at these in all phases, as far as they are looked at in some.
    fn complete(&mut self, choices: &[Choice]) -> Result<(), SimError> {
        let seen = self.tuning.problem.seen;
        let rest = self.tuning.runs(choices, self.phases..self.tuning.phases, seen)?;
        for (index, choice) in choices.iter().enumerate() {
            let Some(mut runs) = self.first.get(choice).cloned() else { continue };
            runs.extend(rest.get(index).into_iter().flatten().cloned());
            self.known.insert(choice.clone(), Scores::of(&runs));
        }
        Ok(())
    }

    /// Whether a choice does in the first phases what the best does.
    fn is_as_best(&self, choice: &Choice) -> bool {
        let best = self.known.get(&self.best).map(|scores| &scores.runs[..self.phases]);
        let own = self.first.get(choice);
        best.zip(own).is_some_and(|(best, own)| best.iter().eq(own.iter().map(|(score, _)| score)))
    }

    /// Looks at choices in some phases, and at those that may be better than the best in all.
    pub fn learn(&mut self, choices: Vec<Choice>) -> Result<(), SimError> {
        self.glance(&choices)?;
        let mut worth: Vec<Choice> = choices
            .into_iter()
            .filter(|choice| self.first.contains_key(choice) && !self.known.contains_key(choice))
            .filter(|choice| self.may_be_better(choice, DEARER) && !self.is_as_best(choice))
            .collect();
        worth.sort();
        worth.dedup();
        self.complete(&worth)?;
        self.best = self.cheapest();
        Ok(())
    }

    /// The cheapest that serves as well as today in all phases together, changed by steps as long as that is better.
    pub fn polish(&mut self) -> Result<Choice, SimError> {
        for _ in 0..ROUNDS {
            if is_stopped() {
                break;
            }
            let before = self.best.clone();
            let beside = |axis| self.tuning.beside(&before, axis, &[1, 2, 4]);
            let around: Vec<Choice> = (0..before.len()).flat_map(beside).collect();
            self.learn(around.clone())?;
            if self.best == before {
                self.learn(self.pairs(&before, &around))?;
            }
            if self.best == before {
                break;
            }
        }
        self.simplify()?;
        // What may be chance is no less.
        let (limits, least) = (&self.tuning.problem.limits, |scores: &Scores| self.least(scores));
        let both = self.known.get(&self.best).zip(self.known.get(&self.today));
        let is_less =
            both.is_some_and(|(own, day)| least(own) < least(day) && own.differs(day, |score| limits.least.of(score)));
        let is_within = self.known.get(&self.today).is_some_and(|day| day.keeps(limits, day));
        if !is_less && is_within {
            self.best = self.today.clone();
        }
        Ok(self.best.clone())
    }

    /// What does not matter for the best stays as it is.
    fn simplify(&mut self) -> Result<(), SimError> {
        let mut best = self.best.clone();
        let grain = self.tuning.problem.limits.least.grain();
        for axis in (0..best.len()).filter(|_| !is_stopped()) {
            let mut simpler = best.clone();
            simpler[axis] = self.today[axis];
            self.glance(std::slice::from_ref(&simpler))?;
            if !self.known.contains_key(&simpler) && self.may_be_better(&simpler, 2.0 * SAME) {
                self.complete(std::slice::from_ref(&simpler))?;
            }
            let all = [&simpler, &best, &self.today].map(|choice| self.known.get(choice));
            let [Some(found), Some(own), Some(day)] = all else { continue };
            if found.keeps(&self.tuning.problem.limits, day)
                && self.least(found) <= self.least(own) * (1.0 + SAME) + grain
            {
                best = simpler;
            }
        }
        self.best = best;
        Ok(())
    }

    /// Two changes of different fields at once, where no single one is better: some of those that would cost less together than what is there.
    fn pairs(&self, best: &Choice, around: &[Choice]) -> Vec<Choice> {
        let least = |choice: &Choice| self.least_in_first(choice);
        let own = least(best);
        let mut all: Vec<(f64, Choice)> = Vec::new();
        for (index, one) in around.iter().enumerate() {
            for other in &around[index + 1..] {
                let both = best.iter().zip(one).zip(other);
                let both: Choice = both.map(|((own, one), two)| if own == one { *two } else { *one }).collect();
                let changed = |from: &Choice| from.iter().zip(best).position(|(value, own)| value != own);
                let together = least(one) + least(other) - own;
                if changed(one) != changed(other) && together < own {
                    all.push((together, both));
                }
            }
        }
        all.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
        let mut choices: Vec<Choice> = all.into_iter().map(|(_, choice)| choice).collect();
        choices.dedup();
        let share = choices.len().div_ceil(PAIRS).max(1);
        choices.into_iter().step_by(share).collect()
    }

    /// The best, today's, and the front, without changes that do not matter.
    pub fn front(&mut self) -> Result<Vec<Choice>, SimError> {
        let front: Vec<Choice> = spread(&front_of(self.known.iter()), KEPT).into_iter().cloned().collect();
        let mut simpler = self.simpler(front)?;
        let new: Vec<Choice> = simpler.iter().filter(|choice| !self.known.contains_key(*choice)).cloned().collect();
        self.complete(&new)?;
        simpler.extend([self.today.clone(), self.best.clone()]);
        simpler.sort();
        simpler.dedup();
        Ok(simpler)
    }

    /// The same with what does not matter in the first phases as it is today: field by field, in all of them at once.
    fn simpler(&mut self, mut choices: Vec<Choice>) -> Result<Vec<Choice>, SimError> {
        for axis in (0..self.today.len()).take_while(|_| !is_stopped()) {
            let own = self.today[axis];
            let as_today = |choice: &Choice| {
                let mut other = choice.clone();
                other[axis] = own;
                other
            };
            let is_open = |choice: &Choice| choice[axis] != own && *choice != self.best;
            let others: Vec<Option<Choice>> =
                choices.iter().map(|choice| is_open(choice).then(|| as_today(choice))).collect();
            self.glance(&others.iter().flatten().cloned().collect::<Vec<_>>())?;
            for (choice, other) in choices.iter_mut().zip(others) {
                if let Some(other) = other.filter(|other| self.is_as_well(other, choice)) {
                    *choice = other;
                }
            }
        }
        Ok(choices)
    }

    /// Whether another choice costs and serves in the first phases what a choice does.
    fn is_as_well(&self, other: &Choice, choice: &Choice) -> bool {
        let more = |figure: fn(&Score) -> f64| {
            self.in_first(other, figure).zip(self.in_first(choice, figure)).map(|(other, own)| other - own)
        };
        let own = self.in_first(choice, |score| score.cost).unwrap_or(0.0);
        let figures: [fn(&Score) -> f64; 4] =
            [|score| score.bad, |score| score.lost, |score| score.above, |score| score.others];
        more(|score| score.cost).is_some_and(|more| more <= own * SAME)
            && figures.map(more).into_iter().all(|more| more.is_some_and(|more| more <= AS_WELL))
    }
}
