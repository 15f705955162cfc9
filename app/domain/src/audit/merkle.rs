//! The Merkle tree of RFC 6962, section 2.1: SHA-256, a leaf is `0x00 ‖ entry`, a node is `0x01 ‖ left ‖ right`.
//!
//! The tree is never held as a whole. A [`Frontier`] is enough to append and to know the root, whatever the size. A
//! [`Plan`] names the complete subtrees that a proof is made of, so that their hashes can be fetched in one go from
//! wherever they lie. [`check_inclusion`] and [`check_consistency`] need the proof alone.
//!
//! Sizes and indexes are counts of entries, at most 2^63 − 1.

mod check;
mod frontier;
mod plan;

pub use check::{ConsistencyError, InclusionError, check_consistency, check_inclusion, root_of_inclusion};
pub use frontier::{Frontier, FrontierError, StretchError};
pub use plan::{Plan, PlanError};

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The hash of a leaf, a node or a root: 32 bytes, written in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash(pub [u8; 32]);

/// The hash of one entry.
pub fn leaf_hash(entry: &[u8]) -> TreeHash {
    TreeHash(Sha256::new().chain_update([0u8]).chain_update(entry).finalize().into())
}

/// The hash over two subtrees.
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    let mut both = [1u8; 65];
    both[1..33].copy_from_slice(&left.0);
    both[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(both).into())
}

/// The root of a tree without entries: the hash of nothing.
pub fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest([]).into())
}

/// A complete subtree: the entries `index · 2^level` to `(index + 1) · 2^level`. Level 0 are the leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub level: u8,
    pub index: u64,
}

impl Node {
    pub fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash: write 32 bytes in base64")]
pub struct HashError(String);

impl FromStr for TreeHash {
    type Err = HashError;

    fn from_str(given: &str) -> Result<Self, HashError> {
        text::base64_32(given).map(Self).ok_or_else(|| HashError(text::quote(given)))
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::to_base64(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TreeHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TreeHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The tree by its definition, slow and plain, to hold the rest against.
#[cfg(test)]
mod definition {
    use super::{TreeHash, empty_root, node_hash};

    pub(crate) fn leaves(size: u64) -> Vec<TreeHash> {
        (0..size).map(|index| super::leaf_hash(&index.to_be_bytes())).collect()
    }

    pub(crate) fn split(size: usize) -> usize {
        size.next_power_of_two() / 2
    }

    /// `MTH(D[n])`.
    pub(crate) fn root(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(split(more.len()));
                node_hash(root(left), root(right))
            }
        }
    }

    /// `PATH(m, D[n])`.
    pub(crate) fn path(index: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, sibling) = match index.checked_sub(left.len()) {
            None => (path(index, left), root(right)),
            Some(index) => (path(index, right), root(left)),
        };
        path.push(sibling);
        path
    }

    /// `SUBPROOF(m, D[n], b)`.
    pub(crate) fn proof(old: usize, leaves: &[TreeHash], whole: bool) -> Vec<TreeHash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut proof, sibling) = if old <= left.len() {
            (proof(old, left, whole), root(right))
        } else {
            (proof(old - left.len(), right, false), root(left))
        };
        proof.push(sibling);
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_nothing_then_its_hashes_are_those_of_the_standard() {
        let hex = |hash: TreeHash| crate::id::hex(&hash.0);
        assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn given_a_hash_then_it_has_one_spelling() {
        let text = empty_root().to_string();
        assert_eq!(text.parse(), Ok(empty_root()));
        let long = "A".repeat(1_000_000);
        for wrong in ["", "AAAA", &text[1..], &text.replace('=', ""), &format!("{text}="), &long] {
            let error = wrong.parse::<TreeHash>().expect_err(wrong);
            assert!(error.to_string().len() < 300, "{error}");
        }
    }
}
