//! The entry as it becomes a leaf: version 2 of its canonical form, at most 65,535 bytes.
//!
//! The bytes are JSON in the one spelling of [`canonical`](super::canonical). Names of people, addresses and free text
//! stand as [`Commitment`]s, everything else in clear; what is large (documents, evidence, plans, runbooks) stands by
//! its digest. Fields that say nothing are left out. An example, with line breaks that the bytes do not have:
//!
//! ```json
//! {"action":"rollback",
//!  "actor":{"id":"…","kind":"person","name":"c1:…","role":"on_call"},
//!  "at":1795269795123456,
//!  "evidence":"sha256:…","expected_version":"17","id":"…",
//!  "origin":{"ip":"c1:…","request_id":"…","transport":"browser"},
//!  "outcome":{"kind":"accepted"},
//!  "points_back":[{"as":"follows_approval","index":4711}],
//!  "reason":"c1:…",
//!  "target":{"id":"…","kind":"release","service":"checkout"},"v":2}
//! ```
//!
//! Times are microseconds since the Unix epoch, UTC, within ±(2^53 − 1); the expected version is text, because it can
//! be any number that somebody sent. What came of an act is a later entry that points back to it.
//!
//! [`Leaf::decode`] takes these bytes and no others: an unknown version, an unknown field, a second spelling are
//! refused with the place.

mod beside;
mod decode;
mod read;
mod redaction;
mod seal;
mod shown;

pub use beside::Texts;
pub use decode::{DecodeError, Leaf};
pub use redaction::{Missing, Redactions, Shared};
pub use seal::{Links, OpeningError, SealError, Sealed};
pub use shown::Shown;

use super::commitment::{Commitment, Field};
use crate::actor::{Role, Rule};
use crate::id::{DecisionId, Digest, EnvironmentName, FlagKey, PersonId, ReleaseId, ServiceName, TokenId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// Version of the form, in every record as `v`.
pub const RECORD_VERSION: u8 = 2;

/// One act, as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    pub v: u8,
    pub id: DecisionId,
    /// When it was written down.
    pub at: Timestamp,
    /// When it happened, if it was written down late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Timestamp>,
    pub actor: Who,
    /// The stable name of the act.
    pub action: Word,
    pub target: What,
    /// The version of the target that the actor saw.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub expected_version: Option<i64>,
    pub reason: Commitment,
    pub outcome: Finding,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runbooks: Vec<Digest>,
    /// Other bodies that are too large for an entry: configuration, reports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Digest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Commitment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Commitment>,
    /// Earlier entries this one belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points_back: Vec<PointsBack>,
    pub origin: Door,
}

/// Who acted, in which role, on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Who {
    Person { id: PersonId, name: Commitment, role: Role },
    Token { id: TokenId, name: Commitment, owner: PersonId, owner_name: Commitment, role: Role },
    Automation { rule: Rule },
    Anonymous {},
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
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
        #[serde(skip_serializing_if = "Vec::is_empty")]
        names: Vec<Commitment>,
    },
    Account {
        name: Commitment,
    },
    Unknown {
        text: Commitment,
    },
}

/// Whether it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    Accepted {},
    Refused { why: Commitment },
}

/// Through which door it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    pub transport: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Commitment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Commitment>,
}

/// An earlier entry and what this one is to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PointsBack {
    /// Its place in the log.
    pub index: u64,
    #[serde(rename = "as")]
    pub relation: Relation,
    /// The texts that were removed, if this is a redaction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// What came of it.
    Outcome,
    /// It approves it.
    Approves,
    /// It was done because that approved it.
    FollowsApproval,
    /// It is a step of it.
    StepOf,
    /// It says that something in it was wrong.
    Corrects,
    /// It removed texts of it.
    Redacts,
    /// It reviews it afterwards.
    Reviews,
    /// Somebody read it.
    Reads,
}

/// A name from a fixed set or made by a program: 1 to 128 of `A-Z a-z 0-9 . _ : / -`. Never free text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Word(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot stand in clear in the log: use 1 to 128 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `:`, `/` and `-`")]
pub struct WordError(String);

impl Word {
    pub fn new(word: impl Into<String>) -> Result<Self, WordError> {
        let word = word.into();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
        if (1..=128).contains(&word.len()) && word.bytes().all(fits) {
            Ok(Self(word))
        } else {
            Err(WordError(super::text::quote(&word)))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number as text: some readers of JSON hold no more than 53 bits.
fn as_text<S: Serializer>(number: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => serializer.collect_str(number),
        None => serializer.serialize_none(),
    }
}

impl Record {
    /// Every text that stands as a commitment.
    pub fn commitments(&self) -> Vec<(Field, Commitment)> {
        let mut all = Vec::with_capacity(8 + self.overridden.len() + self.effects.len());
        all.push((Field::Reason, self.reason));
        match &self.actor {
            Who::Person { name, .. } => all.push((Field::ActorName, *name)),
            Who::Token { name, owner_name, .. } => {
                all.extend([(Field::ActorName, *name), (Field::OwnerName, *owner_name)]);
            }
            Who::Automation { .. } | Who::Anonymous {} => {}
        }
        match &self.target {
            What::Configuration { names } => all.extend(numbered(Field::Target, names)),
            What::Account { name } => all.push((Field::Target(0), *name)),
            What::Unknown { text } => all.push((Field::Target(0), *text)),
            What::Release { .. } | What::Service { .. } | What::Flag { .. } => {}
        }
        if let Finding::Refused { why } = &self.outcome {
            all.push((Field::Why, *why));
        }
        all.extend(numbered(Field::Overridden, &self.overridden));
        all.extend(numbered(Field::Effect, &self.effects));
        all.extend(self.origin.ip.map(|ip| (Field::Ip, ip)));
        all.extend(self.origin.user_agent.map(|agent| (Field::UserAgent, agent)));
        all
    }
}

fn numbered(field: fn(u16) -> Field, all: &[Commitment]) -> impl Iterator<Item = (Field, Commitment)> {
    (0..=u16::MAX).map(field).zip(all.iter().copied())
}

#[cfg(test)]
mod tests;
