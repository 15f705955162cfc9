//! What of the store is read only by whoever checks the whole of it. A part of [`Store`](super::Store).

use super::Result;
use super::rows::*;
use async_trait::async_trait;

/// Everything that must agree with the log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The first thing, in words, that is missing or too much among the events, or among the decisions of a log of so many
    /// entries: numbers without gaps and owners, streams as long as their rows say.
    async fn gap(&self, leaves: i64) -> Result<Option<String>>;
    /// Every version of every document after this kind, name and version, in the order of these.
    async fn documents_after(&self, after: (&str, &str, i64), limit: u32) -> Result<Vec<DocumentRow>>;
}
