//! The driver against a server that checks what it is sent.

use super::support::{NOW, Still, driver, intent, outbound, weight};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sternway_server::drivers::{self, MemoryTraffic};
use sternway_server::outbound::traced;
use sternway_server::ports::{Clock, DriverFailure, Intent, TrafficDriver};

const SECRETS: &[(&str, &str)] = &[
    ("STERNWAY_SECRET_HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("STERNWAY_SECRET_OLD", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("STERNWAY_SECRET_BAD", "not-a-secret"),
];

/// A program that moves traffic and takes each key once.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    canary: u64,
    moves: u32,
    keys: Vec<String>,
    token: i64,
    posts: Vec<HeaderMap>,
    /// Answers to give before working.
    answers: VecDeque<Response>,
}

impl Receiver {
    async fn start(&self) -> String {
        let routes = Router::new().route("/shift", post(shift)).route("/state", get(state)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    fn answer(&self, answer: impl IntoResponse) {
        self.0.lock().expect("no test panics in here").answers.push_back(answer.into_response());
    }

    fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.0.lock().expect("no test panics in here"))
    }
}

pub(super) fn signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes());
    mac.update(body);
    let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    text("webhook-signature").split(' ').any(|signature| signature == wanted)
}

async fn shift(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let mut seen = receiver.0.lock().expect("no test panics in here");
    seen.posts.push(headers.clone());
    if !signed(&headers, &body, SECRETS[0].1) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(answer) = seen.answers.pop_front() {
        return answer;
    }
    let body: Value = serde_json::from_slice(&body).expect("the driver sends JSON");
    let data = &body["data"];
    let key = data["idempotency_key"].as_str().expect("a key").to_owned();
    let token = data["fencing_token"].as_i64().expect("a token");
    assert_eq!(headers["webhook-id"], key.as_str());
    assert_eq!(data["canary"].as_u64().expect("a share") + data["baseline"].as_u64().expect("a share"), 100);
    if token < seen.token {
        return (StatusCode::CONFLICT, "older token").into_response();
    }
    seen.token = token;
    if !seen.keys.contains(&key) {
        seen.keys.push(key);
        seen.moves += 1;
        seen.canary = data["canary"].as_u64().expect("a share");
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn state(State(receiver): State<Receiver>, headers: HeaderMap) -> Response {
    if !signed(&headers, b"", SECRETS[0].1) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let canary = receiver.look(|seen| seen.canary);
    axum::Json(json!({"canary": canary, "canary_ready": 2, "revision": "unknown fields are fine"})).into_response()
}

fn traffic(base: &str) -> Value {
    json!({"webhook": {
        "url": format!("{base}/shift"), "observe_url": format!("{base}/state"),
        "secret": {"env": "STERNWAY_SECRET_HOOK"}, "timeout": "2s",
    }})
}

async fn started() -> (Receiver, Arc<dyn TrafficDriver>) {
    let receiver = Receiver::default();
    let base = receiver.start().await;
    (receiver, driver(traffic(&base), &outbound(SECRETS)))
}

fn refusal(outcome: Result<(), DriverFailure>) -> String {
    match outcome {
        Err(DriverFailure::Refused { detail, .. }) => detail,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn given_an_intent_when_applied_twice_then_it_is_signed_taken_once_and_observed() {
    let (receiver, driver) = started().await;
    driver.apply(&intent(25)).await.expect("the receiver takes it");
    driver.apply(&intent(25)).await.expect("the receiver takes it again");
    let seen = driver.observe(NOW).await.expect("the receiver answers");
    assert_eq!((seen.canary, seen.canary_ready, seen.baseline_ready), (weight(25), Some(2), None));
    assert_eq!(receiver.look(|seen| (seen.moves, seen.posts.len())), (1, 2));
    assert!(driver.fenced());
}

#[tokio::test]
async fn given_a_stale_token_when_applied_then_it_is_refused_and_nothing_moves() {
    let (receiver, driver) = started().await;
    driver.apply(&intent(25)).await.expect("the receiver takes it");
    let stale = Intent { token: 2, key: "old".to_owned(), ..intent(50) };
    assert!(refusal(driver.apply(&stale).await).contains("fencing token"));
    assert_eq!(receiver.look(|seen| seen.canary), 25);
}

#[tokio::test]
async fn given_passing_failures_when_applied_then_it_is_tried_again_with_the_same_id() {
    let (receiver, driver) = started().await;
    receiver.answer(StatusCode::SERVICE_UNAVAILABLE);
    receiver.answer((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]));
    driver.apply(&intent(5)).await.expect("the third attempt works");
    let ids: Vec<_> = receiver.look(|seen| seen.posts.iter().map(|headers| headers["webhook-id"].clone()).collect());
    assert_eq!(ids, ["rel-1/4/shift-5"; 3]);
    assert_eq!(receiver.look(|seen| seen.moves), 1);
}

#[tokio::test]
async fn given_failures_without_end_when_applied_then_it_gives_up_as_unreachable() {
    let (receiver, driver) = started().await;
    (0..9).for_each(|_| receiver.answer((StatusCode::BAD_GATEWAY, "down\nfor now")));
    let outcome = driver.apply(&intent(5)).await;
    assert!(
        matches!(&outcome, Err(DriverFailure::Unreachable { detail, .. }) if detail == "502 Bad Gateway: down"),
        "{outcome:?}"
    );
    assert_eq!(receiver.look(|seen| seen.posts.len()), 3);
}

#[tokio::test]
async fn given_a_long_retry_after_when_applied_again_then_the_endpoint_is_left_alone_but_still_observed() {
    let (receiver, driver) = started().await;
    receiver.answer((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "45")]));
    for _ in 0..2 {
        let outcome = driver.apply(&intent(5)).await;
        assert!(matches!(outcome, Err(DriverFailure::Unreachable { .. })), "{outcome:?}");
    }
    assert_eq!(receiver.look(|seen| seen.posts.len()), 1);
    driver.observe(NOW).await.expect("looking is always allowed");
}

#[tokio::test]
async fn given_the_time_of_a_retry_after_has_passed_when_applied_then_it_is_asked_again() {
    struct Later(Mutex<i64>);
    impl Clock for Later {
        fn now(&self) -> sternway_domain::time::Timestamp {
            let passed = *self.0.lock().expect("no panic in here");
            NOW + sternway_domain::time::Span::from_secs(passed)
        }
    }
    let receiver = Receiver::default();
    let base = receiver.start().await;
    let clock = Arc::new(Later(Mutex::new(0)));
    let service = super::support::service(traffic(&base), json!("memory"));
    let driver = drivers::build(&service, &outbound(SECRETS), clock.clone(), 7, &MemoryTraffic::default())
        .expect("the document is usable");
    receiver.answer((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "45")]));
    driver.apply(&intent(5)).await.expect_err("asked to wait");
    *clock.0.lock().expect("no panic in here") = 44;
    driver.apply(&intent(5)).await.expect_err("still waiting");
    *clock.0.lock().expect("no panic in here") = 45;
    driver.apply(&intent(5)).await.expect("the time is over");
}

#[tokio::test]
async fn given_gone_when_applied_again_then_it_is_not_asked_any_more() {
    let (receiver, driver) = started().await;
    receiver.answer(StatusCode::GONE);
    for _ in 0..2 {
        assert!(refusal(driver.apply(&intent(5)).await).contains("410 Gone"));
    }
    assert_eq!(receiver.look(|seen| seen.posts.len()), 1);
}

#[tokio::test]
async fn given_a_redirect_or_a_plain_no_when_applied_then_it_is_refused_at_once() {
    let (receiver, driver) = started().await;
    receiver.answer((StatusCode::FOUND, [("location", "/state")]));
    assert!(refusal(driver.apply(&intent(5)).await).contains("redirects are not followed"));
    receiver.answer((StatusCode::FORBIDDEN, "not you"));
    assert_eq!(refusal(driver.apply(&intent(5)).await), "403 Forbidden: not you");
    assert_eq!(receiver.look(|seen| (seen.posts.len(), seen.moves)), (2, 0));
}

#[tokio::test]
async fn given_a_secret_being_changed_when_applied_then_the_old_and_the_new_both_verify() {
    let receiver = Receiver::default();
    let mut document = traffic(&receiver.start().await);
    document["webhook"]["secret"] = json!({"env": "STERNWAY_SECRET_OLD"});
    let alone = driver(document.clone(), &outbound(SECRETS));
    assert!(refusal(alone.apply(&intent(5)).await).starts_with("401"));
    document["webhook"]["previous_secret"] = json!({"env": "STERNWAY_SECRET_HOOK"});
    driver(document, &outbound(SECRETS)).apply(&intent(5)).await.expect("one of both signatures fits");
}

#[tokio::test]
async fn given_a_secret_that_is_missing_or_malformed_when_applied_then_it_is_refused_without_showing_it() {
    for (name, said) in [("STERNWAY_SECRET_NONE", "is not set"), ("STERNWAY_SECRET_BAD", "whsec_")] {
        let mut document = traffic("http://127.0.0.1:9");
        document["webhook"]["secret"] = json!({"env": name});
        let detail = refusal(driver(document, &outbound(SECRETS)).apply(&intent(5)).await);
        assert!(detail.contains(said) && !detail.contains("not-a-secret"), "{detail}");
    }
}

#[tokio::test]
async fn given_a_secret_in_a_file_when_the_file_changes_then_the_next_request_uses_it() {
    let receiver = Receiver::default();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut document = traffic(&receiver.start().await);
    document["webhook"]["secret"] = json!({"file": file.path()});
    let driver = driver(document, &outbound(&[]));
    std::fs::write(file.path(), SECRETS[1].1).expect("the file is ours");
    assert!(refusal(driver.apply(&intent(5)).await).starts_with("401"));
    std::fs::write(file.path(), format!("{}\n", SECRETS[0].1)).expect("the file is ours");
    driver.apply(&intent(5)).await.expect("the receiver takes it");
}

#[tokio::test]
async fn given_nobody_listens_or_nobody_answers_when_asked_then_it_is_unreachable() {
    let closed = driver(traffic(&format!("http://127.0.0.1:{}", sternway_peers::free_port())), &outbound(SECRETS));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let mut document = traffic(&format!("http://{}", silent.local_addr().expect("bound")));
    document["webhook"]["timeout"] = json!("100ms");
    for driver in [closed, driver(document, &outbound(SECRETS))] {
        let outcome = driver.observe(NOW).await;
        assert!(matches!(outcome, Err(DriverFailure::Unreachable { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn given_an_observation_that_makes_no_sense_when_observed_then_it_is_refused() {
    for body in [r#"{"canary": 120}"#, r#"{"canary": "5"}"#, "{}", "<html>", r#"{"canary": -1}"#] {
        let page = sternway_peers::Page::start(body).await;
        let outcome = driver(traffic(&page.url("")), &outbound(SECRETS)).observe(NOW).await;
        assert!(matches!(outcome, Err(DriverFailure::Refused { .. })), "{body}: {outcome:?}");
    }
    let page = sternway_peers::Page::start(r#"{"canary": 0.2}"#).await;
    let seen = driver(traffic(&page.url("")), &outbound(SECRETS)).observe(NOW).await.expect("a share");
    assert_eq!(seen.canary, weight(1), "something is never shown as nothing");
}

#[tokio::test]
async fn given_a_key_that_could_add_a_header_when_applied_then_it_is_refused() {
    let (receiver, driver) = started().await;
    let hostile = Intent { key: "a\r\nx-evil: 1".to_owned(), ..intent(5) };
    assert!(refusal(driver.apply(&hostile).await).contains("webhook-id"));
    assert_eq!(receiver.look(|seen| seen.posts.len()), 0);
}

#[tokio::test]
async fn given_a_trace_when_applied_then_it_is_passed_on() {
    let (receiver, driver) = started().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    traced(trace.to_owned(), driver.apply(&intent(5))).await.expect("the receiver takes it");
    assert!(receiver.look(|seen| seen.posts[0]["traceparent"] == trace));
}

#[tokio::test]
async fn given_an_address_nobody_allowed_when_asked_then_it_is_refused_by_name_and_by_number() {
    let guarded = sternway_server::outbound::Outbound::new(vec![])
        .expect("a client")
        .with_environment(|_| Some(SECRETS[0].1.to_owned()));
    for base in ["http://127.0.0.1:9", "http://localhost:9", "http://169.254.169.254", "http://[::ffff:127.0.0.1]:9"] {
        let service = super::support::service(traffic(base), json!("memory"));
        let driver = drivers::build(&service, &guarded, Arc::new(Still), 7, &MemoryTraffic::default()).expect("usable");
        let outcome = tokio::time::timeout(Duration::from_secs(5), driver.apply(&intent(5))).await.expect("at once");
        assert!(refusal(outcome).contains("outbound.allow"), "{base}");
    }
}
