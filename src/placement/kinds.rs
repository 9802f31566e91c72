//! Kinds of pods and classes of nodes, as the scheduler looks at them.

use crate::model::{LabelSelector, PodTemplate};

/// Equal pods, as they are given.
#[derive(Clone, Copy, Debug)]
pub struct Pods<'a> {
    /// Their namespace.
    pub namespace: &'a str,
    /// Their template.
    pub template: &'a PodTemplate,
    /// The selector of what makes them, by which the scheduler spreads them where they say nothing themselves.
    pub selector: Option<&'a LabelSelector>,
    /// Whether there is one on every node that may run it: a DaemonSet.
    pub per_node: bool,
}

/// The index of a term by which pods are counted.
pub(super) type TermId = usize;
/// The index of a topology key.
pub(super) type KeyId = usize;
/// A domain of a topology: of hostnames the index of the node.
pub(super) type Domain = u32;

/// Pods that are equal to the scheduler.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// Requests, in the order of [`Catalog::resources`].
    pub(super) requests: Vec<i64>,
    /// CPU and memory for the scores.
    pub(super) assumed: [i64; 2],
    /// For each class of nodes, whether it may run there.
    pub(super) may_run: Vec<bool>,
    /// For each class of nodes, whether its node selector and node affinity let it.
    pub(super) is_affine: Vec<bool>,
    /// For each class of nodes, the weights of the preferred node affinity that it meets.
    pub(super) preferred_nodes: Vec<i64>,
    /// For each class of nodes, the taints that it had better avoid.
    pub(super) avoided: Vec<i64>,
    /// Its ports of the node, and all that exclude one of them.
    pub(super) ports: Vec<usize>,
    pub(super) excluded_ports: Vec<usize>,
    /// The terms that count it.
    pub(super) counted_by: Vec<TermId>,
    /// Its required anti-affinity, and that of others that it must not be near.
    pub(super) apart: Vec<TermId>,
    pub(super) kept_away_by: Vec<TermId>,
    /// Its required affinity, and whether it is itself such a pod.
    pub(super) together: Vec<TermId>,
    pub(super) is_its_own_company: bool,
    /// Preferred affinity, with the weight; negative for anti-affinity.
    pub(super) prefers: Vec<(TermId, i64)>,
    /// How much it attracts others by its own terms: those that pods are counted by, with the weight.
    pub(super) pulls: Vec<(TermId, i64)>,
    pub(super) pulled_by: Vec<TermId>,
    pub(super) spread: Vec<Spread>,
    /// Spreading that need not be, and whether the nodes that lack a key of it are left out.
    pub(super) soft_spread: Vec<Spread>,
    pub(super) stated_soft_spread: bool,
    /// The hostname that it is pinned to: an index.
    pub(super) hostname: Option<usize>,
    /// Whether there is one on every node.
    pub(super) per_node: bool,
    /// The value of its PriorityClass, and whether others must give way to it.
    pub priority: i32,
    /// See `priority`.
    pub preempts: bool,
}

impl Kind {
    /// Whether any term counts where its pods are.
    pub(super) fn is_counted(&self) -> bool {
        !(self.counted_by.is_empty() && self.apart.is_empty() && self.pulls.is_empty())
    }
}

/// A spread constraint, resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub term: TermId,
    pub max_skew: i64,
    pub min_domains: usize,
    /// Whether the pod counts for itself.
    pub own: bool,
    pub honors_node_affinity: bool,
    pub honors_taints: bool,
}

/// Nodes that are equal to the scheduler, but for what is on them: of a pool and in a zone.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// The domain of each topology key, where the nodes have its label; of hostnames it is the node.
    pub domains: Vec<Option<Domain>>,
}
