//! What is written down about an act, in one canonical form, and its place in the Merkle tree.
//!
//! The tree itself, checkpoints and proofs are deliberately absent here; an entry and its leaf hash are what they stand on.

use crate::actor::Actor;
use crate::id::{DecisionId, Digest, EnvironmentName, FlagKey, ReleaseId, ServiceName};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Version of the entry's shape, in every entry as `v`.
pub const ENTRY_VERSION: u8 = 1;

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
    let mut hasher = Sha256::new();
    hasher.update([0u8]);
    hasher.update(entry);
    hasher.finalize().into()
}

/// JSON with keys sorted by code unit and no white space, so that equal values are equal bytes.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_equal_bytes() {
        let one: Value = serde_json::from_str(r#"{"b": [1, {"z": null, "a": "é"}], "a": true}"#).expect("json");
        let two: Value = serde_json::from_str(r#"{ "a":true,"b":[1,{"a":"é","z":null}] }"#).expect("json");
        assert_eq!(canonical_json(&one), r#"{"a":true,"b":[1,{"a":"é","z":null}]}"#);
        assert_eq!(canonical_json(&one), canonical_json(&two));
    }

    #[test]
    fn the_leaf_of_nothing_is_that_of_the_standard() {
        // RFC 6962 test vector: SHA-256 of a single zero byte.
        let expected = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(crate::id::hex(&leaf_hash(b"")), expected);
    }
}
