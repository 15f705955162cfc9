//! Flags: split between people by command, and retired.

use super::flags::FLAG;
use super::rig::Rig;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sternway_domain::actor::Role;

const PATH: &str = "/api/v1/flags/checkout.new-price";

async fn evaluated(rig: &Rig, body: &Value) -> (StatusCode, Value) {
    let path = "/ofrep/v1/evaluate/flags/checkout.new-price";
    let answer = rig.mutate(Method::POST, Role::FlagClient, path, "none", body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn given_a_split_by_command_when_the_file_is_applied_again_then_it_stays_until_another_command() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let split = |percent: f64, version: i64| {
        let shares = json!([{"variant": "off", "percent": percent}]);
        json!({"split": shares, "reason": "a tenth gets the old prices", "expected_version": version})
    };
    let path = format!("{PATH}/split");
    let answer = rig.mutate(Method::PUT, Role::OnCall, &path, "k1", &split(100.0, 1)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["flag"]["environments"]["production"]["split"][0]["percent"], 100.0);
    let asker = json!({"context": {"targetingKey": "user-1"}});
    let (_, seen) = evaluated(&rig, &asker).await;
    assert_eq!((&seen["reason"], &seen["value"]), (&json!("SPLIT"), &json!(false)));
    let decision = answer.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let read = rig.get(Role::Auditor, &format!("/api/v1/decisions/{decision}")).await.json();
    assert_eq!(read["entry"]["effects"], json!(["split in production: 100\u{a0}% `off`, the rest `on`"]));

    rig.apply(&FLAG.replace("team-pay", "team-shop")).await;
    let (_, seen) = evaluated(&rig, &asker).await;
    assert_eq!(seen["reason"], "SPLIT", "a document undoes no command");
    let wrong = rig.mutate(Method::PUT, Role::OnCall, &path, "k2", &split(101.0, 3)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text);
    let none = json!({"split": [], "reason": "the same for everybody", "expected_version": 3});
    assert_eq!(rig.mutate(Method::PUT, Role::OnCall, &path, "k3", &none).await.status, StatusCode::OK);
    let (_, seen) = evaluated(&rig, &asker).await;
    assert_eq!((&seen["reason"], &seen["value"]), (&json!("STATIC"), &json!(true)));
}

#[tokio::test]
async fn given_a_retired_flag_then_clients_find_none_and_it_is_shown_and_never_switched_again() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let retire = json!({"reason": "the old prices are gone", "expected_version": 1});
    let path = format!("{PATH}/retire");
    let denied = rig.mutate(Method::POST, Role::OnCall, &path, "k0", &retire).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN, "it is configuration: {}", denied.text);
    let answer = rig.mutate(Method::POST, Role::ReleaseManager, &path, "k1", &retire).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["flag"]["retired"]["reason"], "the old prices are gone");
    let again = rig.mutate(Method::POST, Role::ReleaseManager, &path, "k1", &retire).await;
    assert_eq!(again.text, answer.text, "asked twice is asked once");

    let (status, seen) = evaluated(&rig, &json!({})).await;
    assert_eq!((status, &seen["errorCode"]), (StatusCode::NOT_FOUND, &json!("FLAG_NOT_FOUND")));
    let bulk = rig.mutate(Method::POST, Role::FlagClient, "/ofrep/v1/evaluate/flags", "none", &json!({})).await;
    assert_eq!(bulk.json()["flags"], json!([]));
    let list = rig.get(Role::Viewer, "/api/v1/flags").await.json();
    assert_eq!(list["items"][0]["key"], "checkout.new-price");
    assert!(list["items"][0]["retired"]["by"].is_string());

    let switch = json!({"enabled": false, "reason": "too late", "expected_version": 2});
    let refused = rig.mutate(Method::PUT, Role::OnCall, PATH, "k2", &switch).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("was retired by"), "{}", refused.text);
    assert_eq!(rig.apply(FLAG).await["documents"][0]["outcome"], "unchanged", "its document may stay a while");
}

#[tokio::test]
async fn given_a_flag_that_a_rollback_switches_when_retired_then_it_is_refused_with_the_services_name() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let service = "
kind: Service
name: checkout
traffic: memory
signals: memory
rollback: { kill_switches: [checkout.new-price] }
";
    rig.apply(service).await;
    let entries = rig.entries().await;
    let retire = json!({"reason": "the old prices are gone", "expected_version": 1});
    let refused = rig.mutate(Method::POST, Role::ReleaseManager, &format!("{PATH}/retire"), "k1", &retire).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("`rollback.kill_switches` of `checkout`"), "{}", refused.text);
    assert_eq!(rig.entries().await, entries + 1, "the refused attempt is an entry");
}

#[tokio::test]
async fn given_more_evaluations_than_a_token_may_ask_for_then_429_with_the_wait_and_others_are_served() {
    let rig = Rig::with(Default::default(), |settings| settings.flag_limit = 1).await;
    rig.apply(FLAG).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        let path = "/ofrep/v1/evaluate/flags/checkout.new-price";
        answers.push(rig.mutate(Method::POST, Role::FlagClient, path, "none", &json!({})).await);
    }
    let last = answers.pop().expect("four");
    assert_eq!((answers[0].status, last.status), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(last.header("retry-after"), "1");
    assert_eq!(last.json()["errorCode"], "GENERAL");
    let status = rig.get(Role::Viewer, "/api/v1/flags").await.status;
    assert_eq!(status, StatusCode::OK);
}
