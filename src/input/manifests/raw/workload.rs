//! Workloads and pods as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Affinity, IntOrString, Metadata, RawQuantity, ResourceList, Spread, Toleration, VolumeClaimSpec};

/// The `spec` of anything that makes pods, but for the template; fields of all kinds together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WorkloadSpec {
    pub replicas: Option<i32>,
    pub strategy: Option<Strategy>,
    pub update_strategy: Option<Strategy>,
    pub pod_management_policy: Option<String>,
    pub min_ready_seconds: Option<i32>,
    pub progress_deadline_seconds: Option<i32>,
    pub paused: bool,
    pub volume_claim_templates: Option<Vec<ClaimTemplate>>,
    pub parallelism: Option<i32>,
    pub completions: Option<i32>,
    pub concurrency_policy: Option<String>,
    pub job_template: Option<JobTemplate>,
    pub suspend: bool,
    /// A map of labels in a ReplicationController, a label selector elsewhere.
    pub selector: Option<serde_yaml::Value>,
    #[serde(rename = "persistentVolumeClaimRetentionPolicy")]
    pub claim_retention: Option<ClaimRetention>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClaimRetention {
    pub when_scaled: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobTemplate {
    pub spec: JobSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobSpec {
    pub suspend: bool,
    pub parallelism: Option<i32>,
    pub completions: Option<i32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollingUpdate {
    pub max_surge: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
    pub partition: Option<i32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimTemplate {
    pub metadata: Metadata,
    pub spec: VolumeClaimSpec,
}

/// A pod or the template of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Template {
    pub metadata: Metadata,
    pub spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub containers: Option<Vec<Container>>,
    pub init_containers: Option<Vec<Container>>,
    pub resources: Resources,
    pub overhead: Option<ResourceList>,
    pub runtime_class_name: Option<String>,
    pub volumes: Option<Vec<Volume>>,
    pub node_selector: Option<BTreeMap<String, String>>,
    pub tolerations: Option<Vec<Toleration>>,
    pub affinity: Option<Affinity>,
    pub topology_spread_constraints: Option<Vec<Spread>>,
    pub host_network: bool,
    pub priority: Option<i32>,
    pub priority_class_name: Option<String>,
    pub preemption_policy: Option<String>,
    pub termination_grace_period_seconds: Option<i64>,
    pub restart_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub name: String,
    pub image: String,
    pub command: Option<Vec<String>>,
    pub args: Option<Vec<String>>,
    pub env: Option<Vec<EnvVar>>,
    pub ports: Option<Vec<Port>>,
    pub restart_policy: Option<String>,
    pub resources: Resources,
    pub startup_probe: Option<Probe>,
    pub readiness_probe: Option<Probe>,
    pub liveness_probe: Option<Probe>,
    pub lifecycle: Lifecycle,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Lifecycle {
    pub pre_stop: Option<Handler>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Handler {
    pub exec: Option<Exec>,
    pub sleep: Option<Sleep>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exec {
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sleep {
    pub seconds: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EnvVar {
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub container_port: Option<i32>,
    pub host_port: Option<i32>,
    #[serde(rename = "hostIP")]
    pub host_ip: Option<String>,
    pub protocol: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    pub requests: Option<ResourceList>,
    pub limits: Option<ResourceList>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Probe {
    pub http_get: Option<serde_yaml::Value>,
    pub tcp_socket: Option<serde_yaml::Value>,
    pub exec: Option<serde_yaml::Value>,
    pub grpc: Option<serde_yaml::Value>,
    pub timeout_seconds: Option<i32>,
    pub initial_delay_seconds: Option<i32>,
    pub period_seconds: Option<i32>,
    pub failure_threshold: Option<i32>,
    pub success_threshold: Option<i32>,
    pub termination_grace_period_seconds: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Volume {
    pub name: String,
    pub persistent_volume_claim: Option<ClaimVolume>,
    pub ephemeral: Option<EphemeralVolume>,
    pub empty_dir: Option<EmptyDir>,
    pub host_path: Option<serde_yaml::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClaimVolume {
    pub claim_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EphemeralVolume {
    pub volume_claim_template: Option<ClaimTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EmptyDir {
    pub medium: String,
    pub size_limit: Option<RawQuantity>,
}
