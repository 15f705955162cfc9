//! Data migrations of releases.

use super::EventWrite;
use sternway_domain::id::{MigrationName, ReleaseId};
use sternway_domain::time::Timestamp;

/// New events of a data migration and the fold after them.
#[derive(Debug, Clone)]
pub struct MigrationWrite {
    /// Version of the stream before these events; 0 creates it.
    pub expected: i64,
    /// At least one; they get versions `expected + 1 ..`.
    pub events: Vec<EventWrite>,
    /// The row after the events; `row.version` equals `expected + events.len()`.
    pub row: MigrationRow,
}

/// The read model of a data migration: the fold.
#[derive(Debug, Clone, PartialEq)]
pub struct MigrationRow {
    pub release: ReleaseId,
    pub name: MigrationName,
    pub version: i64,
    /// Of its newest event. Assigned by the store; ignored when writing.
    pub position: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// JSON of `sternway_domain::migration::Migration`.
    pub body: String,
}
