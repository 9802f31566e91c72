//! Which node may have room, without looking at every node: a tree of the most that any node of a range has left.

/// What is left on a node: CPU, memory, and pods.
pub(super) type Left = [i64; 3];

/// Nothing: a node that is not there.
const NOTHING: Left = [i64::MIN; 3];

/// The nodes by their index.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// How many leaves there are: a power of two. Node `n` is `tree[leaves + n]`, and the parent of `tree[n]` is `tree[n / 2]`.
    leaves: usize,
    tree: Vec<Left>,
}

impl Room {
    /// A node has so much left; none if it is not there.
    pub fn set(&mut self, node: usize, left: Option<Left>) {
        if node >= self.leaves {
            self.grow(node + 1);
        }
        let mut at = self.leaves + node;
        self.tree[at] = left.unwrap_or(NOTHING);
        while at > 1 {
            at /= 2;
            let both = most(self.tree[2 * at], self.tree[2 * at + 1]);
            if self.tree[at] == both {
                break;
            }
            self.tree[at] = both;
        }
    }

    fn grow(&mut self, nodes: usize) {
        let leaves = nodes.next_power_of_two();
        let mut tree = vec![NOTHING; 2 * leaves];
        tree[leaves..leaves + self.leaves].copy_from_slice(&self.tree[self.leaves..]);
        for at in (1..leaves).rev() {
            tree[at] = most(tree[2 * at], tree[2 * at + 1]);
        }
        (self.leaves, self.tree) = (leaves, tree);
    }

    /// The first node from an index on that has so much left, as far as this tells.
    pub fn first(&self, from: usize, asked: Left) -> Option<usize> {
        if from >= self.leaves {
            return None;
        }
        let has = |at: usize| self.tree[at].iter().zip(asked).all(|(left, asked)| *left >= asked);
        // Up, and to the right of what has been looked at, until one has it.
        let next = |mut at: usize| {
            while !has(at) {
                while at % 2 == 1 {
                    at /= 2;
                }
                if at == 0 {
                    return None;
                }
                at += 1;
            }
            Some(at)
        };
        let mut at = next(self.leaves + from)?;
        // Down again, to the left where that may do: the most of a range need not be on one node.
        while at < self.leaves {
            at = next(2 * at)?;
        }
        Some(at - self.leaves)
    }
}

fn most(one: Left, other: Left) -> Left {
    [one[0].max(other[0]), one[1].max(other[1]), one[2].max(other[2])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        #[test]
        fn the_tree_finds_what_looking_at_every_node_finds(
            nodes in proptest::collection::vec((0usize..40, proptest::option::of([0i64..9, 0i64..9, 0i64..3])), 1..120),
            asked in [0i64..9, 0i64..9, 0i64..3], from in 0usize..45,
        ) {
            let (mut room, mut plain) = (Room::default(), vec![NOTHING; 64]);
            for (node, left) in nodes {
                room.set(node, left);
                plain[node] = left.unwrap_or(NOTHING);
                let has = |left: &Left| left.iter().zip(asked).all(|(left, asked)| *left >= asked);
                let first = (from..plain.len()).find(|&node| has(&plain[node]));
                prop_assert_eq!(room.first(from, asked), first);
            }
        }
    }
}
