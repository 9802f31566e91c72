//! Many simulations: phases, a fleet under its loads, uncertainty by Monte Carlo, growth over months.

pub mod fleet;
pub mod growth;
pub mod montecarlo;
pub mod phases;
pub mod sample;
pub mod statistics;

pub use fleet::{Fleet, Pattern, Simulated, TargetLoad};

use rayon::prelude::*;

use crate::sim::SimError;

/// Runs so many simulations on all threads; results, and the error if there is one, are those of the first in order,
/// however many threads there are.
pub fn every<T: Send>(
    count: usize,
    one: impl Fn(usize) -> Result<T, SimError> + Send + Sync,
) -> Result<Vec<T>, SimError> {
    let all: Vec<Result<T, SimError>> = (0..count).into_par_iter().map(one).collect();
    all.into_iter().collect()
}
