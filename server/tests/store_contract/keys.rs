//! Keys of the log: one after the other, each by the entry before it, and nobody changes them afterwards.

use super::support::*;
use rstest::rstest;
use sternway_domain::audit::keys::Statement;
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;

fn key(seed: u8) -> SignerKey {
    SignerKey::new("sternway.example/log", KeyKind::Plain, [seed; 32]).unwrap()
}

fn change(n: u128, after: Option<i64>, old: u8, new: u8) -> Unit {
    let statement = Statement::rotated(&key(old), &key(new)).unwrap();
    let log_key = Some(LogKeyWrite { after, statement, at: at(n as i64) });
    Unit { decision: Some(decision(n)), log_key, ..Unit::default() }
}

#[rstest]
#[tokio::test]
async fn given_keys_then_each_begins_after_its_entry_and_of_two_at_once_one_is_refused(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    assert_eq!(rig.store.log_keys().await.unwrap(), []);
    let fence = rig.lease("log", "me").await;
    rig.store.put_first_key(key(1).verifier(), at(1), &fence).await.unwrap();
    rig.store.put_first_key(key(9).verifier(), at(2), &fence).await.unwrap();
    let late = Fence { token: fence.token - 1, ..fence };
    let error = rig.store.put_first_key(key(9).verifier(), at(2), &late).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");

    rig.store.commit(Unit { decision: Some(decision(1)), ..Unit::default() }).await.unwrap();
    let committed = rig.store.commit(change(2, Some(0), 1, 2)).await.unwrap();
    assert_eq!(committed.leaf_index, Some(1));
    let before = rig.counts().await;
    for unit in [change(3, Some(0), 1, 3), change(3, None, 1, 3)] {
        let error = rig.store.commit(unit).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { actual: 2, .. }), "{error:?}");
    }
    // A key that was replaced does not come back.
    let error = rig.store.commit(change(3, Some(2), 2, 1)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what.starts_with("key `")), "{error:?}");
    let alone = Unit { decision: None, ..change(3, Some(2), 2, 3) };
    assert!(matches!(rig.store.commit(alone).await.unwrap_err(), StoreError::Corrupt { .. }));
    assert_eq!(rig.counts().await, before, "nothing half-written");

    let rows = rig.store.log_keys().await.unwrap();
    let short: Vec<_> = rows.iter().map(|row| (row.from, row.key.clone(), row.change.as_str())).collect();
    let keys = [key(1).verifier().clone(), key(2).verifier().clone()];
    assert_eq!(short, [(0, keys[0].clone(), "first"), (2, keys[1].clone(), "rotated")]);
    let opened = Statement::open(rows[1].statement.as_bytes()).unwrap();
    assert_eq!((opened.old, opened.new), (Some(keys[0].clone()), keys[1].clone()));
}

#[rstest]
#[tokio::test]
async fn given_keys_then_no_statement_changes_or_removes_them(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let fence = rig.lease("log", "me").await;
    rig.store.put_first_key(key(1).verifier(), at(1), &fence).await.unwrap();
    let before = rig.store.log_keys().await.unwrap();
    for refused in [
        "UPDATE log_key SET from_size = 7",
        "UPDATE log_key SET key = 'another'",
        "DELETE FROM log_key",
        "INSERT INTO log_key (from_size, key, change, statement, at) SELECT 0, 'k', change, statement, at FROM log_key",
        "INSERT INTO log_key (from_size, key, change, statement, at) SELECT 7, key, 'lost', 's', at FROM log_key",
        "INSERT INTO log_key (from_size, key, change, statement, at) VALUES (7, 'k', 'first', '', 0)",
        "INSERT INTO log_key (from_size, key, change, statement, at) VALUES (7, 'k', 'lost', '', 0)",
        "INSERT INTO log_key (from_size, key, change, statement, at) VALUES (7, 'k', 'sold', 's', 0)",
    ] {
        assert!(rig.sql(refused).await.is_err(), "{refused}");
    }
    let more = match kind {
        Sqlite => "INSERT OR REPLACE INTO log_key SELECT from_size, 'k', change, statement, at FROM log_key",
        Postgres => "SET session_replication_role = replica; TRUNCATE log_key",
    };
    assert!(rig.sql(more).await.is_err(), "{more}");
    assert_eq!(rig.store.log_keys().await.unwrap(), before);
}

#[rstest]
#[tokio::test]
async fn given_heads_that_left_then_the_newest_of_each_way_is_kept(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let row = |way: &str, who: &str, size: i64, secs: i64| OutsideRow {
        way: way.to_owned(),
        who: who.to_owned(),
        size,
        note: format!("note {size}\n"),
        at: at(secs),
    };
    for put in [row("witness", "w1", 9, 10), row("channel", "ops", 12, 20), row("witness", "w1", 14, 30)] {
        rig.store.put_outside(&put).await.unwrap();
    }
    // An answer that was overtaken changes nothing.
    rig.store.put_outside(&row("witness", "w1", 11, 25)).await.unwrap();
    let kept = rig.store.outside().await.unwrap();
    assert_eq!(kept, [row("witness", "w1", 14, 30), row("channel", "ops", 12, 20)]);
    assert!(rig.store.put_outside(&row("rumour", "w1", 14, 30)).await.is_err());
}
