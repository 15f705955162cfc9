//! What only several processes on one server can do wrong.

use super::support::*;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::audit::hold::Scope;
use sternway_domain::id::HoldId;
use sternway_domain::time::Span;
use sternway_server::store::rows::*;
use sternway_server::store::{self, PostgresStore, StoreError};
use tokio::time::timeout;
use uuid::Uuid;

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
    let fence = rig.lease("commits", "me").await;
    for round in 0..400 {
        // With a lease to be asked for, it is more than one message.
        let evidence = vec![(sternway_domain::id::Digest::of(b"x"), "x".into())];
        let unit = Unit { evidence, fence: Some(fence.clone()), ..Unit::default() };
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

/// What the README tells the owner of the schema to run.
fn grants() -> &'static str {
    let readme = include_str!("../../../README.md");
    let block = readme.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next());
    block.filter(|sql| sql.contains("CREATE ROLE sternway_server")).expect("the README has the grants as SQL")
}

/// D12: a user who may only do what the program does, on a schema that is up to date.
#[tokio::test]
async fn a_user_without_rights_to_the_schema_can_work_and_change_nothing() {
    let rig = Postgres.start().await;
    rig.release(1).await;
    rig.sql(grants()).await.unwrap();
    let address = rig.address.replace("postgres@", "sternway_server@");
    let worker = store::open(&address).await.unwrap();
    let opening = Opening { field: Field::Reason, salt: Salt([7; 32]), text: "looks good".into() };
    let unit = Unit {
        release: Some(write(1, 1, 1)),
        flags: vec![flag("pay.new", 0, 1)],
        migrations: vec![data(1, "orders", 0, 1)],
        decision: Some(DecisionWrite { openings: vec![opening], ..decision(1) }),
        evidence: vec![(sternway_domain::id::Digest::of(b"seen"), "seen".into())],
        documents: vec![document("quick", "{}")],
        people: vec![person(1, "ada")],
        end_sessions: vec![person(1, "ada").id],
        ..Unit::default()
    };
    worker.commit(unit).await.unwrap();
    let fence = worker.lease("engine", "me", Span::from_secs(60)).await.unwrap().unwrap();
    let fence = Fence { lease: fence.name, token: fence.token };
    worker.put_checkpoint(&CheckpointRow { size: 1, note: "signed".into(), at: at(1) }, &fence).await.unwrap();

    let mut all = vec![
        "SET session_replication_role = replica".to_owned(),
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RETURN NULL; END $$"
            .to_owned(),
        "ALTER TABLE events OWNER TO sternway_server".to_owned(),
        "DELETE FROM schema_migration".to_owned(),
        "UPDATE log_head SET leaves = 0".to_owned(),
        "DELETE FROM log_head".to_owned(),
    ];
    for (table, column) in GUARDED {
        all.extend([
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
            format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
            format!("DROP TABLE {table} CASCADE"),
        ]);
    }
    for column in ["reason", "actor_label"] {
        all.push(format!("UPDATE decision SET {column} = 'another'"));
    }
    for table in ["events", "flag_event", "data_event"] {
        all.push(format!("UPDATE {table} SET body = 'another'"));
    }
    for sql in all {
        let mut connection = PgConnection::connect(&address).await.unwrap();
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&mut connection).await.expect_err(&sql);
        let error = error.to_string();
        let refused = ["permission denied", "must be owner", "append-only"].iter().any(|why| error.contains(why));
        assert!(refused, "{sql}: {error}");
    }

    // Redaction goes through its one door, for this user, too.
    worker.commit(Unit { decision: Some(decision(2)), ..Unit::default() }).await.unwrap();
    let redaction = RedactionWrite {
        decision: decision(1).row.id,
        leaf_index: 0,
        fields: vec![Field::Reason],
        texts: vec!["looks good".into()],
        instead: "redacted".into(),
        actor_label: "Ada".into(),
        reason: "redacted".into(),
        at: at(9),
        despite_hold: false,
        kept_from: None,
    };
    let unit = Unit { decision: Some(acting(3, "redact")), redactions: vec![redaction], ..Unit::default() };
    worker.commit(unit).await.unwrap();
    assert_eq!(worker.decision(decision(1).row.id).await.unwrap().unwrap().reason, "redacted");

    // A hold is placed, and released once.
    let id = HoldId(Uuid::from_u128(1));
    let scope = Scope { service: Some(service(1)), ..Scope::default() };
    for (n, hold) in [(4, HoldWrite::Place { id, scope }), (5, HoldWrite::Release { id })] {
        let decision = Some(acting(n, "legal_hold"));
        worker.commit(Unit { decision, hold: Some(hold), ..Unit::default() }).await.unwrap();
    }
    assert!(worker.holds().await.unwrap()[0].released.is_some());
}

/// A restore of rows alone, and logical replication, put in rows whose entries are not the newest ones.
#[tokio::test]
async fn rows_of_old_entries_are_replayed_and_written_by_nobody_else() {
    const ROWS: [&str; 2] = [
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (0, 'reason', 1, 1)",
        "INSERT INTO legal_hold (id, placed_at, placed_by, released_at, released_by) \
         SELECT '00000000-0000-0000-0000-000000000007', p.at, p.id, r.at, r.id FROM decision p, decision r \
         WHERE p.leaf_index = 2 AND r.leaf_index = 3",
    ];
    let rig = Postgres.start().await;
    for (n, action) in [(1, "promote"), (2, "redact"), (3, "legal_hold"), (4, "legal_hold"), (5, "promote")] {
        rig.store.commit(Unit { decision: Some(acting(n, action)), ..Unit::default() }).await.unwrap();
    }
    let mut replay = PgConnection::connect(&rig.address).await.unwrap();
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut replay).await.unwrap();
    for sql in ROWS {
        let error = rig.sql(sql).await.expect_err(sql).to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
        sqlx::raw_sql(sql).execute(&mut replay).await.unwrap();
    }
    assert_eq!((rig.store.redactions(-1, 9).await.unwrap().len(), rig.store.holds().await.unwrap().len()), (1, 1));
}

/// As the README says, by whoever owns the schema.
#[tokio::test]
async fn a_text_that_was_put_back_is_taken_out_by_hand_and_the_guard_stands_as_before() {
    const GUARD: &str = "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'audit_text_no_delete'";
    let readme = include_str!("../../../README.md");
    let all = readme.split_once("### What somebody put into the log").map(|(_, after)| after);
    let block = all.and_then(|all| all.split("```sql\n-- PostgreSQL\n").nth(1));
    let by_hand = block.and_then(|rest| rest.split("```").next()).expect("the README says how").replace("4711", "0");
    let rig = Postgres.start().await;
    let opening = Opening { field: Field::Reason, salt: Salt([7; 32]), text: "looks good".into() };
    let written = DecisionWrite { openings: vec![opening], ..decision(1) };
    rig.store.commit(Unit { decision: Some(written), ..Unit::default() }).await.unwrap();
    let mut owner = PgConnection::connect(&rig.address).await.unwrap();
    let guard: String = sqlx::query_scalar(GUARD).fetch_one(&mut owner).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(by_hand)).execute(&mut owner).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, String>(GUARD).fetch_one(&mut owner).await.unwrap(), guard);
    assert!(rig.store.texts(0, 9).await.unwrap().iter().all(|row| row.openings.is_empty()));
}

/// Every table that only grows, and a column of it.
const GUARDED: [(&str, &str); 13] = [
    ("evidence", "body"),
    ("document", "body"),
    ("events", "kind"),
    ("saga_event", "kind"),
    ("flag_event", "kind"),
    ("data_event", "kind"),
    ("decision", "outcome"),
    ("audit_leaf", "entry"),
    ("audit_text", "text"),
    ("redaction", "field"),
    ("log_node", "hash"),
    ("log_checkpoint", "note"),
    ("legal_hold", "placed_at"),
];

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = sternway_peers::free_port();
    let error = PostgresStore::connect(&format!("postgres://me@127.0.0.1:{port}/db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { operation: "connect", .. }), "{error:?}");
}
