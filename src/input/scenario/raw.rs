//! Scenario files as they are written. The JSON Schema of `hpasim schema` is derived from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A duration: `90s`, `15m`, `1h30m`, or a number of seconds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Duration {
    Seconds(u64),
    Text(String),
}

/// A number, or a text such as `6Gi` or `80%`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Number {
    Number(f64),
    Text(String),
}

/// Load columns by name: cpu, memory, rps, clients, cpu_utilization, memory_utilization or a custom metric.
pub(crate) type Values = BTreeMap<String, Number>;

/// One scenario: a deployment under a load, and what a document says will happen. A file may hold several, as
/// YAML documents.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "hpasim scenario")]
pub(crate) struct Scenario {
    /// A short name of letters, digits and dashes; also the name of the files that are written.
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// The document that is replayed.
    pub source: Option<String>,
    /// Manifest files or folders, relative to this file.
    pub manifests: Vec<String>,
    /// The namespace of the HPA, where there are several.
    pub namespace: Option<String>,
    /// The name of the HPA, where there are several.
    pub hpa: Option<String>,
    /// The Kubernetes release whose semantics apply: 1.23 to 1.37, by default the newest.
    pub kubernetes_version: Option<String>,
    /// Settings of the kube-controller-manager.
    #[serde(default)]
    pub controller: Controller,
    /// Settings of the simulated cluster.
    #[serde(default)]
    pub cluster: Cluster,
    /// The state at the start.
    #[serde(default)]
    pub start: Start,
    /// The load.
    pub load: Load,
    /// How long it lasts.
    pub duration: Duration,
    /// Seed of everything that is drawn at random: patterns, delays, weights.
    #[serde(default)]
    pub seed: u64,
    /// Things that happen at a time, besides the load.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What the document says.
    #[serde(default)]
    pub claims: Vec<Claim>,
}

/// The kube-controller-manager's flags, without the prefix horizontal-pod-autoscaler.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Controller {
    pub sync_period: Option<Duration>,
    pub tolerance: Option<f64>,
    pub downscale_stabilization: Option<Duration>,
    pub cpu_initialization_period: Option<Duration>,
    pub initial_readiness_delay: Option<Duration>,
}

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

/// The state at the start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Start {
    /// Pods at the start; by default the workload's spec.replicas.
    pub replicas: Option<i32>,
    /// The load before the start, under which the cluster is in a steady state: the HPA has been syncing for
    /// as long as its windows reach back. Without it the HPA's first sync is at the start, and the pods have
    /// been under the first row's load.
    pub before: Option<Values>,
}

/// The load: exactly one of values, rows, trace and patterns.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Load {
    /// A load that does not change.
    pub values: Option<Values>,
    /// A load that changes at times.
    pub rows: Option<Vec<Row>>,
    /// A CSV file, relative to this file.
    pub trace: Option<String>,
    /// Synthetic columns, as `hpasim trace generate` takes them: diurnal:low=1,high=3+noise:sigma=0.1.
    pub patterns: Option<BTreeMap<String, String>>,
    /// How utilization is meant: held, whatever the number of pods; or as the demand that makes it at the
    /// initial number of pods. Several readings are simulated one by one. By default held.
    pub readings: Option<Vec<Reading>>,
    /// The value between two rows: by default that of the earlier one.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// CPU time of one request, core-seconds; for the columns rps and clients.
    pub cpu_per_request: Option<Number>,
    /// Memory for each request per second; for the column rps.
    pub memory_per_rps: Option<Number>,
    /// Memory of a pod without load.
    pub memory_base: Option<Number>,
    /// Memory of a request while it is under way; for the columns rps and clients.
    pub memory_per_request: Option<Number>,
    /// Time that a request waits for something other than CPU, such as 200ms.
    pub request_wait: Option<Duration>,
    /// Time between an answer and the client's next request; for the column clients.
    pub think_time: Option<Duration>,
}

/// The load from an instant on; columns that are left out keep their value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Row {
    pub at: Duration,
    pub values: Values,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reading {
    Held,
    Demand,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Interpolation {
    #[default]
    Hold,
    Linear,
}

/// Something that happens at a time: exactly one of these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Event {
    /// When.
    pub at: Duration,
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
    pub kill_pods: Option<PodCount>,
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
    pub startup: Option<Duration>,
    /// Another time to pull its image: a delay.
    pub image_pull: Option<Duration>,
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
    pub lasts: Duration,
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
    pub lasts: Duration,
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

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadFactor {
    pub factor: f64,
    /// By default from now on.
    #[serde(rename = "for")]
    pub lasts: Option<Duration>,
}

/// Something that the document says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Claim {
    /// What it says, in short.
    pub says: String,
    /// The section of the document.
    pub section: Option<String>,
    /// How it is put to the test.
    pub check: Check,
    /// What comes out of the test. `hpasim replay` exits with 1 if something else does.
    pub expect: Verdict,
    /// Why, for the reader of the report.
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Verdict {
    Confirmed,
    Contradicted,
    Depends,
}

/// A test of a claim: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Check {
    /// So many replicas all the time.
    pub stays: Option<CountWithin>,
    /// So many replicas at an instant.
    pub replicas_at: Option<CountAt>,
    /// A change of the replica count in one step.
    pub scales: Option<Change>,
    /// The first change of the replica count.
    pub first_change: Option<FirstChange>,
    /// So many replicas, or more, are reached.
    pub reaches: Option<CountWithin>,
    /// Never more replicas.
    pub at_most: Option<i32>,
    /// Every step up adds so many pods.
    pub every_step_up: Option<i32>,
    /// A change is limited or stabilized for this reason of the controller, such as ScaleUpLimit.
    pub limited_by: Option<ReasonWithin>,
    /// The reason of a rescale, or of a condition, contains this text.
    pub reason: Option<TextWithin>,
    /// A metric by itself asks for more replicas.
    pub triggers: Option<MetricWithin>,
    /// A figure of the summary.
    pub total: Option<Total>,
    /// The line of kubectl get hpa.
    pub get_hpa: Option<GetHpa>,
    /// The pods of kubectl get pods, counted by workload.
    pub get_pods: Option<GetPods>,
    /// There are never fewer ready pods of the target.
    pub ready_at_least: Option<PodsWithin>,
    /// There are never more ready pods of the target.
    pub ready_at_most: Option<PodsWithin>,
    /// There are never more pods of the target, terminating ones apart.
    pub pods_at_most: Option<PodsWithin>,
    /// No request fails: no work is dropped, lost with its pod, or sent to a pod that does not take it.
    pub nothing_lost: Option<Nothing>,
    /// The last rollout that has begun is complete.
    pub rollout_completes: Option<By>,
    /// The promise about response times (cluster.slo) is broken for no longer than this.
    pub slow_at_most: Option<Duration>,
    /// Containers are restarted no more often.
    pub restarts_at_most: Option<i32>,
    /// There are never more nodes.
    pub nodes_at_most: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PodsWithin {
    pub pods: i32,
    /// From this time on; by default from the start.
    pub not_before: Option<Duration>,
    /// Up to this time; by default to the end.
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct By {
    /// Up to this time; by default to the end.
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CountWithin {
    pub replicas: i32,
    /// From this time on; by default from the start.
    pub not_before: Option<Duration>,
    /// Up to this time; by default to the end.
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CountAt {
    pub at: Duration,
    pub replicas: i32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Change {
    pub from: i32,
    pub to: i32,
    pub not_before: Option<Duration>,
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FirstChange {
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub not_before: Option<Duration>,
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReasonWithin {
    pub reason: String,
    pub not_before: Option<Duration>,
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TextWithin {
    pub contains: String,
    pub not_before: Option<Duration>,
    pub by: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MetricWithin {
    pub metric: String,
    pub not_before: Option<Duration>,
    pub by: Option<Duration>,
}

/// Exactly one figure.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Total {
    pub pod_hours: Option<f64>,
    /// Cores, such as 5 or 5000m.
    pub peak_cpu_requests: Option<Number>,
    /// Such as 5Gi.
    pub peak_memory_requests: Option<Number>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetHpa {
    pub at: Duration,
    /// The column TARGETS; the names of resources may be left out, as older releases of kubectl do.
    pub targets: String,
    pub min_pods: i32,
    pub max_pods: i32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetPods {
    pub at: Duration,
    /// The number of pods of each workload.
    pub pods: BTreeMap<String, i32>,
}
