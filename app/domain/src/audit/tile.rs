//! The tree cut into files (C2SP `tlog-tiles`): a tile is up to 256 neighbouring hashes of one height, 32 bytes each;
//! a bundle holds the entries under a tile of height 0.
//!
//! A tile at level `l` holds the roots of complete subtrees of 256^l entries. A file once full never changes; the last
//! one of each level may be partial and has its width in its name: `tile/1/x001/067.p/17`, `tile/entries/000`.
//!
//! Paths are what follows the log's address, without a leading slash. Only the one spelling of the standard is taken.

mod bundle;
mod set;

pub use bundle::{BUNDLE_BYTES, BundleError, bundle, entries};
#[cfg(test)]
pub(crate) use set::tiles_of;
pub use set::{TileError, TileSet};

use super::merkle::{Node, Plan};
use super::text;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How many hashes or entries a full file has.
pub const FULL: u16 = 256;

/// The highest level a path may name.
pub const MAX_LEVEL: u8 = 63;

/// Which hashes or entries a file holds, and how many there are of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub level: u8,
    /// Its place among the tiles of the level, from 0.
    pub index: u64,
    /// 1 to 256; 256 is full.
    pub width: u16,
}

/// One file of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The newest signed head.
    Checkpoint,
    Tile(Tile),
    /// The entries under a tile of level 0 with the same index and width; its level is 0.
    Entries(Tile),
}

impl Tile {
    /// How many hashes the tile with this place has in a tree of this size; 0 if it does not exist.
    pub fn width_in(level: u8, index: u64, size: u64) -> u16 {
        let hashes = roots(level, size);
        let rest = hashes.saturating_sub(index.saturating_mul(u64::from(FULL)));
        rest.min(u64::from(FULL)) as u16
    }

    /// The tile in which the hash of a subtree lies in a tree of this size: as one of its hashes, or made of several.
    /// `None` if the subtree is not complete.
    pub fn of(node: Node, size: u64) -> Option<Self> {
        let (level, within) = (node.level / 8, node.level % 8);
        let last = (node.index.checked_add(1)?.checked_mul(1 << within)?) - 1;
        let index = last / u64::from(FULL);
        let width = Self::width_in(level, index, size);
        (last < roots(level, size)).then_some(Self { level, index, width })
    }

    pub fn full(self) -> bool {
        self.width == FULL
    }

    /// Whether a tree of this size has it: a full tile for good, a partial one as long as the tree is at least as wide.
    /// Whoever keeps partial tiles only for the newest head may refuse the older ones.
    pub fn exists_in(self, size: u64) -> bool {
        self.width <= Self::width_in(self.level, self.index, size)
    }

    /// The tiles that a larger tree has and a smaller one has not, partial ones included; with `old` 0, all of them.
    /// From the lowest level upwards, each level from left to right.
    pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Tile> {
        let full = u64::from(FULL);
        (0..8).flat_map(move |level| {
            let (before, after) = (roots(level, old), roots(level, new));
            let until = if after > before { after.div_ceil(full) } else { 0 };
            (before / full..until).map(move |index| {
                let width = Self::width_in(level, index, new);
                Tile { level, index, width }
            })
        })
    }

    /// The tiles that the hashes of a plan lie in, nothing twice. All of them exist in a tree of this size.
    pub fn needed(plan: &Plan, size: u64) -> BTreeSet<Tile> {
        plan.nodes().filter_map(|node| Self::of(node, size)).collect()
    }
}

/// How many complete subtrees of 256^level entries there are.
fn roots(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Checkpoint => f.write_str("checkpoint"),
            Resource::Tile(tile) => {
                write!(f, "tile/{}/", tile.level)?;
                write_place(f, *tile)
            }
            Resource::Entries(tile) => {
                f.write_str("tile/entries/")?;
                write_place(f, *tile)
            }
        }
    }
}

/// `x001/x234/067` and, unless full, `.p/17`.
fn write_place(f: &mut fmt::Formatter<'_>, tile: Tile) -> fmt::Result {
    let mut parts = vec![tile.index % 1000];
    let mut rest = tile.index / 1000;
    while rest > 0 {
        parts.push(rest % 1000);
        rest /= 1000;
    }
    for part in parts[1..].iter().rev() {
        write!(f, "x{part:03}/")?;
    }
    write!(f, "{:03}", parts[0])?;
    if tile.full() { Ok(()) } else { write!(f, ".p/{}", tile.width) }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a file of a log: `checkpoint`, `tile/LEVEL/INDEX` and `tile/entries/INDEX` are, an index is \
    like `x001/067`, a partial file ends like `.p/17`"
)]
pub struct PathError(String);

impl FromStr for Resource {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        parse(path).ok_or_else(|| PathError(text::quote(path)))
    }
}

fn parse(path: &str) -> Option<Resource> {
    /// Seven groups of three digits hold every index there is.
    const LONGEST: usize = "tile/entries/x009/x223/x372/x036/x854/x775/807.p/255".len();
    if path.len() > LONGEST {
        return None;
    }
    if path == "checkpoint" {
        return Some(Resource::Checkpoint);
    }
    let (kind, place) = path.strip_prefix("tile/")?.split_once('/')?;
    let (place, width) = match place.split_once(".p/") {
        Some((place, width)) => {
            (place, text::decimal(width).filter(|width| (1..u64::from(FULL)).contains(width))? as u16)
        }
        None => (place, FULL),
    };
    let mut index: u64 = 0;
    let mut parts = place.split('/').peekable();
    let many = place.contains('/');
    let mut first = true;
    while let Some(part) = parts.next() {
        let digits = if parts.peek().is_some() { part.strip_prefix('x')? } else { part };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) || (first && many && digits == "000") {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    let tile = |level| Tile { level, index, width };
    if kind == "entries" {
        return Some(Resource::Entries(tile(0)));
    }
    let level = text::decimal(kind).filter(|level| *level <= u64::from(MAX_LEVEL))?;
    Some(Resource::Tile(tile(level as u8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tile(level: u8, index: u64, width: u16) -> Tile {
        Tile { level, index, width }
    }

    #[test]
    fn given_paths_of_the_standard_then_they_are_read_and_written() {
        for (path, resource) in [
            ("checkpoint", Resource::Checkpoint),
            ("tile/0/000", Resource::Tile(tile(0, 0, 256))),
            ("tile/0/x001/x234/067", Resource::Tile(tile(0, 1_234_067, 256))),
            ("tile/1/999.p/1", Resource::Tile(tile(1, 999, 1))),
            ("tile/63/x001/000.p/255", Resource::Tile(tile(63, 1000, 255))),
            ("tile/entries/x001/067.p/8", Resource::Entries(tile(0, 1067, 8))),
            ("tile/entries/000", Resource::Entries(tile(0, 0, 256))),
        ] {
            assert_eq!(path.parse(), Ok(resource), "{path}");
            assert_eq!(resource.to_string(), path);
        }
    }

    #[test]
    fn given_another_spelling_then_it_is_refused() {
        let endless = format!("tile/0/{}001", "x999/".repeat(100_000));
        for wrong in [
            "",
            "/checkpoint",
            "checkpoint/",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/x000/x001/067",
            "tile/0/001/067",
            "tile/0/x001/x067",
            "tile/0/x001",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/+01",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/x001.p/1/067",
            "tile/data/000",
            "tile/entries/entries/000",
            "tile/0/../000",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            &endless,
        ] {
            let error = wrong.parse::<Resource>().expect_err(wrong);
            assert!(error.to_string().len() < 400, "{error}");
        }
    }

    /// The example of the standard: 70,000 entries.
    #[test]
    fn given_a_size_then_the_tiles_are_those_of_the_standard() {
        let all: Vec<_> = Tile::grown(0, 70_000).collect();
        let of = |level: u8| all.iter().filter(move |tile| tile.level == level).copied().collect::<Vec<_>>();
        assert_eq!((of(0).len(), of(0)[272], of(0)[273]), (274, tile(0, 272, 256), tile(0, 273, 112)));
        assert_eq!(of(1), [tile(1, 0, 256), tile(1, 1, 17)]);
        assert_eq!(of(2), [tile(2, 0, 1)]);
        assert_eq!(all.len(), 277);
        assert_eq!(Tile::grown(0, 256).collect::<Vec<_>>(), [tile(0, 0, 256), tile(1, 0, 1)]);
        assert_eq!(Tile::grown(0, 0).count(), 0);
        assert_eq!(Tile::grown(70_000, 70_000).count(), 0);
        assert_eq!(Tile::grown(70_000, 70_001).collect::<Vec<_>>(), [tile(0, 273, 113)]);
    }

    #[test]
    fn given_growth_then_every_tile_of_the_larger_tree_was_made_at_some_time() {
        let sizes = [0, 1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 70_000];
        for pair in sizes.windows(2) {
            let (old, new) = (pair[0], pair[1]);
            let before: BTreeSet<_> = Tile::grown(0, old).collect();
            let made: BTreeSet<_> = Tile::grown(old, new).collect();
            let after: BTreeSet<_> = Tile::grown(0, new).collect();
            assert!(before.is_disjoint(&made), "{old} to {new}: nothing is made twice");
            assert!(after.is_subset(&before.union(&made).copied().collect()), "{old} to {new}");
            assert!(made.iter().all(|tile| tile.exists_in(new) && !tile.exists_in(old)), "{old} to {new}");
        }
    }

    #[test]
    fn given_the_largest_numbers_then_nothing_overflows() {
        let most = text::MOST;
        assert_eq!(Tile::width_in(63, most, most), 0);
        assert_eq!(Tile::width_in(0, most, most), 0);
        assert_eq!(Tile::width_in(7, 0, most), 127);
        assert_eq!(Tile::of(Node { level: 255, index: most }, most), None);
        assert_eq!(Tile::of(Node { level: 7, index: u64::MAX }, most), None);
        let plan = Plan::inclusion(most / 3, most).expect("in range");
        assert!(Tile::needed(&plan, most).len() <= 16);
    }

    proptest! {
        #[test]
        fn a_path_survives_being_written_and_read(level in 0u8..64, index in 0..=text::MOST, width in 1u16..=256, entries: bool) {
            let level = if entries { 0 } else { level };
            let tile = Tile { level, index, width };
            let resource = if entries { Resource::Entries(tile) } else { Resource::Tile(tile) };
            prop_assert_eq!(resource.to_string().parse(), Ok(resource));
        }

        #[test]
        fn what_is_taken_has_one_spelling(path in "(tile/)?([0-9]{1,2}|entries)/(x?[0-9]{2,4}/?){1,4}(\\.p/[0-9]{1,3})?") {
            if let Ok(resource) = path.parse::<Resource>() {
                prop_assert_eq!(resource.to_string(), path);
            }
        }

        #[test]
        fn every_subtree_of_a_plan_lies_in_a_tile(size in 1u64..10_000_000, share in 0f64..1.0) {
            let index = (size as f64 * share) as u64;
            let plans = [Plan::inclusion(index, size), Plan::consistency(index, size), Ok(Plan::root(size))];
            for plan in plans.into_iter().map(|plan| plan.expect("in range")) {
                for node in plan.nodes() {
                    let tile = Tile::of(node, size).expect("plans are made of complete subtrees");
                    prop_assert!(tile.exists_in(size));
                }
            }
        }
    }
}
