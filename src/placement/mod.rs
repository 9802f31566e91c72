//! The scheduler: on which nodes pods may run, and which of these it takes. Plans and simulations share it.
//!
//! Mirrors the plugins that are on by default (`pkg/scheduler/framework/plugins`): filters are NodeResourcesFit, NodePorts,
//! NodeAffinity, TaintToleration, InterPodAffinity and PodTopologySpread; scores are those and
//! NodeResourcesBalancedAllocation, with the default weights (`pkg/scheduler/apis/config/v1/default_plugins.go`). Where
//! upstream chooses among equal nodes at random, the first is taken; images on nodes are not known.
//!
//! Nodes are known by their shapes: which zone and which hostname a node has is not. The zones that pods name are the zones of
//! the nodes in the order of their names' appearance; a hostname that pods name is that of the first node that takes one.

mod catalog;
mod cluster;
mod kinds;
mod room;
mod score;
mod terms;

pub use catalog::Catalog;
pub use cluster::{Cluster, NodeIndex};
pub use kinds::{Kind, Pods};
