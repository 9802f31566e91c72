//! The scheduler's scores, each from 0 to 100 and weighted.

use super::cluster::{Cluster, NodeIndex};
use super::kinds::{Domain, Spread};

/// The best score of a plugin.
const BEST: i64 = 100;
/// The weights of the plugins (`pkg/scheduler/apis/config/v1/default_plugins.go`).
const TAINTS: i64 = 3;
const NODE_AFFINITY: i64 = 2;
const TOPOLOGY_SPREAD: i64 = 2;
const POD_AFFINITY: i64 = 2;
const LEAST_ALLOCATED: i64 = 1;
const BALANCED: i64 = 1;

impl Cluster {
    /// The node that the scheduler takes for a pod of a kind, if there is one.
    pub fn best(&self, kind: usize) -> Option<NodeIndex> {
        let filter = self.filter(kind);
        let feasible: Vec<NodeIndex> = (0..self.len()).filter(|&index| self.allows(kind, index, &filter)).collect();
        if feasible.len() < 2 {
            return feasible.first().copied();
        }
        let mut scores: Vec<i64> = feasible.iter().map(|&index| self.resources_score(kind, index)).collect();
        let spec = &self.catalog.kinds[kind];
        let class = |index: NodeIndex| self.nodes[index].class;
        if spec.avoided.iter().any(|taints| *taints > 0) {
            let taints: Vec<i64> = feasible.iter().map(|&index| spec.avoided[class(index)]).collect();
            add(&mut scores, &normalized(&taints, true), TAINTS);
        }
        if !spec.preferred_nodes.is_empty() {
            let weights: Vec<i64> = feasible.iter().map(|&index| spec.preferred_nodes[class(index)]).collect();
            add(&mut scores, &normalized(&weights, false), NODE_AFFINITY);
        }
        if !(spec.prefers.is_empty() && spec.pulled_by.is_empty()) {
            let pulls: Vec<i64> = feasible.iter().map(|&index| self.pull(kind, index)).collect();
            add(&mut scores, &between(&pulls), POD_AFFINITY);
        }
        if !spec.soft_spread.is_empty() {
            add(&mut scores, &self.evenness(kind, &feasible), TOPOLOGY_SPREAD);
        }
        // The first of equals.
        let best = scores.iter().enumerate().rev().max_by_key(|(_, score)| **score);
        best.map(|(at, _)| feasible[at])
    }

    /// `NodeResourcesFit` with `LeastAllocated`, and `NodeResourcesBalancedAllocation`.
    fn resources_score(&self, kind: usize, index: NodeIndex) -> i64 {
        let (spec, node) = (&self.catalog.kinds[kind], &self.nodes[index]);
        let capacity = &self.catalog.pools[node.pool].capacity;
        let least = |resource: usize| {
            let (all, asked) = (capacity[resource], node.assumed[resource] + spec.assumed[resource]);
            if all == 0 || asked > all {
                0
            } else {
                // The wide division takes long, and hardly any amount needs it.
                let left = all - asked;
                let wide = || (i128::from(left) * i128::from(BEST) / i128::from(all)) as i64;
                left.checked_mul(BEST).map_or_else(wide, |left| left / all)
            }
        };
        let counted = capacity.iter().take(2).filter(|all| **all > 0).count() as i64;
        let least_allocated = (least(0) + least(1)) / counted.max(1);
        let part = |resource: usize| {
            let asked = capacity[resource] - node.free[resource] + spec.requests[resource];
            (asked as f64 / capacity[resource] as f64).min(1.0)
        };
        // Nothing that is requested cannot be out of balance.
        let balanced = match spec.requests[0] == 0 && spec.requests[1] == 0 {
            true => 0,
            false if counted < 2 => BEST,
            false => ((1.0 - ((part(0) - part(1)) / 2.0).abs()) * BEST as f64) as i64,
        };
        LEAST_ALLOCATED * least_allocated + BALANCED * balanced
    }

    /// How much the pods that are there pull a pod of a kind to a node, and it is drawn to them.
    fn pull(&self, kind: usize, index: NodeIndex) -> i64 {
        let spec = &self.catalog.kinds[kind];
        let at = |tally: &std::collections::BTreeMap<Domain, i64>, term: usize| {
            self.domain(term, index).and_then(|domain| tally.get(&domain).copied()).unwrap_or(0)
        };
        let own: i64 = spec.prefers.iter().map(|&(term, weight)| weight * at(&self.counted[term], term)).sum();
        own + spec.pulled_by.iter().map(|&term| at(&self.pulled[term], term)).sum::<i64>()
    }

    /// `PodTopologySpread`, of constraints that need not be met.
    fn evenness(&self, kind: usize, feasible: &[NodeIndex]) -> Vec<i64> {
        let spec = &self.catalog.kinds[kind];
        let in_all = |index: NodeIndex| {
            !spec.stated_soft_spread || spec.soft_spread.iter().all(|spread| self.domain(spread.term, index).is_some())
        };
        let weight = |spread: &Spread| {
            let in_it = feasible.iter().filter(|&&index| in_all(index));
            let mut domains: Vec<Domain> = in_it.filter_map(|&index| self.domain(spread.term, index)).collect();
            domains.sort_unstable();
            domains.dedup();
            ((domains.len() + 2) as f64).ln()
        };
        let weights: Vec<f64> = spec.soft_spread.iter().map(weight).collect();
        let mut crowding = vec![0.0; feasible.len()];
        for (spread, weight) in spec.soft_spread.iter().zip(&weights) {
            let tally = &self.counted[spread.term];
            let is_by_node = self.catalog.terms[spread.term] == self.catalog.hostname_key;
            // Nodes and their tally are in the same order: looking each up takes longer.
            let mut by_node = tally.iter().peekable();
            for (crowding, &index) in crowding.iter_mut().zip(feasible) {
                let Some(domain) = self.domain(spread.term, index) else { continue };
                let pods = if is_by_node {
                    while by_node.next_if(|(before, _)| **before < domain).is_some() {}
                    by_node.next_if(|(at, _)| **at == domain).map_or(0, |(_, pods)| *pods)
                } else {
                    tally.get(&domain).copied().unwrap_or(0)
                };
                *crowding += pods as f64 * weight + (spread.max_skew - 1) as f64;
            }
        }
        let crowded = feasible.iter().zip(&crowding);
        let crowded: Vec<Option<i64>> =
            crowded.map(|(&index, crowding)| in_all(index).then(|| crowding.round() as i64)).collect();
        let (most, least) = (crowded.iter().flatten().max().copied(), crowded.iter().flatten().min().copied());
        let (most, least) = (most.unwrap_or(0), least.unwrap_or(0));
        let score = |crowded: &Option<i64>| match crowded {
            None => 0,
            Some(_) if most == 0 => BEST,
            Some(crowded) => BEST * (most + least - crowded) / most,
        };
        crowded.iter().map(score).collect()
    }
}

fn add(scores: &mut [i64], more: &[i64], weight: i64) {
    for (score, more) in scores.iter_mut().zip(more) {
        *score += weight * more;
    }
}

/// `DefaultNormalizeScore` (`pkg/scheduler/framework/plugins/helper`): the largest is the best, or the worst.
fn normalized(raw: &[i64], reverse: bool) -> Vec<i64> {
    let most = raw.iter().max().copied().unwrap_or(0);
    let score = |raw: &i64| match (most, reverse) {
        (0, true) => BEST,
        (0, false) => 0,
        (most, true) => BEST - BEST * raw / most,
        (most, false) => BEST * raw / most,
    };
    raw.iter().map(score).collect()
}

/// `InterPodAffinity`: the largest is the best, the smallest the worst.
fn between(raw: &[i64]) -> Vec<i64> {
    let (most, least) = (raw.iter().max().copied().unwrap_or(0), raw.iter().min().copied().unwrap_or(0));
    let score = |raw: &i64| match most - least {
        0 => 0,
        range => (BEST as f64 * ((raw - least) as f64 / range as f64)) as i64,
    };
    raw.iter().map(score).collect()
}
