//! Which hashes a root or a proof is made of. Knowing them beforehand, they can be read at once, from tiles or rows.

use super::{Node, TreeHash, empty_root, node_hash};

/// The hashes of a proof in their order, each as the complete subtrees it covers, from left to right. Most are one
/// subtree; at the right edge of the tree one may be several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    hashes: Vec<Vec<Node>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("entry {index} is not in a log of {size} entries: the first is 0, the last {}", size.saturating_sub(1))]
    Index { index: u64, size: u64 },
    #[error("a log of {old} entries cannot have become one of {new}: it would have shrunk")]
    Sizes { old: u64, new: u64 },
    #[error("the entries from {from} to before {to} are no stretch of a log of {size} entries")]
    Stretch { from: u64, to: u64, size: u64 },
}

impl Plan {
    /// The root of a tree: one hash.
    pub fn root(size: u64) -> Self {
        Self { hashes: vec![cover(0, size)] }
    }

    /// That the entry is in the tree: `PATH(m, D[n])`, RFC 6962 section 2.1.1. From the leaf's sibling upwards.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, PlanError> {
        if index >= size {
            return Err(PlanError::Index { index, size });
        }
        let (mut from, mut to) = (0, size);
        let mut hashes = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                hashes.push(cover(middle, to));
                to = middle;
            } else {
                hashes.push(cover(from, middle));
                from = middle;
            }
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// That the smaller tree is the beginning of the larger one: `PROOF(m, D[n])`, RFC 6962 section 2.1.2. Empty if
    /// the sizes are equal or the smaller tree has no entries.
    pub fn consistency(old: u64, new: u64) -> Result<Self, PlanError> {
        if old > new {
            return Err(PlanError::Sizes { old, new });
        }
        let mut hashes = Vec::new();
        let (mut from, mut to) = (0, new);
        while old > 0 && old != to {
            let middle = from + split(to - from);
            if old <= middle {
                hashes.push(cover(middle, to));
                to = middle;
            } else {
                hashes.push(cover(from, middle));
                from = middle;
            }
        }
        // The old root itself is known to whoever asks, a part of it is not.
        if from > 0 {
            hashes.push(cover(from, to));
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// That the entries from `from` to before `to` stand there one after the other: everything before them and everything
    /// after them as complete subtrees, from left to right, one hash each. See [`Frontier::close`](super::Frontier::close).
    pub fn stretch(from: u64, to: u64, size: u64) -> Result<Self, PlanError> {
        if from > to || to > size {
            return Err(PlanError::Stretch { from, to, size });
        }
        let nodes = cover(0, from).into_iter().chain(cover(to, size));
        Ok(Self { hashes: nodes.map(|node| vec![node]).collect() })
    }

    /// Everything that has to be read, in no particular order, nothing twice.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.hashes.iter().flatten().copied()
    }

    /// How many hashes the proof has.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The hashes, from those of the subtrees.
    pub fn resolve<E>(&self, mut read: impl FnMut(Node) -> Result<TreeHash, E>) -> Result<Vec<TreeHash>, E> {
        let mut out = Vec::with_capacity(self.hashes.len());
        for nodes in &self.hashes {
            let mut hash = None;
            for node in nodes.iter().rev() {
                let left = read(*node)?;
                hash = Some(hash.map_or(left, |right| node_hash(left, right)));
            }
            out.push(hash.unwrap_or_else(empty_root));
        }
        Ok(out)
    }
}

/// The largest power of two smaller than the size.
fn split(size: u64) -> u64 {
    debug_assert!(size > 1, "a single entry is not split");
    1 << (63 - (size - 1).leading_zeros())
}

/// The complete subtrees that a range falls into, from left to right.
pub(super) fn cover(mut from: u64, to: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    while from < to {
        let fits = 63 - (to - from).leading_zeros();
        let level = if from == 0 { fits } else { fits.min(from.trailing_zeros()) };
        nodes.push(Node { level: level as u8, index: from >> level });
        from += 1 << level;
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::super::definition;
    use super::*;
    use std::convert::Infallible;

    fn resolve(plan: &Plan, leaves: &[TreeHash]) -> Vec<TreeHash> {
        let read = |node: Node| -> Result<_, Infallible> {
            let (from, to) = (node.index << node.level, (node.index + 1) << node.level);
            Ok(definition::root(&leaves[from as usize..to as usize]))
        };
        plan.resolve(read).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn given_any_size_then_plans_are_those_of_the_definition() {
        let leaves = definition::leaves(70);
        for size in 0..=70 {
            let all = &leaves[..size];
            assert_eq!(resolve(&Plan::root(size as u64), all), [definition::root(all)]);
            for index in 0..size {
                let plan = Plan::inclusion(index as u64, size as u64).expect("it is in the tree");
                assert_eq!(resolve(&plan, all), definition::path(index, all), "entry {index} of {size}");
            }
            for old in 1..=size {
                let plan = Plan::consistency(old as u64, size as u64).expect("it has grown");
                assert_eq!(resolve(&plan, all), definition::proof(old, all, true), "{old} to {size}");
            }
            assert!(Plan::consistency(0, size as u64).expect("it has grown").is_empty());
        }
    }

    #[test]
    fn given_numbers_out_of_range_then_there_is_no_plan() {
        assert_eq!(Plan::inclusion(0, 0), Err(PlanError::Index { index: 0, size: 0 }));
        assert_eq!(Plan::inclusion(7, 7), Err(PlanError::Index { index: 7, size: 7 }));
        assert_eq!(Plan::consistency(8, 7), Err(PlanError::Sizes { old: 8, new: 7 }));
        let most = i64::MAX as u64;
        assert_eq!(Plan::inclusion(most - 1, most).map(|plan| plan.len()), Ok(62));
        assert!(Plan::consistency(most - 1, most).is_ok_and(|plan| plan.len() <= 63));
    }
}
