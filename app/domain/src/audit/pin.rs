//! What somebody outside remembers of the log, and whether the log still keeps to it.
//!
//! A log cannot vouch for itself: whoever holds its key and its database can sign another history. But it cannot change
//! what others hold. A [`Pin`] is a head that was kept elsewhere, in a file, a message, a browser; every later head must
//! extend it.

use super::checkpoint::{Checkpoint, Trust, TrustError, Trusted};
use super::merkle::{ConsistencyError, TreeHash, check_consistency};
use super::note::Note;
use std::fmt;

/// A head that was seen and kept, with the signatures it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub origin: String,
    pub size: u64,
    pub root: TreeHash,
    pub note: Note,
}

/// How the log stands to a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The head is the pinned one.
    Same { size: u64 },
    /// Everything that was pinned is still there, and more.
    Extends { from: u64, to: u64 },
    /// The log has fewer entries than it had: the newest were taken away, or an old copy was put in its place.
    Shorter { pinned: u64, now: u64 },
    /// The log has another history than the one that was pinned.
    Fork { pinned: u64, now: u64, why: Fork },
    /// It is another log.
    Other { pinned: String, now: String },
    /// Whoever answered gave no proof that could be checked. That is no proof of a fork, and no reason to trust.
    Unproven { pinned: u64, now: u64, why: ConsistencyError },
}

/// How a fork shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// Two roots for one size. If both are signed, the two notes together convict the log.
    Roots { pinned: TreeHash, now: TreeHash },
    /// The log's own proof leads elsewhere.
    Proof(ConsistencyError),
}

impl Pin {
    pub fn new(trusted: Trusted) -> Self {
        let Checkpoint { origin, size, root, .. } = trusted.checkpoint;
        Self { origin, size, root, note: trusted.note }
    }

    /// A pin as it was kept: the note. It must have been signed by a key that counts.
    pub fn read(bytes: &[u8], trust: &Trust) -> Result<Self, TrustError> {
        trust.open(bytes).map(Self::new)
    }

    /// How this head stands to the pin. `proof` is the consistency proof from the pinned size to the head's; it is not
    /// looked at when there is nothing to prove. The head's signatures are the caller's to check.
    pub fn compare(&self, head: &Checkpoint, proof: &[TreeHash]) -> Standing {
        let (pinned, now) = (self.size, head.size);
        if head.origin != self.origin {
            return Standing::Other { pinned: self.origin.clone(), now: head.origin.clone() };
        }
        if now < pinned {
            return Standing::Shorter { pinned, now };
        }
        if now == pinned {
            let why = Fork::Roots { pinned: self.root, now: head.root };
            return if head.root == self.root {
                Standing::Same { size: now }
            } else {
                Standing::Fork { pinned, now, why }
            };
        }
        match check_consistency(pinned, self.root, now, head.root, proof) {
            Ok(()) => Standing::Extends { from: pinned, to: now },
            Err(why @ (ConsistencyError::Sizes { .. } | ConsistencyError::Length { .. })) => {
                Standing::Unproven { pinned, now, why }
            }
            Err(why) => Standing::Fork { pinned, now, why: Fork::Proof(why) },
        }
    }
}

impl Standing {
    /// Whether the log kept to what was pinned. Only then may a new head be signed, or the pin be moved forward.
    pub fn good(&self) -> bool {
        matches!(self, Standing::Same { .. } | Standing::Extends { .. })
    }
}

/// For people.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Same { size } => write!(f, "The log is the one you remember: {size} entries."),
            Standing::Extends { from, to } => write!(
                f,
                "The log is the one you remember and has grown: the {from} entries are unchanged, {} were added.",
                to - from
            ),
            Standing::Shorter { pinned, now } => write!(
                f,
                "The log is shorter than you remember: it had {pinned} entries, now it has {now}. The newest were removed, \
                 or an old copy was put in its place. Compare it with a backup and with others' checkpoints."
            ),
            Standing::Fork { pinned, now, why } => {
                write!(f, "The log is not the one you remember: ")?;
                match why {
                    Fork::Roots { pinned: old, now: new } => {
                        write!(f, "at {now} entries its root was {old}, now it is {new}. ")?;
                    }
                    Fork::Proof(_) => {
                        write!(f, "at least one of the first {pinned} entries has changed. It now has {now}. ")?;
                    }
                }
                write!(f, "Keep both checkpoints, they are the evidence.")
            }
            Standing::Other { pinned, now } => {
                write!(f, "This is another log: `{now}`, you remember `{pinned}`.")
            }
            Standing::Unproven { pinned, now, why } => write!(
                f,
                "It is not shown that the log of {now} entries begins with the {pinned} you remember: {why}. Ask again; \
                 if that does not help, treat it as changed."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Frontier, Plan, leaf_hash};
    use super::super::note::{KeyKind, SignerKey};
    use super::super::tile::{TileSet, tiles_of};
    use super::*;

    const ORIGIN: &str = "sternway.example/log";

    fn leaves(text: &str, size: u64) -> Vec<TreeHash> {
        (0..size).map(|index| leaf_hash(format!("{text} {index}").as_bytes())).collect()
    }

    fn head(leaves: &[TreeHash]) -> Checkpoint {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        Checkpoint::new(ORIGIN, frontier.size(), frontier.root()).expect("a good origin")
    }

    fn pin(leaves: &[TreeHash]) -> Pin {
        let key = SignerKey::new(ORIGIN, KeyKind::Plain, [1; 32]).expect("a good name");
        let mut note = head(leaves).note().expect("text");
        note.sign(&key);
        Pin::read(note.to_string().as_bytes(), &Trust::one(ORIGIN, key.verifier().clone())).expect("signed")
    }

    fn proof(old: u64, leaves: &[TreeHash]) -> Vec<TreeHash> {
        let mut set = TileSet::new(leaves.len() as u64);
        for (tile, bytes) in tiles_of(leaves) {
            set.insert(tile.level, tile.index, &bytes).expect("a tile of this tree");
        }
        let plan = Plan::consistency(old, leaves.len() as u64).expect("it has grown");
        set.resolve(&plan).expect("all are there")
    }

    #[test]
    fn given_a_log_that_grew_then_it_extends_the_pin() {
        let now = leaves("a", 1000);
        for old in [1, 7, 256, 999] {
            let standing = pin(&now[..old]).compare(&head(&now), &proof(old as u64, &now));
            assert_eq!(standing, Standing::Extends { from: old as u64, to: 1000 });
            assert!(standing.good());
        }
        assert_eq!(pin(&now).compare(&head(&now), &[]), Standing::Same { size: 1000 });
        assert!(pin(&[]).compare(&head(&now), &[]).good(), "nothing is the beginning of everything");
        let words = Standing::Extends { from: 7, to: 1000 }.to_string();
        assert_eq!(
            words,
            "The log is the one you remember and has grown: the 7 entries are unchanged, 993 were added."
        );
    }

    #[test]
    fn given_a_log_that_was_changed_then_it_is_said_how() {
        let now = leaves("a", 1000);
        let mut other = now.clone();
        other[3] = leaf_hash(b"somebody else's history");
        let pinned = pin(&now[..700]);
        assert_eq!(pinned.compare(&head(&now[..699]), &[]), Standing::Shorter { pinned: 700, now: 699 });
        let fork = pinned.compare(&head(&other[..700]), &[]);
        assert!(matches!(fork, Standing::Fork { why: Fork::Roots { .. }, .. }), "{fork:?}");
        let fork = pinned.compare(&head(&other), &proof(700, &other));
        assert!(matches!(fork, Standing::Fork { why: Fork::Proof(ConsistencyError::Old { .. }), .. }), "{fork:?}");
        let fork = pinned.compare(&head(&other), &proof(700, &now));
        assert!(matches!(fork, Standing::Fork { why: Fork::Proof(ConsistencyError::New { .. }), .. }), "{fork:?}");
        let unproven = pinned.compare(&head(&now), &[]);
        assert!(matches!(unproven, Standing::Unproven { .. }), "{unproven:?}");
        let renamed = Checkpoint { origin: "other.example".into(), ..head(&now) };
        let another = pinned.compare(&renamed, &proof(700, &now));
        for bad in [fork, unproven, another, Standing::Shorter { pinned: 700, now: 699 }] {
            assert!(!bad.good(), "{bad}");
            assert!(bad.to_string().ends_with('.'), "{bad}");
        }
    }
}
