//! D12, as far as the tables refuse by themselves: nothing is changed or removed.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::Digest;
use sternway_server::store::rows::*;

const BOTH: [&str; 16] = [
    "UPDATE events SET body = '{}'",
    "DELETE FROM events",
    "UPDATE decision SET reason = 'another'",
    "DELETE FROM decision",
    "UPDATE audit_leaf SET at = 0",
    "DELETE FROM audit_leaf",
    "UPDATE flag_event SET body = '{}'",
    "DELETE FROM flag_event",
    "UPDATE data_event SET body = '{}'",
    "DELETE FROM data_event",
    "UPDATE evidence SET body = 'another'",
    "DELETE FROM evidence",
    "UPDATE document SET body = 'another'",
    "DELETE FROM document",
    "UPDATE log_head SET leaves = 0",
    "DELETE FROM log_head",
];
const SQLITE: [&str; 9] = [
    "INSERT OR REPLACE INTO events SELECT position, release, version, kind, at, '{}', decision FROM events",
    "INSERT OR REPLACE INTO decision SELECT leaf_index, id, at, actor_key, actor_label, action, release, service, \
     outcome, 'another', evidence FROM decision",
    "INSERT OR REPLACE INTO flag_event SELECT position, flag, version, kind, at, '{}', decision FROM flag_event",
    "INSERT OR REPLACE INTO data_event SELECT position, release, name, version, kind, at, '{}', decision FROM data_event",
    "INSERT OR REPLACE INTO audit_leaf SELECT leaf_index, decision, entry, leaf_hash, 0 FROM audit_leaf",
    "INSERT OR REPLACE INTO document SELECT kind, name, version, digest, 'another', source, at FROM document",
    "INSERT OR REPLACE INTO log_head (one, position, leaves) VALUES (1, 0, 0)",
    "INSERT OR REPLACE INTO evidence (rowid, digest, body) SELECT rowid, 'x' || rowid, '' FROM evidence",
    "INSERT OR REPLACE INTO document (rowid, kind, name, version, digest, body, source, at) \
     SELECT rowid, kind, name, version + 1, digest, 'another', source, at FROM document",
];
const POSTGRES: [&str; 14] = [
    "TRUNCATE evidence",
    "TRUNCATE document",
    "TRUNCATE log_head",
    "SET session_replication_role = replica; DELETE FROM evidence",
    "SET session_replication_role = replica; UPDATE document SET body = 'another'",
    "TRUNCATE events",
    "TRUNCATE decision CASCADE",
    "TRUNCATE audit_leaf CASCADE",
    "TRUNCATE flag_event",
    "TRUNCATE data_event",
    "SET session_replication_role = replica; DELETE FROM data_event",
    "SET session_replication_role = replica; DELETE FROM flag_event",
    "SET session_replication_role = replica; DELETE FROM audit_leaf",
    "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET body = '{}'",
];

#[rstest]
#[tokio::test]
async fn events_decisions_and_entries_stay_as_they_are(#[values(Sqlite, Postgres)] kind: Kind) {
    let (rig, seen) = (kind.start().await, Digest::of(b"seen"));
    let unit = Unit {
        release: Some(write(1, 0, 1)),
        flags: vec![flag("pay.new", 0, 1)],
        migrations: vec![data(1, "orders", 0, 1)],
        decision: Some(decision(1)),
        evidence: vec![(seen.clone(), "seen".into())],
        documents: vec![document("quick", "{}")],
        ..Unit::default()
    };
    rig.store.commit(unit).await.unwrap();
    let key = flag_key("pay.new");
    let before = (rig.store.events_after(0, 9).await.unwrap(), rig.store.leaves(0, 9).await.unwrap());
    let flips = rig.store.flag_events(&key, 0).await.unwrap();
    assert_eq!(flips.len(), 1);
    let moves = rig.store.migration_events(write(1, 0, 1).row.id, &data(1, "orders", 0, 1).row.name, 0).await.unwrap();
    assert_eq!(moves.len(), 1);

    let more = match kind {
        Sqlite => &SQLITE[..],
        Postgres => &POSTGRES[..],
    };
    for sql in BOTH.iter().chain(more) {
        let error = rig.sql(sql).await.expect_err(sql).to_string();
        assert!(error.contains("append-only") || error.contains("exists already"), "{sql}: {error}");
    }

    let after = (rig.store.events_after(0, 9).await.unwrap(), rig.store.leaves(0, 9).await.unwrap());
    assert_eq!(before, after);
    assert_eq!(rig.store.flag_events(&key, 0).await.unwrap(), flips);
    let after = rig.store.migration_events(write(1, 0, 1).row.id, &data(1, "orders", 0, 1).row.name, 0).await.unwrap();
    assert_eq!(after, moves);
    assert_eq!(rig.store.decision(decision(1).row.id).await.unwrap(), Some(decision(1).row));
    if matches!(kind, Sqlite) {
        rig.sql("INSERT OR REPLACE INTO evidence SELECT digest, 'another' FROM evidence").await.unwrap();
    }
    assert_eq!(rig.store.evidence(&seen).await.unwrap().as_deref(), Some("seen"));
    let kept = rig.store.document("plan", "quick", None).await.unwrap().unwrap();
    assert_eq!((kept.body.as_str(), kept.version), ("{}", 1));
}

/// What the log is made of besides its entries, and what sagas wrote.
const TREE: [&str; 10] = [
    "UPDATE audit_text SET text = 'another'",
    "DELETE FROM audit_text",
    "UPDATE redaction SET field = 'effects.0'",
    "DELETE FROM redaction",
    "UPDATE log_node SET idx = 7",
    "DELETE FROM log_node",
    "UPDATE log_checkpoint SET note = 'another'",
    "DELETE FROM log_checkpoint",
    "UPDATE saga_event SET body = '{}'",
    "DELETE FROM saga_event",
];
const TREE_SQLITE: [&str; 5] = [
    "INSERT OR REPLACE INTO audit_text SELECT leaf_index, field, salt, 'another' FROM audit_text",
    "INSERT OR REPLACE INTO redaction SELECT leaf_index, field, by_leaf, 7 FROM redaction",
    "INSERT OR REPLACE INTO log_node SELECT level, idx, hash FROM log_node",
    "INSERT OR REPLACE INTO log_checkpoint SELECT size, 'another', at FROM log_checkpoint",
    "INSERT OR REPLACE INTO saga_event SELECT position, saga, version, kind, at, '{}', decision FROM saga_event",
];
const TREE_POSTGRES: [&str; 10] = [
    "TRUNCATE audit_text",
    "TRUNCATE redaction",
    "TRUNCATE log_node",
    "TRUNCATE log_checkpoint",
    "TRUNCATE saga_event",
    "SET session_replication_role = replica; DELETE FROM audit_text",
    "SET session_replication_role = replica; DELETE FROM redaction",
    "SET session_replication_role = replica; DELETE FROM log_node",
    "SET session_replication_role = replica; DELETE FROM log_checkpoint",
    "INSERT INTO log_checkpoint SELECT * FROM log_checkpoint ON CONFLICT (size) DO UPDATE SET note = 'another'",
];

#[rstest]
#[tokio::test]
async fn texts_hashes_checkpoints_and_sagas_stay_as_they_are(#[values(Sqlite, Postgres)] kind: Kind) {
    const ROWS: &str = "INSERT INTO audit_text (leaf_index, field, salt, text) VALUES (0, 'reason', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'why'), \
         (1, 'reason', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'why'); \
         INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (0, 'effects.1', 1, 1); \
         INSERT INTO log_checkpoint (size, note, at) VALUES (2, 'signed', 1); \
         INSERT INTO saga (id, release, version, position, purpose, active, created_at, updated_at, body) \
         SELECT 'saga', id, 1, 9, 'rollback', 0, 1, 1, '{}' FROM release; \
         INSERT INTO saga_event (position, saga, version, kind, at, body) VALUES (9, 'saga', 1, 'noted', 1, '{\"n\":1}');";
    let rig = kind.start().await;
    rig.release(1).await;
    for (n, action) in [(1, "promote"), (2, "redact")] {
        rig.store.commit(Unit { decision: Some(acting(n, action)), ..Unit::default() }).await.unwrap();
    }
    rig.sql(ROWS).await.unwrap();
    let (node, more) = match kind {
        Sqlite => ("INSERT INTO log_node (level, idx, hash) VALUES (8, 0, zeroblob(32))", &TREE_SQLITE[..]),
        Postgres => (
            "INSERT INTO log_node (level, idx, hash) VALUES (8, 0, decode(repeat('00', 32), 'hex'))",
            &TREE_POSTGRES[..],
        ),
    };
    rig.sql(node).await.unwrap();
    let before = (rig.store.texts(0, 9).await.unwrap(), rig.store.hashes(8, 0, 9).await.unwrap());
    for sql in TREE.iter().chain(more) {
        let error = rig.sql(sql).await.expect_err(sql).to_string();
        assert!(error.contains("append-only") || error.contains("exists already"), "{sql}: {error}");
    }
    assert_eq!((rig.store.texts(0, 9).await.unwrap(), rig.store.hashes(8, 0, 9).await.unwrap()), before);
    assert_eq!(rig.store.checkpoint().await.unwrap().unwrap().note, "signed");
}
