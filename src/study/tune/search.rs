//! The search: argmin's particle swarm over everything, then one field after the other from the best that were found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use argmin::core::{CostFunction, Executor};
use argmin::solver::particleswarm::ParticleSwarm;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::study::is_stopped;

/// A choice of values, by their indices.
pub type Choice = Vec<usize>;

/// Particles of the swarm.
const PARTICLES: usize = 40;
/// The swarm takes this part of what may be tried.
const SWARM: f64 = 0.5;
/// So many of the best are begun from.
const BEGINNINGS: usize = 4;

/// What came of choices.
#[derive(Debug)]
pub struct Search<'a, F, T> {
    counts: &'a [usize],
    evaluate: F,
    found: Mutex<BTreeMap<Choice, (f64, T)>>,
}

impl<'a, T: Clone + Send, F: Fn(&Choice) -> (f64, T) + Sync + Send> Search<'a, F, T> {
    /// Over fields with so many values each; `evaluate` says how bad a choice is, and what else is to be kept of it.
    pub fn new(counts: &'a [usize], evaluate: F) -> Self {
        Self { counts, evaluate, found: Mutex::default() }
    }

    fn loss(&self, choice: &Choice) -> f64 {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(choice).map(|(loss, _)| *loss);
        known.unwrap_or_else(|| {
            if is_stopped() {
                return f64::INFINITY;
            }
            let found = (self.evaluate)(choice);
            let loss = found.0;
            self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(choice.clone(), found);
            loss
        })
    }

    fn tried(&self) -> usize {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The best so far, the best first.
    fn best(&self, count: usize) -> Vec<Choice> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<(f64, &Choice)> = found.iter().map(|(choice, (loss, _))| (*loss, choice)).collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(other.1)));
        all.into_iter().take(count).map(|(_, choice)| choice.clone()).collect()
    }

    /// Tries about so many choices, from the one that is there on. What is drawn depends on the seed alone.
    pub fn run(
        self,
        today: &Choice,
        most: usize,
        seed: u64,
    ) -> Result<BTreeMap<Choice, (f64, T)>, argmin::core::Error> {
        self.loss(today);
        if !self.counts.is_empty() {
            let bounds = (vec![0.0; self.counts.len()], vec![1.0; self.counts.len()]);
            let steps = (most as f64 * SWARM / PARTICLES as f64).ceil().max(2.0);
            let random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let swarm = ParticleSwarm::new(bounds, PARTICLES).with_rng_generator(random);
            Executor::new(Swarmed(&self), swarm).configure(|state| state.max_iters(steps as u64)).run()?;
            self.descend(today, most);
            for choice in self.best(BEGINNINGS) {
                self.descend(&choice, most);
            }
        }
        Ok(self.found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// All values of each field, one field after the other, and from the best on, as long as it becomes better.
    fn descend(&self, from: &Choice, most: usize) {
        let mut best = (self.loss(from), from.clone());
        loop {
            let before = best.0;
            for (field, count) in self.counts.iter().enumerate() {
                if self.tried() >= most {
                    return;
                }
                let one = |value: usize| {
                    let mut choice = best.1.clone();
                    choice[field] = value;
                    (self.loss(&choice), choice)
                };
                let all: Vec<(f64, Choice)> = (0..*count).into_par_iter().map(one).collect();
                // The first of equals is not better than what is there.
                for found in all {
                    if found.0 < best.0 {
                        best = found;
                    }
                }
            }
            if best.0 >= before {
                return;
            }
        }
    }
}

/// The swarm's view of it.
struct Swarmed<'s, 'a, F, T>(&'s Search<'a, F, T>);

impl<T: Clone + Send, F: Fn(&Choice) -> (f64, T) + Sync + Send> CostFunction for Swarmed<'_, '_, F, T> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parts: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let index = |(part, count): (&f64, &usize)| ((part.clamp(0.0, 1.0) * *count as f64) as usize).min(count - 1);
        Ok(self.0.loss(&parts.iter().zip(self.0.counts).map(index).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_a_bowl_is_found_whatever_the_threads() {
        let counts = [40, 30, 20];
        let bowl = |choice: &Choice| {
            let far = |index: usize, best: f64| (choice[index] as f64 - best).powi(2);
            (far(0, 31.0) + far(1, 4.0) + far(2, 11.0) + 0.1 * (choice[0] * choice[1] % 7) as f64, ())
        };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Search::new(&counts, bowl).run(&vec![0, 0, 0], 2_000, 7).unwrap())
        };
        let (one, four) = (run(1), run(4));
        assert_eq!(one, four);
        let least = one.iter().min_by(|one, other| one.1.0.total_cmp(&other.1.0)).unwrap();
        let exhaustive = (0..40 * 30 * 20).map(|index| bowl(&vec![index / 600, index / 20 % 30, index % 20]).0);
        assert_eq!(least.1.0, exhaustive.fold(f64::INFINITY, f64::min));
    }
}
