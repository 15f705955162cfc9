//! How far a database has come, and what is new in it.

use sternway_domain::id::{ReleaseId, ServiceName};

/// Where the log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Of the newest event of any kind; 0 before the first.
    pub position: i64,
    /// How many entries the log has.
    pub leaves: i64,
}

/// A release with something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedRow {
    pub release: ReleaseId,
    pub service: ServiceName,
    /// Of the newest event of the release or its sagas.
    pub position: i64,
}

/// How much another process has read and said of a release that it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkRow {
    pub release: ReleaseId,
    pub service: ServiceName,
    /// Means nothing but that something is new when it differs.
    pub mark: i64,
}

/// The setting with the signed note of the last confirmation.
pub const CONFIRMATION: &str = "restored_statement";

/// From here on, in a database that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Counts how often.
    pub epoch: i64,
    /// Every lease is free, and the next one gets a larger token than this.
    pub token: i64,
    /// The same, signed with the log's key.
    pub statement: String,
}

/// How far this database has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// When it was made: two databases differ in it, a backup and what became of it do not.
    pub born: i64,
    /// How often somebody confirmed that it was restored, as it says; [`CONFIRMATION`] vouches for it.
    pub epoch: i64,
    /// The largest of all leases.
    pub token: i64,
    pub head: Head,
}
