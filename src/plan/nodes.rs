//! How many nodes of a shape a level needs, and what is left when one is lost.

use super::packing::{Group, Packing, pack};
use super::{Level, WorkloadPlan};
use crate::model::{Amounts, NodeShape};
use crate::units::Replicas;

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
}

impl<'a> Pool<'a> {
    /// Nodes of a shape.
    pub fn new(shape: &'a NodeShape, workloads: &[WorkloadPlan<'_>]) -> Self {
        let daemons: Vec<&WorkloadPlan<'_>> = workloads.iter().filter(|w| w.is_per_node()).collect();
        let (allocatable, max_pods, reasons) = shape.beside(daemons.iter().map(|daemon| &daemon.workload.template));
        let (mut run, mut absent) = (Vec::new(), Vec::new());
        for (daemon, reason) in daemons.iter().zip(reasons) {
            match reason {
                None => run.push(daemon.label()),
                Some(reason) => absent.push((daemon.label(), reason)),
            }
        }
        Self { shape, allocatable, max_pods, daemons: run, absent }
    }

    /// The nodes for so many pods of each workload.
    pub fn pack(&self, workloads: &[WorkloadPlan<'_>], pods: &[Replicas]) -> Packing {
        let groups: Vec<Group<'_>> = workloads
            .iter()
            .zip(pods)
            .filter(|(workload, _)| !workload.is_per_node())
            .map(|(workload, &count)| Group {
                label: workload.label(),
                namespace: &workload.workload.namespace,
                template: &workload.workload.template,
                requests: &workload.requests,
                count: count.into(),
            })
            .collect();
        pack(&groups, self.shape, &self.allocatable, self.max_pods)
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

    /// The nodes to have so that `needed` are left when any one zone fails, if there is more than one zone.
    pub fn with_zone_lost(&self, needed: i64) -> Option<i64> {
        let zones = self.shape.zones;
        if zones < 2 {
            return None;
        }
        if needed == 0 {
            return Some(0);
        }
        // The fullest zone has a share rounded up; the others must have enough: not fewer than this, and hardly more.
        let least = needed.saturating_mul(zones) / (zones - 1);
        (least..).find(|nodes| nodes - (nodes + zones - 1) / zones >= needed)
    }
}
