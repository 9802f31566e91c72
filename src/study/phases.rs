//! Phases: the same deployment under the same load, with syncs, scrapes and samples anywhere against each other and against
//! the load.

use super::fleet::{Change, Course, Simulated};
use super::montecarlo::RunResult;
use super::sample::{Count, Sample, Sampled, in_phases};
use crate::model::Phase;
use crate::plan::WorkloadPlan;
use crate::sim::{Setup, SimError};
use crate::units::{Replicas, SimTime, Span};
use std::collections::BTreeMap;

/// Replicas over time: from when on, and how many.
pub type Steps = Vec<(SimTime, Replicas)>;

/// The index of the run that is most like the others: its number of replicas is nearest the median of every moment, and its
/// figures are nearest their medians, each in units of the mean distance. The first of equals.
pub fn typical(steps: &[Steps], duration: Span, figures: &[Vec<f64>]) -> usize {
    let end = SimTime::ZERO + duration;
    let median = median_steps(steps);
    let mut distance = in_units_of_the_mean(steps.iter().map(|one| between(one, &median, end)).collect());
    let width = figures.iter().map(Vec::len).min().unwrap_or_default();
    for figure in 0..width {
        let mut sorted: Vec<f64> = figures.iter().map(|run| run[figure]).collect();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[(sorted.len() - 1) / 2];
        let apart = in_units_of_the_mean(figures.iter().map(|run| (run[figure] - median).abs()).collect());
        for (total, more) in distance.iter_mut().zip(apart) {
            *total += more;
        }
    }
    let nearest = distance.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    nearest.map_or(0, |(index, _)| index)
}

fn in_units_of_the_mean(values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    if mean > 0.0 { values.into_iter().map(|value| value / mean).collect() } else { values }
}

/// The median number of replicas of every moment, the lower one of two.
fn median_steps(runs: &[Steps]) -> Steps {
    let mut counts: BTreeMap<Replicas, usize> = BTreeMap::new();
    let mut now: Vec<Option<Replicas>> = vec![None; runs.len()];
    let mut changes: Vec<(SimTime, usize, Replicas)> =
        runs.iter().enumerate().flat_map(|(run, steps)| steps.iter().map(move |&(at, pods)| (at, run, pods))).collect();
    changes.sort_by_key(|(at, run, _)| (*at, *run));
    let mut median: Steps = Vec::new();
    for (index, &(at, run, pods)) in changes.iter().enumerate() {
        if let Some(before) = now[run].replace(pods)
            && let Some(count) = counts.get_mut(&before)
        {
            *count -= 1;
        }
        *counts.entry(pods).or_default() += 1;
        if changes.get(index + 1).is_some_and(|next| next.0 == at) {
            continue;
        }
        let half = counts.values().sum::<usize>().div_ceil(2);
        let mut passed = 0;
        let middle = counts.iter().find(|(_, count)| {
            passed += **count;
            passed >= half
        });
        if let Some((&pods, _)) = middle.filter(|(pods, _)| median.last().is_none_or(|(_, last)| last != *pods)) {
            median.push((at, pods));
        }
    }
    median
}

/// How far two numbers of replicas are apart, in pod-seconds.
fn between(one: &Steps, other: &Steps, end: SimTime) -> f64 {
    let mut times: Vec<SimTime> = one.iter().chain(other).map(|(at, _)| *at).filter(|at| *at < end).collect();
    times.sort();
    times.dedup();
    let (mut a, mut b) = (one.iter().peekable(), other.iter().peekable());
    let (mut pods_a, mut pods_b, mut total) = (0, 0, 0.0);
    for (index, &at) in times.iter().enumerate() {
        while let Some((_, pods)) = a.next_if(|(when, _)| *when <= at) {
            pods_a = *pods;
        }
        while let Some((_, pods)) = b.next_if(|(when, _)| *when <= at) {
            pods_b = *pods;
        }
        let until = times.get(index + 1).copied().unwrap_or(end);
        total += f64::from((pods_a - pods_b).abs()) * (until - at).seconds() as f64;
    }
    total
}

/// The simulations of a world in a sample of the phases of each target.
#[derive(Clone, Debug)]
pub struct WorldPhases {
    /// The phases of each target.
    pub samples: Vec<Sample>,
    /// The courses of all targets in each, if there are several.
    pub runs: Vec<Vec<Course>>,
    /// The index of the typical run.
    pub typical: usize,
    /// Whether there would be more if the first had not taken so long.
    pub is_cut: bool,
}

impl WorldPhases {
    /// Simulates so many phases of each target on all threads, each HPA syncing when it does; the order of the results is that
    /// of the samples. One phase alone is not simulated.
    pub fn run(simulated: &Simulated<'_>, count: Count) -> Result<Self, SimError> {
        let one = |setup: &Setup<'_>| {
            let courses = simulated.courses_of(setup)?;
            let looks = courses.iter().map(|course| course.looks).sum();
            Ok((courses, looks))
        };
        let Sampled { samples, runs, is_cut } = Sampled::run(&simulated.setup, count, one)?;
        if runs.is_empty() {
            return Ok(Self { samples, runs, typical: 0, is_cut });
        }
        let figures = |run: &Vec<Course>| run.iter().flat_map(Course::figures).collect();
        let figures: Vec<Vec<f64>> = runs.iter().map(figures).collect();
        let steps: Vec<Steps> = runs
            .iter()
            .map(|run| total_steps(&run.iter().map(|course| course.steps.clone()).collect::<Vec<_>>()))
            .collect();
        let duration = runs[0].iter().map(|course| course.duration).min().unwrap_or(Span::ZERO);
        Ok(Self { samples, typical: typical(&steps, duration, &figures), runs, is_cut })
    }

    /// The phase in which a target is shown.
    pub fn phase(&self, target: usize) -> Phase {
        self.samples[target].phase(self.typical)
    }

    /// What concerns one target.
    pub fn of(&self, target: usize) -> PhaseRuns {
        let courses = self.runs.iter().map(|run| run[target].clone()).collect();
        PhaseRuns { sample: self.samples[target].clone(), courses, typical: self.typical }
    }
}

/// The replicas of all targets together.
pub fn total_steps(each: &[Steps]) -> Steps {
    if let [only] = each {
        return only.clone();
    }
    let changes = each.iter().enumerate().flat_map(|(index, steps)| {
        let steps = steps.iter();
        steps.map(move |&(at, pods)| (at, index, pods))
    });
    let mut changes: Vec<(SimTime, usize, Replicas)> = changes.collect();
    changes.sort_by_key(|(at, index, _)| (*at, *index));
    let (mut now, mut total) = (vec![0; each.len()], Steps::new());
    for (at, index, pods) in changes {
        now[index] = pods;
        let all = now.iter().fold(0, |sum: Replicas, pods| sum.saturating_add(*pods));
        match total.last_mut().filter(|(last, _)| *last == at) {
            Some(last) => last.1 = all,
            None => total.push((at, all)),
        }
    }
    total
}

/// The simulations of a target in a sample.
#[derive(Clone, Debug)]
pub struct PhaseRuns {
    /// The phases.
    pub sample: Sample,
    /// A simulation for each, if there are several.
    pub courses: Vec<Course>,
    /// The index of the typical one.
    pub typical: usize,
}

impl PhaseRuns {
    /// The phase of the typical run.
    pub fn phase(&self) -> Phase {
        self.sample.phase(self.typical)
    }

    /// The range of a figure.
    pub fn range<T: PartialOrd + Copy>(&self, of: impl Fn(&Course) -> T) -> Option<Range<T>> {
        Range::of(self.courses.iter().map(of))
    }

    /// For every change of the typical run, when it comes again.
    pub fn changes(&self) -> Vec<(Change, Recurrence)> {
        recurrences(&self.courses.iter().collect::<Vec<_>>(), self.typical)
    }
}

/// For every change of one of the runs, when the same change comes in them all: in how many, and the earliest and the latest
/// time. The same change is from and to the same counts, within five minutes, each being the nearest of its kind to the
/// other.
fn recurrences(courses: &[&Course], typical: usize) -> Vec<(Change, Recurrence)> {
    let changes = courses[typical].changes();
    let alone = |change: &Change| Recurrence { runs: 0, times: Range { low: change.at, high: change.at } };
    let mut all: Vec<Recurrence> = changes.iter().map(alone).collect();
    for course in courses {
        let other = course.changes();
        for (index, found) in changes.iter().enumerate() {
            let there = nearest(&other, found);
            if let Some(same) = there.filter(|same| nearest(&changes, &other[*same]) == Some(index)) {
                all[index].runs += 1;
                all[index].times.include(other[same].at);
            }
        }
    }
    changes.into_iter().zip(all).collect()
}

/// Several workloads in a sample of phases.
#[derive(Clone, Debug)]
pub struct FleetPhases {
    /// The phases of each workload that is simulated.
    pub samples: Vec<Sample>,
    /// A run for each phase.
    pub runs: Vec<RunResult>,
    /// The index of the typical one.
    pub typical: usize,
    /// See [`WorldPhases::is_cut`].
    pub is_cut: bool,
}

impl FleetPhases {
    /// Simulates so many phases.
    pub fn run(workloads: &[WorkloadPlan<'_>], simulated: &Simulated<'_>, count: Count) -> Result<Self, SimError> {
        let WorldPhases { samples, mut runs, typical, is_cut } = WorldPhases::run(simulated, count)?;
        if runs.is_empty() {
            runs.push(simulated.courses_of(&in_phases(&simulated.setup, &samples, 0))?);
        }
        let runs = runs.into_iter().map(|courses| RunResult::new(workloads, simulated, courses)).collect();
        Ok(Self { samples, typical, runs, is_cut })
    }

    /// The run that is shown.
    pub fn shown(&self) -> &RunResult {
        &self.runs[self.typical]
    }

    /// For every change of a workload that is simulated, in the run that is shown, when it comes again.
    pub fn changes(&self, index: usize) -> Vec<(Change, Recurrence)> {
        recurrences(&self.runs.iter().map(|run| &run.courses[index]).collect::<Vec<_>>(), self.typical)
    }

    /// The phase in which a workload that is simulated is shown.
    pub fn phase(&self, index: usize) -> Phase {
        self.samples[index].phase(self.typical)
    }
}

/// A change that comes later or earlier than this is another one: phases shift it by some periods of half a minute.
const SAME_WITHIN: Span = Span::from_seconds(300);

/// The change of the same kind that is nearest in time: an index.
fn nearest(changes: &[Change], to: &Change) -> Option<usize> {
    let apart = |change: &Change| (change.at - to.at).seconds().abs();
    let same = changes.iter().enumerate().filter(|(_, change)| (change.from, change.to) == (to.from, to.to));
    let near = same.filter(|(_, change)| apart(change) <= SAME_WITHIN.seconds());
    near.min_by_key(|(_, change)| apart(change)).map(|(index, _)| index)
}

/// How a change comes again in other runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// In how many runs.
    pub runs: usize,
    /// When.
    pub times: Range<SimTime>,
}

/// From the lowest to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The lowest.
    pub low: T,
    /// The highest.
    pub high: T,
}

impl<T: PartialOrd + Copy> Range<T> {
    /// Of these; none if there are none.
    pub fn of(mut values: impl Iterator<Item = T>) -> Option<Self> {
        let first = values.next()?;
        let mut range = Self { low: first, high: first };
        values.for_each(|value| range.include(value));
        Some(range)
    }

    /// Makes it reach so far.
    pub fn include(&mut self, value: T) {
        if value < self.low {
            self.low = value;
        }
        if value > self.high {
            self.high = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_run_is_none_at_the_edge() {
        let at = SimTime::from_seconds;
        let run = |first: i64, second: i64| vec![(at(0), 3), (at(first), 5), (at(second), 4)];
        let runs = [run(15, 60), run(30, 75), run(45, 90), run(30, 70)];
        let median = median_steps(&runs);
        assert_eq!(median, [(at(0), 3), (at(30), 5), (at(70), 4)].map(|(when, pods)| (when, pods)));
        let hour = Span::from_seconds(3600);
        assert_eq!(runs.each_ref().map(|one| between(one, &median, at(0) + hour)), [40.0, 5.0, 50.0, 0.0]);
        assert_eq!(typical(&runs, hour, &[]), 3);
        // Figures count as well; the first of equals.
        let figures = [[0.0], [0.0], [0.0], [9.0]].map(Vec::from);
        assert_eq!(typical(&runs, hour, &figures), 1);
        assert_eq!(typical(&[run(1, 2), run(1, 2)], hour, &[]), 0);
    }
}
