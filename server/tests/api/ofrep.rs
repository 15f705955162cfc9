//! OFREP on the wire, as the standard has it and as its clients really read it.

use super::flags::FLAG;
use super::rig::{Answer, Rig};
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_domain::time::Span;
use sternway_server::config::SettingFlags;
use tower::ServiceExt;

const MORE: &str = "
kind: Flag
key: A.split_1
purpose: Half of the people get the new list
owner: team-search
permanent: true
default: { enabled: true, serve: off, split: [{ variant: on, percent: 50 }] }
---
kind: Flag
key: rate
purpose: How many requests are sampled
owner: team-ops
permanent: true
variants: { all: 1, few: 0.25 }
off: few
default: { enabled: true, serve: all }
environments: { staging: { enabled: false, serve: all } }
";

const BULK: &str = "/ofrep/v1/evaluate/flags";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.apply(&format!("{FLAG}---{MORE}")).await;
    rig
}

async fn ask(rig: &Rig, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json; charset=utf-8");
    if !headers.iter().any(|(name, _)| matches!(*name, "authorization" | "x-api-key")) {
        request = request.header("authorization", format!("Bearer {}", rig.token(Role::FlagClient)));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rig.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn one(rig: &Rig, key: &str, body: Value) -> (u16, Value) {
    let answer = ask(rig, &format!("{BULK}/{key}"), &body.to_string(), &[]).await;
    assert_eq!(answer.header("content-type"), "application/json");
    (answer.status.as_u16(), answer.json())
}

async fn flip(rig: &Rig, enabled: bool) {
    let path = "/api/v1/flags/checkout.new-price";
    let version = rig.get(Role::Viewer, path).await.json()["version"].clone();
    let body = json!({"enabled": enabled, "reason": "a test", "expected_version": version});
    assert_eq!(rig.mutate(Method::PUT, Role::OnCall, path, &rig.key(), &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn given_single_evaluations_then_value_reason_variant_and_errors_are_those_of_the_standard() {
    let rig = rig().await;
    let (status, on) = one(&rig, "checkout.new-price", json!({})).await;
    assert_eq!((status, &on["key"], &on["value"]), (200, &json!("checkout.new-price"), &json!(true)));
    assert_eq!((&on["reason"], &on["variant"]), (&json!("STATIC"), &json!("on")));
    assert!(on["metadata"].is_object());
    flip(&rig, false).await;
    let (_, off) = one(&rig, "checkout.new-price", json!({"context": {}})).await;
    assert_eq!((&off["value"], &off["reason"], &off["variant"]), (&json!(false), &json!("DISABLED"), &json!("off")));

    let (status, split) = one(&rig, "A.split_1", json!({"context": {"targetingKey": "user-1"}})).await;
    assert_eq!((status, &split["reason"]), (200, &json!("SPLIT")));
    for (key, body, status, code) in [
        ("A.split_1", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("A.split_1", json!({"context": {"targetingKey": 7}}), 400, "INVALID_CONTEXT"),
        ("A.split_1", json!([]), 400, "INVALID_CONTEXT"),
        ("none", json!({}), 404, "FLAG_NOT_FOUND"),
        ("no%20key", json!({}), 404, "FLAG_NOT_FOUND"),
    ] {
        let (found, body) = one(&rig, key, body).await;
        assert_eq!((found, &body["errorCode"]), (status, &json!(code)), "{key}");
        assert!(body["key"].is_string() && body["errorDetails"].is_string(), "{key}: {body}");
    }
    let broken = ask(&rig, &format!("{BULK}/rate"), "{", &[]).await;
    assert_eq!((broken.status.as_u16(), &broken.json()["errorCode"]), (400, &json!("PARSE_ERROR")));
    let empty = ask(&rig, &format!("{BULK}/rate"), "", &[]).await;
    assert_eq!((empty.status.as_u16(), empty.text.contains(r#""value":1.0"#)), (200, true), "{}", empty.text);
}

#[tokio::test]
async fn given_another_environment_then_the_flag_stands_there_as_it_does_there() {
    let rig = rig().await;
    let (rig, path) = (&rig, &format!("{BULK}/rate"));
    let asked = async |name| ask(rig, path, "{}", &[("x-sternway-environment", name)]).await;
    assert_eq!(asked("staging").await.json()["variant"], "few");
    assert_eq!(asked("production").await.json()["variant"], "all");
    let wrong = asked("Not A Name").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.json()["errorDetails"].is_string());
}

#[tokio::test]
async fn given_a_bulk_evaluation_when_nothing_changed_then_304_with_no_body_and_after_a_flip_all_again() {
    let rig = rig().await;
    let first = ask(&rig, BULK, "{}", &[]).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    let body = first.json();
    let keys: Vec<&Value> = body["flags"].as_array().expect("flags").iter().map(|flag| &flag["key"]).collect();
    assert_eq!(keys, ["A.split_1", "checkout.new-price", "rate"]);
    assert_eq!(body["flags"][0]["errorCode"], "TARGETING_KEY_MISSING", "a failure stands beside the others");
    assert_eq!(body["eventStreams"][0]["type"], "sse");
    assert!(body["metadata"].is_object());
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");

    let same = ask(&rig, BULK, "{}", &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.text.as_str(), same.header("etag")), (StatusCode::NOT_MODIFIED, "", etag.as_str()));
    let another = ask(&rig, BULK, r#"{"context":{"targetingKey":"u"}}"#, &[("if-none-match", &etag)]).await;
    assert_eq!(another.status, StatusCode::OK, "another asker gets other values");
    flip(&rig, false).await;
    let told = format!("{BULK}?flagConfigEtag=4&flagConfigLastModified=1");
    let changed = ask(&rig, &told, "{}", &[("if-none-match", &etag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["flags"][1]["value"], false);
    let broken = ask(&rig, BULK, r#"{"context": 1}"#, &[]).await;
    assert_eq!((broken.status.as_u16(), &broken.json()["errorCode"]), (400, &json!("INVALID_CONTEXT")));
}

#[tokio::test]
async fn given_tokens_of_every_kind_then_only_good_ones_evaluate_and_a_revoked_one_soon_no_longer() {
    let rig = rig().await;
    for role in Role::ALL {
        let token = rig.token(role).to_owned();
        assert_eq!(ask(&rig, BULK, "{}", &[("x-api-key", &token)]).await.status, StatusCode::OK, "{role}");
    }
    let session = format!("__Host-sternway={}", rig.session(Role::Admin).await);
    for headers in [
        &[("authorization", "Bearer swy_nonsense")][..],
        &[("x-api-key", "")],
        &[("x-api-key", "x"), ("cookie", &session)],
        &[("authorization", "Basic YTpi")],
    ] {
        let refused = ask(&rig, BULK, "{}", headers).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(refused.json()["errorDetails"].is_string(), "{}", refused.text);
    }
    let made = rig.post(Role::Viewer, "/api/v1/tokens", &json!({"name": "app", "role": "flag_client"})).await.json();
    let (id, secret) = (made["token"]["id"].as_str().expect("an id"), made["secret"].as_str().expect("shown once"));
    assert_eq!(ask(&rig, BULK, "{}", &[("x-api-key", secret)]).await.status, StatusCode::OK);
    let gone = rig.mutate(Method::DELETE, Role::Viewer, &format!("/api/v1/tokens/{id}"), "gone", &json!({})).await;
    assert!(gone.status.is_success(), "{}", gone.text);
    rig.forward(Span::from_secs(30));
    assert_eq!(ask(&rig, BULK, "{}", &[("x-api-key", secret)]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn given_a_person_when_made_a_flag_client_then_it_is_refused() {
    let rig = Rig::new().await;
    let new = json!({"name": "N", "login": "n@example.org", "role": "flag_client", "password": "six small boats"});
    let answer = rig.post(Role::Admin, "/api/v1/people", &new).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
}

#[tokio::test]
async fn given_a_web_page_elsewhere_then_only_the_origins_of_the_configuration_may_read_answers() {
    let shop = "https://shop.example.org";
    let rig = Rig::with(SettingFlags::default(), |settings| settings.flag_origins = vec![shop.to_owned()]).await;
    let preflight = |origin: &'static str| {
        let request = Request::builder().method(Method::OPTIONS).uri(BULK).header("origin", origin);
        let request = request.header("access-control-request-method", "POST").header("sec-fetch-site", "cross-site");
        rig.send(request.body(Body::empty()).expect("a request"))
    };
    let allowed = preflight(shop).await;
    assert_eq!(allowed.status, StatusCode::NO_CONTENT, "{}", allowed.text);
    assert_eq!(allowed.header("access-control-allow-origin"), shop);
    assert!(allowed.header("access-control-allow-headers").contains("if-none-match"));
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    for stranger in ["https://evil.example", "null", "https://shop.example.org.evil.example", "http://shop.example.org"]
    {
        let refused = preflight(stranger).await;
        assert_eq!(
            (refused.status, refused.header("access-control-allow-origin")),
            (StatusCode::FORBIDDEN, ""),
            "{stranger}"
        );
    }
    let cross = [("origin", shop), ("sec-fetch-site", "cross-site")];
    let answer = ask(&rig, BULK, "{}", &cross).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (StatusCode::OK, shop),
        "{}",
        answer.text
    );
    assert!(answer.header("access-control-expose-headers").contains("etag"));
    let refused = ask(&rig, BULK, "{}", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    // Elsewhere nothing is opened.
    let request = Request::get("/api/v1/flags").header("origin", shop).body(Body::empty()).expect("a request");
    assert_eq!(rig.send(request).await.header("access-control-allow-origin"), "");
}

/// Opens the stream that a bulk evaluation names.
async fn stream(rig: &Rig, address: &str, last: Option<&str>) -> (StatusCode, BodyDataStream) {
    let mut request = Request::get(address);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = rig.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("asked");
    (answer.status(), answer.into_body().into_data_stream())
}

async fn address(rig: &Rig) -> String {
    let bulk = ask(rig, BULK, "{}", &[]).await.json();
    bulk["eventStreams"][0]["endpoint"]["requestUri"].as_str().expect("a stream").to_owned()
}

/// The next event with data, as its lines.
async fn next(body: &mut BodyDataStream) -> Option<String> {
    loop {
        let chunk = tokio::time::timeout(Duration::from_secs(10), body.next()).await.expect("in time")?;
        let text = String::from_utf8_lossy(&chunk.expect("read")).into_owned();
        if text.contains("data:") {
            return Some(text);
        }
    }
}

#[tokio::test]
async fn given_a_stream_when_a_flag_is_switched_then_the_client_is_told_to_evaluate_again() {
    let rig = rig().await;
    let address = address(&rig).await;
    assert!(!address.contains("swy_") && !address.contains(rig.token(Role::FlagClient)), "no API token in an address");
    let (status, mut body) = stream(&rig, &address, None).await;
    assert_eq!(status, StatusCode::OK);
    let at_once = next(&mut body).await.expect("told at once: what was evaluated before may be old");
    assert!(at_once.contains("event: message") && at_once.contains(r#""type":"refetchEvaluation""#), "{at_once}");
    flip(&rig, false).await;
    let told = next(&mut body).await.expect("told");
    let data: Value = told.lines().find_map(|line| line.strip_prefix("data: ")).expect("data").parse().expect("JSON");
    let id = told.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    assert_eq!(data["etag"], json!(id));
    assert!(data["lastModified"].is_i64(), "{data}");

    // Back after a break, and nothing missed: silent until the next flip.
    let (_, mut again) = stream(&rig, &address, Some(&id)).await;
    flip(&rig, true).await;
    let told = next(&mut again).await.expect("told");
    assert!(!told.contains(&format!("id: {id}\n")), "{told}");
}

#[tokio::test]
async fn given_a_channel_token_then_it_lives_for_its_window_and_dies_with_its_token() {
    let rig = rig().await;
    let first = address(&rig).await;
    let etag = ask(&rig, BULK, "{}", &[]).await.header("etag").to_owned();
    rig.forward(Span::from_secs(1_800));
    assert_eq!(stream(&rig, &first, None).await.0, StatusCode::OK, "good in the next window too");
    let renewed = ask(&rig, BULK, "{}", &[("if-none-match", &etag)]).await;
    assert_eq!(renewed.status, StatusCode::OK, "a 304 could not carry the new address");
    rig.forward(Span::from_secs(1_800));
    assert_eq!(stream(&rig, &first, None).await.0, StatusCode::UNAUTHORIZED);
    let second = address(&rig).await;
    assert_ne!(first, second);
    for wrong in [
        "/ofrep/v1/events",
        "/ofrep/v1/events?channel=",
        &format!("{second}0"),
        &second.replace("channel=", "channel=a"),
    ] {
        assert_eq!(stream(&rig, wrong, None).await.0, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let channel = second.split('=').next_back().expect("a channel").to_owned();
    assert_eq!(ask(&rig, BULK, "{}", &[("x-api-key", &channel)]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn given_an_open_stream_when_its_token_is_revoked_then_it_ends() {
    let rig = Rig::with(SettingFlags::default(), |settings| settings.recheck = Duration::from_millis(20)).await;
    rig.apply(FLAG).await;
    let made = rig.post(Role::Viewer, "/api/v1/tokens", &json!({"name": "app", "role": "flag_client"})).await.json();
    let (id, secret) = (made["token"]["id"].as_str().expect("an id"), made["secret"].as_str().expect("shown once"));
    let bulk = ask(&rig, BULK, "{}", &[("x-api-key", secret)]).await.json();
    let address = bulk["eventStreams"][0]["endpoint"]["requestUri"].as_str().expect("a stream");
    let (_, mut body) = stream(&rig, address, None).await;
    next(&mut body).await.expect("told at once");
    rig.mutate(Method::DELETE, Role::Viewer, &format!("/api/v1/tokens/{id}"), "gone", &json!({})).await;
    let end = async { while next(&mut body).await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("the stream ends");
}
