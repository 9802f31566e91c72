//! How many equal nodes hold a set of pods: first-fit decreasing, and a lower bound beside it.
//!
//! Respected are requests of every resource, pods per node, required anti-affinity, host ports and required
//! topology spread, as the scheduler's filters do; preferences are not, since they never keep a pod from running.

use crate::model::{HOSTNAME_LABEL, LabelSelector, NodeShape, PodTemplate, ZONE_LABEL, available};
use crate::units::Quantity;

/// More pods than this are not packed one by one.
const MOST_PODS: i64 = 100_000;
/// The same where pods keep away from each other by zone or spread: the number of nodes is searched for then.
const MOST_CONSTRAINED_PODS: i64 = 5_000;

/// Equal pods.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What they are, for messages.
    pub label: String,
    /// Their namespace.
    pub namespace: &'a str,
    /// Their template.
    pub template: &'a PodTemplate,
    /// What each requests.
    pub requests: &'a crate::model::Amounts,
    /// How many there are.
    pub count: i64,
}

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
}

impl Binding {
    /// The name in reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Nothing => "-",
            Self::Resource(name) => name,
            Self::PodsPerNode => "pods per node",
            Self::AntiAffinity => "anti-affinity",
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
}

/// A spread constraint, resolved: the groups that it counts.
struct Spread {
    by_zone: bool,
    max_skew: i64,
    min_domains: i64,
    counted: Vec<bool>,
}

/// The groups that can run on a node at all, in the order of packing, and what keeps them apart.
struct Problem {
    /// Requests of a pod of each group, in the order of `capacity`.
    sizes: Vec<Vec<Quantity>>,
    counts: Vec<i64>,
    names: Vec<String>,
    capacity: Vec<Quantity>,
    max_pods: i64,
    zones: usize,
    /// Pairs of groups that may not share a node, or a zone.
    apart_on_node: Vec<Vec<bool>>,
    apart_in_zone: Vec<Vec<bool>>,
    spreads: Vec<Vec<Spread>>,
}

/// Nodes while they are filled.
#[derive(Default)]
struct Nodes {
    free: Vec<Vec<Quantity>>,
    slots: Vec<i64>,
    /// The pods of each group on each node.
    pods: Vec<Vec<i64>>,
}

/// Packs pods onto nodes of a shape whose allocatable is `capacity`, `max_pods` pods each.
pub fn pack(groups: &[Group<'_>], shape: &NodeShape, allocatable: &crate::model::Amounts, max_pods: i64) -> Packing {
    let mut unplaced = Vec::new();
    let mut runnable: Vec<&Group<'_>> = Vec::new();
    for group in groups.iter().filter(|group| group.count > 0) {
        match unfit(group, shape, allocatable, max_pods) {
            Some(reason) => unplaced.push(Unplaced { label: group.label.clone(), pods: group.count, reason }),
            None => runnable.push(group),
        }
    }
    let size = |group: &Group<'_>| {
        let shares = group.requests.iter().map(|(name, amount)| amount.quantity.ratio(available(allocatable, name)));
        shares.fold(0.0, f64::max)
    };
    runnable.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let problem = Problem::new(&runnable, shape, allocatable, max_pods);
    let (lower_bound, binding) = problem.lower_bound();
    let (nodes, left) = problem.solve(lower_bound);
    for (group, pods) in runnable.iter().zip(left).filter(|(_, pods)| *pods > 0) {
        let too_many = runnable.iter().map(|group| group.count).sum::<i64>() > MOST_CONSTRAINED_PODS;
        let reason =
            if too_many { "too many to pack; nodes are the bound" } else { "anti-affinity or topology spread" };
        unplaced.push(Unplaced { label: group.label.clone(), pods, reason: reason.to_owned() });
    }
    let share = |name: &str| {
        let of = |group: &&Group<'_>| group.requests.quantity(name).times(group.count);
        let asked = runnable.iter().map(of).fold(Quantity::ZERO, |sum, more| sum + more);
        asked.ratio(allocatable.quantity(name).times(nodes))
    };
    Packing { nodes, lower_bound, binding, cpu_share: share("cpu"), memory_share: share("memory"), unplaced }
}

/// Why a pod does not run even on an empty node.
fn unfit(group: &Group<'_>, shape: &NodeShape, allocatable: &crate::model::Amounts, max_pods: i64) -> Option<String> {
    if let Some(reason) = shape.refuses(group.template) {
        return Some(reason);
    }
    let too_large = group.requests.iter().find(|(name, amount)| amount.quantity > available(allocatable, name));
    if let Some((name, amount)) = too_large {
        return Some(format!("requests {} {name}, a node has {}", amount.quantity, allocatable.quantity(name)));
    }
    (max_pods < 1).then(|| "no room for pods besides the DaemonSets".to_owned())
}

impl Problem {
    fn new(groups: &[&Group<'_>], shape: &NodeShape, allocatable: &crate::model::Amounts, max_pods: i64) -> Self {
        let mut names: Vec<String> = vec!["cpu".into(), "memory".into()];
        for (name, _) in groups.iter().flat_map(|group| group.requests.iter()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let selects = |selector: &Option<LabelSelector>, by: usize, group: usize| {
            groups[by].namespace == groups[group].namespace
                && selector.as_ref().is_some_and(|selector| selector.matches(&groups[group].template.labels))
        };
        let range = 0..groups.len();
        let forbids = |key: &str, by: usize, group: usize| {
            let terms = groups[by].template.placement.anti_affinity.iter();
            terms.filter(|t| t.required && t.topology_key == key).any(|t| selects(&t.selector, by, group))
        };
        let shares_port = |a: usize, b: usize| {
            let ports = |g: usize| groups[g].template.containers.iter().flat_map(|c| &c.host_ports);
            ports(a).any(|port| ports(b).any(|other| port == other))
        };
        let apart = |key: &str| -> Vec<Vec<bool>> {
            let pair = |a, b| forbids(key, a, b) || forbids(key, b, a) || (key == HOSTNAME_LABEL && shares_port(a, b));
            range.clone().map(|a| range.clone().map(|b| pair(a, b)).collect()).collect()
        };
        let spread = |group: usize| -> Vec<Spread> {
            let constraints = groups[group].template.placement.spread.iter().filter(|c| c.required);
            let known = constraints.filter(|c| [HOSTNAME_LABEL, ZONE_LABEL].contains(&c.topology_key.as_str()));
            known
                .map(|c| Spread {
                    by_zone: c.topology_key == ZONE_LABEL,
                    max_skew: c.max_skew.into(),
                    min_domains: c.min_domains.into(),
                    counted: range.clone().map(|other| selects(&c.selector, group, other)).collect(),
                })
                .collect()
        };
        Self {
            sizes: groups.iter().map(|g| names.iter().map(|name| g.requests.quantity(name)).collect()).collect(),
            counts: groups.iter().map(|group| group.count).collect(),
            capacity: names.iter().map(|name| available(allocatable, name)).collect(),
            names,
            max_pods,
            zones: shape.zones.max(1) as usize,
            apart_on_node: apart(HOSTNAME_LABEL),
            apart_in_zone: apart(ZONE_LABEL),
            spreads: range.clone().map(spread).collect(),
        }
    }

    /// The largest of the bounds that no packing can beat, and which it is.
    fn lower_bound(&self) -> (i64, Binding) {
        let mut bounds = vec![(0, Binding::Nothing)];
        for (dimension, name) in self.names.iter().enumerate() {
            bounds.push((self.resource_bound(dimension), Binding::Resource(name.clone())));
        }
        let pods: i64 = self.counts.iter().sum();
        bounds.push(((pods + self.max_pods - 1) / self.max_pods.max(1), Binding::PodsPerNode));
        for (group, &count) in self.counts.iter().enumerate() {
            if self.apart_on_node[group][group] {
                bounds.push((count, Binding::AntiAffinity));
            }
        }
        // The first of equals: CPU before memory before the others.
        bounds.into_iter().rev().max_by_key(|(bound, _)| *bound).unwrap_or((0, Binding::Nothing))
    }

    /// By volume, and by the pods of which no two share a node (Martello and Toth's L2 with one threshold): those
    /// above half a node each take one, and the rest goes into what they leave.
    fn resource_bound(&self, dimension: usize) -> i64 {
        let capacity = self.capacity[dimension];
        let of = |group: usize| self.sizes[group][dimension].times(self.counts[group]);
        let volume = (0..self.sizes.len()).map(of).fold(Quantity::ZERO, |sum, more| sum + more);
        let large = (0..self.sizes.len()).filter(|&group| self.sizes[group][dimension].times(2) > capacity);
        let large: i64 = large.map(|group| self.counts[group]).sum();
        volume.div_ceil(capacity).unwrap_or(0).max(large)
    }

    /// The number of nodes and the pods of each group that are left over.
    fn solve(&self, lower_bound: i64) -> (i64, Vec<i64>) {
        let pods: i64 = self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let constrained =
            self.spreads.iter().any(|list| !list.is_empty()) || self.apart_in_zone.iter().flatten().any(|apart| *apart);
        if pods > if constrained { MOST_CONSTRAINED_PODS } else { MOST_PODS } {
            return (lower_bound, self.counts.clone());
        }
        if !constrained {
            return self.fill(0, true);
        }
        // Spread and zones depend on which nodes there are: try numbers of nodes.
        let fits = |nodes: i64| self.fill(nodes, false).1.iter().all(|left| *left == 0);
        let most = pods + self.zones as i64;
        if !fits(most) {
            return self.fill(most, false);
        }
        let (mut low, mut high) = (lower_bound, lower_bound.max(1));
        while !fits(high) {
            low = high + 1;
            high = (high * 2).min(most);
        }
        while low < high {
            let middle = (low + high) / 2;
            if fits(middle) { high = middle } else { low = middle + 1 }
        }
        (low, vec![0; self.counts.len()])
    }

    /// Fills so many nodes, or as many as it takes; the nodes, and the pods of each group that are left over.
    fn fill(&self, nodes: i64, open: bool) -> (i64, Vec<i64>) {
        let mut filled = Nodes::default();
        for _ in 0..nodes {
            self.open(&mut filled);
        }
        let mut left = self.counts.clone();
        for (group, left) in left.iter_mut().enumerate() {
            let mut from = 0;
            while *left > 0 {
                let evenness = self.evenness(&filled, group);
                let start = if evenness.is_empty() { from } else { 0 };
                let stays_even = |node: usize| evenness.iter().all(|domains| domains.takes(node));
                match (start..filled.free.len()).find(|&node| self.allows(&filled, group, node) && stays_even(node)) {
                    Some(node) => {
                        self.place(&mut filled, group, node);
                        from = node;
                        *left -= 1;
                    }
                    None if open => {
                        from = filled.free.len();
                        self.open(&mut filled);
                    }
                    None => break,
                }
            }
        }
        (filled.free.len() as i64, left)
    }

    fn open(&self, nodes: &mut Nodes) {
        nodes.free.push(self.capacity.clone());
        nodes.slots.push(self.max_pods);
        nodes.pods.push(vec![0; self.counts.len()]);
    }

    fn place(&self, nodes: &mut Nodes, group: usize, node: usize) {
        for (free, size) in nodes.free[node].iter_mut().zip(&self.sizes[group]) {
            *free = free.minus(*size);
        }
        nodes.slots[node] -= 1;
        nodes.pods[node][group] += 1;
    }

    fn allows(&self, nodes: &Nodes, group: usize, node: usize) -> bool {
        nodes.slots[node] > 0
            && nodes.free[node].iter().zip(&self.sizes[group]).all(|(free, size)| size <= free)
            && !has_any(&nodes.pods[node], &self.apart_on_node[group])
            && !self.zone_is_taken(nodes, group, node)
    }

    fn zone_is_taken(&self, nodes: &Nodes, group: usize, node: usize) -> bool {
        let apart = &self.apart_in_zone[group];
        apart.iter().any(|apart| *apart)
            && nodes.pods.iter().skip(node % self.zones).step_by(self.zones).any(|pods| has_any(pods, apart))
    }

    /// How the pods that each spread constraint of a group counts are spread now.
    fn evenness(&self, nodes: &Nodes, group: usize) -> Vec<Evenness> {
        let of = |spread: &Spread| {
            let zones = if spread.by_zone { self.zones } else { usize::MAX };
            let mut counts = vec![0i64; zones.min(nodes.pods.len())];
            for (index, pods) in nodes.pods.iter().enumerate() {
                let counted = pods.iter().zip(&spread.counted).filter(|(_, counted)| **counted);
                counts[index % zones] += counted.map(|(count, _)| count).sum::<i64>();
            }
            let too_few = (counts.len() as i64) < spread.min_domains;
            let lowest = if too_few { 0 } else { counts.iter().copied().min().unwrap_or(0) };
            let most = lowest + spread.max_skew - i64::from(spread.counted[group]);
            Evenness { zones, counts, most }
        };
        self.spreads[group].iter().map(of).collect()
    }
}

/// The pods in each domain of a spread constraint, and the most that a domain may have to take another.
struct Evenness {
    zones: usize,
    counts: Vec<i64>,
    most: i64,
}

impl Evenness {
    /// Whether one more pod on a node is not more than `maxSkew` above the emptiest domain.
    fn takes(&self, node: usize) -> bool {
        self.counts[node % self.zones] <= self.most
    }
}

/// Whether a node has pods of any of these groups.
fn has_any(pods: &[i64], groups: &[bool]) -> bool {
    pods.iter().zip(groups).any(|(count, of_interest)| *of_interest && *count > 0)
}
