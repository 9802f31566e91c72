//! What the Vertical Pod Autoscaler would recommend, and what comes of it beside an HPA.
//!
//! Mirrors `logic/estimator.go`, `logic/recommender.go`, `util/histogram.go`, `util/decaying_histogram.go` and
//! `model/aggregations_config.go` of `vertical-pod-autoscaler/pkg/recommender`, with the defaults of its flags, as of August 2026 (every CPU sample
//! weighs the same; up to 2025 it weighed what its container requested). Pods are not told apart: each is taken to use what all of them use on
//! average, and to have that day's peak.

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
    /// The highest of this day, and the day.
    peak: (i64, f64),
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
    pods: f64,
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
            peak: (0, 0.0),
        };
        let containers = template.running().map(|container| container.name.as_str()).enumerate().map(of).collect();
        Self { containers, since: 0, before: 0, used: 0.0, samples: 0.0, pods: 0.0 }
    }

    /// What it recommends after so long, seconds.
    pub fn recommended(mut self, end: i64) -> Vec<Recommended> {
        let (pods, count) = (self.pods, self.containers.len().max(1) as f64);
        let confidence = (end as f64 / DAY as f64).min(self.samples / (DAY as f64 / 60.0));
        let of = |seen: &mut Seen| {
            seen.take_peak(pods);
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
}

impl Seen {
    /// The day's peak, once for each pod.
    fn take_peak(&mut self, pods: f64) {
        let (day, peak) = self.peak;
        if peak > 0.0 {
            // Its time is the end of the day.
            self.memory.add((day + 1) * DAY, peak, pods);
        }
        self.peak.1 = 0.0;
    }
}

impl Listen for Observer {
    fn listens(&self) -> bool {
        true
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let now = record.now.seconds();
        let ready = f64::from(record.pods.ready);
        if ready > 0.0 {
            self.used += record.resources.cpu_used.get() as f64 / ready * (now - self.before) as f64;
        }
        self.before = now;
        if now - self.since < INTERVAL || ready <= 0.0 {
            return;
        }
        let cores = self.used / (now - self.since) as f64 / 1e9;
        let memory = record.resources.memory_used.get() as f64 / ready;
        (self.since, self.used) = (now, 0.0);
        self.samples += ready;
        self.pods = self.pods.max(ready);
        for container in &mut self.containers {
            container.cpu.add(now, cores * container.shares[0], ready);
            let day = now / DAY;
            if day != container.peak.0 {
                container.take_peak(self.pods);
                container.peak.0 = day;
            }
            container.peak.1 = container.peak.1.max(memory * container.shares[1]);
        }
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
