//! The check of a whole log without network, in one pass from the first entry to the last.
//!
//! The [`Verifier`] is fed every entry's bytes in order and holds the right edge of the tree, whatever the length of
//! the log. It knows the heads the log must pass through: the newest one and every pinned one, their signatures checked
//! by the caller. Where the roots differ, it names the first bad entry if something else remembers the hashes of the
//! entries (tiles, the column beside the entry): that memory must itself lead to the signed root to be believed.
//! Without it, it names the entries between the last good head and the bad one.
//!
//! What of an entry can be told without the others is [`Examined`] apart from them, on as many cores as there are; only
//! the tree needs them one after the other.
//!
//! Deliberately absent: reading, threads, progress, and what only the database knows (whether an act has its entry).

mod bad;

pub use bad::Bad;

use super::checkpoint::Checkpoint;
use super::merkle::{Frontier, Node, TreeHash, leaf_hash};
use super::record::Leaf;
use super::{MAX_ENTRY_BYTES, record::DecodeError};
use crate::time::Timestamp;

/// How much is asked of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// That its bytes are those that were signed.
    Bytes,
    /// Also that they are an entry of a known version in canonical form, and point back only to earlier ones.
    Meaning,
}

/// A log being checked.
#[derive(Debug)]
pub struct Verifier {
    depth: Depth,
    /// By size, none twice.
    heads: Vec<Checkpoint>,
    passed: usize,
    tree: Frontier,
    /// What the other memory leads to, from the first entry on where it differs.
    memory: Option<Memory>,
    malformed: Option<(u64, DecodeError)>,
    clock: Clock,
}

#[derive(Debug)]
struct Memory {
    first: u64,
    tree: Frontier,
}

#[derive(Debug, Default)]
struct Clock {
    last: Option<Timestamp>,
    back: Option<u64>,
    newest: Option<(Timestamp, u64)>,
}

/// What of an entry can be told without the others: its hash, and what order asks of its meaning, if that was asked for.
#[derive(Debug)]
pub struct Examined {
    hash: TreeHash,
    meaning: Option<Result<Meaning, DecodeError>>,
}

#[derive(Debug)]
struct Meaning {
    at: Timestamp,
    /// The first entry it points back to that does not come before it.
    forward: Option<u64>,
}

impl Examined {
    /// Of entry `index`. Hands the entry over, too, if its meaning was asked for and it has one.
    pub fn of(index: u64, bytes: &[u8], depth: Depth) -> (Self, Option<Leaf>) {
        let (meaning, leaf) = match depth {
            // A length that no bundle can hold was never signed.
            Depth::Bytes if bytes.len() > MAX_ENTRY_BYTES => (Some(Err(DecodeError::Long(bytes.len()))), None),
            Depth::Bytes => (None, None),
            Depth::Meaning => match Leaf::decode(bytes) {
                Ok(leaf) => (Some(Ok(Meaning::of(index, &leaf))), Some(leaf)),
                Err(why) => (Some(Err(why)), None),
            },
        };
        (Self { hash: leaf_hash(bytes), meaning }, leaf)
    }
}

impl Meaning {
    fn of(index: u64, leaf: &Leaf) -> Self {
        let forward = match leaf {
            Leaf::Sealed(record) => record.points_back.iter().map(|back| back.index).find(|to| *to >= index),
            Leaf::Clear(_) => None,
        };
        Self { at: leaf.at(), forward }
    }
}

/// A log in which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    pub root: TreeHash,
    /// How many heads it passed through.
    pub heads: usize,
    /// How many of the entries the largest head vouches for. The rest was written after it, or never signed.
    pub vouched: u64,
    /// The first entry that is dated before the one before it: the clock was set back. No proof of anything.
    pub clock_back: Option<u64>,
    /// The latest date of an entry and its index: compare it with today's.
    pub newest: Option<(Timestamp, u64)>,
}

impl Verifier {
    /// Every head must be one of the same log. Two different roots for one size are a fork, whatever the entries say.
    pub fn new(mut heads: Vec<Checkpoint>, depth: Depth) -> Result<Self, Bad> {
        heads.sort_by_key(|head| head.size);
        for pair in heads.windows(2) {
            let [one, other] = pair else { continue };
            if one.origin != other.origin {
                return Err(Bad::Origins { one: one.origin.clone(), other: other.origin.clone() });
            }
            if one.size == other.size && one.root != other.root {
                return Err(Bad::Heads { size: one.size, one: one.root, other: other.root });
            }
        }
        heads.dedup_by_key(|head| head.size);
        let tree = Frontier::default();
        let mut verifier =
            Self { depth, heads, passed: 0, tree, memory: None, malformed: None, clock: Clock::default() };
        verifier.pass()?;
        Ok(verifier)
    }

    /// How many entries were taken.
    pub fn entries(&self) -> u64 {
        self.tree.size()
    }

    /// Takes the next entry. `remembered` is its hash as something else has it: a tile, or the column beside the
    /// entry.
    pub fn entry(&mut self, index: u64, bytes: &[u8], remembered: Option<TreeHash>) -> Result<(), Bad> {
        let (entry, _) = Examined::of(index, bytes, self.depth);
        self.examined(index, entry, remembered, |_, _| ())
    }

    /// The same for an entry that was examined before, as this one and with this verifier's depth. Hands over each
    /// subtree that became complete, as [`Frontier::push_seen`] does.
    pub fn examined(
        &mut self,
        index: u64,
        entry: Examined,
        remembered: Option<TreeHash>,
        seen: impl FnMut(Node, TreeHash),
    ) -> Result<(), Bad> {
        let expected = self.tree.size();
        if index != expected {
            return Err(Bad::Index { expected, found: index });
        }
        let Examined { hash, meaning } = entry;
        self.meaning(index, meaning)?;
        let remembered = remembered.unwrap_or(hash);
        match &mut self.memory {
            Some(memory) => memory.tree.push(remembered),
            None if remembered != hash => {
                let mut tree = self.tree.clone();
                tree.push(remembered);
                self.memory = Some(Memory { first: index, tree });
            }
            None => {}
        }
        self.tree.push_seen(hash, seen);
        self.pass()
    }

    /// That was all.
    pub fn finish(self) -> Result<Verified, Bad> {
        let entries = self.tree.size();
        if let Some(head) = self.heads.get(self.passed) {
            return Err(Bad::Short { entries, head: head.size });
        }
        if let Some(Memory { first, .. }) = self.memory {
            return Err(Bad::Unsigned { index: first });
        }
        if let Some((index, why)) = self.malformed {
            return Err(Bad::Malformed { index, why });
        }
        Ok(Verified {
            entries,
            root: self.tree.root(),
            heads: self.passed,
            vouched: self.vouched(),
            clock_back: self.clock.back,
            newest: self.clock.newest,
        })
    }

    fn vouched(&self) -> u64 {
        self.passed.checked_sub(1).map_or(0, |last| self.heads[last].size)
    }

    /// What is malformed is only remembered here: whether it was signed like that or changed later is known at the next
    /// head.
    fn meaning(&mut self, index: u64, meaning: Option<Result<Meaning, DecodeError>>) -> Result<(), Bad> {
        match meaning {
            None => Ok(()),
            Some(Ok(Meaning { forward: Some(to), .. })) => Err(Bad::PointsForward { index, to }),
            Some(Ok(Meaning { at, .. })) => {
                self.clock.take(at, index);
                Ok(())
            }
            Some(Err(why)) if self.depth == Depth::Bytes => Err(Bad::Malformed { index, why }),
            Some(Err(why)) => {
                self.malformed.get_or_insert((index, why));
                Ok(())
            }
        }
    }

    /// Holds the tree against the heads of this size.
    fn pass(&mut self) -> Result<(), Bad> {
        let size = self.tree.size();
        let Some(head) = self.heads.get(self.passed).filter(|head| head.size == size) else { return Ok(()) };
        let (found, root) = (self.tree.root(), head.root);
        let after = self.vouched();
        if found == root {
            self.passed += 1;
            return match (self.malformed.take(), self.memory.take()) {
                (Some((index, why)), _) => Err(Bad::Malformed { index, why }),
                (None, Some(Memory { first, .. })) => Err(Bad::Memory { index: first }),
                (None, None) => Ok(()),
            };
        }
        let malformed = self.malformed.take();
        match self.memory.take() {
            Some(memory) if memory.tree.root() == root => Err(Bad::Changed { index: memory.first, size }),
            memory => {
                let suspects = [malformed.map(|(index, _)| index), memory.map(|memory| memory.first)];
                let suspect = suspects.into_iter().flatten().min();
                Err(Bad::Between { after, size, suspect, found, root })
            }
        }
    }
}

impl Leaf {
    /// When it was written down.
    pub fn at(&self) -> Timestamp {
        match self {
            Leaf::Clear(entry) => entry.at,
            Leaf::Sealed(record) => record.at,
        }
    }
}

impl Clock {
    fn take(&mut self, at: Timestamp, index: u64) {
        if self.last.is_some_and(|last| at < last) {
            self.back.get_or_insert(index);
        }
        self.last = Some(at);
        if self.newest.is_none_or(|(newest, _)| at > newest) {
            self.newest = Some((at, index));
        }
    }
}

#[cfg(test)]
mod tests;
