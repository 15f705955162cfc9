//! Hashes of subtrees from tiles that were fetched, and whether the tiles belong to a root.

use super::{FULL, Tile};
use crate::audit::merkle::{Node, Plan, TreeHash, node_hash};
use std::collections::BTreeMap;

/// Tiles of one tree.
#[derive(Debug, Clone)]
pub struct TileSet {
    size: u64,
    tiles: BTreeMap<(u8, u64), Vec<TreeHash>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    #[error("a log of {size} entries has no tile {index} at level {level}")]
    Unknown { level: u8, index: u64, size: u64 },
    #[error("tile {index} at level {level} should have {expected} bytes and has {given}")]
    Length { level: u8, index: u64, expected: usize, given: usize },
    #[error("tile {index} at level {level} is missing")]
    Missing { level: u8, index: u64 },
    #[error("the tiles lead to the root {found}, the log has {root}")]
    Root { found: TreeHash, root: TreeHash },
    #[error("tile {index} at level {level} is not the one that the tile above it names")]
    Changed { level: u8, index: u64 },
}

impl TileSet {
    /// Tiles of a tree with this many entries, none yet.
    pub fn new(size: u64) -> Self {
        Self { size, tiles: BTreeMap::new() }
    }

    /// Takes the bytes of a tile as wide as it is in this tree, or wider: a file may have grown since.
    pub fn insert(&mut self, level: u8, index: u64, bytes: &[u8]) -> Result<(), TileError> {
        let width = usize::from(Tile::width_in(level, index, self.size));
        if width == 0 {
            return Err(TileError::Unknown { level, index, size: self.size });
        }
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() < width || hashes.len() > usize::from(FULL) || !rest.is_empty() {
            return Err(TileError::Length { level, index, expected: width * 32, given: bytes.len() });
        }
        self.tiles.insert((level, index), hashes[..width].iter().copied().map(TreeHash).collect());
        Ok(())
    }

    /// The hash of a complete subtree.
    pub fn hash(&self, node: Node) -> Result<TreeHash, TileError> {
        let Node { level, index } = node;
        let tile = Tile::of(node, self.size).ok_or(TileError::Unknown { level, index, size: self.size })?;
        let missing = TileError::Missing { level: tile.level, index: tile.index };
        let hashes = self.tiles.get(&(tile.level, tile.index)).ok_or(missing)?;
        let count = 1usize << (level % 8);
        let from = (index * count as u64 % u64::from(FULL)) as usize;
        Ok(fold(&hashes[from..from + count]))
    }

    /// The hashes of a proof.
    pub fn resolve(&self, plan: &Plan) -> Result<Vec<TreeHash>, TileError> {
        plan.resolve(|node| self.hash(node))
    }

    /// Whether every tile belongs to the tree with this root; else the first that does not, from the top down. A tile
    /// counts only if all tiles above it are there.
    pub fn check(&self, root: TreeHash) -> Result<(), TileError> {
        let found = self.resolve(&Plan::root(self.size))?[0];
        if found != root {
            return Err(TileError::Root { found, root });
        }
        // Partial tiles went into the root as a whole; full ones are one hash of the tile above.
        for (&(level, index), hashes) in self.tiles.iter().rev() {
            if hashes.len() == usize::from(FULL) {
                let above = self.hash(Node { level: (level + 1) * 8, index })?;
                if fold(hashes) != above {
                    return Err(TileError::Changed { level, index });
                }
            }
        }
        Ok(())
    }
}

/// The root over a power of two of hashes.
fn fold(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [one] => *one,
        [left, right] => node_hash(*left, *right),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(fold(left), fold(right))
        }
    }
}

/// The tiles of a tree, made as it grows.
#[cfg(test)]
pub(crate) fn tiles_of(leaves: &[TreeHash]) -> BTreeMap<Tile, Vec<u8>> {
    let size = leaves.len() as u64;
    let mut levels = vec![leaves.to_vec()];
    while let Some(above) = levels.last().filter(|below| below.len() >= usize::from(FULL)) {
        let next = above.chunks_exact(usize::from(FULL)).map(fold).collect();
        levels.push(next);
    }
    let bytes = |tile: Tile| {
        let from = tile.index as usize * usize::from(FULL);
        let hashes = &levels[usize::from(tile.level)][from..from + usize::from(tile.width)];
        hashes.iter().flat_map(|hash| hash.0).collect()
    };
    Tile::grown(0, size).map(|tile| (tile, bytes(tile))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::{Frontier, check_consistency, check_inclusion, leaf_hash};

    fn leaves(size: u64) -> Vec<TreeHash> {
        (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    fn root(leaves: &[TreeHash]) -> TreeHash {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        frontier.root()
    }

    fn all(leaves: &[TreeHash]) -> TileSet {
        let mut set = TileSet::new(leaves.len() as u64);
        for (tile, bytes) in tiles_of(leaves) {
            set.insert(tile.level, tile.index, &bytes).expect("a tile of this tree");
        }
        set
    }

    #[test]
    fn given_a_proof_then_it_is_made_of_the_needed_tiles_alone() {
        let leaves = leaves(70_000);
        let root_now = root(&leaves);
        let tiles = tiles_of(&leaves);
        let fetch = |plan: &Plan| {
            let mut set = TileSet::new(70_000);
            let needed = Tile::needed(plan, 70_000);
            assert!(needed.len() <= 5, "{needed:?}");
            for tile in needed {
                set.insert(tile.level, tile.index, &tiles[&tile]).expect("a tile of this tree");
            }
            set.resolve(plan).expect("all tiles are there")
        };
        for index in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
            let proof = fetch(&Plan::inclusion(index, 70_000).expect("in range"));
            assert_eq!(check_inclusion(index, 70_000, leaves[index as usize], &proof, root_now), Ok(()), "{index}");
        }
        for old in [1, 255, 256, 257, 65_536, 69_888, 69_999, 70_000] {
            let proof = fetch(&Plan::consistency(old, 70_000).expect("it has grown"));
            let old_root = root(&leaves[..old as usize]);
            assert_eq!(check_consistency(old, old_root, 70_000, root_now, &proof), Ok(()), "{old}");
        }
    }

    #[test]
    fn given_a_changed_tile_then_it_is_named() {
        let leaves = leaves(70_000);
        let root = root(&leaves);
        let good = all(&leaves);
        assert_eq!(good.check(root), Ok(()));
        for (level, index) in [(0, 0), (0, 272), (1, 0)] {
            let mut set = good.clone();
            set.tiles.get_mut(&(level, index)).expect("it is there")[3].0[0] ^= 1;
            assert_eq!(set.check(root), Err(TileError::Changed { level, index }), "{level}/{index}");
        }
        for (level, index) in [(0, 273), (1, 1), (2, 0)] {
            let mut set = good.clone();
            set.tiles.get_mut(&(level, index)).expect("it is there")[0].0[0] ^= 1;
            let found = set.check(root);
            assert!(
                matches!(found, Err(TileError::Root { .. } | TileError::Changed { .. })),
                "{level}/{index}: {found:?}"
            );
        }
        let mut set = good.clone();
        set.tiles.remove(&(1, 0));
        assert_eq!(set.check(root), Err(TileError::Missing { level: 1, index: 0 }));
    }

    #[test]
    fn given_a_tile_of_another_length_then_it_is_refused() {
        let mut set = TileSet::new(300);
        assert!(set.insert(0, 1, &[0; 44 * 32]).is_ok());
        assert!(set.insert(0, 1, &[0; 256 * 32]).is_ok(), "a tile may have grown since");
        for wrong in [0, 43 * 32, 44 * 32 + 1, 257 * 32] {
            let error = TileError::Length { level: 0, index: 1, expected: 44 * 32, given: wrong };
            assert_eq!(set.insert(0, 1, &vec![0; wrong]), Err(error));
        }
        assert_eq!(set.insert(0, 2, &[0; 32]), Err(TileError::Unknown { level: 0, index: 2, size: 300 }));
        assert_eq!(
            set.insert(63, u64::MAX, &[0; 32]),
            Err(TileError::Unknown { level: 63, index: u64::MAX, size: 300 })
        );
    }
}
