//! Which texts were removed on purpose: said by later entries, never by their absence alone.

use super::super::commitment::{Field, Opening};
use super::{Finding, PointsBack, Record, Relation, What};
use crate::access::Action;
use crate::audit::retention::Class;
use crate::id::{FlagKey, ReleaseId};
use std::collections::BTreeMap;

/// What the entries read so far say was removed, and by which of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redactions {
    removed: BTreeMap<(u64, Field), u64>,
    /// Entries whose evidence shows what the ones before them wrote.
    shared: BTreeMap<u64, Shared>,
}

/// What the evidence shows as it stood before, with names and reasons of earlier decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shared {
    Flag(FlagKey),
    /// Of a release.
    Data(ReleaseId),
}

impl Shared {
    pub fn of(record: &Record) -> Option<Self> {
        let data =
            [Action::MoveData, Action::BreakGlass].iter().any(|action| action.as_str() == record.action.as_str());
        match &record.target {
            What::Flag { key, .. } => Some(Shared::Flag(key.clone())),
            What::Release { id, .. } if data => Some(Shared::Data(*id)),
            _ => None,
        }
    }
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

impl Record {
    /// What this entry took texts out of. A refused one took nothing out, whatever it says.
    pub fn redacts(&self) -> impl Iterator<Item = &PointsBack> {
        let accepted = self.outcome == Finding::Accepted {};
        self.points_back.iter().filter(move |back| accepted && back.relation == Relation::Redacts)
    }
}

impl Redactions {
    /// Whether there is anything in an entry to take note of.
    pub fn concern(record: &Record) -> bool {
        record.redacts().next().is_some() || Shared::of(record).is_some()
    }

    /// Takes note of what an entry redacts.
    pub fn take(&mut self, index: u64, record: &Record) {
        self.shared.extend(Shared::of(record).map(|shared| (index, shared)));
        for back in record.redacts() {
            for field in &back.fields {
                self.removed.entry((back.index, *field)).or_insert(index);
            }
        }
    }

    /// Entries, texts of them, and which entry removed each.
    pub fn removed(&self) -> impl Iterator<Item = (u64, Field, u64)> + '_ {
        self.removed.iter().map(|((index, field), by)| (*index, *field, *by))
    }

    /// Which entry removed this text.
    pub fn by(&self, index: u64, field: Field) -> Option<u64> {
        self.removed.get(&(index, field)).copied()
    }

    /// Whether the evidence of this entry went with a text: one of its own, or one of an earlier entry about the same flag
    /// or data that was taken out after it. Addresses stand in no evidence.
    pub fn explain_evidence(&self, index: u64) -> bool {
        let Some(shared) = self.shared.get(&index) else { return self.took_from(index, 0) };
        let before = self.shared.range(..index).filter(|(_, other)| *other == shared);
        self.took_from(index, 0) || before.into_iter().any(|(of, _)| self.took_from(*of, index))
    }

    /// Whether an entry after `after` removed a text of entry `of` that may stand in evidence.
    fn took_from(&self, of: u64, after: u64) -> bool {
        let removed = self.removed.range((of, Field::Reason)..).take_while(|((index, _), _)| *index == of);
        removed.into_iter().any(|((_, field), by)| *by > after && Class::of(*field) != Class::Addresses)
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
