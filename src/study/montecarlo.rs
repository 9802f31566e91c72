//! Monte Carlo: the same deployment under loads and start-up times that differ from run to run.
//!
//! Every run draws from streams of its own, one for each purpose, so that neither the number of threads nor another
//! source of uncertainty changes what it draws.

use rand::distr::Distribution;
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;
use statrs::distribution::Normal;

use super::every;
use super::fleet::{Course, Fleet, Simulated, courses};
use crate::model::{Column, LoadSource, LoadTable, Phases};
use crate::plan::WorkloadPlan;
use crate::sim::SimError;

/// How fast noise forgets: its correlation falls to 1/e in this time.
const NOISE_MEMORY_SECONDS: f64 = 300.0;

/// What is uncertain. Factors are lognormal with median 1; the numbers are standard deviations of their logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uncertainty {
    /// The load as a whole: one factor for a run.
    pub level: f64,
    /// The load from minute to minute: a factor that wanders, correlated over some five minutes.
    pub noise: f64,
    /// The time that the application in a new pod needs: one factor for a run.
    pub startup: f64,
}

/// The purposes that numbers are drawn for.
#[derive(Clone, Copy)]
enum Stream {
    Level,
    Noise,
    Startup,
    Phase,
    Cluster,
}

/// The stream of a purpose, for one of the workloads.
fn stream(seed: u64, run: u64, purpose: Stream, workload: usize) -> Pcg64 {
    Pcg64::new(u128::from(seed) << 64 | u128::from(run), (workload as u128) << 8 | purpose as u128)
}

fn lognormal(rng: &mut impl Rng, deviation: f64) -> f64 {
    (standard_normal(rng) * deviation).exp()
}

fn standard_normal(rng: &mut impl Rng) -> f64 {
    Normal::standard().sample(rng)
}

/// The results of one run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The workloads that were simulated, in their order.
    pub courses: Vec<Course>,
    /// All workloads over time.
    pub fleet: Fleet,
}

impl RunResult {
    /// Of the courses of the workloads that are simulated, in their order.
    pub(super) fn new(workloads: &[WorkloadPlan<'_>], simulated: &Simulated<'_>, courses: Vec<Course>) -> Self {
        let indexed: Vec<(usize, &Course)> = simulated.loads.iter().map(|load| load.workload).zip(&courses).collect();
        let fleet = Fleet::new(workloads, &indexed);
        Self { courses, fleet }
    }
}

/// Makes so many runs on all threads. The order of the results is that of the runs.
pub fn runs(
    workloads: &[WorkloadPlan<'_>],
    simulated: &Simulated<'_>,
    uncertainty: Uncertainty,
    seed: u64,
    count: u64,
) -> Result<Vec<RunResult>, SimError> {
    every(usize::try_from(count).unwrap_or(usize::MAX), |run| {
        let courses = one_run(simulated, uncertainty, seed, run as u64)?;
        Ok(RunResult::new(workloads, simulated, courses))
    })
}

fn one_run(simulated: &Simulated<'_>, uncertainty: Uncertainty, seed: u64, run: u64) -> Result<Vec<Course>, SimError> {
    let mut setup = simulated.setup.clone();
    // Busy days are busy for all: the level is that of the run.
    let level = lognormal(&mut stream(seed, run, Stream::Level, 0), uncertainty.level);
    let mut loads = Vec::with_capacity(simulated.loads.len());
    for (index, (target, load)) in setup.targets.iter_mut().zip(&simulated.loads).enumerate() {
        let stream = |purpose: Stream| stream(seed, run, purpose, load.workload);
        let factor = lognormal(&mut stream(Stream::Startup), uncertainty.startup);
        target.cluster.startup = target.cluster.startup.times(factor);
        // Neither do metrics-server and the kubelets know when the controller syncs, nor does the load.
        let phases = Phases::of(&target.cluster, &setup.world.controller);
        target.phase = phases.nth(stream(Stream::Phase).random_range(0..phases.count()));
        if index == 0 {
            // The first run is the one that is simulated without uncertainty, if there is none.
            setup.world.seed = if run == 0 { seed } else { stream(Stream::Cluster).random() };
        }
        let mut rng = stream(Stream::Noise);
        let mut noise = Noise { state: standard_normal(&mut rng), deviation: uncertainty.noise, at: 0 };
        loads.push(varied(&load.table, &load.varies, |at| level * noise.factor(at, &mut rng))?);
    }
    courses(&setup, loads)
}

/// A stationary first-order autoregressive process in the logarithm.
struct Noise {
    state: f64,
    deviation: f64,
    at: i64,
}

impl Noise {
    fn factor(&mut self, at: i64, rng: &mut Pcg64) -> f64 {
        let kept = (-((at - self.at) as f64) / NOISE_MEMORY_SECONDS).exp();
        self.state = self.state * kept + standard_normal(rng) * (1.0 - kept * kept).sqrt();
        self.at = at;
        (self.state * self.deviation).exp()
    }
}

/// A load with every value that may vary times a factor of its time.
pub(super) fn varied(
    load: &LoadTable,
    varies: &[bool],
    mut factor: impl FnMut(i64) -> f64,
) -> Result<LoadTable, SimError> {
    let mut source = load.clone();
    let columns = source.columns().to_vec();
    let mut values = vec![0.0; columns.len()];
    let mut table = LoadTable::new(columns.clone());
    while let Some(at) = source.next_row(&mut values).map_err(SimError::Load)? {
        let factor = factor(at.seconds());
        for ((value, varies), column) in values.iter_mut().zip(varies).zip(&columns) {
            if *varies && *column != Column::Replicas {
                *value *= factor;
            }
        }
        table.push(at, &values);
    }
    Ok(table)
}
