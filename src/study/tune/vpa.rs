//! What the Vertical Pod Autoscaler would recommend, and what comes of it beside an HPA.
//!
//! Mirrors `logic/estimator.go`, `logic/recommender.go`, `util/histogram.go`, `util/decaying_histogram.go` and
//! `model/aggregations_config.go` of `vertical-pod-autoscaler/pkg/recommender`, with the defaults of its flags, as of August 2026 (every CPU sample
//! weighs the same; up to 2025 it weighed what its container requested). Pods do not differ in what they use, which is what they use on average; each has its own days
//! from its first sample on, of which the peak of memory counts, and those that came last go first.

use super::field::Subject;
use super::template::{Asked, Resource};
use crate::model::{PodTemplate, Target};
use crate::sim::{Listen, SyncRecord};
use crate::units::Quantity;

/// Buckets grow by this part from one to the next.
const GROWTH: f64 = 1.05;
/// A sample loses half of its weight in a day; memory has a peak a day; and so much has to be known to be sure of bounds, seconds.
const DAY: i64 = 86_400;
/// The metrics are read so often, seconds.
const INTERVAL: i64 = 60;
/// Weights are kept within what a float holds: so many half-lives.
const MOST_HALF_LIVES: f64 = 100.0;
/// `--recommendation-margin-fraction`.
const MARGIN: f64 = 0.15;
/// `--target-cpu-percentile` and its bounds; those of memory are the same.
const PERCENTILES: [f64; 3] = [0.5, 0.9, 0.95];
/// `--pod-recommendation-min-cpu-millicores`, and of memory MiB, of all containers together.
const LEAST: [f64; 2] = [25.0, 250.0 * 1_048_576.0];

/// A histogram whose samples lose weight as they age.
#[derive(Clone, Debug)]
struct Histogram {
    first: f64,
    weights: Vec<f64>,
    total: f64,
    reference: Option<i64>,
}

impl Histogram {
    /// Up to a largest value, with a first bucket of such a size.
    fn new(largest: f64, first: f64) -> Self {
        let buckets = (largest * (GROWTH - 1.0) / first + 1.0).ln() / GROWTH.ln();
        Self { first, weights: vec![0.0; buckets.ceil() as usize + 1], total: 0.0, reference: None }
    }

    fn bucket(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        let bucket = (value * (GROWTH - 1.0) / self.first + 1.0).ln() / GROWTH.ln();
        (bucket as usize).min(self.weights.len() - 1)
    }

    fn start(&self, bucket: usize) -> f64 {
        self.first * (GROWTH.powi(bucket as i32) - 1.0) / (GROWTH - 1.0)
    }

    fn add(&mut self, at: i64, value: f64, weight: f64) {
        let age = |reference: i64| (at - reference) as f64 / DAY as f64;
        let mut exponent = age(*self.reference.get_or_insert(at));
        if exponent > MOST_HALF_LIVES {
            let factor = (-exponent).exp2();
            self.weights.iter_mut().for_each(|weight| *weight *= factor);
            (self.total, self.reference, exponent) = (self.total * factor, Some(at), 0.0);
        }
        let bucket = self.bucket(value);
        self.weights[bucket] += weight * exponent.exp2();
        self.total += weight * exponent.exp2();
    }

    /// The end of the bucket in which a part of the weight is reached.
    fn percentile(&self, part: f64) -> f64 {
        let Some(last) = self.weights.iter().rposition(|weight| *weight > 0.0) else { return 0.0 };
        let mut sum = 0.0;
        let reached = self.weights[..last].iter().position(|weight| {
            sum += weight;
            *weight > 0.0 && sum >= part * self.total
        });
        self.start((reached.unwrap_or(last) + 1).min(self.weights.len() - 1))
    }
}

/// What is recommended for a container: millicores or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Below this its pods are replaced.
    pub lower: i64,
    /// What is set.
    pub target: i64,
    /// Above this they are replaced.
    pub upper: i64,
}

/// What is recommended for a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommended {
    /// Its name.
    pub container: String,
    /// CPU.
    pub cpu: Estimate,
    /// Memory, where it is known how much is used.
    pub memory: Option<Estimate>,
}

/// A container as it was seen.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    /// Its parts of what a pod uses of CPU and memory.
    shares: [f64; 2],
    cpu: Histogram,
    memory: Histogram,
    /// Of each pod its day.
    days: Vec<Day>,
}

/// A day of a pod: when it ends, and the most memory that was used so far, bytes.
#[derive(Clone, Copy, Debug)]
struct Day {
    end: i64,
    peak: f64,
}

/// Sees the pods of a target as the recommender does.
#[derive(Clone, Debug)]
pub(super) struct Observer {
    containers: Vec<Seen>,
    /// Since when, seconds, and what has been used since: nanocore-seconds of a pod.
    since: i64,
    before: i64,
    used: f64,
    samples: f64,
    /// The times of the first sample and the last.
    seen: Option<(i64, i64)>,
}

impl Observer {
    pub fn new(target: &Target<'_>) -> Self {
        let template = &target.workload.template;
        let shares = Resource::ALL.map(|resource| template.shares(None, resource.name()));
        let of = |(index, name): (usize, &str)| Seen {
            name: name.to_owned(),
            shares: [shares[0][index], shares[1][index]],
            cpu: Histogram::new(1000.0, 0.01),
            memory: Histogram::new(1e12, 1e7),
            days: Vec::new(),
        };
        let containers = template.running().map(|container| container.name.as_str()).enumerate().map(of).collect();
        Self { containers, since: 0, before: 0, used: 0.0, samples: 0.0, seen: None }
    }

    /// What it recommends after what it has seen.
    pub fn recommended(mut self) -> Vec<Recommended> {
        let count = self.containers.len().max(1) as f64;
        let days = self.seen.map_or(0.0, |(first, last)| (last - first) as f64 / DAY as f64);
        let confidence = days.min(self.samples / (DAY as f64 / 60.0));
        let of = |seen: &mut Seen| {
            seen.keep(0);
            let estimate = |histogram: &Histogram, unit: f64, least: f64| {
                // Amounts are whole numbers, and cut off wherever they are multiplied.
                let [lower, target, upper] = PERCENTILES.map(|part| {
                    let base = (histogram.percentile(part) * unit).trunc();
                    base + (base * MARGIN).trunc()
                });
                let lower = (lower * (1.0 + 0.001 / confidence).powi(-2)).trunc();
                let upper = (upper * (1.0 + 1.0 / confidence)).trunc();
                let [lower, target, upper] =
                    [lower, target, upper].map(|value| value.max((least / count).trunc()) as i64);
                Estimate { lower, target, upper }
            };
            Recommended {
                container: seen.name.clone(),
                cpu: estimate(&seen.cpu, 1000.0, LEAST[0]),
                memory: (seen.memory.total > 0.0).then(|| estimate(&seen.memory, 1.0, LEAST[1])),
            }
        };
        self.containers.iter_mut().map(of).collect()
    }

    /// So many pods use so many cores and so many bytes each.
    fn sample(&mut self, now: i64, pods: i32, [cores, bytes]: [f64; 2]) {
        self.samples += f64::from(pods);
        self.seen = Some((self.seen.map_or(now, |(first, _)| first), now));
        for container in &mut self.containers {
            container.cpu.add(now, cores * container.shares[0], f64::from(pods));
            container.keep(pods as usize);
            container.use_memory(now, pods as usize, bytes * container.shares[1]);
        }
    }
}

impl Seen {
    /// So many pods at most stay.
    fn keep(&mut self, pods: usize) {
        for day in self.days.drain(pods.min(self.days.len())..) {
            day.counts(&mut self.memory);
        }
    }

    /// So many pods use so much each.
    fn use_memory(&mut self, now: i64, pods: usize, bytes: f64) {
        for day in &mut self.days {
            if now >= day.end {
                day.counts(&mut self.memory);
                *day = Day { end: day.end + DAY * ((now - day.end) / DAY + 1), peak: 0.0 };
            }
        }
        self.days.resize(pods, Day { end: now + DAY, peak: 0.0 });
        for day in &mut self.days {
            day.peak = day.peak.max(bytes);
        }
    }
}

impl Day {
    /// Its peak is of the time at which it ends.
    fn counts(&self, memory: &mut Histogram) {
        if self.peak > 0.0 {
            memory.add(self.end, self.peak, 1.0);
        }
    }
}

impl Listen for Observer {
    fn listens(&self) -> bool {
        true
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let now = record.now.seconds();
        let pods = record.pods.ready;
        let ready = f64::from(pods);
        if pods > 0 {
            self.used += record.resources.cpu_used.get() as f64 / ready * (now - self.before) as f64;
        }
        self.before = now;
        if now - self.since < INTERVAL || pods <= 0 {
            return;
        }
        let cores = self.used / (now - self.since) as f64 / 1e9;
        let memory = record.resources.memory_used.get() as f64 / ready;
        (self.since, self.used) = (now, 0.0);
        self.sample(now, pods, [cores, memory]);
    }
}

/// A subject whose containers request what is recommended; limits keep their proportion to requests, as VPA's `RequestsAndLimits` does by default.
/// Of what is known to be a share of the requests only nothing is followed: it would shrink with them.
pub(super) fn followed<'a>(subject: &Subject<'a>, all: &[Recommended], known: [bool; 2]) -> Subject<'a> {
    let mut after = subject.clone();
    let template = &mut after.workload.to_mut().template;
    for one in all {
        if known[0] {
            set(template, &one.container, Resource::Cpu, Quantity::from_milli(one.cpu.target));
        }
        if let Some(memory) = one.memory.filter(|_| known[1]) {
            set(
                template,
                &one.container,
                Resource::Memory,
                Quantity::from_milli_binary(memory.target.saturating_mul(1000)),
            );
        }
    }
    after
}

fn set(template: &mut PodTemplate, container: &str, resource: Resource, request: Quantity) {
    let name = resource.name();
    let all = template.containers.iter_mut().chain(&mut template.init_containers);
    for container in all.filter(|one| one.name == container) {
        let Some(own) = container.request(name) else { continue };
        if let Some(limit) = container.limit(name) {
            let value = limit.ratio(own) * resource.value(request) as f64;
            container.limits.set(name, resource.quantity(value.ceil() as i64), None);
        }
        container.requests.set(name, request, None);
    }
}

/// What comes of following it, while the HPA stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// What a pod requests: millicores, and MiB.
    pub requests: [i64; 2],
    /// What that comes to.
    pub score: super::Score,
    /// Pods on average.
    pub pods: f64,
    /// What it recommends when it has seen that.
    pub recommended: Vec<Recommended>,
}

/// What a pod requests: millicores, and MiB.
pub fn requests(subject: &Subject<'_>) -> [i64; 2] {
    Resource::ALL.map(|resource| Asked::Request.total(&subject.workload.template, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What upstream's own recommender said of the same samples: `logic`, `model` and `util` as of 55c37cd, compiled and fed by hand.
    #[test]
    fn what_upstream_recommends_is_recommended() {
        let constant = |pods: i32| move |_: f64| pods;
        let by_day = |day: f64| 3 + (5.0 * (1.0 - (day - 0.5).abs() * 4.0).max(0.0)) as i32;
        assert_eq!(seen(1, 1, constant(1)), ([322, 813, 1728], [510_750_264, 511_772_986, 1_023_901_616]));
        assert_eq!(seen(3, 2, constant(4)), ([322, 813, 1152], [716_233_506, 716_711_186, 955_670_229]));
        assert_eq!(seen(5, 3, by_day), ([441, 864, 1104], [813_423_634, 920_733_364, 1_104_905_616]));
        // Beyond a hundred days weights are scaled down.
        assert_eq!(seen(120, 4, constant(3)), ([322, 813, 871], [12_337_336_793, 12_337_542_418, 12_440_355_866]));
    }

    /// What is recommended after so many days of samples that are drawn from a seed.
    fn seen(days: i64, seed: u64, pods: impl Fn(f64) -> i32) -> ([i64; 3], [i64; 3]) {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let container = Seen {
            name: "web".to_owned(),
            shares: [1.0, 1.0],
            cpu: Histogram::new(1000.0, 0.01),
            memory: Histogram::new(1e12, 1e7),
            days: Vec::new(),
        };
        let mut observer =
            Observer { containers: vec![container], since: 0, before: 0, used: 0.0, samples: 0.0, seen: None };
        for at in (1..=days * DAY / INTERVAL).map(|minute| minute * INTERVAL) {
            let day = (at % DAY) as f64 / DAY as f64;
            let cores = 0.1 + 0.6 * (1.0 - (day - 0.5).abs() * 4.0).max(0.0) + 0.2 * draw();
            let mib = 200.0 + 150.0 * draw() * draw() + 80.0 * (at as f64 / DAY as f64);
            observer.sample(at, pods(day), [cores, mib * 1_048_576.0]);
        }
        let all = observer.recommended();
        let each = |one: Estimate| [one.lower, one.target, one.upper];
        (each(all[0].cpu), each(all[0].memory.unwrap()))
    }

    #[test]
    fn percentiles_are_ends_of_buckets_that_grow() {
        let mut histogram = Histogram::new(1000.0, 0.01);
        // The number of buckets of upstream's options: ceil(log(1000 * 0.05 / 0.01 + 1, 1.05)) + 1.
        assert_eq!(histogram.weights.len(), 176);
        assert_eq!(histogram.percentile(0.9), 0.0);
        // Buckets end at 0.01, 0.0205, 0.031525, ...
        for (value, weight) in [(0.005, 1.0), (0.015, 2.0), (0.025, 3.0), (0.04, 4.0)] {
            histogram.add(7, value, weight);
        }
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-9, "{one} {other}");
        near(histogram.percentile(0.1), 0.01);
        near(histogram.percentile(0.3), 0.0205);
        near(histogram.percentile(0.31), 0.031_525);
        near(histogram.percentile(0.6), 0.031_525);
        near(histogram.percentile(1.0), 0.043_101_25);
        // A day later a sample weighs twice as much: seven of seventeen are below.
        let mut aged = Histogram::new(1000.0, 0.01);
        aged.add(0, 0.005, 7.0);
        aged.add(DAY, 0.015, 5.0);
        near(aged.percentile(0.41), 0.01);
        near(aged.percentile(0.42), 0.0205);
        // What is very old is not too heavy for a float.
        aged.add(2000 * DAY, 0.025, 1.0);
        near(aged.percentile(0.001), 0.031_525);
    }
}
