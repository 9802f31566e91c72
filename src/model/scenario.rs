//! A scenario: a deployment under a load, and what a document says will happen.

use super::{
    Caller, ClusterConfig, ControllerConfig, Drives, HpaSpec, Interpolation, LoadSource, LoadTable, Location,
    NodesConfig, ScheduledEvent, Slo, Workload,
};
use crate::units::{Clock, Replicas, SimTime, Span};

/// Deployments under load, and the claims about them.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// A short name, also of the files that are written.
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// The document that it replays, and the place in it.
    pub source: Option<String>,
    /// What is scaled; the first is the one that claims and events are about if they do not say.
    pub targets: Vec<ScenarioTarget>,
    /// Every workload of the manifests: name and replicas.
    pub workloads: Vec<(String, Replicas)>,
    /// The controller's settings.
    pub controller: ControllerConfig,
    /// The nodes; without them there is always room.
    pub nodes: Option<NodesConfig>,
    /// The quotas that several of the targets use up.
    pub quotas: Vec<super::SharedQuota>,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Time before the start in which the state is steady.
    pub lead_in: Span,
    /// How long it lasts.
    pub duration: Span,
    /// What was changed in it from outside, as it was written.
    pub overrides: Vec<String>,
    /// What happens besides the load, in the order of time.
    pub events: Vec<ScheduledEvent>,
    /// What the document says.
    pub claims: Vec<Claim>,
}

/// A deployment under a load.
#[derive(Clone, Debug)]
pub struct ScenarioTarget {
    /// The autoscaler.
    pub hpa: HpaSpec,
    /// Its target.
    pub workload: Workload,
    /// What else is in the namespace of the workload that bears on it.
    pub neighbours: super::Neighbours,
    /// Settings of the simulated cluster.
    pub cluster: ClusterConfig,
    /// Pods at the start.
    pub replicas: Replicas,
    /// How the load changes between rows.
    pub interpolation: Interpolation,
    /// The load in each reading of it; where there are several targets, in one.
    pub readings: Vec<LoadReading>,
    /// Those whose requests make requests to it.
    pub callers: Vec<Caller>,
}

impl ScenarioTarget {
    /// The instant that its load begins at, if it is known.
    pub fn clock(&self) -> Option<Clock> {
        self.readings.iter().find_map(|reading| reading.table.clock())
    }

    /// The load in a reading; its only one where there are no others.
    pub fn reading(&self, reading: usize) -> &LoadReading {
        &self.readings[reading.min(self.readings.len() - 1)]
    }
}

impl Scenario {
    /// The target that claims and events are about if they do not say.
    pub fn main(&self) -> &ScenarioTarget {
        &self.targets[0]
    }

    /// The readings of the load.
    pub fn readings(&self) -> &[LoadReading] {
        &self.main().readings
    }
}

/// One way to read the load that a document gives.
#[derive(Clone, Debug)]
pub struct LoadReading {
    /// Which way.
    pub reading: Reading,
    /// The load, from the lead-in on.
    pub table: LoadTable,
    /// What drives what.
    pub drives: Drives,
}

/// How "CPU 80%" is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// Every pod shows this utilization, however many pods there are.
    Held,
    /// The demand that makes this utilization at the initial number of pods.
    Demand,
    /// The load says itself what it means.
    AsGiven,
}

impl Reading {
    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Demand => "demand",
            Self::AsGiven => "as given",
        }
    }
}

/// Something that a document says.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What it says, in short.
    pub says: String,
    /// Where.
    pub section: Option<String>,
    /// Which target it is about, by its index.
    pub target: usize,
    /// How it is put to the test.
    pub check: Check,
    /// What comes out of the test; a regression if it no longer does.
    pub expected: ClaimVerdict,
    /// Why, as the author of the scenario explains it.
    pub note: Option<String>,
    /// Where it stands.
    pub location: Option<Location>,
}

/// What a test of a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// It holds in every reading of the load.
    Confirmed,
    /// It holds in none.
    Contradicted,
    /// It holds in some.
    Depends,
}

impl ClaimVerdict {
    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Depends => "depends",
        }
    }
}

/// A range of instants, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub from: SimTime,
    /// The last.
    pub to: SimTime,
}

impl Window {
    /// Whether an instant lies in it.
    pub fn contains(self, at: SimTime) -> bool {
        self.from <= at && at <= self.to
    }
}

/// How a claim is put to the test.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// So many replicas all the time.
    Stays {
        /// How many.
        replicas: Replicas,
        /// When.
        within: Window,
    },
    /// So many replicas at an instant.
    ReplicasAt {
        /// The instant.
        at: SimTime,
        /// How many.
        replicas: Replicas,
    },
    /// A change of the replica count in one step.
    Scales {
        /// From so many.
        from: Replicas,
        /// To so many.
        to: Replicas,
        /// When.
        within: Window,
    },
    /// The first change of the replica count.
    FirstChange {
        /// From so many, if it matters.
        from: Option<Replicas>,
        /// To so many, if it matters.
        to: Option<Replicas>,
        /// When.
        within: Window,
    },
    /// So many replicas or more are reached.
    Reaches {
        /// How many.
        replicas: Replicas,
        /// When.
        within: Window,
    },
    /// Never more replicas than this.
    AtMost {
        /// How many.
        replicas: Replicas,
    },
    /// Every step up adds so many pods.
    EveryStepUp {
        /// How many.
        pods: Replicas,
    },
    /// A change is held back or let through by this.
    LimitedBy {
        /// What.
        limit: Limit,
        /// When.
        within: Window,
    },
    /// The reason of a change is a metric above its target.
    Reason {
        /// The metric, by its index in the HPA.
        metric: usize,
        /// When.
        within: Window,
    },
    /// A condition of the HPA has a reason.
    Condition {
        /// The reason, by the controller's name for it.
        reason: &'static str,
        /// When.
        within: Window,
    },
    /// A metric by itself asks for more replicas.
    Triggers {
        /// The metric, by its index in the HPA.
        metric: usize,
        /// When.
        within: Window,
    },
    /// A figure of the summary.
    Total {
        /// Which.
        figure: Figure,
        /// What it should be, in the figure's unit.
        equals: f64,
    },
    /// The line of `kubectl get hpa`.
    GetHpa {
        /// When.
        at: SimTime,
        /// The column TARGETS.
        targets: String,
        /// MINPODS.
        min_pods: Replicas,
        /// MAXPODS.
        max_pods: Replicas,
    },
    /// The lines of `kubectl get pods`, counted.
    GetPods {
        /// When.
        at: SimTime,
        /// The pods of each workload.
        pods: Vec<(String, Replicas)>,
    },
    /// Never fewer ready pods.
    ReadyAtLeast {
        /// How many.
        pods: Replicas,
        /// When.
        within: Window,
    },
    /// Never more ready pods.
    ReadyAtMost {
        /// How many.
        pods: Replicas,
        /// When.
        within: Window,
    },
    /// Never more pods, terminating ones apart.
    PodsAtMost {
        /// How many.
        pods: Replicas,
        /// When.
        within: Window,
    },
    /// No work is dropped, lost with its pod or sent to a pod that does not take it.
    NothingLost,
    /// The last rollout is complete.
    RolloutCompletes {
        /// Up to when.
        by: SimTime,
    },
    /// The promise about response times is broken for no longer.
    SlowAtMost {
        /// The promise.
        slo: Slo,
        /// How long.
        span: Span,
    },
    /// Containers are restarted no more often.
    RestartsAtMost {
        /// How often.
        restarts: u64,
    },
    /// Containers are restarted so often, or more often.
    RestartsAtLeast {
        /// How often.
        restarts: u64,
    },
    /// There is no node for a pod for no longer.
    UnschedulableAtMost {
        /// How long.
        span: Span,
    },
    /// Never more nodes.
    NodesAtMost {
        /// How many.
        nodes: i64,
    },
}

/// A figure of the summary that can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Hours that pods existed.
    PodHours,
    /// The highest sum of CPU requests, cores.
    PeakCpuRequests,
    /// The highest sum of memory requests, bytes.
    PeakMemoryRequests,
}

/// What can keep a decision from its largest proposal, by the controller's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The lowest recommendation of the window.
    ScaleUpStabilized,
    /// The highest recommendation of the window.
    ScaleDownStabilized,
    /// The rate of scaling up.
    ScaleUpLimit,
    /// The rate of scaling down.
    ScaleDownLimit,
    /// `maxReplicas`.
    TooManyReplicas,
    /// `minReplicas`.
    TooFewReplicas,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ScaleUpStabilized,
        Self::ScaleDownStabilized,
        Self::ScaleUpLimit,
        Self::ScaleDownLimit,
        Self::TooManyReplicas,
        Self::TooFewReplicas,
    ];

    /// As the controller writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScaleUpStabilized => "ScaleUpStabilized",
            Self::ScaleDownStabilized => "ScaleDownStabilized",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::TooFewReplicas => "TooFewReplicas",
        }
    }
}
