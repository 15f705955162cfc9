//! What only several processes on one server can do wrong.

use super::support::*;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use sternway_domain::time::Span;
use sternway_server::store::rows::*;
use sternway_server::store::{self, PostgresStore, StoreError};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_decision_wakes_the_others_and_a_tick_does_not() {
    let rig = Postgres.start().await;
    let other = rig.again().await;
    let mut news = other.listen().await.unwrap();
    let release = rig.release(1).await;
    timeout(SOON, news.changed()).await.expect("woken by the events").unwrap();
    news.mark_unchanged();
    let fence = rig.lease("engine", "me").await;
    let tick = TickWrite {
        release,
        number: 1,
        at: at(1),
        body: "{}".into(),
        state: "{}".into(),
        live: "{}".into(),
        fence: fence.clone(),
    };
    rig.store.put_tick(tick).await.unwrap();
    rig.store.commit(Unit { decision: Some(decision(1)), ..Unit::default() }).await.unwrap();
    timeout(SOON, news.changed()).await.expect("woken by the decision").unwrap();
    // Notices keep the order of commits: one for the tick would have come first.
    assert_eq!(*news.borrow_and_update(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_somebody_gives_up_while_a_transaction_begins_then_the_pool_keeps_no_open_one() {
    let rig = Postgres.start().await;
    for round in 0..400 {
        let unit = Unit { evidence: vec![(sternway_domain::id::Digest::of(b"x"), "x".into())], ..Unit::default() };
        // Somewhere between nothing and all of it, a little later each time.
        let _ = timeout(Duration::from_micros(10 * round), rig.store.commit(unit)).await;
    }
    let lease = rig.store.lease("engine", "one", Span::from_secs(60)).await.unwrap();
    assert!(lease.is_some());
    let seen = timeout(SOON, rig.again().await.lease("engine", "two", Span::from_secs(1))).await;
    assert_eq!(seen.expect("nobody keeps the row").unwrap(), None, "what was written is there for the others");
}

#[tokio::test]
async fn a_listener_comes_back_after_its_connection_was_cut() {
    let rig = Postgres.start().await;
    let mut news = rig.store.listen().await.unwrap();
    rig.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
    .await
    .unwrap();
    timeout(SOON, news.changed()).await.expect("a lost connection is news").unwrap();
    news.mark_unchanged();
    rig.store.commit(Unit { decision: Some(decision(1)), ..Unit::default() }).await.unwrap();
    timeout(SOON, news.changed()).await.expect("woken by the decision").unwrap();
}

/// A fence holds until the commit: nobody takes the lease over between the check and the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_waits_for_the_commit_that_checked_the_lease() {
    let rig = Postgres.start().await;
    let lease = rig.store.lease("engine", "a", Span::from_millis(1500)).await.unwrap().unwrap();
    // Somebody keeps the log's row, so that the commit stands behind its fence.
    let mut blocker = PgConnection::connect(&rig.address).await.unwrap();
    let mut blocking = blocker.begin().await.unwrap();
    sqlx::raw_sql("UPDATE log_head SET leaves = leaves").execute(&mut *blocking).await.unwrap();
    let unit = Unit {
        decision: Some(decision(1)),
        fence: Some(Fence { lease: "engine".into(), token: lease.token }),
        ..Unit::default()
    };
    let store = rig.store.clone();
    let commit = tokio::spawn(async move { store.commit(unit).await });
    waiting(&rig, 1).await;

    let store = rig.store.clone();
    let takeover = tokio::spawn(async move {
        loop {
            if let Some(lease) = store.lease("engine", "b", Span::from_secs(60)).await.unwrap() {
                return lease;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    // Expired, and the one who wants it waits for the row.
    waiting(&rig, 2).await;
    blocking.rollback().await.unwrap();

    commit.await.unwrap().unwrap();
    assert_eq!(takeover.await.unwrap().token, lease.token + 1);
}

/// Until so many statements wait for a lock.
async fn waiting(rig: &Rig, count: i64) {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sternway_peers::eventually("statements that wait", SOON, || async {
        let mut connection = PgConnection::connect(&rig.address).await.unwrap();
        let found: i64 = sqlx::query_scalar(WAITING).fetch_one(&mut connection).await.unwrap();
        (found == count).then_some(())
    })
    .await;
}

/// D12: a user who may only do what the program does, on a schema that is up to date.
#[tokio::test]
async fn a_user_without_rights_to_the_schema_can_work_and_change_nothing() {
    let rig = Postgres.start().await;
    rig.release(1).await;
    rig.sql(
        "CREATE ROLE worker LOGIN; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO worker; \
         GRANT UPDATE ON log_head, release, idempotency, lease, judge_state, live, traffic, outbox, person, session, \
         token, setting TO worker; GRANT DELETE ON session, setting TO worker",
    )
    .await
    .unwrap();
    let address = rig.address.replace("postgres@", "worker@");
    let worker = store::open(&address).await.unwrap();
    let unit = Unit {
        release: Some(write(1, 1, 1)),
        decision: Some(decision(1)),
        people: vec![person(1, "ada")],
        end_sessions: vec![person(1, "ada").id],
        ..Unit::default()
    };
    worker.commit(unit).await.unwrap();
    worker.lease("engine", "me", Span::from_secs(1)).await.unwrap().unwrap();

    for table in TABLES.iter().flatten() {
        let mut connection = PgConnection::connect(&address).await.unwrap();
        let error = sqlx::raw_sql(*table).execute(&mut connection).await.expect_err(table).to_string();
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{table}: {error}");
    }
}

const TABLES: [[&str; 5]; 3] = [
    [
        "UPDATE events SET body = ''",
        "DELETE FROM events",
        "TRUNCATE events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE events",
    ],
    [
        "UPDATE decision SET reason = ''",
        "DELETE FROM decision",
        "TRUNCATE decision",
        "ALTER TABLE decision DISABLE TRIGGER ALL",
        "DROP TABLE decision CASCADE",
    ],
    [
        "UPDATE audit_leaf SET at = 0",
        "DELETE FROM audit_leaf",
        "TRUNCATE audit_leaf",
        "ALTER TABLE audit_leaf DISABLE TRIGGER ALL",
        "DROP TABLE audit_leaf",
    ],
];

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = sternway_peers::free_port();
    let error = PostgresStore::connect(&format!("postgres://me@127.0.0.1:{port}/db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { operation: "connect", .. }), "{error:?}");
}
