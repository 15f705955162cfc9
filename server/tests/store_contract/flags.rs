//! Flags: streams of their own, on one line with the events of releases.

use super::support::*;
use rstest::rstest;
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;

#[rstest]
#[tokio::test]
async fn flags_are_committed_with_everything_else_and_read_back(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let unit = Unit {
        release: Some(write(1, 0, 2)),
        flags: vec![flag("a", 0, 1), flag("B.x_1-", 0, 2)],
        decision: Some(decision(7)),
        idempotency: Some(record("ada", "k")),
        ..Unit::default()
    };
    let committed = rig.store.commit(unit).await.unwrap();
    assert_eq!(committed, Committed { leaf_index: Some(0), events: 5, position: 5 });

    let rows = rig.store.flags(0).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.version, row.position)).collect();
    assert_eq!(found, [("a", 1, 3), ("B.x_1-", 2, 5)]);
    assert_eq!(rig.store.flag(&flag_key("a")).await.unwrap(), Some(rows[0].clone()));
    assert_eq!(rows[1], FlagRow { position: 5, ..flag("B.x_1-", 0, 2).row });
    assert_eq!(rig.store.flag(&flag_key("b.x_1-")).await.unwrap(), None, "keys differ by case");
    let events = rig.store.flag_events(&flag_key("B.x_1-"), 0).await.unwrap();
    assert_eq!(
        events.iter().map(|e| (e.position, e.version, e.at)).collect::<Vec<_>>(),
        [(4, 1, at(1)), (5, 2, at(2))]
    );
    assert_eq!((events[1].kind.as_str(), events[1].body.as_str()), ("flipped", r#"{"version":2}"#));
    assert_eq!(events[1].decision, Some(decision(7).row.id));
    assert_eq!(rig.store.flag_events(&flag_key("B.x_1-"), 1).await.unwrap(), events[1..]);
    let releases = rig.store.events_after(0, 9).await.unwrap();
    assert_eq!(releases.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);

    // Whoever follows reads what lies above what it has seen.
    rig.store.commit(Unit { flags: vec![flag("a", 1, 1)], ..Unit::default() }).await.unwrap();
    let news = rig.store.flags(5).await.unwrap();
    assert_eq!(news.iter().map(|row| (row.key.as_str(), row.version, row.position)).collect::<Vec<_>>(), [("a", 2, 6)]);
    assert!(rig.store.flags(6).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn given_another_version_of_a_flag_then_nothing_of_the_unit_is_written(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.store.commit(Unit { flags: vec![flag("a", 0, 2)], ..Unit::default() }).await.unwrap();
    let before = (rig.counts().await, rig.store.flags(0).await.unwrap());
    for expected in [0, 1, 3] {
        let unit = Unit {
            release: Some(write(1, 0, 1)),
            flags: vec![flag("new", 0, 1), flag("a", expected, 1)],
            decision: Some(decision(1)),
            idempotency: Some(record("ada", "k")),
            ..Unit::default()
        };
        let error = rig.store.commit(unit).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: e, actual: 2 } if e == expected), "{error:?}");
    }
    let error = rig.store.commit(Unit { flags: vec![flag("none", 4, 1)], ..Unit::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 4, actual: 0 }), "{error:?}");
    assert_eq!((rig.counts().await, rig.store.flags(0).await.unwrap()), before);
}

#[rstest]
#[tokio::test]
async fn a_stale_lease_or_a_used_key_keeps_a_flag_as_it_is(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("release:1", "me").await;
    let stale = Fence { token: fence.token - 1, ..fence.clone() };
    let flip = |fence| Unit { flags: vec![flag("a", 0, 1)], fence: Some(fence), ..Unit::default() };
    assert!(matches!(rig.store.commit(flip(stale)).await.unwrap_err(), StoreError::Fenced { .. }));
    assert!(rig.store.flags(0).await.unwrap().is_empty());
    let keyed = Unit { idempotency: Some(record("rule", "k")), ..flip(fence) };
    rig.store.commit(keyed.clone()).await.unwrap();
    let again = Unit { flags: vec![flag("a", 1, 1)], ..keyed };
    assert!(matches!(rig.store.commit(again).await.unwrap_err(), StoreError::KeyUsed));
    assert_eq!(rig.store.flag(&flag_key("a")).await.unwrap().unwrap().version, 1);
}

#[rstest]
#[tokio::test]
async fn two_flips_at_once_and_one_of_them_is_told(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.store.commit(Unit { flags: vec![flag("a", 0, 1)], ..Unit::default() }).await.unwrap();
    let flip = || rig.store.commit(Unit { flags: vec![flag("a", 1, 1)], ..Unit::default() });
    let (one, two) = tokio::join!(flip(), flip());
    let refused = [&one, &two].into_iter().filter(|answer| matches!(answer, Err(StoreError::Conflict { .. })));
    assert_eq!((refused.count(), one.is_ok() || two.is_ok()), (1, true));
    assert_eq!(rig.store.flag_events(&flag_key("a"), 0).await.unwrap().len(), 2);
}

#[rstest]
#[tokio::test]
async fn a_write_that_does_not_add_up_is_refused(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut wrong = flag("a", 0, 1);
    wrong.row.version = 2;
    for write in [wrong, flag("a", 0, 0), flag("a", -1, 1)] {
        let error = rig.store.commit(Unit { flags: vec![write], ..Unit::default() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { what: "flag", .. }), "{error:?}");
    }
}
