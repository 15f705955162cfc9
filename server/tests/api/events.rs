//! The stream of events.

use super::rig::Rig;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode};
use futures::StreamExt;
use serde_json::json;
use std::time::Duration;
use sternway_domain::actor::Role;
use sternway_server::config::SettingFlags;
use tower::ServiceExt;

struct Stream {
    body: BodyDataStream,
    heard: String,
}

impl Stream {
    async fn open(rig: &Rig, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get("/api/v1/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            rig.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("asked");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { body: response.into_body().into_data_stream(), heard: String::new() }
    }

    /// Reads until this was heard; panics when the stream ends or is silent before.
    async fn hears(&mut self, wanted: &str) {
        while !self.heard.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await;
            let chunk = next.unwrap_or_else(|_| panic!("no {wanted} in {}", self.heard));
            let bytes = chunk.unwrap_or_else(|| panic!("ended without {wanted}: {}", self.heard)).expect("read");
            self.heard.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    async fn ends(&mut self) {
        let end = async { while self.body.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(10), end).await.expect("the stream ends");
    }
}

#[tokio::test]
async fn given_a_listener_when_a_release_changes_then_it_is_told_what_and_not_more() {
    let rig = Rig::new().await;
    let token = format!("Bearer {}", rig.token(Role::Viewer));
    let mut stream = Stream::open(&rig, &[("authorization", &token)]).await;
    stream.hears("retry: 2000").await;
    let (id, _) = rig.running().await;
    stream.hears(&format!("\"topic\":\"release:{id}\"")).await;
    stream.hears("\"topic\":\"board\"").await;
    stream.hears("\"topic\":\"decisions\"").await;
    assert!(!stream.heard.contains("1.42.0"), "events name things, they do not show them");
}

#[tokio::test]
async fn given_a_break_when_the_listener_comes_back_then_it_is_told_what_it_missed() {
    let rig = Rig::new().await;
    let session = rig.session(Role::Viewer).await;
    let cookie = format!("__Host-sternway={session}");
    let before = rig.base.service.store.last_position().await.expect("read").to_string();
    let (id, _) = rig.running().await;
    let mut stream = Stream::open(&rig, &[("cookie", &cookie), ("last-event-id", &before)]).await;
    stream.hears(&format!("\"topic\":\"release:{id}\"")).await;
    let position = rig.base.service.store.last_position().await.expect("read");
    stream.hears(&format!("id: {position}")).await;
    for unknown in ["999999", "x", "-1"] {
        let mut stream = Stream::open(&rig, &[("cookie", &cookie), ("last-event-id", unknown)]).await;
        stream.hears("\"topic\":\"resync\"").await;
    }
}

#[tokio::test]
async fn given_a_slow_listener_when_it_misses_changes_then_it_is_told_to_read_everything_again() {
    let rig = Rig::new().await;
    let token = format!("Bearer {}", rig.token(Role::Viewer));
    let mut stream = Stream::open(&rig, &[("authorization", &token)]).await;
    for _ in 0..2_000 {
        rig.base.service.bus.touched(sternway_server::live::Topic::Configuration);
    }
    stream.hears("\"topic\":\"resync\"").await;
}

#[tokio::test]
async fn given_an_open_stream_when_the_token_is_revoked_or_sternway_ends_then_the_stream_ends() {
    let rig = Rig::with(SettingFlags::default(), |settings| {
        settings.recheck = Duration::from_millis(50);
        settings.beat = Duration::from_millis(20);
    })
    .await;
    let made = rig.post(Role::OnCall, "/api/v1/tokens", &json!({"name": "tab"})).await.json();
    let token = format!("Bearer {}", made["secret"].as_str().expect("a secret"));
    let mut revoked = Stream::open(&rig, &[("authorization", &token)]).await;
    revoked.hears("\"topic\":\"beat\",\"version\":0").await;
    assert!(rig.base.service.metrics.text().contains("sternway_sse_clients 1"));
    let path = format!("/api/v1/tokens/{}", made["token"]["id"].as_str().expect("an id"));
    rig.mutate(Method::DELETE, Role::OnCall, &path, "k", &json!({})).await;
    revoked.ends().await;
    let other = format!("Bearer {}", rig.token(Role::Viewer));
    let mut open = Stream::open(&rig, &[("authorization", &other)]).await;
    open.hears("beat").await;
    rig.base.shutdown.cancel();
    open.ends().await;
    assert_eq!(rig.page(None, "/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
}
