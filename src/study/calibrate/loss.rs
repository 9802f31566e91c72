//! How far a simulation is from what was recorded, block by block of time.

use crate::study::backtest::Seen;

/// What was recorded, sample by sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Replicas that the HPA wants: when that was read, seconds, and how many.
    pub replicas: Vec<(i64, f64)>,
    /// CPU utilization as the HPA saw it, percent.
    pub utilization: Vec<(i64, f64)>,
    /// The HPA's target of it, percent.
    pub target: Option<f64>,
    /// Containers that were restarted from a time on, until the next one.
    pub restarts: Vec<(i64, f64)>,
    /// When pods were short of CPU, so that more may have been asked of them than they did: from when until when, in their order.
    pub censored: Vec<(i64, i64)>,
}

/// What a block of time comes to, in replica-seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// What is made least: replicas, and utilization as the replicas that it asks for.
    pub loss: f64,
    /// Replicas alone, as a backtest counts them.
    pub replicas: f64,
    /// How long it was recorded for.
    pub seconds: f64,
}

/// Equal stretches of a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blocks {
    /// Seconds.
    pub end: i64,
    /// How many.
    pub count: usize,
}

/// What a replica that utilization asks for counts against one that is there: replicas are what is paid for, and their changes are few.
const UTILIZATION: f64 = 0.2;
/// Utilization is recorded in whole percent: this is no difference.
const WHOLE: f64 = 1.0;
/// What it counts that restarts are e times less likely, replica-seconds: about as long as a pod is away for one.
const RESTART: f64 = 30.0;
/// So long after pods were short of CPU a probe may fail for it, seconds: the third failure in a row, of one that is asked every ten
/// seconds or seldomer.
const AFTERWARDS: i64 = 60;
/// Restarts in a block of time that have another cause than probes.
const OTHERWISE: f64 = 0.02;
/// A sample says that a value was there since the last one, and that it was there when it was read: how much the first counts, since
/// readings are late by one second or four.
const BRACKET: f64 = 0.5;
/// A gap of more usual distances than this is one.
const LONGEST: i64 = 3;

impl Samples {
    /// Pods were short of CPU before the samples at these times.
    pub fn censor(&mut self, times: impl Iterator<Item = i64>) {
        let step = distance(&self.restarts);
        for at in times {
            match self.censored.last_mut() {
                Some((_, until)) if at - step <= *until => *until = at + AFTERWARDS,
                _ => self.censored.push((at - step, at + AFTERWARDS)),
            }
        }
    }

    /// Restarts, and those of them while pods were not short of CPU.
    pub fn restarts(&self) -> (f64, f64) {
        let sum = |of: &dyn Fn(&(i64, f64)) -> bool| {
            self.restarts.iter().filter(|one| of(one)).map(|(_, count)| count).sum::<f64>()
        };
        (sum(&|_| true), sum(&|(at, _)| !self.is_censored(*at)))
    }

    /// Whether pods were short of CPU about then.
    fn is_censored(&self, at: i64) -> bool {
        let index = self.censored.partition_point(|(_, until)| *until < at);
        self.censored.get(index).is_some_and(|(from, _)| *from <= at)
    }
}

impl Blocks {
    fn of(&self, at: i64) -> usize {
        ((at.max(0) as f64 / self.end.max(1) as f64 * self.count as f64) as usize).min(self.count - 1)
    }
}

/// The value of a course at a time.
fn at(course: &[(i64, f64)], second: i64) -> Option<f64> {
    let index = course.partition_point(|(at, _)| *at <= second);
    index.checked_sub(1).map(|index| course[index].1)
}

/// How far a value is from all that a course had after one time and until another; it counts what it had at the first, too.
fn apart(course: &[(i64, f64)], (from, until): (i64, i64), value: f64) -> Option<f64> {
    let index = course.partition_point(|(at, _)| *at <= from).saturating_sub(1);
    let within = course[index..].iter().take_while(|(at, _)| *at <= until);
    within.map(|(_, had)| (had - value).abs()).min_by(f64::total_cmp)
}

/// The usual distance of samples.
pub fn distance(samples: &[(i64, f64)]) -> i64 {
    let mut all: Vec<i64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|one| *one > 0).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(1)
}

/// A sample, since when it is the first that says what is, and for how long it is the last.
struct Sample {
    at: i64,
    value: f64,
    since: i64,
    seconds: f64,
}

fn each(samples: &[(i64, f64)]) -> impl Iterator<Item = Sample> + '_ {
    let usual = distance(samples);
    samples.iter().enumerate().map(move |(index, &(at, value))| {
        let before = index.checked_sub(1).map_or(at - usual, |before| samples[before].0);
        let next = samples.get(index + 1).map_or(at + usual, |(next, _)| *next);
        let seconds = (next - at).min(LONGEST * usual) as f64;
        Sample { at, value, since: before.max(at - LONGEST * usual), seconds }
    })
}

/// What each block comes to; values are read `late`.
pub fn blocks(predicted: &Seen, recorded: &Samples, late: i64, blocks: Blocks) -> Vec<Block> {
    let mut all = vec![Block::default(); blocks.count];
    for Sample { at: time, value, since, seconds } in each(&recorded.replicas) {
        let block = &mut all[blocks.of(time)];
        let within = apart(&predicted.replicas, (since - late, time - late), value);
        if let Some((within, then)) = within.zip(at(&predicted.replicas, time - late)) {
            block.loss += (BRACKET * within + (1.0 - BRACKET) * (then - value).abs()) * seconds;
            block.seconds += seconds;
        }
        if let Some(now) = at(&predicted.replicas, time) {
            block.replicas += (now - value).abs() * seconds;
        }
    }
    if !recorded.restarts.is_empty() {
        restarts(&mut all, &predicted.restarts, recorded, blocks);
    }
    let Some(target) = recorded.target.filter(|target| *target > 0.0) else { return all };
    for Sample { at: time, value, since, seconds } in each(&recorded.utilization) {
        let apart = apart(&predicted.utilization, (since - late, time - late), value);
        if let Some((apart, replicas)) = apart.zip(at(&recorded.replicas, time)) {
            // So many replicas more are asked for by so many points.
            all[blocks.of(time)].loss += UTILIZATION * (apart - WHOLE).max(0.0) / target * replicas * seconds;
        }
    }
    all
}

/// Which pod a probe restarts is a matter of chance, and when: what a block of time counts is how unlikely as many are as there were,
/// where so many are expected. That is Poisson's deviance, halved, for they are few of many probes. Where more was asked of pods than
/// is recorded none are expected rightly: that time is left out.
fn restarts(all: &mut [Block], expected: &[(i64, f64)], recorded: &Samples, blocks: Blocks) {
    let (mut mean, mut had) = (vec![OTHERWISE; blocks.count], vec![0.0; blocks.count]);
    for pair in expected.windows(2).filter(|pair| !recorded.is_censored(pair[1].0)) {
        mean[blocks.of(pair[1].0)] += pair[1].1 - pair[0].1;
    }
    for (at, count) in recorded.restarts.iter().filter(|(at, _)| !recorded.is_censored(*at)) {
        had[blocks.of(*at)] += count;
    }
    for (block, (mean, had)) in all.iter_mut().zip(mean.into_iter().zip(had)) {
        let surprise: f64 = if had > 0.0 { had * (had / mean).ln() } else { 0.0 };
        block.loss += RESTART * (mean - had + surprise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(replicas: &[(i64, f64)]) -> Seen {
        Seen { replicas: replicas.to_vec(), ..Seen::default() }
    }

    #[test]
    fn a_sample_says_no_more_than_that_a_value_was_there_since_the_last_one() {
        let recorded = Samples { replicas: vec![(0, 3.0), (15, 3.0), (30, 6.0), (45, 6.0)], ..Samples::default() };
        let all = Blocks { end: 60, count: 1 };
        let loss = |changed: i64, late: i64| blocks(&seen(&[(0, 3.0), (changed, 6.0)]), &recorded, late, all)[0].loss;
        // Changed after the sample at 15 s and not after the one at 30 s; a second later three are missing for 15 s. Three were read at
        // 15 s, which counts half.
        assert_eq!([15, 16, 30, 31].map(|changed| loss(changed, 0)), [22.5, 0.0, 0.0, 45.0]);
        // Read five seconds late.
        assert_eq!([10, 11, 25, 26].map(|changed| loss(changed, 5)), [22.5, 0.0, 0.0, 45.0]);
        let found = blocks(&seen(&[(0, 3.0), (20, 5.0)]), &recorded, 0, Blocks { end: 60, count: 2 });
        assert_eq!(found.iter().map(|block| block.replicas).collect::<Vec<_>>(), [0.0, 30.0]);
    }
}
