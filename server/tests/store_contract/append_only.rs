//! D12, as far as the tables refuse by themselves: nothing is changed or removed.

use super::support::*;
use rstest::rstest;
use sternway_server::store::rows::*;

const BOTH: [&str; 10] = [
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
];
const SQLITE: [&str; 5] = [
    "INSERT OR REPLACE INTO events SELECT position, release, version, kind, at, '{}', decision FROM events",
    "INSERT OR REPLACE INTO decision SELECT leaf_index, id, at, actor_key, actor_label, action, release, service, \
     outcome, 'another', evidence, body, search FROM decision",
    "INSERT OR REPLACE INTO flag_event SELECT position, flag, version, kind, at, '{}', decision FROM flag_event",
    "INSERT OR REPLACE INTO data_event SELECT position, release, name, version, kind, at, '{}', decision FROM data_event",
    "INSERT OR REPLACE INTO audit_leaf SELECT leaf_index, decision, entry, leaf_hash, 0 FROM audit_leaf",
];
const POSTGRES: [&str; 9] = [
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
    let rig = kind.start().await;
    let unit = Unit {
        release: Some(write(1, 0, 1)),
        flags: vec![flag("pay.new", 0, 1)],
        migrations: vec![data(1, "orders", 0, 1)],
        decision: Some(decision(1)),
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
}
