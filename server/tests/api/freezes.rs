//! Change freezes over the API and on the pages. The clock stands at 19 November 2026, 15:00 in Berlin.

use super::rig::{Answer, Rig, new_release};
use axum::http::StatusCode;
use serde_json::{Value, json};
use sternway_domain::actor::Role;
use sternway_domain::time::Span;

/// Until 18:00 in Berlin, which is three hours away.
const FREEZE: &str = "
kind: ChangeFreeze
name: quarter-end
description: The quarter ends.
services: [checkout]
zone: Europe/Berlin
windows:
  - once: { from: 2026-11-19T12:00, to: 2026-11-19T18:00 }
";

const OTHERS: &str = "
kind: Service
name: search
traffic: memory
signals: memory
---
kind: Service
name: pricing
traffic: memory
signals: memory
";

impl Rig {
    async fn asks(&self, id: &str, verb: &str, more: Value) -> Answer {
        let version = self.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await.json()["version"].clone();
        let mut body = json!({"reason": "as planned", "expected_version": version});
        body.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        self.post(Role::ReleaseManager, &format!("/api/v1/releases/{id}/actions/{verb}"), &body).await
    }

    /// The newest decision about a release.
    async fn newest(&self, id: &str) -> Value {
        let log = self.get(Role::Auditor, &format!("/api/v1/releases/{id}/decisions")).await.json();
        log["items"][0].clone()
    }
}

#[tokio::test]
async fn given_a_freeze_in_force_when_started_then_refused_until_it_ends_or_is_overridden_by_name() {
    let rig = Rig::new().await;
    rig.apply(FREEZE).await;
    let (id, _) = rig.ready().await;
    for more in [json!({}), json!({"override": true})] {
        let refused = rig.asks(&id, "start", more).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
        let problem = refused.json();
        assert_eq!(problem["type"], "urn:sternway:problem:change-freeze");
        assert_eq!(problem["frozen_until"], "2026-11-19T17:00:00Z");
        let told = "`checkout` is frozen until Thu 19 Nov 18:00 (Europe/Berlin): The quarter ends. Wait until then, or go on \
                    with an override of the change freeze and a reason.";
        assert_eq!(problem["detail"], told);
        let entry = rig.newest(&id).await;
        assert_eq!((&entry["action"], &entry["outcome"]), (&json!("start"), &json!("refused")));
    }
    let seen = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await.json();
    assert_eq!(seen["state"], "ready", "a refusal changes nothing but the log");
    assert_eq!(seen["change_freeze"]["name"], "quarter-end");
    assert_eq!(seen["change_freeze"]["since"], "2026-11-19T11:00:00Z");

    let body = json!({"reason": "let me", "expected_version": 1, "override_freeze": true});
    let path = format!("/api/v1/releases/{id}/actions/start");
    assert_eq!(
        rig.post(Role::OnCall, &path, &body).await.status,
        StatusCode::FORBIDDEN,
        "who may not start may not override"
    );

    let started = rig.asks(&id, "start", json!({"override_freeze": true, "reason": "the auditors ask for it"})).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
    let entry = rig.newest(&id).await["entry"].clone();
    let overridden = json!(["change freeze `quarter-end` of `checkout` until 2026-11-19T17:00:00Z"]);
    assert_eq!((&entry["overridden"], &entry["reason"]), (&overridden, &json!("the auditors ask for it")));
    let history = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}/history")).await.json();
    assert_eq!(history["items"][1]["event"]["overridden"], overridden, "the release remembers it too");
}

#[tokio::test]
async fn given_a_freeze_in_force_then_more_traffic_waits_and_everything_else_goes_on() {
    let rig = Rig::new().await;
    let (id, _) = rig.running().await;
    rig.apply(FREEZE).await;
    let refused = rig.asks(&id, "promote", json!({"override": true})).await;
    assert_eq!(refused.json()["type"], "urn:sternway:problem:change-freeze", "{}", refused.text);
    let no_pass = rig.asks(&id, "promote", json!({"override_freeze": true})).await;
    assert_eq!(no_pass.status, StatusCode::UNPROCESSABLE_ENTITY, "one override is not the other: {}", no_pass.text);
    let promoted = rig.asks(&id, "promote", json!({"override": true, "override_freeze": true})).await;
    assert_eq!(promoted.status, StatusCode::ACCEPTED, "{}", promoted.text);
    let overridden = rig.newest(&id).await["entry"]["overridden"].to_string();
    assert!(overridden.contains("verdict: ") && overridden.contains("change freeze `quarter-end`"), "{overridden}");
    let hotfix = json!({"hotfix": {"version": "1.42.1", "digest": format!("sha256:{:064x}", 77)}});
    for (verb, more) in [
        ("hold", json!({})),
        ("resume", json!({})),
        ("freeze", json!({})),
        ("resume", json!({})),
        ("rollforward", hotfix),
        ("rollback", json!({})),
    ] {
        let done = rig.asks(&id, verb, more).await;
        assert_eq!(done.status, StatusCode::ACCEPTED, "{verb}: {}", done.text);
    }
    let wrong = rig.asks(&id, "hold", json!({"override_freeze": true})).await;
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/override_freeze", "{}", wrong.text);
}

#[tokio::test]
async fn given_its_end_or_that_it_is_lifted_then_nothing_is_in_the_way_and_others_never_were_held_up() {
    let rig = Rig::new().await;
    rig.apply(OTHERS).await;
    rig.apply(FREEZE).await;
    let (id, _) = rig.ready().await;
    rig.forward(Span::from_secs(3 * 3_600 - 1));
    assert_eq!(rig.asks(&id, "start", json!({})).await.status, StatusCode::CONFLICT, "the last second");
    rig.forward(Span::from_secs(1));
    assert_eq!(rig.asks(&id, "start", json!({})).await.status, StatusCode::ACCEPTED);
    rig.forward(Span::from_secs(1));
    rig.turn_clock(-3_600);

    let mut alone = new_release(2);
    alone["service"] = json!("search");
    let alone = rig.post(Role::ReleaseManager, "/api/v1/releases", &alone).await.json()["release"]["id"].clone();
    let alone = alone.as_str().expect("an id");
    assert_eq!(rig.asks(alone, "start", json!({})).await.status, StatusCode::ACCEPTED, "another service");

    // What moves with it is frozen with it.
    let mut both = new_release(3);
    both["service"] = json!("pricing");
    let (candidate, baseline) = (both["candidate"].clone(), both["baseline"].clone());
    both["components"] = json!([{"service": "checkout", "candidate": candidate, "baseline": baseline}]);
    let both = rig.post(Role::ReleaseManager, "/api/v1/releases", &both).await;
    assert_eq!(both.status, StatusCode::CREATED, "making one moves nothing: {}", both.text);
    let both = both.json()["release"]["id"].as_str().expect("an id").to_owned();
    let refused = rig.asks(&both, "start", json!({})).await;
    assert!(refused.text.contains("`checkout` is frozen until"), "{}", refused.text);

    rig.asks(&id, "rollback", json!({})).await;
    rig.apply(&format!("{FREEZE}lifted: true\n")).await;
    let refused = rig.asks(&both, "start", json!({})).await;
    assert!(!refused.text.contains("frozen"), "lifted: {}", refused.text);
}

#[tokio::test]
async fn given_documents_then_they_are_listed_and_what_makes_no_sense_has_its_line() {
    let rig = Rig::new().await;
    let applied = rig.apply(FREEZE).await;
    assert_eq!(applied["documents"][0]["kind"], "ChangeFreeze");
    assert_eq!(rig.apply(FREEZE).await["documents"][0]["outcome"], "unchanged");
    let list = rig.get(Role::Viewer, "/api/v1/change-freezes").await.json();
    assert_eq!(list["items"][0]["document"]["windows"][0]["once"]["to"], "2026-11-19T18:00");
    let now = json!({"since": "2026-11-19T11:00:00Z", "until": "2026-11-19T17:00:00Z"});
    assert_eq!((&list["items"][0]["in_force"], &list["items"][0]["next"]), (&now, &Value::Null));
    let of = async |service: &str| {
        let list = rig.get(Role::Viewer, &format!("/api/v1/change-freezes?service={service}")).await.json();
        list["items"].as_array().map(Vec::len)
    };
    assert_eq!((of("checkout").await, of("search").await), (Some(1), Some(0)));
    let wrong = rig.get(Role::Viewer, "/api/v1/change-freezes?service=No%20name").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.text);
    rig.turn_clock(-86_400);
    let before = rig.get(Role::Viewer, "/api/v1/change-freezes").await.json()["items"][0].clone();
    assert_eq!((&before["in_force"], &before["next"]), (&Value::Null, &now));
    rig.turn_clock(86_400);
    let one = rig.get(Role::Viewer, "/api/v1/change-freezes/quarter-end?version=1").await.json();
    assert_eq!((&one["version"], one["source"].as_str()), (&json!(1), Some(FREEZE)));
    let none = rig.get(Role::Viewer, "/api/v1/change-freezes/christmas").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(none.text.contains("no change freeze `christmas`"), "{}", none.text);
    for (from, to, line, told) in [
        ("Europe/Berlin", "Mars/Olympus", 6, "is not a time zone"),
        ("[checkout]", "[checkuot]", 5, "there is no service `checkuot`"),
        ("T18:00", "T12:00", 8, "it ends before it has begun"),
        ("T18:00", "T18:00Z", 8, "without an offset"),
        ("2026-11-19T12:00", "2026-02-29T12:00", 8, "is not a day and time there"),
    ] {
        let body = json!({"files": [{"path": "f.yaml", "text": FREEZE.replace(from, to)}], "reason": "a test"});
        let refused = rig.post(Role::Admin, "/api/v1/apply", &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{to}: {}", refused.text);
        let problem = refused.json()["documents"][0].clone();
        assert_eq!(problem["line"], line, "{to}: {problem}");
        assert!(problem["text"].as_str().is_some_and(|text| text.contains(told)), "{to}: {problem}");
    }
}

#[tokio::test]
async fn given_a_freeze_then_pages_say_so_and_the_box_before_an_act_stands_for_it() {
    let rig = Rig::new().await;
    rig.apply(FREEZE).await;
    let (id, version) = rig.ready().await;
    let session = rig.session(Role::ReleaseManager).await;
    let until = "until Thu 19 Nov 18:00 (Europe/Berlin)";
    for path in ["/", &format!("/releases/{id}"), "/services/checkout", &format!("/releases/{id}/act/start")] {
        let page = rig.page(Some(&session), path).await;
        assert!(page.text.contains(until), "{path}: {}", page.text);
    }
    let act = format!("/releases/{id}/act/start");
    let page = rig.page(Some(&session), &act).await.text;
    assert!(page.contains("name=\"override\"") && page.contains("value=\"freeze\""), "{page}");
    let version = version.to_string();
    let mut fields = vec![
        ("expected_version", version.as_str()),
        ("idempotency_key", "a"),
        ("reason", "must be"),
        ("override", "on"),
    ];
    let unseen = rig.form(Some(&session), &act, &fields).await;
    assert_ne!(unseen.status, StatusCode::SEE_OTHER, "a box that was shown without the freeze does not stand for it");
    fields[1].1 = "b";
    fields.push(("evidence", "freeze"));
    let done = rig.form(Some(&session), &act, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let overridden = rig.newest(&id).await["entry"]["overridden"].to_string();
    assert!(overridden.contains("change freeze `quarter-end`"), "{overridden}");
    let page = rig.page(Some(&session), &format!("/releases/{id}")).await.text;
    assert!(page.contains("Override:") && page.contains(until), "{page}");
}

#[tokio::test]
async fn given_a_freeze_that_comes_then_preview_and_estimate_say_which_stage_would_meet_it() {
    let rig = Rig::new().await;
    // At 15:00:30 in Berlin: the first stage bakes for a minute from 15:00.
    rig.apply(&FREEZE.replace("T12:00", "T15:01")).await;
    let estimate = rig.get(Role::Viewer, "/api/v1/plans/quick/expected?service=checkout").await.json();
    let told = "It would reach 100\u{a0}% in the change freeze of `checkout` that begins Thu 19 Nov 15:01 (Europe/Berlin): The \
                quarter ends. It would stay at 5\u{a0}% until Thu 19 Nov 18:00 (Europe/Berlin).";
    assert_eq!(estimate["change_freeze"], told);
    assert!(estimate["sentences"].to_string().contains("It would reach"), "{estimate}");
    let session = rig.session(Role::ReleaseManager).await;
    let (candidate, baseline) = (format!("sha256:{:064x}", 5), format!("sha256:{:064x}", 6));
    let fields = [
        ("how", "form"),
        ("intent", "preview"),
        ("service", "checkout"),
        ("plan", "quick"),
        ("reason", "a test"),
        ("version", "1.42.0"),
        ("digest", &candidate),
        ("baseline_version", "1.41.3"),
        ("baseline_digest", &baseline),
    ];
    let page = rig.form(Some(&session), "/releases/new", &fields).await;
    assert!(page.text.contains("that begins Thu 19 Nov 15:01 (Europe/Berlin)"), "{}", page.text);
    let (id, _) = rig.running().await;
    let page = rig.page(Some(&session), &format!("/releases/{id}")).await.text;
    assert!(page.contains("A change freeze is on its way"), "{page}");
}
