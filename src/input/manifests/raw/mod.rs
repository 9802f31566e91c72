//! The fields that are read from manifests, as they are written.

mod objects;
mod placement;
mod workload;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::model::Operator;
use crate::units::Quantity;

pub(crate) use objects::*;
pub(crate) use placement::*;
pub(crate) use workload::*;

/// A quantity as a manifest has it: a number or a text. Checked later, where its path is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawQuantity(pub String);

impl<'de> Deserialize<'de> for RawQuantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = RawQuantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as `500m`, `2Gi` or `1.5`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawQuantity, E> {
                Ok(RawQuantity(text.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RawQuantity, E> {
                Ok(RawQuantity(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RawQuantity, E> {
                Ok(RawQuantity(number.to_string()))
            }
            fn visit_i128<E: de::Error>(self, number: i128) -> Result<RawQuantity, E> {
                Ok(RawQuantity(number.to_string()))
            }
            fn visit_u128<E: de::Error>(self, number: u128) -> Result<RawQuantity, E> {
                Ok(RawQuantity(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<RawQuantity, E> {
                // The shortest text that reads back as this number: what JSON would carry.
                Ok(RawQuantity(if number.abs() < 1e15 { number.to_string() } else { format!("{number:e}") }))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl RawQuantity {
    /// The quantity, if it is one.
    pub fn parse(&self) -> Result<Quantity, crate::units::ParseQuantityError> {
        // As `Quantity.UnmarshalJSON` does.
        self.0.trim().parse()
    }
}

pub(crate) type ResourceList = BTreeMap<String, RawQuantity>;

/// `kind`, `apiVersion` and `metadata` of anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Header {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub name: Option<String>,
    #[serde(rename = "generateName")]
    pub generate_name: Option<String>,
    pub namespace: Option<String>,
    pub annotations: Option<BTreeMap<String, String>>,
    pub labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "ownerReferences")]
    pub owner_references: Option<Vec<Owner>>,
}

/// The object that made another.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

/// `IntOrString`: a number of pods, or a percentage as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum IntOrString {
    Int(i32),
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Hpa {
    #[serde(default)]
    pub metadata: Metadata,
    pub spec: HpaSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HpaSpec {
    #[serde(default)]
    pub scale_target_ref: Reference,
    pub min_replicas: Option<i32>,
    pub max_replicas: Option<i32>,
    pub metrics: Option<Vec<Metric>>,
    pub behavior: Option<Behavior>,
    /// autoscaling/v1 only.
    #[serde(rename = "targetCPUUtilizationPercentage")]
    pub target_cpu_utilization_percentage: Option<i32>,
}

/// autoscaling/v2beta1, which had no behavior.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HpaV2Beta1 {
    #[serde(default)]
    pub metadata: Metadata,
    pub spec: HpaV2Beta1Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HpaV2Beta1Spec {
    #[serde(default)]
    pub scale_target_ref: Reference,
    pub min_replicas: Option<i32>,
    pub max_replicas: Option<i32>,
    pub metrics: Option<Vec<V1Metric>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reference {
    pub api_version: String,
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metric {
    #[serde(rename = "type")]
    pub kind: String,
    pub resource: Option<ResourceMetric>,
    pub container_resource: Option<ResourceMetric>,
    pub pods: Option<CustomMetric>,
    pub object: Option<CustomMetric>,
    pub external: Option<CustomMetric>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourceMetric {
    pub name: String,
    pub container: String,
    pub target: Target,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CustomMetric {
    pub metric: Identifier,
    pub described_object: Reference,
    pub target: Target,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Identifier {
    pub name: String,
    pub selector: Option<Selector>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    pub match_labels: Option<BTreeMap<String, String>>,
    pub match_expressions: Option<Vec<Requirement>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Requirement {
    pub key: String,
    pub operator: Operator,
    pub values: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Target {
    #[serde(rename = "type")]
    pub kind: String,
    pub value: Option<RawQuantity>,
    pub average_value: Option<RawQuantity>,
    pub average_utilization: Option<i32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Behavior {
    pub scale_up: Option<Rules>,
    pub scale_down: Option<Rules>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rules {
    pub stabilization_window_seconds: Option<i32>,
    pub select_policy: Option<String>,
    pub policies: Option<Vec<Policy>>,
    pub tolerance: Option<RawQuantity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Policy {
    #[serde(rename = "type")]
    pub kind: String,
    pub value: i32,
    pub period_seconds: i32,
}

/// A metric in the annotation `autoscaling.alpha.kubernetes.io/metrics` of autoscaling/v1.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct V1Metric {
    #[serde(rename = "type")]
    pub kind: String,
    pub resource: Option<V1Source>,
    pub container_resource: Option<V1Source>,
    pub pods: Option<V1Source>,
    pub object: Option<V1Source>,
    pub external: Option<V1Source>,
}

/// All fields that the sources of [`V1Metric`] can have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct V1Source {
    pub name: String,
    pub container: String,
    pub metric_name: String,
    pub target: Reference,
    pub selector: Option<Selector>,
    pub metric_selector: Option<Selector>,
    pub target_average_utilization: Option<i32>,
    pub target_average_value: Option<RawQuantity>,
    pub target_value: Option<RawQuantity>,
    pub average_value: Option<RawQuantity>,
}
