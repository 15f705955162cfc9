//! From bytes of the log to the entry, or to the reason why they are none.

use super::super::canonical::{self, Why};
use super::super::commitment::Field;
use super::super::{ENTRY_VERSION, Entry, MAX_ENTRY_BYTES};
use super::read::{self, Expected};
use super::{RECORD_VERSION, Record, Relation};
use serde_json::Value;

/// An entry of any version that was ever written.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// Version 1: everything in clear, nothing can be redacted.
    Clear(Box<Entry>),
    Sealed(Box<Record>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the entry has {0} bytes, at most {MAX_ENTRY_BYTES} fit")]
    Long(usize),
    #[error(transparent)]
    Form(#[from] canonical::NotCanonical),
    #[error("the entry has no version: `v` should be a number")]
    NoVersion,
    #[error(
        "the entry has version {0}; versions {ENTRY_VERSION} and {RECORD_VERSION} are known here, a newer Sternway may know it"
    )]
    Version(u64),
    #[error("the entry is not one of version {RECORD_VERSION}: at byte {at} {what} is expected")]
    Record { at: usize, what: &'static str },
    #[error("the entry is not one of version {ENTRY_VERSION}: {0}")]
    Clear(String),
    #[error("the entry says something in another way than version {ENTRY_VERSION} does, at byte {at}")]
    Spelling { at: usize },
    #[error("the entry points back to entry {0} as redacted without naming texts, or names texts without redacting")]
    Fields(u64),
}

impl From<Expected> for DecodeError {
    fn from(Expected { at, what }: Expected) -> Self {
        Self::Record { at, what }
    }
}

impl Leaf {
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(DecodeError::Long(bytes.len()));
        }
        if bytes.ends_with(b",\"v\":2}") {
            return sealed(bytes);
        }
        let form = canonical::check(bytes);
        let version = match (form, version(bytes)) {
            // Version 1 wrote every number that somebody sent.
            (Err(error), Some(1)) if error.why == Why::Range => 1,
            (Err(error), _) => return Err(error.into()),
            (Ok(()), version) => version.ok_or(DecodeError::NoVersion)?,
        };
        match version {
            1 => clear(bytes),
            2 => sealed(bytes),
            other => Err(DecodeError::Version(other)),
        }
    }

    /// The act, with these texts where the entry has commitments; whether they are the right ones is not looked at.
    pub fn told(self, text: impl Fn(Field) -> String) -> Entry {
        match self {
            Leaf::Clear(entry) => *entry,
            Leaf::Sealed(record) => record.told(text),
        }
    }
}

fn version(bytes: &[u8]) -> Option<u64> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    value.get("v")?.as_u64()
}

fn sealed(bytes: &[u8]) -> Result<Leaf, DecodeError> {
    let record = read::record(bytes)?;
    for back in &record.points_back {
        if (back.relation == Relation::Redacts) == back.fields.is_empty() {
            return Err(DecodeError::Fields(back.index));
        }
    }
    Ok(Leaf::Sealed(Box::new(record)))
}

/// What is written again must be what was read: otherwise one act would have two leaves.
fn clear(bytes: &[u8]) -> Result<Leaf, DecodeError> {
    let entry: Entry = serde_json::from_slice(bytes).map_err(|error| DecodeError::Clear(error.to_string()))?;
    let value = serde_json::to_value(&entry).expect("an entry holds only texts, whole numbers and lists");
    let written = canonical::canonical_json(&value);
    if bytes == written.as_bytes() {
        return Ok(Leaf::Clear(Box::new(entry)));
    }
    let at = bytes.iter().zip(written.as_bytes()).take_while(|(one, other)| one == other).count();
    Err(DecodeError::Spelling { at })
}
