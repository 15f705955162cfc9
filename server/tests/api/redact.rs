//! What others wrote stays when a text is taken out.

use super::rig::Rig;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sternway_domain::actor::Role;
use sternway_domain::audit::retention::Retention;
use sternway_domain::id::Digest;
use sternway_domain::time::Span;
use sternway_server::keeper::Keeper;

const DAY: i64 = 86_400;

async fn flag(rig: &Rig) {
    rig.apply("kind: Flag\nkey: pay.new\npurpose: Prices\nowner: team-pay\npermanent: true\n").await;
}

/// The decision's id, and what was seen.
async fn flip(rig: &Rig, version: i64, enabled: bool, reason: &str) -> (String, Digest) {
    let body = json!({"enabled": enabled, "reason": reason, "expected_version": version});
    let answer = rig.mutate(Method::PUT, Role::OnCall, "/api/v1/flags/pay.new", &rig.key(), &body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    let id = answer.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let entry = read(rig, &id).await["entry"].clone();
    (id, entry["evidence"].as_str().expect("a digest").parse().expect("a digest"))
}

async fn read(rig: &Rig, id: &str) -> Value {
    rig.get(Role::Auditor, &format!("/api/v1/decisions/{id}")).await.json()
}

async fn there(rig: &Rig, digest: &Digest) -> bool {
    rig.base.service.store.evidence(digest).await.expect("read").is_some()
}

async fn fold(rig: &Rig) -> String {
    rig.base.service.store.flag(&"pay.new".parse().expect("a key")).await.expect("read").expect("there").body
}

#[tokio::test]
async fn given_names_are_kept_for_a_month_when_one_person_flipped_before_and_yesterday_then_yesterday_stays() {
    let rig = Rig::new().await;
    flag(&rig).await;
    let (old, saw_old) = flip(&rig, 1, true, "errors are up").await;
    rig.forward(Span::from_secs(30 * DAY));
    let (young, saw_young) = flip(&rig, 2, false, "errors are down").await;
    rig.forward(Span::from_secs(DAY));
    let before = fold(&rig).await;
    let rule = Retention { names: Some(Span::from_secs(30 * DAY)), ..Retention::default() };
    let keeper = Keeper::new(rig.base.service.clone(), "test".to_owned(), rule);
    assert!(keeper.retain().await.expect("done") > 0);
    let name = |entry: &Value| entry["entry"]["actor"]["owner_name"].as_str().expect("a name").to_owned();
    assert_eq!(name(&read(&rig, &old).await), "redacted");
    assert_ne!(name(&read(&rig, &young).await), "redacted");
    assert_eq!(fold(&rig).await, before, "the flag still says who flipped it yesterday");
    assert!(!there(&rig, &saw_old).await && there(&rig, &saw_young).await);

    rig.forward(Span::from_secs(30 * DAY));
    keeper.retain().await.expect("done");
    assert!(!there(&rig, &saw_young).await);
    assert!(fold(&rig).await.contains("\"by\":\"redacted\""), "{}", fold(&rig).await);
}

#[tokio::test]
async fn given_a_hold_on_later_flips_when_an_earlier_one_is_redacted_then_it_is_refused_and_the_entry_is_named() {
    let rig = Rig::new().await;
    flag(&rig).await;
    let (first, _) = flip(&rig, 1, true, "Erika Mustermann asked for it").await;
    rig.forward(Span::from_secs(DAY));
    let from = rig.base.service.clock.now().to_rfc3339();
    let (second, saw) = flip(&rig, 2, false, "she took it back").await;
    let body = json!({"from": from, "reason": "the case of Mustermann"});
    let placed = rig.post(Role::Admin, "/api/v1/log/holds", &body).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let hold = placed.json()["hold"].as_str().expect("an id").to_owned();
    let ask = json!({"reason": "she asked for it", "fields": ["reason"]});
    let refused = rig.post(Role::Admin, &format!("/api/v1/decisions/{first}/redaction"), &ask).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    let index = read(&rig, &second).await["leaf_index"].as_i64().expect("an index");
    assert!(refused.text.contains(&hold) && refused.text.contains(&format!("entry {index}")), "{}", refused.text);
    assert!(there(&rig, &saw).await);
    assert_eq!(read(&rig, &first).await["entry"]["reason"], "Erika Mustermann asked for it");

    let release = format!("/api/v1/log/holds/{hold}/release");
    rig.post(Role::Admin, &release, &json!({"reason": "the case is closed"})).await;
    let done = rig.post(Role::Admin, &format!("/api/v1/decisions/{first}/redaction"), &ask).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(!there(&rig, &saw).await);
}

#[tokio::test]
async fn given_answers_of_yesterday_when_the_keeper_looks_then_they_go_and_younger_ones_are_given_again() {
    let rig = Rig::new().await;
    flag(&rig).await;
    let body = json!({"enabled": true, "reason": "errors are up", "expected_version": 1});
    let flip =
        async |key: &str, body: &Value| rig.mutate(Method::PUT, Role::OnCall, "/api/v1/flags/pay.new", key, body).await;
    let first = flip("one", &body).await.json();
    rig.forward(Span::from_secs(DAY - 60));
    let keeper = Keeper::new(rig.base.service.clone(), "test".to_owned(), Retention::default());
    assert_eq!(keeper.forget_answers().await.expect("done"), 0);
    assert_eq!(flip("one", &body).await.json(), first, "the same answer");
    rig.forward(Span::from_secs(120));
    assert!(keeper.forget_answers().await.expect("done") > 0);
    assert_eq!(flip("one", &body).await.status, StatusCode::CONFLICT, "an act of its own, upon what is no more");
}

#[tokio::test]
async fn given_a_reason_that_repeats_the_text_when_refused_for_whatever_else_then_it_is_not_written_down() {
    const ERIKA: &str = "Erika Mustermann";
    let rig = Rig::new().await;
    flag(&rig).await;
    let (decision, _) = flip(&rig, 1, true, ERIKA).await;
    let body = json!({"from": "2020-01-01T00:00:00Z", "reason": "a case"});
    assert_eq!(rig.post(Role::Admin, "/api/v1/log/holds", &body).await.status, StatusCode::CREATED);
    let repeats = format!("{ERIKA} asked for it");
    let address = format!("/api/v1/decisions/{decision}/redaction");
    let ask = json!({"reason": repeats, "fields": ["reason"]});
    for (role, status) in [(Role::Viewer, StatusCode::FORBIDDEN), (Role::Admin, StatusCode::UNPROCESSABLE_ENTITY)] {
        let before = rig.entries().await;
        assert_eq!(rig.post(role, &address, &ask).await.status, status);
        assert_eq!(rig.entries().await, before + 1);
    }
    let session = rig.session(Role::Admin).await;
    let fields = [("reason", repeats.as_str()), ("idempotency_key", "a")];
    let nothing = rig.form(Some(&session), &format!("/decisions/{decision}/redact"), &fields).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", nothing.text);
    let list = rig.get(Role::Auditor, "/api/v1/decisions?action=redact").await.json();
    let reasons: Vec<&str> =
        list["items"].as_array().expect("a list").iter().filter_map(|item| item["reason"].as_str()).collect();
    assert_eq!(reasons, ["redacted"; 3]);
    // What says nothing of it is written down as before.
    let ask = json!({"reason": "she asked for it", "fields": ["reason"]});
    assert_eq!(rig.post(Role::Admin, &address, &ask).await.status, StatusCode::CONFLICT, "held");
    let list = rig.get(Role::Auditor, "/api/v1/decisions?action=redact").await.json();
    assert_eq!(list["items"][0]["reason"], "she asked for it");
}

#[tokio::test]
async fn given_a_text_in_many_entries_when_redacted_then_twenty_are_named_and_that_there_are_more() {
    const OFTEN: &str = "the same long reason";
    let rig = Rig::new().await;
    flag(&rig).await;
    let mut all = Vec::new();
    for version in 1..=22 {
        all.push(flip(&rig, version, version % 2 == 1, OFTEN).await.0);
    }
    let session = rig.session(Role::Admin).await;
    let ask = json!({"reason": "she asked for it", "fields": ["reason"]});
    for (at, more) in [(0, true), (1, false)] {
        let page = rig.page(Some(&session), &format!("/decisions/{}/redact", all[at])).await;
        assert_eq!(page.text.contains(" and more."), more, "{}", page.text);
        let done = rig.post(Role::Admin, &format!("/api/v1/decisions/{}/redaction", all[at]), &ask).await.json();
        assert_eq!(done["also_in"].as_array().map(Vec::len), Some(20), "{done}");
        assert_eq!((&done["also_in_more"], &done["also_in_unknown"]), (&json!(more), &json!(false)));
    }
}

#[tokio::test]
async fn given_a_rule_on_names_when_it_passes_then_names_of_things_stay() {
    let rig = Rig::new().await;
    flag(&rig).await;
    rig.forward(Span::from_secs(2 * DAY));
    let rule = Retention { names: Some(Span::from_secs(DAY)), ..Retention::default() };
    let keeper = Keeper::new(rig.base.service.clone(), "test".to_owned(), rule);
    assert!(keeper.retain().await.expect("done") > 0);
    let list = rig.get(Role::Auditor, "/api/v1/decisions?action=apply").await.json();
    let entry = &list["items"][0]["entry"];
    assert_eq!(entry["actor"]["owner_name"], "redacted");
    assert!(entry["target"]["names"][0].as_str().is_some_and(|name| name.contains("pay.new")), "{entry}");
    assert_eq!(keeper.retain().await.expect("done"), 0, "and are not looked at again");
}
