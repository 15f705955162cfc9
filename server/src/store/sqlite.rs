//! SQLite: one file, one connection that writes, several that read. For one process.

use super::sql::link::Link;
use super::sql::tx::{Count, Tx};
use super::sql::writer::Writer;
use super::sql::{Backend, Dialect, log, privacy, schema, search, unavailable};
use super::{Result, StoreError};
use async_trait::async_trait;
use sqlx::Connection as _;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::OpenOptions;
use tokio::sync::watch;

/// Milliseconds are as fine as this clock gets.
macro_rules! now {
    () => {
        "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER) * 1000"
    };
}

const DIALECT: Dialect = Dialect {
    now: concat!("SELECT ", now!(), " AS now"),
    hold_lease: "SELECT token, until FROM lease WHERE name = $1",
    take_lease: concat!(
        "INSERT INTO lease (name, holder, token, until)",
        " VALUES ($1, $2, (SELECT COALESCE(MAX(token), 0) + 1 FROM lease), ",
        now!(),
        " + $3) ON CONFLICT (name) DO UPDATE SET until = excluded.until, holder = excluded.holder,",
        " token = CASE WHEN lease.holder = excluded.holder THEN lease.token ELSE excluded.token END",
        " WHERE lease.holder = excluded.holder OR lease.until <= ",
        now!(),
        " RETURNING token, until"
    ),
    live: "SELECT release, body FROM live WHERE release IN (SELECT value FROM json_each($1)) ORDER BY release",
    traffic: "SELECT service, body FROM traffic WHERE service IN (SELECT value FROM json_each($1)) ORDER BY service",
    repeated: "SELECT DISTINCT leaf_index FROM audit_text WHERE leaf_index <> $2 AND EXISTS \
        (SELECT 1 FROM json_each($1) WHERE instr(text, value) > 0) ORDER BY leaf_index LIMIT $3",
    entries: log::entries_in!("SELECT value FROM json_each($1)"),
    aged_names: privacy::aged_names!("instr(l.entry, CAST('\"target\":{\"kind\":\"account\"' AS BLOB)) > 0"),
    texts: "INSERT INTO audit_text (leaf_index, field, salt, text) SELECT $1, value ->> 'field', value ->> 'salt', \
        value ->> 'text' FROM json_each($2)",
    decisions: search::decisions_with!("instr"),
    notify: None,
    has_schema: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'",
    lock_schema: "SELECT 1", // `BEGIN IMMEDIATE` took the lock
    script: |migration| migration.sqlite,
};

/// How a file is used.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// How long to wait for a lock that another process holds.
    pub busy_timeout: Duration,
    /// The file does not grow beyond so many pages, as on a disk without room.
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), max_pages: None }
    }
}

/// A [`Store`](super::Store) in one file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: Writer,
    count: Count,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or creates the file, given as `sqlite:PATH` or as a path, and brings its schema up to date.
    pub async fn open(address: &str) -> Result<Self> {
        Self::open_with(address, SqliteOptions::default()).await
    }

    pub async fn open_with(address: &str, options: SqliteOptions) -> Result<Self> {
        const OPERATION: &str = "open the file";
        let path = path(address)?;
        create(&path).await.map_err(|error| unavailable(OPERATION)(sqlx::Error::Io(error)))?;

        let (file, readers) = connections(&path, options.busy_timeout);
        // Before the writer: even its journal mode would be written into a file that is not ours to change.
        schema::found(Link::Sqlite(&readers, OPERATION), &DIALECT).await?;

        let mut file = file.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        // What is deleted is overwritten: a redacted text must not stay in the file.
        file = file.pragma("secure_delete", "ON");
        // 16 MB of pages: act after act writes the same ones, and they go into the file once.
        file = file.pragma("wal_autocheckpoint", "4000");
        if let Some(pages) = options.max_pages {
            file = file.pragma("max_page_count", pages.to_string());
        }
        let writer = Writer::open(file, options.busy_timeout).await.map_err(unavailable(OPERATION))?;
        let store = Self { writer, readers, count: Count::default() };
        schema::migrate(&store).await?;
        Ok(store)
    }

    /// Opens a file that is there, only to read it: whatever would write is refused by SQLite.
    pub async fn look(address: &str) -> Result<Self> {
        const OPERATION: &str = "open the file";
        let patience = SqliteOptions::default().busy_timeout;
        let (file, readers) = connections(&path(address)?, patience);
        schema::newest(Link::Sqlite(&readers, OPERATION), &DIALECT).await?;
        let writer = Writer::open(file.read_only(true), patience).await.map_err(unavailable(OPERATION))?;
        Ok(Self { writer, readers, count: Count::default() })
    }
}

/// How the file is opened, and those who read it.
fn connections(path: &Path, patience: Duration) -> (SqliteConnectOptions, SqlitePool) {
    let file = SqliteConnectOptions::new().filename(path).busy_timeout(patience).foreign_keys(true);
    // A file does not go away, so no connection is asked whether it is still there.
    let readers = SqlitePoolOptions::new().acquire_timeout(patience).test_before_acquire(false);
    let readers = readers.max_connections(4).connect_lazy_with(file.clone().read_only(true));
    (file, readers)
}

fn path(address: &str) -> Result<PathBuf> {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    let path = path.strip_prefix("//").unwrap_or(path);
    // Each connection would have its own database in memory.
    if path.is_empty() || path == ":memory:" || path.contains('?') {
        return Err(StoreError::Address { given: address.to_owned() });
    }
    Ok(path.into())
}

/// Creates the file for its owner only, as it will hold password hashes; SQLite gives its other files the same rights.
async fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    match options.open(path).await {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[async_trait]
impl Backend for SqliteStore {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn reads(&self, operation: &'static str) -> Link<'_> {
        Link::Sqlite(&self.readers, operation)
    }

    fn writes(&self, operation: &'static str) -> Link<'_> {
        Link::Writer(&self.writer, operation)
    }

    async fn begin(&self, operation: &'static str) -> Result<Tx> {
        Tx::sqlite(&self.writer, &self.count, operation).await
    }

    async fn listen(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// What is deleted is overwritten in its page (`secure_delete`); this empties the log of pages as they were before. It
    /// waits for nobody, and on a connection of its own nobody waits for it: a backup may read for long.
    async fn scrub(&self) -> Result<bool> {
        const OPERATION: &str = "empty the write-ahead log";
        let alone = self.writer.options().clone().busy_timeout(Duration::ZERO);
        let mut alone = SqliteConnection::connect_with(&alone).await.map_err(unavailable(OPERATION))?;
        let checkpoint = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)");
        let busy = checkpoint.fetch_one(&mut alone).await.map_err(unavailable(OPERATION))?;
        alone.close().await.map_err(unavailable(OPERATION))?;
        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_writer_waits_for_the_disk_and_readers_cannot_write() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(dir.path().join("s.db").to_str().expect("plain text")).await.expect("opens");
        let mut held = store.writer.hold().await.expect("nobody else writes");
        let asked = sqlx::query_scalar("PRAGMA synchronous").fetch_one(held.connection()).await;
        assert_eq!(asked.ok(), Some(2_i64), "2 is FULL");
        let written = sqlx::query("UPDATE log_head SET leaves = 9").execute(&store.readers).await;
        assert!(written.expect_err("a reader wrote").to_string().contains("readonly"));
    }
}
