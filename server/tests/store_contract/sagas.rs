//! Sagas: streams of their own, on one line with the events of releases and flags.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::SagaId;
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

/// `count` events of the saga of release `n` after version `expected`.
fn saga(n: u128, expected: i64, count: i64) -> SagaWrite {
    let version = expected + count;
    let events = (expected + 1..=version)
        .map(|v| EventWrite { kind: "begun", at: at(v), body: format!(r#"{{"version":{v}}}"#) })
        .collect();
    let release = write(n, 0, 1).row.id;
    let row = SagaRow {
        id: SagaId(Uuid::from_u128(n)),
        release,
        version,
        purpose: "rollback".into(),
        active: true,
        created_at: at(0),
        updated_at: at(version),
        body: "{}".into(),
    };
    SagaWrite { expected, events, row }
}

#[rstest]
#[tokio::test]
async fn events_of_sagas_have_their_place_among_all_and_followers_learn_which_releases_moved(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    rig.release(2).await;
    let unit = Unit {
        release: Some(write(1, 0, 2)),
        saga: Some(saga(1, 0, 3)),
        flags: vec![flag("a", 0, 1)],
        decision: Some(decision(7)),
        ..Unit::default()
    };
    let committed = rig.store.commit(unit).await.unwrap();
    assert_eq!(committed, Committed { leaf_index: Some(0), events: 6, position: 7 });
    let moved = |release: u128, position| MovedRow {
        release: write(release, 0, 1).row.id,
        service: service(release),
        position,
    };
    assert_eq!(rig.store.moved(0).await.unwrap(), [moved(2, 1), moved(1, 6)]);
    assert_eq!(rig.store.flags(0).await.unwrap()[0].position, 7);
    rig.store.commit(Unit { saga: Some(saga(1, 3, 2)), ..Unit::default() }).await.unwrap();
    assert_eq!(rig.store.moved(6).await.unwrap(), [moved(1, 9)]);
    assert_eq!(rig.store.moved(9).await.unwrap(), []);
    assert_eq!(rig.store.head().await.unwrap(), Head { position: 9, leaves: 1 });
    let events = rig.store.saga_events(SagaId(Uuid::from_u128(1))).await.unwrap();
    assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);

    let stale = rig.store.commit(Unit { saga: Some(saga(1, 3, 1)), ..Unit::default() }).await.unwrap_err();
    assert!(matches!(stale, StoreError::Conflict { expected: 3, actual: 5 }), "{stale:?}");
    assert_eq!(rig.store.last_position().await.unwrap(), 9, "nothing is numbered that was not written");
    for sql in ["UPDATE saga_event SET body = '{}'", "DELETE FROM saga_event"] {
        assert!(rig.sql(sql).await.unwrap_err().to_string().contains("append-only"), "{sql}");
    }
}

#[rstest]
#[tokio::test]
async fn what_steps_say_is_written_by_the_lease_holder_only_and_counts_as_news_for_the_others(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    let release = rig.release(1).await;
    rig.store.commit(Unit { saga: Some(saga(1, 0, 1)), ..Unit::default() }).await.unwrap();
    let id = SagaId(Uuid::from_u128(1));
    let fence = rig.lease(&format!("release:{release}"), "one").await;
    let before = rig.store.marks("two").await.unwrap();
    rig.store.put_said(id, r#"{"4":"2 of 3"}"#, &fence).await.unwrap();
    assert_eq!(rig.store.said(id).await.unwrap().as_deref(), Some(r#"{"4":"2 of 3"}"#));
    let after = rig.store.marks("two").await.unwrap();
    assert!(before.len() == 1 && after[0].mark > before[0].mark, "{before:?} {after:?}");
    assert_eq!(rig.store.marks("one").await.unwrap(), [], "one knows what it did itself");
    let old = Fence { token: fence.token + 1, ..fence };
    let refused = rig.store.put_said(id, "{}", &old).await.unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused:?}");
}
