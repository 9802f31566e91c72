//! The metrics pipeline in its simple form: every pod is scraped at a fixed interval; its use is the average
//! between the last two scrapes, so that a new pod has no sample until its second.

use super::usage::div_ceil;
use crate::hpa::Sample;
use crate::model::{ClusterConfig, Container, MetricSource, PodTemplate, ResourceName};
use crate::units::{SimTime, Span};

/// What the pipeline knows of one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scraped {
    /// The last scrape.
    last: Option<SimTime>,
    /// CPU used since the last scrape, nanocore-seconds.
    pub cpu_since: i64,
    /// The latest sample.
    pub sample: Option<Usage>,
}

/// A pod's use between two scrapes.
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
    /// A pod that has used `cpu` nanocores and `memory` bytes for long until `start`, scraped as the settings have it.
    pub fn steady(cpu: i64, memory: i64, start: SimTime, cluster: &ClusterConfig) -> Self {
        let window = cluster.metric_resolution;
        let last = start - window + cluster.metric_offset;
        let cpu_since = cpu.saturating_mul((start - last).seconds());
        Self { last: Some(last), cpu_since, sample: Some(Usage { cpu, memory, at: last, window }) }
    }

    /// A scrape.
    pub fn scrape(&mut self, now: SimTime, memory: i64) {
        if let Some(last) = self.last.filter(|&last| last < now) {
            let window = now - last;
            self.sample = Some(Usage { cpu: self.cpu_since / window.seconds(), memory, at: now, window });
        }
        self.last = Some(now);
        self.cpu_since = 0;
    }
}

/// How a metric of the HPA is read.
#[derive(Clone, Debug)]
pub(super) enum Probe {
    /// Use of the pod or of one container: the part of the pod's CPU and memory that is measured, in
    /// shares of the containers' requests.
    Cpu(Vec<f64>),
    /// Memory likewise.
    Memory(Vec<f64>),
    /// A Pods metric: a column of the load, shared by the pods that serve.
    Shared(usize),
    /// An Object or External metric: a column of the load as it is.
    Value(usize),
    /// Nothing is known of it.
    Unknown,
}

impl Probe {
    /// How to read a metric. `column` is that of the load for custom metrics.
    pub fn of(source: &MetricSource, template: &PodTemplate, column: Option<usize>) -> Self {
        let (container, name) = match source {
            MetricSource::Resource { name, .. } => (None, name),
            MetricSource::ContainerResource { container, name, .. } => (Some(container.as_str()), name),
            MetricSource::Pods { .. } => return column.map_or(Self::Unknown, Self::Shared),
            MetricSource::Object { .. } | MetricSource::External { .. } => {
                return column.map_or(Self::Unknown, Self::Value);
            }
        };
        let shares = shares(template, container, name.as_str());
        match name {
            _ if shares.is_empty() => Self::Unknown,
            ResourceName::Cpu => Self::Cpu(shares),
            ResourceName::Memory => Self::Memory(shares),
            ResourceName::Other(_) => Self::Unknown,
        }
    }

    /// The sample that the metrics API gives for a pod's use: each container rounded up to
    /// thousandths, as the HPA's client does, then added.
    pub fn sample(&self, usage: &Usage) -> Option<Sample> {
        let value = match self {
            Self::Cpu(shares) => sum(shares, usage.cpu, |nanocores| div_ceil(nanocores, 1_000_000)),
            Self::Memory(shares) => sum(shares, usage.memory, |bytes| bytes.saturating_mul(1000)),
            _ => return None,
        };
        Some(Sample { value, at: usage.at, window: usage.window })
    }
}

fn sum(shares: &[f64], amount: i64, thousandths: impl Fn(i64) -> i64) -> i64 {
    match shares {
        // All of it: no rounding of shares.
        [share] if *share == 1.0 => thousandths(amount),
        shares => shares.iter().map(|share| thousandths((amount as f64 * share).round() as i64)).sum(),
    }
}

/// The shares of a pod's use that the measured containers have: in proportion to their requests, or equal
/// if there are none. Empty if there is no such container.
fn shares(template: &PodTemplate, container: Option<&str>, resource: &str) -> Vec<f64> {
    let request = |c: &Container| c.request(resource).map_or(0, |r| r.milli_value()) as f64;
    let total: f64 = template.running().map(request).sum();
    template
        .running()
        .filter(|c| container.is_none_or(|name| name == c.name))
        .map(|c| if total > 0.0 { request(c) / total } else { 1.0 / template.running().count() as f64 })
        .collect()
}
