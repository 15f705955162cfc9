//! Flags: applied, read, switched.

use super::rig::Rig;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use sternway_domain::actor::{Role, Rule};
use sternway_domain::id::FlagKey;
use sternway_domain::time::Span;
use sternway_server::service::{Caller, ServiceError};
use sternway_server::store::StoreError;
use sternway_server::store::rows::Fence;

pub(super) const FLAG: &str = "
kind: Flag
key: checkout.new-price
purpose: Prices with the new engine
owner: team-pay
expires: 2027-06-30
default: { enabled: true }
";

const PATH: &str = "/api/v1/flags/checkout.new-price";

fn switch(enabled: bool, version: i64) -> Value {
    json!({"enabled": enabled, "reason": "too many wrong prices", "expected_version": version})
}

fn key() -> FlagKey {
    "checkout.new-price".parse().expect("a key")
}

#[tokio::test]
async fn given_a_flag_that_was_applied_when_it_is_switched_then_the_answer_the_list_and_the_log_say_so() {
    let rig = Rig::new().await;
    let applied = rig.apply(FLAG).await;
    assert_eq!(applied["documents"][0]["outcome"], "created");
    assert!(applied["documents"][0]["findings"][0].as_str().is_some_and(|text| text.contains("never been switched")));

    let answer = rig.mutate(Method::PUT, Role::OnCall, PATH, "k1", &switch(false, 1)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let switched = answer.json();
    assert_eq!(switched["flag"]["enabled"], false);
    assert_eq!(switched["flag"]["version"], 2);
    assert_eq!(switched["flag"]["last_flip"]["by"], "test for The on call");
    assert_eq!(switched["flag"]["last_flip"]["reason"], "too many wrong prices");

    let list = rig.get(Role::Viewer, "/api/v1/flags").await.json();
    assert_eq!(list["items"][0], switched["flag"]);
    let one = rig.get(Role::Viewer, PATH).await.json();
    assert_eq!(one["history"][1]["event"]["event"], "flipped");
    assert_eq!(one["history"][1]["decision"], switched["decision"]["id"]);

    let decision = switched["decision"]["id"].as_str().expect("an id");
    let read = rig.get(Role::Auditor, &format!("/api/v1/decisions/{decision}")).await.json();
    assert_eq!(read["leaf_index"], switched["decision"]["leaf_index"]);
    assert_eq!(read["action"], "flip");
    assert_eq!(
        read["entry"]["target"],
        json!({"kind": "flag", "key": "checkout.new-price", "environment": "production"})
    );
    assert_eq!(read["entry"]["effects"], json!(["off in production, was on"]));
    let digest = read["evidence"].as_str().expect("evidence");
    let seen = rig.get(Role::Auditor, &format!("/api/v1/evidence/{digest}")).await.json();
    assert_eq!((&seen["version"], &seen["plan"]["default"]["enabled"]), (&json!(1), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn given_20_parallel_switches_with_the_same_key_when_answered_then_one_decision_and_20_equal_answers() {
    let rig = Arc::new(Rig::new().await);
    rig.apply(FLAG).await;
    let before = rig.entries().await;
    let asked = (0..20).map(|_| {
        let rig = rig.clone();
        tokio::spawn(async move { rig.mutate(Method::PUT, Role::OnCall, PATH, "once", &switch(false, 1)).await })
    });
    let mut answers = Vec::new();
    for task in asked.collect::<Vec<_>>() {
        answers.push(task.await.expect("asked"));
    }
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(rig.entries().await, before + 1);
    let other = rig.mutate(Method::PUT, Role::OnCall, PATH, "once", &switch(true, 1)).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json()["type"], "urn:sternway:problem:key-reused");
}

#[tokio::test]
async fn given_a_stale_tab_when_it_switches_then_409_with_what_happened_since_and_nothing_changes() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    assert_eq!(rig.mutate(Method::PUT, Role::OnCall, PATH, "k1", &switch(false, 1)).await.status, StatusCode::OK);
    let before = rig.get(Role::Viewer, PATH).await.text;
    let entries = rig.entries().await;
    let stale = rig.mutate(Method::PUT, Role::ReleaseManager, PATH, "k2", &switch(true, 1)).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    let problem = stale.json();
    assert_eq!((&problem["expected_version"], &problem["actual_version"]), (&json!(1), &json!(2)));
    assert_eq!(problem["since"][0]["event"], "flipped");
    assert_eq!(problem["since"][0]["flip"]["reason"], "too many wrong prices");
    assert_eq!(rig.get(Role::Viewer, PATH).await.text, before);
    assert_eq!(rig.entries().await, entries + 1, "the refused attempt is an entry");
}

#[tokio::test]
async fn given_a_switch_with_a_fault_when_sent_then_it_is_named_and_nothing_changes() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let cases = [
        (json!({"enabled": false, "expected_version": 1}), 422, "/reason"),
        (json!({"enabled": false, "reason": "no", "expected_version": 1}), 422, "/reason"),
        (json!({"enabled": false, "reason": "good reason"}), 422, "/expected_version"),
        (json!({"enabled": "no", "reason": "good reason", "expected_version": 1}), 422, "/enabled"),
        (
            json!({"enabled": false, "reason": "good reason", "expected_version": 1, "environment": "A B"}),
            422,
            "/environment",
        ),
    ];
    for (body, status, pointer) in cases {
        let answer = rig.mutate(Method::PUT, Role::OnCall, PATH, &rig.key(), &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let none = rig.mutate(Method::PUT, Role::OnCall, "/api/v1/flags/none", &rig.key(), &switch(false, 1)).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.get(Role::Viewer, PATH).await.json()["version"], 1);
}

#[tokio::test]
async fn given_a_kill_switch_when_the_file_is_applied_again_then_it_stays_off_and_the_rest_is_taken() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    assert_eq!(rig.mutate(Method::PUT, Role::OnCall, PATH, "k", &switch(false, 1)).await.status, StatusCode::OK);
    assert_eq!(rig.apply(FLAG).await["documents"][0]["outcome"], "unchanged");
    assert_eq!(rig.get(Role::Viewer, PATH).await.json()["version"], 2);
    rig.apply(&FLAG.replace("team-pay", "team-shop")).await;
    let flag = rig.get(Role::Viewer, PATH).await.json();
    assert_eq!((&flag["owner"], &flag["enabled"], &flag["version"]), (&json!("team-shop"), &json!(false), &json!(3)));
}

#[tokio::test]
async fn given_a_flag_past_its_end_when_applied_or_read_then_it_is_a_finding_and_goes_on_working() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let applied = rig.apply(&FLAG.replace("2027-06-30", "2026-11-01")).await;
    let finding = applied["documents"][0]["findings"][0].as_str().expect("a finding");
    assert!(finding.contains("expired 2026-11-01"), "{finding}");
    let flag = rig.get(Role::Viewer, PATH).await.json();
    assert_eq!((&flag["expired"], &flag["enabled"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn given_a_rule_when_it_switches_then_once_per_key_under_its_lease_and_whoever_came_between() {
    let rig = Rig::new().await;
    rig.apply(FLAG).await;
    let service = &rig.base.service;
    let lease = service.store.lease("release:1", "me", Span::from_secs(60)).await.expect("asked").expect("free");
    let fence = Fence { lease: lease.name, token: lease.token };
    let rule = Caller::engine(Rule::RollBackOnFail);
    let off = |key: &'static str, fence: Fence| {
        let rule = rule.clone();
        async move { service.switch_by_rule(&rule, &self::key(), false, "rollback of checkout", key, Some(fence)).await }
    };
    let stale = Fence { token: fence.token - 1, ..fence.clone() };
    let refused = off("step-1", stale).await.expect_err("another holds the lease");
    assert!(matches!(refused, ServiceError::Store(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(rig.get(Role::Viewer, PATH).await.json()["enabled"], true);

    let first = off("step-1", fence.clone()).await.expect("switched");
    assert_eq!((first.flag.enabled, first.flag.version), (false, 2));
    // Somebody switches it on again; the step is asked again after a crash, and does not act twice.
    assert_eq!(rig.mutate(Method::PUT, Role::OnCall, PATH, "k", &switch(true, 2)).await.status, StatusCode::OK);
    assert_eq!(off("step-1", fence.clone()).await.expect("answered"), first);
    assert_eq!(rig.get(Role::Viewer, PATH).await.json()["enabled"], true);
    // Another step means it; the same once more changes nothing but the log.
    assert_eq!(off("step-2", fence.clone()).await.expect("switched").flag.version, 4);
    let entries = rig.entries().await;
    assert_eq!(off("step-3", fence).await.expect("stands so already").flag.version, 4);
    assert_eq!(rig.entries().await, entries + 1);
}
