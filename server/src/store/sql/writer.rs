//! The one connection that writes to a SQLite file, and whoever holds it.
//!
//! Not a pool of one: its connection goes back through a task of its own after each use, which takes longer than the
//! statements. What a transaction leaves open when nobody waits for it any more is undone before the next one begins.

use super::link::{Value, bound};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    one: Arc<Mutex<One>>,
    options: SqliteConnectOptions,
    patience: Duration,
}

#[derive(Debug)]
struct One {
    connection: SqliteConnection,
    /// A transaction was begun, and neither committed nor undone.
    open: bool,
}

impl Writer {
    /// Waits for so long for whoever writes before.
    pub(in crate::store) async fn open(options: SqliteConnectOptions, patience: Duration) -> sqlx::Result<Self> {
        let one = One { connection: options.connect().await?, open: false };
        Ok(Self { one: Arc::new(Mutex::new(one)), options, patience })
    }

    pub(in crate::store) fn options(&self) -> &SqliteConnectOptions {
        &self.options
    }

    pub(in crate::store) async fn hold(&self) -> sqlx::Result<Held> {
        let waiting = tokio::time::timeout(self.patience, self.one.clone().lock_owned());
        let mut one = waiting.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        one.undo().await;
        Ok(Held { one: Some(one) })
    }
}

impl One {
    async fn undo(&mut self) {
        if self.open {
            // It may be over already: a full disk ends it.
            let _ = self.connection.execute("ROLLBACK").await;
            self.open = false;
        }
    }
}

/// The connection in one hand. Dropping it undoes what was begun.
pub(in crate::store) struct Held {
    /// Always there until it is dropped.
    one: Option<OwnedMutexGuard<One>>,
}

impl Held {
    fn one(&mut self) -> &mut One {
        self.one.as_mut().expect("taken only when it is dropped")
    }

    pub(in crate::store) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.one().connection
    }

    pub(super) fn is_open(&self) -> bool {
        self.one.as_ref().is_some_and(|one| one.open)
    }

    /// To be called before a transaction is begun, and after it was committed.
    pub(super) fn set_open(&mut self, open: bool) {
        self.one().open = open;
    }

    pub(super) async fn undo(&mut self) {
        self.one().undo().await;
    }

    pub(super) async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> sqlx::Result<u64> {
        bound(sql, values).execute(self.connection()).await.map(|done| done.rows_affected())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut one) = self.one.take().filter(|one| one.open) else { return };
        // At once, so that no other process waits for the lock; without a runtime whoever comes next does it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { one.undo().await });
        }
    }
}
