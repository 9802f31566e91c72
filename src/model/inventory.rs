//! Everything in a set of manifests that planning and linting look at.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Amount, Amounts, ByName, HpaSpec, IntOrPercent, LabelSelector, Labels, Location, ObjectId, ObjectReference, Placed,
    Workload,
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
    pub volume_claims: Vec<Placed<VolumeClaim>>,
    /// The ResourceQuotas.
    pub quotas: Vec<Placed<ResourceQuota>>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<Placed<DisruptionBudget>>,
    /// The LimitRanges.
    pub limit_ranges: Vec<Placed<LimitRange>>,
    /// The Services.
    pub services: Vec<Placed<Service>>,
    /// The labels of the Namespaces that are among the manifests.
    pub namespace_labels: BTreeMap<String, Labels>,
    /// VerticalPodAutoscalers and KEDA's ScaledObjects.
    pub other_scalers: Vec<Placed<OtherScaler>>,
    /// Objects of kinds that are neither read nor known to have no bearing.
    pub unread: Vec<Placed<ObjectId>>,
    /// Objects that stand there more than once; the last one counts.
    pub duplicates: Vec<Duplicate>,
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
    /// Whether it selects the pods of a workload.
    pub fn selects(&self, workload: &Workload) -> bool {
        let selector = self.selector.as_ref();
        workload.namespace == self.namespace
            && selector.is_some_and(|selector| selector.matches(&workload.template.labels))
    }

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

/// A LimitRange.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitRange {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.limits`, but for the defaults, which the pod templates have already.
    pub limits: Vec<LimitItem>,
}

/// An entry of a LimitRange's `spec.limits`.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitItem {
    /// `type`.
    pub kind: LimitKind,
    /// Its path in the manifest.
    pub path: String,
    /// `default`: the limits of containers that have none.
    pub default: Amounts,
    /// `min`.
    pub min: Amounts,
    /// `max`.
    pub max: Amounts,
    /// `maxLimitRequestRatio`.
    pub max_ratio: Amounts,
}

/// What an entry of a LimitRange is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Every container.
    Container,
    /// All containers of a pod together.
    Pod,
    /// Every PersistentVolumeClaim.
    Claim,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.selector`; empty if it selects no pods by itself.
    pub selector: LabelSelector,
}

impl Service {
    /// Whether it selects the pods of a workload.
    pub fn selects(&self, workload: &Workload) -> bool {
        self.namespace == workload.namespace
            && !self.selector.is_empty()
            && self.selector.matches(&workload.template.labels)
    }
}

/// An object that stands there twice.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The later one, which counts.
    pub object: Placed<ObjectId>,
    /// Where the earlier one stands.
    pub earlier: Location,
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
    /// What it changes.
    pub kind: ScalerKind,
    /// Whether it only recommends (a VerticalPodAutoscaler with `updateMode: Off`) or is paused.
    pub passive: bool,
}

/// What another autoscaler changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScalerKind {
    /// Requests of containers: a VerticalPodAutoscaler.
    Requests {
        /// Of containers that have a policy of their own: which resources, such as `cpu`.
        containers: Vec<(String, Vec<String>)>,
        /// Of all others.
        others: Vec<String>,
    },
    /// The number of pods: a ScaledObject, from which KEDA makes an HPA.
    Replicas {
        /// `idleReplicaCount`, or else `minReplicaCount`.
        least: Replicas,
        /// `maxReplicaCount`.
        most: Replicas,
    },
}

impl OtherScaler {
    /// The object that it scales, by its identity.
    pub fn target_id(&self) -> ObjectId {
        ObjectId::referred(&self.target, &self.namespace)
    }

    /// Whether it scales the object with an identity.
    pub fn scales(&self, id: &ObjectId) -> bool {
        id.is_referred(&self.target, &self.namespace)
    }

    /// The fewest and the most pods, if it changes their number.
    pub fn pods(&self) -> Option<(Replicas, Replicas)> {
        match self.kind {
            ScalerKind::Replicas { least, most } => Some((least, most)),
            ScalerKind::Requests { .. } => None,
        }
    }

    /// The resources whose requests it changes: of the containers of its target, or of any if the target is not there.
    pub fn requests_changed(&self, target: Option<&Workload>) -> Vec<String> {
        let ScalerKind::Requests { containers, others } = &self.kind else { return Vec::new() };
        let of = |name: &str| containers.iter().find(|own| own.0 == name).map_or(others, |own| &own.1);
        let mut resources: Vec<String> = match target {
            Some(target) => target.template.running().flat_map(|container| of(&container.name).clone()).collect(),
            None => containers.iter().flat_map(|own| own.1.clone()).chain(others.clone()).collect(),
        };
        resources.sort();
        resources.dedup();
        resources
    }
}

impl Inventory {
    /// The workloads by their names, to find many.
    pub fn workloads_by_name(&self) -> ByName<'_, Placed<Workload>> {
        ByName::new(&self.workloads, |workload| &workload.item.reference.name)
    }

    /// The PersistentVolumeClaims by namespace and name; of several that are the same the first.
    pub fn volume_claims_by_name(&self) -> BTreeMap<(&str, &str), &Placed<VolumeClaim>> {
        let all = self.volume_claims.iter().rev();
        all.map(|claim| ((claim.item.namespace.as_str(), claim.item.name.as_str()), claim)).collect()
    }

    /// The scalable workload with an identity.
    pub fn target(&self, id: &ObjectId) -> Option<&Placed<Workload>> {
        self.workloads.iter().find(|workload| workload.item.is_scalable() && workload.item.is(id))
    }

    /// Whether there is nothing that bears on autoscaling and planning.
    pub fn is_empty(&self) -> bool {
        self.hpas.is_empty()
            && self.workloads.is_empty()
            && self.volume_claims.is_empty()
            && self.quotas.is_empty()
            && self.budgets.is_empty()
            && self.limit_ranges.is_empty()
            && self.services.is_empty()
            && self.other_scalers.is_empty()
            && self.unread.is_empty()
    }

    /// The namespaces of everything that makes pods or scales.
    pub fn namespaces(&self) -> BTreeSet<&str> {
        let workloads = self.workloads.iter().map(|workload| workload.item.namespace.as_str());
        workloads.chain(self.hpas.iter().map(|hpa| hpa.item.namespace.as_str())).collect()
    }
}

impl LabelSelector {
    /// Whether it demands nothing, and so selects everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether it selects an object with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}
