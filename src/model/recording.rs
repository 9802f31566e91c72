//! Recordings: what measured a cluster or a load test, as series of samples.

use std::collections::BTreeMap;
use std::fmt;

use super::Column;
use crate::units::Clock;

/// What a series measures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// CPU that pods use, cores; of a counter core-seconds.
    Cpu,
    /// Memory that pods use (the working set), bytes.
    Memory,
    /// Requests a second; of a counter requests.
    Rps,
    /// Clients that each wait for their answer.
    Clients,
    /// What the answers took together, seconds; only as a counter, beside one of requests.
    ResponseSeconds,
    /// Average CPU utilization as the HPA saw it, percent of the request.
    CpuUtilization,
    /// Average memory utilization as the HPA saw it, percent of the request.
    MemoryUtilization,
    /// Replicas that the HPA wants.
    DesiredReplicas,
    /// Replicas that there are.
    CurrentReplicas,
    /// Replicas that are ready.
    ReadyReplicas,
    /// The HPA's `minReplicas` and `maxReplicas`.
    MinReplicas,
    /// See `MinReplicas`.
    MaxReplicas,
    /// The HPA's targets of CPU and memory utilization, percent of the request.
    CpuTarget,
    /// See `CpuTarget`.
    MemoryTarget,
    /// Periods of the CPU limit.
    CpuPeriods,
    /// Those of them in which a container was throttled.
    ThrottledPeriods,
    /// Pods whose CPU was measured.
    MeasuredPods,
    /// Restarts of containers.
    Restarts,
    /// Containers killed for want of memory.
    OomKills,
    /// When a pod was created, seconds since 1970.
    PodCreated,
    /// When a pod was given to a node, seconds since 1970.
    PodScheduled,
    /// When a pod's containers were started, seconds since 1970.
    PodStarted,
    /// When a pod became ready, seconds since 1970.
    PodReady,
    /// The value of a custom or external metric.
    Metric(String),
}

impl Signal {
    /// Those that have a name of their own, with the names that `MEANING=FILE` and `--column` take.
    pub const NAMED: [(&'static str, Self); 10] = [
        ("cpu", Self::Cpu),
        ("memory", Self::Memory),
        ("rps", Self::Rps),
        ("clients", Self::Clients),
        ("cpu_utilization", Self::CpuUtilization),
        ("memory_utilization", Self::MemoryUtilization),
        ("desired", Self::DesiredReplicas),
        ("replicas", Self::CurrentReplicas),
        ("ready", Self::ReadyReplicas),
        ("restarts", Self::Restarts),
    ];

    /// What a user calls it; any other name is a custom metric's.
    pub fn of_name(name: &str) -> Self {
        let known = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Metric(name.to_owned()), |(_, signal)| signal)
    }

    /// Its name in the files of a recording.
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(name) => name,
            Self::ResponseSeconds => "response_seconds",
            Self::CpuPeriods => "cpu_periods",
            Self::ThrottledPeriods => "throttled_periods",
            Self::OomKills => "oom_kills",
            Self::MeasuredPods => "measured_pods",
            Self::MinReplicas => "min_replicas",
            Self::MaxReplicas => "max_replicas",
            Self::CpuTarget => "cpu_target",
            Self::MemoryTarget => "memory_target",
            Self::PodCreated => "created",
            Self::PodScheduled => "scheduled",
            Self::PodStarted => "started",
            Self::PodReady => "pod_ready",
            named => Self::NAMED.iter().find(|(_, signal)| signal == named).map_or("", |(name, _)| name),
        }
    }

    /// The unit, in words.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Cpu => "cores",
            Self::Memory => "bytes",
            Self::Rps => "requests a second",
            Self::Clients => "clients",
            Self::ResponseSeconds => "seconds",
            Self::CpuUtilization | Self::MemoryUtilization | Self::CpuTarget | Self::MemoryTarget => "% of the request",
            Self::DesiredReplicas
            | Self::CurrentReplicas
            | Self::ReadyReplicas
            | Self::MinReplicas
            | Self::MaxReplicas
            | Self::MeasuredPods => "pods",
            Self::CpuPeriods | Self::ThrottledPeriods => "periods",
            Self::Restarts | Self::OomKills => "containers",
            Self::PodCreated | Self::PodScheduled | Self::PodStarted | Self::PodReady => "seconds since 1970",
            Self::Metric(_) => "as the metric has it",
        }
    }

    /// Whether the series of several pods are added up; otherwise there is one value.
    pub fn is_summed(&self) -> bool {
        !matches!(
            self,
            Self::CpuUtilization
                | Self::MemoryUtilization
                | Self::DesiredReplicas
                | Self::CurrentReplicas
                | Self::ReadyReplicas
                | Self::MinReplicas
                | Self::MaxReplicas
                | Self::CpuTarget
                | Self::MemoryTarget
                | Self::MeasuredPods
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the samples of a series are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The value at that time.
    Gauge,
    /// All until then, from zero on after a restart.
    Counter,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is.
    pub signal: Signal,
    /// What its samples are.
    pub kind: Kind,
    /// What it is about.
    pub about: About,
    /// Samples in the order of time: milliseconds, and the value.
    pub points: Vec<(i64, f64)>,
}

/// What a series is about, as far as its labels say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The namespace.
    pub namespace: Option<String>,
    /// The pod.
    pub pod: Option<String>,
    /// The container; empty for the whole pod.
    pub container: Option<String>,
    /// The HPA or the workload.
    pub owner: Option<String>,
    /// The service, of what a proxy counts.
    pub service: Option<String>,
    /// What else distinguishes it.
    pub others: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Milliseconds.
    pub at: i64,
    /// Its reason, as Kubernetes has it.
    pub reason: String,
    /// What it happened to: Kind/name, and in which namespace, if that is known.
    pub object: String,
    /// See `object`.
    pub namespace: Option<String>,
    /// In words.
    pub message: String,
    /// The same as an event of a scenario, if it can be simulated.
    pub simulated: Option<String>,
}

/// What the times of a recording count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeBase {
    /// There are none.
    #[default]
    Unknown,
    /// 1970, with how far the zone is east of UTC in seconds.
    Epoch(i32),
    /// A start of the recording's own.
    Start,
}

/// All that was read of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// What kind of file it is.
    pub format: &'static str,
    /// What its times count from.
    pub base: TimeBase,
    /// What was measured.
    pub series: Vec<Series>,
    /// What happened.
    pub events: Vec<RecordedEvent>,
    /// How it was read where that could have been otherwise, and what was passed over.
    pub notes: Vec<String>,
}

/// Equal steps of time, and values for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// What the times count from.
    pub base: TimeBase,
    /// The first step, seconds.
    pub start: i64,
    /// How long a step is, seconds.
    pub step: i64,
    /// How many there are.
    pub steps: usize,
}

/// A stretch of time without samples, seconds from the start of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Of what there are none.
    pub signal: Signal,
    /// From here.
    pub from: i64,
    /// Until here.
    pub to: i64,
}

/// What a recording comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The steps.
    pub grid: Grid,
    /// What was demanded: the columns of a load, a value for each step.
    pub load: Vec<(Column, Vec<f64>)>,
    /// What was seen beside that; nothing where nothing is known.
    pub recorded: Vec<(String, Vec<Option<f64>>)>,
    /// The pods by name, with when they were created, scheduled, started and ready, as far as that is known; seconds.
    pub pods: BTreeMap<String, [Option<i64>; 4]>,
    /// What happened, seconds from the start of the grid.
    pub events: Vec<(i64, RecordedEvent)>,
    /// Where samples are missing.
    pub gaps: Vec<Gap>,
    /// How often counters began anew.
    pub resets: usize,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

impl Grid {
    /// The instant of the start, if the times are of the calendar.
    pub fn clock(&self) -> Option<Clock> {
        match self.base {
            TimeBase::Epoch(offset) => Some(Clock::new(self.start, offset)),
            TimeBase::Unknown | TimeBase::Start => None,
        }
    }
}
