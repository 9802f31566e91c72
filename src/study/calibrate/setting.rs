//! What can be fitted, and to which values.

use crate::model::{Column, Delay, Drive, LoadSource, LoadTable, MetricSource, Target};
use crate::units::{Nanocores, Seconds, Span};

/// So many draws are tried; fewer where they are of restarts alone, which count as they are expected whatever is drawn.
const DRAWS: u32 = 24;
const FEWER_DRAWS: u32 = 6;

/// Seconds: a probe that is answered as slowly by a pod without work fails half of the time, by default.
const LONGEST_ANSWER: f64 = 1.5;

/// Of a range so much may be left for a setting to be known.
const WIDE: f64 = 0.8;

/// What is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// When the HPA syncs, seconds from the start of the load.
    SyncOffset,
    /// When metrics-server scrapes, seconds after the syncs.
    MetricOffset,
    /// When kubelets sample the pods of the start, seconds after the first sync.
    HousekeepingOffset,
    /// How often metrics-server scrapes, seconds.
    MetricResolution,
    /// How often Prometheus scrapes each pod, seconds.
    ScrapeInterval,
    /// When in its interval each pod is scraped, which answers to probes are late: one of several draws. Of no use by itself.
    Draw,
    /// How long a pod without work takes to answer a probe, seconds; 0 for no time at all.
    ProbeLatency,
    /// How long pods take to serve, seconds.
    Startup,
    /// How old recorded utilization was, seconds.
    RecordedAge,
    /// CPU of a request, core-seconds.
    CpuPerRequest,
    /// CPU of a pod without work, cores.
    BackgroundCpu,
    /// How long work waits before it is dropped, seconds; infinite for ever.
    QueueTimeout,
    /// Memory of a pod without load, bytes.
    MemoryBase,
    /// Memory for each request a second, bytes.
    MemoryPerRps,
    /// Memory that a pod gains in an hour, bytes.
    MemoryGrowth,
}

/// Where a setting stands in scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under `cluster`.
    Cluster,
    /// Under `load`.
    Load,
    /// Under `cluster`, but of one recording only: where periods happened to lie.
    Phase,
}

impl Setting {
    /// Its name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncOffset => "syncOffset",
            Self::MetricOffset => "metricOffset",
            Self::HousekeepingOffset => "housekeepingOffset",
            Self::MetricResolution => "metricResolution",
            Self::ScrapeInterval => "scrapeInterval",
            Self::Draw => "draw",
            Self::ProbeLatency => "probeLatency",
            Self::Startup => "startup",
            Self::RecordedAge => "recordedAge",
            Self::CpuPerRequest => "cpuPerRequest",
            Self::BackgroundCpu => "backgroundCpu",
            Self::QueueTimeout => "queueTimeout",
            Self::MemoryBase => "memoryBase",
            Self::MemoryPerRps => "memoryPerRps",
            Self::MemoryGrowth => "memoryGrowth",
        }
    }

    /// Where it stands.
    pub fn place(self) -> Place {
        match self {
            Self::SyncOffset | Self::MetricOffset | Self::HousekeepingOffset | Self::Draw => Place::Phase,
            Self::RecordedAge | Self::CpuPerRequest | Self::MemoryBase | Self::MemoryPerRps => Place::Load,
            _ => Place::Cluster,
        }
    }

    /// What would tell it, where a recording does not.
    pub fn asks_for(self) -> &'static str {
        match self {
            Self::SyncOffset => "record replicas at least every 5s while they change (`kubectl get hpa --watch`)",
            Self::MetricOffset | Self::HousekeepingOffset => {
                "record the HPA's utilization at least every 5s while it changes (`kubectl get hpa --watch`)"
            }
            Self::MetricResolution => "look at metrics-server's --metric-resolution, or record while the load changes",
            Self::Draw => "look at Prometheus' samples of each pod",
            Self::ProbeLatency => {
                "measure how long the probes' endpoint takes, or record restarts while pods use most of their CPU limit, but not all"
            }
            Self::ScrapeInterval => {
                "look at scrape_interval as Prometheus itself has it (/api/v1/status/config), or record while pods are added"
            }
            Self::Startup => {
                "record when pods are created, started and ready (kube-state-metrics' kube_pod_*), while they are added"
            }
            Self::RecordedAge => "record CPU of the pods itself (cAdvisor), whose times are known",
            Self::CpuPerRequest => "record requests and CPU over hours in which the number of requests changes",
            Self::BackgroundCpu => {
                "record CPU and requests over a time with few requests, and with several numbers of pods"
            }
            Self::QueueTimeout => "record a load that the pods cannot serve at once",
            Self::MemoryBase => "record memory (container_memory_working_set_bytes) and replicas",
            Self::MemoryPerRps => "record memory over hours in which the number of requests changes",
            Self::MemoryGrowth => "record memory over hours without a change of the number of pods",
        }
    }

    /// Whether it is something that somebody sets, or that happened to be so, and not only what lets the others be what they are.
    pub fn is_told(self) -> bool {
        self != Self::Draw
    }

    /// Whether there are values between those that are tried.
    pub fn is_continuous(self) -> bool {
        matches!(self, Self::CpuPerRequest | Self::BackgroundCpu | Self::ProbeLatency)
    }

    /// Whether it is one of those that bring chance into a simulation, so that what fits is what fits on average over draws.
    pub fn is_by_chance(self) -> bool {
        matches!(self, Self::ScrapeInterval | Self::ProbeLatency)
    }

    /// Whether it is known well enough from one value to another, such a part of all that are tried.
    pub fn is_narrow(self, (low, high): (f64, f64), part: f64) -> bool {
        match self {
            // The longest that is tried is no bound.
            Self::ProbeLatency => part < WIDE && high < LONGEST_ANSWER,
            Self::CpuPerRequest => part < WIDE && high <= low * 1.5,
            _ => part < WIDE,
        }
    }

    /// The values that are tried, of a target as it is set.
    pub fn values(self, target: &Target<'_>, sync_period: Span) -> Vec<f64> {
        let below = |period: Span| (0..period.seconds().max(1)).map(|second| second as f64).collect();
        match self {
            Self::SyncOffset => below(sync_period),
            Self::MetricOffset => below(target.cluster.metric_resolution),
            Self::HousekeepingOffset => below(target.cluster.housekeeping_interval.typical()),
            Self::MetricResolution => vec![15.0, 30.0, 60.0],
            // From the longest down to 1 ms.
            Self::ProbeLatency => {
                let steps = (0..=40).rev().map(|step| LONGEST_ANSWER / 1.2_f64.powi(step));
                std::iter::once(0.0).chain(steps).collect()
            }
            Self::Draw => {
                let is_scraped = target.hpa.metrics.iter().any(|metric| matches!(metric, MetricSource::Pods { .. }));
                (0..if is_scraped { DRAWS } else { FEWER_DRAWS }).map(f64::from).collect()
            }
            Self::ScrapeInterval => vec![5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0],
            Self::Startup => (0..=120).map(f64::from).collect(),
            Self::RecordedAge => (0..=90).map(f64::from).collect(),
            Self::QueueTimeout => (0..=60).map(|step| f64::from(step) * 2.0).chain([f64::INFINITY]).collect(),
            Self::CpuPerRequest => {
                let middle = target.drives.requests.map_or(0.02, |requests| requests.cpu_seconds);
                (-1200..=1200).map(|step| middle * 1.0025_f64.powi(step)).collect()
            }
            Self::BackgroundCpu => (0..=100).map(|step| f64::from(step) * 0.001).collect(),
            Self::MemoryBase | Self::MemoryPerRps | Self::MemoryGrowth => Vec::new(),
        }
    }

    /// Gives it a value.
    pub fn apply(self, value: f64, target: &mut Target<'_>, table: &mut LoadTable) {
        let span = Span::from_seconds(if value.is_finite() { value.round() as i64 } else { 0 });
        match self {
            Self::SyncOffset => target.phase.sync = span,
            Self::MetricOffset => target.phase.scrape = span,
            Self::HousekeepingOffset => target.phase.kubelet = span,
            Self::MetricResolution => target.cluster.metric_resolution = span,
            Self::ScrapeInterval => target.cluster.scrape_interval = span,
            Self::ProbeLatency => target.cluster.probe_latency = Seconds::new(value),
            Self::Startup => target.cluster.startup = Delay::Fixed(span).into(),
            Self::RecordedAge => *table = table.earlier(span),
            Self::CpuPerRequest => {
                if let (Drive::Demand { factor, .. }, true) = (&mut target.drives.cpu, target.drives.requests.is_some())
                {
                    *factor = value * Nanocores::PER_CORE;
                }
                if let Some(requests) = &mut target.drives.requests {
                    requests.cpu_seconds = value;
                }
            }
            Self::BackgroundCpu => {
                target.cluster.background_cpu =
                    format!("{}u", (value * 1e6).round() as i64).parse().unwrap_or_default();
            }
            Self::QueueTimeout => target.cluster.queue_timeout = value.is_finite().then_some(span),
            // What is drawn is the world's.
            Self::Draw | Self::MemoryBase | Self::MemoryPerRps | Self::MemoryGrowth => {}
        }
    }

    /// Those that the simulation is fitted by, of a target and its load; `measured` is known otherwise. Probes may have restarted
    /// containers if `are_restarted`.
    pub fn of(
        target: &Target<'_>,
        table: &LoadTable,
        are_restarted: bool,
        (measured, stated): (&[Self], &[Self]),
    ) -> Vec<Self> {
        let by_cpu = target.hpa.metrics.iter().any(|metric| metric.resource().is_some());
        let of_requests = target.drives.requests.is_some();
        let mut all = vec![Self::SyncOffset, Self::Startup];
        if by_cpu {
            all.extend([Self::MetricOffset, Self::HousekeepingOffset, Self::MetricResolution]);
        }
        if target.hpa.metrics.iter().any(|metric| matches!(metric, MetricSource::Pods { .. })) {
            all.push(Self::ScrapeInterval);
        }
        if are_restarted {
            all.push(Self::ProbeLatency);
        }
        let is_recorded = match target.drives.cpu {
            Drive::Recorded { .. } => true,
            Drive::Demand { column, .. } => table.columns().get(column) == Some(&Column::Cpu),
            _ => false,
        };
        if is_recorded {
            all.push(Self::RecordedAge);
        }
        if of_requests {
            all.extend([Self::CpuPerRequest, Self::BackgroundCpu]);
        }
        if matches!(target.drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. }) {
            all.push(Self::QueueTimeout);
        }
        all.retain(|one| !measured.contains(one) && !stated.contains(one));
        if all.iter().any(|one| one.is_by_chance()) {
            all.push(Self::Draw);
        }
        all
    }
}

/// A setting, and the values that are tried, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it is.
    pub setting: Setting,
    /// The values.
    pub values: Vec<f64>,
}

impl Axis {
    /// The index of the value that is nearest to one.
    pub fn nearest(&self, value: f64) -> usize {
        let apart = |index: &usize| (self.values[*index] - value).abs();
        if value.is_infinite() {
            return self.values.len() - 1;
        }
        (0..self.values.len()).min_by(|one, other| apart(one).total_cmp(&apart(other))).unwrap_or(0)
    }

    /// The value as it is in a target.
    pub fn current(&self, target: &Target<'_>) -> usize {
        let seconds = |span: Span| span.seconds() as f64;
        self.nearest(match self.setting {
            Setting::SyncOffset => seconds(target.phase.sync),
            Setting::MetricOffset => seconds(target.phase.scrape),
            Setting::HousekeepingOffset => seconds(target.phase.kubelet),
            Setting::MetricResolution => seconds(target.cluster.metric_resolution),
            Setting::ScrapeInterval => seconds(target.cluster.scrape_interval),
            Setting::ProbeLatency => target.cluster.probe_latency.get(),
            Setting::Startup => seconds(target.cluster.startup.delay().typical()),
            Setting::CpuPerRequest => target.drives.requests.map_or(0.0, |requests| requests.cpu_seconds),
            Setting::BackgroundCpu => target.cluster.background_cpu.get().as_f64(),
            Setting::QueueTimeout => target.cluster.queue_timeout.map_or(f64::INFINITY, seconds),
            Setting::Draw
            | Setting::RecordedAge
            | Setting::MemoryBase
            | Setting::MemoryPerRps
            | Setting::MemoryGrowth => 0.0,
        })
    }
}
