//! Legal holds, which texts are old, and the list of what was taken out.

use super::support::*;
use rstest::rstest;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::audit::hold::Scope;
use sternway_domain::audit::retention::Class;
use sternway_domain::id::{HoldId, ReleaseId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

fn opening(field: Field) -> Opening {
    Opening { field, salt: Salt([7; 32]), text: format!("the text of {field}") }
}

/// A decision about release and service `n`, at second `n`, with these texts.
fn about(n: u128, fields: &[Field]) -> Unit {
    let mut written = decision(n);
    written.row.release = Some(ReleaseId(Uuid::from_u128(n)));
    written.row.service = Some(service(n));
    written.openings = fields.iter().map(|field| opening(*field)).collect();
    Unit { decision: Some(written), ..Unit::default() }
}

fn redaction(n: u128, leaf_index: i64, fields: &[Field]) -> RedactionWrite {
    RedactionWrite {
        decision: decision(n).row.id,
        leaf_index,
        fields: fields.to_vec(),
        texts: Vec::new(),
        instead: "redacted".into(),
        actor_label: "redacted".into(),
        reason: "redacted".into(),
        at: at(99),
        despite_hold: false,
        kept_from: None,
    }
}

fn with(n: u128, redactions: Vec<RedactionWrite>) -> Unit {
    Unit { decision: Some(acting(n, "redact")), redactions, ..Unit::default() }
}

/// The domain and the database say the same of every kind of scope.
#[rstest]
#[tokio::test]
async fn given_a_hold_then_what_it_covers_stays_and_the_rest_goes(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let release = |n| Some(ReleaseId(Uuid::from_u128(n)));
    let scopes = [
        Scope { release: release(1), ..Scope::default() },
        Scope { release: release(2), ..Scope::default() },
        Scope { service: Some(service(1)), ..Scope::default() },
        Scope { service: Some(service(1)), release: release(2), ..Scope::default() },
        Scope { from: Some(at(1)), ..Scope::default() },
        Scope { from: Some(at(2)), ..Scope::default() },
        Scope { to: Some(at(1)), ..Scope::default() },
        Scope { to: Some(at(2)), from: Some(at(0)), ..Scope::default() },
    ];
    rig.store.commit(about(1, &[Field::Reason, Field::Ip])).await.unwrap();
    for (n, scope) in (10..).zip(scopes) {
        let id = HoldId(Uuid::from_u128(n));
        let covered = scope.covers(release(1), Some(&service(1)), at(1));
        let hold = Some(HoldWrite::Place { id, scope: scope.clone() });
        rig.store.commit(Unit { decision: Some(acting(n, "legal_hold")), hold, ..Unit::default() }).await.unwrap();
        let taken = rig.store.commit(with(n + 100, vec![redaction(1, 0, &[Field::Effect(n as u16)])])).await;
        match taken {
            Ok(_) => assert!(!covered, "{scope:?}"),
            Err(StoreError::Held { hold, leaf_index: 0 }) => assert!(covered && hold == id, "{scope:?}"),
            Err(error) => panic!("{scope:?}: {error}"),
        }
        let release = |n| {
            let decision = Some(acting(n, "legal_hold"));
            Unit { decision, hold: Some(HoldWrite::Release { id }), ..Unit::default() }
        };
        rig.store.commit(release(n + 200)).await.unwrap();
        let twice = rig.store.commit(release(n + 300)).await;
        assert!(matches!(twice, Err(StoreError::Exists { .. })), "{twice:?}");
        let row = rig.store.holds().await.unwrap().into_iter().find(|row| row.id == id).unwrap();
        assert_eq!(row.scope, scope);
        assert_eq!(row.released, Some((at(n as i64 + 200), decision(n + 200).row.id)));
    }
    for refused in [
        "DELETE FROM legal_hold",
        "UPDATE legal_hold SET released_at = NULL, released_by = NULL",
        "UPDATE legal_hold SET service = 'another'",
        "UPDATE legal_hold SET released_at = 1",
    ] {
        assert!(rig.sql(refused).await.is_err(), "{refused}");
    }
    // What came back with a backup is not held.
    let hold =
        Some(HoldWrite::Place { id: HoldId(Uuid::from_u128(9)), scope: Scope { to: Some(at(9)), ..Scope::default() } });
    rig.store.commit(Unit { decision: Some(acting(900, "legal_hold")), hold, ..Unit::default() }).await.unwrap();
    // No entry that was just written says any of this.
    for forged in [
        "UPDATE legal_hold SET released_at = placed_at, released_by = placed_by WHERE released_at IS NULL",
        "UPDATE legal_hold SET released_at = 1000000, released_by = (SELECT id FROM decision WHERE leaf_index = 0) \
         WHERE released_at IS NULL",
        "INSERT INTO legal_hold (id, placed_at, placed_by) SELECT 'forged', at, id FROM decision WHERE leaf_index = 1",
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) SELECT 0, 'origin.ip', max(leaf_index), 1 FROM decision",
    ] {
        let error = rig.sql(forged).await.expect_err(forged).to_string();
        assert!(error.contains("append-only"), "{forged}: {error}");
    }
    if matches!(kind, Sqlite) {
        rig.store.commit(Unit { decision: Some(acting(901, "legal_hold")), ..Unit::default() }).await.unwrap();
        for by_rowid in [
            "INSERT OR REPLACE INTO legal_hold (rowid, id, placed_at, placed_by) SELECT 1, 'another', at, id \
             FROM decision ORDER BY leaf_index DESC LIMIT 1",
            "UPDATE OR REPLACE legal_hold SET rowid = 1, (released_at, released_by) = (SELECT at, id FROM decision \
             ORDER BY leaf_index DESC LIMIT 1) WHERE released_at IS NULL",
        ] {
            let error = rig.sql(by_rowid).await.expect_err(by_rowid).to_string();
            assert!(error.contains("append-only") || error.contains("exists already"), "{by_rowid}: {error}");
        }
    }
    let again = RedactionWrite { despite_hold: true, ..redaction(1, 0, &[Field::Reason]) };
    rig.store.commit(with(902, vec![again])).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn old_texts_are_found_by_class_and_what_was_taken_out_is_listed_in_order(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    rig.store.commit(about(1, &[Field::Reason, Field::Ip])).await.unwrap();
    rig.store.commit(about(2, &[Field::ActorName, Field::Target(3)])).await.unwrap();
    rig.store.commit(about(3, &[Field::UserAgent, Field::Effect(0)])).await.unwrap();
    let aged = async |class, after, before| -> Vec<i64> {
        let rows = rig.store.aged(class, after, at(before), 10).await.unwrap();
        rows.iter().map(|row| row.leaf_index).collect()
    };
    assert_eq!(aged(Class::Addresses, -1, 9).await, [0, 2]);
    assert_eq!(aged(Class::Addresses, 0, 9).await, [2]);
    assert_eq!(aged(Class::Addresses, -1, 3).await, [0], "exactly as old is not older");
    assert_eq!(aged(Class::Names, -1, 9).await, [1]);
    assert_eq!(aged(Class::Texts, -1, 9).await, [0, 2]);
    assert_eq!(rig.store.aged(Class::Texts, -1, at(9), 1).await.unwrap().len(), 1);
    assert_eq!(rig.store.repeated(&["the text of", "no such text"], 0, 10).await.unwrap(), [1, 2]);
    assert!(rig.store.repeated(&["TEXT"], 0, 10).await.unwrap().is_empty());

    let both = vec![redaction(1, 0, &[Field::Ip, Field::Reason]), redaction(3, 2, &[Field::UserAgent])];
    rig.store.commit(with(4, both)).await.unwrap();
    rig.store.commit(with(5, vec![redaction(2, 1, &[Field::ActorName])])).await.unwrap();
    let listed = rig.store.redactions(-1, 10).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|row| (row.by_leaf, row.leaf_index, row.fields.clone())).collect();
    let expected =
        [(3, 0, vec![Field::Ip, Field::Reason]), (3, 2, vec![Field::UserAgent]), (4, 1, vec![Field::ActorName])];
    assert_eq!(shown, expected);
    assert_eq!(listed[0].leaf_hash, decision(1).leaf_hash);
    assert_eq!(rig.store.redactions(-1, 1).await.unwrap().len(), 2, "of one entry, all of it");
    assert_eq!(rig.store.redactions(3, 10).await.unwrap(), listed[2..]);
    assert_eq!(aged(Class::Addresses, -1, 9).await, Vec::<i64>::new());
    assert!(rig.store.scrub().await.unwrap());
}
