//! Two configurations of a target under the same load, in the same phases.

use super::fleet::Course;
use super::phases::{PhaseRuns, Range};
use crate::model::Target;
use crate::sim::{RescaleRecord, Summary};

/// A target of one of the configurations, simulated.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What was simulated.
    pub target: &'a Target<'a>,
    /// In the phase that is shown.
    pub summary: &'a Summary,
    /// In other phases, where there are several.
    pub phases: Option<&'a PhaseRuns>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Pods over time, hours.
    Pods,
    /// The CPU that they request over time, core-hours.
    Cpu,
    /// The memory that they request over time, GiB-hours.
    Memory,
    /// Ready nodes over time, hours.
    Nodes,
    /// The most replicas.
    Replicas,
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
    pub const ALL: [Self; 11] = [
        Self::Pods,
        Self::Cpu,
        Self::Memory,
        Self::Nodes,
        Self::Replicas,
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
            Self::Pods => "pods",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Nodes => "nodes",
            Self::Replicas => "replicas",
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

    /// Its value in a simulation, if it has one there.
    fn of(self, course: &Course, summary: &Summary) -> Option<f64> {
        let hours = course.pod_seconds as f64 / 3600.0;
        let seconds = |span: crate::units::Span| span.seconds() as f64;
        Some(match self {
            Self::Pods => hours,
            Self::Cpu => hours * summary.pod_cpu_request.get() as f64 / 1000.0,
            Self::Memory => hours * summary.pod_memory_request.get() as f64 / f64::from(1 << 30),
            Self::Nodes => course.node_seconds? as f64 / 3600.0,
            Self::Replicas => course.max_replicas.into(),
            Self::AtMax => seconds(course.at_max),
            Self::Waiting => seconds(course.waiting),
            Self::Slo => seconds(course.slow?),
            Self::Lost => (course.work_lost + course.work_dropped).core_seconds(),
            Self::Events => course.changes().len() as f64,
            Self::Restarts => course.restarts as f64,
        })
    }
}

/// A figure on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Which one.
    pub figure: Figure,
    /// What it is before.
    pub base: f64,
    /// What it is after.
    pub head: f64,
    /// The difference in each phase, where there are several and both sides have the same.
    pub differences: Option<Range<f64>>,
    /// The largest value after in any phase.
    pub most: f64,
}

/// How many phases both sides have.
pub fn pairs(base: &Side<'_>, head: &Side<'_>) -> usize {
    let (Some(base), Some(head)) = (base.phases, head.phases) else { return 0 };
    let both = base.courses.len().min(head.courses.len());
    if base.sample.phases[..both] == head.sample.phases[..both] { both } else { 0 }
}

/// All figures that both sides have.
pub fn compared(base: &Side<'_>, head: &Side<'_>) -> Vec<Compared> {
    let pairs = pairs(base, head);
    let of = |figure: Figure, side: &Side<'_>| figure.of(&Course::of(side.target, side.summary), side.summary);
    let each = |figure: Figure, side: &Side<'_>| -> Vec<f64> {
        let courses = side.phases.map_or(&[][..], |phases| &phases.courses);
        courses.iter().filter_map(|course| figure.of(course, side.summary)).collect()
    };
    let one = |figure: Figure| {
        let (before, after) = (of(figure, base)?, of(figure, head)?);
        let (of_base, of_head) = (each(figure, base), each(figure, head));
        let differences = of_base.iter().zip(&of_head).take(pairs).map(|(before, after)| after - before);
        Some(Compared {
            figure,
            base: before,
            head: after,
            differences: Range::of(differences).filter(|_| pairs > 1),
            most: of_head.iter().copied().fold(after, f64::max),
        })
    };
    Figure::ALL.into_iter().filter_map(one).collect()
}

/// The first scaling events that are not the same: what either side does then.
pub fn first_difference<'a>(
    base: &'a Summary,
    head: &'a Summary,
) -> Option<(Option<&'a RescaleRecord>, Option<&'a RescaleRecord>)> {
    let told = |event: &RescaleRecord| (event.at, event.decision.current, event.decision.desired);
    let same = base.rescales.iter().zip(&head.rescales).take_while(|(one, other)| told(one) == told(other)).count();
    let (one, other) = (base.rescales.get(same), head.rescales.get(same));
    (one.is_some() || other.is_some()).then_some((one, other))
}
