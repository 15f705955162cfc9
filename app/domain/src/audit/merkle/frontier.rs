//! Growing the tree, entry by entry.

use super::plan::cover;
use super::{Node, TreeHash, empty_root, node_hash};
use serde::{Deserialize, Serialize};

/// The right edge of a tree: one hash for each complete subtree it falls into, from the widest to the narrowest, as
/// many as the size has bits set. At most 63 hashes, 2 KB, for a tree of any size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Frontier {
    size: u64,
    hashes: Vec<TreeHash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} entries has {expected} hashes at its edge, {given} are given")]
pub struct FrontierError {
    pub size: u64,
    pub expected: usize,
    pub given: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("after entry {to} a log of {size} entries has {expected} complete subtrees, {given} are given")]
pub struct StretchError {
    pub to: u64,
    pub size: u64,
    pub expected: usize,
    pub given: usize,
}

impl Frontier {
    /// The edge as it was stored.
    pub fn new(size: u64, hashes: Vec<TreeHash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones() as usize;
        if hashes.len() != expected {
            return Err(FrontierError { size, expected, given: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// How many entries the tree has; the index of the next one.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// Appends the hash of the next entry: two hashes on average, at most 63.
    pub fn push(&mut self, leaf: TreeHash) {
        self.push_seen(leaf, |_, _| ());
    }

    /// Like [`Self::push`], and hands over each subtree that became complete, the leaf first: what tiles are made of.
    pub fn push_seen(&mut self, leaf: TreeHash, mut seen: impl FnMut(Node, TreeHash)) {
        let mut node = Node::leaf(self.size);
        let mut hash = leaf;
        seen(node, hash);
        while node.index & 1 == 1 {
            let left = self.hashes.pop().expect("a complete left neighbour has its hash at the edge");
            hash = node_hash(left, hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            seen(node, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree of `size` entries that this one has become, from what came after as complete subtrees, from
    /// left to right (RFC 6962 names no such proof; it is an inclusion proof of many neighbours at once).
    pub fn close(mut self, size: u64, after: &[TreeHash]) -> Result<TreeHash, StretchError> {
        let nodes = if size >= self.size { cover(self.size, size) } else { Vec::new() };
        if size < self.size || nodes.len() != after.len() {
            return Err(StretchError { to: self.size, size, expected: nodes.len(), given: after.len() });
        }
        for (node, hash) in nodes.into_iter().zip(after) {
            self.push_subtree(node, *hash);
        }
        Ok(self.root())
    }

    /// The next complete subtree: it begins where the tree ends.
    fn push_subtree(&mut self, mut node: Node, mut hash: TreeHash) {
        self.size += 1 << node.level;
        while node.index & 1 == 1 {
            let left = self.hashes.pop().expect("a complete left neighbour has its hash at the edge");
            hash = node_hash(left, hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
        }
        self.hashes.push(hash);
    }

    pub fn root(&self) -> TreeHash {
        let mut hashes = self.hashes.iter().rev().copied();
        let narrowest = hashes.next().unwrap_or_else(empty_root);
        hashes.fold(narrowest, |right, left| node_hash(left, right))
    }
}

#[derive(Deserialize)]
struct Stored {
    size: u64,
    hashes: Vec<TreeHash>,
}

impl TryFrom<Stored> for Frontier {
    type Error = FrontierError;

    fn try_from(stored: Stored) -> Result<Self, FrontierError> {
        Self::new(stored.size, stored.hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn given_any_size_then_the_root_is_that_of_the_definition() {
        let leaves = definition::leaves(300);
        let mut frontier = Frontier::default();
        for size in 0..=300 {
            assert_eq!(frontier.root(), definition::root(&leaves[..size]), "{size} entries");
            let again = Frontier::new(frontier.size(), frontier.hashes().to_vec());
            assert_eq!(again.as_ref(), Ok(&frontier));
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf);
            }
        }
    }

    #[test]
    fn given_growth_then_each_complete_subtree_is_handed_over_once() {
        let leaves = definition::leaves(100);
        let mut seen = BTreeMap::new();
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier.push_seen(*leaf, |node, hash| assert!(seen.insert(node, hash).is_none(), "{node:?} twice"));
        }
        for (node, hash) in &seen {
            let (from, to) = (node.index << node.level, (node.index + 1) << node.level);
            assert_eq!(*hash, definition::root(&leaves[from as usize..to as usize]), "{node:?}");
        }
        assert_eq!(seen.len(), 100 + 50 + 25 + 12 + 6 + 3 + 1);
    }

    #[test]
    fn given_any_stretch_when_closed_then_the_root_is_that_of_the_whole_tree() {
        use super::super::Plan;
        let leaves = definition::leaves(70);
        for size in [1, 2, 7, 8, 33] {
            let root = definition::root(&leaves[..size]);
            for from in 0..=size {
                for to in from..=size {
                    let plan = Plan::stretch(from as u64, to as u64, size as u64).expect("in range");
                    let read = |node: Node| -> Result<_, std::convert::Infallible> {
                        let (from, to) = (node.index << node.level, (node.index + 1) << node.level);
                        Ok(definition::root(&leaves[from as usize..to as usize]))
                    };
                    let hashes = plan.resolve(read).unwrap_or_else(|never| match never {});
                    let (before, after) = hashes.split_at((from as u64).count_ones() as usize);
                    let mut tree = Frontier::new(from as u64, before.to_vec()).expect("its edge");
                    leaves[from..to].iter().for_each(|leaf| tree.push(*leaf));
                    assert_eq!(tree.clone().close(size as u64, after), Ok(root), "{from} to {to} of {size}");
                    if from < to {
                        let mut short = Frontier::new(from as u64, before.to_vec()).expect("its edge");
                        leaves[from + 1..to].iter().for_each(|leaf| short.push(*leaf));
                        assert_ne!(short.close(size as u64, after), Ok(root), "one is missing");
                    }
                }
            }
        }
        assert!(Plan::stretch(3, 2, 9).is_err() && Plan::stretch(3, 10, 9).is_err());
        assert!(Frontier::new(2, leaves[..1].to_vec()).expect("an edge").close(1, &[]).is_err());
    }

    #[test]
    fn given_an_edge_of_another_size_then_it_is_refused() {
        let hashes = definition::leaves(2);
        let error = FrontierError { size: 4, expected: 1, given: 2 };
        assert_eq!(Frontier::new(4, hashes.clone()), Err(error));
        let text = serde_json::to_string(&Frontier { size: 4, hashes }).expect("JSON");
        assert!(serde_json::from_str::<Frontier>(&text).is_err());
    }
}
