//! Scenario files as they are written. The JSON Schema of `hpasim schema` is derived from these types.

mod checks;
mod events;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::input::load::{LoadSettings, Values};
use crate::model::{ClusterConfig, ControllerConfig, KubernetesVersion};
use crate::units::Span;

pub(crate) use checks::*;
pub(crate) use events::*;

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
    /// The Kubernetes release whose semantics apply: 1.23 to 1.38, by default the newest.
    #[serde(default)]
    pub kubernetes_version: KubernetesVersion,
    /// Settings of the kube-controller-manager.
    #[serde(default)]
    pub controller: ControllerConfig,
    /// Settings of the simulated cluster.
    #[serde(default)]
    pub cluster: ClusterConfig,
    /// The state at the start.
    #[serde(default)]
    pub start: Start,
    /// The load; of each target that has none of its own, where there are several.
    #[serde(default)]
    pub load: LoadSettings,
    /// Several HPAs at once, on the same nodes, in place of hpa; without it there is one.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// How long it lasts.
    pub duration: Span,
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

/// One of several HPAs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Target {
    /// The name of the HPA.
    pub hpa: String,
    /// Its namespace, where there are several of the name.
    pub namespace: Option<String>,
    /// Its load; by default that of the scenario.
    pub load: Option<LoadSettings>,
    /// Settings of the cluster that are different for it.
    #[schemars(with = "Option<ClusterConfig>")]
    pub cluster: Option<serde_yaml::Mapping>,
    /// Its state at the start.
    #[serde(default)]
    pub start: Start,
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

/// Something that the document says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Claim {
    /// What it says, in short.
    pub says: String,
    /// The section of the document.
    pub section: Option<String>,
    /// The HPA that it is about, where there are several, or NAMESPACE/NAME; by default the first.
    pub target: Option<String>,
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
