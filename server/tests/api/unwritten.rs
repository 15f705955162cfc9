//! K4: what cannot be written into the log is not done: 503, no event, no effect, and all of it once the log is well.

use super::rig::Rig;
use axum::http::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use sternway_domain::actor::Role;

/// Whatever an act writes.
const COUNTS: [&str; 9] = [
    "SELECT count(*) FROM events",
    "SELECT count(*) FROM flag_event",
    "SELECT count(*) FROM saga_event",
    "SELECT count(*) FROM decision",
    "SELECT count(*) FROM audit_leaf",
    "SELECT count(*) FROM audit_text",
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM idempotency",
    "SELECT position + leaves FROM log_head",
];

async fn link(rig: &Rig) -> SqliteConnection {
    SqliteConnection::connect(&rig.base.config.database).await.expect("opened")
}

async fn counts(link: &mut SqliteConnection) -> Vec<i64> {
    let mut all = Vec::new();
    for sql in COUNTS {
        all.push(sqlx::query_scalar(sql).fetch_one(&mut *link).await.expect(sql));
    }
    all
}

/// People, programs, and somebody who may not: each act under a key of its own.
const ACTS: [(Role, &str); 4] = [
    (Role::OnCall, "rollback"),
    (Role::ReleaseManager, "hold"),
    (Role::ReleaseManager, "promote"),
    (Role::Viewer, "rollback"),
];

async fn act(rig: &Rig, id: &str, version: i64, (role, verb): (Role, &str)) -> super::rig::Answer {
    let body = json!({"reason": "the log is ill", "expected_version": version});
    rig.mutate(
        Method::POST,
        role,
        &format!("/api/v1/releases/{id}/actions/{verb}"),
        &format!("ill-{verb}-{role}"),
        &body,
    )
    .await
}

#[tokio::test]
async fn given_entries_that_cannot_be_written_when_somebody_acts_then_503_and_nothing_happens() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let mut link = link(&rig).await;
    let before = counts(&mut link).await;
    let release = rig.base.service.store.release(id.parse().expect("an id")).await.expect("read");
    for broken in [
        "CREATE TRIGGER broken BEFORE INSERT ON audit_leaf BEGIN SELECT raise(ABORT, 'the disk is full'); END",
        "CREATE TRIGGER broken BEFORE INSERT ON audit_text BEGIN SELECT raise(ABORT, 'the disk is full'); END",
        "CREATE TRIGGER broken BEFORE INSERT ON decision BEGIN SELECT raise(ABORT, 'the disk is full'); END",
        "CREATE TRIGGER broken BEFORE UPDATE ON log_head BEGIN SELECT raise(ABORT, 'the disk is full'); END",
    ] {
        sqlx::raw_sql(broken).execute(&mut link).await.expect(broken);
        for one in ACTS {
            let answer = act(&rig, &id, version, one).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{one:?}, {broken}: {}", answer.text);
            assert!(!answer.text.contains("the disk is full"), "{}", answer.text);
        }
        let fields = [("email", "nobody@example.org"), ("password", "nothing at all")];
        let refused = rig.form(None, "/signin", &fields).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{broken}: {}", refused.text);
        assert_eq!(counts(&mut link).await, before, "{broken}");
        let now = rig.base.service.store.release(id.parse().expect("an id")).await.expect("read");
        assert_eq!(now, release, "{broken}");
        sqlx::raw_sql("DROP TRIGGER broken").execute(&mut link).await.expect("mended");
    }
    // The same keys, once it is well: done once, and refused once.
    let done = act(&rig, &id, version, ACTS[0]).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{}", done.text);
    let denied = act(&rig, &id, version, ACTS[3]).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN, "{}", denied.text);
    let after = counts(&mut link).await;
    assert_eq!((after[3], after[4]), (before[3] + 2, before[4] + 2));
}

/// Somebody else keeps the lock for longer than an act waits.
#[tokio::test]
async fn given_a_log_that_is_locked_when_somebody_acts_then_503_and_nothing_happens() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let mut link = link(&rig).await;
    let before = counts(&mut link).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut link).await.expect("locked");
    let answer = act(&rig, &id, version, ACTS[0]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert_eq!(counts(&mut link).await, before);
    sqlx::raw_sql("ROLLBACK").execute(&mut link).await.expect("free again");
    let done = act(&rig, &id, version, ACTS[0]).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{}", done.text);
}
