//! Which texts were removed on purpose: said by later entries, never by their absence alone.

use super::super::commitment::{Field, Opening};
use super::{Record, Relation};
use std::collections::BTreeMap;

/// What the entries read so far say was removed, and by which of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redactions {
    removed: BTreeMap<(u64, Field), u64>,
}

/// A text that is gone without an entry that says so, or still there although one says it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("the text of `{field}` of entry {index} is gone, and no entry says that it was redacted")]
    Unexplained { index: u64, field: Field },
    #[error(
        "the text of `{field}` of entry {index} was redacted by entry {by} and is still there: replay the redactions"
    )]
    StillThere { index: u64, field: Field, by: u64 },
}

impl Redactions {
    /// Takes note of what an entry redacts.
    pub fn take(&mut self, index: u64, record: &Record) {
        for back in record.points_back.iter().filter(|back| back.relation == Relation::Redacts) {
            for field in &back.fields {
                self.removed.entry((back.index, *field)).or_insert(index);
            }
        }
    }

    /// Which entry removed this text.
    pub fn by(&self, index: u64, field: Field) -> Option<u64> {
        self.removed.get(&(index, field)).copied()
    }

    /// Everything removed, with the entry that did it: what is replayed after a restore.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Field, u64)> {
        self.removed.iter().map(|((index, field), by)| (*index, *field, *by))
    }

    /// Whether the texts beside an entry are those that should be there, once the whole log was taken.
    pub fn check(&self, index: u64, record: &Record, openings: &[Opening]) -> Result<(), Missing> {
        for (field, _) in record.commitments() {
            let there = openings.iter().any(|opening| opening.field == field);
            match self.by(index, field) {
                None if !there => return Err(Missing::Unexplained { index, field }),
                Some(by) if there => return Err(Missing::StillThere { index, field, by }),
                _ => {}
            }
        }
        Ok(())
    }
}
