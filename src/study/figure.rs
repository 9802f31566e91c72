//! Figures of a simulation by their names: what bounds are about, and what is compared.

use super::fleet::Course;
use crate::model::{HOURS_OF_A_MONTH, Prices};
use crate::sim::Summary;
use crate::units::Span;

/// A figure of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// What a month costs: the nodes, if they have prices, or else what pods request, by prices of that.
    Cost,
    /// Pods over time, hours.
    PodHours,
    /// The CPU that they request over time, core-hours.
    CoreHours,
    /// The memory that they request over time, GiB-hours.
    GibHours,
    /// Ready nodes over time, hours.
    NodeHours,
    /// The most replicas.
    Replicas,
    /// The most nodes.
    Nodes,
    /// Time at maxReplicas, seconds.
    AtMax,
    /// Time in which work waited for CPU, seconds.
    Waiting,
    /// Time in which the promise about response times was broken, seconds.
    Slo,
    /// Work that was lost or dropped, core-seconds.
    Lost,
    /// Changes of the number of replicas.
    Events,
    /// Restarts of containers.
    Restarts,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Cost,
        Self::PodHours,
        Self::CoreHours,
        Self::GibHours,
        Self::NodeHours,
        Self::Replicas,
        Self::Nodes,
        Self::AtMax,
        Self::Waiting,
        Self::Slo,
        Self::Lost,
        Self::Events,
        Self::Restarts,
    ];

    /// Its name in bounds and for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::PodHours => "pod-hours",
            Self::CoreHours => "core-hours",
            Self::GibHours => "gib-hours",
            Self::NodeHours => "node-hours",
            Self::Replicas => "replicas",
            Self::Nodes => "nodes",
            Self::AtMax => "at-max",
            Self::Waiting => "waiting",
            Self::Slo => "slo",
            Self::Lost => "lost",
            Self::Events => "events",
            Self::Restarts => "restarts",
        }
    }

    /// Whether it is a time, in seconds.
    pub fn is_time(self) -> bool {
        matches!(self, Self::AtMax | Self::Waiting | Self::Slo)
    }

    /// Its value in a course of a target, if it has one there; what a pod requests is in the summary.
    pub fn of(self, course: &Course, summary: &Summary, prices: Option<Prices>) -> Option<f64> {
        let hours = course.pod_seconds as f64 / 3600.0;
        let cores = hours * summary.pod_cpu_request.get() as f64 / 1000.0;
        let gib = hours * summary.pod_memory_request.get() as f64 / f64::from(1 << 30);
        let months = course.duration.seconds().max(1) as f64 / 3600.0 / HOURS_OF_A_MONTH;
        let seconds = |span: Span| span.seconds() as f64;
        Some(match self {
            Self::PodHours => hours,
            Self::Cost => course.node_price.or_else(|| Some(prices?.of(cores, gib) / months))?,
            Self::CoreHours => cores,
            Self::GibHours => gib,
            Self::NodeHours => course.node_seconds? as f64 / 3600.0,
            Self::Replicas => course.max_replicas.into(),
            Self::Nodes => course.max_nodes? as f64,
            Self::AtMax => seconds(course.at_max),
            Self::Waiting => seconds(course.waiting),
            Self::Slo => seconds(course.slow?),
            Self::Lost => (course.work_lost + course.work_dropped).core_seconds(),
            Self::Events => course.changes().len() as f64,
            Self::Restarts => course.restarts as f64,
        })
    }
}
