//! Load: what a trace says, and which part of the simulation each column drives.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Clock, Replicas, Seconds, SimTime, Span};

/// What a column of a load trace means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// `cpu`: CPU demand of the whole workload, in cores.
    Cpu,
    /// `memory`: memory demand of the whole workload, in bytes.
    Memory,
    /// `rps`: requests per second to the whole workload.
    Rps,
    /// `clients`: how many clients send requests one after the other, each waiting for its answer.
    Clients,
    /// `clients@1s`: the same, of clients that think so long between an answer and their next request.
    ClientGroup(ClientGroup),
    /// `cpu_utilization`: observed use per pod, in percent of the request.
    CpuUtilization,
    /// `memory_utilization`: observed use per pod, in percent of the request.
    MemoryUtilization,
    /// `replicas`: the pods among which the observed utilization was measured.
    Replicas,
    /// Any other column: the value of the custom metric of that name.
    Metric(String),
}

/// A group of clients: the column's name, and what they think in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGroup {
    name: String,
    think_micros: u64,
}

impl ClientGroup {
    fn from_name(name: &str) -> Option<Self> {
        let think: Seconds = name.strip_prefix("clients@")?.parse().ok()?;
        Some(Self { name: name.to_owned(), think_micros: (think.get() * 1e6).round() as u64 })
    }

    /// What they think between an answer and the next request, seconds.
    pub fn think_seconds(&self) -> f64 {
        self.think_micros as f64 / 1e6
    }
}

/// The most groups of clients that a load may have.
pub const MOST_CLIENT_GROUPS: usize = 4;

impl Column {
    /// The names that mean something by themselves.
    pub const NAMES: [&'static str; 7] =
        ["cpu", "memory", "rps", "clients", "cpu_utilization", "memory_utilization", "replicas"];

    /// The meaning of a column's name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            "rps" => Self::Rps,
            "clients" => Self::Clients,
            "cpu_utilization" => Self::CpuUtilization,
            "memory_utilization" => Self::MemoryUtilization,
            "replicas" => Self::Replicas,
            other => match ClientGroup::from_name(other) {
                Some(group) => Self::ClientGroup(group),
                None => Self::Metric(other.to_owned()),
            },
        }
    }

    /// The name in a trace's header.
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Rps => "rps",
            Self::Clients => "clients",
            Self::ClientGroup(group) => &group.name,
            Self::CpuUtilization => "cpu_utilization",
            Self::MemoryUtilization => "memory_utilization",
            Self::Replicas => "replicas",
            Self::Metric(name) => name,
        }
    }
}

/// The most replicas that are simulated.
pub const MOST_PODS: Replicas = 1_000_000;

impl Column {
    /// The largest value that is read: more than any cluster has, and small enough to calculate with.
    pub fn largest(&self) -> f64 {
        match self {
            Self::Cpu => 1e7,
            Self::Memory => 1e17,
            Self::Rps | Self::Clients | Self::ClientGroup(_) => 1e9,
            Self::CpuUtilization | Self::MemoryUtilization => 1e6,
            Self::Replicas => f64::from(MOST_PODS),
            Self::Metric(_) => 9e15,
        }
    }

    /// Whether a value is one that the column can have; custom metrics may be negative.
    pub fn check(&self, value: f64) -> Result<(), String> {
        let largest = self.largest();
        if !value.is_finite() {
            Err("is not a usable number".to_owned())
        } else if value < 0.0 && !matches!(self, Self::Metric(_)) {
            Err("must not be negative".to_owned())
        } else if value.abs() > largest {
            Err(format!("must not be more than {largest:e}"))
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the value between two rows is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Interpolation {
    /// A row holds until the next one.
    #[default]
    Hold,
    /// Values change in a straight line, second by second.
    Linear,
}

/// What makes pods use a resource. The index is that of the trace's column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Drive {
    /// Nothing is known; pods use none of it.
    #[default]
    None,
    /// The workload as a whole demands `column x factor` (nanocores or bytes), shared by the pods that
    /// serve. Adding pods lowers utilization.
    Demand {
        /// Index of the column.
        column: usize,
        /// Nanocores or bytes per unit of the column.
        factor: f64,
    },
    /// So many clients as the column says, each sending its next request after the answer to the last one and the
    /// think time: a closed loop. What the requests cost is in [`Drives::requests`], which clients there are in [`Drives::clients`].
    Clients,
    /// Every pod shows `column` percent of its request, however many pods there are.
    Observed {
        /// Index of the column.
        column: usize,
    },
    /// Observed utilization multiplied back into demand by the replicas of that time.
    Recorded {
        /// Index of the utilization column.
        column: usize,
        /// Index of the `replicas` column.
        replicas: usize,
    },
}

/// Which column drives what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drives {
    /// CPU use.
    pub cpu: Drive,
    /// Memory use.
    pub memory: Drive,
    /// Memory that every started pod uses besides, bytes.
    pub memory_base_bytes: i64,
    /// What a request is, if the load is made of requests.
    pub requests: Option<RequestModel>,
    /// The columns of clients, with what they think between an answer and the next request, seconds.
    pub clients: Vec<(usize, f64)>,
    /// For every metric of the HPA, the column of a Pods, Object or External metric.
    pub metric_columns: Vec<Option<usize>>,
}

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestModel {
    /// CPU time, core-seconds; one request uses one core at most.
    pub cpu_seconds: f64,
    /// Time in which it waits for something other than CPU, seconds: other services, the network.
    pub wait_seconds: f64,
    /// Memory while it is under way, bytes.
    pub memory_bytes: i64,
}

/// Why a load source cannot give its next row.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

/// A load trace, row by row, in time order from [`SimTime::ZERO`] on.
pub trait LoadSource {
    /// What the columns mean.
    fn columns(&self) -> &[Column];

    /// The instant of [`SimTime::ZERO`], if it is known.
    fn clock(&self) -> Option<Clock> {
        None
    }

    /// Writes the next row's values, one for each column, and returns its time; `None` at the end.
    fn next_row(&mut self, values: &mut [f64]) -> Result<Option<SimTime>, LoadError>;
}

/// A load trace in memory.
#[derive(Clone, Debug, Default)]
pub struct LoadTable {
    columns: Vec<Column>,
    times: Vec<SimTime>,
    values: Vec<f64>,
    next: usize,
    clock: Option<Clock>,
}

impl LoadTable {
    /// An empty trace with these columns.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// The same, beginning at an instant, if it is known.
    #[must_use]
    pub fn from_instant(self, clock: Option<Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Adds a row; `values` has one value for each column.
    pub fn push(&mut self, time: SimTime, values: &[f64]) {
        debug_assert_eq!(values.len(), self.columns.len());
        self.times.push(time);
        self.values.extend_from_slice(values);
    }
}

impl LoadTable {
    /// How long the load lasts: its last row as long as the one before it.
    pub fn length(&self) -> Span {
        match self.times.as_slice() {
            [.., before, last] => (*last + (*last - *before)).since_start(),
            _ => Span::ZERO,
        }
    }
}

impl LoadTable {
    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = (SimTime, &[f64])> {
        self.times.iter().copied().zip(self.values.chunks(self.columns.len().max(1)))
    }

    /// The same so much earlier, from the start on; of what comes before it the last row counts.
    #[must_use]
    pub fn earlier(&self, age: Span) -> Self {
        let before = |at: &&SimTime| at.since_start() <= age;
        let passed = self.times.iter().take_while(before).count().saturating_sub(1);
        let earlier = |at: &SimTime| SimTime::from_seconds((at.seconds() - age.seconds()).max(0));
        Self {
            columns: self.columns.clone(),
            times: self.times[passed..].iter().map(earlier).collect(),
            values: self.values[passed * self.columns.len()..].to_vec(),
            next: 0,
            clock: self.clock,
        }
    }
}

impl LoadSource for LoadTable {
    fn clock(&self) -> Option<Clock> {
        self.clock
    }

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_row(&mut self, values: &mut [f64]) -> Result<Option<SimTime>, LoadError> {
        let width = self.columns.len();
        let Some(&time) = self.times.get(self.next) else { return Ok(None) };
        values.copy_from_slice(&self.values[self.next * width..][..width]);
        self.next += 1;
        Ok(Some(time))
    }
}
