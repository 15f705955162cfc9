//! K4, D7: what cannot be written into the log is not done: 503, no event, no effect, and all of it once the log is well.

use super::rig::Rig;
use axum::http::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use sternway_domain::actor::Role;

/// Whatever an act writes.
const COUNTS: [&str; 10] = [
    "SELECT count(*) FROM events",
    "SELECT count(*) FROM flag_event",
    "SELECT count(*) FROM saga_event",
    "SELECT count(*) FROM decision",
    "SELECT count(*) FROM audit_leaf",
    "SELECT count(*) FROM audit_text",
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM idempotency",
    "SELECT position + leaves FROM log_head",
    "SELECT count(*) FROM session",
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
    let session = rig.session(Role::Auditor).await;
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
        let left = rig.form(Some(&session), "/signout", &[]).await;
        assert_eq!(left.status, StatusCode::SERVICE_UNAVAILABLE, "{broken}: {}", left.text);
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

const FILE: &str = "STERNWAY_TEST_LOCK";
/// What SQLite waits for a lock, and a bit less: it sleeps in steps.
const BUSY: Duration = Duration::from_millis(4_900);
/// Far below it.
const AT_ONCE: Duration = Duration::from_millis(1_500);

/// D7. Another process keeps the lock for as long as two acts wait for it, 10 s.
#[tokio::test(flavor = "multi_thread")]
async fn given_another_process_with_the_write_lock_when_somebody_acts_then_503_and_who_reads_does_not_wait() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let mut link = link(&rig).await;
    let before = counts(&mut link).await;
    let session = rig.session(Role::Auditor).await;
    let with_session = counts(&mut link).await;
    // Long enough ago for its last use to be written down again.
    rig.forward(sternway_domain::time::Span::from_secs(600));

    // This test program once more, running only the case below.
    let mut other = Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", "api::unwritten::hold_the_write_lock", "--ignored", "--nocapture"])
        .env(FILE, &rig.base.config.database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(other.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.expect("text").contains("locked")), "the other process did not get the lock");

    let over = AtomicBool::new(false);
    let acting = async {
        for _ in 0..2 {
            let begun = Instant::now();
            let answer = act(&rig, &id, version, ACTS[0]).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
            assert!(begun.elapsed() >= BUSY, "gave up after {:?}", begun.elapsed());
        }
        over.store(true, Ordering::SeqCst);
    };
    let reading = async {
        let (mut reads, mut longest) = (0, Duration::ZERO);
        while !over.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let release = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await;
            let waited = begun.elapsed();
            assert_eq!(release.status, StatusCode::OK, "{}", release.text);
            let begun = Instant::now();
            let page = rig.page(Some(&session), &format!("/releases/{id}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
            longest = longest.max(waited).max(begun.elapsed());
            assert!(longest < AT_ONCE, "a reader waited {longest:?}");
            reads += 1;
        }
        reads
    };
    let ((), reads) = tokio::join!(acting, reading);
    assert!(reads >= 5, "{reads} reads in 10 s");
    let still: i64 = counts(&mut link).await.iter().sum();
    assert_eq!(still, with_session.iter().sum::<i64>(), "something was written");

    drop(other.stdin.take());
    assert!(other.wait().expect("ended").success());
    let done = act(&rig, &id, version, ACTS[0]).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{}", done.text);
    let after = counts(&mut link).await;
    assert_eq!((after[3], after[4]), (with_session[3] + 1, with_session[4] + 1));
    assert_eq!((after[0], after[7]), (before[0] + 1, before[7] + 1), "one event and one key");
}

/// The other process of the test above: holds the lock until its input ends.
#[tokio::test]
#[ignore = "only useful when started by the test above"]
async fn hold_the_write_lock() {
    let address = std::env::var(FILE).expect("an address");
    let mut connection = SqliteConnection::connect(&address).await.expect("opened");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.expect("locked");
    println!("locked");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("read to its end");
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.expect("free again");
}
