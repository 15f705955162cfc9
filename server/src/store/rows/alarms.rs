//! What needs a person, and who was told.

use sternway_domain::id::{AlarmId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;

/// One matter that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    pub id: AlarmId,
    /// What it is about; at most one is open about the same.
    pub key: String,
    pub kind: String,
    pub severity: String,
    pub release: Option<ReleaseId>,
    pub service: Option<ServiceName>,
    pub raised_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// JSON with what people are told.
    pub body: String,
    /// How it ended, for people.
    pub ending: Option<String>,
}

/// A new one, and the channels that are told of it.
#[derive(Debug, Clone)]
pub struct AlarmRaise {
    pub row: AlarmRow,
    pub channels: Vec<String>,
}

/// The matter is over: whoever was told that it began is told that.
#[derive(Debug, Clone)]
pub struct AlarmEnd {
    pub key: String,
    pub at: Timestamp,
    pub ending: String,
}

/// What is stored of an open one is another from now on.
#[derive(Debug, Clone)]
pub struct AlarmSaid {
    pub key: String,
    pub body: String,
}

/// What follows from looking at what happened: committed together.
#[derive(Debug, Clone, Default)]
pub struct AlarmsWrite {
    /// Of these, what is open already is left as it is.
    pub raise: Vec<AlarmRaise>,
    /// What is not open is left as it is.
    pub say: Vec<AlarmSaid>,
    /// After the raised ones; what is not open is left as it is.
    pub end: Vec<AlarmEnd>,
    /// Up to which position events were read by that.
    pub position: Option<i64>,
}

/// One message to one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmMessageRow {
    pub alarm: AlarmId,
    /// `raised` or `resolved`.
    pub about: String,
    pub channel: String,
    pub created_at: Timestamp,
    /// `pending`, `done` or `given_up`.
    pub state: String,
    pub attempts: i64,
    /// Not tried before.
    pub next_at: Timestamp,
    pub last_error: Option<String>,
    pub ended_at: Option<Timestamp>,
}

/// How one try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmMark {
    Done { at: Timestamp },
    Again { error: String, next_at: Timestamp },
    GivenUp { error: String, at: Timestamp },
}
