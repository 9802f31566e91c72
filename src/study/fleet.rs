//! All workloads over time: those with a load are simulated, the others stay as declared.

use std::collections::BTreeMap;

use crate::model::{Amounts, LoadTable, Target};
use crate::plan::{Level, WorkloadPlan};
use crate::sim::{Setup, SimError, Summary, simulate_all};
use crate::units::{Bytes, Nanocores, Quantity, Replicas, SimTime, Span, Work};

/// A world, and the load of each of its targets.
#[derive(Clone, Debug)]
pub struct Simulated<'a> {
    /// What is simulated.
    pub setup: Setup<'a>,
    /// The loads, in the order of the targets.
    pub loads: Vec<TargetLoad>,
}

/// The load of a target.
#[derive(Clone, Debug)]
pub struct TargetLoad {
    /// The index of what it is on among the workloads of a plan.
    pub workload: usize,
    /// The load.
    pub table: LoadTable,
    /// Which columns of it may vary: constants do not.
    pub varies: Vec<bool>,
}

impl Simulated<'_> {
    /// How long each target is simulated, added up.
    pub fn length(&self) -> Span {
        let length = |load: &TargetLoad| self.setup.world.duration.unwrap_or_else(|| load.table.length());
        self.loads.iter().map(length).fold(Span::ZERO, |sum, more| sum + more)
    }

    /// Runs it once in another setup of the same targets; the courses are in their order.
    pub fn courses_of(&self, setup: &Setup<'_>) -> Result<Vec<Course>, SimError> {
        courses(setup, self.loads.iter().map(|load| load.table.clone()).collect())
    }
}

/// What one simulation of a workload came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// When the number of pods changed, and to how many; the first is the start.
    pub steps: Vec<(SimTime, Replicas)>,
    /// How long it lasted.
    pub duration: Span,
    /// The most CPU that its pods used between two syncs.
    pub peak_cpu_used: Nanocores,
    /// The most memory that its pods used.
    pub peak_memory_used: Bytes,
    /// Time in which work waited for CPU.
    pub waiting: Span,
    /// Time in which the promise about response times was broken, where there is one and the load is made of requests.
    pub slow: Option<Span>,
    /// Time at maxReplicas.
    pub at_max: Span,
    /// Work that was lost with pods or sent to pods that did not take it.
    pub work_lost: Work,
    /// Work that was dropped from a queue.
    pub work_dropped: Work,
    /// How often containers were restarted, and pods unready by probes that were not answered in time.
    pub restarts: u64,
    /// See `restarts`.
    pub readiness_failures: u64,
    /// Seconds that pods existed, added over all pods.
    pub pod_seconds: i128,
    /// The most replicas.
    pub max_replicas: Replicas,
    /// The most nodes, if nodes are simulated, and ready ones over time, node-seconds.
    pub max_nodes: Option<i64>,
    /// See `max_nodes`.
    pub node_seconds: Option<i128>,
    /// What nodes cost a month on average, if all shapes have a price.
    pub node_price: Option<f64>,
    /// How often a group of pods was looked at: what the simulation takes.
    pub looks: u64,
}

/// A change of the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: SimTime,
    /// From so many.
    pub from: Replicas,
    /// To so many.
    pub to: Replicas,
}

impl Course {
    /// What makes one simulation like another, besides its replicas.
    pub(super) fn figures(&self) -> Vec<f64> {
        let spans = [Some(self.waiting), self.slow].into_iter().flatten();
        spans.map(|span| span.seconds() as f64).chain([(self.work_lost + self.work_dropped).get() as f64]).collect()
    }

    /// The mean number of replicas over time.
    pub fn mean_replicas(&self) -> f64 {
        self.pod_seconds as f64 / self.duration.seconds().max(1) as f64
    }

    /// Every change of the number of replicas.
    pub fn changes(&self) -> Vec<Change> {
        let pairs = self.steps.windows(2);
        pairs.map(|pair| Change { at: pair[1].0, from: pair[0].1, to: pair[1].1 }).collect()
    }
}

/// Runs all targets with their loads: those that bear on each other together, the others each by itself.
pub fn courses(setup: &Setup<'_>, mut loads: Vec<LoadTable>) -> Result<Vec<Course>, SimError> {
    let summaries = simulate_all(setup, &mut loads, &mut vec![(); setup.targets.len()])?;
    Ok(setup.targets.iter().zip(&summaries).map(|(target, summary)| Course::of(target, summary)).collect())
}

impl Course {
    /// Of a target that was simulated.
    pub fn of(target: &Target<'_>, summary: &Summary) -> Self {
        let mut course = Self { steps: vec![(SimTime::ZERO, target.initial_replicas)], ..Self::default() };
        course.finish(target, summary);
        course
    }

    fn finish(&mut self, target: &Target<'_>, summary: &Summary) {
        self.steps.extend(summary.rescales.iter().map(|rescale| (rescale.at, rescale.decision.desired)));
        (self.peak_cpu_used, self.peak_memory_used) = (summary.peak_cpu_used, summary.peak_memory_used);
        self.duration = summary.duration;
        self.waiting = summary.waiting;
        self.at_max = summary.at_max;
        (self.work_lost, self.work_dropped) = (summary.work_lost, summary.work_dropped);
        (self.restarts, self.readiness_failures) = (summary.restarts, summary.readiness_failures);
        self.pod_seconds = summary.pod_seconds();
        (self.max_replicas, self.looks) = (summary.max_replicas(), summary.looks);
        self.max_nodes = summary.node_seconds.map(|_| summary.max_nodes);
        self.node_seconds = summary.node_seconds;
        self.node_price = summary.node_price();
        self.slow = (target.cluster.slo.is_some() && target.drives.requests.is_some()).then_some(summary.slow);
    }
}

/// How many pods of each workload there are, and for how long.
pub type Pattern = Vec<Replicas>;

/// All workloads over time.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// When the pattern changed, and to what.
    pub steps: Vec<(SimTime, Pattern)>,
    /// How long each pattern lasted in all.
    pub time_at: BTreeMap<Pattern, Span>,
    /// How long it lasted.
    pub duration: Span,
    /// The pods of Jobs, which may run at any time: on top of the peak.
    pub jobs: Pattern,
}

impl Fleet {
    /// From the courses of the workloads that were simulated; the shortest of them ends it.
    pub fn new(workloads: &[WorkloadPlan<'_>], courses: &[(usize, &Course)]) -> Self {
        let base: Pattern = workloads.iter().map(declared).collect();
        let jobs = workloads
            .iter()
            .map(|w| w.count(Level::Maximum).pods - w.count(Level::Minimum).pods)
            .zip(workloads)
            .map(|(pods, w)| if w.workload.is_scalable() { 0 } else { pods })
            .collect();
        let duration = courses.iter().map(|(_, course)| course.duration).min().unwrap_or(Span::ZERO);
        let end = SimTime::ZERO + duration;
        let mut changes: BTreeMap<SimTime, Vec<(usize, Replicas)>> = BTreeMap::new();
        for (workload, course) in courses {
            for (at, pods) in course.steps.iter().filter(|(at, _)| *at < end) {
                changes.entry(*at).or_default().push((*workload, *pods));
            }
        }
        let mut fleet = Self { duration, jobs, ..Self::default() };
        let mut pattern = base;
        for (at, list) in changes {
            for (workload, pods) in list {
                pattern[workload] = pods;
            }
            fleet.steps.push((at, pattern.clone()));
        }
        for (index, (at, pattern)) in fleet.steps.iter().enumerate() {
            let until = fleet.steps.get(index + 1).map_or(end, |(next, _)| *next);
            let time = fleet.time_at.entry(pattern.clone()).or_default();
            *time = *time + (until - *at);
        }
        fleet
    }

    /// The mean requests over time.
    pub fn mean(&self, workloads: &[WorkloadPlan<'_>]) -> Amounts {
        let mut total = Amounts::default();
        for (pattern, span) in &self.time_at {
            total.add(&requests(workloads, pattern).times(span.seconds()));
        }
        total.part(self.duration.seconds())
    }

    /// The mean number of pods.
    pub fn mean_pods(&self) -> f64 {
        let of = |(pattern, span): (&Pattern, &Span)| pods(pattern) as f64 * span.seconds() as f64;
        self.time_at.iter().map(of).sum::<f64>() / self.duration.seconds().max(1) as f64
    }

    /// The patterns with their time, by an amount from small to large.
    fn sorted<T: Ord + Copy>(&self, of: impl Fn(&Pattern) -> T) -> Vec<(T, i64)> {
        let mut all: Vec<(T, i64)> = self.time_at.iter().map(|(p, span)| (of(p), span.seconds())).collect();
        all.sort_by_key(|(amount, _)| *amount);
        all
    }

    /// The smallest amount that is not exceeded for a share of the time: the inverse of the distribution function.
    pub fn quantile<T: Ord + Copy>(&self, share: f64, of: impl Fn(&Pattern) -> T) -> Option<T> {
        let needed = share * self.duration.seconds() as f64;
        let mut passed = 0;
        let all = self.sorted(of);
        for (amount, seconds) in &all {
            passed += seconds;
            if passed as f64 >= needed {
                return Some(*amount);
            }
        }
        all.last().map(|(amount, _)| *amount)
    }

    /// A pattern with every Job running.
    pub fn with_jobs(&self, pattern: &Pattern) -> Pattern {
        pattern.iter().zip(&self.jobs).map(|(pods, jobs)| pods.saturating_add(*jobs)).collect()
    }

    /// The most of an amount, every Job running.
    pub fn peak<T: Ord + Copy>(&self, of: impl Fn(&Pattern) -> T) -> Option<T> {
        self.time_at.keys().map(|pattern| of(&self.with_jobs(pattern))).max()
    }
}

/// The pods of a workload without a load: as declared, or what its HPA makes of that at once.
fn declared(workload: &WorkloadPlan<'_>) -> Replicas {
    let pods = workload.count(Level::Declared).pods;
    match workload.hpa {
        Some(hpa) if pods > 0 => pods.clamp(hpa.item.min_replicas, hpa.item.max_replicas),
        _ => pods,
    }
}

/// The pods of a pattern.
pub fn pods(pattern: &Pattern) -> i64 {
    pattern.iter().map(|&pods| i64::from(pods)).sum()
}

/// What a pattern requests.
pub fn requests(workloads: &[WorkloadPlan<'_>], pattern: &Pattern) -> Amounts {
    let mut total = Amounts::default();
    for (workload, &pods) in workloads.iter().zip(pattern).filter(|(_, pods)| **pods > 0) {
        total.add(&workload.requests.times(pods.into()));
    }
    total
}

/// What a pattern requests of one resource.
pub fn request(workloads: &[WorkloadPlan<'_>], pattern: &Pattern, name: &str) -> Quantity {
    let of = |(w, &pods): (&WorkloadPlan<'_>, &Replicas)| w.requests.quantity(name).times(pods.into());
    workloads.iter().zip(pattern).map(of).fold(Quantity::ZERO, |sum, more| sum + more)
}
