//! Whether quotas let the pods be made, and budgets let nodes be drained.

use super::{Level, StorageRow, WorkloadPlan};
use crate::model::{Amount, Amounts, DisruptionBudget, Inventory, Placed, ResourceQuota, lacking, quota_use};
use crate::units::{Quantity, Replicas};

/// One line of a ResourceQuota against what is asked for.
#[derive(Clone, Debug)]
pub struct QuotaFinding<'a> {
    /// The quota.
    pub quota: &'a Placed<ResourceQuota>,
    /// The resource, such as `requests.cpu`.
    pub resource: String,
    /// What is allowed.
    pub hard: Amount,
    /// What is asked for at each level of [`Level::ALL`]; none if hpasim cannot tell.
    pub used: Option<[Quantity; 4]>,
    /// Workloads whose pods it refuses, since a container has no request or limit of the resource: each with the
    /// containers.
    pub refuses: Vec<(String, Vec<String>)>,
}

impl QuotaFinding<'_> {
    /// The first level that does not fit.
    pub fn exceeded_at(&self) -> Option<Level> {
        let used = self.used?;
        Level::ALL.into_iter().zip(used).find(|(_, used)| *used > self.hard.quantity).map(|(level, _)| level)
    }
}

/// Every line of every quota.
pub fn quotas<'a>(
    inventory: &'a Inventory,
    workloads: &[WorkloadPlan<'_>],
    storage: &[StorageRow],
) -> Vec<QuotaFinding<'a>> {
    let mut findings = Vec::new();
    for quota in &inventory.quotas {
        let namespace = &quota.item.namespace;
        let inside: Vec<WorkloadPlan<'_>> =
            workloads.iter().filter(|w| w.workload.namespace == *namespace).cloned().collect();
        let claims: Vec<&StorageRow> =
            storage.iter().filter(|row| row.namespace == *namespace && row.kind.is_persistent()).collect();
        for (resource, hard) in quota.item.hard.iter() {
            let uses = |level: Level| used(&inside, &claims, resource, level);
            let used = match (quota.item.scoped, uses(Level::Minimum)) {
                (false, Some(_)) => Some(Level::ALL.map(|level| uses(level).unwrap_or(Quantity::ZERO))),
                _ => None,
            };
            let refused = |workload: &WorkloadPlan<'_>| {
                let containers = lacking(&workload.workload.template, resource);
                let names: Vec<String> = containers.iter().map(|container| container.name.clone()).collect();
                (!names.is_empty()).then(|| (workload.label(), names))
            };
            let refuses = if quota.item.scoped { Vec::new() } else { inside.iter().filter_map(refused).collect() };
            findings.push(QuotaFinding { quota, resource: resource.to_owned(), hard: hard.clone(), used, refuses });
        }
    }
    findings
}

/// What a namespace asks for of a resource as quotas name it.
///
/// The names are those of `pkg/quota/v1/evaluator/core` (pods.go, persistent_volume_claims.go).
fn used(workloads: &[WorkloadPlan<'_>], claims: &[&StorageRow], resource: &str, level: Level) -> Option<Quantity> {
    let sum = |rows: &mut dyn Iterator<Item = &&StorageRow>| {
        rows.map(|row| row.total(level)).fold(Quantity::ZERO, |sum, more| sum + more)
    };
    let number = |rows: &mut dyn Iterator<Item = &&StorageRow>| {
        Quantity::from_units(rows.map(|row| row.counts[level.index()]).sum())
    };
    if let Some((class, what)) = resource.split_once(".storageclass.storage.k8s.io/") {
        let mut of_class = claims.iter().filter(|row| row.class.as_deref() == Some(class));
        return match what {
            "requests.storage" => Some(sum(&mut of_class)),
            "persistentvolumeclaims" => Some(number(&mut of_class)),
            _ => None,
        };
    }
    match resource {
        "requests.storage" => Some(sum(&mut claims.iter())),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => Some(number(&mut claims.iter())),
        _ => {
            let pods: Vec<Replicas> = workloads.iter().map(|workload| workload.count(level).pods).collect();
            pod_use(workloads, &pods, resource)
        }
    }
}

/// What so many pods of each workload use up of a quota's resource, if it is one that pods use.
pub fn pod_use(workloads: &[WorkloadPlan<'_>], pods: &[Replicas], resource: &str) -> Option<Quantity> {
    let none = Amounts::default();
    quota_use(&none, &none, resource)?;
    let each = |w: &WorkloadPlan<'_>| quota_use(&w.requests, &w.limits, resource).unwrap_or(Quantity::ZERO);
    let parts = workloads.iter().zip(pods).map(|(workload, &pods)| each(workload).times(pods.into()));
    Some(parts.fold(Quantity::ZERO, |sum, more| sum + more))
}

/// What a PodDisruptionBudget lets a drain do to the pods that it selects, of all workloads together.
#[derive(Clone, Debug)]
pub struct BudgetFinding<'a> {
    /// The budget.
    pub budget: &'a Placed<DisruptionBudget>,
    /// The workloads, by kind and name; none if it selects nothing.
    pub workloads: Vec<String>,
    /// Their pods when there are fewest.
    pub pods: Replicas,
    /// How many of them may be evicted at once.
    pub allowed: Replicas,
    /// Those of the workloads that another budget selects, too: none of their pods can be evicted (`EvictionREST.Create`
    /// in `pkg/registry/core/pod/storage/eviction.go`).
    pub shared: Vec<String>,
}

impl BudgetFinding<'_> {
    /// Whether all its pods can be evicted, some after others.
    pub fn drains(&self) -> bool {
        self.allowed > 0 && self.shared.is_empty()
    }
}

/// Every budget with the pods that it selects. Those of DaemonSets are not evicted by drains.
pub fn budgets<'a>(inventory: &'a Inventory, workloads: &[WorkloadPlan<'_>]) -> Vec<BudgetFinding<'a>> {
    let neighbourhood = inventory.neighbourhood(&[]);
    let budgets_of = |w: &WorkloadPlan<'_>| neighbourhood.budgets_of(w.workload).count();
    let finding = |budget: &'a Placed<DisruptionBudget>| {
        let candidates = |selector| neighbourhood.candidates(&budget.item.namespace, selector);
        let places = budget.item.selector.as_ref().map_or(&[][..], candidates);
        let selected = places.iter().map(|&place| &workloads[place]);
        let selected: Vec<&WorkloadPlan<'_>> =
            selected.filter(|w| !w.is_per_node() && budget.item.selects(w.workload)).collect();
        let pods = selected.iter().map(|w| w.count(Level::Minimum).pods).fold(0, Replicas::saturating_add);
        BudgetFinding {
            budget,
            workloads: selected.iter().map(|w| w.label()).collect(),
            pods,
            allowed: budget.item.allowed_disruptions(pods),
            shared: selected.iter().filter(|w| budgets_of(w) > 1).map(|w| w.label()).collect(),
        }
    };
    inventory.budgets.iter().map(finding).collect()
}
