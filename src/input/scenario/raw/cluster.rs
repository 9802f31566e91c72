//! The cluster of a scenario as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Duration, Number};

/// How the cluster behaves. A delay is a duration, or drawn for each pod: uniform:10s,40s, exponential:20s or
/// lognormal:20s,0.5 (median, standard deviation of the logarithm).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cluster {
    /// A delay: what the application in a new pod needs until it serves; by default 20s.
    pub startup: Option<Duration>,
    /// A delay: until the scheduler has bound a new pod; by default 0s.
    pub scheduling: Option<Duration>,
    /// A delay: pulling the images; by default 0s.
    pub image_pull: Option<Duration>,
    /// A delay: each init container, one after the other; by default 0s.
    pub init: Option<Duration>,
    /// What the application needs to end after SIGTERM; by default 0s.
    pub shutdown: Option<Duration>,
    /// Until proxies know that a pod is ready, or is not any more; by default 1s.
    pub endpoint_propagation: Option<Duration>,
    /// How long a new pod is slower; by default 0s.
    pub warmup: Option<Duration>,
    /// Its speed in that time, such as 50%, the default.
    pub warmup_speed: Option<Number>,
    /// CPU of a running pod without work, such as 5m.
    pub background_cpu: Option<Number>,
    /// CPU of a pod while its application starts.
    pub startup_cpu: Option<Number>,
    /// Memory that a pod gains in an hour, such as 20Mi.
    pub memory_growth: Option<Number>,
    /// Pods never give memory back.
    #[serde(default)]
    pub memory_kept: bool,
    /// The interval of metrics-server; by default 15s.
    pub metric_resolution: Option<Duration>,
    /// How long after the HPA's syncs the scrapes are; by default 0s.
    pub metric_offset: Option<Duration>,
    /// A delay: how often the kubelet samples a container, from its start on; 0s for a fresh sample at every scrape; by
    /// default 10s. Upstream waits up to as long again: uniform:10s,20s.
    pub housekeeping_interval: Option<Duration>,
    /// How long after the HPA's syncs the kubelet samples the pods that are there at the start; by default 0s.
    pub housekeeping_offset: Option<Duration>,
    /// The part of the samples that is missing at a sync, such as 5%; by default none.
    pub missing_samples: Option<Number>,
    /// How often the adapter of custom and external metrics reads them; by default at every sync.
    pub adapter_interval: Option<Duration>,
    /// How work is spread over the pods: even (the default), random, weighted:SIGMA or sticky:DURATION.
    pub balancing: Option<String>,
    /// Where work waits for CPU: in front of all pods (the default), or at the pod that it was sent to.
    pub queue: Option<Queue>,
    /// How long work waits for CPU before it is dropped; by default for ever.
    pub queue_timeout: Option<Duration>,
    /// The most work that waits for each pod, core-seconds; by default there is no limit.
    pub queue_limit: Option<Number>,
    /// A promise about response times, such as p95<300ms.
    pub slo: Option<String>,
    /// The nodes; without them there is always room.
    pub nodes: Option<Nodes>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Queue {
    Shared,
    PerPod,
}

/// The nodes of the cluster. Pods of the manifests' other workloads are on them from the start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Nodes {
    /// A file of node shapes, relative to this file, as hpasim plan takes it.
    pub file: String,
    /// How many nodes of each shape there are at the start, by its name; shapes that are not named are not used.
    pub start: BTreeMap<String, i64>,
    /// The cluster autoscaler; without it the number of nodes does not change.
    pub autoscaler: Option<Autoscaler>,
}

/// The cluster autoscaler's flags. It keeps the nodes of each shape between the number at the start (or minNodes) and
/// the shape's maxNodes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Autoscaler {
    /// By default 10s.
    pub scan_interval: Option<Duration>,
    /// A delay: from the decision until a new node is ready; by default 2m.
    pub provisioning: Option<Duration>,
    /// By default 10m.
    pub scale_down_unneeded_time: Option<Duration>,
    /// By default 0.5.
    pub scale_down_utilization_threshold: Option<f64>,
    /// By default 10m.
    pub scale_down_delay_after_add: Option<Duration>,
    /// The fewest nodes of each shape; by default the number at the start.
    #[serde(default)]
    pub min_nodes: BTreeMap<String, i64>,
}
