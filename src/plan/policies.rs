//! Whether quotas let the pods be made, and budgets let nodes be drained.

use super::{Level, StorageRow, WorkloadPlan};
use crate::model::{Amount, DisruptionBudget, Inventory, Placed, ResourceQuota};
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
            findings.push(QuotaFinding { quota, resource: resource.to_owned(), hard: hard.clone(), used });
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
    let sum = |of: &dyn Fn(&WorkloadPlan<'_>) -> Quantity| {
        let parts = workloads.iter().zip(pods).map(|(workload, &pods)| of(workload).times(pods.into()));
        Some(parts.fold(Quantity::ZERO, |sum, more| sum + more))
    };
    match resource {
        "pods" | "count/pods" => sum(&|_| Quantity::from_units(1)),
        "cpu" | "memory" | "ephemeral-storage" => sum(&|w| w.requests.quantity(resource)),
        _ => match resource.split_once('.') {
            Some(("requests", name)) => sum(&|w| w.requests.quantity(name)),
            Some(("limits", name)) => sum(&|w| w.limits.quantity(name)),
            _ => None,
        },
    }
}

/// What a PodDisruptionBudget lets a drain do to a workload.
#[derive(Clone, Debug)]
pub struct BudgetFinding<'a> {
    /// The budget.
    pub budget: &'a Placed<DisruptionBudget>,
    /// The workload, by kind and name.
    pub workload: String,
    /// Its pods when there are fewest.
    pub pods: Replicas,
    /// How many of them may be evicted at once.
    pub allowed: Replicas,
}

/// Every budget with every workload that it selects.
pub fn budgets<'a>(inventory: &'a Inventory, workloads: &[WorkloadPlan<'_>]) -> Vec<BudgetFinding<'a>> {
    let mut findings = Vec::new();
    for budget in &inventory.budgets {
        let item = &budget.item;
        let selected = workloads.iter().filter(|w| {
            let selector = item.selector.as_ref();
            w.workload.namespace == item.namespace
                && !w.is_per_node()
                && selector.is_some_and(|selector| selector.matches(&w.workload.template.labels))
        });
        for workload in selected {
            let pods = workload.count(Level::Minimum).pods;
            if pods > 0 {
                let allowed = item.allowed_disruptions(pods);
                findings.push(BudgetFinding { budget, workload: workload.label(), pods, allowed });
            }
        }
    }
    findings
}
