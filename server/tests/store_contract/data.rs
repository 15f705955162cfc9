//! Data migrations of releases: streams of their own, on one line with the events of releases.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::{MigrationName, ReleaseId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

fn release(n: u128) -> ReleaseId {
    ReleaseId(Uuid::from_u128(n))
}

fn name(text: &str) -> MigrationName {
    text.parse().unwrap()
}

#[rstest]
#[tokio::test]
async fn migrations_are_committed_with_their_release_and_read_back(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let unit = Unit {
        release: Some(write(1, 0, 2)),
        flags: vec![flag("a", 0, 1)],
        migrations: vec![data(1, "orders", 0, 2), data(1, "carts", 0, 1)],
        decision: Some(decision(7)),
        ..Unit::default()
    };
    let committed = rig.store.commit(unit).await.unwrap();
    assert_eq!(committed, Committed { leaf_index: Some(0), events: 6, position: 6 });

    let rows = rig.store.migrations(release(1)).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.version, row.position)).collect();
    assert_eq!(found, [("carts", 1, 6), ("orders", 2, 5)], "by name");
    assert_eq!(rows[1], MigrationRow { position: 5, ..data(1, "orders", 0, 2).row });
    assert_eq!(rig.store.migrations(release(2)).await.unwrap(), vec![]);
    let events = rig.store.migration_events(release(1), &name("orders"), 0).await.unwrap();
    let read: Vec<_> = events.iter().map(|e| (e.position, e.version, e.at, e.kind.as_str())).collect();
    assert_eq!(read, [(4, 1, at(1), "advanced"), (5, 2, at(2), "advanced")]);
    assert_eq!((events[1].body.as_str(), events[1].decision), (r#"{"version":2}"#, Some(decision(7).row.id)));
    assert_eq!(rig.store.migration_events(release(1), &name("orders"), 1).await.unwrap(), events[1..]);
    let flag = rig.store.flags(0).await.unwrap();
    assert_eq!((flag[0].position, rig.store.events_after(0, 9).await.unwrap().len()), (3, 2));

    // Whoever follows reads what lies above what it has seen.
    rig.store.commit(Unit { migrations: vec![data(1, "orders", 2, 1)], ..Unit::default() }).await.unwrap();
    let news = rig.store.migrations_after(6).await.unwrap();
    let news: Vec<_> = news.iter().map(|row| (row.release, row.name.as_str(), row.version, row.position)).collect();
    assert_eq!(news, [(release(1), "orders", 3, 7)]);
}

#[rstest]
#[tokio::test]
async fn the_same_name_in_two_releases_is_two_streams(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    for n in [1, 2] {
        let unit = Unit { release: Some(write(n, 0, 1)), migrations: vec![data(n, "orders", 0, 1)], ..Unit::default() };
        rig.store.commit(unit).await.unwrap();
    }
    rig.store.commit(Unit { migrations: vec![data(2, "orders", 1, 1)], ..Unit::default() }).await.unwrap();
    let version = async |n| rig.store.migrations(release(n)).await.unwrap()[0].version;
    assert_eq!((version(1).await, version(2).await), (1, 2));
}

#[rstest]
#[tokio::test]
async fn given_another_version_of_a_migration_then_nothing_of_the_unit_is_written(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    let unit = Unit { release: Some(write(1, 0, 1)), migrations: vec![data(1, "orders", 0, 2)], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();
    let before = (rig.counts().await, rig.store.migrations(release(1)).await.unwrap());
    for expected in [0, 1, 3] {
        let unit = Unit {
            release: Some(write(1, 1, 1)),
            migrations: vec![data(1, "orders", expected, 1)],
            decision: Some(decision(1)),
            ..Unit::default()
        };
        let error = rig.store.commit(unit).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: e, actual: 2 } if e == expected), "{error:?}");
    }
    assert_eq!((rig.counts().await, rig.store.migrations(release(1)).await.unwrap()), before);
    assert_eq!(rig.store.release(release(1)).await.unwrap().unwrap().version, 1);
}

#[rstest]
#[tokio::test]
async fn a_stale_lease_keeps_a_migration_where_it_is(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("release:1", "me").await;
    let stale = Fence { token: fence.token - 1, ..fence };
    rig.release(1).await;
    let unit = Unit { migrations: vec![data(1, "orders", 0, 1)], fence: Some(stale), ..Unit::default() };
    assert!(matches!(rig.store.commit(unit).await.unwrap_err(), StoreError::Fenced { .. }));
    assert_eq!(rig.store.migrations(release(1)).await.unwrap(), vec![]);
}

#[rstest]
#[tokio::test]
async fn two_moves_at_once_and_one_of_them_is_told(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let unit = Unit { release: Some(write(1, 0, 1)), migrations: vec![data(1, "orders", 0, 1)], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();
    let moved = || rig.store.commit(Unit { migrations: vec![data(1, "orders", 1, 1)], ..Unit::default() });
    let (one, two) = tokio::join!(moved(), moved());
    let refused = [&one, &two].into_iter().filter(|answer| matches!(answer, Err(StoreError::Conflict { .. })));
    assert_eq!((refused.count(), one.is_ok() || two.is_ok()), (1, true));
    assert_eq!(rig.store.migration_events(release(1), &name("orders"), 0).await.unwrap().len(), 2);
}

#[rstest]
#[tokio::test]
async fn a_write_that_does_not_add_up_is_refused(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut wrong = data(1, "orders", 0, 1);
    wrong.row.version = 2;
    for write in [wrong, data(1, "orders", 0, 0), data(1, "orders", -1, 1)] {
        let error = rig.store.commit(Unit { migrations: vec![write], ..Unit::default() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { what: "migration", .. }), "{error:?}");
    }
}
