//! Everything in a set of manifests that planning and linting look at.

use std::collections::BTreeMap;

use super::{
    Amount, Amounts, HpaSpec, IntOrPercent, LabelSelector, Labels, Location, ObjectReference, Placed,
    SelectorRequirement, Workload,
};
use crate::units::Replicas;

/// What a set of manifests contains.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The HorizontalPodAutoscalers.
    pub hpas: Vec<Placed<HpaSpec>>,
    /// Everything that makes pods, but for what another object of the manifests makes.
    pub workloads: Vec<Placed<Workload>>,
    /// The PersistentVolumeClaims.
    pub claims: Vec<Placed<VolumeClaim>>,
    /// The ResourceQuotas.
    pub quotas: Vec<Placed<ResourceQuota>>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<Placed<DisruptionBudget>>,
    /// VerticalPodAutoscalers and KEDA's ScaledObjects.
    pub other_scalers: Vec<Placed<OtherScaler>>,
    /// The objects of each kind, those that are not read among them: where each stands.
    pub kinds: BTreeMap<String, Vec<Location>>,
}

/// A PersistentVolumeClaim, or the template of one.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeClaim {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; of a template that of its workload.
    pub namespace: String,
    /// `spec.storageClassName`; none is the cluster's default class.
    pub storage_class: Option<String>,
    /// `spec.accessModes`.
    pub access_modes: Vec<AccessMode>,
    /// `spec.resources.requests.storage`.
    pub request: Amount,
    /// Where it stands in its document.
    pub path: String,
}

/// How a volume may be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessMode {
    /// By the pods of one node.
    ReadWriteOnce,
    /// Read-only by many nodes.
    ReadOnlyMany,
    /// By many nodes.
    ReadWriteMany,
    /// By one pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::ReadWriteOnce, Self::ReadOnlyMany, Self::ReadWriteMany, Self::ReadWriteOncePod];

    /// The name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }

    /// kubectl's abbreviation.
    pub fn short(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "RWO",
            Self::ReadOnlyMany => "ROX",
            Self::ReadWriteMany => "RWX",
            Self::ReadWriteOncePod => "RWOP",
        }
    }

    /// Whether pods on several nodes can mount it.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::ReadOnlyMany | Self::ReadWriteMany)
    }
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceQuota {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.hard`.
    pub hard: Amounts,
    /// Whether it counts only some of the pods (`scopes`, `scopeSelector`).
    pub scoped: bool,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct DisruptionBudget {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.selector`; none selects nothing, an empty one everything.
    pub selector: Option<LabelSelector>,
    /// What must hold.
    pub bound: BudgetBound,
}

/// What a PodDisruptionBudget demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetBound {
    /// `minAvailable`.
    MinAvailable(IntOrPercent),
    /// `maxUnavailable`.
    MaxUnavailable(IntOrPercent),
}

impl DisruptionBudget {
    /// How many of so many healthy pods may be evicted at once.
    ///
    /// Mirrors `getExpectedPodCount` in `pkg/controller/disruption/disruption.go`: percentages are rounded up.
    pub fn allowed_disruptions(&self, pods: Replicas) -> Replicas {
        let needed = match self.bound {
            BudgetBound::MinAvailable(bound) => bound.of_rounded_up(pods),
            BudgetBound::MaxUnavailable(bound) => pods.saturating_sub(bound.of_rounded_up(pods)).max(0),
        };
        pods.saturating_sub(needed).max(0)
    }
}

/// Another autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherScaler {
    /// Its kind and name.
    pub reference: ObjectReference,
    /// `metadata.namespace`.
    pub namespace: String,
    /// What it scales.
    pub target: ObjectReference,
    /// The resources that it changes the requests of; empty if it changes the number of pods.
    pub resizes: Vec<String>,
    /// Whether it only recommends (a VerticalPodAutoscaler with `updateMode: Off`) or is paused.
    pub passive: bool,
}

impl Inventory {
    /// The HPA that scales a workload, if there is one.
    pub fn hpa_of(&self, workload: &Workload) -> Option<&Placed<HpaSpec>> {
        self.hpas.iter().find(|hpa| is_target(&hpa.item.target, &hpa.item.namespace, workload))
    }

    /// The workload of that kind and name in a namespace.
    pub fn target(&self, reference: &ObjectReference, namespace: &str) -> Option<&Placed<Workload>> {
        self.workloads.iter().find(|workload| is_target(reference, namespace, &workload.item))
    }
}

/// Whether a reference from a namespace means a workload. Versions of one API group name the same objects.
pub fn is_target(reference: &ObjectReference, namespace: &str, workload: &Workload) -> bool {
    let group = |api_version: &str| api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let found = &workload.reference;
    workload.is_scalable()
        && found.kind == reference.kind
        && found.name == reference.name
        && workload.namespace == namespace
        && (reference.api_version.is_empty() || group(&reference.api_version) == group(&found.api_version))
}

impl LabelSelector {
    /// Whether it selects an object with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}

impl SelectorRequirement {
    /// Whether labels meet it. `Gt` and `Lt` are those of node affinity.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
        let compared = number(value).zip(number(self.values.first()));
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => compared.is_some_and(|(value, bound)| value > bound),
            "Lt" => compared.is_some_and(|(value, bound)| value < bound),
            _ => false,
        }
    }
}
