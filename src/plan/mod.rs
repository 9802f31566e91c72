//! From manifests to what must be provided: totals, storage, quotas, drains, nodes, and the figures of documents.
//!
//! Everything is exact: quantities are added as integers, and carry the lines of the manifests that they come from.

mod autoscalers;
pub mod claims;
mod nodes;
mod packing;
mod policies;
mod pool;
mod storage;

pub use autoscalers::{AutoscalerRow, Counted, MissingTargets, autoscalers};
pub use packing::{Binding, MOST_CONSTRAINED_PODS, MOST_PODS, Packing, Unplaced, ZoneLost};
pub use policies::{BudgetFinding, QuotaFinding, budgets, pod_use, quotas};
pub use pool::Pool;
pub use storage::{StorageKind, StorageRow, storage, storage_remarks};

use crate::model::{
    Amounts, ByName, HpaSpec, Inventory, Location, Origin, OtherScaler, Placed, QosClass, Workload, WorkloadController,
};
use crate::units::Replicas;

/// A number of pods and the lines that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count<'a> {
    /// How many.
    pub pods: Replicas,
    /// Why: documents and fields of them.
    sources: Vec<(&'a Origin, &'static str)>,
}

impl Count<'_> {
    /// So many, whatever the manifests say.
    pub fn stated(pods: Replicas) -> Self {
        Self { pods, sources: Vec::new() }
    }

    /// Where it stands why.
    pub fn sources(&self) -> Vec<Location> {
        self.sources.iter().map(|(origin, path)| origin.locate(path)).collect()
    }
}

/// How many pods there are of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// HPAs at minReplicas; no Job runs.
    Minimum,
    /// As declared; no Job runs.
    Declared,
    /// HPAs at maxReplicas, and every Job runs.
    Maximum,
    /// The maximum while every Deployment rolls out.
    Surge,
}

impl Level {
    /// From few to many.
    pub const ALL: [Self; 4] = [Self::Minimum, Self::Declared, Self::Maximum, Self::Surge];

    /// Its place in [`Level::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimum => "minimum",
            Self::Declared => "declared",
            Self::Maximum => "maximum",
            Self::Surge => "maximum + surge",
        }
    }
}

/// A workload and what it needs.
#[derive(Clone, Debug)]
pub struct WorkloadPlan<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// Where it stands.
    pub origin: &'a Origin,
    /// The HPA that scales it.
    pub hpa: Option<&'a Placed<HpaSpec>>,
    /// The ScaledObject that scales it, if there is no HPA.
    pub scaled_object: Option<&'a Placed<OtherScaler>>,
    /// Whether there are workloads in several namespaces, so that the name alone does not say which it is.
    pub qualified: bool,
    /// What the scheduler reserves for a pod.
    pub requests: Amounts,
    /// What a pod may use at most, where there is a limit.
    pub limits: Amounts,
    /// The quality of service class.
    pub qos: QosClass,
}

impl<'a> WorkloadPlan<'a> {
    /// Kind and name, with the namespace before them where there are several.
    pub fn label(&self) -> String {
        let reference = &self.workload.reference;
        if self.qualified { format!("{}/{reference}", self.workload.namespace) } else { reference.to_string() }
    }

    /// Whether how many pods there are is not known.
    pub fn is_uncounted(&self) -> bool {
        self.workload.controller == WorkloadController::Unknown && self.bounds().is_none()
    }

    /// The fewest and the most pods that an autoscaler makes, each with its line.
    fn bounds(&self) -> Option<(Count<'a>, Count<'a>)> {
        let count =
            |origin: &'a Origin, path: &'static str, pods: Replicas| Count { pods, sources: vec![(origin, path)] };
        if let Some(hpa) = self.hpa {
            // At zero by hand the HPA is off until somebody scales it up.
            let least = if self.workload.replicas == Some(0) { 0 } else { hpa.item.min_replicas };
            return Some((
                count(&hpa.origin, "spec.minReplicas", least),
                count(&hpa.origin, "spec.maxReplicas", hpa.item.max_replicas),
            ));
        }
        let scaler = self.scaled_object?;
        let (least, most) = scaler.item.pods().filter(|_| !scaler.item.passive)?;
        Some((
            count(&scaler.origin, "spec.minReplicaCount", least),
            count(&scaler.origin, "spec.maxReplicaCount", most),
        ))
    }

    /// Whether it has a pod on every node, so that its pods cannot be counted without the nodes.
    pub fn is_per_node(&self) -> bool {
        self.workload.controller == WorkloadController::DaemonSet
    }

    /// The pods at a level, those of a rolling update among them.
    pub fn count(&self, level: Level) -> Count<'a> {
        let at = |path: &'static str| vec![(self.origin, path)];
        let (least, most) = self.bounds().unzip();
        let declared = || Count { pods: self.workload.replicas.unwrap_or(1), sources: at("spec.replicas") };
        let peak = |pods: Replicas, path: &'static str| match level {
            Level::Minimum | Level::Declared => Count { pods: 0, sources: at(path) },
            Level::Maximum | Level::Surge => Count { pods, sources: at(path) },
        };
        match self.workload.controller {
            WorkloadController::DaemonSet => Count { pods: 0, sources: at("") },
            WorkloadController::Pod => Count { pods: 1, sources: at("") },
            WorkloadController::Job { parallelism } => peak(parallelism, "spec.parallelism"),
            WorkloadController::CronJob { parallelism, .. } => peak(parallelism, "spec.jobTemplate.spec.parallelism"),
            _ => match level {
                _ if self.is_uncounted() => Count { pods: 0, sources: at("spec") },
                Level::Minimum => least.unwrap_or_else(declared),
                Level::Declared => declared(),
                Level::Maximum => most.unwrap_or_else(declared),
                Level::Surge => {
                    let mut count = self.count(Level::Maximum);
                    count.pods = count.pods.saturating_add(self.workload.surge(count.pods));
                    if self.workload.surge(1) > 0 {
                        count.sources.push((self.origin, "spec.strategy.rollingUpdate.maxSurge"));
                    }
                    count
                }
            },
        }
    }

    /// Requests of so many pods.
    pub fn requests_of(&self, count: &Count<'_>) -> Amounts {
        self.requests.times(count.pods.into()).because_of(&count.sources())
    }

    /// Limits of so many pods.
    pub fn limits_of(&self, count: &Count<'_>) -> Amounts {
        self.limits.times(count.pods.into()).because_of(&count.sources())
    }
}

/// All workloads, in the order of the manifests.
pub fn workloads(inventory: &Inventory) -> Vec<WorkloadPlan<'_>> {
    let qualified = inventory.namespaces().len() > 1;
    let hpas = ByName::new(&inventory.hpas, |hpa| &hpa.item.target.name);
    let scaled_objects = inventory.other_scalers.iter().filter(|scaler| scaler.item.pods().is_some());
    let scaled_objects = ByName::new(scaled_objects, |scaler| &scaler.item.target.name);
    let mut all = Vec::with_capacity(inventory.workloads.len());
    for placed in &inventory.workloads {
        let (workload, id) = (&placed.item, placed.item.id());
        all.push(WorkloadPlan {
            workload,
            origin: &placed.origin,
            hpa: hpas.named(&id.name).find(|hpa| workload.is_scalable() && hpa.item.scales(&id)),
            scaled_object: scaled_objects.named(&id.name).find(|scaler| scaler.item.scales(&id)),
            qualified,
            requests: workload.template.requests(),
            limits: workload.template.limits(),
            qos: workload.template.qos_class(),
        });
    }
    all
}

/// Requests and limits of everything together.
#[derive(Clone, Debug, Default)]
pub struct Total {
    /// Pods, those of DaemonSets left out.
    pub pods: i64,
    /// What the scheduler reserves.
    pub requests: Amounts,
    /// What may be used at most, where there is a limit.
    pub limits: Amounts,
}

/// The total at a level; DaemonSets are left out.
pub fn total(workloads: &[WorkloadPlan<'_>], level: Level) -> Total {
    let mut total = Total::default();
    for workload in workloads.iter().filter(|workload| !workload.is_per_node()) {
        let count = workload.count(level);
        total.pods += i64::from(count.pods);
        total.requests.add(&workload.requests_of(&count));
        total.limits.add(&workload.limits_of(&count));
    }
    total
}

/// The workloads that have a container without a limit for a resource, so that their limits are no bound.
pub fn unlimited(workloads: &[WorkloadPlan<'_>], resource: &str) -> Vec<String> {
    workloads.iter().filter(|w| w.workload.template.unlimited(resource)).map(WorkloadPlan::label).collect()
}

/// The resources that anything requests or limits: CPU and memory first, then the others by name.
pub fn resource_names(workloads: &[WorkloadPlan<'_>]) -> Vec<String> {
    let mut names: Vec<String> = vec!["cpu".into(), "memory".into()];
    let mut others: Vec<String> = workloads
        .iter()
        .flat_map(|workload| workload.requests.names().chain(workload.limits.names()))
        .filter(|name| *name != "cpu" && *name != "memory")
        .map(str::to_owned)
        .collect();
    others.sort();
    others.dedup();
    names.extend(others);
    names
}
