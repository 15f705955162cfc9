//! All of a unit or nothing, and which refusal comes first.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::{Digest, ReleaseId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

#[rstest]
#[tokio::test]
async fn what_is_committed_is_read_back(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let digest = Digest::of(b"evidence");
    let mut decided = decision(7);
    decided.row.release = Some(ReleaseId(Uuid::from_u128(1)));
    decided.row.service = Some(service(1));
    decided.row.evidence = Some(digest.clone());
    let unit = Unit {
        release: Some(write(1, 0, 2)),
        decision: Some(decided.clone()),
        evidence: vec![(digest.clone(), "what was seen".into())],
        outbox: vec![message(1, ReleaseId(Uuid::from_u128(1)))],
        documents: vec![document("careful", "v1")],
        people: vec![person(1, "ada")],
        tokens: vec![token(1, 1)],
        idempotency: Some(record("ada", "k")),
        ..Unit::default()
    };
    let committed = rig.store.commit(unit).await.unwrap();

    assert_eq!(committed, Committed { leaf_index: Some(0), events: 2, position: 2 });
    let row = write(1, 0, 2).row;
    assert_eq!(rig.store.release(row.id).await.unwrap(), Some(row.clone()));
    let events = rig.store.events(row.id, 0).await.unwrap();
    assert_eq!(
        events.iter().map(|e| (e.position, e.version, e.at)).collect::<Vec<_>>(),
        [(1, 1, at(1)), (2, 2, at(2))]
    );
    assert_eq!(events[1].kind, "noted");
    assert_eq!(events[1].body, r#"{"version":2}"#);
    assert_eq!(events[1].decision, Some(decided.row.id));
    assert_eq!(rig.store.events(row.id, 1).await.unwrap(), events[1..]);
    assert_eq!(rig.store.decision(decided.row.id).await.unwrap(), Some(decided.row));
    assert_eq!(rig.store.evidence(&digest).await.unwrap().as_deref(), Some("what was seen"));
    assert_eq!(rig.store.idempotency("ada", "k").await.unwrap(), Some(record("ada", "k")));
    assert_eq!(rig.store.outbox_pending(row.id).await.unwrap().len(), 1);
    assert_eq!(rig.store.documents("plan").await.unwrap().len(), 1);
    assert_eq!(rig.store.people().await.unwrap(), [person(1, "ada")]);
    assert_eq!(rig.store.tokens(person(1, "ada").id).await.unwrap(), [token(1, 1)]);
    assert_eq!(rig.store.last_position().await.unwrap(), 2);
    rig.store.ping().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn nothing_there_reads_as_nothing(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let id = ReleaseId(Uuid::from_u128(9));
    assert_eq!(rig.store.release(id).await.unwrap(), None);
    assert!(rig.store.events(id, 0).await.unwrap().is_empty());
    assert_eq!(rig.store.last_position().await.unwrap(), 0);
    assert_eq!(rig.store.decision(decision(1).row.id).await.unwrap(), None);
    assert_eq!(rig.store.evidence(&Digest::of(b"")).await.unwrap(), None);
    assert_eq!(rig.store.idempotency("ada", "k").await.unwrap(), None);
    assert_eq!(rig.store.judge_state(id).await.unwrap(), None);
    assert_eq!(rig.store.traffic(&service(1)).await.unwrap(), None);
    assert_eq!(rig.store.document("plan", "careful", None).await.unwrap(), None);
    assert_eq!(rig.store.person_by_login("ada").await.unwrap(), None);
    assert_eq!(rig.store.session(b"hash").await.unwrap(), None);
    assert_eq!(rig.store.token(token(1, 1).id).await.unwrap(), None);
    assert_eq!(rig.store.setting("s").await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn given_a_newer_version_then_a_conflict_names_it(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.store.commit(Unit { release: Some(write(1, 0, 3)), ..Unit::default() }).await.unwrap();
    for expected in [0, 2, 4] {
        let error =
            rig.store.commit(Unit { release: Some(write(1, expected, 1)), ..Unit::default() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: e, actual: 3 } if e == expected), "{error:?}");
    }
    let error = rig.store.commit(Unit { release: Some(write(2, 5, 1)), ..Unit::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 5, actual: 0 }), "{error:?}");
    assert_eq!(rig.store.last_position().await.unwrap(), 3);
}

/// A unit in which everything is wrong, so that the answer shows what was looked at first.
#[rstest]
#[tokio::test]
async fn refusals_come_in_order_key_fence_version_names(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let first = Unit {
        release: Some(write(1, 0, 1)),
        people: vec![person(1, "ada")],
        idempotency: Some(record("ada", "k")),
        ..Unit::default()
    };
    rig.store.commit(first).await.unwrap();
    let fence = rig.lease("l", "me").await;
    let mut unit = Unit {
        release: Some(write(1, 0, 1)),
        people: vec![person(2, "ada")],
        idempotency: Some(record("ada", "k")),
        fence: Some(Fence { token: fence.token + 1, ..fence.clone() }),
        ..Unit::default()
    };

    let error = rig.store.commit(unit.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::KeyUsed), "{error:?}");
    unit.idempotency = Some(record("ada", "another"));
    let error = rig.store.commit(unit.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    unit.fence = Some(fence);
    let error = rig.store.commit(unit.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { actual: 1, .. }), "{error:?}");
    unit.release = Some(write(1, 1, 1));
    let error = rig.store.commit(unit.clone()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what == "login name `ada`"), "{error:?}");
    unit.people.clear();
    rig.store.commit(unit).await.unwrap();
    // The key belongs to the actor who used it.
    let other = Unit { idempotency: Some(record("bob", "k")), ..Unit::default() };
    rig.store.commit(other).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn what_is_there_already_is_named(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let id = rig.release(1).await;
    let unit = Unit { decision: Some(decision(1)), outbox: vec![message(1, id)], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();

    let again = Unit { decision: Some(decision(1)), ..Unit::default() };
    let error = rig.store.commit(again).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what.starts_with("decision `")), "{error:?}");
    let twice = OutboxWrite { key: "key-1".into(), ..message(2, id) };
    let error = rig.store.commit(Unit { outbox: vec![twice], ..Unit::default() }).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what == "message `key-1`"), "{error:?}");
}

#[rstest]
#[tokio::test]
async fn evidence_is_kept_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let digest = Digest::of(b"seen");
    for text in ["first", "second"] {
        let unit = Unit { evidence: vec![(digest.clone(), text.into())], ..Unit::default() };
        rig.store.commit(unit).await.unwrap();
    }
    assert_eq!(rig.store.evidence(&digest).await.unwrap().as_deref(), Some("first"));
}

/// K4: no decision without its entry, and nothing else either.
#[rstest]
#[tokio::test]
async fn when_the_entry_cannot_be_written_then_nothing_is(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let id = rig.release(1).await;
    let before = rig.counts().await;
    let broken = match kind {
        Sqlite => {
            "CREATE TRIGGER broken BEFORE INSERT ON audit_leaf BEGIN SELECT raise(ABORT, 'the disk is full'); END"
        }
        Postgres => {
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$; \
             CREATE TRIGGER broken BEFORE INSERT ON audit_leaf FOR EACH ROW EXECUTE FUNCTION broken()"
        }
    };
    rig.sql(broken).await.unwrap();
    let unit = Unit {
        release: Some(write(1, 1, 2)),
        decision: Some(decision(1)),
        evidence: vec![(Digest::of(b"seen"), "seen".into())],
        outbox: vec![message(1, id)],
        documents: vec![document("careful", "v1")],
        people: vec![person(1, "ada")],
        tokens: vec![token(1, 1)],
        idempotency: Some(record("ada", "k")),
        ..Unit::default()
    };
    let error = rig.store.commit(unit.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");

    assert_eq!(rig.counts().await, before);
    assert_eq!(rig.store.last_position().await.unwrap(), 1);
    assert_eq!(rig.store.release(id).await.unwrap().unwrap().version, 1);

    let mend = match kind {
        Sqlite => "DROP TRIGGER broken",
        Postgres => "DROP TRIGGER broken ON audit_leaf",
    };
    rig.sql(mend).await.unwrap();
    let committed = rig.store.commit(unit).await.unwrap();
    assert_eq!(committed, Committed { leaf_index: Some(0), events: 2, position: 3 });
}

#[rstest]
#[tokio::test]
async fn a_unit_that_contradicts_itself_is_refused(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut skips = write(1, 0, 1);
    skips.row.version = 2;
    let empty = ReleaseWrite { events: vec![], ..write(1, 0, 1) };
    for release in [skips, empty] {
        let error = rig.store.commit(Unit { release: Some(release), ..Unit::default() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { what: "release", .. }), "{error:?}");
    }
    let large = DecisionWrite { entry: vec![0; 65_536], ..decision(1) };
    let error = rig.store.commit(Unit { decision: Some(large), ..Unit::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { what: "entry", .. }), "{error:?}");
    let largest = DecisionWrite { entry: vec![0; 65_535], ..decision(1) };
    rig.store.commit(Unit { decision: Some(largest), ..Unit::default() }).await.unwrap();
}

/// J2: text from outside goes in and comes out, whatever is in it.
#[rstest]
#[tokio::test]
async fn strange_text_is_kept(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let mut decided = decision(1);
    decided.row.reason = "line\nline \u{1b}[31m \u{202e} '; DROP TABLE events; -- \0 end".into();
    rig.store.commit(Unit { decision: Some(decided.clone()), ..Unit::default() }).await.unwrap();
    let read = rig.store.decision(decided.row.id).await.unwrap().unwrap();
    assert_eq!(read.reason, decided.row.reason.replace('\0', "\u{fffd}"));
}
