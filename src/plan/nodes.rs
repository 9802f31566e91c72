//! How many nodes of a shape a level needs, and what is left when one is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::packing::{Group, Packing, Problem, Unplaced};
use super::{Level, WorkloadPlan};
use crate::model::{Amounts, Labels, NodeShape, available};
use crate::placement::{Catalog, Pods};
use crate::units::{Quantity, Replicas};

/// A shape with the DaemonSets' pods taken off, ready to be filled.
#[derive(Clone, Debug)]
pub struct Pool<'a> {
    /// The shape.
    pub shape: &'a NodeShape,
    /// What a node has for other pods.
    pub allocatable: Amounts,
    /// How many other pods it may run.
    pub max_pods: i64,
    /// The DaemonSets that run on it.
    pub daemons: Vec<String>,
    /// Those that do not, and why.
    pub absent: Vec<(String, String)>,
    /// The workloads as the scheduler sees them, and the index of this pool there.
    pub(super) catalog: Arc<Catalog>,
    pub(super) index: usize,
}

impl<'a> Pool<'a> {
    /// Nodes of a shape.
    pub fn new(shape: &'a NodeShape, workloads: &[WorkloadPlan<'_>], namespaces: &BTreeMap<String, Labels>) -> Self {
        Self::of_catalog(shape, workloads, (catalog(std::slice::from_ref(shape), workloads, namespaces), 0))
    }

    /// Nodes of each of some shapes.
    pub fn all(
        shapes: &'a [NodeShape],
        workloads: &[WorkloadPlan<'_>],
        namespaces: &BTreeMap<String, Labels>,
    ) -> Vec<Self> {
        let catalog = catalog(shapes, workloads, namespaces);
        let of = |(index, shape)| Self::of_catalog(shape, workloads, (Arc::clone(&catalog), index));
        shapes.iter().enumerate().map(of).collect()
    }

    fn of_catalog(
        shape: &'a NodeShape,
        workloads: &[WorkloadPlan<'_>],
        (catalog, index): (Arc<Catalog>, usize),
    ) -> Self {
        let daemons: Vec<&WorkloadPlan<'_>> = workloads.iter().filter(|w| w.is_per_node()).collect();
        let (allocatable, max_pods, reasons) = shape.beside(daemons.iter().map(|daemon| &daemon.workload.template));
        let (mut run, mut absent) = (Vec::new(), Vec::new());
        for (daemon, reason) in daemons.iter().zip(reasons) {
            match reason {
                None => run.push(daemon.label()),
                Some(reason) => absent.push((daemon.label(), reason)),
            }
        }
        Self { shape, allocatable, max_pods, daemons: run, absent, catalog, index }
    }

    /// The nodes for so many pods of each workload.
    pub fn pack(&self, workloads: &[WorkloadPlan<'_>], pods: &[Replicas]) -> Packing {
        let mut names: Vec<String> = vec!["cpu".into(), "memory".into()];
        let mut unplaced = Vec::new();
        let mut runnable = Vec::new();
        let counts = workloads.iter().zip(pods).enumerate();
        for (kind, (workload, &count)) in counts.filter(|(_, (w, count))| !w.is_per_node() && **count > 0) {
            match self.refuses(workloads, kind) {
                Some(reason) => unplaced.push(Unplaced { label: workload.label(), pods: count.into(), reason }),
                None => {
                    let new = workload.requests.names().filter(|name| !names.iter().any(|known| known == name));
                    names.extend(new.map(str::to_owned).collect::<Vec<_>>());
                    runnable.push((kind, workload, count));
                }
            }
        }
        let group = |&(kind, workload, count): &(usize, &WorkloadPlan<'_>, Replicas)| {
            let parts = workload
                .requests
                .iter()
                .map(|(name, amount)| amount.quantity.ratio(available(&self.allocatable, name)));
            let requests = names.iter().map(|name| workload.requests.quantity(name)).collect();
            Group { kind, count: count.into(), size: parts.fold(0.0, f64::max), requests }
        };
        let mut groups: Vec<Group> = runnable.iter().map(group).collect();
        let needs_company = |group: &Group| self.catalog.needs_company(group.kind);
        groups.sort_by(|a, b| needs_company(a).cmp(&needs_company(b)).then(b.size.total_cmp(&a.size)));
        let capacity = names.iter().map(|name| available(&self.allocatable, name)).collect();
        let problem = Problem { pool: self, groups, names, capacity };
        let (lower_bound, binding) = problem.lower_bound();
        let solution = problem.solve(lower_bound);
        let is_too_large = problem.is_too_large();
        for (group, &pods) in problem.groups.iter().zip(&solution.left).filter(|(_, pods)| **pods > 0) {
            let reason = if is_too_large {
                "too many to pack; nodes are the bound".to_owned()
            } else {
                self.catalog.keeps_from(group.kind)
            };
            unplaced.push(Unplaced { label: workloads[group.kind].label(), pods, reason });
        }
        let share = |name: &str| {
            let of = |(_, workload, count): &(usize, &WorkloadPlan<'_>, Replicas)| {
                workload.requests.quantity(name).times((*count).into())
            };
            let asked = runnable.iter().map(of).fold(Quantity::ZERO, |sum, more| sum + more);
            asked.ratio(self.allocatable.quantity(name).times(solution.nodes))
        };
        let holds_all = solution.left.iter().all(|left| *left == 0);
        let zone_lost = problem.zone_lost(solution.nodes).filter(|_| holds_all);
        Packing {
            nodes: solution.nodes,
            lower_bound,
            binding,
            cpu_share: share("cpu"),
            memory_share: share("memory"),
            unplaced,
            zone_lost,
        }
    }

    /// Why a pod of a workload does not run even on an empty node.
    pub fn refuses(&self, workloads: &[WorkloadPlan<'_>], kind: usize) -> Option<String> {
        let workload = &workloads[kind];
        if let Some(reason) = self.shape.refuses(&workload.workload.template) {
            return Some(reason);
        }
        let allocatable = &self.allocatable;
        let mut requests = workload.requests.iter();
        if let Some((name, amount)) = requests.find(|(name, amount)| amount.quantity > available(allocatable, name)) {
            return Some(format!("requests {} {name}, a node has {}", amount.quantity, allocatable.quantity(name)));
        }
        if self.max_pods < 1 {
            return Some("no room for pods besides the DaemonSets".to_owned());
        }
        self.catalog.refuses(kind, self.index)
    }

    /// The nodes for a level.
    pub fn pack_level(&self, workloads: &[WorkloadPlan<'_>], level: Level) -> Packing {
        let pods: Vec<Replicas> = workloads.iter().map(|workload| workload.count(level).pods).collect();
        self.pack(workloads, &pods)
    }

    /// The nodes to have so that `needed` are left when any one fails.
    pub fn with_node_lost(needed: i64) -> i64 {
        if needed == 0 { 0 } else { needed + 1 }
    }
}

/// What the scheduler looks at.
fn catalog(
    shapes: &[NodeShape],
    workloads: &[WorkloadPlan<'_>],
    namespaces: &BTreeMap<String, Labels>,
) -> Arc<Catalog> {
    let pods: Vec<Pods<'_>> = workloads.iter().map(pods_of).collect();
    Arc::new(Catalog::new(&shapes.iter().collect::<Vec<_>>(), &pods, namespaces))
}

/// A workload's pods, as the scheduler sees them.
fn pods_of<'a>(workload: &WorkloadPlan<'a>) -> Pods<'a> {
    Pods {
        namespace: &workload.workload.namespace,
        template: &workload.workload.template,
        selector: workload.workload.selector.as_ref(),
        per_node: workload.is_per_node(),
    }
}
