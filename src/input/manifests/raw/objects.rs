//! Objects that bear on planning, as they are written.

use serde::Deserialize;

use super::{IntOrString, Reference, ResourceList, Selector};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LimitRange {
    pub spec: LimitRangeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LimitRangeSpec {
    pub limits: Vec<LimitRangeItem>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LimitRangeItem {
    #[serde(rename = "type")]
    pub kind: String,
    pub default: ResourceList,
    pub default_request: ResourceList,
    pub max: ResourceList,
    pub min: ResourceList,
    pub max_limit_request_ratio: ResourceList,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceSpec {
    pub selector: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VolumeClaim {
    pub spec: VolumeClaimSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeClaimSpec {
    pub access_modes: Option<Vec<String>>,
    pub storage_class_name: Option<String>,
    pub resources: super::Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RuntimeClass {
    pub overhead: Overhead,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Overhead {
    pub pod_fixed: ResourceList,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourceQuota {
    pub spec: ResourceQuotaSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ResourceQuotaSpec {
    pub hard: ResourceList,
    pub scopes: Option<Vec<String>>,
    pub scope_selector: Option<serde_yaml::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DisruptionBudget {
    pub spec: DisruptionBudgetSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DisruptionBudgetSpec {
    pub selector: Option<Selector>,
    pub min_available: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
}

/// A VerticalPodAutoscaler or a ScaledObject; fields of both together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OtherScaler {
    pub metadata: super::Metadata,
    pub spec: OtherScalerSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OtherScalerSpec {
    /// VerticalPodAutoscaler.
    pub target_ref: Option<Reference>,
    pub update_policy: UpdatePolicy,
    pub resource_policy: ResourcePolicy,
    /// ScaledObject.
    pub scale_target_ref: Option<Reference>,
    pub min_replica_count: Option<i32>,
    pub max_replica_count: Option<i32>,
    pub idle_replica_count: Option<i32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UpdatePolicy {
    pub update_mode: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ResourcePolicy {
    pub container_policies: Vec<ContainerPolicy>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerPolicy {
    pub container_name: String,
    pub mode: Option<String>,
    pub controlled_resources: Option<Vec<String>>,
}
