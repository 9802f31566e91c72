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

use rayon::prelude::*;

use self::direct::Estimate;
use self::loss::{Block, Blocks, Samples, blocks, distance};
use self::region::Bootstrap;
use self::search::{Candidate, Choice, Effort, Found, Search};
use self::setting::{Axis, Place, Setting};
use super::backtest::{Listener, Seen};
use crate::model::LoadTable;
use crate::sim::{Setup, SimError, simulate_all};
use crate::units::Span;

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
    /// Whether it may have been probes that restarted containers.
    pub by_probes: bool,
    /// How long the recording is, seconds.
    pub end: i64,
    /// The part of it that is fitted, if not all.
    pub split: Option<f64>,
    /// How many simulations there are to be, about, if that is said.
    pub simulations: Option<usize>,
}

/// Restarts that probes may be the cause of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByProbes {
    /// There are none.
    None,
    /// They tell how late probes are.
    Told,
    /// Most were while pods were short of CPU: how much more was asked of them nobody knows, and more work makes probes as late as slower
    /// answers do.
    Censored,
}

impl Problem<'_> {
    fn restarts_by_probes(&self) -> ByProbes {
        let (all, told) = self.recorded.restarts();
        match self.by_probes && all > 0.0 {
            true if told > all / 2.0 => ByProbes::Told,
            true => ByProbes::Censored,
            false => ByProbes::None,
        }
    }
}

/// A setting that a recording does not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// Which one.
    pub setting: Setting,
    /// From here.
    pub low: Option<f64>,
    /// To here, if there is a bound.
    pub high: Option<f64>,
    /// The value that it has in the fit.
    pub left_at: f64,
    /// Whether pods were short of CPU when it would have been told.
    pub is_censored: bool,
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
    /// What is not.
    pub unknown: Vec<Unknown>,
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
/// Where no part is to be left out, this one is fitted besides, to test it by the rest.
const TESTED: f64 = 0.5;

/// So many values are tried with all draws.
const MOST_DRAWN: usize = 9;
/// Where probes are asked a simulation takes so many times as long.
const PROBED: i64 = 12;

/// What makes a fit worse by so many replicas, on average, does not go with what was recorded.
const IMPOSSIBLE: f64 = 0.1;
/// A fit is better than another by this part.
const BETTER: f64 = 0.1;

/// Fits.
pub fn fit(problem: &Problem<'_>) -> Result<Fit, SimError> {
    let world = &problem.setup.world;
    let target = &problem.setup.targets[0];
    let measured: Vec<Setting> = problem.measured.iter().map(|one| one.setting).collect();
    let probes = problem.restarts_by_probes();
    let settings = Setting::of(target, &problem.table, probes == ByProbes::Told, (&measured, &problem.stated));
    let axis =
        |setting: &Setting| Axis { setting: *setting, values: setting.values(target, world.controller.sync_period) };
    // How late probes are depends on what of the CPU is left, which is known no better than the CPU of a request.
    let within = |one: &Estimate| Axis {
        setting: one.setting,
        values: vec![
            one.low,
            f64::midpoint(one.low, one.value),
            one.value,
            f64::midpoint(one.value, one.high),
            one.high,
        ],
    };
    let is_loose = |one: &&Estimate| {
        one.setting == Setting::CpuPerRequest && settings.contains(&Setting::ProbeLatency) && one.low < one.high
    };
    let loose = problem.measured.iter().filter(is_loose).map(within);
    let axes: Vec<Axis> = settings.iter().map(axis).filter(|axis| axis.values.len() > 1).chain(loose).collect();
    let mut begin = problem.clone();
    if probes != ByProbes::Told {
        begin.recorded.restarts.clear();
    }
    for one in &problem.measured {
        one.setting.apply(one.value, &mut begin.setup.targets[0], &mut begin.table);
    }
    let fitting = Fitting {
        axes,
        blocks: Blocks { end: problem.end, count: BLOCKS.min((problem.end / SHORTEST).max(1) as usize) },
        problem: begin,
        error: Mutex::default(),
    };
    let begin = fitting.beginning();
    let syncs = problem.end / world.controller.sync_period.seconds().max(1);
    let slower = if probes == ByProbes::Told { PROBED } else { 1 };
    let simulations = problem.simulations.unwrap_or_else(|| Effort::affordable(syncs * slower));
    let effort = Effort::of(simulations, fitting.axes.len());
    let all = fitting.search(&begin, effort)?;
    let before = fitting.error_of(as_they_were(&fitting.axes, &all.candidates, &begin), 0, fitting.fitted_until());
    let (mut known, mut unknown) = fitting.known(&all);
    if probes == ByProbes::Censored && !problem.stated.contains(&Setting::ProbeLatency) {
        let left_at = target.cluster.probe_latency.get();
        unknown.push(Unknown { setting: Setting::ProbeLatency, low: None, high: None, left_at, is_censored: true });
    }
    known.retain(|one| !measured.contains(&one.setting));
    let is_measured = |one: &Unknown| measured.contains(&one.setting);
    fitting.leave_possible(&mut unknown, central(&all.candidates));
    // What cannot be known is left as it was: then the others have values of their own.
    let of_cluster = unknown.iter().filter(|one| one.setting.place() != Place::Phase);
    let mut left: Vec<(Setting, f64)> = of_cluster.map(|one| (one.setting, one.left_at)).collect();
    unknown.retain(|one| !is_measured(one));
    let as_measured = problem.measured.iter().filter(|one| fitting.axes.iter().any(|axis| axis.setting == one.setting));
    left.extend(as_measured.map(|one| (one.setting, one.value)));
    if left.is_empty() {
        return fitting.told(&all.candidates, (known, unknown), before, all.candidates.len());
    }
    let is_left = |axis: &&Axis| left.iter().any(|(setting, _)| *setting == axis.setting);
    let best = central(&all.candidates).choice.clone();
    let of_rest = |choice: Choice| -> Choice {
        choice.iter().zip(&fitting.axes).filter(|(_, axis)| !is_left(axis)).map(|(index, _)| *index).collect()
    };
    let best = of_rest(best);
    let axes = fitting.axes.iter().filter(|axis| !is_left(axis)).cloned().collect();
    let mut rest = Fitting { axes, error: Mutex::default(), ..fitting };
    for (setting, value) in left {
        setting.apply(value, &mut rest.problem.setup.targets[0], &mut rest.problem.table);
    }
    let again = rest.search(&best, Effort::of(simulations / 2, rest.axes.len()))?;
    rest.told(&again.candidates, (known, unknown), before, all.candidates.len() + again.candidates.len())
}

/// What is fitted, and by what.
struct Fitting<'a> {
    axes: Vec<Axis>,
    blocks: Blocks,
    problem: Problem<'a>,
    /// The first thing that went wrong.
    error: Mutex<Option<SimError>>,
}

impl Fitting<'_> {
    /// The settings as they are.
    fn beginning(&self) -> Choice {
        self.axes.iter().map(|axis| axis.current(&self.problem.setup.targets[0])).collect()
    }

    /// All that is tried from a choice on.
    fn search(&self, beginning: &Choice, effort: Effort) -> Result<Found, SimError> {
        self.simulated(beginning)?;
        let search = Search::new(&self.axes, |choice: &Choice| self.candidate(choice));
        let found = search.run(beginning, effort, self.problem.setup.world.seed);
        let first = self.error.lock().ok().and_then(|mut error| error.take());
        first.map_or_else(|| found.map_err(|error| SimError::Load(error.to_string().into())), Err)
    }

    /// What is predicted with a choice.
    fn simulated(&self, choice: &Choice) -> Result<Seen, SimError> {
        let (mut setup, mut table) = (self.problem.setup.clone(), self.problem.table.clone());
        for (axis, index) in self.axes.iter().zip(choice) {
            axis.setting.apply(axis.values[*index], &mut setup.targets[0], &mut table);
        }
        if let Some(draw) = self.axes.iter().position(|axis| axis.setting == Setting::Draw) {
            setup.world.seed = setup.world.seed.wrapping_add(choice[draw] as u64);
        }
        // Where in its period metrics-server scrapes is tried in so many parts, however long the period is.
        let longer = self.longer(choice);
        let scrape = setup.targets[0].phase.scrape.seconds() as f64 * longer;
        setup.targets[0].phase.scrape = Span::from_seconds(scrape as i64);
        let target = &setup.targets[0];
        let mut kept = [Listener::new(target.hpa, f64::from(target.initial_replicas))];
        simulate_all(&setup, &mut [table], &mut kept)?;
        let [kept] = kept;
        Ok(kept.seen())
    }

    /// How many times as long as it was metrics-server's period is with a choice.
    fn longer(&self, choice: &Choice) -> f64 {
        let was = self.problem.setup.targets[0].cluster.metric_resolution.seconds().max(1) as f64;
        let axis = self.axes.iter().position(|axis| axis.setting == Setting::MetricResolution);
        axis.map_or(1.0, |axis| self.axes[axis].values[choice[axis]] / was)
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

    /// Those that are not worse than the best by more than chance.
    fn as_good<'c>(&self, all: &'c [Candidate]) -> Vec<&'c Candidate> {
        let until = self.fitted_until();
        let best = central(all);
        let bootstrap = Bootstrap::new(until, self.problem.setup.world.seed);
        let is_as_good = |one: &&Candidate| bootstrap.is_as_good(&one.blocks[..until], &best.blocks[..until]);
        all.iter().filter(is_as_good).collect()
    }

    /// What the recording does not exclude, of each setting that is fitted; and of which it excludes too little.
    fn known(&self, found: &Found) -> (Vec<Estimate>, Vec<Unknown>) {
        let all = &found.candidates;
        let (best, as_good) = (central(all), self.as_good(all));
        let (mut estimates, mut unknown) = (Vec::new(), Vec::new());
        for (index, (axis, begin)) in self.axes.iter().zip(self.beginning()).enumerate() {
            match known((index, axis), (best, begin), &as_good, &found.profiled[index]) {
                Ok(estimate) => estimates.push(estimate),
                Err(one) => unknown.push(one),
            }
        }
        (estimates, unknown)
    }

    /// A setting is not left at a value that nothing recorded goes with: then the one of the best fit is as good as any.
    fn leave_possible(&self, unknown: &mut [Unknown], best: &Candidate) {
        let seconds: f64 = best.blocks.iter().map(|block| block.seconds).sum();
        for one in unknown {
            let Some(index) = self.axes.iter().position(|axis| axis.setting == one.setting) else { continue };
            let mut choice = best.choice.clone();
            choice[index] = self.axes[index].nearest(one.left_at);
            if self.candidate(&choice).loss > best.loss + IMPOSSIBLE * seconds {
                one.left_at = self.axes[index].values[best.choice[index]];
            }
        }
    }

    /// Where chance matters, what fits best on average over draws. One lucky draw says little.
    fn best_of_draws(&self, estimate: &Estimate, choice: &Choice) -> Option<f64> {
        let axis_of = |setting: Setting| self.axes.iter().position(|axis| axis.setting == setting);
        let (own, draw) = (axis_of(estimate.setting)?, axis_of(Setting::Draw)?);
        if !estimate.setting.is_by_chance() {
            return None;
        }
        let values = &self.axes[own].values;
        let possible = (0..values.len()).filter(|index| (estimate.low..=estimate.high).contains(&values[*index]));
        let possible: Vec<usize> = possible.collect();
        let possible = possible.iter().copied().step_by(possible.len().div_ceil(MOST_DRAWN).max(1));
        let mean = |index: usize| {
            let one = |drawn: usize| {
                let mut choice = choice.clone();
                (choice[own], choice[draw]) = (index, drawn);
                self.candidate(&choice).loss
            };
            let losses: Vec<f64> = (0..self.axes[draw].values.len()).into_par_iter().map(one).collect();
            losses.iter().sum::<f64>()
        };
        let means: Vec<(f64, f64)> = possible.map(|index| (mean(index), values[index])).collect();
        means.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, value)| value)
    }

    /// The fit, with the values that are best together.
    fn told(
        &self,
        all: &[Candidate],
        (mut known, unknown): (Vec<Estimate>, Vec<Unknown>),
        before: Error,
        simulations: usize,
    ) -> Result<Fit, SimError> {
        let (until, count) = (self.fitted_until(), self.blocks.count);
        // Of those that cannot be told apart the one that a backtest likes best.
        let best = central(all);
        let replicas = |one: &&Candidate| one.blocks[..until].iter().map(|block| block.replicas).sum::<f64>();
        let equal = replicas(&best) * (1.0 - BETTER);
        let best = self
            .as_good(all)
            .into_iter()
            .filter(|one| replicas(one) < equal)
            .min_by(|one, other| replicas(one).total_cmp(&replicas(other)))
            .unwrap_or(best);
        for estimate in &mut known {
            if let Some(axis) = self.axes.iter().position(|axis| axis.setting == estimate.setting) {
                estimate.value = self.axes[axis].values[best.choice[axis]];
                estimate.low = estimate.low.min(estimate.value);
                estimate.high = estimate.high.max(estimate.value);
            }
            if let Some(value) = self.best_of_draws(estimate, &best.choice) {
                estimate.value = value;
            }
            if estimate.setting == Setting::ProbeLatency && !self.problem.recorded.censored.is_empty() {
                estimate.evidence += "; without the restarts while pods were throttled";
            }
            if estimate.setting == Setting::MetricOffset {
                let longer = self.longer(&best.choice);
                estimate.value = (estimate.value * longer).floor();
                // From the beginning of the first part to the end of the last.
                estimate.low = (estimate.low * longer).floor();
                estimate.high = ((estimate.high + 1.0) * longer).ceil() - 1.0;
            }
        }
        let unseen = if self.problem.split.is_some() {
            (until < count).then(|| self.error_of(best, until, count))
        } else {
            let half = (count as f64 * TESTED) as usize;
            let loss = |one: &Candidate| one.blocks[..half].iter().map(|block| block.loss).sum::<f64>();
            let first = all.iter().min_by(|one, other| loss(one).total_cmp(&loss(other)));
            first.filter(|_| half > 0).map(|first| self.error_of(first, half, count))
        };
        Ok(Fit {
            estimates: self.problem.measured.iter().cloned().chain(known).filter(|one| one.setting.is_told()).collect(),
            unknown: unknown.into_iter().filter(|one| one.setting.is_told()).collect(),
            late: best.late,
            before,
            seen: self.error_of(best, 0, until),
            unseen,
            simulations,
            predicted: self.simulated(&best.choice)?,
        })
    }
}

/// The best of those in which all but the phases is as it was.
fn as_they_were<'c>(axes: &[Axis], all: &'c [Candidate], beginning: &Choice) -> &'c Candidate {
    let is_same = |one: &&Candidate| {
        let each = axes.iter().zip(one.choice.iter().zip(beginning));
        each.into_iter().all(|(axis, (one, begin))| axis.setting.place() == Place::Phase || one == begin)
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

/// What is known of a setting; where that is too little, what is left of it.
fn known(
    (index, axis): (usize, &Axis),
    (best, begin): (&Candidate, usize),
    as_good: &[&Candidate],
    profiled: &[usize],
) -> Result<Estimate, Unknown> {
    let (setting, last) = (axis.setting, axis.values.len() - 1);
    let of = |one: &Candidate| one.choice[index];
    let low = as_good.iter().map(|one| of(one)).min().unwrap_or(0).min(of(best));
    let high = as_good.iter().map(|one| of(one)).max().unwrap_or(last).max(of(best));
    // As far as the next value that was tried and excluded; where there are values in between, to that.
    let beside = usize::from(!setting.is_continuous());
    let tried = profiled.iter().copied();
    let below = tried.clone().filter(|value| *value < low).max().map_or(0, |value| value + beside);
    let above = tried.filter(|value| *value > high).min().map_or(last, |value| value - beside);
    let (low, high) = (below.min(low), above.max(high));
    let (from, to) = (axis.values[low], axis.values[high]);
    let wide = (high - low + 1) as f64 / axis.values.len() as f64;
    if !setting.is_narrow((from, to), wide) {
        let left_at = axis.values[if (low..=high).contains(&begin) { begin } else { of(best) }];
        let (low, high) = ((low > 0).then_some(from), (high < last).then_some(to));
        return Err(Unknown { setting, low, high, left_at, is_censored: false });
    }
    Ok(Estimate {
        setting,
        value: axis.values[of(best)],
        low: from,
        high: to,
        sigma: None,
        evidence: "fitted by simulation; profile, tested by a bootstrap of blocks".to_owned(),
    })
}
