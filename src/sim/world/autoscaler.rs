//! The cluster autoscaler.
//!
//! Mirrors `cluster-autoscaler/core` with the defaults of its flags. For pods without a node it makes nodes of one pool at each
//! scan, of the pool that wastes least of its nodes (`expander/waste`). It removes nodes below the threshold for the unneeded
//! time, if their pods have places elsewhere and may be moved (`simulator/drainability`): several empty ones at once, of the
//! others one at a time, which it empties first.

use std::collections::BTreeMap;

use super::nodes::{Autoscaler, Node, NodeState, Nodes};
use crate::model::{ClusterAutoscaler, PodTemplate, VolumeSource, Workload, WorkloadController};
use crate::placement::{Cluster, NodeIndex};
use crate::sim::draw::{Draws, Purpose};
use crate::units::{Replicas, SimTime, Span};

/// `--max-empty-bulk-delete`, today `--max-scale-down-parallelism`.
const MOST_EMPTY_AT_ONCE: usize = 10;
/// `--expendable-pods-priority-cutoff`: for pods below it no node is made.
const EXPENDABLE_BELOW: i32 = -10;
/// The namespace whose pods are moved only under a PodDisruptionBudget (`--skip-nodes-with-system-pods`).
const SYSTEM_NAMESPACE: &str = "kube-system";

/// The pods of a workload that are healthy, and how many there should be.
pub(super) type Health = (Replicas, Replicas);

/// What a scan comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// Nodes that were removed, empty.
    pub removed: usize,
    /// The node whose pods are to be evicted.
    pub drained: Option<NodeIndex>,
}

impl Autoscaler {
    pub fn new(config: &ClusterAutoscaler, start: SimTime) -> Self {
        Self {
            next_scan: start + config.scan_interval,
            coming: Vec::new(),
            last_added: None,
            unneeded_since: BTreeMap::new(),
            looked_at: None,
        }
    }

    pub fn next(&self) -> SimTime {
        self.coming.iter().map(|coming| coming.0).min().unwrap_or(SimTime::MAX).min(self.next_scan)
    }

    /// The pools of the nodes that are ready now.
    pub fn arrive(&mut self, now: SimTime) -> Vec<usize> {
        let (ready, coming) = self.coming.drain(..).partition(|(at, _)| *at <= now);
        self.coming = coming;
        let ready: Vec<(SimTime, usize)> = ready;
        ready.into_iter().map(|(_, pool)| pool).collect()
    }
}

impl<'a> Nodes<'a> {
    /// The cluster autoscaler looks, if it is due. `pending` are the pods without a node, by kind; `targets` are the workloads
    /// that are simulated, with their health.
    pub fn scan(
        &mut self,
        now: SimTime,
        pending: &[(usize, Replicas)],
        targets: &[(&Workload, Health)],
        draws: &mut Draws,
    ) -> Scan {
        let Some(config) = self.config.autoscaler.as_ref() else { return Scan::default() };
        let Some(mut autoscaler) = self.autoscaler.take_if(|autoscaler| autoscaler.next_scan <= now) else {
            return Scan::default();
        };
        autoscaler.next_scan = now + config.scan_interval;
        let important = |kind: usize| self.cluster.catalog().kind(kind).priority >= EXPENDABLE_BELOW;
        let pending: Vec<_> = pending.iter().copied().filter(|(kind, _)| important(*kind)).collect();
        let scan = if pending.iter().any(|(_, pods)| *pods > 0) {
            autoscaler.unneeded_since.clear();
            autoscaler.looked_at = None;
            self.scale_up(config, &mut autoscaler, now, &pending, draws);
            Scan::default()
        } else {
            self.scale_down(config, &mut autoscaler, now, targets)
        };
        self.autoscaler = Some(autoscaler);
        scan
    }

    /// The nodes of a pool, with those that are on their way.
    fn in_pool(&self, pool: usize, autoscaler: &Autoscaler) -> i64 {
        let there = |node: &&Node| node.pool == pool && matches!(node.state, NodeState::Ready);
        let coming = autoscaler.coming.iter().filter(|coming| coming.1 == pool).count();
        (self.nodes.iter().filter(there).count() + coming) as i64
    }

    fn scale_up(
        &mut self,
        config: &ClusterAutoscaler,
        autoscaler: &mut Autoscaler,
        now: SimTime,
        pending: &[(usize, Replicas)],
        draws: &mut Draws,
    ) {
        // As if all nodes that are on their way were there already.
        let mut trial = self.cluster.clone();
        for (_, pool) in &autoscaler.coming {
            trial.add(*pool);
        }
        let mut left = Vec::new();
        for &(kind, pods) in pending {
            let placed = (0..pods).take_while(|_| place_first(&mut trial, kind, 0)).count() as Replicas;
            left.push((kind, pods - placed));
        }
        let options = self.config.pools.iter().enumerate().filter_map(|(pool, config)| {
            let most = config.max_nodes - self.in_pool(pool, autoscaler);
            let option = expand(&trial, pool, most, &left)?;
            Some((pool, option))
        });
        // The first of equals.
        let best = options.min_by(|(_, one), (_, other)| one.waste.total_cmp(&other.waste));
        let Some((pool, option)) = best else { return };
        for _ in 0..option.nodes {
            let provisioned = draws.delay(Purpose::Provisioning, config.provisioning).max(Span::from_seconds(1));
            autoscaler.coming.push((now + provisioned, pool));
        }
        autoscaler.last_added = Some(now);
    }

    fn scale_down(
        &mut self,
        config: &ClusterAutoscaler,
        autoscaler: &mut Autoscaler,
        now: SimTime,
        targets: &[(&Workload, Health)],
    ) -> Scan {
        if autoscaler.looked_at != Some(self.version) {
            autoscaler.looked_at = Some(self.version);
            let unneeded = self.unneeded(config.scale_down_utilization_threshold.get(), autoscaler, targets);
            let since = |index: &NodeIndex| autoscaler.unneeded_since.get(index).copied().unwrap_or(now);
            autoscaler.unneeded_since = unneeded.into_iter().map(|index| (index, since(&index))).collect();
        }
        let too_soon = |added: SimTime| now < added + config.scale_down_delay_after_add;
        if autoscaler.last_added.is_some_and(too_soon) {
            return Scan::default();
        }
        let long = |since: SimTime| since + config.scale_down_unneeded_time <= now;
        let due = autoscaler.unneeded_since.iter().filter(|(_, since)| long(**since)).map(|(index, _)| *index);
        let (empty, busy): (Vec<NodeIndex>, Vec<NodeIndex>) = due.partition(|&index| self.nodes[index].pods.is_empty());
        let mut scan = Scan { removed: empty.len().min(MOST_EMPTY_AT_ONCE), drained: None };
        for &index in empty.iter().take(MOST_EMPTY_AT_ONCE) {
            autoscaler.unneeded_since.remove(&index);
            self.remove(index);
        }
        // One after the other is emptied.
        let under_way = self.nodes.iter().any(|node| node.state == NodeState::Draining);
        if let Some(&index) = busy.first().filter(|_| !under_way) {
            autoscaler.unneeded_since.remove(&index);
            self.nodes[index].state = NodeState::Draining;
            self.cluster.open(index, false);
            self.evict_others(index);
            scan.drained = Some(index);
        }
        scan
    }

    /// The nodes that can all go together: below the threshold, with pods that may be moved and have places elsewhere.
    fn unneeded(&self, threshold: f64, autoscaler: &Autoscaler, targets: &[(&Workload, Health)]) -> Vec<NodeIndex> {
        let mut trial = self.cluster.clone();
        let mut unneeded = Vec::new();
        let pools = 0..self.config.pools.len();
        let mut spare: Vec<i64> =
            pools.map(|pool| self.in_pool(pool, autoscaler) - self.config.pools[pool].min_nodes).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            let candidate = node.state == NodeState::Ready
                && spare[node.pool] > 0
                && self.cluster.utilization(index) < threshold
                && self.may_be_moved(node, targets);
            if candidate && move_all(&mut trial, index, node) {
                spare[node.pool] -= 1;
                unneeded.push(index);
            }
        }
        unneeded
    }

    /// Whether the pods on a node may be moved, and the disruption budgets allow it.
    fn may_be_moved(&self, node: &Node, targets: &[(&Workload, Health)]) -> bool {
        let workload = |kind: usize| match targets.get(kind) {
            Some((workload, _)) => *workload,
            None => self.others[kind - targets.len()].workload,
        };
        node.pods.keys().all(|&kind| is_movable(workload(kind), self.has_budget(workload(kind))))
            && self.config.budgets.iter().all(|budget| {
                let (mut moved, mut healthy, mut expected) = (0, 0, 0);
                for kind in 0..targets.len() + self.others.len() {
                    let pods = workload(kind);
                    if !budget.selects(pods) {
                        continue;
                    }
                    moved += node.pods.get(&kind).copied().unwrap_or(0);
                    let (ready, wanted) = targets.get(kind).map_or_else(|| self.health(kind - targets.len()), |t| t.1);
                    (healthy, expected) = (healthy + ready, expected + wanted);
                }
                moved == 0 || moved <= healthy - (expected - budget.allowed_disruptions(expected))
            })
    }

    fn health(&self, other: usize) -> Health {
        let declared = self.config.others[other].1;
        (declared - self.others[other].waiting, declared)
    }

    fn has_budget(&self, workload: &Workload) -> bool {
        self.config.budgets.iter().any(|budget| budget.selects(workload))
    }
}

/// Whether the cluster autoscaler moves such a pod: what has local storage or nobody to make it again stays, unless the pod
/// says that it may be evicted.
fn is_movable(workload: &Workload, has_budget: bool) -> bool {
    let template = &workload.template;
    if let Some(safe) = template.safe_to_evict {
        return safe;
    }
    let bare = workload.controller == WorkloadController::Pod;
    let of_the_system = workload.namespace == SYSTEM_NAMESPACE && !has_budget;
    !bare && !of_the_system && !has_local_storage(template)
}

fn has_local_storage(template: &PodTemplate) -> bool {
    template.volumes.iter().any(|volume| match volume.source {
        VolumeSource::EmptyDir { memory, .. } => !memory,
        VolumeSource::HostPath => true,
        VolumeSource::Claim(_) | VolumeSource::Ephemeral(_) | VolumeSource::Other => false,
    })
}

/// So many nodes of a pool for some of the pods, and what of them is left over.
struct Expansion {
    nodes: i64,
    waste: f64,
}

/// What nodes of a pool would do for pods that have none. Mirrors `BinpackingNodeEstimator` and the expander `least-waste`.
fn expand(cluster: &Cluster, pool: usize, most: i64, pending: &[(usize, Replicas)]) -> Option<Expansion> {
    let mut trial = cluster.clone();
    let mut new: Vec<NodeIndex> = Vec::new();
    let mut order: Vec<(usize, Replicas)> = pending.to_vec();
    // The largest first, by what they request of a node of the pool.
    order.sort_by(|one, other| trial.size(other.0, pool).total_cmp(&trial.size(one.0, pool)));
    for (kind, pods) in order {
        for _ in 0..pods {
            if new.iter().any(|&index| place_on(&mut trial, kind, index)) {
                continue;
            }
            if new.len() as i64 >= most {
                break;
            }
            // A node in each zone, until one takes it.
            let before = trial.len();
            let taken = (0..trial.zones(pool)).find_map(|_| {
                let index = trial.add(pool);
                place_on(&mut trial, kind, index).then_some(index)
            });
            match taken {
                Some(_) => new.extend(before..trial.len()),
                None => {
                    trial.truncate(before);
                    break;
                }
            }
        }
    }
    new.truncate(most.max(0) as usize);
    let waste = new.iter().map(|&index| trial.waste(index)).sum::<f64>() / new.len().max(1) as f64;
    (!new.is_empty()).then_some(Expansion { nodes: new.len() as i64, waste })
}

/// Puts a pod on the first node from an index on that takes it.
fn place_first(cluster: &mut Cluster, kind: usize, from: NodeIndex) -> bool {
    let place = cluster.first(kind, from);
    place.inspect(|&index| cluster.put(kind, index)).is_some()
}

fn place_on(cluster: &mut Cluster, kind: usize, index: NodeIndex) -> bool {
    let fits = cluster.fits(kind, index);
    if fits {
        cluster.put(kind, index);
    }
    fits
}

/// Moves all pods of a node to others, if there are places for all of them; else nothing changes.
fn move_all(cluster: &mut Cluster, index: NodeIndex, node: &Node) -> bool {
    cluster.open(index, false);
    let pods = || node.pods.iter().flat_map(|(&kind, &count)| (0..count).map(move |_| kind));
    pods().for_each(|kind| cluster.take(kind, index));
    let mut moved: Vec<(usize, NodeIndex)> = Vec::new();
    let all = pods().all(|kind| {
        let place = cluster.first(kind, 0);
        moved.extend(place.map(|place| (kind, place)));
        place.inspect(|&place| cluster.put(kind, place)).is_some()
    });
    if !all {
        moved.into_iter().for_each(|(kind, place)| cluster.take(kind, place));
        pods().for_each(|kind| cluster.put(kind, index));
        cluster.open(index, true);
    }
    all
}
