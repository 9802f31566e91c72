//! Scenario files as they are written. The JSON Schema of `hpasim schema` is derived from these types.

mod checks;
mod cluster;
mod events;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use checks::*;
pub(crate) use cluster::*;
pub(crate) use events::*;

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
