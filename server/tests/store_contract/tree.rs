//! The log as a tree: texts beside entries, inner hashes, signed heads, and the one door for redaction.

use super::support::*;
use rstest::rstest;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::audit::leaf_hash;
use sternway_domain::audit::merkle::{Frontier, TreeHash};
use sternway_domain::time::Span;
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;

fn opening(field: Field, text: &str) -> Opening {
    Opening { field, salt: Salt([7; 32]), text: text.to_owned() }
}

/// Entry `n` of the log, with its hash and a text.
fn entry(n: u128) -> DecisionWrite {
    let entry = n.to_be_bytes().to_vec();
    let openings = vec![opening(Field::Reason, &format!("reason \"{n}\" 🦀")), opening(Field::Effect(1), "")];
    DecisionWrite { leaf_hash: leaf_hash(&entry), entry, openings, ..decision(n) }
}

/// The same of one that takes texts out.
fn taking(n: u128) -> DecisionWrite {
    DecisionWrite { row: acting(n, "redact").row, ..entry(n) }
}

#[rstest]
#[tokio::test]
async fn given_more_entries_than_a_tile_has_then_its_root_is_kept_and_texts_stand_beside(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    // Another process, which does not know how many entries there are.
    let other = rig.again().await;
    let mut tree = Frontier::default();
    let mut nodes = Vec::new();
    for n in 0..515 {
        let store = if n == 255 { &other } else { &rig.store };
        store.commit(Unit { decision: Some(entry(n)), ..Unit::default() }).await.unwrap();
        tree.push_seen(TreeHash(leaf_hash(&n.to_be_bytes())), |node, hash| {
            if node.level == 8 {
                nodes.push(hash);
            }
        });
    }
    assert_eq!(nodes.len(), 2);
    assert_eq!(rig.store.hashes(8, 0, 256).await.unwrap(), nodes);
    assert_eq!(rig.store.hashes(8, 1, 256).await.unwrap(), nodes[1..]);
    assert_eq!(rig.store.hashes(16, 0, 256).await.unwrap(), []);
    let leaves = rig.store.hashes(0, 512, 256).await.unwrap();
    assert_eq!(leaves.len(), 3);
    assert_eq!(leaves[2], TreeHash(leaf_hash(&514u128.to_be_bytes())));

    let texts = rig.store.texts(513, 256).await.unwrap();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0].leaf_index, 513);
    let mut openings = entry(513).openings;
    openings.sort_by_key(|opening| opening.field.to_string());
    assert_eq!(texts[0].openings, openings);
}

#[rstest]
#[tokio::test]
async fn given_a_checkpoint_then_it_is_published_under_the_lease_and_stays(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    assert_eq!(rig.store.checkpoint().await.unwrap(), None);
    let lease = rig.store.lease("log", "me", Span::from_secs(60)).await.unwrap().unwrap();
    let fence = Fence { lease: lease.name, token: lease.token };
    let row = |size: i64, note: &str| CheckpointRow { size, note: note.to_owned(), at: at(size) };
    rig.store.put_checkpoint(&row(9, "nine\n"), &fence).await.unwrap();
    rig.store.put_checkpoint(&row(12, "twelve\n"), &fence).await.unwrap();
    rig.store.put_checkpoint(&row(12, "another\n"), &fence).await.unwrap();
    assert_eq!(rig.store.checkpoint().await.unwrap(), Some(row(12, "twelve\n")));
    let late = Fence { token: fence.token - 1, ..fence };
    let error = rig.store.put_checkpoint(&row(13, "late\n"), &late).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
}

/// What the tables refuse, and what they let through once a row of `redaction` names it.
#[rstest]
#[tokio::test]
async fn given_no_redaction_then_texts_stay_and_with_one_only_they_go(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    for n in 0..3 {
        let release = (n == 1).then(|| write(1, 0, 1));
        let decision = Some(if n == 2 { taking(n) } else { entry(n) });
        let evidence = vec![(sternway_domain::id::Digest::of(b"seen"), "seen".to_owned())];
        rig.store.commit(Unit { decision, release, evidence, ..Unit::default() }).await.unwrap();
    }
    const EVENT: &str = "UPDATE events SET body = '{\"reason\":\"redacted\"}'";
    const DELETE: &str = "DELETE FROM audit_text WHERE leaf_index = 1 AND field = 'reason'";
    const REWRITE: &str = "UPDATE decision SET reason = 'redacted' WHERE leaf_index = 1";
    for refused in [
        EVENT,
        DELETE,
        REWRITE,
        "UPDATE audit_text SET text = 'another'",
        "INSERT INTO log_node (level, idx, hash) VALUES (8, 0, '1')",
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (2, 'reason', 1, 0)",
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (2, 'reason', 9, 0)",
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (0, 'reason', 1, 0)",
    ] {
        assert!(rig.sql(refused).await.is_err(), "{refused}");
    }
    rig.sql("INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (1, 'reason', 2, 0)").await.unwrap();
    for refused in [
        "DELETE FROM audit_text WHERE leaf_index = 1 AND field = 'effects.1'",
        "DELETE FROM audit_text WHERE leaf_index = 0",
        "UPDATE decision SET reason = 'redacted'",
        "UPDATE decision SET reason = 'redacted', outcome = 'refused' WHERE leaf_index = 1",
        "UPDATE events SET kind = 'another'",
        "UPDATE decision SET service = 'checkout' WHERE leaf_index = 1",
        "DELETE FROM redaction",
        "UPDATE redaction SET field = 'effects.1'",
    ] {
        assert!(rig.sql(refused).await.is_err(), "{refused}");
    }
    rig.sql(EVENT).await.unwrap();
    rig.sql(DELETE).await.unwrap();
    rig.sql(REWRITE).await.unwrap();
    let texts = rig.store.texts(1, 1).await.unwrap();
    assert_eq!(texts[0].openings, [opening(Field::Effect(1), "")]);
    assert_eq!(rig.store.decision(entry(1).row.id).await.unwrap().unwrap().reason, "redacted");

    // With the next entry the door is closed, and what went does not come back.
    rig.store.commit(Unit { decision: Some(entry(3)), ..Unit::default() }).await.unwrap();
    for refused in [
        EVENT,
        REWRITE,
        "DELETE FROM evidence",
        "INSERT INTO audit_text (leaf_index, field, salt, text) SELECT leaf_index, 'reason', salt, 'back' FROM audit_text \
         WHERE leaf_index = 1",
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (0, 'reason', 2, 0)",
    ] {
        let error = rig.sql(refused).await.expect_err(refused).to_string();
        assert!(error.contains("append-only"), "{refused}: {error}");
    }
}

/// The decision's row, its events and what was folded from them; what others wrote stays.
#[rstest]
#[tokio::test]
async fn given_a_redaction_then_the_text_goes_from_row_events_folds_and_evidence(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    const TEXT: &str = "call \"Erika\" at 030/1234";
    let rig = kind.start().await;
    let body = serde_json::to_string(&serde_json::json!({"reason": TEXT, "note": format!("by {TEXT}.")})).unwrap();
    let mut write = write(1, 0, 1);
    write.row.body.clone_from(&body);
    write.events[0].body.clone_from(&body);
    let mut first = entry(0);
    first.openings = vec![opening(Field::Reason, TEXT)];
    first.row.reason = TEXT.to_owned();
    let digest = sternway_domain::id::Digest::of(body.as_bytes());
    first.row.evidence = Some(digest.clone());
    let id = first.row.id;
    let unit = Unit {
        release: Some(write.clone()),
        decision: Some(first),
        evidence: vec![(digest.clone(), body)],
        ..Unit::default()
    };
    rig.store.commit(unit).await.unwrap();
    rig.store.commit(Unit { decision: Some(entry(1)), ..Unit::default() }).await.unwrap();

    let gone = DecisionFilter { text: Some("Erika".into()), ..DecisionFilter::default() };
    let redaction = RedactionWrite {
        decision: id,
        leaf_index: 0,
        fields: vec![Field::Reason],
        texts: vec![TEXT.to_owned()],
        instead: "redacted".into(),
        actor_label: "Ada".into(),
        reason: "redacted".into(),
        at: at(9),
        despite_hold: false,
        kept_from: None,
    };
    let alone = Unit { redactions: vec![redaction.clone()], ..Unit::default() };
    assert!(matches!(rig.store.commit(alone).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(rig.store.decisions(&gone).await.unwrap().len(), 1);
    let unit = Unit { decision: Some(taking(2)), redactions: vec![redaction], ..Unit::default() };
    rig.store.commit(unit).await.unwrap();

    let expected = r#"{"note":"by redacted.","reason":"redacted"}"#;
    assert_eq!(rig.store.release(write.row.id).await.unwrap().unwrap().body, expected);
    assert_eq!(rig.store.events(write.row.id, 0).await.unwrap()[0].body, expected);
    let row = rig.store.decision(id).await.unwrap().unwrap();
    assert_eq!((row.reason.as_str(), row.actor_label.as_str()), ("redacted", "Ada"));
    assert_eq!(rig.store.evidence(&digest).await.unwrap(), None);
    let texts = rig.store.texts(0, 9).await.unwrap();
    assert_eq!(texts.iter().map(|text| text.leaf_index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rig.store.decisions(&gone).await.unwrap(), []);
    let left = DecisionFilter { text: Some("redacted".into()), ..DecisionFilter::default() };
    assert_eq!(rig.store.decisions(&left).await.unwrap().len(), 1);
}
