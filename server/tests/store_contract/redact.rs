//! What goes with a text that is taken out of one decision, and what others wrote that stays.

use super::support::*;
use rstest::rstest;
use serde_json::json;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::audit::hold::Scope;
use sternway_domain::id::{Digest, HoldId, SagaId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

const NAME: &str = "Maya Ortiz";

fn flip(n: u128, reason: &str) -> String {
    format!(r#"{{"environment":"production","by":"{NAME}","reason":"{reason}","at":{n}}}"#)
}

fn evidence(n: u128) -> (Digest, String) {
    let body = format!(r#"{{"flips":{{"production":{}}}}}"#, flip(n - 1, &reason(n - 1)));
    (Digest::of(body.as_bytes()), body)
}

fn reason(n: u128) -> String {
    format!("the reason of flip {n}")
}

/// Flip `n` of a flag by always the same person; it saw the flip before.
fn flipped(n: u128) -> Unit {
    let mut written = decision(n);
    written.row.actor_label = NAME.into();
    written.row.reason = reason(n);
    written.openings = [(Field::ActorName, NAME.to_owned()), (Field::Reason, reason(n))]
        .map(|(field, text)| Opening { field, salt: Salt([7; 32]), text })
        .into();
    let seen = evidence(n);
    written.row.evidence = Some(seen.0.clone());
    let mut flag = flag("pay.new", n as i64 - 1, 1);
    flag.events[0].body = format!(r#"{{"event":"flipped","flip":{}}}"#, flip(n, &reason(n)));
    flag.row.body = format!(r#"{{"flips":{{"production":{}}}}}"#, flip(n, &reason(n)));
    Unit { decision: Some(written), flags: vec![flag], evidence: vec![seen], ..Unit::default() }
}

fn takes(n: u128, texts: &[(Field, String)]) -> RedactionWrite {
    RedactionWrite {
        decision: decision(n).row.id,
        leaf_index: n as i64 - 1,
        fields: texts.iter().map(|(field, _)| *field).collect(),
        texts: texts.iter().map(|(_, text)| text.clone()).collect(),
        instead: "redacted".into(),
        actor_label: "redacted".into(),
        reason: "redacted".into(),
        at: at(99),
        despite_hold: false,
        kept_from: None,
    }
}

fn all(n: u128) -> RedactionWrite {
    takes(n, &[(Field::ActorName, NAME.to_owned()), (Field::Reason, reason(n))])
}

async fn take(rig: &Rig, by: u128, redaction: RedactionWrite) -> Result<(), StoreError> {
    let unit = Unit { decision: Some(acting(by, "redact")), redactions: vec![redaction], ..Unit::default() };
    rig.store.commit(unit).await.map(|_| ())
}

async fn fold(rig: &Rig) -> String {
    rig.store.flag(&flag_key("pay.new")).await.unwrap().unwrap().body
}

/// Which of these flips still have what was seen.
async fn seen(rig: &Rig) -> Vec<u128> {
    let mut there = Vec::new();
    for n in 1..=4 {
        if rig.store.evidence(&evidence(n).0).await.unwrap().is_some() {
            there.push(n);
        }
    }
    there
}

async fn flips(rig: &Rig) {
    for n in 1..=4 {
        rig.store.commit(flipped(n)).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn given_old_and_young_flips_by_one_person_when_the_old_ones_age_then_fold_and_evidence_of_the_young_stay(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    flips(&rig).await;
    let before = fold(&rig).await;
    // The rule: what is from second 3 on is young.
    let old = |n| RedactionWrite { kept_from: Some(at(3)), ..all(n) };
    take(&rig, 11, old(1)).await.unwrap();
    assert_eq!(seen(&rig).await, [3, 4], "what an old one saw, and an old one that saw it");
    take(&rig, 12, old(2)).await.unwrap();
    assert_eq!(seen(&rig).await, [3, 4], "3 repeats the reason of 2, but is young");
    assert_eq!(fold(&rig).await, before);
    let events = rig.store.flag_events(&flag_key("pay.new"), 0).await.unwrap();
    let left: Vec<bool> = events.iter().map(|event| event.body.contains(NAME)).collect();
    assert_eq!(left, [false, false, true, true]);
    // In time everything goes.
    let old = |n| RedactionWrite { kept_from: Some(at(9)), ..all(n) };
    take(&rig, 13, old(3)).await.unwrap();
    take(&rig, 14, old(4)).await.unwrap();
    assert!(seen(&rig).await.is_empty());
    assert!(!fold(&rig).await.contains(NAME) && !fold(&rig).await.contains("the reason"), "{}", fold(&rig).await);
}

#[rstest]
#[tokio::test]
async fn given_a_hold_on_a_later_flip_then_no_person_takes_its_evidence_and_the_rule_leaves_it(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    flips(&rig).await;
    let id = HoldId(Uuid::from_u128(7));
    let scope = Scope { from: Some(at(3)), to: Some(at(4)), ..Scope::default() };
    let hold = Some(HoldWrite::Place { id, scope });
    rig.store.commit(Unit { decision: Some(acting(10, "legal_hold")), hold, ..Unit::default() }).await.unwrap();
    let refused = take(&rig, 11, takes(2, &[(Field::Reason, reason(2))])).await;
    assert!(matches!(refused, Err(StoreError::Held { hold, leaf_index: 2 }) if hold == id), "{refused:?}");
    assert_eq!(seen(&rig).await, [1, 2, 3, 4], "nothing of it happened");
    let by_age = RedactionWrite { kept_from: Some(at(9)), ..takes(2, &[(Field::Reason, reason(2))]) };
    take(&rig, 12, by_age).await.unwrap();
    assert_eq!(seen(&rig).await, [1, 3, 4], "its own is gone; that of the held one is not");
    // What came back with a backup is not held.
    take(&rig, 13, RedactionWrite { despite_hold: true, ..takes(2, &[(Field::ActorName, NAME.to_owned())]) })
        .await
        .unwrap();
    assert_eq!(seen(&rig).await, [1], "the name that stands in that one is of another flip");
}

#[rstest]
#[tokio::test]
async fn given_a_person_who_takes_a_reason_out_then_all_evidence_with_it_goes_and_no_other(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    flips(&rig).await;
    take(&rig, 11, takes(3, &[(Field::Reason, reason(3))])).await.unwrap();
    assert_eq!(seen(&rig).await, [1, 2, 3]);
    assert!(fold(&rig).await.contains(&reason(4)));
    take(&rig, 12, takes(4, &[(Field::Reason, reason(4))])).await.unwrap();
    let left = fold(&rig).await;
    assert!(left.contains(NAME) && !left.contains("the reason"), "{left}");
}

/// Decision `n` with evidence of its own.
fn saw(n: u128) -> Unit {
    let mut written = decision(n);
    let body = format!("what {n} saw");
    written.row.evidence = Some(Digest::of(body.as_bytes()));
    let evidence = vec![(Digest::of(body.as_bytes()), body)];
    Unit { decision: Some(written), evidence, ..Unit::default() }
}

#[rstest]
#[tokio::test]
async fn given_texts_that_were_just_taken_out_then_only_evidence_that_may_show_them_can_go(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    const OF: [&str; 7] = [
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 0)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 1)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 2)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 3)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 4)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 5)",
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 6)",
    ];
    let rig = kind.start().await;
    flips(&rig).await;
    rig.store.commit(saw(5)).await.unwrap();
    for (n, expected) in [(6, 0), (7, 1)] {
        let release = (expected == 0).then(|| write(1, 0, 1));
        let migrations = vec![data(1, "orders", expected, 1)];
        rig.store.commit(Unit { release, migrations, ..saw(n) }).await.unwrap();
    }
    let refused = async |of: &[usize]| {
        for leaf_index in of {
            let error = rig.sql(OF[*leaf_index]).await.expect_err(OF[*leaf_index]).to_string();
            assert!(error.contains("append-only"), "{leaf_index}: {error}");
        }
    };
    take(&rig, 11, takes(3, &[(Field::Ip, "192.0.2.7".into())])).await.unwrap();
    refused(&[0, 1, 2, 3, 4, 5, 6]).await;
    take(&rig, 12, takes(3, &[(Field::Reason, "said by nobody".into())])).await.unwrap();
    refused(&[0, 1, 4, 5, 6]).await;
    for own_or_later in [2, 3] {
        rig.sql(OF[own_or_later]).await.unwrap();
    }
    assert_eq!(seen(&rig).await, [1, 2]);
    take(&rig, 13, takes(6, &[(Field::Reason, "said by nobody".into())])).await.unwrap();
    refused(&[0, 1, 4]).await;
    for own_or_later in [5, 6] {
        rig.sql(OF[own_or_later]).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn given_an_entry_about_steps_when_its_effect_goes_then_what_the_driver_said_goes_from_the_saga(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    const OUTPUT: &str = "Erika Mustermann is logged in";
    let rig = kind.start().await;
    let release = rig.release(1).await;
    let event = |body: String| EventWrite { kind: "succeeded", at: at(1), body };
    let said = [OUTPUT, "done", "done in 3 s"];
    let row = SagaRow {
        id: SagaId(Uuid::from_u128(1)),
        release,
        version: 2,
        purpose: "rollback".into(),
        active: false,
        created_at: at(0),
        updated_at: at(1),
        body: serde_json::to_string(&said.map(|said| json!({"said": said}))).unwrap(),
    };
    let events = vec![
        event(json!({"event": "succeeded", "output": OUTPUT}).to_string()),
        event(json!({"event": "failed", "error": "done"}).to_string()),
    ];
    let effect = (Field::Effect(0), format!("step 4 succeeded: Deploy `checkout`; {OUTPUT}"));
    let mut written = decision(1);
    written.openings = vec![Opening { field: effect.0, salt: Salt([7; 32]), text: effect.1.clone() }];
    let answer = IdempotencyRow { response: json!({"said": OUTPUT}).to_string(), ..record("person:ada", "a") };
    rig.store
        .commit(Unit {
            saga: Some(SagaWrite { expected: 0, events, row }),
            decision: Some(written),
            idempotency: Some(answer),
            ..Unit::default()
        })
        .await
        .unwrap();
    take(&rig, 2, takes(1, &[effect])).await.unwrap();
    let events = rig.store.saga_events(SagaId(Uuid::from_u128(1))).await.unwrap();
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    let expected = [r#"{"event":"succeeded","output":"redacted"}"#, r#"{"error":"redacted","event":"failed"}"#];
    assert_eq!(bodies, expected);
    let fold = rig.store.saga(SagaId(Uuid::from_u128(1))).await.unwrap().unwrap().body;
    assert_eq!(fold, r#"[{"said":"redacted"},{"said":"redacted"},{"said":"done in 3 s"}]"#);
    let answer = rig.store.idempotency("person:ada", "a").await.unwrap().unwrap();
    assert_eq!(answer.response, r#"{"said":"redacted"}"#);
}

#[rstest]
#[tokio::test]
async fn given_answers_when_texts_go_then_one_pass_finds_them_and_old_answers_go_in_bounded_batches(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let rig = kind.start().await;
    flips(&rig).await;
    // More than one page of the pass.
    for n in 0..520 {
        let key = if n == 0 { "emergency:1".to_owned() } else { format!("key-{n}") };
        let response = json!({"reason": reason(n % 2 + 1), "state": "rollback"}).to_string();
        let answer = IdempotencyRow { response, at: at(n as i64), ..record("person:ada", &key) };
        rig.store.commit(Unit { idempotency: Some(answer), ..Unit::default() }).await.unwrap();
    }
    let holding = async |n: u128| {
        let mut holding = 0;
        for key in (1..520).map(|n| format!("key-{n}")) {
            let answer = rig.store.idempotency("person:ada", &key).await.unwrap();
            holding += usize::from(answer.is_some_and(|answer| answer.response.contains(&reason(n))));
        }
        holding
    };
    assert_eq!((holding(1).await, holding(2).await), (259, 260));
    // By age: the answers from second 400 on go by themselves.
    let by_age = RedactionWrite { kept_from: Some(at(400)), ..takes(1, &[(Field::Reason, reason(1))]) };
    take(&rig, 11, by_age).await.unwrap();
    assert_eq!((holding(1).await, holding(2).await), (60, 260));
    take(&rig, 12, takes(2, &[(Field::Reason, reason(2))])).await.unwrap();
    assert_eq!(holding(2).await, 0);

    assert_eq!(rig.store.forget_answers(at(400), 300).await.unwrap(), 300);
    assert_eq!(rig.store.forget_answers(at(400), 300).await.unwrap(), 99);
    assert_eq!(rig.store.forget_answers(at(400), 300).await.unwrap(), 0);
    assert!(rig.store.idempotency("person:ada", "key-399").await.unwrap().is_none());
    for kept in ["key-400", "emergency:1"] {
        assert!(rig.store.idempotency("person:ada", kept).await.unwrap().is_some(), "{kept}");
    }
}
