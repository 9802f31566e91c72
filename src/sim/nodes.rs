//! Nodes, the scheduler and the cluster autoscaler.
//!
//! The scheduler's filters are those that manifests speak of: requests of every resource, pods per node, nodeSelector,
//! required node affinity and taints, required anti-affinity and topology spread between the target's own pods. Its
//! scores are preferred anti-affinity, even spread and the least allocated node (`NodeResourcesFit`,
//! `InterPodAffinity`, `PodTopologySpread`). Preemption and disruption budgets are not considered.
//!
//! The cluster autoscaler mirrors `cluster-autoscaler/core`: nodes for pods that cannot be scheduled, from the first pool
//! that can run them; nodes below the threshold for the unneeded time are removed if their pods fit elsewhere, one at a
//! time.

use super::draw::{Draws, Purpose};
use crate::model::{ClusterAutoscaler, HOSTNAME_LABEL, NodesConfig, PodTemplate, ZONE_LABEL, available};
use crate::units::{Quantity, Replicas, SimTime, Span};

/// A node.
#[derive(Clone, Debug)]
struct Node {
    pool: usize,
    zone: i64,
    free: Vec<Quantity>,
    slots: i64,
    /// Pods of the target.
    mine: Replicas,
    /// Pods of each other workload.
    others: Vec<Replicas>,
    ready_at: SimTime,
    /// Since when it is below the threshold.
    low_since: Option<SimTime>,
    gone: bool,
}

/// What a kind of pods asks of a node.
#[derive(Clone, Debug)]
struct Asked {
    requests: Vec<Quantity>,
    /// Whether the nodes of each pool may run it.
    may_run: Vec<bool>,
}

/// How the target's pods keep away from each other.
#[derive(Clone, Copy, Debug, Default)]
struct Apart {
    node_required: bool,
    zone_required: bool,
    node_preferred: bool,
    zone_preferred: bool,
    /// The largest difference between nodes, and between zones.
    node_skew: Option<Replicas>,
    zone_skew: Option<Replicas>,
}

/// The nodes of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Nodes<'a> {
    config: &'a NodesConfig,
    nodes: Vec<Node>,
    resources: Vec<String>,
    asked: Asked,
    apart: Apart,
    others: Vec<Asked>,
    next_scan: SimTime,
    last_added: Option<SimTime>,
    /// Room has appeared since pods were last refused.
    pub changed: bool,
    /// How often what is on the nodes has changed, and at which count the autoscaler looked last.
    version: u64,
    looked_at: Option<u64>,
}

impl<'a> Nodes<'a> {
    /// The nodes at the start, with the pods of other workloads.
    pub fn new(config: &'a NodesConfig, template: &PodTemplate, start: SimTime) -> Self {
        let mut resources: Vec<String> = Vec::new();
        let all = config.others.iter().map(|(template, _)| template).chain([template]);
        for name in all.flat_map(|template| template.requests().names().map(str::to_owned).collect::<Vec<_>>()) {
            if !resources.contains(&name) {
                resources.push(name);
            }
        }
        let asked = |template: &PodTemplate| {
            let requests = template.requests();
            Asked {
                requests: resources.iter().map(|name| requests.quantity(name)).collect(),
                may_run: config.pools.iter().map(|pool| pool.shape.refuses(template).is_none()).collect(),
            }
        };
        let mut nodes = Self {
            config,
            nodes: Vec::new(),
            asked: asked(template),
            others: config.others.iter().map(|(template, _)| asked(template)).collect(),
            apart: Apart::of(template),
            resources,
            next_scan: config.autoscaler.as_ref().map_or(SimTime::MAX, |autoscaler| start + autoscaler.scan_interval),
            last_added: None,
            changed: false,
            version: 0,
            looked_at: None,
        };
        for (pool, number) in config.pools.iter().enumerate().map(|(index, pool)| (index, pool.nodes)) {
            for _ in 0..number {
                nodes.add(pool, start);
            }
        }
        for (kind, (_, pods)) in config.others.iter().enumerate() {
            for _ in 0..*pods {
                nodes.place_other(kind, start, None);
            }
        }
        nodes
    }

    fn add(&mut self, pool: usize, ready_at: SimTime) {
        let shape = &self.config.pools[pool];
        let in_pool = self.nodes.iter().filter(|node| node.pool == pool).count() as i64;
        self.version += 1;
        self.nodes.push(Node {
            pool,
            zone: in_pool % shape.shape.zones.max(1),
            free: self.resources.iter().map(|name| available(&shape.allocatable, name)).collect(),
            slots: shape.max_pods,
            mine: 0,
            others: vec![0; self.config.others.len()],
            ready_at,
            low_since: None,
            gone: false,
        });
    }

    /// Nodes that are ready.
    pub fn ready(&self, now: SimTime) -> i64 {
        self.nodes.iter().filter(|node| !node.gone && node.ready_at <= now).count() as i64
    }

    /// When something happens to nodes next.
    pub fn next(&self, now: SimTime) -> SimTime {
        let coming = self.nodes.iter().filter(|node| !node.gone && node.ready_at > now).map(|node| node.ready_at).min();
        coming.unwrap_or(SimTime::MAX).min(self.next_scan)
    }

    /// Nodes that have just become ready have room.
    pub fn arrive(&mut self, now: SimTime) {
        if self.nodes.iter().any(|node| node.ready_at == now) {
            self.changed = true;
            self.version += 1;
        }
    }

    /// Finds places for so many pods of the target, as the scheduler would one by one.
    pub fn schedule(&mut self, count: Replicas, now: SimTime) -> Vec<(usize, Replicas)> {
        let mut places = Vec::new();
        for _ in 0..count {
            let Some(index) = self.best(&self.asked, now, true, None) else { break };
            let Self { nodes, asked, .. } = self;
            nodes[index].take(asked);
            nodes[index].mine += 1;
            self.version += 1;
            places.push((index, 1));
        }
        places
    }

    /// Pods of the target have left.
    pub fn release(&mut self, places: &mut Vec<(usize, Replicas)>) {
        for (index, count) in places.drain(..) {
            let Self { nodes, asked, .. } = self;
            for _ in 0..count {
                nodes[index].give_back(asked);
            }
            nodes[index].mine -= count;
            self.changed = true;
            self.version += 1;
        }
    }

    /// The node for a pod: feasible, then by the scores.
    fn best(&self, asked: &Asked, now: SimTime, is_mine: bool, but: Option<usize>) -> Option<usize> {
        let zones = if is_mine { self.by_zone(now) } else { Vec::new() };
        let least_on_node = self.usable(now).map(|(_, node)| node.mine).min().unwrap_or(0);
        let feasible = self.usable(now).filter(|&(index, node)| {
            Some(index) != but
                && asked.may_run[node.pool]
                && node.fits(asked)
                && (!is_mine || self.apart.allows(node, &zones, least_on_node))
        });
        let score = |&(index, node): &(usize, &Node)| {
            let apart = if is_mine { self.apart.conflicts(node, &zones) } else { 0 };
            let mine = if is_mine { node.mine } else { 0 };
            (apart, mine, (node.allocated(self.capacity(node)) * 1e6) as i64, index)
        };
        feasible.min_by_key(score).map(|(index, _)| index)
    }

    fn usable(&self, now: SimTime) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(move |(_, node)| !node.gone && node.ready_at <= now)
    }

    /// Pods of the target in each zone.
    fn by_zone(&self, now: SimTime) -> Vec<Replicas> {
        let mut zones = Vec::new();
        for (_, node) in self.usable(now) {
            let zone = node.zone as usize;
            if zones.len() <= zone {
                zones.resize(zone + 1, 0);
            }
            zones[zone] += node.mine;
        }
        zones
    }

    /// The capacity of the resources that utilization is taken of.
    fn capacity(&self, node: &Node) -> Vec<(usize, Quantity)> {
        let allocatable = &self.config.pools[node.pool].allocatable;
        let of = |(index, name): (usize, &String)| {
            matches!(name.as_str(), "cpu" | "memory").then(|| (index, allocatable.quantity(name)))
        };
        self.resources.iter().enumerate().filter_map(of).collect()
    }

    fn place_other(&mut self, kind: usize, now: SimTime, but: Option<usize>) -> bool {
        let Some(index) = self.best(&self.others[kind], now, false, but) else { return false };
        let Self { nodes, others, .. } = self;
        nodes[index].take(&others[kind]);
        nodes[index].others[kind] += 1;
        self.version += 1;
        true
    }

    /// So many nodes are gone, those with the most pods of the target; their indices.
    pub fn lose(&mut self, count: i64, now: SimTime) -> Vec<usize> {
        let mut lost: Vec<usize> = self.usable(now).map(|(index, _)| index).collect();
        lost.sort_by_key(|&index| (std::cmp::Reverse(self.nodes[index].mine), index));
        lost.truncate(count.max(0) as usize);
        for &index in &lost {
            self.nodes[index].gone = true;
            self.version += 1;
            for kind in 0..self.others.len() {
                for _ in 0..std::mem::take(&mut self.nodes[index].others[kind]) {
                    self.place_other(kind, now, None);
                }
            }
        }
        lost
    }

    /// The autoscaler looks, if it is due; gives the node whose pods are to be evicted.
    pub fn scan(&mut self, now: SimTime, unschedulable: Replicas, draws: &mut Draws) -> Option<usize> {
        let autoscaler = self.config.autoscaler.as_ref().filter(|_| self.next_scan <= now)?;
        self.next_scan = now + autoscaler.scan_interval;
        if unschedulable > 0 {
            for node in &mut self.nodes {
                node.low_since = None;
            }
            self.looked_at = None;
            self.scale_up(autoscaler, now, unschedulable, draws);
            return None;
        }
        self.scale_down(autoscaler, now)
    }

    fn scale_up(&mut self, autoscaler: &ClusterAutoscaler, now: SimTime, pods: Replicas, draws: &mut Draws) {
        // As if all nodes that are on their way were there already.
        let mut trial = self.clone();
        for node in &mut trial.nodes {
            node.ready_at = node.ready_at.min(now);
        }
        let placed = |trial: &mut Self, pods: Replicas| -> Replicas {
            trial.schedule(pods, now).iter().map(|place| place.1).sum()
        };
        let mut left = pods - placed(&mut trial, pods);
        let mut wanted = Vec::new();
        for (pool, config) in self.config.pools.iter().enumerate() {
            let there = |trial: &Self| trial.nodes.iter().filter(|node| !node.gone && node.pool == pool).count() as i64;
            while left > 0 && there(&trial) < config.max_nodes {
                trial.add(pool, now);
                let on_it = placed(&mut trial, left);
                if on_it == 0 {
                    // Another node of this pool does not help.
                    trial.nodes.pop();
                    break;
                }
                left -= on_it;
                wanted.push(pool);
            }
        }
        for pool in wanted {
            let ready_at = now + draws.delay(Purpose::Provisioning, autoscaler.provisioning).max(Span::from_seconds(1));
            self.add(pool, ready_at);
            self.last_added = Some(now);
        }
    }

    fn scale_down(&mut self, autoscaler: &ClusterAutoscaler, now: SimTime) -> Option<usize> {
        let too_soon = self.last_added.is_some_and(|added| now < added + autoscaler.scale_down_delay_after_add);
        if self.looked_at != Some(self.version) {
            self.looked_at = Some(self.version);
            for index in 0..self.nodes.len() {
                let low = self.is_unneeded(index, autoscaler.scale_down_utilization_threshold.get(), now);
                let since = self.nodes[index].low_since.unwrap_or(now);
                self.nodes[index].low_since = low.then_some(since);
            }
        }
        let long = |node: &Node| node.low_since.is_some_and(|since| since + autoscaler.scale_down_unneeded_time <= now);
        let unneeded = self.nodes.iter().position(|node| !node.gone && long(node)).filter(|_| !too_soon);
        let index = unneeded?;
        self.nodes[index].gone = true;
        self.version += 1;
        for kind in 0..self.others.len() {
            for _ in 0..std::mem::take(&mut self.nodes[index].others[kind]) {
                self.place_other(kind, now, Some(index));
            }
        }
        Some(index)
    }

    /// Whether a node is below the threshold, may go, and its pods have places elsewhere.
    fn is_unneeded(&self, index: usize, threshold: f64, now: SimTime) -> bool {
        let node = &self.nodes[index];
        !node.gone
            && node.ready_at <= now
            && node.allocated(self.capacity(node)) < threshold
            && self.in_pool(node.pool) > self.config.pools[node.pool].min_nodes
            && self.fits_elsewhere(index, now)
    }

    fn in_pool(&self, pool: usize) -> i64 {
        self.nodes.iter().filter(|node| !node.gone && node.pool == pool).count() as i64
    }

    /// Whether the pods of a node have places on the others.
    fn fits_elsewhere(&self, index: usize, now: SimTime) -> bool {
        let mut trial = self.clone();
        trial.nodes[index].gone = true;
        let moved = trial.nodes[index].others.clone();
        let others_fit =
            moved.iter().enumerate().all(|(kind, &pods)| (0..pods).all(|_| trial.place_other(kind, now, Some(index))));
        let mine = trial.nodes[index].mine;
        trial.nodes[index].mine = 0;
        others_fit && trial.schedule(mine, now).iter().map(|place| place.1).sum::<Replicas>() == mine
    }
}

impl Node {
    fn fits(&self, asked: &Asked) -> bool {
        self.slots > 0 && asked.requests.iter().zip(&self.free).all(|(asked, free)| *asked <= *free)
    }

    fn take(&mut self, asked: &Asked) {
        self.slots -= 1;
        for (free, asked) in self.free.iter_mut().zip(&asked.requests) {
            *free = free.minus(*asked);
        }
    }

    fn give_back(&mut self, asked: &Asked) {
        self.slots += 1;
        for (free, asked) in self.free.iter_mut().zip(&asked.requests) {
            *free = *free + *asked;
        }
    }

    /// The larger part of CPU and memory that is requested, 0 to 1.
    fn allocated(&self, capacity: Vec<(usize, Quantity)>) -> f64 {
        let part = |(index, capacity): (usize, Quantity)| {
            let all = capacity.as_f64();
            if all > 0.0 { 1.0 - self.free[index].as_f64() / all } else { 0.0 }
        };
        capacity.into_iter().map(part).fold(0.0, f64::max)
    }
}

impl Apart {
    /// What a template says of its own pods.
    fn of(template: &PodTemplate) -> Self {
        let mut apart = Self::default();
        let placement = &template.placement;
        let own = |selector: &Option<crate::model::LabelSelector>| {
            selector.as_ref().is_some_and(|selector| selector.matches(&template.labels))
        };
        for term in placement.anti_affinity.iter().filter(|term| own(&term.selector)) {
            match (term.topology_key.as_str(), term.required) {
                (HOSTNAME_LABEL, true) => apart.node_required = true,
                (HOSTNAME_LABEL, false) => apart.node_preferred = true,
                (ZONE_LABEL, true) => apart.zone_required = true,
                (ZONE_LABEL, false) => apart.zone_preferred = true,
                _ => {}
            }
        }
        for spread in placement.spread.iter().filter(|spread| own(&spread.selector)) {
            match (spread.topology_key.as_str(), spread.required) {
                (HOSTNAME_LABEL, true) => apart.node_skew = Some(spread.max_skew),
                (HOSTNAME_LABEL, false) => apart.node_preferred = true,
                (ZONE_LABEL, true) => apart.zone_skew = Some(spread.max_skew),
                (ZONE_LABEL, false) => apart.zone_preferred = true,
                _ => {}
            }
        }
        apart
    }

    /// Whether a pod may go to a node.
    fn allows(&self, node: &Node, zones: &[Replicas], least_on_node: Replicas) -> bool {
        let in_zone = zones.get(node.zone as usize).copied().unwrap_or(0);
        let least_in_zone = zones.iter().min().copied().unwrap_or(0);
        !(self.node_required && node.mine > 0
            || self.zone_required && in_zone > 0
            || self.node_skew.is_some_and(|skew| node.mine + 1 - least_on_node > skew)
            || self.zone_skew.is_some_and(|skew| in_zone + 1 - least_in_zone > skew))
    }

    /// How much it should not.
    fn conflicts(&self, node: &Node, zones: &[Replicas]) -> Replicas {
        let in_zone = zones.get(node.zone as usize).copied().unwrap_or(0);
        let of = |preferred: bool, pods: Replicas| if preferred { pods } else { 0 };
        of(self.node_preferred, node.mine) + of(self.zone_preferred, in_zone)
    }
}
