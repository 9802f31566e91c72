//! Nodes with the pods that are on them, and the scheduler's filters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::Catalog;
use super::kinds::{Domain, Kind, Spread, TermId};
use super::room::Room;

/// The index of a node; those that are gone keep theirs until they are forgotten.
pub type NodeIndex = usize;

/// A node and what is on it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub pool: usize,
    pub class: usize,
    /// What is left of each resource.
    pub free: Vec<i64>,
    /// How many more pods it may run.
    pub slots: i64,
    /// CPU and memory that its pods are taken to need, for the scores.
    pub assumed: [i64; 2],
    /// How often each port is taken.
    ports: BTreeMap<usize, i64>,
    /// The pods on it that are on every node.
    daemons: Vec<usize>,
    /// Whether it is one of the cluster's nodes.
    there: bool,
    /// Whether it takes pods.
    pub takes: bool,
}

/// Pods of a term, or its owners, in each domain that has any.
type Tally = BTreeMap<Domain, i64>;

/// The nodes of a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) catalog: Arc<Catalog>,
    pub(super) nodes: Vec<Node>,
    /// What is left on those that take pods.
    room: Room,
    /// How many nodes of each pool were made, and how many of each class there are.
    made: Vec<usize>,
    of_class: Vec<usize>,
    /// Indices of nodes that are gone, for others to take.
    gone: Vec<NodeIndex>,
    /// For each term: the pods that it counts, those whose anti-affinity it is, and how much its owners pull.
    pub(super) counted: Vec<Tally>,
    owners: Vec<Tally>,
    pub(super) pulled: Vec<Tally>,
    /// The node of each hostname that pods are pinned to, with how many of them.
    hostnames: Vec<Option<(NodeIndex, i64)>>,
}

impl Cluster {
    /// Without nodes.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let terms = catalog.terms.len();
        Self {
            nodes: Vec::new(),
            room: Room::default(),
            made: vec![0; catalog.pools.len()],
            of_class: vec![0; catalog.classes.len()],
            gone: Vec::new(),
            counted: vec![Tally::new(); terms],
            owners: vec![Tally::new(); terms],
            pulled: vec![Tally::new(); terms],
            hostnames: vec![None; catalog.hostnames],
            catalog,
        }
    }

    /// The kinds of pods and nodes.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Another node of a pool, in the zone whose turn it is, with the pods that are on every node.
    pub fn add(&mut self, pool: usize) -> NodeIndex {
        let catalog = Arc::clone(&self.catalog);
        let spec = &catalog.pools[pool];
        let class = spec.first_class + self.made[pool] % spec.zones;
        self.made[pool] += 1;
        self.of_class[class] += 1;
        let node = Node {
            pool,
            class,
            free: spec.capacity.clone(),
            slots: spec.max_pods,
            assumed: [0, 0],
            ports: BTreeMap::new(),
            daemons: Vec::new(),
            there: true,
            takes: true,
        };
        let index = self.gone.pop().unwrap_or(self.nodes.len());
        match self.nodes.get_mut(index) {
            Some(gone) => *gone = node,
            None => self.nodes.push(node),
        }
        self.note_room(index);
        for &kind in &catalog.daemons {
            // One that does not fit beside those before it is not there.
            if catalog.kinds[kind].may_run[class] && self.has_room(&catalog.kinds[kind], index) {
                self.put(kind, index);
                self.nodes[index].daemons.push(kind);
            }
        }
        index
    }

    /// Takes away nodes that were added last.
    pub fn truncate(&mut self, len: usize) {
        for index in len..self.nodes.len() {
            self.made[self.nodes[index].pool] -= 1;
            self.leave(index);
        }
        self.nodes.truncate(len);
    }

    /// A node is no longer one of the cluster's; pods that are on it have left, but for those that are on every node.
    pub fn remove(&mut self, index: NodeIndex) {
        if self.nodes[index].there {
            self.leave(index);
            self.gone.push(index);
        }
    }

    fn leave(&mut self, index: NodeIndex) {
        let class = self.nodes[index].class;
        (self.nodes[index].there, self.nodes[index].takes) = (false, false);
        self.of_class[class] -= 1;
        self.note_room(index);
        for kind in std::mem::take(&mut self.nodes[index].daemons) {
            self.tally(kind, index, -1);
        }
    }

    /// Whether a node takes pods; one that does not stays a domain of its topologies.
    pub fn open(&mut self, index: NodeIndex, takes: bool) {
        self.nodes[index].takes = takes && self.nodes[index].there;
        self.note_room(index);
    }

    fn note_room(&mut self, index: NodeIndex) {
        let node = &self.nodes[index];
        self.room.set(index, node.takes.then_some([node.free[0], node.free[1], node.slots]));
    }

    /// The indices of nodes are below this.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there have been none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a node takes pods.
    pub fn takes_pods(&self, index: NodeIndex) -> bool {
        self.nodes[index].takes
    }

    /// The part of a node's CPU or memory that is requested, whichever is larger; 0 to 1.
    pub fn utilization(&self, index: NodeIndex) -> f64 {
        let node = &self.nodes[index];
        let capacity = &self.catalog.pools[node.pool].capacity;
        let part = |resource: usize| match capacity[resource] {
            0 => 0.0,
            all => (all - node.free[resource]) as f64 / all as f64,
        };
        part(0).max(part(1))
    }

    /// What a node has left of CPU and memory, as parts of all of it, added.
    pub fn waste(&self, index: NodeIndex) -> f64 {
        let node = &self.nodes[index];
        let capacity = &self.catalog.pools[node.pool].capacity;
        (0..2).map(|resource| node.free[resource] as f64 / capacity[resource].max(1) as f64).sum()
    }

    /// A pod of a kind is on a node from now on.
    pub fn put(&mut self, kind: usize, index: NodeIndex) {
        self.change(kind, index, 1);
    }

    /// A pod of a kind has left a node.
    pub fn take(&mut self, kind: usize, index: NodeIndex) {
        self.change(kind, index, -1);
    }

    fn change(&mut self, kind: usize, index: NodeIndex, by: i64) {
        let (node, spec) = (&mut self.nodes[index], &self.catalog.kinds[kind]);
        node.slots -= by;
        for (free, asked) in node.free.iter_mut().zip(&spec.requests) {
            *free -= by * asked;
        }
        for (all, asked) in node.assumed.iter_mut().zip(spec.assumed) {
            *all += by * asked;
        }
        for &port in &spec.ports {
            *node.ports.entry(port).or_default() += by;
        }
        if let Some(hostname) = spec.hostname {
            let pods = self.hostnames[hostname].map_or(0, |(_, pods)| pods) + by;
            self.hostnames[hostname] = (pods > 0).then_some((index, pods));
        }
        self.note_room(index);
        self.tally(kind, index, by);
    }

    /// Counts a pod for the terms that speak of it.
    fn tally(&mut self, kind: usize, index: NodeIndex, by: i64) {
        if !self.catalog.kinds[kind].is_counted() {
            return;
        }
        let catalog = Arc::clone(&self.catalog);
        let kind = &catalog.kinds[kind];
        let add = |tally: &mut Tally, domain: Domain, by: i64| {
            let count = tally.entry(domain).or_default();
            *count += by;
            if *count == 0 {
                tally.remove(&domain);
            }
        };
        for &term in &kind.counted_by {
            if let Some(domain) = self.domain(term, index) {
                add(&mut self.counted[term], domain, by);
            }
        }
        for &term in &kind.apart {
            if let Some(domain) = self.domain(term, index) {
                add(&mut self.owners[term], domain, by);
            }
        }
        for &(term, weight) in &kind.pulls {
            if let Some(domain) = self.domain(term, index) {
                add(&mut self.pulled[term], domain, by * weight);
            }
        }
    }

    /// The domain of a term that a node is in, if it has the label.
    pub(super) fn domain(&self, term: TermId, index: NodeIndex) -> Option<Domain> {
        let key = self.catalog.terms[term];
        if key == self.catalog.hostname_key {
            return Some(index as Domain);
        }
        self.catalog.classes[self.nodes[index].class].domains[key]
    }

    /// Whether a node has what a pod requests, and the ports that it takes.
    fn has_room(&self, kind: &Kind, index: NodeIndex) -> bool {
        let node = &self.nodes[index];
        node.slots > 0
            && node.free.iter().zip(&kind.requests).all(|(free, asked)| asked <= free || *asked == 0)
            && !kind.excluded_ports.iter().any(|port| node.ports.get(port).is_some_and(|taken| *taken > 0))
    }

    /// What the filters need to know of the whole cluster, for one pod of a kind.
    pub(super) fn filter(&self, kind: usize) -> Filter {
        let spec = &self.catalog.kinds[kind];
        let most = spec.spread.iter().map(|spread| self.most(spec, spread)).collect();
        let counted = |term: &TermId| !self.counted[*term].is_empty();
        let alone = spec.is_its_own_company && !spec.together.iter().any(counted);
        let pinned = spec.hostname.and_then(|hostname| self.hostnames[hostname]).map(|(node, _)| node);
        Filter { most, alone, pinned }
    }

    /// The most pods that a domain may have to take another, by a spread constraint.
    fn most(&self, kind: &Kind, spread: &Spread) -> i64 {
        let key = self.catalog.terms[spread.term];
        let has_keys = |class: usize| {
            let domains = &self.catalog.classes[class].domains;
            let has = |spread: &Spread| {
                let key = self.catalog.terms[spread.term];
                key == self.catalog.hostname_key || domains[key].is_some()
            };
            kind.spread.iter().all(has)
        };
        let counts = |class: usize| {
            has_keys(class)
                && (!spread.honors_node_affinity || kind.is_affine[class])
                && (!spread.honors_taints || kind.may_run[class])
        };
        let tally = &self.counted[spread.term];
        let (mut least, mut domains) = (i64::MAX, 0);
        if key == self.catalog.hostname_key {
            for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.there && counts(node.class)) {
                // What does not answer is left out where taints count.
                if node.takes || !spread.honors_taints {
                    least = least.min(tally.get(&(index as Domain)).copied().unwrap_or(0));
                    domains += 1;
                }
            }
        } else {
            let there = |class: &usize| self.of_class[*class] > 0 && counts(*class);
            let mut all: Vec<Domain> = (0..self.catalog.classes.len())
                .filter(there)
                .filter_map(|class| self.catalog.classes[class].domains[key])
                .collect();
            all.sort_unstable();
            all.dedup();
            domains = all.len();
            least = all.iter().map(|domain| tally.get(domain).copied().unwrap_or(0)).min().unwrap_or(i64::MAX);
        }
        let least = if domains < spread.min_domains || domains == 0 { 0 } else { least };
        least + spread.max_skew - i64::from(spread.own)
    }

    /// Whether a pod of a kind may go to a node now.
    pub(super) fn allows(&self, kind: usize, index: NodeIndex, filter: &Filter) -> bool {
        let (spec, node) = (&self.catalog.kinds[kind], &self.nodes[index]);
        node.takes
            && spec.may_run[node.class]
            && self.has_room(spec, index)
            && filter.pinned.is_none_or(|pinned| pinned == index)
            && self.is_apart(spec, index)
            && self.is_together(spec, index, filter.alone)
            && self.stays_even(spec, index, filter)
            && self.has_its_name(spec, index)
    }

    /// Whether no other hostname is the node's.
    fn has_its_name(&self, kind: &Kind, index: NodeIndex) -> bool {
        let Some(own) = kind.hostname else { return true };
        let mut others = self.hostnames.iter().enumerate().filter(|(name, _)| *name != own);
        !others.any(|(_, node)| node.is_some_and(|(node, _)| node == index))
    }

    fn at(&self, tallies: &[Tally], term: TermId, index: NodeIndex) -> Option<i64> {
        self.domain(term, index).map(|domain| tallies[term].get(&domain).copied().unwrap_or(0))
    }

    fn is_apart(&self, kind: &Kind, index: NodeIndex) -> bool {
        let none = |tallies: &[Tally], term: &TermId| self.at(tallies, *term, index).unwrap_or(0) == 0;
        kind.apart.iter().all(|term| none(&self.counted, term))
            && kind.kept_away_by.iter().all(|term| none(&self.owners, term))
    }

    /// A pod that is the first of those that it wants to be with may go anywhere.
    fn is_together(&self, kind: &Kind, index: NodeIndex, alone: bool) -> bool {
        let met = |term: &TermId| self.at(&self.counted, *term, index).is_some_and(|pods| alone || pods > 0);
        kind.together.iter().all(met)
    }

    fn stays_even(&self, kind: &Kind, index: NodeIndex, filter: &Filter) -> bool {
        let even = |(spread, most): (&Spread, &i64)| {
            self.at(&self.counted, spread.term, index).is_some_and(|pods| pods <= *most)
        };
        kind.spread.iter().zip(&filter.most).all(even)
    }

    /// Whether a node takes a pod of a kind.
    pub fn fits(&self, kind: usize, index: NodeIndex) -> bool {
        self.allows(kind, index, &self.filter(kind))
    }

    /// How much of an empty node of a pool a pod requests: CPU and memory, as parts of all of it, added.
    pub fn size(&self, kind: usize, pool: usize) -> f64 {
        let (requests, capacity) = (&self.catalog.kinds[kind].requests, &self.catalog.pools[pool].capacity);
        (0..2).map(|resource| requests[resource] as f64 / capacity[resource].max(1) as f64).sum()
    }

    /// In how many zones the nodes of a pool are.
    pub fn zones(&self, pool: usize) -> usize {
        self.catalog.pools[pool].zones
    }

    /// The first node from an index on that takes a pod of a kind.
    pub fn first(&self, kind: usize, from: NodeIndex) -> Option<NodeIndex> {
        let filter = self.filter(kind);
        let requests = &self.catalog.kinds[kind].requests;
        // What asks for nothing of a resource runs even where too much of it is taken.
        let asked = |resource: usize| if requests[resource] == 0 { i64::MIN + 1 } else { requests[resource] };
        let asked = [asked(0), asked(1), 1];
        let mut node = self.room.first(from, asked);
        while let Some(index) = node.filter(|&index| !self.allows(kind, index, &filter)) {
            node = self.room.first(index + 1, asked);
        }
        node
    }
}

/// What the filters need to know of the whole cluster, for one pod.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// For each spread constraint, the most pods that a domain may have to take another.
    most: Vec<i64>,
    /// Nobody is there yet of those that it wants to be with, and it is one of them.
    alone: bool,
    /// The node of its hostname.
    pinned: Option<NodeIndex>,
}
