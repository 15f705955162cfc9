//! What of the store alarms need. A part of [`Store`](super::Store).

use super::Result;
use super::rows::*;
use async_trait::async_trait;
use sternway_domain::id::ReleaseId;
use sternway_domain::time::Timestamp;

/// What needs a person, who is told of it, and how far the events were read for it.
#[async_trait]
pub trait AlarmStore: Send + Sync {
    /// The position up to which events were read. A database that is new to alarms begins at its newest event.
    async fn alarms_read(&self) -> Result<i64>;
    /// All of it or nothing. Refused as `Fenced` when the lease is lost.
    async fn put_alarms(&self, write: &AlarmsWrite, fence: Option<&Fence>) -> Result<()>;
    /// Those that are not over, oldest first.
    async fn open_alarms(&self) -> Result<Vec<AlarmRow>>;
    /// Newest first, of one release or of all, with their messages.
    async fn alarms(&self, release: Option<ReleaseId>, limit: u32) -> Result<Vec<(AlarmRow, Vec<AlarmMessageRow>)>>;
    /// Messages that are still to be sent, oldest first, with what they are about.
    async fn alarm_messages(&self, limit: u32) -> Result<Vec<(AlarmMessageRow, AlarmRow)>>;
    /// Messages that somebody should know of: tried in vain and pending, or given up since then. Oldest first.
    async fn untold(&self, since: Timestamp) -> Result<Vec<AlarmMessageRow>>;
    /// Writes down how a try went. What has ended stays as it ended. `Fenced` when the lease is lost.
    async fn mark_alarm(&self, message: &AlarmMessageRow, mark: &AlarmMark, fence: Option<&Fence>) -> Result<()>;
    /// Puts a message off, unless somebody did since it was read: of several who try one gets `true`.
    async fn claim_alarm(&self, message: &AlarmMessageRow, until: Timestamp) -> Result<bool>;
    /// Removes at most `limit` alarms that ended before then and of which nothing is still to be sent, oldest first. Says how
    /// many went. `Fenced` when the lease is lost.
    async fn forget_alarms(&self, before: Timestamp, limit: u32, fence: &Fence) -> Result<u64>;
}
