//! From bytes of the log to the entry, or to the reason why they are none.

use super::super::canonical::{self, Why};
use super::super::{ENTRY_VERSION, Entry, MAX_ENTRY_BYTES};
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
    #[error("the entry is not one of version {version}: {text}")]
    Shape { version: u8, text: String },
    #[error("the entry says something that is left out, or written otherwise, in version {version}, at byte {at}")]
    Spelling { version: u8, at: usize },
    #[error("the entry points back to entry {0} as redacted without naming texts, or names texts without redacting")]
    Fields(u64),
}

impl Leaf {
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(DecodeError::Long(bytes.len()));
        }
        match canonical::check(bytes) {
            // Version 1 wrote every number that somebody sent.
            Err(error) if error.why == Why::Range && version(bytes) == Ok(1) => {}
            form => form?,
        }
        match version(bytes)? {
            1 => {
                let entry: Entry = shape(bytes, 1)?;
                let value = serde_json::to_value(&entry).expect("an entry holds only texts, whole numbers and lists");
                same(bytes, canonical::canonical_json(&value).as_bytes(), 1)?;
                Ok(Self::Clear(Box::new(entry)))
            }
            2 => {
                let record: Record = shape(bytes, 2)?;
                let again = record.bytes().expect("a record of canonical bytes fits where they did");
                same(bytes, &again, 2)?;
                for back in &record.points_back {
                    if (back.relation == Relation::Redacts) == back.fields.is_empty() {
                        return Err(DecodeError::Fields(back.index));
                    }
                }
                Ok(Self::Sealed(Box::new(record)))
            }
            other => Err(DecodeError::Version(other)),
        }
    }
}

/// The version, before anything else is believed.
fn version(bytes: &[u8]) -> Result<u64, DecodeError> {
    // `v` is the last key of every version so far; others are looked for in the whole.
    let digits: Option<u64> = bytes
        .strip_suffix(b"}")
        .and_then(|rest| rest.split_last_chunk::<5>())
        .and_then(|(_, tail)| tail.strip_prefix(b"\"v\":"))
        .and_then(|digit| char::from(digit[0]).to_digit(10))
        .map(u64::from);
    digits.map_or_else(
        || {
            let value: Option<Value> = serde_json::from_slice(bytes).ok();
            value.as_ref().and_then(|value| value.get("v")).and_then(Value::as_u64).ok_or(DecodeError::NoVersion)
        },
        Ok,
    )
}

fn shape<T: serde::de::DeserializeOwned>(bytes: &[u8], version: u8) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Shape { version, text: error.to_string() })
}

/// What is written again must be what was read: otherwise one act would have two leaves.
fn same(read: &[u8], written: &[u8], version: u8) -> Result<(), DecodeError> {
    if read == written {
        return Ok(());
    }
    let at = read.iter().zip(written).take_while(|(one, other)| one == other).count();
    Err(DecodeError::Spelling { version, at })
}
