//! K4: a disk without room. The act is refused, nothing is half-written, and it goes on once there is room.

use super::support::*;
use rstest::rstest;
use sqlx::{Connection, SqliteConnection};
use sternway_server::store::rows::*;
use sternway_server::store::{SqliteOptions, SqliteStore, Store, StoreError};

/// The file may not grow beyond this many pages: SQLite then fails as it does on a full disk, in the middle of whatever it
/// was writing.
async fn full(rig: &Rig, max_pages: u32) -> SqliteStore {
    SqliteStore::open_with(&rig.address, SqliteOptions { max_pages: Some(max_pages), ..SqliteOptions::default() })
        .await
        .unwrap()
}

async fn pages_of(rig: &Rig) -> u32 {
    let mut connection = SqliteConnection::connect(&rig.address).await.unwrap();
    let pages: u32 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    pages
}

/// One that takes nothing goes as one message.
fn act(n: u128, takes: bool) -> Unit {
    let mut decision = decision(n);
    decision.row.reason = "x".repeat(3_000);
    let release = write(n, 0, 2);
    let takes = if takes { release.takes.clone() } else { vec![] };
    Unit {
        release: Some(ReleaseWrite { takes, ..release }),
        idempotency: Some(record("maya", &format!("key-{n}"))),
        evidence: vec![(sternway_domain::id::Digest::of(&n.to_be_bytes()), "y".repeat(3_000))],
        outbox: vec![message(n, write(n, 0, 2).row.id)],
        decision: Some(decision),
        ..Unit::default()
    }
}

#[rstest]
#[tokio::test]
async fn given_a_full_disk_when_an_act_is_committed_then_all_of_it_is_refused_and_later_it_goes_on(
    #[values(true, false)] takes: bool,
) {
    let rig = Sqlite.start().await;
    rig.store.commit(act(1, takes)).await.unwrap();
    let mut refused = 0;
    // Room for one page more each time: the end comes at another statement of the unit.
    let mut n = 2;
    let mut pages = pages_of(&rig).await;
    while refused < 20 {
        let store = full(&rig, pages).await;
        let before = rig.counts().await;
        match store.commit(act(n, takes)).await {
            Ok(_) => n += 1,
            Err(StoreError::Unavailable { source, .. }) => {
                assert!(source.to_string().contains("full"), "{source}");
                refused += 1;
                assert_eq!(rig.counts().await, before, "nothing half-written with {pages} pages");
                assert_eq!(rig.store.idempotency("maya", &format!("key-{n}")).await.unwrap(), None);
                pages += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(n > 2, "some fitted: {n}");
    // Nobody else wrote in between; the numbers go on without a gap.
    let committed = rig.store.commit(act(n, takes)).await.unwrap();
    assert_eq!(committed.leaf_index, Some(n as i64 - 1));
    let rows = rig.store.leaves(0, 1_000).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), (0..n as i64).collect::<Vec<_>>());
}
