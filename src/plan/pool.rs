//! A shape of nodes, with the pods that are on every node.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::WorkloadPlan;
use crate::model::{Amounts, Labels, NodeShape};
use crate::placement::{Catalog, Pods};

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
