//! The action contract: reason, expected version, key.

use super::rig::{Rig, new_release};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sternway_domain::actor::Role;

/// Of eight who act at once.
const ROUNDS: i64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn given_20_parallel_posts_with_the_same_key_when_answered_then_one_decision_and_20_equal_answers() {
    let rig = std::sync::Arc::new(Rig::new().await);
    let (id, version) = rig.running().await;
    let before = rig.entries().await;
    let path = format!("/api/v1/releases/{id}/actions/hold");
    let body = json!({"reason": "the same hand twenty times", "expected_version": version});
    let asked = (0..20).map(|_| {
        let (rig, path, body) = (rig.clone(), path.clone(), body.clone());
        tokio::spawn(async move { rig.mutate(Method::POST, Role::OnCall, &path, "once", &body).await })
    });
    let mut answers = Vec::new();
    for task in asked.collect::<Vec<_>>() {
        answers.push(task.await.expect("asked"));
    }
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(rig.entries().await, before + 1);
    let other = json!({"reason": "another reason", "expected_version": version});
    let refused = rig.mutate(Method::POST, Role::OnCall, &path, "once", &other).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["type"], "urn:sternway:problem:key-reused");
    // Keys belong to whoever uses them.
    let version = answers[0].json()["release"]["version"].as_i64().expect("a version");
    let resume = json!({"reason": "on we go", "expected_version": version});
    let path = format!("/api/v1/releases/{id}/actions/resume");
    let resumed = rig.mutate(Method::POST, Role::ReleaseManager, &path, "once", &resume).await;
    assert_eq!(resumed.status, StatusCode::ACCEPTED, "{}", resumed.text);
}

/// D4, through the whole API; 500 rounds take too long here, and the store's own test has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn given_eight_who_act_on_the_same_version_when_answered_then_one_is_accepted_and_seven_conflict() {
    let rig = std::sync::Arc::new(Rig::new().await);
    let (id, mut version) = rig.running().await;
    let before = rig.base.service.store.head().await.expect("read").leaves;
    for round in 0..ROUNDS {
        let verb = if round % 2 == 0 { "hold" } else { "resume" };
        let path = format!("/api/v1/releases/{id}/actions/{verb}");
        let body = json!({"reason": "eight at the same moment", "expected_version": version});
        let asked = (0..8).map(|_| {
            let (rig, path, body) = (rig.clone(), path.clone(), body.clone());
            tokio::spawn(async move { rig.mutate(Method::POST, Role::OnCall, &path, &rig.key(), &body).await })
        });
        let mut statuses = Vec::new();
        for task in asked.collect::<Vec<_>>() {
            let answer = task.await.expect("asked");
            if answer.status == StatusCode::ACCEPTED {
                version = answer.json()["release"]["version"].as_i64().expect("a version");
            }
            statuses.push(answer.status.as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409, 409, 409, 409, 409, 409, 409], "round {round}");
    }
    let after = rig.base.service.store.head().await.expect("read").leaves;
    assert_eq!(after - before, 8 * ROUNDS, "each of them is written down");
}

#[tokio::test]
async fn given_a_stale_tab_when_it_acts_then_409_with_what_happened_since_and_nothing_changes() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let path = format!("/api/v1/releases/{id}/actions");
    let held = json!({"reason": "looks odd", "expected_version": version});
    assert_eq!(rig.post(Role::OnCall, &format!("{path}/hold"), &held).await.status, StatusCode::ACCEPTED);
    let before = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await.text;
    let back = json!({"reason": "too many errors", "expected_version": version});
    let stale = rig.post(Role::OnCall, &format!("{path}/rollback"), &back).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    let problem = stale.json();
    assert_eq!(problem["expected_version"], version);
    assert_eq!(problem["actual_version"], version + 1);
    assert_eq!(problem["since"][0]["event"], "held");
    assert_eq!(problem["since"][0]["reason"], "looks odd");
    assert_eq!(rig.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await.text, before);
    let log = rig.get(Role::Auditor, &format!("/api/v1/releases/{id}/decisions")).await.json();
    assert_eq!(log["items"][0]["outcome"], "refused");
    assert_eq!(log["items"][0]["action"], "rollback");
}

#[tokio::test]
async fn given_an_act_when_taken_then_the_release_the_decision_and_its_evidence_can_be_read() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let body = json!({"reason": "Errors 3.2x baseline", "expected_version": version});
    let answer = rig.post(Role::OnCall, &format!("/api/v1/releases/{id}/actions/rollback"), &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let acted = answer.json();
    assert_eq!(acted["release"]["state"], "rolling_back");
    assert_eq!(acted["release"]["asked"], 0);
    let decision = acted["decision"]["id"].as_str().expect("an id");
    let read = rig.get(Role::Auditor, &format!("/api/v1/decisions/{decision}")).await.json();
    assert_eq!(read["leaf_index"], acted["decision"]["leaf_index"]);
    assert_eq!(read["reason"], "Errors 3.2x baseline");
    assert_eq!(read["entry"]["origin"]["transport"], "api");
    assert_eq!(read["entry"]["origin"]["ip"], "192.0.2.7");
    let digest = read["evidence"].as_str().expect("evidence");
    let evidence = rig.get(Role::Auditor, &format!("/api/v1/evidence/{digest}")).await;
    assert_eq!(sternway_domain::id::Digest::of(evidence.text.as_bytes()).as_str(), digest);
    let history = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}/history?after={version}")).await.json();
    assert_eq!(history["items"][0]["event"]["event"], "rollback_ordered");
    assert_eq!(history["items"][0]["version"], version + 1);
}

#[tokio::test]
async fn given_a_mutation_without_a_key_when_sent_then_the_header_is_named() {
    let rig = Rig::new().await;
    let request = Request::post("/api/v1/releases").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {}", rig.token(Role::Admin)));
    let answer = rig.send(request.body(Body::from(new_release(1).to_string())).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("`Idempotency-Key`")));
}

#[tokio::test]
async fn given_a_body_with_a_fault_when_sent_then_the_field_is_pointed_at() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let path = format!("/api/v1/releases/{id}/actions/hold");
    let release = |change: fn(&mut Value)| {
        let mut body = new_release(3);
        change(&mut body);
        ("/api/v1/releases".to_owned(), body)
    };
    let cases = [
        (path.clone(), json!({"expected_version": version}), "/reason"),
        (path.clone(), json!({"reason": "no", "expected_version": version}), "/reason"),
        (path.clone(), json!({"reason": "good reason"}), "/expected_version"),
        (path.clone(), json!({"reason": "good reason", "expected_version": "1"}), "/expected_version"),
        (path.clone(), json!({"reason": "good reason", "expected_version": version, "admin": true}), "/admin"),
        (path.clone(), json!({"reason": "good reason", "expected_version": version, "override": true}), "/override"),
    ];
    let made = [
        (release(|body| body["candidate"]["digest"] = json!("latest")), "/candidate/digest"),
        (release(|body| body["candidate"]["tag"] = json!("x")), "/candidate/tag"),
        (release(|body| body["plan"] = json!("no-such-plan")), "/plan"),
        (release(|body| body["service"] = json!("Check Out")), "/service"),
        (release(|body| body["reason"] = json!("")), "/reason"),
    ];
    let made = made.into_iter().map(|((path, body), pointer)| (path, body, pointer));
    for (path, body, pointer) in cases.into_iter().chain(made) {
        let answer = rig.post(Role::ReleaseManager, &path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
        assert!(problem["request_id"].is_string() && problem["status"] == 422, "{problem}");
    }
}

#[tokio::test]
async fn given_more_releases_than_a_page_holds_when_followed_then_each_is_seen_once() {
    let rig = Rig::new().await;
    for build in 0..5 {
        rig.forward(sternway_domain::time::Span::from_millis(3));
        let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &new_release(build)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert!(made.header("location").starts_with("/api/v1/releases/"));
    }
    let (mut next, mut seen) = ("/api/v1/releases?limit=2&service=checkout".to_owned(), Vec::new());
    loop {
        let page = rig.get(Role::Viewer, &next).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let body = page.json();
        seen.extend(body["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
        let link = page.header("link").to_owned();
        assert_eq!(link.is_empty(), body["next_cursor"].is_null());
        let Some(address) = link.strip_prefix('<').and_then(|rest| rest.split('>').next()) else { break };
        next = address.to_owned();
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
    for wrong in ["?cursor=x", "?limit=0", "?limit=201", "?limit=a", "?unknown=1", "?service=A%20B", "?state=a&state=b"]
    {
        let answer = rig.get(Role::Viewer, &format!("/api/v1/releases{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text);
    }
}

#[tokio::test]
async fn given_what_this_server_is_not_set_up_for_when_a_document_names_it_then_it_is_refused_with_the_place() {
    let rig = Rig::new().await;
    let text = "
kind: Service
name: orders
traffic: memory
signals: memory
deploy:
  command: { run: [/opt/deploy, orders] }
rollback:
  tell: [operations]
  integrity: [{ name: sums, connection: bank, query: SELECT 0, expect: { equals: 0 } }]
  probes:
    - { name: rows, ask: { sql: { connection: ledger, query: SELECT 1, expect: { at_least: 1 } } } }
  caches:
    - redis: { connection: sessions, pattern: 'orders:*' }
";
    let body = json!({"files": [{"path": "orders.yaml", "text": text}], "reason": "a test"});
    let answer = rig.post(Role::Admin, "/api/v1/apply", &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    let problem = answer.json();
    let places: Vec<(&str, u64)> = problem["documents"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|found| (found["field"].as_str().unwrap_or_default(), found["line"].as_u64().unwrap_or_default()))
        .collect();
    let expected = [
        ("deploy.command.run[0]", 7),
        ("rollback.probes[0].ask.sql.connection", 12),
        ("rollback.integrity[0].connection", 10),
        ("rollback.caches[0].redis.connection", 14),
        ("rollback.tell[0]", 9),
    ];
    assert_eq!(places, expected, "{}", answer.text);
    assert!(answer.text.contains("add it to `deploy.commands` in `sternway.toml`"), "{}", answer.text);
}

#[tokio::test]
async fn given_a_release_when_its_way_back_is_rehearsed_then_the_same_seed_is_the_same_answer_and_nothing_is_written() {
    let rig = Rig::new().await;
    let (id, _) = rig.running().await;
    let path = format!("/api/v1/releases/{id}/rehearsal");
    // Traffic is all there is to take back.
    assert_eq!(rig.get(Role::Viewer, &path).await.json()["steps"], Value::Null);
    rig.apply("{kind: Service, name: checkout, traffic: memory, signals: memory, rollback: {recovery: {steady: 5s}}}")
        .await;
    let before = rig.entries().await;
    let seen = rig.get(Role::Viewer, &format!("{path}?runs=60&seed=7")).await.json();
    assert_eq!((&seen["runs"], &seen["broken"]), (&json!(60), &json!([])), "{seen}");
    assert!(seen["steps"].as_u64() >= Some(2) && seen["crashes"].as_u64() > Some(0), "{seen}");
    let runs: u64 = seen["ends"].as_array().expect("a list").iter().filter_map(|end| end["runs"].as_u64()).sum();
    assert_eq!(runs, 60, "{seen}");
    assert_eq!(rig.get(Role::Viewer, &format!("{path}?runs=60&seed=7")).await.json(), seen);
    assert_eq!(rig.entries().await, before);
    for (query, told) in [("runs=0", "1 to 2000"), ("runs=2001", "1 to 2000"), ("faults=crush=1", "no fault `crush`")] {
        let refused = rig.get(Role::Viewer, &format!("{path}?{query}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", refused.text);
        assert!(refused.text.contains(told), "{query}: {}", refused.text);
    }
}

#[tokio::test]
async fn given_a_build_on_its_way_back_when_it_is_released_again_then_409_says_why_and_an_override_is_kept() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let path = format!("/api/v1/releases/{id}/actions");
    let back = json!({"reason": "too many errors", "expected_version": version});
    let back = rig.post(Role::OnCall, &format!("{path}/rollback"), &back).await.json();
    let before = rig.entries().await;
    let refused = rig.post(Role::ReleaseManager, "/api/v1/releases", &new_release(1)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_eq!(refused.json()["type"], "urn:sternway:problem:known-bad");
    assert!(refused.json()["detail"].as_str().is_some_and(|text| text.contains("too many errors")), "{}", refused.text);
    assert_eq!(rig.entries().await, before + 1, "the attempt is in the log");
    let mut over = new_release(1);
    over["override_known_bad"] = json!(true);
    let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &over).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let decision = made.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let read = rig.get(Role::Auditor, &format!("/api/v1/decisions/{decision}")).await.json();
    assert!(read["entry"]["overridden"][0].as_str().is_some_and(|text| text.contains("known bad")), "{read}");
    // Rules may act again once everything is back, not before.
    let resume = json!({"reason": "the cause is fixed", "expected_version": back["release"]["version"]});
    let early = rig.post(Role::OnCall, &format!("{path}/resume_automation"), &resume).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", early.text);
}
