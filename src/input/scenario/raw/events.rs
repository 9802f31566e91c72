//! The events of a scenario as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Delay, Which};
use crate::units::{Span, When};

/// Something that happens at a time: exactly one of these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Event {
    /// When.
    pub at: When,
    /// The HPA whose target it happens to, where there are several, or NAMESPACE/NAME; by default the first.
    pub target: Option<String>,
    /// A new pod template (kubectl set image).
    pub rollout: Option<Rollout>,
    /// kubectl rollout restart.
    pub restart: Option<Nothing>,
    /// kubectl rollout undo.
    pub rollback: Option<Nothing>,
    /// kubectl rollout pause.
    pub pause: Option<Nothing>,
    /// kubectl rollout resume.
    pub resume: Option<Nothing>,
    /// kubectl scale.
    pub scale: Option<Replicas>,
    /// Containers of so many pods die.
    pub kill_pods: Option<KillPods>,
    /// Containers of so many pods end and start again after a time, whatever the kubelet's back-off: as it was recorded.
    pub restart_containers: Option<RestartContainers>,
    /// The application in so many pods stops answering.
    pub hang_pods: Option<PodCount>,
    /// So many nodes are gone, those with the most pods of the workload.
    pub lose_nodes: Option<NodeCount>,
    /// The metrics APIs fail for a time.
    pub metrics_outage: Option<MetricsOutage>,
    /// Something that init containers wait for is down for a time.
    pub dependency_down: Option<DependencyDown>,
    /// kubectl apply of the HPA, changed.
    pub apply_hpa: Option<ApplyHpa>,
    /// kubectl patch of the HPA: its bounds and targets.
    pub patch_hpa: Option<PatchHpa>,
    /// The load is so many times what it says.
    pub load_factor: Option<LoadFactor>,
}

/// Nothing more to say: {}.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What is different in the pods of the new version.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rollout {
    /// Another start-up time: a delay.
    pub startup: Option<Delay>,
    /// Another time to pull its image: a delay.
    pub image_pull: Option<Delay>,
    /// The application never comes up.
    #[serde(default)]
    pub broken: bool,
    /// The CPU that the same work takes, as a multiple of what it took before; by default 1.
    pub cpu_factor: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replicas {
    pub replicas: i32,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KillPods {
    pub pods: i32,
    /// Which of them, by their age; the newest if it is not said.
    #[serde(default)]
    pub which: Which,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestartContainers {
    pub pods: i32,
    /// Which of them, by their age; the oldest if it is not said.
    #[serde(default = "oldest")]
    pub which: Which,
    /// How long it takes until they run again.
    pub after: Span,
}

fn oldest() -> Which {
    Which::Oldest
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PodCount {
    pub pods: i32,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeCount {
    pub nodes: i64,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsOutage {
    #[serde(rename = "for")]
    pub lasts: Span,
    /// Which metrics APIs: by default all.
    pub api: Option<MetricsApi>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MetricsApi {
    /// metrics.k8s.io: metrics-server.
    Resource,
    /// custom.metrics.k8s.io and external.metrics.k8s.io.
    Custom,
    All,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DependencyDown {
    #[serde(rename = "for")]
    pub lasts: Span,
    /// The init container that waits; by default all of them do.
    pub init_container: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyHpa {
    /// A manifest with the HPA of the same name, relative to this file. Its metrics are the same ones, in the same order;
    /// targets, bounds and behavior may differ.
    pub file: String,
}

/// What is not said stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchHpa {
    pub min_replicas: Option<i32>,
    pub max_replicas: Option<i32>,
    /// Targets of its Resource metrics, percent of the request, by their names: {cpu: 60}.
    #[serde(default)]
    pub average_utilization: BTreeMap<String, i32>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadFactor {
    pub factor: f64,
    /// By default from now on.
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
}
