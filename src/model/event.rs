//! What happens to the cluster at a time, besides the load.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Delay, HpaSpec};
use crate::units::{Replicas, SimTime, Span};

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledEvent {
    /// When.
    pub at: SimTime,
    /// To which of the targets, by its index; what happens to nodes and metrics APIs happens to all.
    pub target: usize,
    /// What.
    pub action: Action,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A new pod template (`kubectl set image`).
    Rollout(Revision),
    /// The same template again (`kubectl rollout restart`).
    Restart,
    /// Back to the revision before (`kubectl rollout undo`).
    Rollback,
    /// `kubectl rollout pause`.
    Pause,
    /// `kubectl rollout resume`.
    Resume,
    /// `kubectl scale`.
    Scale(Replicas),
    /// Containers of so many pods die.
    KillPods(Replicas, Which),
    /// The same, and they run again after a time, whatever the kubelet's back-off.
    RestartContainers {
        /// So many pods.
        pods: Replicas,
        /// Which.
        which: Which,
        /// After this time.
        after: Span,
    },
    /// The application in so many pods stops answering.
    HangPods(Replicas),
    /// So many nodes are gone; those with the most pods of the workload.
    LoseNodes(i64),
    /// The metrics APIs fail for a time.
    MetricsOutage {
        /// Which.
        which: MetricsApi,
        /// How long.
        lasts: Span,
    },
    /// Something that init containers wait for is down for a time.
    DependencyDown {
        /// The init container that waits; all of them if it is not named.
        init_container: Option<String>,
        /// How long.
        lasts: Span,
    },
    /// The HPA is changed.
    ChangeHpa(Box<HpaSpec>),
    /// The load is so many times what it says from now on, for a time or for good.
    LoadFactor {
        /// How many times.
        factor: f64,
        /// How long.
        lasts: Option<Span>,
    },
}

/// Which pods something happens to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    /// The latest.
    #[default]
    Newest,
    /// The first.
    Oldest,
    /// Any, drawn with the seed.
    Random,
}

impl Which {
    /// In front of pods; the newest need not be said.
    fn name(self) -> &'static str {
        match self {
            Self::Newest => "",
            Self::Oldest => "the oldest ",
            Self::Random => "any ",
        }
    }
}

/// Which metrics APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsApi {
    /// `metrics.k8s.io`: metrics-server.
    Resource,
    /// `custom.metrics.k8s.io` and `external.metrics.k8s.io`.
    Custom,
    /// All of them.
    All,
}

/// What is different in the pods of another revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revision {
    /// Another start-up time.
    pub startup: Option<Delay>,
    /// Another time to pull its image.
    pub image_pull: Option<Delay>,
    /// The application never comes up.
    pub broken: bool,
    /// The CPU that the same work takes, as a multiple of the first revision's.
    pub cpu_factor: f64,
}

impl Default for Revision {
    fn default() -> Self {
        Self { startup: None, image_pull: None, broken: false, cpu_factor: 1.0 }
    }
}

impl Action {
    /// What is said of it in reports.
    pub fn describe(&self) -> String {
        match self {
            Self::Rollout(revision) if revision.broken => "rollout of a version that never comes up".to_owned(),
            Self::Rollout(_) => "rollout of a new version".to_owned(),
            Self::Restart => "kubectl rollout restart".to_owned(),
            Self::Rollback => "kubectl rollout undo".to_owned(),
            Self::Pause => "kubectl rollout pause".to_owned(),
            Self::Resume => "kubectl rollout resume".to_owned(),
            Self::Scale(replicas) => format!("kubectl scale --replicas={replicas}"),
            Self::KillPods(1, Which::Newest) => "a pod is killed".to_owned(),
            Self::KillPods(1, which) => format!("{}pod is killed", which.name()),
            Self::KillPods(pods, which) => format!("{}{pods} pods are killed", which.name()),
            Self::RestartContainers { pods, which, after } => {
                let pods = if *pods == 1 { "pod".to_owned() } else { format!("{pods} pods") };
                format!("containers of {}{pods} restart within {after}", which.name())
            }
            Self::HangPods(1) => "a pod stops answering".to_owned(),
            Self::HangPods(pods) => format!("{pods} pods stop answering"),
            Self::LoseNodes(1) => "a node is lost".to_owned(),
            Self::LoseNodes(nodes) => format!("{nodes} nodes are lost"),
            Self::MetricsOutage { which, lasts } => {
                let which = match which {
                    MetricsApi::Resource => "resource",
                    MetricsApi::Custom => "custom and external",
                    MetricsApi::All => "all",
                };
                format!("no answer from the {which} metrics API for {lasts}")
            }
            Self::DependencyDown { init_container: Some(name), lasts } => {
                format!("what {name} waits for is down for {lasts}")
            }
            Self::DependencyDown { init_container: None, lasts } => {
                format!("what init containers wait for is down for {lasts}")
            }
            Self::ChangeHpa(_) => "the HPA is changed".to_owned(),
            Self::LoadFactor { factor, lasts: Some(lasts) } => format!("{factor} times the load, for {lasts}"),
            Self::LoadFactor { factor, lasts: None } => format!("{factor} times the load, from now on"),
        }
    }
}
