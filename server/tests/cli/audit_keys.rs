//! Another key for the log, by the command line, and what the verifier says of it afterwards.

use super::audit::act;
use super::rig::{Rig, bare, finish};
use sqlx::{Connection, SqliteConnection};
use std::path::PathBuf;
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::time::Timestamp;
use sternway_server::store::rows::Unit;
use sternway_server::store::{SqliteStore, Store};
use uuid::Uuid;

/// Until the server has signed all there is.
async fn signed(rig: &Rig) {
    let store = &rig.base.service.store;
    for _ in 0..400 {
        let size = store.checkpoint().await.unwrap().map(|row| row.size);
        if size == Some(store.head().await.unwrap().leaves) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the log is not signed: {:?}", rig.base.service.notary.unsigned());
}

/// Until the server knows that it cannot sign.
async fn unsigned(rig: &Rig) {
    for _ in 0..400 {
        if rig.base.service.notary.unsigned().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it has not noticed");
}

async fn list(rig: &Rig) -> KeyList {
    rig.base.service.log_keys().await.unwrap().unwrap()
}

/// A copy of the database, changed as somebody with all rights to it could.
async fn changed(rig: &Rig, sql: &str) -> PathBuf {
    let copy = rig.dir.path().join(format!("{}.db", Uuid::new_v4()));
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.unwrap();
    let into = format!("VACUUM INTO '{}'", copy.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", copy.display())).await.unwrap();
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for trigger in triggers {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut connection).await.unwrap();
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    copy
}

#[tokio::test]
async fn given_a_rotation_when_verified_then_either_key_is_enough_and_a_changed_list_is_named() {
    let rig = Rig::new().await;
    let (admin, auditor) = (rig.token(Role::Admin).await, rig.token(Role::Auditor).await);
    signed(&rig).await;
    let old = list(&rig).await.newest().key.to_string();
    let pin = rig.dir.path().join("pin").display().to_string();
    rig.run(&auditor, &["audit", "pin", &pin]).await.done();
    rig.run(&auditor, &["audit", "rotate-key", "--reason", "it is that time"]).await.failed(3).complains(&["auditor"]);
    let rotated = rig.run(&admin, &["audit", "rotate-key", "--reason", "it is that time"]).await.done();
    rotated.says(&["the log is signed with sternway+", "signs that checkpoint too, and nothing later", "Decision "]);
    signed(&rig).await;
    let list = list(&rig).await;
    let new = list.newest().key.to_string();
    let keys = rig.dir.path().join("keys").display().to_string();
    std::fs::write(&keys, list.to_string()).unwrap();
    for key in [&old, &new, &keys] {
        let verified = rig.run(&auditor, &["audit", "verify", "--pin", &pin, "--key", key]).await.done();
        verified.says(&["Good: ", "Signed: ", &new]);
    }
    rig.run(&auditor, &["audit", "pin", &pin, "--key", &old]).await.done().says(&["has grown"]);
    let stranger = SignerKey::new("sternway", KeyKind::Plain, [9; 32]).unwrap();
    let strange = rig.run(&auditor, &["audit", "verify", "--key", &stranger.verifier().to_string()]).await.failed(1);
    strange.says(&["BAD: ", "none of the known keys signed this"]);
    for (wrong, said) in
        [("sternway+00000000+AQ", "not a verifier key"), ("a+b+c", "not a verifier key"), ("/nowhere", "/nowhere")]
    {
        rig.run(&auditor, &["audit", "verify", "--key", wrong]).await.failed(3).complains(&[said]);
    }
    let made = finish(bare(&["audit", "make-key", "sternway"])).await.done();
    assert_eq!(made.out.trim().parse::<SignerKey>().unwrap().verifier().name(), "sternway");
    finish(bare(&["audit", "make-key", "two words"])).await.failed(3).complains(&["is not the name of a key"]);
    rig.run(&auditor, &["audit", "status"]).await.done().says(&[
        "of them signed at",
        "the key before vouches for it",
        "Not confirmed outside yet",
    ]);

    // The database: with the old key it is good, and what was changed about keys is named.
    let by = list.newest().from - 1;
    let verify = async |sql: &str, key: &str| {
        let database = format!("sqlite:{}", changed(&rig, sql).await.display());
        finish(bare(&["audit", "verify", "--json", "--database", &database, "--key", key])).await
    };
    let good = verify("SELECT 1", &old).await.done().json();
    assert_eq!((good["key"].as_str(), &good["key_breaks"]), (Some(new.as_str()), &serde_json::json!([])));
    for (sql, key, said) in [
        ("DELETE FROM log_key WHERE change = 'rotated'", &new, format!("entry {by} puts another key in place")),
        ("DELETE FROM log_key WHERE change = 'rotated'", &old, format!("entry {by} puts another key in place")),
        ("UPDATE log_key SET from_size = from_size - 1 WHERE change = 'rotated'", &old, "list of keys".to_owned()),
        ("UPDATE log_key SET statement = replace(statement, 'new', 'now')", &old, "key of the log".to_owned()),
        (
            "UPDATE log_key SET key = (SELECT key FROM log_key WHERE change = 'first') WHERE change = 'rotated'",
            &old,
            "key of the log".to_owned(),
        ),
    ] {
        let sql = format!(
            "PRAGMA ignore_check_constraints = on; DROP TABLE IF EXISTS k; CREATE TABLE k AS SELECT * FROM log_key; DROP TABLE log_key; ALTER TABLE k RENAME TO log_key; {sql}"
        );
        let bad = verify(&sql, key).await.failed(1).json();
        let problem = bad["problem"].as_str().unwrap();
        assert!(problem.contains(&said), "{sql}: {problem}");
    }
}

/// N4: no silent new key; after a person has said so the log goes on, and the break stays visible.
#[tokio::test]
async fn given_a_lost_key_when_verified_then_the_break_is_said_and_the_old_key_is_not_enough() {
    let mut rig = Rig::new().await;
    let (admin, auditor) = (rig.token(Role::Admin).await, rig.token(Role::Auditor).await);
    signed(&rig).await;
    let old = list(&rig).await.newest().key.to_string();
    rig.stop().await;
    std::fs::remove_file(rig.base.config.state.with_extension("key")).unwrap();
    rig.start().await;
    unsigned(&rig).await;
    rig.run(&auditor, &["audit", "status"]).await.done().says(&["Not signed here: ", &old, "new-key"]);
    let early = rig.run(&admin, &["audit", "new-key", "--reason", "the disk is gone"]).await.failed(3);
    early.complains(&["another replica may have the key"]);
    // The attempt itself is the entry that stays unsigned. Its date is made older, so that nobody has to wait.
    let unsigned = rig.base.service.store.checkpoint().await.unwrap().unwrap().size;
    let before = Timestamp(rig.base.service.clock.now().micros() - 60_000_000).micros();
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.unwrap();
    let older =
        format!("DROP TRIGGER audit_leaf_no_update; UPDATE audit_leaf SET at = {before} WHERE leaf_index = {unsigned}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(older)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let changed = rig.run(&admin, &["audit", "new-key", "--reason", "the disk is gone"]).await.done();
    changed.says(&["does not vouch for it, and that stays visible"]);
    signed(&rig).await;
    let list = list(&rig).await;
    let from = list.newest().from.to_string();
    let note = format!("Note: from {from} entries on another key signs");
    rig.run(&auditor, &["audit", "verify"]).await.done().says(&["Good: ", &note]);
    let refused = rig.run(&auditor, &["audit", "verify", "--key", &old]).await.failed(1);
    refused.says(&["BAD: ", "earlier key was lost", &list.newest().key.to_string()]);
    let keys = rig.dir.path().join("keys").display().to_string();
    std::fs::write(&keys, list.to_string()).unwrap();
    rig.run(&auditor, &["audit", "verify", "--key", &keys]).await.done().says(&["Good: ", &note]);
}

/// What is dated in the future or before the entry before it is said, and is no proof of anything.
#[tokio::test]
async fn given_clocks_that_were_wrong_when_verified_then_it_is_good_and_the_entries_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", dir.path().join("clocks.db").display());
    let store = SqliteStore::open(&address).await.unwrap();
    // Some 30 years from now, and back again.
    for n in [1, 2, 1_000_000_000_000_000, 3] {
        store.commit(Unit { decision: Some(act(n, "the clock")), ..Unit::default() }).await.unwrap();
    }
    let verified = finish(bare(&["audit", "verify", "--database", &address])).await.done();
    verified.says(&[
        "Good: 4 entries",
        "entry 2 is dated 2058-",
        "somebody's clock is wrong",
        "entry 3 is dated before",
    ]);
    let json = finish(bare(&["audit", "verify", "--json", "--database", &address])).await.done().json();
    assert_eq!((&json["future"], &json["clock_back"]), (&2.into(), &3.into()));
}
