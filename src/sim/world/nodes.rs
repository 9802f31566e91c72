//! The nodes of the simulated cluster, and the pods on them: where the scheduler puts them, what the loss of a node does.
//!
//! Which node a pod gets is [`crate::placement`]'s to say. Pods of workloads that are not simulated are on the nodes from the
//! start; one that has to leave its node, or finds none, waits in line with the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{NodesConfig, Workload, WorkloadController};
use crate::placement::{Catalog, Cluster, NodeIndex, Pods};
use crate::sim::{PRICE_UNIT, ReadyNodes};
use crate::units::{Replicas, SimTime, Span};

/// What is known of a node besides the pods that the scheduler counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub pool: usize,
    /// How many pods of each kind are on it, but for those that are on every node.
    pub pods: BTreeMap<usize, Replicas>,
    pub state: NodeState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NodeState {
    /// It is Ready.
    Ready,
    /// The cluster autoscaler empties it, to remove it then.
    Draining,
    /// It does not answer; its pods are deleted at this time.
    Lost(SimTime),
    /// There is no such node.
    #[default]
    Gone,
}

/// A workload that is not simulated.
#[derive(Clone, Debug)]
pub(super) struct Other<'a> {
    pub workload: &'a Workload,
    pub kind: usize,
    /// Pods without a node.
    pub waiting: Replicas,
}

/// What the cluster autoscaler remembers.
#[derive(Clone, Debug)]
pub(super) struct Autoscaler {
    pub next_scan: SimTime,
    /// Nodes that are on their way: when they are ready, and their pool.
    pub coming: Vec<(SimTime, usize)>,
    pub last_added: Option<SimTime>,
    /// Since when each node is unneeded.
    pub unneeded_since: BTreeMap<NodeIndex, SimTime>,
    /// How often things had changed when it looked last.
    pub looked_at: Option<u64>,
}

/// A place that is being made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nomination {
    /// For a pod of this kind.
    pub kind: usize,
    pub node: NodeIndex,
    /// Victims that have not left yet.
    pub leaving: Replicas,
}

/// The nodes of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Nodes<'a> {
    pub config: &'a NodesConfig,
    pub cluster: Cluster,
    pub nodes: Vec<Node>,
    pub others: Vec<Other<'a>>,
    /// How many of the kinds are targets: the first ones.
    targets: usize,
    pub autoscaler: Option<Autoscaler>,
    pub nominations: Vec<Nomination>,
    /// Room has appeared since pods were last refused.
    pub changed: bool,
    /// How often what is on the nodes has changed.
    pub version: u64,
}

/// Pods of a workload, as the scheduler sees them.
fn pods_of(workload: &Workload) -> Pods<'_> {
    Pods {
        namespace: &workload.namespace,
        template: &workload.template,
        selector: workload.selector.as_ref(),
        per_node: workload.controller == WorkloadController::DaemonSet,
    }
}

impl<'a> Nodes<'a> {
    /// The nodes at the start, with the pods of the workloads that are not simulated.
    pub fn new(config: &'a NodesConfig, targets: &[&Workload], start: SimTime) -> Self {
        let others = config.others.iter().map(|(workload, _)| workload);
        let pods: Vec<Pods<'_>> = targets.iter().copied().chain(others).map(pods_of).collect();
        let shapes: Vec<_> = config.pools.iter().map(|pool| &pool.shape).collect();
        let catalog = Catalog::new(&shapes, &pods, &config.namespaces);
        let other = |(index, (workload, pods)): (usize, &'a (Workload, Replicas))| Other {
            workload,
            kind: targets.len() + index,
            waiting: if workload.controller == WorkloadController::DaemonSet { 0 } else { *pods },
        };
        let mut nodes = Self {
            config,
            cluster: Cluster::new(Arc::new(catalog)),
            nodes: Vec::new(),
            others: config.others.iter().enumerate().map(other).collect(),
            targets: targets.len(),
            autoscaler: config.autoscaler.as_ref().map(|autoscaler| Autoscaler::new(autoscaler, start)),
            nominations: Vec::new(),
            changed: false,
            version: 0,
        };
        for (pool, number) in config.pools.iter().enumerate().map(|(index, pool)| (index, pool.nodes)) {
            for _ in 0..number {
                nodes.add(pool);
            }
        }
        (0..nodes.others.len()).for_each(|other| nodes.place_other(other));
        nodes
    }

    /// A node of a pool is ready.
    pub fn add(&mut self, pool: usize) {
        let index = self.cluster.add(pool);
        if self.nodes.len() <= index {
            self.nodes.resize_with(index + 1, Node::default);
        }
        self.nodes[index] = Node { pool, pods: BTreeMap::new(), state: NodeState::Ready };
        self.has_changed();
    }

    /// There may be room that was not there.
    pub fn has_changed(&mut self) {
        self.changed = true;
        self.version += 1;
    }

    /// Nodes that are ready.
    pub fn ready(&self) -> ReadyNodes {
        let ready = |node: &&Node| matches!(node.state, NodeState::Ready | NodeState::Draining);
        let price = |node: &Node| self.config.pools[node.pool].shape.price_per_month;
        let all = self.nodes.iter().filter(ready);
        let with = |sum: i64, node: &Node| Some(sum.saturating_add((price(node)? * PRICE_UNIT).round() as i64));
        let sum = all.clone().try_fold(0, with);
        // Where no shape has a price there is none, whether there are nodes or not.
        let has_prices = self.config.pools.iter().all(|pool| pool.shape.price_per_month.is_some());
        ReadyNodes { count: all.count() as i64, price: sum.filter(|_| has_prices) }
    }

    /// When something happens to nodes next.
    pub fn next(&self) -> SimTime {
        let removed = self.nodes.iter().filter_map(|node| match node.state {
            NodeState::Lost(until) => Some(until),
            _ => None,
        });
        let autoscaler = self.autoscaler.iter().map(Autoscaler::next);
        removed.chain(autoscaler).min().unwrap_or(SimTime::MAX)
    }

    /// New nodes arrive, lost ones are given up.
    pub fn come_and_go(&mut self, now: SimTime) {
        let coming = self.autoscaler.as_mut().map(|autoscaler| autoscaler.arrive(now)).unwrap_or_default();
        for pool in coming {
            self.add(pool);
        }
        for index in 0..self.nodes.len() {
            if matches!(self.nodes[index].state, NodeState::Lost(until) if until <= now) {
                self.remove(index);
            }
        }
    }

    /// Nodes that have been emptied are removed.
    pub fn finish_draining(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].state == NodeState::Draining && self.nodes[index].pods.is_empty() {
                self.remove(index);
            }
        }
    }

    /// A node is gone; pods on it that are not simulated wait for others.
    pub fn remove(&mut self, index: NodeIndex) {
        self.evict_others(index);
        self.cluster.remove(index);
        self.nodes[index] = Node::default();
        self.nominations.retain(|nomination| !nomination.is_on(index));
        self.has_changed();
    }

    /// Pods on a node that are not simulated leave it.
    pub fn evict_others(&mut self, index: NodeIndex) {
        for other in 0..self.others.len() {
            let kind = self.others[other].kind;
            for _ in 0..self.nodes[index].pods.get(&kind).copied().unwrap_or(0) {
                self.leave(kind, index);
                self.others[other].waiting += 1;
            }
        }
    }

    fn put(&mut self, kind: usize, index: NodeIndex) {
        self.cluster.put(kind, index);
        *self.nodes[index].pods.entry(kind).or_default() += 1;
        self.version += 1;
        // Others may have waited for its company.
        self.changed |= self.cluster.catalog().is_company_wanted();
    }

    /// A pod has left a node.
    pub fn leave(&mut self, kind: usize, index: NodeIndex) {
        self.has_left(index);
        self.cluster.take(kind, index);
        let pods = &mut self.nodes[index].pods;
        match pods.get_mut(&kind) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                pods.remove(&kind);
            }
        }
        self.has_changed();
    }

    /// Finds places for so many pods of a kind, as the scheduler does one by one.
    pub fn schedule(&mut self, kind: usize, count: Replicas) -> Vec<(NodeIndex, Replicas)> {
        let mut places = Vec::new();
        for _ in 0..count {
            let Some(index) = self.cluster.best(kind) else { break };
            self.put(kind, index);
            self.is_placed(kind);
            places.push((index, 1));
        }
        places
    }

    /// Finds places for the pods of a workload that is not simulated.
    pub fn place_other(&mut self, other: usize) {
        let Other { kind, waiting, .. } = self.others[other];
        let placed: Replicas = self.schedule(kind, waiting).iter().map(|place| place.1).sum();
        self.others[other].waiting -= placed;
    }

    /// Pods of a target have left.
    pub fn release(&mut self, target: usize, places: &mut Vec<(NodeIndex, Replicas)>) {
        for (index, count) in places.drain(..) {
            for _ in 0..count {
                self.leave(target, index);
            }
        }
    }

    /// So many nodes do not answer any more, those with the most pods of a target; their indices. What is on them is dead;
    /// the nodes stay in the cluster's books until `until`.
    pub fn lose(&mut self, target: usize, count: i64, until: SimTime) -> Vec<NodeIndex> {
        let ready = |node: &Node| matches!(node.state, NodeState::Ready | NodeState::Draining);
        let mut lost: Vec<NodeIndex> = (0..self.nodes.len()).filter(|&index| ready(&self.nodes[index])).collect();
        let pods = |index: NodeIndex| self.nodes[index].pods.get(&target).copied().unwrap_or(0);
        lost.sort_by_key(|&index| (std::cmp::Reverse(pods(index)), index));
        lost.truncate(count.max(0) as usize);
        for &index in &lost {
            for kind in 0..self.targets {
                for _ in 0..self.nodes[index].pods.get(&kind).copied().unwrap_or(0) {
                    self.leave(kind, index);
                }
            }
            self.cluster.open(index, false);
            self.nodes[index].state = NodeState::Lost(until);
            self.version += 1;
        }
        lost
    }
}

/// How long until a node that does not answer is marked (`--node-monitor-grace-period`), and from then on until its
/// pods are deleted (the toleration that the API server gives to every pod).
pub(super) const NODE_GRACE: Span = Span::from_seconds(50);
/// The same before 1.32.
pub(super) const NODE_GRACE_BEFORE_1_32: Span = Span::from_seconds(40);
/// See [`NODE_GRACE`].
pub(super) const NODE_TOLERATION: Span = Span::from_seconds(300);
