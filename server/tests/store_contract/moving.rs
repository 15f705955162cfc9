//! A service moves in one active release at a time, whether it is judged there or a component.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

/// Release `n`, of `service-n`, with which these move too.
fn with(n: u128, others: &[u128]) -> ReleaseWrite {
    let mut write = write(n, 0, 1);
    write.takes.extend(others.iter().copied().map(service));
    write
}

fn ended(n: u128, expected: i64) -> ReleaseWrite {
    let mut write = write(n, expected, 1);
    (write.row.active, write.takes) = (false, vec![]);
    write
}

async fn put(rig: &Rig, write: ReleaseWrite) -> Result<(), StoreError> {
    rig.store.commit(Unit { release: Some(write), ..Unit::default() }).await.map(|_| ())
}

fn refused(result: Result<(), StoreError>, name: u128, by: u128) {
    let (name, by): (ServiceName, _) = (service(name), ReleaseId(Uuid::from_u128(by)));
    let error = result.expect_err("it is refused");
    assert!(
        matches!(&error, StoreError::Moving { service, release } if *service == name && *release == by),
        "{error:?}"
    );
}

#[rstest]
#[tokio::test]
async fn given_an_active_release_then_nothing_that_moves_in_it_moves_in_another(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    put(&rig, with(1, &[2, 3])).await.unwrap();
    refused(put(&rig, with(2, &[])).await, 2, 1);
    refused(put(&rig, with(4, &[3])).await, 3, 1);
    refused(put(&rig, with(4, &[1])).await, 1, 1);
    assert_eq!(rig.store.release(ReleaseId(Uuid::from_u128(4))).await.unwrap(), None, "all of it or nothing");

    // One that waits may be there; it is refused when it begins.
    put(&rig, ended(2, 0)).await.unwrap();
    let begins = || ReleaseWrite { takes: vec![service(2)], ..write(2, 1, 1) };
    refused(put(&rig, begins()).await, 2, 1);
    let stale = ReleaseWrite { expected: 7, row: ReleaseRow { version: 8, ..begins().row }, ..begins() };
    let error = put(&rig, stale).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 7, actual: 1 }), "{error:?}");

    // What it has it keeps from event to event, and gives back at the end.
    put(&rig, write(1, 1, 1)).await.unwrap();
    refused(put(&rig, begins()).await, 2, 1);
    put(&rig, ended(1, 2)).await.unwrap();
    put(&rig, begins()).await.unwrap();
    put(&rig, with(4, &[3])).await.unwrap();
    refused(put(&rig, ReleaseWrite { takes: vec![service(1), service(2)], ..write(1, 3, 1) }).await, 2, 2);
}

#[tokio::test]
async fn given_two_that_begin_at_the_same_moment_then_one_of_them_has_both_services() {
    let rig = Postgres.start().await;
    let writes = (1..=8).map(|n| put(&rig, with(n, &[20, 21])));
    let done = futures::future::join_all(writes).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    for error in done.into_iter().filter_map(Result::err) {
        assert!(matches!(error, StoreError::Moving { .. }), "{error:?}");
    }
}

/// As a database before this table may look: `checkout` with `auth`, and `auth` alone, both under way.
#[rstest]
#[tokio::test]
async fn given_two_under_way_when_the_schema_is_brought_up_to_date_then_the_older_one_has_the_service(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let migration = match kind {
        Sqlite => include_str!("../../../migrations/sqlite/0009_moving.sql"),
        Postgres => include_str!("../../../migrations/postgres/0009_moving.sql"),
    };
    let rig = kind.start().await;
    let mut first = with(1, &[]);
    first.row.body = r#"{"components":[{"name":"service-1"},{"name":"service-2"},{"name":"service-3"}]}"#.into();
    put(&rig, first.clone()).await.unwrap();
    put(&rig, with(2, &[])).await.unwrap();
    rig.sql("DROP TABLE moving").await.unwrap();
    rig.sql(migration).await.unwrap();

    refused(put(&rig, with(3, &[])).await, 3, 1);
    // Both go on, and neither keeps the other from ending.
    put(&rig, write(2, 1, 1)).await.unwrap();
    put(&rig, ended(1, 1)).await.unwrap();
    put(&rig, with(3, &[])).await.unwrap();
    refused(put(&rig, with(4, &[2])).await, 2, 2);
    put(&rig, ended(2, 2)).await.unwrap();
    put(&rig, with(4, &[2])).await.unwrap();
}
