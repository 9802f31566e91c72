//! The search: argmin's particle swarm over everything, then its Nelder-Mead for each value of each setting.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;
use argmin::solver::particleswarm::ParticleSwarm;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use super::loss::Block;
use super::setting::{Axis, Place, Setting};

/// A choice of values, by their indices.
pub type Choice = Vec<usize>;

/// A choice and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The indices of the values.
    pub choice: Choice,
    /// How late recorded values seem to have been read, seconds.
    pub late: i64,
    /// Block by block.
    pub blocks: Vec<Block>,
    /// All of it.
    pub loss: f64,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// All that was tried, the best first.
    pub candidates: Vec<Candidate>,
    /// Of each setting the values for which the others were fitted.
    pub profiled: Vec<Vec<usize>>,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Swarms, one after the other.
    pub swarms: u64,
    /// Particles of the swarm.
    pub particles: usize,
    /// Steps of it.
    pub steps: u64,
    /// Steps for each value of a setting.
    pub refining: u64,
    /// Values of a setting.
    pub values: usize,
    /// So often all settings are gone through, as long as the fit becomes better.
    pub rounds: usize,
}

/// So many syncs are simulated by default: some ten seconds or less.
const MOST_SYNCS: i64 = 30_000_000;

impl Effort {
    /// For simulations of so many syncs each, where nobody says how many there are to be.
    pub fn affordable(syncs: i64) -> usize {
        (MOST_SYNCS / syncs.max(1)).clamp(600, 36_000) as usize
    }

    /// About so many simulations: some to find the best fit, most to see what else fits.
    pub fn of(simulations: usize, axes: usize) -> Self {
        // A round of profiles takes about as many as the swarms, and there are up to three, twice.
        let simulations = simulations / 3;
        let swarms = (simulations / 2000).clamp(1, 12);
        let (particles, values, rounds) = match simulations {
            ..500 => (16, 7, 1),
            500..2_000 => (24, 7, 3),
            2_000..10_000 => (40, 13, 3),
            _ => (40, 25, 3),
        };
        let steps = (simulations * 2 / 5 / (swarms * particles)).max(4) as u64;
        let refining = (simulations / 4 / (axes.max(1) * values)).saturating_sub(BEGINNINGS).clamp(4, 80) as u64;
        Self { swarms: swarms as u64, particles, steps, refining, values, rounds }
    }
}

/// So many of the best fits are begun from.
const BEGINNINGS: usize = 4;
/// A fit that became better by less than this part is as good as it becomes.
const BETTER: f64 = 0.02;
/// A search of fewer steps than this is one.
const SHORT: u64 = 8;
/// How far the corners of the first simplex are apart, as a part of the range.
const SIMPLEX: f64 = 0.15;

/// What came of choices.
#[derive(Debug)]
pub struct Search<'a, F> {
    axes: &'a [Axis],
    evaluate: F,
    found: Mutex<BTreeMap<Choice, Candidate>>,
}

impl<'a, F: Fn(&Choice) -> Candidate + Sync + Send> Search<'a, F> {
    /// Of these settings.
    pub fn new(axes: &'a [Axis], evaluate: F) -> Self {
        Self { axes, evaluate, found: Mutex::default() }
    }

    /// What a choice comes to.
    fn candidate(&self, choice: &Choice) -> Candidate {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(choice).cloned();
        known.unwrap_or_else(|| {
            let candidate = (self.evaluate)(choice);
            self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(choice.clone(), candidate.clone());
            candidate
        })
    }

    /// The best so far, the best first.
    fn best(&self) -> Vec<Candidate> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Candidate> = found.values().cloned().collect();
        all.sort_by(|one, other| one.loss.total_cmp(&other.loss).then_with(|| one.choice.cmp(&other.choice)));
        all
    }

    /// Tries what there is to try. What is drawn depends on the seed alone.
    pub fn run(self, beginning: &Choice, effort: Effort, seed: u64) -> Result<Found, argmin::core::Error> {
        self.candidate(beginning);
        self.sweep(beginning);
        if self.axes.is_empty() {
            return Ok(Found { candidates: self.best(), profiled: Vec::new() });
        }
        let bounds = (vec![0.0; self.axes.len()], vec![1.0; self.axes.len()]);
        let all: Vec<usize> = (0..self.axes.len()).collect();
        let mut begun: Vec<Candidate> = Vec::new();
        for number in 0..effort.swarms {
            let random = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(number));
            let swarm = ParticleSwarm::new(bounds.clone(), effort.particles).with_rng_generator(random);
            let problem = Free { search: &self, free: &all, fixed: beginning.clone() };
            let found = Executor::new(problem, swarm).configure(|state| state.max_iters(effort.steps)).run()?;
            let parts = found.state().individual.as_ref().map(|particle| &particle.position);
            begun.extend(parts.map(|parts| self.candidate(&self.choice(beginning, &all, parts))));
        }
        begun.sort_by(|one, other| one.loss.total_cmp(&other.loss).then_with(|| one.choice.cmp(&other.choice)));
        begun.dedup_by(|one, other| one.choice == other.choice);
        begun.truncate(BEGINNINGS);
        for candidate in begun {
            self.sweep(&candidate.choice);
        }
        let mut profiled = vec![Vec::new(); self.axes.len()];
        for _ in 0..effort.rounds {
            let best: Vec<Candidate> = self.best().into_iter().take(BEGINNINGS).collect();
            let finely = |candidate: &Candidate| self.refine(&candidate.choice, &all, effort.refining * 3);
            best.par_iter().map(finely).collect::<Result<Vec<Choice>, _>>()?;
            let best: Vec<Candidate> = self.best().into_iter().take(BEGINNINGS).collect();
            let tasks: Vec<(usize, bool)> =
                (0..self.axes.len()).flat_map(|axis| [(axis, false), (axis, true)]).collect();
            let known = self.best();
            let one = |&(axis, up): &(usize, bool)| self.profile((&best, &known), (axis, up), effort);
            let found = tasks.par_iter().map(one).collect::<Result<Vec<Vec<usize>>, _>>()?;
            for (values, (axis, _)) in found.into_iter().zip(&tasks) {
                profiled[*axis].extend(values);
            }
            let (before, after) = (best[0].loss, self.best()[0].loss);
            if after > before * (1.0 - BETTER) {
                break;
            }
            let found: Vec<Candidate> = self.best().into_iter().take(1).collect();
            found.iter().for_each(|candidate| self.sweep(&candidate.choice));
        }
        Ok(Found { candidates: self.best(), profiled })
    }

    /// Tries all values of two settings that lie within a period: they are few, and one makes up for the other.
    fn sweep(&self, from: &Choice) {
        let has = |setting: Setting| self.axes.iter().any(|axis| axis.setting == setting);
        // What is drawn of restarts makes up for no phase.
        let is_small = |axis: &usize| {
            let setting = self.axes[*axis].setting;
            setting.place() == Place::Phase && (setting != Setting::Draw || has(Setting::ScrapeInterval))
        };
        let small: Vec<usize> = (0..self.axes.len()).filter(is_small).collect();
        let mut best = from.clone();
        for (first, second) in
            small.iter().enumerate().flat_map(|(index, one)| small[index..].iter().map(move |other| (*one, *other)))
        {
            let (rows, columns) = (self.axes[first].values.len(), self.axes[second].values.len());
            let one = |index: usize| {
                let mut choice = best.clone();
                (choice[first], choice[second]) = (index / columns, index % columns);
                self.candidate(&choice)
            };
            let all: Vec<Candidate> = (0..rows * columns).into_par_iter().map(one).collect();
            if let Some(found) = all.into_iter().min_by(|one, other| one.loss.total_cmp(&other.loss)) {
                best = found.choice;
            }
        }
    }

    /// The best fits with values of a setting from that of the best fit on, upwards or downwards: each from the one before it, from the
    /// best of all, and from the best that is known with nearly that value.
    fn profile(
        &self,
        (best, known): (&[Candidate], &[Candidate]),
        (axis, up): (usize, bool),
        effort: Effort,
    ) -> Result<Vec<usize>, argmin::core::Error> {
        let free: Vec<usize> = (0..self.axes.len()).filter(|other| *other != axis).collect();
        let Some(own) = best.first().map(|best| best.choice[axis]) else { return Ok(Vec::new()) };
        let mut values = values(self.axes[axis].values.len(), own, effort.values);
        values.retain(|value| if up { *value >= own } else { *value < own });
        if !up {
            values.reverse();
        }
        let mut before = best[0].choice.clone();
        for (index, &value) in values.iter().enumerate() {
            let next = values.get(index + 1).map_or(0, |next| value.abs_diff(*next) / 2);
            let near = known.iter().find(|one| one.choice[axis].abs_diff(value) <= next);
            let beginnings = std::iter::once(&before).chain(best.iter().chain(near).map(|one| &one.choice));
            let with = |choice: &Choice| {
                let mut choice = choice.clone();
                choice[axis] = value;
                self.candidate(&choice)
            };
            let first = beginnings.map(with).min_by(|one, other| one.loss.total_cmp(&other.loss));
            let Some(first) = first else { continue };
            before = if free.is_empty() { first.choice } else { self.refine(&first.choice, &free, effort.refining)? };
        }
        Ok(values)
    }

    /// The best that is found from a choice on.
    fn refine(&self, from: &Choice, free: &[usize], steps: u64) -> Result<Choice, argmin::core::Error> {
        let mut best = from.clone();
        // Far first, then near; each begins with a corner for each setting, which is most of a short search.
        let both = [(1.0, steps / 2), (0.1, steps - steps / 2)];
        let passes = if steps < SHORT { &[(1.0, steps)][..] } else { &both };
        for &(part, steps) in passes {
            let begin: Vec<f64> = free.iter().map(|axis| self.part(*axis, best[*axis])).collect();
            let corner = |index: usize| {
                let mut corner = begin.clone();
                // To another value, at least.
                let far = (SIMPLEX * part).max(1.0 / self.axes[free[index]].values.len() as f64);
                corner[index] += if corner[index] > 0.5 { -far } else { far };
                corner
            };
            let corners: Vec<Vec<f64>> = std::iter::once(begin.clone()).chain((0..free.len()).map(corner)).collect();
            let problem = Free { search: self, free, fixed: best.clone() };
            let found =
                Executor::new(problem, NelderMead::new(corners)).configure(|state| state.max_iters(steps)).run()?;
            if let Some(parts) = &found.state().best_param {
                let other = self.choice(&best, free, parts);
                if self.candidate(&other).loss < self.candidate(&best).loss {
                    best = other;
                }
            }
        }
        Ok(best)
    }

    /// A choice, of parts of the ranges of some settings.
    fn choice(&self, fixed: &Choice, free: &[usize], parts: &[f64]) -> Choice {
        let mut choice = fixed.clone();
        for (axis, part) in free.iter().zip(parts) {
            let count = self.axes[*axis].values.len();
            choice[*axis] = ((part.clamp(0.0, 1.0) * count as f64) as usize).min(count - 1);
        }
        choice
    }

    /// Where in its range a value is.
    fn part(&self, axis: usize, index: usize) -> f64 {
        (index as f64 + 0.5) / self.axes[axis].values.len().max(1) as f64
    }
}

/// Some values of so many: at equal distances, and closer and closer to its own.
fn values(count: usize, own: usize, most: usize) -> Vec<usize> {
    let spread = (0..most).map(|step| step * (count - 1) / (most - 1).max(1));
    let steps = (0..usize::BITS).map(|power| 1_usize << power).take_while(|step| *step < count);
    let near = steps.flat_map(|step| [own.checked_sub(step), own.checked_add(step)]).flatten();
    let mut all: Vec<usize> = spread.chain(near).chain([own]).filter(|index| *index < count).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Some settings to choose, the others being fixed.
struct Free<'s, 'a, F> {
    search: &'s Search<'a, F>,
    free: &'s [usize],
    fixed: Choice,
}

impl<F: Fn(&Choice) -> Candidate + Sync + Send> CostFunction for Free<'_, '_, F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parts: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let choice = self.search.choice(&self.fixed, self.free, parts);
        Ok(self.search.candidate(&choice).loss)
    }
}
