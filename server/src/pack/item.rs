//! One entry of the log in a pack: its sealed bytes, the texts beside it, and what both say together.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::audit::merkle::{TreeHash, leaf_hash};
use sternway_domain::audit::record::{DecodeError, Leaf, OpeningError, PointsBack};
use sternway_domain::audit::{Entry, REDACTED, canonical_json};
use sternway_domain::time::Timestamp;

/// An entry with what stands beside it.
#[derive(Debug, Clone)]
pub struct Item {
    pub index: u64,
    /// What was hashed.
    pub bytes: String,
    pub leaf: Leaf,
    /// `None`: it was not asked for, and only its sealed bytes are here.
    pub texts: Option<Vec<Opening>>,
}

/// A line of a file of entries.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) index: u64,
    /// As the log keeps it: if an entry is changed, this tells which one.
    pub(super) hash: TreeHash,
    pub(super) entry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) texts: Option<Vec<Opening>>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemFault {
    #[error("entry {index} is not text")]
    Text { index: u64 },
    #[error("entry {index} cannot be read: {error}")]
    Decode { index: u64, error: DecodeError },
    #[error("entry {index}: {error}")]
    Opening { index: u64, error: OpeningError },
}

/// An act as it was known, as far as its texts are still there.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub index: u64,
    pub entry: Entry,
    /// Texts that were taken out.
    pub redacted: Vec<Field>,
    pub points_back: Vec<PointsBack>,
}

impl Item {
    pub(super) fn new(index: u64, bytes: Vec<u8>) -> Result<Self, ItemFault> {
        let bytes = String::from_utf8(bytes).map_err(|_| ItemFault::Text { index })?;
        let leaf = Leaf::decode(bytes.as_bytes()).map_err(|error| ItemFault::Decode { index, error })?;
        Ok(Self { index, bytes, leaf, texts: None })
    }

    pub(super) fn hash(&self) -> TreeHash {
        leaf_hash(self.bytes.as_bytes())
    }

    /// With its line break.
    pub(super) fn line(&self) -> String {
        let line = Line { index: self.index, hash: self.hash(), entry: self.bytes.clone(), texts: self.texts.clone() };
        serde_json::to_string(&line).expect("numbers and texts are JSON") + "\n"
    }

    /// What it says. A text that is not the one committed to is an error.
    pub(super) fn decision(&self) -> Result<Decision, ItemFault> {
        let texts = self.texts.as_deref().unwrap_or_default();
        let wrong = |error| ItemFault::Opening { index: self.index, error };
        let (entry, redacted, points_back) = match &self.leaf {
            Leaf::Clear(entry) => ((**entry).clone(), Vec::new(), Vec::new()),
            Leaf::Sealed(record) => {
                let known = record.texts(texts).map_err(wrong)?;
                let gone = known.iter().filter(|(_, text)| text.is_none()).map(|(field, _)| *field).collect();
                (record.open(texts, REDACTED).map_err(wrong)?, gone, record.points_back.clone())
            }
        };
        Ok(Decision { index: self.index, entry, redacted, points_back })
    }
}

impl Decision {
    /// For programs, with its line break: the entry with its texts, times in RFC 3339.
    pub(super) fn line(&self) -> String {
        let mut value = serde_json::to_value(&self.entry).expect("an entry holds only texts, numbers and lists");
        let text = |at: Timestamp| Value::from(at.to_rfc3339());
        value["at"] = text(self.entry.at);
        if let Some(at) = self.entry.occurred {
            value["occurred"] = text(at);
        }
        value["leaf_index"] = self.index.into();
        if !self.redacted.is_empty() {
            value["redacted"] = json!(self.redacted);
        }
        if !self.points_back.is_empty() {
            value["points_back"] = json!(self.points_back);
        }
        canonical_json(&value) + "\n"
    }
}
