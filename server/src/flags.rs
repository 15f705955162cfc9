//! Flags in memory: what is evaluated, without a question to the database.
//!
//! A flip made here is in force here before its answer is sent. One made by another process arrives by the database's
//! notice, and at the latest by the next look. When the database is away, the flags stay as they were last seen.

use crate::service::{ServiceError, decode};
use crate::store::Store;
use crate::store::rows::FlagRow;
use axum::body::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use sternway_domain::flag::Flag;
use sternway_domain::id::FlagKey;
use tokio::sync::watch;

/// All flags at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Of the newest event among them; 0 without flags. It names this state of all flags.
    pub position: i64,
    pub flags: BTreeMap<FlagKey, Arc<Flag>>,
    told: OnceLock<Bytes>,
}

impl Snapshot {
    /// What streams say of it, written once for all of them. It names the state of all flags, so that another replica
    /// knows how new an answer must be.
    pub fn told(&self) -> Bytes {
        self.told.get_or_init(|| self.tell().into()).clone()
    }

    fn tell(&self) -> String {
        let last = self.flags.values().map(|flag| flag.changed_at.secs()).max();
        let position = self.position.to_string();
        let data = json!({"type": "refetchEvaluation", "etag": position, "lastModified": last});
        format!("event: message\nid: {position}\ndata: {data}\n\n")
    }
}

/// Shared by all who evaluate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FlagTable(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: RwLock<State>,
    /// The position of the snapshot, for those who wait for a change.
    changed: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct State {
    now: Arc<Snapshot>,
    /// Up to where the store was read. What is put in past the store does not count: others may have written before it.
    read: Option<i64>,
    /// What is read next counts, whatever its version.
    forgotten: bool,
}

impl Default for FlagTable {
    fn default() -> Self {
        Self(Arc::new(Inner { state: RwLock::default(), changed: watch::channel(0).0 }))
    }
}

impl FlagTable {
    /// As they are now, read from the store the first time.
    pub async fn current(&self, store: &dyn Store) -> Result<Arc<Snapshot>, ServiceError> {
        if self.read_up_to().is_none() {
            self.refresh(store).await?;
        }
        Ok(self.snapshot())
    }

    /// At least as new as `position`, if the store has it.
    pub async fn at_least(&self, store: &dyn Store, position: i64) -> Result<Arc<Snapshot>, ServiceError> {
        let now = self.current(store).await?;
        if now.position >= position {
            return Ok(now);
        }
        self.refresh(store).await?;
        Ok(self.snapshot())
    }

    /// Reads what is new in the store and says whether anything was.
    pub async fn refresh(&self, store: &dyn Store) -> Result<bool, ServiceError> {
        let rows = store.flags(self.read_up_to().unwrap_or(0)).await?;
        let up_to = rows.iter().map(|row| row.position).max();
        let changed = self.put(&rows)?;
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        state.read = state.read.max(up_to).max(Some(0));
        Ok(changed)
    }

    /// Reads all flags as they are stored now, also those of a version that is known: texts were taken out of them.
    pub async fn again(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let mut read = Vec::new();
        for row in store.flags(0).await? {
            read.push(decode::<Flag>("flag", &row.body)?);
        }
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = &state.now;
        let mut next = Snapshot { position: before.position, flags: before.flags.clone(), told: OnceLock::new() };
        for flag in read {
            if next.flags.get(&flag.plan.key).is_some_and(|known| known.version == flag.version) {
                next.flags.insert(flag.plan.key.clone(), Arc::new(flag));
            }
        }
        state.now = Arc::new(next);
        Ok(())
    }

    /// Takes in rows that are durable. Older versions than those known are left aside. Says whether any was newer.
    pub fn put(&self, rows: &[FlagRow]) -> Result<bool, ServiceError> {
        let mut read = Vec::with_capacity(rows.len());
        for row in rows {
            read.push((row.position, decode::<Flag>("flag", &row.body)?));
        }
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.forgotten) {
            state.now = Arc::default();
        }
        let before = &state.now;
        read.retain(|(_, flag)| before.flags.get(&flag.plan.key).is_none_or(|known| known.version < flag.version));
        if read.is_empty() {
            return Ok(false);
        }
        let mut next = Snapshot { position: before.position, flags: before.flags.clone(), told: OnceLock::new() };
        for (position, flag) in read {
            next.position = next.position.max(position);
            next.flags.insert(flag.plan.key.clone(), Arc::new(flag));
        }
        let position = next.position;
        state.now = Arc::new(next);
        drop(state);
        self.0.changed.send_replace(position);
        Ok(true)
    }

    /// What is known is of a database that was restored since: all of it is read again. Until then it stays in force.
    pub fn forget(&self) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        (state.read, state.forgotten) = (None, true);
    }

    /// Sees the position of the newest event whenever a flag changes.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.0.changed.subscribe()
    }

    /// How many wait for a change.
    pub fn listeners(&self) -> usize {
        self.0.changed.receiver_count()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner).now.clone()
    }

    fn read_up_to(&self) -> Option<i64> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner).read
    }
}
