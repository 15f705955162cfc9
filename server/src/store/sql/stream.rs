//! What streams of events have in common.

use super::all;
use super::link::Row;
use crate::store::rows::{EventWrite, StreamEventRow};
use crate::store::{Result, StoreError};

/// The events of a flag or a data migration, as they are selected.
pub(super) fn events(rows: &[Row]) -> Result<Vec<StreamEventRow>> {
    all(rows, |row| {
        Ok(StreamEventRow {
            position: row.get("position")?,
            version: row.get("version")?,
            kind: row.get("kind")?,
            at: row.time("at")?,
            body: row.get("body")?,
            decision: row.opt_parse("decision")?,
        })
    })
}

/// Refuses a write that no caller should have made: its events must lead from the version before to that of the row.
pub(super) fn check(what: &'static str, expected: i64, events: &[EventWrite], version: i64) -> Result<()> {
    if !events.is_empty() && expected >= 0 && version == expected + events.len() as i64 {
        return Ok(());
    }
    let detail = format!("{} events after version {expected} do not lead to version {version}", events.len());
    Err(StoreError::Corrupt { what, detail })
}
