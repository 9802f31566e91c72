//! How many nodes of a shape a level needs, and what is left when one is lost.

use super::packing::{Group, Packing, Problem, Unplaced};
use super::pool::Pool;
use super::{Level, WorkloadPlan};
use crate::model::available;
use crate::units::{Quantity, Replicas};

impl Pool<'_> {
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
        let is_packed = !problem.is_too_large();
        for (group, &pods) in problem.groups.iter().zip(&solution.left).filter(|(_, pods)| **pods > 0) {
            let reason = self.catalog.keeps_from(group.kind);
            unplaced.push(Unplaced { label: workloads[group.kind].label(), pods, reason });
        }
        let share = |name: &str| {
            let of = |(_, workload, count): &(usize, &WorkloadPlan<'_>, Replicas)| {
                workload.requests.quantity(name).times((*count).into())
            };
            let asked = runnable.iter().map(of).fold(Quantity::ZERO, |sum, more| sum + more);
            asked.ratio(self.allocatable.quantity(name).times(solution.nodes))
        };
        let fits = is_packed && solution.left.iter().all(|left| *left == 0);
        let zone_lost = if fits { problem.zone_lost(solution.nodes) } else { None };
        Packing {
            nodes: solution.nodes,
            is_packed,
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
