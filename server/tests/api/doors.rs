//! Signing in and out: limits, cookies, sessions, the first start.

use super::rig::{PASSWORD, Rig, login};
use axum::http::{Method, StatusCode};
use serde_json::json;
use sternway_domain::actor::Role;
use sternway_domain::time::Span;

#[tokio::test]
async fn given_a_right_password_when_signing_in_then_the_cookie_is_kept_as_it_should_be() {
    let rig = Rig::new().await;
    let fields = [("email", "ON_CALL@example.org "), ("password", PASSWORD), ("next", "/decisions?action=hold")];
    let answer = rig.form(None, "/signin", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.header("location"), "/decisions?action=hold");
    let cookie = answer.header("set-cookie");
    for part in ["__Host-sternway=", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let (first, second) = (answer.session().expect("a session"), rig.session(Role::OnCall).await);
    assert_ne!(first, second);
    assert_eq!(first.len(), 43, "256 bits");
    assert_eq!(rig.page(Some(&first), "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn given_a_wrong_password_or_an_unknown_name_when_signing_in_then_both_are_told_the_same() {
    let rig = Rig::new().await;
    let before = rig.entries().await;
    let wrong = rig.form(None, "/signin", &[("email", &login(Role::Viewer)), ("password", "wrong horse")]).await;
    let unknown = rig.form(None, "/signin", &[("email", "my secret passphrase"), ("password", "wrong horse")]).await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text.contains("do not belong together"), "{}", answer.text);
        assert_eq!(answer.session(), None);
        assert!(!answer.text.contains("wrong horse"), "the password came back");
    }
    assert_eq!(rig.entries().await, before + 2);
    let log = rig.get(Role::Auditor, "/api/v1/decisions?action=sign_in&outcome=refused").await;
    assert!(log.text.contains(&login(Role::Viewer)));
    // What nobody is called may be a password in the wrong field.
    assert!(!log.text.contains("my secret passphrase"), "{}", log.text);
}

#[tokio::test]
async fn given_too_many_failures_when_signing_in_then_429_says_when_and_others_still_come_in() {
    let rig = Rig::new().await;
    let wrong = [("email", "viewer@example.org"), ("password", "wrong horse")];
    let mut last = rig.form(None, "/signin", &wrong).await;
    for _ in 0..6 {
        last = rig.form(None, "/signin", &wrong).await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=13).contains(&seconds)));
    let right = rig.form(None, "/signin", &[("email", "viewer@example.org"), ("password", PASSWORD)]).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    rig.session(Role::OnCall).await;
}

#[tokio::test]
async fn given_a_session_when_unused_or_old_or_left_then_it_is_over() {
    let rig = Rig::new().await;
    let open = async |session: &str| rig.page(Some(session), "/").await.status == StatusCode::OK;
    let (idle, left) = (rig.session(Role::Viewer).await, rig.session(Role::Viewer).await);
    assert!(open(&idle).await && open(&left).await);
    let out = rig.form(Some(&left), "/signout", &[]).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/signin"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!open(&left).await && open(&idle).await);
    rig.forward(Span::from_secs(12 * 3600));
    assert!(!open(&idle).await);
    let used = rig.session(Role::Viewer).await;
    for _ in 0..15 {
        rig.forward(Span::from_secs(11 * 3600));
        assert!(open(&used).await);
    }
    rig.forward(Span::from_secs(11 * 3600));
    assert!(!open(&used).await, "older than 7 days");
}

#[tokio::test]
async fn given_a_closed_account_when_its_session_asks_then_it_is_over() {
    let rig = Rig::new().await;
    let session = rig.session(Role::Viewer).await;
    let people = rig.get(Role::Admin, "/api/v1/people").await.json();
    let person = people["items"].as_array().expect("people").iter().find(|p| p["role"] == "viewer").expect("a viewer");
    let path = format!("/api/v1/people/{}", person["id"].as_str().expect("an id"));
    let change = json!({"disabled": true, "reason": "gone"});
    assert_eq!(rig.mutate(Method::PATCH, Role::Admin, &path, "k", &change).await.status, StatusCode::OK);
    assert_eq!(rig.page(Some(&session), "/").await.status, StatusCode::SEE_OTHER);
    let again = rig.form(None, "/signin", &[("email", &login(Role::Viewer)), ("password", PASSWORD)]).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    // The last admin cannot lock everybody out.
    let own = people["items"].as_array().expect("people").iter().find(|p| p["role"] == "admin").expect("an admin");
    let path = format!("/api/v1/people/{}", own["id"].as_str().expect("an id"));
    let refused = rig.mutate(Method::PATCH, Role::Admin, &path, "l", &change).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
}

#[tokio::test]
async fn given_a_next_that_leads_elsewhere_when_signed_in_then_it_is_the_board() {
    let rig = Rig::new().await;
    for evil in ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/signin"] {
        let fields = [("email", "viewer@example.org"), ("password", PASSWORD), ("next", evil)];
        assert_eq!(rig.form(None, "/signin", &fields).await.header("location"), "/", "{evil}");
    }
    let asked = rig.page(None, "/decisions?action=hold").await;
    assert_eq!(asked.header("location"), "/signin?next=%2Fdecisions%3Faction%3Dhold");
    let session = rig.session(Role::Viewer).await;
    assert_eq!(rig.page(Some(&session), "/signin?next=//evil.example").await.header("location"), "/");
}

#[tokio::test]
async fn given_a_database_with_people_when_started_then_there_is_no_setup_link() {
    let rig = Rig::new().await;
    assert_eq!(rig.base.auth.setup_secret().await.expect("asked"), None);
    let fields = [("name", "Eve"), ("email", "eve@example.org"), ("password", PASSWORD)];
    assert_eq!(rig.form(None, "/setup/whatever", &fields).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn given_everything_done_so_far_when_the_log_is_read_then_no_secret_stands_in_it() {
    let rig = Rig::new().await;
    let session = rig.session(Role::Admin).await;
    let log = rig.get(Role::Admin, "/api/v1/decisions?limit=200").await.text;
    for secret in [PASSWORD, rig.token(Role::Admin), &session, "argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
