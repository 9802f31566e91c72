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
use super::setting::Axis;

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

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Particles of the swarm.
    pub particles: usize,
    /// Steps of it.
    pub steps: u64,
    /// Steps for each value of a setting.
    pub refining: u64,
    /// Values of a setting.
    pub values: usize,
}

impl Effort {
    /// For simulations of so many syncs.
    pub fn of(syncs: i64) -> Self {
        match syncs {
            ..=8_000 => Self { particles: 32, steps: 24, refining: 20, values: 13 },
            8_001..=50_000 => Self { particles: 24, steps: 12, refining: 10, values: 9 },
            _ => Self { particles: 16, steps: 8, refining: 6, values: 7 },
        }
    }
}

/// So many of the best fits are begun from.
const BEGINNINGS: usize = 4;
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

    /// Tries what there is to try; all that was tried, the best first. What is drawn depends on the seed alone.
    pub fn run(self, beginning: &Choice, effort: Effort, seed: u64) -> Result<Vec<Candidate>, argmin::core::Error> {
        self.candidate(beginning);
        if self.axes.is_empty() {
            return Ok(self.best());
        }
        let bounds = (vec![0.0; self.axes.len()], vec![1.0; self.axes.len()]);
        let swarm =
            ParticleSwarm::new(bounds, effort.particles).with_rng_generator(Xoshiro256PlusPlus::seed_from_u64(seed));
        let all: Vec<usize> = (0..self.axes.len()).collect();
        let problem = Free { search: &self, free: &all, fixed: beginning.clone() };
        Executor::new(problem, swarm).configure(|state| state.max_iters(effort.steps)).run()?;
        let fine = Effort { refining: effort.refining * 3, ..effort };
        for candidate in self.best().into_iter().take(2) {
            self.refine(&candidate.choice, &all, fine.refining)?;
        }
        let best: Vec<Candidate> = self.best().into_iter().take(BEGINNINGS).collect();
        let values = |(axis, values): (usize, &Axis)| {
            let own = best.first().map_or(0, |best| best.choice[axis]);
            self::values(values.values.len(), own, effort.values).into_iter().map(move |value| (axis, value)).collect()
        };
        let tasks: Vec<Vec<(usize, usize)>> = self.axes.iter().enumerate().map(values).collect();
        let tasks: Vec<(usize, usize)> = tasks.concat();
        let one = |&(axis, value): &(usize, usize)| self.profile(&best, (axis, value), effort.refining);
        tasks.par_iter().map(one).collect::<Result<Vec<()>, _>>()?;
        Ok(self.best())
    }

    /// The best fit with a value of a setting.
    fn profile(
        &self,
        best: &[Candidate],
        (axis, value): (usize, usize),
        steps: u64,
    ) -> Result<(), argmin::core::Error> {
        let with = |candidate: &Candidate| {
            let mut choice = candidate.choice.clone();
            choice[axis] = value;
            self.candidate(&choice)
        };
        let first = best.iter().map(with).min_by(|one, other| one.loss.total_cmp(&other.loss));
        let free: Vec<usize> = (0..self.axes.len()).filter(|other| *other != axis).collect();
        match first {
            Some(first) if !free.is_empty() => self.refine(&first.choice, &free, steps),
            _ => Ok(()),
        }
    }

    fn refine(&self, from: &Choice, free: &[usize], steps: u64) -> Result<(), argmin::core::Error> {
        let begin: Vec<f64> = free.iter().map(|axis| self.part(*axis, from[*axis])).collect();
        let corner = |index: usize| {
            let mut corner = begin.clone();
            corner[index] += if corner[index] > 0.5 { -SIMPLEX } else { SIMPLEX };
            corner
        };
        let corners: Vec<Vec<f64>> = std::iter::once(begin.clone()).chain((0..free.len()).map(corner)).collect();
        let problem = Free { search: self, free, fixed: from.clone() };
        Executor::new(problem, NelderMead::new(corners)).configure(|state| state.max_iters(steps)).run()?;
        Ok(())
    }

    /// Where in its range a value is.
    fn part(&self, axis: usize, index: usize) -> f64 {
        (index as f64 + 0.5) / self.axes[axis].values.len().max(1) as f64
    }
}

/// Some values of so many, its own and those beside it among them.
fn values(count: usize, own: usize, most: usize) -> Vec<usize> {
    let spread = (0..most).map(|step| step * (count - 1) / (most - 1).max(1));
    let near = [own.saturating_sub(2), own.saturating_sub(1), own, own + 1, own + 2];
    let mut all: Vec<usize> = spread.chain(near).filter(|index| *index < count).collect();
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
        let mut choice = self.fixed.clone();
        for (axis, part) in self.free.iter().zip(parts) {
            let count = self.search.axes[*axis].values.len();
            choice[*axis] = ((part.clamp(0.0, 1.0) * count as f64) as usize).min(count - 1);
        }
        Ok(self.search.candidate(&choice).loss)
    }
}
