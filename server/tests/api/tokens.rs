//! Tokens: good ones, and everything that only looks like one.

use super::rig::{Rig, login};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;
use sternway_domain::actor::Role;
use sternway_domain::time::Span;

async fn asked(rig: &Rig, headers: &[&str]) -> super::rig::Answer {
    let mut request = Request::get("/api/v1/whoami");
    for header in headers {
        request = request.header("authorization", *header);
    }
    rig.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn given_anything_but_a_good_token_when_sent_then_401_with_equal_bodies() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Viewer).to_owned();
    let other = rig.token(Role::Admin).to_owned();
    let short = rig.post(Role::OnCall, "/api/v1/tokens", &json!({"name": "day", "expires_in_days": 1})).await.json();
    let expired = short["secret"].as_str().expect("a secret").to_owned();
    let made = rig.post(Role::OnCall, "/api/v1/tokens", &json!({"name": "gone"})).await.json();
    let revoked = made["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(asked(&rig, &[&format!("Bearer {revoked}")]).await.status, StatusCode::OK);
    let path = format!("/api/v1/tokens/{}", made["token"]["id"].as_str().expect("an id"));
    assert_eq!(rig.mutate(Method::DELETE, Role::OnCall, &path, "k", &json!({})).await.status, StatusCode::OK);
    rig.forward(Span::from_secs(86_400));
    // The id of one token with the secret of another; the checksum is made to fit nobody.
    let mixed = format!("{}{}", &token[..37], &other[37..]);
    let mut bodies = Vec::new();
    let good = format!("Bearer {token}");
    for wrong in [
        vec!["Bearer x"],
        vec!["Bearer "],
        vec!["Bearer"],
        vec![""],
        vec!["Basic YWRhOnNlY3JldA=="],
        vec![token.as_str()],
        vec![&format!("Bearer {expired}")],
        vec![&format!("Bearer {revoked}")],
        vec![&format!("Bearer {mixed}")],
        vec![&good[..good.len() - 1]],
        vec![&format!("{good}0")],
        vec![&format!("{good}, {good}")],
        vec![&good, &good],
    ] {
        let answer = asked(&rig, &wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong:?}: {}", answer.text);
        bodies.push(answer.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(asked(&rig, &[&good]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn given_an_owner_whose_role_is_taken_when_their_token_acts_then_it_may_no_more_than_they() {
    let rig = Rig::new().await;
    let (id, version) = rig.running().await;
    let people = rig.get(Role::Admin, "/api/v1/people").await.json();
    let person =
        people["items"].as_array().expect("people").iter().find(|p| p["login"] == login(Role::OnCall).as_str());
    let path = format!("/api/v1/people/{}", person.expect("on call")["id"].as_str().expect("an id"));
    let change = json!({"role": "viewer", "reason": "left the rota"});
    let changed = rig.mutate(Method::PATCH, Role::Admin, &path, "k", &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let body = json!({"reason": "still me", "expected_version": version});
    let refused = rig.post(Role::OnCall, &format!("/api/v1/releases/{id}/actions/hold"), &body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let closed = json!({"disabled": true, "reason": "left the company"});
    assert_eq!(rig.mutate(Method::PATCH, Role::Admin, &path, "l", &closed).await.status, StatusCode::OK);
    assert_eq!(rig.get(Role::OnCall, "/api/v1/whoami").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn given_a_role_when_it_makes_a_token_then_never_one_that_may_more() {
    let rig = Rig::new().await;
    for (role, wanted, taken) in [
        (Role::Viewer, "admin", false),
        (Role::OnCall, "release_manager", false),
        (Role::ReleaseManager, "on_call", true),
        (Role::Admin, "auditor", true),
    ] {
        let answer = rig.post(role, "/api/v1/tokens", &json!({"name": "t", "role": wanted})).await;
        assert_eq!(answer.status == StatusCode::CREATED, taken, "{role} made {wanted}: {}", answer.text);
    }
    let key = rig.key();
    let body = json!({"name": "twice"});
    let first = rig.mutate(Method::POST, Role::Viewer, "/api/v1/tokens", &key, &body).await.json();
    let second = rig.mutate(Method::POST, Role::Viewer, "/api/v1/tokens", &key, &body).await.json();
    assert_eq!(first["token"], second["token"]);
    assert!(first["secret"].is_string() && second["secret"].is_null());
    // Somebody else's token does not exist, as far as one can tell.
    let path = format!("/api/v1/tokens/{}", first["token"]["id"].as_str().expect("an id"));
    let foreign = rig.mutate(Method::DELETE, Role::Auditor, &path, "k", &json!({})).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.text);
}
