//! The two schemas are one: same migrations, same tables, applied once, by one process, or not at all.

#![expect(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

use rstest::rstest;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use sternway_domain::id::Digest;
use sternway_peers::PostgresProcess;
use sternway_server::store::rows::Unit;
use sternway_server::store::{self, StoreError};
use tempfile::TempDir;
use tokio::task::JoinSet;

#[path = "migrations/upgrade.rs"]
mod upgrade;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}
use Kind::{Postgres, Sqlite};

struct Database {
    kind: Kind,
    address: String,
    dir: Option<TempDir>,
}

impl Kind {
    /// An empty one.
    fn database(self) -> Database {
        let (address, dir) = match self {
            Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                (format!("sqlite:{}", dir.path().join("sternway.db").display()), Some(dir))
            }
            Postgres => (PostgresProcess::shared().database(), None),
        };
        Database { kind: self, address, dir }
    }
}

impl Database {
    async fn open(&self) -> Result<(), StoreError> {
        store::open(&self.address).await.map(|_| ())
    }

    /// As it is now, with nobody at it: connections that were dropped may still be closing. A file comes in one piece.
    async fn copy(self) -> Self {
        match self.kind {
            Sqlite => {
                let copy = Sqlite.database();
                let mut connection = SqliteConnection::connect(&self.address).await.unwrap();
                let path = copy.address.strip_prefix("sqlite:").unwrap();
                sqlx::query("VACUUM INTO ?").bind(path).execute(&mut connection).await.unwrap();
                copy
            }
            Postgres => self,
        }
    }

    async fn sql(&self, text: &'static str) {
        match self.kind {
            Sqlite => {
                let address = format!("{}?mode=rwc", self.address);
                let mut connection = SqliteConnection::connect(&address).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Postgres => {
                let mut connection = PgConnection::connect(&self.address).await.unwrap();
                sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// Rows of text, whatever the database.
    async fn lines(&self, sqlite: &'static str, postgres: &'static str) -> BTreeSet<String> {
        let lines: Vec<String> = match self.kind {
            Sqlite => {
                let mut connection = SqliteConnection::connect(&self.address).await.unwrap();
                sqlx::query_scalar(sqlite).fetch_all(&mut connection).await.unwrap()
            }
            Postgres => {
                let mut connection = PgConnection::connect(&self.address).await.unwrap();
                sqlx::query_scalar(postgres).fetch_all(&mut connection).await.unwrap()
            }
        };
        lines.into_iter().collect()
    }

    /// `table.column type` and whether it may be empty. Earlier schemas had an index of words, of SQLite's own tables.
    async fn columns(&self) -> BTreeSet<String> {
        self.lines(
            "SELECT t.name || '.' || c.name || ' ' || CASE lower(c.type) WHEN 'integer' THEN 'bigint' \
             WHEN 'blob' THEN 'bytea' ELSE lower(c.type) END || CASE WHEN c.\"notnull\" OR c.pk THEN ' NOT NULL' ELSE '' END \
             FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' \
             AND t.name NOT LIKE 'decision_words%'",
            "SELECT table_name || '.' || column_name || ' ' || data_type || \
             CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END \
             FROM information_schema.columns WHERE table_schema = 'public'",
        )
        .await
    }

    /// `index table` of those that have a name of ours.
    async fn indexes(&self) -> BTreeSet<String> {
        self.lines(
            "SELECT name || ' ' || tbl_name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'",
            "SELECT indexname || ' ' || tablename FROM pg_indexes WHERE schemaname = 'public' \
             AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'",
        )
        .await
    }

    /// `number name digest at`.
    async fn applied(&self) -> BTreeSet<String> {
        const APPLIED: &str = "SELECT CAST(number AS text) || ' ' || name || ' ' || digest || ' ' || CAST(at AS text) \
            FROM schema_migration";
        self.lines(APPLIED, APPLIED).await
    }
}

/// `number name` by the names of the files, which look like `0001_log.sql`.
fn files(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
    let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| {
            let (number, name) = name.strip_suffix(".sql").unwrap().split_once('_').unwrap();
            assert_eq!(number.len(), 4, "{number}");
            format!("{} {name}", number.parse::<u32>().unwrap())
        })
        .collect()
}

#[test]
fn both_folders_have_the_same_numbers_and_names_without_gaps() {
    let sqlite = files("sqlite");
    assert_eq!(sqlite, files("postgres"));
    let mut numbers: Vec<u32> = sqlite.iter().map(|line| line.split_once(' ').unwrap().0.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>());
}

#[rstest]
#[tokio::test]
async fn every_file_is_applied_once_and_a_second_start_changes_nothing(#[values(Sqlite, Postgres)] kind: Kind) {
    let database = kind.database();
    database.open().await.unwrap();
    let applied = database.applied().await;
    let brief = applied.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(files("sqlite"), brief);

    let before = (applied, database.columns().await, database.indexes().await);
    database.open().await.unwrap();
    assert_eq!(before, (database.applied().await, database.columns().await, database.indexes().await));
}

#[tokio::test]
async fn both_databases_have_the_same_columns_and_indexes() {
    let (sqlite, postgres) = (Sqlite.database(), Postgres.database());
    sqlite.open().await.unwrap();
    postgres.open().await.unwrap();
    let columns = sqlite.columns().await;
    assert!(columns.contains("events.position bigint NOT NULL"), "{columns:#?}");
    assert_eq!(columns, postgres.columns().await);
    assert_eq!(sqlite.indexes().await, postgres.indexes().await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_that_start_at_once_one_migrates_and_all_run(#[values(Sqlite, Postgres)] kind: Kind) {
    let database = kind.database();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        let address = database.address.clone();
        starts.spawn(async move { store::open(&address).await.map(|_| ()) });
    }
    for started in starts.join_all().await {
        started.unwrap();
    }
    assert_eq!(database.applied().await.len(), files("sqlite").len());
}

/// M4.
#[rstest]
#[tokio::test]
async fn given_a_newer_schema_then_it_is_refused_and_nothing_is_written(#[values(Sqlite, Postgres)] kind: Kind) {
    let database = kind.database();
    database.open().await.unwrap();
    database.sql("INSERT INTO schema_migration (number, name, digest, at) VALUES (1000, 'future', 'sha256:', 0)").await;
    let database = database.copy().await;
    // PostgreSQL itself refuses whatever is written from here on; a file is compared.
    let bytes = || database.dir.as_ref().map(|dir| std::fs::read(dir.path().join("sternway.db")).unwrap());
    if matches!(kind, Postgres) {
        database
            .sql(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
                  current_database()); END $$",
            )
            .await;
    }
    let before = bytes();

    let error = database.open().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaTooNew { found: 1000, .. }), "{error:?}");
    assert!(before == bytes(), "the file was written to");
    if let Some(dir) = &database.dir {
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a file appeared beside it");
    }
}

/// Whoever checks a log holds evidence in hand.
#[rstest]
#[tokio::test]
async fn given_one_who_only_reads_then_nothing_is_changed_and_an_older_schema_is_refused(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let database = kind.database();
    database.open().await.unwrap();
    let database = database.copy().await;
    let bytes = || database.dir.as_ref().map(|dir| std::fs::read(dir.path().join("sternway.db")).unwrap());
    let before = bytes();
    let looking = store::look(&database.address).await.unwrap();
    assert_eq!(looking.head().await.unwrap().leaves, 0);
    let seen = vec![(Digest::of(b"seen"), "seen".to_owned())];
    let written = looking.commit(Unit { evidence: seen, ..Unit::default() }).await.unwrap_err();
    assert!(matches!(written, StoreError::Unavailable { .. }), "{written:?}");
    drop(looking);
    assert!(before == bytes(), "the file was written to");

    database.sql("DELETE FROM schema_migration WHERE number > 11").await;
    let before = bytes();
    let Err(error) = store::look(&database.address).await else { panic!("it was read") };
    assert!(matches!(error, StoreError::SchemaOld { found: 11, .. }), "{error:?}");
    assert!(before == bytes(), "the file was written to");
}

/// D9: the last migration fails, and none of those before it has been applied.
#[rstest]
#[tokio::test]
async fn when_a_migration_fails_then_there_is_no_half_schema(#[values(Sqlite, Postgres)] kind: Kind) {
    let database = kind.database();
    database.sql("CREATE TABLE setting (mine bigint)").await;
    let error = database.open().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(database.columns().await, BTreeSet::from(["setting.mine bigint".to_owned()]));

    database.sql("DROP TABLE setting").await;
    database.open().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_migration_that_was_changed_afterwards_is_named(#[values(Sqlite, Postgres)] kind: Kind) {
    let database = kind.database();
    database.open().await.unwrap();
    database
        .sql("UPDATE schema_migration SET digest = 'sha256:' || replace(substr(digest, 8), '0', '1') WHERE number = 2")
        .await;
    let error = database.open().await.unwrap_err();
    assert!(error.to_string().contains("migration 2 `work`"), "{error}");
}

#[tokio::test]
async fn while_another_process_migrates_for_long_a_start_gives_up() {
    let database = Postgres.database();
    let mut other = PgConnection::connect(&database.address).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(8319675013394686329)").execute(&mut *held).await.unwrap();
    let open = tokio::time::timeout(Duration::from_secs(20), database.open());
    let error = open.await.expect("gives up in time").unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    held.rollback().await.unwrap();
    database.open().await.unwrap();
}
