//! On which nodes pods are, and how many on each.

use crate::units::Replicas;

/// One entry for each node.
pub(super) fn merge_places(nodes: &mut Vec<(usize, Replicas)>) {
    nodes.sort_by_key(|&(node, _)| node);
    nodes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
}
