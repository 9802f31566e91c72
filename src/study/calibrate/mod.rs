//! Calibration: what of a cluster's settings a recording tells, how surely, and what it does not tell.
//!
//! What was measured itself is read from the recording (`direct`). The rest is fitted by simulating the recorded load and comparing
//! with the replicas and the utilization that were recorded (`loss`), with argmin's particle swarm and Nelder-Mead (`search`). Of a
//! setting a recording tells the values with which some fit is not worse than the best by more than chance: a profile, tested by a
//! bootstrap of blocks of time (`region`).

pub mod direct;
pub mod loss;
pub mod region;
pub mod search;
pub mod setting;

use std::sync::Mutex;

use self::direct::Estimate;
use self::loss::{Block, Blocks, Samples, blocks, distance};
use self::region::Bootstrap;
use self::search::{Candidate, Choice, Effort, Search};
use self::setting::{Axis, Setting};
use super::backtest::{Listener, Seen};
use crate::model::LoadTable;
use crate::sim::{Setup, SimError, simulate_all};

/// What is to be fitted.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// A world with one target.
    pub setup: Setup<'a>,
    /// Its load.
    pub table: LoadTable,
    /// What was recorded.
    pub recorded: Samples,
    /// What is known without a simulation.
    pub measured: Vec<Estimate>,
    /// What the user says himself.
    pub stated: Vec<Setting>,
    /// How long the recording is, seconds.
    pub end: i64,
    /// The part of it that is fitted, if not all.
    pub split: Option<f64>,
}

/// How far a fit is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Error {
    /// Replicas, on average over time.
    pub replicas: f64,
    /// From when on, seconds.
    pub from: i64,
    /// Until when.
    pub to: i64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Fit {
    /// What is known.
    pub estimates: Vec<Estimate>,
    /// What is not: why.
    pub unknown: Vec<(Setting, String)>,
    /// How late recorded values seem to have been read, seconds.
    pub late: i64,
    /// With the settings as they were, in the phases that suit them best.
    pub before: Error,
    /// With what is known, over what it was fitted to.
    pub seen: Error,
    /// Of a part that nothing was fitted to, by a fit of the other part.
    pub unseen: Option<Error>,
    /// How many simulations it took.
    pub simulations: usize,
    /// What is predicted with it.
    pub predicted: Seen,
}

/// Blocks of time for the bootstrap, no shorter than this, seconds.
const BLOCKS: usize = 24;
const SHORTEST: i64 = 30;
/// Of a range so much may be left for a setting to be known.
const WIDE: f64 = 0.8;
/// Where no part is to be left out, this one is fitted besides, to test it by the rest.
const TESTED: f64 = 0.5;

/// Fits.
pub fn fit(problem: &Problem<'_>) -> Result<Fit, SimError> {
    let world = &problem.setup.world;
    let target = &problem.setup.targets[0];
    let measured: Vec<Setting> = problem.measured.iter().map(|one| one.setting).collect();
    let settings = Setting::of(target, &problem.table, &measured, &problem.stated);
    let axis =
        |setting: &Setting| Axis { setting: *setting, values: setting.values(target, world.controller.sync_period) };
    let axes: Vec<Axis> = settings.iter().map(axis).filter(|axis| axis.values.len() > 1).collect();
    let mut begin = problem.clone();
    for one in &problem.measured {
        one.setting.apply(one.value, &mut begin.setup.targets[0], &mut begin.table);
    }
    let beginning: Choice = axes.iter().map(|axis| axis.current(&begin.setup.targets[0])).collect();
    let fitting = Fitting {
        axes: &axes,
        blocks: Blocks { end: problem.end, count: BLOCKS.min((problem.end / SHORTEST).max(1) as usize) },
        problem: begin,
        error: Mutex::default(),
    };
    fitting.simulated(&beginning)?;
    let syncs = problem.end / world.controller.sync_period.seconds().max(1);
    let search = Search::new(&axes, |choice: &Choice| fitting.candidate(choice));
    let found = search.run(&beginning, Effort::of(syncs), world.seed);
    let all = found.map_err(|error| SimError::Load(error.to_string().into()))?;
    if let Some(error) = fitting.error.into_inner().ok().flatten() {
        return Err(error);
    }
    let fitting = Fitting { error: Mutex::default(), ..fitting };
    fitting.told(&all, &beginning)
}

/// What is fitted, and by what.
struct Fitting<'p, 'a> {
    axes: &'p [Axis],
    blocks: Blocks,
    problem: Problem<'a>,
    /// The first thing that went wrong.
    error: Mutex<Option<SimError>>,
}

impl Fitting<'_, '_> {
    /// What is predicted with a choice.
    fn simulated(&self, choice: &Choice) -> Result<Seen, SimError> {
        let (mut setup, mut table) = (self.problem.setup.clone(), self.problem.table.clone());
        // What changes the resolution comes before what lies within it.
        for (axis, index) in self.axes.iter().zip(choice) {
            axis.setting.apply(axis.values[*index], &mut setup.targets[0], &mut table);
        }
        let resolution = setup.targets[0].cluster.metric_resolution.seconds().max(1);
        let scrape = setup.targets[0].phase.scrape.seconds() % resolution;
        setup.targets[0].phase.scrape = crate::units::Span::from_seconds(scrape);
        let target = &setup.targets[0];
        let mut kept = [Listener::new(target.hpa, f64::from(target.initial_replicas))];
        simulate_all(&setup, &mut [table], &mut kept)?;
        let [kept] = kept;
        Ok(kept.seen())
    }

    /// The same as a candidate, read as late as suits it.
    fn candidate(&self, choice: &Choice) -> Candidate {
        let seen = self.simulated(choice).unwrap_or_else(|error| {
            if let Ok(mut first) = self.error.lock() {
                first.get_or_insert(error);
            }
            Seen::default()
        });
        let usual = distance(&self.problem.recorded.replicas).max(distance(&self.problem.recorded.utilization));
        let until = self.fitted_until();
        let one = |late: i64| {
            let blocks = blocks(&seen, &self.problem.recorded, late, self.blocks);
            let loss = blocks[..until].iter().map(|block| block.loss).sum();
            Candidate { choice: choice.clone(), late, blocks, loss }
        };
        let lates = (0..=4).map(|part| part * usual / 4);
        let mut best = one(0);
        for late in lates.filter(|late| *late > 0) {
            let other = one(late);
            if other.loss < best.loss {
                best = other;
            }
        }
        best
    }

    /// The blocks that are fitted.
    fn fitted_until(&self) -> usize {
        let count = self.blocks.count;
        self.problem.split.map_or(count, |part| ((count as f64 * part).round() as usize).clamp(1, count))
    }

    fn error_of(&self, candidate: &Candidate, from: usize, to: usize) -> Error {
        let second = |block: usize| self.blocks.end * block as i64 / self.blocks.count as i64;
        let sum = |of: fn(&Block) -> f64| candidate.blocks[from..to].iter().map(of).sum::<f64>();
        let seconds = sum(|block| block.seconds);
        Error {
            replicas: if seconds > 0.0 { sum(|block| block.replicas) / seconds } else { 0.0 },
            from: second(from),
            to: second(to),
        }
    }

    fn told(&self, all: &[Candidate], beginning: &Choice) -> Result<Fit, SimError> {
        let until = self.fitted_until();
        let best = central(all);
        let bootstrap = Bootstrap::new(until, self.problem.setup.world.seed);
        let as_good: Vec<&Candidate> =
            all.iter().filter(|one| bootstrap.is_as_good(&one.blocks[..until], &best.blocks[..until])).collect();
        let (mut estimates, mut unknown) = (self.problem.measured.clone(), Vec::new());
        let mut stated = best.choice.clone();
        for (index, axis) in self.axes.iter().enumerate() {
            match known(index, axis, best, &as_good, all) {
                Ok(estimate) => estimates.push(estimate),
                Err(why) => {
                    unknown.push((axis.setting, why));
                    // Its place in a period is no setting: it goes with the fit.
                    if axis.setting.place() != setting::Place::Phase {
                        stated[index] = beginning[index];
                    }
                }
            }
        }
        let before = as_they_were(self.axes, all, beginning);
        let written = self.candidate(&stated);
        let unseen = if self.problem.split.is_some() {
            (until < self.blocks.count).then(|| self.error_of(&written, until, self.blocks.count))
        } else {
            let half = (self.blocks.count as f64 * TESTED) as usize;
            let loss = |one: &Candidate| one.blocks[..half].iter().map(|block| block.loss).sum::<f64>();
            let first = all.iter().min_by(|one, other| loss(one).total_cmp(&loss(other)));
            first.filter(|_| half > 0).map(|first| self.error_of(first, half, self.blocks.count))
        };
        Ok(Fit {
            estimates,
            unknown,
            late: best.late,
            before: self.error_of(before, 0, until),
            seen: self.error_of(&written, 0, until),
            unseen,
            simulations: all.len(),
            predicted: self.simulated(&stated)?,
        })
    }
}

/// The best of those in which all but the phases is as it was.
fn as_they_were<'c>(axes: &[Axis], all: &'c [Candidate], beginning: &Choice) -> &'c Candidate {
    let is_same = |one: &&Candidate| {
        let each = axes.iter().zip(one.choice.iter().zip(beginning));
        each.into_iter().all(|(axis, (one, begin))| axis.setting.place() == setting::Place::Phase || one == begin)
    };
    all.iter().find(is_same).unwrap_or(&all[0])
}

/// Of equally good ones the one in their middle.
fn central(all: &[Candidate]) -> &Candidate {
    let best = &all[0];
    let equal: Vec<&Candidate> = all.iter().take_while(|one| one.loss <= best.loss + 1e-9).collect();
    let medians: Vec<usize> = (0..best.choice.len())
        .map(|axis| {
            let mut indices: Vec<usize> = equal.iter().map(|one| one.choice[axis]).collect();
            indices.sort_unstable();
            indices[indices.len() / 2]
        })
        .collect();
    let far =
        |one: &&&Candidate| one.choice.iter().zip(&medians).map(|(one, other)| one.abs_diff(*other)).sum::<usize>();
    equal.iter().min_by_key(far).copied().unwrap_or(best)
}

/// What is known of a setting; the error says why that is nothing.
fn known(
    index: usize,
    axis: &Axis,
    best: &Candidate,
    as_good: &[&Candidate],
    all: &[Candidate],
) -> Result<Estimate, String> {
    let (first, last) = (0, axis.values.len() - 1);
    let of = |one: &Candidate| one.choice[index];
    let low = as_good.iter().map(|one| of(one)).min().unwrap_or(first).min(of(best));
    let high = as_good.iter().map(|one| of(one)).max().unwrap_or(last).max(of(best));
    // As far as the next value that was tried and excluded.
    let tried = all.iter().map(of);
    let below = tried.clone().filter(|value| *value < low).max().map_or(low, |value| value + 1);
    let above = tried.filter(|value| *value > high).min().map_or(high, |value| value - 1);
    let (low, high) = (below.min(low).max(first), above.max(high).min(last));
    let wide = (high - low + 1) as f64 / axis.values.len() as f64;
    if wide >= WIDE {
        return Err("whatever it is, another setting makes up for it, or it does not matter".to_owned());
    }
    Ok(Estimate {
        setting: axis.setting,
        value: axis.values[of(best)],
        low: axis.values[low],
        high: axis.values[high],
        sigma: None,
        evidence: "fitted by simulation; profile, tested by a bootstrap of blocks".to_owned(),
    })
}
