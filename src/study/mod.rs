//! Many simulations: phases, a fleet under its loads, uncertainty by Monte Carlo, growth over months.

pub mod backtest;
pub mod calibrate;
pub mod compare;
pub mod describe;
pub mod figure;
pub mod fleet;
pub mod growth;
pub mod montecarlo;
pub mod phases;
pub mod sample;
pub mod statistics;
pub mod tune;

pub use fleet::{Fleet, Pattern, Simulated, TargetLoad};

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::sim::SimError;

/// Runs so many simulations on all threads; results, and the error if there is one, are those of the first in order,
/// however many threads there are.
pub fn every<T: Send>(
    count: usize,
    one: impl Fn(usize) -> Result<T, SimError> + Send + Sync,
) -> Result<Vec<T>, SimError> {
    let tell = |progress: Progress| {
        if count > 1 {
            tell(progress);
        }
    };
    tell(Progress::Begins(count));
    let counted = |index: usize| {
        let found = one(index);
        tell(Progress::Done);
        found
    };
    let all: Vec<Result<T, SimError>> = (0..count).into_par_iter().map(counted).collect();
    tell(Progress::Ends);
    all.into_iter().collect()
}

/// How far simulations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many are to come.
    Begins(usize),
    /// One more is done.
    Done,
    /// All are.
    Ends,
}

static OBSERVER: OnceLock<fn(Progress)> = OnceLock::new();

fn tell(progress: Progress) {
    OBSERVER.get().iter().for_each(|observer| observer(progress));
}

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Asks searches of this process to come to an end with what they have found.
pub fn stop() {
    STOPPED.store(true, Ordering::Relaxed);
}

/// Whether that was asked.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// Has the progress of all simulations of this process told to somebody; the first who asks.
pub fn observe(observer: fn(Progress)) {
    let _ = OBSERVER.set(observer);
}
