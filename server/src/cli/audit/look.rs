//! All that can be said of an entry without the others: its hash and its meaning, what stands beside it, and the evidence
//! it rests on. Most of what was looked at is dropped where it was read; only what later checks need goes on.

use super::aside::Found;
use super::feed::{Beside, Feed, Item, Seen, Unread};
use super::{kept, keys};
use crate::store;
use crate::store::scan::{Reader, Stored};
use std::collections::HashMap;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::record::{Leaf, Record, Redactions};
use sternway_domain::audit::verify::{Depth, Examined};
use sternway_domain::id::Digest;

/// How much is asked of an entry.
pub(super) const DEPTH: Depth = Depth::Meaning;

/// An entry that was looked at.
pub(super) struct Looked {
    pub(super) index: u64,
    pub(super) entry: Examined,
    pub(super) remembered: Option<TreeHash>,
    /// Whether it is one whose texts stand beside it.
    pub(super) sealed: bool,
    /// Whether the verdict it rests on was found again.
    pub(super) replayed: bool,
    /// Of most there is no more to be said.
    pub(super) more: Option<Box<More>>,
}

#[derive(Default)]
pub(super) struct More {
    /// If it redacts texts, explains evidence that is gone, puts another key in place, or is about a legal hold.
    pub(super) record: Option<Box<Record>>,
    /// If it is not good.
    pub(super) evidence: Option<(Digest, Seen)>,
    pub(super) found: Found,
}

/// Looks at entries, and remembers evidence that was good: several acts may rest on the same.
#[derive(Default)]
pub(super) struct Eye {
    /// Whether a verdict was judged again from it.
    good: HashMap<Digest, bool>,
}

impl Eye {
    /// Some 1 MB. Whoever rests on more is asked for again.
    const MOST: usize = 8_192;

    /// Entries of a file.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, from: u64, until: u64) -> store::Result<Vec<Looked>> {
        let mut all = Vec::with_capacity((until - from) as usize);
        let mut rests = Vec::new();
        reader.each(from, until, |stored| {
            let (mut looked, evidence) = at(&stored)?;
            if let Some(digest) = evidence {
                match self.good.get(&digest) {
                    Some(replayed) => looked.replayed = *replayed,
                    None => rests.push((all.len(), digest)),
                }
            }
            all.push(looked);
            Ok(())
        })?;
        for (at, digest) in rests {
            let seen = match self.good.get(&digest) {
                Some(replayed) => Seen::Good { replayed: *replayed },
                None => reader.evidence(&digest, |body| Seen::of(&digest, body))?,
            };
            self.saw(&mut all[at], digest, seen);
        }
        Ok(all)
    }

    /// Entries that were asked for, and their evidence, where there is somebody to be asked.
    pub(super) async fn asked(&mut self, feed: &Feed, items: Vec<Item>) -> Result<Vec<Looked>, Unread> {
        let mut all = Vec::with_capacity(items.len());
        for Item { index, bytes, hash, beside } in items {
            let (entry, leaf) = Examined::of(index, &bytes, DEPTH);
            let found = beside.as_ref().map(|beside| Found::of(index, leaf.as_ref(), beside)).unwrap_or_default();
            let (mut looked, evidence) = told(index, entry, hash, leaf, found);
            if let Some(digest) = evidence.filter(|_| beside.is_some()) {
                let seen = match self.good.get(&digest) {
                    Some(replayed) => Seen::Good { replayed: *replayed },
                    None => feed.evidence(&digest).await?,
                };
                self.saw(&mut looked, digest, seen);
            }
            all.push(looked);
        }
        Ok(all)
    }

    fn saw(&mut self, looked: &mut Looked, digest: Digest, seen: Seen) {
        if let Seen::Good { replayed } = seen {
            looked.replayed = replayed;
            if self.good.len() == Self::MOST {
                self.good.clear();
            }
            self.good.insert(digest, replayed);
        } else {
            looked.more.get_or_insert_default().evidence = Some((digest, seen));
        }
    }
}

/// An entry of a file, and the evidence it names.
fn at(stored: &Stored<'_>) -> store::Result<(Looked, Option<Digest>)> {
    let index = stored.index as u64;
    let (entry, leaf) = Examined::of(index, stored.entry, DEPTH);
    let at_once = match &leaf {
        Some(Leaf::Sealed(record)) => Found::at_once(record, stored),
        _ => None,
    };
    let found = match at_once {
        Some(found) => found,
        None => {
            let beside = Beside { openings: stored.texts.openings(), decision: stored.act()? };
            Found::of(index, leaf.as_ref(), &beside)
        }
    };
    let hash = stored.hash.try_into().ok().map(TreeHash);
    Ok(told(index, entry, hash, leaf, found))
}

/// What goes on, and the evidence that is named.
fn told(
    index: u64,
    entry: Examined,
    remembered: Option<TreeHash>,
    leaf: Option<Leaf>,
    found: Found,
) -> (Looked, Option<Digest>) {
    let (record, evidence, sealed) = match leaf {
        Some(Leaf::Sealed(mut record)) => {
            let evidence = record.evidence.take();
            let matters = Redactions::concern(&record) || keys::changes(&record) || kept::concerns(&record);
            (matters.then_some(record), evidence, true)
        }
        Some(Leaf::Clear(_)) | None => (None, None, false),
    };
    let more = (record.is_some() || !found.is_empty()).then(|| Box::new(More { record, evidence: None, found }));
    (Looked { index, entry, remembered, sealed, replayed: false, more }, evidence)
}

#[cfg(test)]
mod tests;
