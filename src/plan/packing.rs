//! How many equal nodes hold a set of pods: first-fit decreasing, and a lower bound beside it.
//!
//! Which node may take a pod is what the scheduler's filters say ([`crate::placement`]); preferences do not count, since they
//! never keep a pod from running.

use std::sync::Arc;

use super::pool::Pool;
use crate::placement::{Catalog, Cluster};
use crate::units::Quantity;

/// More pods than this are not packed one by one.
pub const MOST_PODS: i64 = 250_000;
/// The same where a pod's place depends on the pods on other nodes: the number of nodes is searched for then.
pub const MOST_CONSTRAINED_PODS: i64 = 5_000;

/// What decides the number of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// There are no pods.
    Nothing,
    /// A resource.
    Resource(String),
    /// The number of pods that a node may run.
    PodsPerNode,
    /// Pods that may not share a node.
    AntiAffinity,
    /// Pods that take the same port of their node.
    HostPorts,
    /// Pods that may run in some zones only.
    Zones,
}

impl Binding {
    /// The name in reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Nothing => "-",
            Self::Resource(name) => name,
            Self::PodsPerNode => "pods per node",
            Self::AntiAffinity => "anti-affinity",
            Self::HostPorts => "host ports",
            Self::Zones => "zones",
        }
    }
}

/// Pods that no number of these nodes can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// What they are.
    pub label: String,
    /// How many.
    pub pods: i64,
    /// Why.
    pub reason: String,
}

/// The nodes that a set of pods needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Packing {
    /// By first-fit decreasing; those that cannot run are left out.
    pub nodes: i64,
    /// Whether the pods were packed: if they are too many, `nodes` is the bound.
    pub is_packed: bool,
    /// No packing whatever needs fewer.
    pub lower_bound: i64,
    /// What decides the lower bound.
    pub binding: Binding,
    /// The part of the nodes' allocatable CPU that is requested, 0 to 1.
    pub cpu_share: f64,
    /// The same of memory.
    pub memory_share: f64,
    /// What cannot run.
    pub unplaced: Vec<Unplaced>,
    /// The nodes to have so that the rest holds all pods when any one zone fails, if there is more than one zone.
    pub zone_lost: Option<ZoneLost>,
}

/// What it takes to lose a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneLost {
    /// So many nodes.
    Nodes(i64),
    /// Nothing: some pods may run in no other zones.
    Never,
}

impl Packing {
    /// Whether it is known that so many nodes run all pods.
    pub fn holds_all(&self) -> bool {
        self.is_packed && self.unplaced.is_empty()
    }
}

impl ZoneLost {
    /// How many nodes, if that is enough.
    pub fn nodes(self) -> Option<i64> {
        match self {
            Self::Nodes(nodes) => Some(nodes),
            Self::Never => None,
        }
    }
}

/// Equal pods that can run on the nodes at all.
pub(super) struct Group {
    /// Their index among the workloads: their kind.
    pub kind: usize,
    /// How many.
    pub count: i64,
    /// The largest part of a node that one of them takes, of any resource.
    pub size: f64,
    /// Requests, in the order of the resources of the problem.
    pub requests: Vec<Quantity>,
}

/// What is to be packed: the largest first, but those that want others beside them after those.
pub(super) struct Problem<'a> {
    pub pool: &'a Pool<'a>,
    pub groups: Vec<Group>,
    pub names: Vec<String>,
    /// What a node has for pods, besides those that are on every node.
    pub capacity: Vec<Quantity>,
}

/// The nodes, and the pods of each group that are left over.
pub(super) struct Solution {
    pub nodes: i64,
    pub left: Vec<i64>,
}

impl Problem<'_> {
    fn catalog(&self) -> &Arc<Catalog> {
        &self.pool.catalog
    }

    fn zones(&self) -> usize {
        self.pool.shape.zones.max(1) as usize
    }

    /// The largest of the bounds that no packing can beat, and which it is.
    pub fn lower_bound(&self) -> (i64, Binding) {
        let mut bounds = vec![(0, Binding::Nothing)];
        for (dimension, name) in self.names.iter().enumerate() {
            bounds.push((self.resource_bound(dimension, |_| true), Binding::Resource(name.clone())));
        }
        let pods = self.pods();
        let max_pods = self.pool.max_pods;
        bounds.push(((pods.saturating_add(max_pods - 1)) / max_pods.max(1), Binding::PodsPerNode));
        for group in &self.groups {
            if self.catalog().excludes_its_ports(group.kind) {
                bounds.push((group.count, Binding::HostPorts));
            }
            if self.catalog().is_apart_from_itself(group.kind) {
                bounds.push((group.count, Binding::AntiAffinity));
            }
        }
        // Nodes come to the zones in turn: those of one zone are each `zones` apart.
        let zones = self.zones();
        for zone in (0..zones).filter(|_| zones > 1 && self.groups.iter().any(|g| self.is_restricted(g))) {
            let only_there = |group: &Group| self.catalog().only_zone(group.kind, self.pool.index) == Some(zone);
            let of = |dimension: usize| self.resource_bound(dimension, only_there);
            let in_zone = (0..self.names.len()).map(of).max().unwrap_or(0);
            if in_zone > 0 {
                bounds.push(((in_zone - 1) * zones as i64 + zone as i64 + 1, Binding::Zones));
            }
        }
        // The first of equals: CPU before memory before the others.
        bounds.into_iter().rev().max_by_key(|(bound, _)| *bound).unwrap_or((0, Binding::Nothing))
    }

    fn is_restricted(&self, group: &Group) -> bool {
        self.catalog().only_zone(group.kind, self.pool.index).is_some()
    }

    fn pods(&self) -> i64 {
        self.groups.iter().fold(0, |sum, group| sum.saturating_add(group.count))
    }

    /// By volume, and by the pods of which no two share a node (Martello and Toth's L2 with one threshold): those
    /// above half a node each take one, and the rest goes into what they leave.
    fn resource_bound(&self, dimension: usize, counts: impl Fn(&Group) -> bool) -> i64 {
        let capacity = self.capacity[dimension];
        let groups = || self.groups.iter().filter(|group| counts(group));
        let volume = groups().map(|group| group.requests[dimension].times(group.count));
        let volume = volume.fold(Quantity::ZERO, |sum, more| sum + more);
        let large = groups().filter(|group| group.requests[dimension].times(2) > capacity);
        volume.div_ceil(capacity).unwrap_or(0).max(large.map(|group| group.count).sum())
    }

    /// Whether the pods' places depend on what is on other nodes, so that a number of nodes is searched for.
    fn is_constrained(&self) -> bool {
        self.groups.iter().any(|group| self.catalog().depends_on_others(group.kind))
    }

    /// Whether there are more pods than are packed one by one.
    pub fn is_too_large(&self) -> bool {
        self.pods() > if self.is_constrained() { MOST_CONSTRAINED_PODS } else { MOST_PODS }
    }

    /// The number of nodes and what is left over.
    pub fn solve(&self, lower_bound: i64) -> Solution {
        if self.is_too_large() {
            return Solution { nodes: lower_bound, left: vec![0; self.groups.len()] };
        }
        if !self.is_constrained() {
            return self.fill(Cluster::new(Arc::clone(self.catalog())), true);
        }
        // Spread and zones depend on which nodes there are: try numbers of nodes.
        let fits = |nodes: i64| self.of_so_many(nodes, None).left.iter().all(|left| *left == 0);
        let most = (self.pods() + 1) * self.zones() as i64;
        match fewest(lower_bound, most, fits) {
            Some(nodes) => Solution { nodes, left: vec![0; self.groups.len()] },
            None => {
                // The fewest that hold as many.
                let all = self.of_so_many(most, None).left;
                let as_many = |nodes: i64| self.of_so_many(nodes, None).left == all;
                let nodes = fewest(lower_bound, most, as_many).unwrap_or(most);
                Solution { nodes, left: all }
            }
        }
    }

    /// The nodes to have so that the rest holds all pods when any one zone fails.
    pub fn zone_lost(&self, needed: i64) -> Option<ZoneLost> {
        let zones = self.zones() as i64;
        if zones < 2 {
            return None;
        }
        if needed == 0 {
            return Some(ZoneLost::Nodes(0));
        }
        // The fullest zone has a share rounded up; the others must have enough: not fewer than this, and hardly more.
        let least = needed.saturating_mul(zones) / (zones - 1);
        let enough = (least..).find(|nodes| nodes - (nodes + zones - 1) / zones >= needed)?;
        let restricted = self.groups.iter().any(|group| self.is_restricted(group));
        if !(restricted || self.is_constrained()) {
            return Some(ZoneLost::Nodes(enough));
        }
        let holds = |nodes: i64, zone: usize| self.of_so_many(nodes, Some(zone)).left.iter().all(|left| *left == 0);
        let fits = |nodes: i64| (0..zones as usize).all(|zone| holds(nodes, zone));
        let most = (self.pods() + 1) * zones;
        Some(fewest(enough, most, fits).map_or(ZoneLost::Never, ZoneLost::Nodes))
    }

    /// Fills so many nodes, those of a zone without.
    fn of_so_many(&self, nodes: i64, without: Option<usize>) -> Solution {
        let mut cluster = Cluster::new(Arc::clone(self.catalog()));
        for _ in 0..nodes {
            cluster.add(self.pool.index);
        }
        for node in (0..cluster.len()).filter(|node| without == Some(node % self.zones())) {
            cluster.remove(node);
        }
        self.fill(cluster, false)
    }

    /// Fills nodes, and opens as many others as it takes.
    fn fill(&self, mut cluster: Cluster, opens: bool) -> Solution {
        let mut left: Vec<i64> = self.groups.iter().map(|group| group.count).collect();
        for (group, left) in self.groups.iter().zip(&mut left) {
            let mut from = 0;
            let looks_back = self.catalog().depends_on_others(group.kind);
            while *left > 0 {
                let place = cluster.first(group.kind, if looks_back { 0 } else { from });
                match place.or_else(|| if opens { self.open(&mut cluster, group.kind) } else { None }) {
                    Some(node) => {
                        cluster.put(group.kind, node);
                        from = node;
                        *left -= 1;
                    }
                    None => break,
                }
            }
        }
        Solution { nodes: cluster.len() as i64, left }
    }

    /// Opens nodes until one takes a pod; none if a node in each zone does not.
    fn open(&self, cluster: &mut Cluster, kind: usize) -> Option<usize> {
        let before = cluster.len();
        for _ in 0..self.zones() {
            let node = cluster.add(self.pool.index);
            if cluster.first(kind, node).is_some() {
                return Some(node);
            }
        }
        cluster.truncate(before);
        None
    }
}

/// The smallest number from `least` to `most` that fits; what fits is taken to fit with more as well.
fn fewest(least: i64, most: i64, fits: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, mut high) = (least, least.max(1));
    while !fits(high) {
        if high >= most {
            return None;
        }
        low = high + 1;
        high = (high * 2).min(most);
    }
    while low < high {
        let middle = (low + high) / 2;
        if fits(middle) { high = middle } else { low = middle + 1 }
    }
    Some(low)
}
