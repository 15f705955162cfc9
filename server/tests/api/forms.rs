//! The pages' plain forms, as a browser without scripts sends them.

use super::rig::Rig;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use sternway_domain::actor::Role;

#[tokio::test]
async fn given_no_scripts_when_rolling_back_with_a_reason_then_it_is_done_and_said() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let session = rig.session(Role::OnCall).await;
    let (path, version) = (format!("/releases/{id}/act/rollback"), version.to_string());
    let fields = [("expected_version", version.as_str()), ("idempotency_key", "one"), ("reason", "")];
    let empty = rig.form(Some(&session), &path, &fields).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", empty.text);
    assert!(empty.text.contains("Say why"), "{}", empty.text);
    let fields = [("expected_version", version.as_str()), ("idempotency_key", "two"), ("reason", "Errors <b>up</b>")];
    let done = rig.form(Some(&session), &path, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert!(done.header("location").starts_with(&format!("/releases/{id}?done=")), "{}", done.header("location"));
    let again = rig.form(Some(&session), &path, &fields).await;
    assert_eq!(again.header("location"), done.header("location"), "the same form twice acts once");
    let page = rig.page(Some(&session), done.header("location")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Errors &lt;b&gt;up"), "the reason is shown, escaped");
    let stale = [("expected_version", version.as_str()), ("idempotency_key", "three"), ("reason", "once more please")];
    let conflict = rig.form(Some(&session), &path, &stale).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(conflict.text.contains("once more please"), "what was typed is kept");
}

#[tokio::test]
async fn given_a_first_release_without_what_runs_now_when_previewed_then_the_form_asks_for_it_and_keeps_the_rest() {
    let rig = Rig::new().await;
    let session = rig.session(Role::ReleaseManager).await;
    let (candidate, running) = (format!("sha256:{:064x}", 2), format!("sha256:{:064x}", 1));
    let mut fields = vec![
        ("how", "form"),
        ("service", "checkout"),
        ("version", "1.42.0"),
        ("digest", candidate.as_str()),
        ("plan", "quick"),
        ("reason", "The very first one"),
        ("idempotency_key", "made-by-form"),
        ("intent", "preview"),
    ];
    let asked = rig.form(Some(&session), "/releases/new", &fields).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", asked.text);
    assert!(asked.text.contains("id=\"n-baseline_version-fault\""), "{}", asked.text);
    assert!(asked.text.contains("The very first one"), "what was typed is kept");
    fields.extend([("baseline_version", "1.41.3"), ("baseline_digest", running.as_str())]);
    let previewed = rig.form(Some(&session), "/releases/new", &fields).await;
    assert_eq!(previewed.status, StatusCode::OK, "{}", previewed.text);
    assert!(previewed.text.contains("checkout 1.41.3 → 1.42.0 under quick"), "{}", previewed.text);
    fields[7] = ("intent", "create");
    let made = rig.form(Some(&session), "/releases/new", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
}

#[tokio::test]
async fn given_a_viewer_or_nobody_when_they_send_an_act_then_403_or_the_door() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let (path, version) = (format!("/releases/{id}/act/hold"), version.to_string());
    let fields = [("expected_version", version.as_str()), ("idempotency_key", "v"), ("reason", "let me")];
    let viewer = rig.session(Role::Viewer).await;
    let before = rig.entries().await;
    assert_eq!(rig.form(Some(&viewer), &path, &fields).await.status, StatusCode::FORBIDDEN);
    assert_eq!(rig.entries().await, before + 1, "refused attempts are written down");
    let nobody = rig.form(None, &path, &fields).await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER);
    assert!(nobody.header("location").starts_with("/signin?next="));
    let release = rig.get(Role::Viewer, &format!("/api/v1/releases/{id}")).await.json();
    assert_eq!(release["state"], "running");
}

#[tokio::test]
async fn given_another_site_when_it_sends_forms_then_nothing_changes() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let session = rig.session(Role::Admin).await;
    let before = rig.entries().await;
    let act = format!("expected_version={version}&idempotency_key=x&reason=from+afar");
    let json = json!({"reason": "from afar", "expected_version": version}).to_string();
    let form = ("application/x-www-form-urlencoded", act);
    let api = ("application/json", json);
    let page = format!("/releases/{id}/act/rollback");
    let rest = format!("/api/v1/releases/{id}/actions/rollback");
    let signs: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://sternway.test")],
    ];
    for (path, (kind, body)) in
        [(&page, &form), (&rest, &api), (&"/signout".to_owned(), &form), (&"/ui/board".to_owned(), &api)]
    {
        for sign in signs {
            let mut request = Request::post(path).header("host", "sternway.test").header("content-type", *kind);
            request = request.header("cookie", format!("__Host-sternway={session}")).header("idempotency-key", "x");
            for (name, value) in sign {
                request = request.header(*name, *value);
            }
            let answer = rig.send(request.body(Body::from(body.clone())).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {sign:?}: {}", answer.text);
        }
    }
    for path in [&page, &rest] {
        assert!(rig.page(Some(&session), path).await.status != StatusCode::ACCEPTED, "asking for a page acts");
    }
    assert_eq!(rig.entries().await, before);
    assert_eq!(rig.page(Some(&session), "/").await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn given_a_theme_when_chosen_then_the_browser_keeps_it_and_stays_where_it_was() {
    let rig = Rig::new().await;
    let mut request = Request::post("/theme").header("content-type", "application/x-www-form-urlencoded");
    request = request.header("referer", "http://sternway.test/decisions?action=hold");
    let answer = rig.send(request.body(Body::from("theme=dark")).expect("a request")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/decisions?action=hold"));
    assert!(answer.header("set-cookie").starts_with("sternway_theme=dark;"));
}

#[tokio::test]
async fn given_any_answer_when_looked_at_then_it_carries_the_headers_that_protect_it() {
    let rig = Rig::new().await;
    let session = rig.session(Role::Viewer).await;
    for path in
        ["/", "/signin", "/nowhere", "/api/v1/releases", "/api/v1/nothing", "/healthz", "/metrics", "/assets/x.css"]
    {
        let answer = rig.page(Some(&session), path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("object-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline"), "{path}");
        assert!(answer.header("strict-transport-security").contains("max-age=31536000"), "{path}");
        assert!(answer.header("access-control-allow-origin").is_empty(), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert!(answer.header("cache-control").contains("no-store"), "{path}: {}", answer.header("cache-control"));
    }
}
