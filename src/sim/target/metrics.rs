//! The metrics pipeline: the kubelet samples each container at an interval of its own, metrics-server scrapes what the
//! kubelets have, and a pod's use is the average between the last two samples that it has seen.
//!
//! Mirrors `podStorage.Store` in metrics-server's `pkg/storage/pod.go`: a container without a second sample has no
//! metrics, but for one that was sampled 10 s or more after its start and less than the resolution, whose start counts as
//! the first sample; after a restart it begins again.

use super::usage::div_ceil;
use crate::model::{MetricSource, PodTemplate, ResourceName, Target};
use crate::units::{SimTime, Span};

/// How old a container must be for its start to count as a sample (`freshContainerMinMetricsResolution`).
const FRESH_AT_LEAST: Span = Span::from_seconds(10);

/// What the pipeline knows of one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scraped {
    /// The kubelet's last sample: when, and the memory then, bytes.
    latest: Option<(SimTime, i64)>,
    /// CPU between the sample that metrics-server saw last and the kubelet's last one, nanocore-seconds.
    unseen: i64,
    /// The same from the container's start on, as long as it is fresh.
    fresh: i64,
    /// The sample that metrics-server saw last.
    seen: Option<SimTime>,
    /// What the metrics API answers.
    pub sample: Option<Usage>,
}

/// When samples are taken and scraped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pipeline {
    /// The first scrape from the start of the simulation on.
    pub first_scrape: SimTime,
    /// The first sample of pods that are there at the start.
    pub first_sample: SimTime,
    /// The time between two scrapes.
    pub resolution: Span,
    /// The time between two samples; zero for a fresh one at every scrape.
    pub interval: Span,
}

impl Pipeline {
    /// Of a simulation that begins at `start`.
    pub fn of(target: &Target<'_>, start: SimTime) -> Self {
        let (cluster, phase) = (&target.cluster, target.phase);
        let within = |offset: Span, period: Span| {
            let late = (phase.sync + offset).seconds();
            start + Span::from_seconds(if period == Span::ZERO { 0 } else { late.rem_euclid(period.seconds()) })
        };
        let (resolution, interval) = (cluster.metric_resolution, cluster.housekeeping_interval.typical());
        let first_sample = within(phase.kubelet, interval);
        Self { first_scrape: within(phase.scrape, resolution), first_sample, resolution, interval }
    }
}

/// A pod's use between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// Nanocores.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    pub at: SimTime,
    pub window: Span,
}

impl Scraped {
    /// A pod that has used `cpu` nanocores and `memory` bytes for long until `now`, sampled as the pipeline has it; and what CPU it has
    /// used since the kubelet's last sample.
    pub fn steady(cpu: i64, memory: i64, now: SimTime, pipeline: &Pipeline) -> (Self, i64) {
        let used = |span: Span| cpu.saturating_mul(span.seconds());
        let scraped = pipeline.first_scrape - pipeline.resolution;
        let interval = pipeline.interval.seconds();
        // The last sample before an instant; the one at `now` is still to come.
        let before = |at: SimTime| {
            let late = (pipeline.first_sample - at).seconds();
            at - Span::from_seconds((interval - late.rem_euclid(interval)).rem_euclid(interval))
        };
        let (seen, latest) =
            if interval == 0 { (scraped, scraped) } else { (before(scraped), before(now - Span::from_seconds(1))) };
        let scraped = Self {
            latest: Some((latest, memory)),
            unseen: used(latest - seen),
            fresh: 0,
            seen: Some(seen),
            sample: Some(Usage { cpu, memory, at: seen, window: pipeline.resolution }),
        };
        (scraped, used(now - latest))
    }

    /// The kubelet samples a container that started at `started`, and has used so much CPU since its last sample, nanocore-seconds.
    pub fn kubelet_samples(&mut self, now: SimTime, (cpu, memory): (i64, i64), started: SimTime, resolution: Span) {
        self.unseen = self.unseen.saturating_add(cpu);
        self.fresh = if now - started < resolution { self.fresh.saturating_add(cpu) } else { 0 };
        self.latest = Some((now, memory));
    }

    /// metrics-server takes the kubelet's last sample; says whether its answer is another one, but for its time.
    #[inline]
    pub fn scrape(&mut self, started: Option<SimTime>, resolution: Span) -> bool {
        let (Some((at, memory)), Some(started)) = (self.latest, started) else {
            // Nothing runs: the pod is not in the answer any more.
            self.seen = None;
            return self.sample.take().is_some();
        };
        if self.seen == Some(at) {
            return false;
        }
        let age = at.seconds_since(started);
        let sample = if age >= FRESH_AT_LEAST.seconds() && age < resolution.seconds() {
            // The container is there before the second in which its start is noted, and the pod's readiness after it.
            Some(Usage { cpu: self.fresh / age, memory, at, window: Span::from_seconds(age + 1) })
        } else if let Some(seen) = self.seen {
            let window = at.seconds_since(seen);
            Some(Usage { cpu: self.unseen / window, memory, at, window: Span::from_seconds(window) })
        } else {
            None
        };
        self.seen = Some(at);
        self.unseen = 0;
        let values = |sample: &Option<Usage>| sample.map(|usage| (usage.cpu, usage.memory));
        let is_another = values(&sample) != values(&self.sample);
        self.sample = sample;
        is_another
    }

    /// Whether every sample of a pod says what the last one says, as long as it uses so much CPU and memory, nanocores and bytes,
    /// as it has `since` then. Its containers must have been up for long when the kubelet sampled it last.
    pub fn is_steady(&self, (cpu, memory): (i64, i64), (since, started): (SimTime, SimTime), resolution: Span) -> bool {
        let (Some(usage), Some((latest, remembered))) = (&self.sample, self.latest) else { return false };
        (usage.cpu, usage.memory, remembered) == (cpu, memory, memory)
            && self.seen == Some(usage.at)
            && usage.at.seconds_since(since.max(started)) >= usage.window.seconds()
            && latest.seconds_since(started) >= resolution.seconds()
    }

    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        self.sample.is_none() && self.seen.is_none() && self.latest.is_none()
    }

    /// When the kubelet sampled it last.
    pub fn latest(&self) -> Option<SimTime> {
        self.latest.map(|(at, _)| at)
    }

    /// metrics-server has seen a sample that says what the last one said, and `before` one of the same stretch, or none.
    pub fn sees_as_before(&mut self, at: SimTime, before: Option<SimTime>) {
        if let (Some(seen), Some(usage)) = (self.seen.filter(|seen| *seen != at), &mut self.sample) {
            usage.window = at - before.unwrap_or(seen);
            usage.at = at;
            self.seen = Some(at);
        }
    }

    /// The kubelet's last sample, of a pod that goes on as it was until an instant; says what CPU it has used since.
    pub fn goes_on(&mut self, latest: SimTime, end: SimTime) -> i64 {
        let cpu = self.sample.map_or(0, |usage| usage.cpu);
        let used = |from: SimTime, until: SimTime| cpu.saturating_mul(until.seconds_since(from));
        self.unseen = self.seen.map_or(0, |seen| used(seen, latest));
        if let Some((at, _)) = &mut self.latest {
            *at = latest;
        }
        used(latest, end)
    }

    /// metrics-server has forgotten what it knew.
    pub fn forget(&mut self) {
        self.sample = None;
        self.seen = None;
        self.unseen = 0;
    }

    /// The container has died; what metrics-server knows, it knows until its next scrape.
    pub fn restarts(&mut self) {
        *self = Self { sample: self.sample, ..Self::default() };
    }
}

/// How a metric of the HPA is read.
#[derive(Clone, Debug)]
pub(super) enum MetricReader {
    /// Use of the pod or of one container: the part of the pod's CPU and memory that is measured, in
    /// shares of the containers' requests.
    Cpu(Shares),
    /// Memory likewise.
    Memory(Shares),
    /// A Pods metric: a column of the load, shared by the pods that serve.
    Shared(usize),
    /// A Pods metric: the requests that each pod serves a second.
    Served,
    /// An Object or External metric: a column of the load as it is.
    Value(usize),
    /// Nothing is known of it.
    Unknown,
}

/// The parts of a pod's use that are measured.
#[derive(Clone, Debug)]
pub(super) enum Shares {
    /// All of it, in one.
    Whole,
    /// One for each container.
    Of(Vec<f64>),
}

impl Shares {
    fn of(shares: Vec<f64>) -> Self {
        if shares == [1.0] { Self::Whole } else { Self::Of(shares) }
    }

    /// What the metrics API gives for a pod's use, in thousandths: each container rounded by itself, then added.
    fn sum(&self, amount: i64, thousandths: impl Fn(i64) -> i64) -> i64 {
        match self {
            // No rounding of shares.
            Self::Whole => thousandths(amount),
            Self::Of(shares) => shares.iter().map(|share| thousandths((amount as f64 * share).round() as i64)).sum(),
        }
    }

    /// Of CPU, nanocores.
    pub fn of_cpu(&self, nanocores: i64) -> i64 {
        self.sum(nanocores, |nanocores| div_ceil(nanocores, 1_000_000))
    }

    /// Of memory, bytes.
    pub fn of_memory(&self, bytes: i64) -> i64 {
        self.sum(bytes, |bytes| bytes.saturating_mul(1000))
    }
}

impl MetricReader {
    /// How to read a metric. `column` is that of the load for custom metrics; a Pods metric without one is what the pods serve, if the
    /// load is made of requests.
    pub fn of(source: &MetricSource, template: &PodTemplate, column: Option<usize>, of_requests: bool) -> Self {
        let (container, name) = match source {
            MetricSource::Resource { name, .. } => (None, name),
            MetricSource::ContainerResource { container, name, .. } => (Some(container.as_str()), name),
            MetricSource::Pods { .. } => {
                let served = if of_requests { Self::Served } else { Self::Unknown };
                return column.map_or(served, Self::Shared);
            }
            MetricSource::Object { .. } | MetricSource::External { .. } => {
                return column.map_or(Self::Unknown, Self::Value);
            }
        };
        let shares = template.shares(container, name.as_str());
        match name {
            _ if shares.is_empty() => Self::Unknown,
            ResourceName::Cpu => Self::Cpu(Shares::of(shares)),
            ResourceName::Memory => Self::Memory(Shares::of(shares)),
            ResourceName::Other(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SimTime {
        SimTime::from_seconds(seconds)
    }

    const RESOLUTION: Span = Span::from_seconds(15);

    /// The kubelet samples at 1, 11, 21, ... s after the start of a pod that uses a core; metrics-server scrapes at 15 s
    /// intervals.
    fn samples(first_scrape: i64) -> Vec<Option<(i64, i64, i64)>> {
        let mut scraped = Scraped::default();
        let mut seen = Vec::new();
        let mut used = 0;
        for second in 1..=50 {
            used += 1_000;
            if second % 10 == 1 {
                scraped.kubelet_samples(at(second), (std::mem::take(&mut used), 7), at(0), RESOLUTION);
            }
            if second >= first_scrape && (second - first_scrape) % 15 == 0 {
                scraped.scrape(Some(at(0)), RESOLUTION);
                seen.push(scraped.sample.map(|usage| (usage.at.seconds(), usage.window.seconds(), usage.cpu)));
            }
        }
        seen
    }

    #[test]
    fn a_container_has_metrics_from_its_second_sample_on() {
        // One of 1 s is too young; then 10 s or 20 s apart, as the two intervals fall.
        assert_eq!(samples(5), [None, Some((11, 12, 1_000)), Some((31, 20, 1_000)), Some((41, 10, 1_000))]);
        // Old enough at the first scrape: its start counts as the first sample.
        assert_eq!(samples(12), [Some((11, 12, 1_000)), Some((21, 10, 1_000)), Some((41, 20, 1_000))]);
    }

    #[test]
    fn after_a_restart_it_begins_again() {
        let mut scraped = Scraped::default();
        let passes = |scraped: &mut Scraped, until: i64| {
            scraped.kubelet_samples(at(until), (10_000, 7), at(until - 100), RESOLUTION);
            scraped.scrape(Some(at(until - 100)), RESOLUTION);
        };
        passes(&mut scraped, 100);
        passes(&mut scraped, 115);
        assert!(scraped.sample.is_some());
        scraped.restarts();
        assert!(scraped.sample.is_some(), "metrics-server does not know yet");
        scraped.scrape(None, RESOLUTION);
        assert_eq!(scraped.sample, None);
    }

    #[test]
    fn a_steady_pod_looks_the_same_whatever_the_phases() {
        for (offset, kubelet_offset) in [(0, 0), (3, 9), (14, 5), (7, 0)] {
            let pipeline = Pipeline {
                first_scrape: at(offset),
                first_sample: at(kubelet_offset),
                resolution: RESOLUTION,
                interval: Span::from_seconds(10),
            };
            let (mut scraped, mut used) = Scraped::steady(1_000, 7, at(0), &pipeline);
            for second in 0..60 {
                if second % 10 == kubelet_offset {
                    scraped.kubelet_samples(at(second), (std::mem::take(&mut used), 7), at(-86_400), RESOLUTION);
                }
                if second % 15 == offset {
                    scraped.scrape(Some(at(-86_400)), RESOLUTION);
                }
                assert_eq!(scraped.sample.map(|usage| usage.cpu), Some(1_000), "{pipeline:?} at {second}");
                used += 1_000;
            }
        }
    }
}
