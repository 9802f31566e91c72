//! Series on a grid of equal steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{About, Grid, Kind, Series, Signal};

/// A pod's namespace and name, as far as they are known.
type Pod = (Option<String>, Option<String>);

/// The samples of one thing, whichever series and files they come from.
pub(super) struct Merged {
    pub kind: Kind,
    /// Whether it is of a pod.
    pub is_of_pod: bool,
    /// Which one.
    pub pod: Pod,
    /// Milliseconds and values; of a counter all until then, resets added up.
    pub points: Vec<(i64, f64)>,
    /// How far samples are apart, milliseconds.
    pub distance: i64,
    /// Of a counter, whether what it had counted before its first sample may be of the time since the one before it would have been.
    pub begins: bool,
    /// The samples before which it began anew.
    pub resets: Vec<usize>,
}

impl Merged {
    /// The shortest distance of its samples.
    pub fn shortest(&self) -> Option<i64> {
        self.points.windows(2).map(|pair| pair[1].0 - pair[0].0).min()
    }

    /// From the first sample to the last, which for a value that holds is as long as the others.
    pub fn span(&self) -> Option<(i64, i64)> {
        let holds = if self.kind == Kind::Gauge && self.points.len() > 1 { self.distance } else { 0 };
        Some((self.points.first()?.0, self.points.last()?.0 + holds))
    }
}

/// Series of one signal, by what they are of. Where containers were measured, sums over the pod are left out, and what was
/// measured twice counts once.
pub(super) fn merge<'a>(
    series: impl Iterator<Item = &'a Series>,
    signal: &Signal,
    notes: &mut Vec<String>,
) -> Vec<Merged> {
    let mut by_thing: BTreeMap<About, Vec<&Series>> = BTreeMap::new();
    let is_of_containers = matches!(
        signal,
        Signal::Cpu
            | Signal::Memory
            | Signal::CpuPeriods
            | Signal::ThrottledPeriods
            | Signal::OomKills
            | Signal::Restarts
    );
    for one in series {
        let about = &one.about;
        // The container that holds a pod's network uses nothing that counts.
        if about.container.as_deref() == Some("POD") {
            continue;
        }
        // Of containers the other labels are of who measured them.
        let others = if is_of_containers && about.pod.is_some() { String::new() } else { about.others.clone() };
        let owner = if signal.is_summed() { about.owner.clone() } else { None };
        let container = about.container.clone().filter(|name| !name.is_empty());
        by_thing.entry(About { others, owner, container, ..about.clone() }).or_default().push(one);
    }
    let with_containers: BTreeSet<(Option<String>, Option<String>)> = by_thing
        .keys()
        .filter(|about| about.container.is_some())
        .map(|about| (about.namespace.clone(), about.pod.clone()))
        .collect();
    by_thing.retain(|about, _| {
        about.container.is_some()
            || about.pod.is_none()
            || !with_containers.contains(&(about.namespace.clone(), about.pod.clone()))
    });
    let mut twice = 0;
    let all = by_thing.into_iter().map(|(about, mut parts)| {
        parts.sort_by_key(|part| part.points.first().map(|(at, _)| *at));
        let mut points: Vec<(i64, f64)> = Vec::new();
        for part in &parts {
            let end = points.last().map_or(i64::MIN, |(at, _)| *at);
            let new = part.points.iter().filter(|(at, _)| *at > end);
            let before = points.len();
            points.extend(new);
            // Pieces of one series follow each other; what lies beside it was measured by another.
            let is_beside = end > i64::MIN && points.len() - before < part.points.len() / 2;
            twice += usize::from(is_beside);
        }
        let kind = parts.first().map_or(Kind::Gauge, |part| part.kind);
        let distance = median(points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()).unwrap_or(60_000).max(1);
        let resets = if kind == Kind::Counter { add_up(&mut points) } else { Vec::new() };
        let begins = begins(&points, distance);
        Merged {
            kind,
            is_of_pod: about.pod.is_some(),
            pod: (about.namespace, about.pod),
            points,
            distance,
            begins,
            resets,
        }
    });
    let mut all: Vec<Merged> = all.collect();
    // What is there for moments only, again and again, is sampled as often as the rest.
    let gaps = all.iter().flat_map(|one| one.points.windows(2).map(|pair| pair[1].0 - pair[0].0));
    let usual = median(gaps.collect()).unwrap_or(i64::MAX).max(1);
    for one in all.iter_mut().filter(|one| one.is_of_pod) {
        one.distance = one.distance.min(usual);
    }
    if twice > 0 {
        notes.push(format!("{signal}: {twice} series measure what another one measures, and count once"));
    }
    all
}

/// Whether the first value of a counter is no more than it counts in some distances of its samples later: otherwise it had counted
/// long before it was read.
fn begins(points: &[(i64, f64)], distance: i64) -> bool {
    let rates = points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0).max(1) as f64);
    let most = rates.fold(0.0, f64::max) * distance as f64;
    points.first().is_some_and(|(_, value)| *value <= LONG_BEFORE * most)
}

/// A container that begins may use more at first.
const LONG_BEFORE: f64 = 4.0;

pub(super) fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Makes a counter that begins anew go on; the samples before which it did.
fn add_up(points: &mut [(i64, f64)]) -> Vec<usize> {
    let (mut base, mut last, mut resets) = (0.0, 0.0, Vec::new());
    for (index, (_, value)) in points.iter_mut().enumerate() {
        if *value < last {
            base += last;
            resets.push(index);
        }
        last = *value;
        *value += base;
    }
    resets
}

/// Spans that touch are one.
fn united(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match all.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => all.push((from, to)),
        }
    }
    all
}

/// Without a sample for so many of their distances, a container that begins anew was away.
const AWAY: i64 = 2;

/// Two samples that follow each other: milliseconds and values.
type Piece = ((i64, f64), (i64, f64));

impl Grid {
    /// The start of a step, milliseconds.
    fn at(&self, step: usize) -> i64 {
        (self.start + step as i64 * self.step) * 1000
    }

    /// The step that an instant lies in, or would.
    fn step_of(&self, millis: i64) -> i64 {
        (millis - self.start * 1000).div_euclid(self.step * 1000)
    }

    /// From where to where what a counter counted is known. The first value of a pod that comes later counts, too.
    fn pieces(&self, one: &Merged) -> Vec<Piece> {
        let mut pairs: Vec<Piece> = one.points.windows(2).map(|pair| (pair[0], pair[1])).collect();
        // A container that was away for long before it began anew was not there, and used nothing.
        for index in one.resets.iter().filter_map(|index| index.checked_sub(1)) {
            let ((from, before), (to, _)) = pairs[index];
            if one.is_of_pod && to - from > AWAY * one.distance {
                pairs[index].0 = (to - one.distance, before);
            }
        }
        if let Some(&(at, value)) = one.points.first()
            && one.is_of_pod
            && one.begins
            && at > self.start * 1000 + one.distance * 3 / 2
        {
            pairs.insert(0, ((at - one.distance, 0.0), (at, value)));
        }
        // At either end of the recording what is nearest goes on, as far as a sample is away.
        let (begin, end) = (self.at(0), self.at(self.steps));
        if let Some(&((from, before), (to, after))) = pairs.first()
            && from > begin
            && from - begin <= one.distance * 3 / 2
            && to > from
        {
            let rate = (after - before) / (to - from) as f64;
            pairs.insert(0, ((begin, before - rate * (from - begin) as f64), (from, before)));
        }
        if let Some(&((from, before), (to, after))) = pairs.last()
            && to < end
            && to > from
        {
            // A pod that ends earlier lives for half a sample's distance more, as far as is known.
            let until = if end - to <= one.distance * 3 / 2 { end } else { to + one.distance / 2 };
            let rate = (after - before) / (to - from) as f64;
            if one.is_of_pod || until == end {
                pairs.push(((to, after), (until, after + rate * (until - to) as f64)));
            }
        }
        pairs
    }

    /// Adds what a counter counted to the steps, as rates a second.
    fn add_rates(&self, one: &Merged, sums: &mut [Option<f64>]) {
        for ((from, before), (to, after)) in self.pieces(one) {
            if to <= from {
                continue;
            }
            let rate = (after - before) / (to - from) as f64;
            let first = self.step_of(from).max(0);
            for step in first..=self.step_of(to - 1).min(self.steps as i64 - 1) {
                let (start, end) = (self.at(step as usize), self.at(step as usize + 1));
                let shared = (to.min(end) - from.max(start)).max(0) as f64;
                *sums[step as usize].get_or_insert(0.0) += rate * shared / self.step as f64;
            }
        }
    }

    /// How many pods were measured by counters, on average over each step.
    pub(super) fn measured(&self, all: &[Merged]) -> Vec<Option<f64>> {
        let mut spans: BTreeMap<&Pod, Vec<(i64, i64)>> = BTreeMap::new();
        for one in all.iter().filter(|one| one.is_of_pod && one.kind == Kind::Counter) {
            let pieces = self.pieces(one).into_iter().map(|((from, _), (to, _))| (from, to));
            spans.entry(&one.pod).or_default().extend(pieces);
        }
        let mut sums = vec![Some(0.0); self.steps];
        for (from, to) in spans.into_values().flat_map(united) {
            for step in self.step_of(from).max(0)..=self.step_of(to - 1).min(self.steps as i64 - 1) {
                let (start, end) = (self.at(step as usize), self.at(step as usize + 1));
                let shared = (to.min(end) - from.max(start)).max(0) as f64;
                *sums[step as usize].get_or_insert(0.0) += shared / (self.step * 1000) as f64;
            }
        }
        sums
    }

    /// Adds the means of values over the steps: each holds until the next, that of a pod for two distances of its samples at most.
    /// A pod is not there for all of a step; of anything else what is known of a step stands for all of it.
    fn add_means(&self, one: &Merged, sums: &mut [Option<f64>]) {
        let begin = self.at(0);
        let mut means = vec![(0.0, 0_i64); sums.len()];
        for (index, &(at, value)) in one.points.iter().enumerate() {
            // What has its first sample near the start was there at the start.
            let from = if index == 0 && at - begin <= one.distance * 3 / 2 { begin } else { at };
            let next = one.points.get(index + 1).map_or(at + one.distance, |(next, _)| *next);
            let to = if one.is_of_pod { next.min(at + 2 * one.distance) } else { next };
            let first = self.step_of(from).max(0);
            for step in first..=self.step_of(to - 1).min(self.steps as i64 - 1) {
                let (start, end) = (self.at(step as usize), self.at(step as usize + 1));
                let shared = (to.min(end) - from.max(start)).max(0);
                means[step as usize].0 += value * shared as f64;
                means[step as usize].1 += shared;
            }
        }
        for (sum, (total, known)) in sums.iter_mut().zip(means).filter(|(_, (_, known))| *known > 0) {
            let over = if one.is_of_pod { self.step * 1000 } else { known };
            *sum.get_or_insert(0.0) += total / over as f64;
        }
    }

    /// The values at the beginning of the steps; of several the largest.
    fn add_values(&self, one: &Merged, largest: &mut [Option<f64>]) {
        let mut next = 0;
        let mut held: Option<f64> = None;
        for (step, slot) in largest.iter_mut().enumerate() {
            // A sample within the first half of a step is of its beginning.
            let at = self.at(step) + (self.step * 500).min(one.distance / 2);
            while next < one.points.len() && one.points[next].0 <= at {
                held = Some(one.points[next].1);
                next += 1;
            }
            let Some(value) = held else { continue };
            *slot = Some(slot.map_or(value, |other| other.max(value)));
        }
    }

    pub(super) fn values(&self, signal: &Signal, all: &[Merged]) -> Vec<Option<f64>> {
        let mut sums = vec![None; self.steps];
        for one in all {
            match one.kind {
                Kind::Counter => self.add_rates(one, &mut sums),
                Kind::Gauge if signal.is_summed() => self.add_means(one, &mut sums),
                Kind::Gauge => self.add_values(one, &mut sums),
            }
        }
        sums
    }
}
