//! Figures of a simulation by their names: what bounds are about, and what is compared.

use super::fleet::Course;
use crate::sim::Summary;
use crate::units::Span;

/// A figure of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
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
    pub const ALL: [Self; 12] = [
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
    pub fn of(self, course: &Course, summary: &Summary) -> Option<f64> {
        let hours = course.pod_seconds as f64 / 3600.0;
        let seconds = |span: Span| span.seconds() as f64;
        Some(match self {
            Self::PodHours => hours,
            Self::CoreHours => hours * summary.pod_cpu_request.get() as f64 / 1000.0,
            Self::GibHours => hours * summary.pod_memory_request.get() as f64 / f64::from(1 << 30),
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
