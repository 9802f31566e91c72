//! Which pods go when there are to be fewer.
//!
//! Mirrors `ActivePodsWithRanks` in `pkg/controller/controller_utils.go` and `getPodsRankedByRelatedPodsOnSameNode` in
//! `pkg/controller/replicaset/replica_set.go`: those without a node first, then pending ones, then unready ones, then
//! those on nodes with most pods of the workload, of all its revisions and before any of them goes, then the latest to
//! become ready, then those that restarted most, then the latest created. Upstream compares ages in powers of two and
//! leaves the rest to chance; here the latest goes, and of equal ones on several nodes as many on each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::cohort::Cohort;
use crate::units::{Replicas, SimTime};

/// Pods that a scale down cannot tell apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victims {
    /// What is compared: the least goes first.
    rank: Rank,
    pub cohort: usize,
    /// The node that they are on, if nodes are simulated.
    pub node: Option<usize>,
    count: Replicas,
    /// How many of them go.
    pub taken: Replicas,
}

/// Without a node, pending, unready; pods of the workload on its node; when it became ready; restarts; age.
type Rank = (bool, bool, bool, Reverse<Replicas>, Option<Reverse<SimTime>>, Reverse<u32>, Reverse<SimTime>);

/// The pods that may go, by cohort and node, and how many of them do.
pub(super) fn choose(cohorts: &[Cohort], count: Replicas, revision: Option<usize>, victims: &mut Vec<Victims>) {
    let mut on_node: BTreeMap<usize, Replicas> = BTreeMap::new();
    for &(node, count) in cohorts.iter().filter(|cohort| cohort.active()).flat_map(|cohort| &cohort.life.nodes) {
        *on_node.entry(node).or_default() += count;
    }
    victims.clear();
    for (index, cohort) in cohorts.iter().enumerate() {
        if !cohort.active() || revision.is_some_and(|revision| cohort.revision != revision) {
            continue;
        }
        let mut add = |node: Option<usize>, count: Replicas| {
            let related = node.and_then(|node| on_node.get(&node)).copied().unwrap_or(0);
            let rank = (
                cohort.life.start_time.is_some(),
                cohort.has_run,
                cohort.ready,
                Reverse(related),
                cohort.ready.then_some(Reverse(cohort.life.ready_since)),
                Reverse(cohort.life.crashes),
                Reverse(cohort.life.created),
            );
            victims.push(Victims { rank, cohort: index, node, count, taken: 0 });
        };
        let elsewhere = cohort.count - cohort.life.nodes.iter().map(|place| place.1).sum::<Replicas>();
        if elsewhere > 0 {
            add(None, elsewhere);
        }
        for &(node, count) in &cohort.life.nodes {
            add(Some(node), count);
        }
    }
    victims.sort_by_key(|victims| victims.rank);
    let mut left = count;
    for equal in victims.chunk_by_mut(|one, other| one.rank == other.rank) {
        left -= take_evenly(equal, left);
    }
    victims.sort_by_key(|victims| (victims.cohort, victims.node));
}

/// Takes so many of equal pods, as many from each place; says how many there were to take.
fn take_evenly(equal: &mut [Victims], count: Replicas) -> Replicas {
    let all: Replicas = equal.iter().map(|victims| victims.count).sum();
    let taken = count.clamp(0, all);
    let mut left = taken;
    // From the smallest place on, each gives its part of what is left, so that the larger make up for it.
    let mut order: Vec<usize> = (0..equal.len()).collect();
    order.sort_by_key(|&index| (equal[index].count, Reverse(index)));
    for (done, &index) in order.iter().enumerate() {
        let part = left / (equal.len() - done) as Replicas;
        equal[index].taken = part.min(equal[index].count);
        left -= equal[index].taken;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::super::rules::Drawn;
    use super::*;

    fn cohort(revision: usize, ready_since: i64, nodes: &[(usize, Replicas)]) -> Cohort {
        let now = SimTime::from_seconds(ready_since);
        let mut cohort = Cohort::new(nodes.iter().map(|place| place.1).sum(), now, revision, Drawn::default());
        cohort.life.start_time = Some(now);
        (cohort.has_run, cohort.ready, cohort.life.ready_since) = (true, true, now);
        cohort.life.nodes = nodes.to_vec();
        cohort
    }

    /// How many are taken: by cohort and node.
    fn taken(cohorts: &[Cohort], count: Replicas, revision: Option<usize>) -> Vec<(usize, Option<usize>, Replicas)> {
        let mut victims = Vec::new();
        choose(cohorts, count, revision, &mut victims);
        let taken = victims.iter().filter(|victims| victims.taken > 0);
        taken.map(|victims| (victims.cohort, victims.node, victims.taken)).collect()
    }

    #[test]
    fn the_node_with_most_pods_of_all_revisions_gives_first() {
        let pods = || vec![cohort(0, 0, &[(0, 2), (1, 1)]), cohort(1, 0, &[(1, 3)])];
        assert_eq!(taken(&pods(), 1, Some(0)), [(0, Some(1), 1)], "four are on node 1, of both revisions");
        assert_eq!(taken(&pods(), 2, Some(0)), [(0, Some(0), 1), (0, Some(1), 1)]);
        // Terminating ones do not count.
        let mut with_deleted = pods();
        with_deleted[1].deleted = true;
        assert_eq!(taken(&with_deleted, 1, Some(0)), [(0, Some(0), 1)]);
    }

    #[test]
    fn ranks_are_those_before_any_pod_goes() {
        assert_eq!(taken(&[cohort(0, 0, &[(0, 3), (1, 2)])], 4, None), [(0, Some(0), 3), (0, Some(1), 1)]);
        // The latest go only where nodes are as full.
        let two = || vec![cohort(0, 0, &[(0, 2), (1, 2)]), cohort(0, 9, &[(1, 1), (2, 3)])];
        assert_eq!(taken(&two(), 4, None), [(1, Some(1), 1), (1, Some(2), 3)]);
        assert_eq!(taken(&two(), 7, None), [(0, Some(0), 1), (0, Some(1), 2), (1, Some(1), 1), (1, Some(2), 3)]);
    }

    #[test]
    fn equal_ones_go_evenly() {
        let pods = || vec![cohort(0, 0, &[(0, 3), (1, 3), (2, 3)])];
        assert_eq!(taken(&pods(), 6, None), [(0, Some(0), 2), (0, Some(1), 2), (0, Some(2), 2)]);
        assert_eq!(taken(&pods(), 9, None), [(0, Some(0), 3), (0, Some(1), 3), (0, Some(2), 3)]);
        // One that no node is known of is no fuller than another.
        let mut unknown = vec![cohort(0, 0, &[(0, 5)]), cohort(0, 1, &[(0, 5)])];
        unknown.iter_mut().for_each(|cohort| cohort.life.nodes.clear());
        assert_eq!(taken(&unknown, 6, None), [(0, None, 1), (1, None, 5)]);
    }
}
