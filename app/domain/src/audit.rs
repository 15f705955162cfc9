//! What is written down about an act, in one canonical form, and its place in the Merkle tree.
//!
//! [`Entry`] is what is known of an act; [`record`] is the form in which it becomes a leaf, personal text replaced by
//! commitments. [`merkle`] is the tree, [`tile`] its files, [`note`] and [`checkpoint`] its signed head, [`keys`] what it was
//! signed with in the course of time, [`proof`] the evidence that one entry is in it, [`pack`] what is asked of a bundle of
//! them, [`pin`] what an outsider remembers, [`verify`] the check of a whole log. [`retention`] says which texts are kept no
//! longer, [`hold`] which are kept all the same. [`words`] are what acts are found by, [`settings`] is what a server was started
//! with, [`confirmation`] what a person says of a restored database.
//!
//! Deliberately absent: where leaves, keys and salts are kept, who asks for a checkpoint, and what time it is.

pub mod canonical;
pub mod checkpoint;
pub mod commitment;
pub mod confirmation;
pub mod hold;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod pack;
pub mod pin;
mod plain;
pub mod proof;
pub mod record;
pub mod retention;
pub mod settings;
mod text;
pub mod tile;
pub mod verify;
pub mod words;

pub use canonical::canonical_json;

use crate::actor::Actor;
use crate::id::{DecisionId, Digest, EnvironmentName, FlagKey, ReleaseId, ServiceName};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the entry's shape, in every entry as `v`.
pub const ENTRY_VERSION: u8 = 1;

/// What stands in the place of a text that was taken out.
pub const REDACTED: &str = "redacted";

/// Longest entry that fits a log tile.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// One act: who, what, on what, why, seen what, with which outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub v: u8,
    pub id: DecisionId,
    /// When it was written down.
    pub at: Timestamp,
    /// When it happened, if it was written down late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Timestamp>,
    pub actor: Actor,
    /// An [`Action`](crate::access::Action) by its stable name.
    pub action: String,
    pub target: Target,
    /// The version of the target that the actor saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
    pub reason: String,
    pub outcome: Outcome,
    /// Digest of what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runbooks: Vec<Digest>,
    /// Rules that were overridden, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    /// What the act changed beyond its target: weights asked, documents by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
    pub origin: Origin,
}

/// What was acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    Release {
        id: ReleaseId,
        service: ServiceName,
    },
    Service {
        name: ServiceName,
    },
    Flag {
        key: FlagKey,
        environment: EnvironmentName,
    },
    Configuration {
        names: Vec<String>,
    },
    Account {
        name: String,
    },
    /// The target could not be told (a malformed or unknown id).
    Unknown {
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    Accepted,
    /// With the reason the actor was given.
    Refused {
        why: String,
    },
}

/// Through which door the act came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// `browser`, `api`, `engine`, `cli` or `emergency`.
    pub transport: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The program it came with, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entry has {0} bytes, at most {MAX_ENTRY_BYTES} fit; store the large part by digest")]
pub struct EntryTooLarge(usize);

impl Entry {
    /// The bytes that are hashed: JSON with sorted keys and no white space.
    pub fn canonical(&self) -> Result<Vec<u8>, EntryTooLarge> {
        let value = serde_json::to_value(self).expect("an entry holds only strings, integers and lists");
        let bytes = canonical_json(&value).into_bytes();
        if bytes.len() > MAX_ENTRY_BYTES { Err(EntryTooLarge(bytes.len())) } else { Ok(bytes) }
    }
}

/// `SHA-256(0x00 ‖ entry)`, RFC 6962 section 2.1.
pub fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    merkle::leaf_hash(entry).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_of_nothing_is_that_of_the_standard() {
        // RFC 6962 test vector: SHA-256 of a single zero byte.
        let expected = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(crate::id::hex(&leaf_hash(b"")), expected);
    }
}
