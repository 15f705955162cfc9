//! What only one file can do wrong.

use super::support::*;
use sqlx::{Connection, SqliteConnection};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use sternway_server::store::rows::*;
use sternway_server::store::{self, SqliteOptions, SqliteStore, Store, StoreError};

const FILE: &str = "STERNWAY_TEST_LOCK";

/// D7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_another_process_holds_the_write_lock_writers_give_up_in_time_and_readers_read() {
    let rig = Sqlite.start().await;
    let id = rig.release(1).await;
    let options = SqliteOptions { busy_timeout: Duration::from_millis(300), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&rig.address, options).await.unwrap();

    // This test program once more, running only the case below.
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store_contract::sqlite::hold_the_write_lock", "--ignored", "--nocapture"])
        .env(FILE, &rig.address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("locked")), "the other process did not get the lock");

    let start = Instant::now();
    let error = store.commit(Unit { release: Some(write(1, 1, 1)), ..Unit::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(250) && waited < Duration::from_secs(5), "gave up after {waited:?}");
    let error = store.put_setting("s", "v").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    let start = Instant::now();
    assert_eq!(store.release(id).await.unwrap().unwrap().version, 1);
    assert_eq!(store.events_after(0, 9).await.unwrap().len(), 1);
    assert!(start.elapsed() < Duration::from_millis(250), "readers waited {:?}", start.elapsed());

    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    let committed = store.commit(Unit { release: Some(write(1, 1, 1)), ..Unit::default() }).await.unwrap();
    assert_eq!(committed.position, 2);
}

/// The other process of the test above: holds the lock until its input ends.
#[tokio::test]
#[ignore = "only useful when started by the test above"]
async fn hold_the_write_lock() {
    let address = std::env::var(FILE).unwrap();
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    println!("locked");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn the_file_is_for_its_owner_only_and_beside_it_stands_a_write_ahead_log() {
    let rig = Sqlite.start().await;
    rig.release(1).await;
    let path = rig.address.strip_prefix("sqlite:").unwrap();
    for file in [path.to_owned(), format!("{path}-wal")] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mut connection = SqliteConnection::connect(&rig.address).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn an_address_without_a_file_is_refused_and_its_password_not_repeated() {
    for wrong in ["sqlite::memory:", "sqlite:", "sqlite:a.db?mode=ro", "mysql://root:secret@host/db", "data.db"] {
        let Err(error) = store::open(wrong).await else { panic!("`{wrong}` was opened") };
        assert!(matches!(error, StoreError::Address { .. }), "{wrong}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let missing = store::open("sqlite:/nowhere/at/all.db").await.map(|_| ());
    assert!(matches!(missing, Err(StoreError::Unavailable { .. })), "{missing:?}");
}

/// Several commits by several processes, the last one ended without closing anything: all is there.
#[tokio::test]
async fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let rig = Sqlite.start().await;
    let id = rig.release(1).await;
    let again = rig.again().await;
    again.commit(Unit { release: Some(write(1, 1, 1)), ..Unit::default() }).await.unwrap();
    assert_eq!(rig.store.release(id).await.unwrap().unwrap().version, 2);
    assert!(rig.store.listen().await.is_none());
}
