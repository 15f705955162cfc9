//! Input that means harm: a clear refusal, nothing lost, nothing run.

use super::rig::{Rig, new_release};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use sternway_domain::actor::Role;

#[tokio::test]
async fn given_a_body_that_is_no_json_or_too_large_or_of_another_kind_when_sent_then_it_is_refused_in_words() {
    let rig = Rig::new().await;
    let before = rig.entries().await;
    let good = new_release(1).to_string();
    let large = format!("{{\"reason\": \"{}\"}}", "x".repeat(1 << 20));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let twice = good.replacen('{', "{\"service\": \"checkout\", ", 1);
    let bidi = good.replacen("a test", "a \u{202e}\u{0000}test", 1);
    let cases = [
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/json", "nul", 400),
        ("application/json", &deep, 422),
        ("application/json", "\u{feff}{}", 400),
        ("application/json", &twice, 422),
        ("application/json", &bidi, 400),
        ("application/json", "[]", 422),
        ("application/json", "null", 422),
        ("application/json", &large, 413),
        ("text/plain", &good, 415),
        ("application/x-www-form-urlencoded", "service=checkout", 415),
        ("", &good, 415),
    ];
    for (kind, body, status) in cases {
        let mut request = Request::post("/api/v1/releases").header("idempotency-key", "k");
        request = request.header("authorization", format!("Bearer {}", rig.token(Role::Admin)));
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let answer = rig.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
        let shown: String = body.chars().take(40).collect();
        assert_eq!(answer.status.as_u16(), status, "{kind} {shown}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{kind} {shown}");
        assert!(answer.text.len() < 2_000, "a refusal is short");
    }
    assert_eq!(rig.entries().await, before);
}

#[tokio::test]
async fn given_script_in_every_text_when_the_pages_are_read_then_it_stays_text() {
    let rig = Rig::new().await;
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\u{2028}";
    let mut body = new_release(1);
    body["reason"] = json!(evil);
    let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["release"]["id"].as_str().expect("an id").to_owned();
    let act = json!({"reason": evil, "expected_version": made.json()["release"]["version"]});
    let done = rig.post(Role::ReleaseManager, &format!("/api/v1/releases/{id}/actions/cancel"), &act).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{}", done.text);
    let decision = done.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let session = rig.session(Role::Viewer).await;
    let found = format!("/decisions?q={}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    for path in ["/", "/decisions", &found, &format!("/releases/{id}"), &format!("/decisions/{decision}")] {
        let page = rig.page(Some(&session), path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("<script>alert"), "{path} runs it");
        assert!(!page.text.contains("<img src=x"), "{path} shows it as markup");
    }
}

#[tokio::test]
async fn given_ids_and_cursors_that_are_none_when_asked_then_404_or_400_and_never_500() {
    let rig = Rig::new().await;
    for id in ["1", "%00", "..%2F..%2Fetc%2Fpasswd", "'; DROP TABLE release; --", &"9".repeat(5_000)] {
        let id = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
        for head in ["releases", "decisions", "evidence", "services", "plans", "runbooks"] {
            let answer = rig.get(Role::Viewer, &format!("/api/v1/{head}/{id}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{head}/{id}: {}", answer.text);
            assert!(answer.text.len() < 1_000, "{head}/{id}");
        }
    }
}
