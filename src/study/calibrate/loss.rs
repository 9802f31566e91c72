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
    /// Whether pods were short of CPU in some of that time, so that more may have been asked of them than they did.
    pub is_censored: bool,
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
/// What a restart more or less counts, replica-seconds: about as long as a pod is away for it.
const RESTART: f64 = 30.0;
/// A sample says that a value was there since the last one, and that it was there when it was read: how much the first counts, since
/// readings are late by one second or four.
const BRACKET: f64 = 0.5;
/// A gap of more usual distances than this is one.
const LONGEST: i64 = 3;

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
        restarts(&mut all, &predicted.restarts, &recorded.restarts, blocks);
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

/// Which pod a probe restarts is a matter of chance: of a block of time it counts how many there were.
fn restarts(all: &mut [Block], predicted: &[(i64, f64)], recorded: &[(i64, f64)], blocks: Blocks) {
    let mut more = vec![0.0; blocks.count];
    for pair in predicted.windows(2) {
        more[blocks.of(pair[1].0)] += pair[1].1 - pair[0].1;
    }
    for (at, count) in recorded {
        more[blocks.of(*at)] -= count;
    }
    for (block, more) in all.iter_mut().zip(more) {
        block.loss += RESTART * more.abs();
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
