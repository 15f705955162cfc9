//! Who is told: trying it, listing it, and what the board says of those who could not be.

use super::rig::Rig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;
use sternway_domain::id::{AlarmId, PersonId};
use sternway_domain::service::Secret;
use sternway_domain::time::Span;
use sternway_server::alarms::AlarmSettings;
use sternway_server::outbound::Outbound;
use sternway_server::service::{Caller, ServiceError};
use sternway_server::steps::Hands;
use sternway_server::steps::settings::{Channel, StepSettings};
use sternway_server::store::rows::{AlarmMark, AlarmRaise, AlarmRow, AlarmsWrite, Fence};
use tokio::task::JoinHandle;
use uuid::Uuid;

const KEY: &str = "R0UT1NGK3YR0UT1NGK3YR0UT1NGK3Y00";

type Got = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A chat, a pager and a program, as they answer; and what they got: place, `webhook-id`, body.
async fn receivers() -> (String, Got, JoinHandle<()>) {
    async fn hear(State(got): State<Got>, Path(place): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
        let id = headers.get("idempotency-key").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        got.lock().expect("nobody panicked").push((place.clone(), id, serde_json::from_slice(&body).expect("JSON")));
        match place.as_str() {
            "slack" => "ok".into_response(),
            "proxy" => "<html>Sign in</html>".into_response(),
            "busy" => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]).into_response(),
            "refuses" => (StatusCode::BAD_REQUEST, "{\"status\":\"invalid event\"}").into_response(),
            _ => StatusCode::ACCEPTED.into_response(),
        }
    }
    let got = Got::default();
    let router = Router::new().route("/{*place}", post(hear)).with_state(got.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    (url, got, task)
}

/// The same server, with these channels; the first three are told of everything.
async fn told(rig: Rig, at: &str) -> Rig {
    let url = |place: &str| Secret::Value(format!("{at}/{place}"));
    let secret = Some(Secret::Value("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
    let key = || Secret::Value(KEY.to_owned());
    let channels = BTreeMap::from([
        ("ops".to_owned(), Channel::Webhook { url: url("hook"), secret }),
        ("chat".to_owned(), Channel::Slack { url: url("slack") }),
        ("oncall".to_owned(), Channel::PagerDuty { routing_key: key(), url: format!("{at}/v2/enqueue") }),
        ("behind-a-proxy".to_owned(), Channel::Slack { url: url("proxy") }),
        ("busy".to_owned(), Channel::Slack { url: url("busy") }),
        ("refuses".to_owned(), Channel::PagerDuty { routing_key: key(), url: format!("{at}/refuses") }),
    ]);
    let outbound = Outbound::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a way out");
    let mut base = rig.base.clone();
    let steps = Arc::new(StepSettings { channels, ..StepSettings::default() });
    base.service.teller = Arc::new(Hands::new(outbound, base.service.clock.clone(), steps.clone()));
    base.service.steps = steps;
    let channels = ["ops", "chat", "oncall"].map(str::to_owned).to_vec();
    let address = Some("https://sternway.example.org".to_owned());
    base.service.alarms = Arc::new(AlarmSettings { channels, address });
    rig.over(base)
}

#[tokio::test]
async fn given_channels_of_every_kind_when_tried_then_each_gets_its_own_shape_and_what_came_back_is_said() {
    let (at, got, task) = receivers().await;
    let rig = told(Rig::new().await, &at).await;
    let before = rig.entries().await;
    let body = json!({"reason": "before the holidays"});
    let answer = rig.mutate(axum::http::Method::POST, Role::OnCall, "/api/v1/alarms/test", "try-1", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let tried = answer.json();
    let each = |name: &str| json!({"channel": name, "told": true});
    assert_eq!(tried["channels"], json!([each("ops"), each("chat"), each("oncall")]));
    assert_eq!(rig.entries().await, before + 1, "a decision");

    let heard = got.lock().expect("nobody panicked").clone();
    let of =
        |place: &str| heard.iter().filter(|(to, ..)| to == place).map(|(_, id, body)| (id, body)).collect::<Vec<_>>();
    let [(id, begun), (_, over)] = &of("hook")[..] else { panic!("two: {heard:?}") };
    assert_eq!((&begun["type"], &over["type"]), (&json!("alarm.raised"), &json!("alarm.resolved")));
    assert_eq!((&begun["data"]["kind"], &begun["link"]), (&json!("test"), &json!("https://sternway.example.org/")));
    assert!(id.starts_with("alarm_") && id.ends_with("_raised_ops"), "{id}");
    let [(_, begun), (_, over)] = &of("slack")[..] else { panic!("two: {heard:?}") };
    assert!(begun["text"].as_str().expect("a text").starts_with("A test of Sternway: "), "{begun}");
    assert!(over["text"].as_str().expect("a text").starts_with(":white_check_mark: Over: "), "{over}");
    let [(_, begun), (_, over)] = &of("v2/enqueue")[..] else { panic!("two: {heard:?}") };
    assert_eq!((&begun["routing_key"], &begun["event_action"]), (&json!(KEY), &json!("trigger")));
    assert_eq!((&over["dedup_key"], &over["event_action"]), (&begun["dedup_key"], &json!("resolve")));
    assert_eq!((&begun["payload"]["severity"], &begun["payload"]["source"]), (&json!("warning"), &json!("sternway")));

    // Asked twice: one decision, and messages that say by their ids that they are the same.
    let again = rig.mutate(axum::http::Method::POST, Role::OnCall, "/api/v1/alarms/test", "try-1", &body).await;
    assert_eq!((again.json(), rig.entries().await), (tried, before + 1));
    let after = got.lock().expect("nobody panicked").clone();
    let ids = |all: &[(String, String, Value)]| {
        let mut ids: Vec<String> = all.iter().map(|(_, id, _)| id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!((after.len(), ids(&after)), (12, ids(&heard)));
    task.abort();
}

#[tokio::test]
async fn given_a_test_that_was_sent_when_asked_again_by_one_who_may_no_longer_then_nothing_is_sent_and_that_is_logged()
{
    let (at, got, task) = receivers().await;
    let rig = told(Rig::new().await, &at).await;
    let service = &rig.base.service;
    let as_role = |role| {
        let actor = Actor::Person { id: PersonId(Uuid::from_u128(7)), name: "Olga OnCall".to_owned(), role };
        Caller { actor, origin: Origin::default() }
    };
    service.try_alarms(&as_role(Role::OnCall), None, "before the holidays", "try-1").await.expect("sent");
    let sent = got.lock().expect("nobody panicked").len();
    let entries = rig.entries().await;

    let again = service.try_alarms(&as_role(Role::Viewer), None, "before the holidays", "try-1").await;
    assert!(matches!(again, Err(ServiceError::Denied(_))), "{again:?}");
    assert_eq!(got.lock().expect("nobody panicked").len(), sent);
    assert_eq!(rig.entries().await, entries + 1, "the refusal");
    task.abort();
}

#[tokio::test]
async fn given_channels_that_do_not_take_it_when_tried_then_why_is_said_and_none_is_taken_for_told() {
    let (at, _, task) = receivers().await;
    let rig = told(Rig::new().await, &at).await;
    for (channel, why) in [
        ("behind-a-proxy", "it answers 200 OK: <html>Sign in</html> instead of `ok`"),
        ("busy", "429 Too Many Requests"),
        ("refuses", "400 Bad Request: {\"status\":\"invalid event\"}"),
    ] {
        let body = json!({"channel": channel, "reason": "does it work?"});
        let answer = rig.post(Role::Admin, "/api/v1/alarms/test", &body).await;
        let expected = json!([{"channel": channel, "told": false, "error": why}]);
        assert_eq!((answer.status, &answer.json()["channels"]), (StatusCode::OK, &expected));
    }
    let before = rig.entries().await;
    for (body, told) in [
        (json!({"channel": "none", "reason": "does it work?"}), "the channel `none` is not set up"),
        (json!({"channel": "ops", "reason": "?"}), "3 to 2000 characters"),
    ] {
        let answer = rig.post(Role::Admin, "/api/v1/alarms/test", &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
        assert!(answer.text.contains(told), "{}", answer.text);
    }
    assert_eq!(rig.entries().await, before + 2, "refusals are written down");
    task.abort();
}

#[tokio::test]
async fn given_alarms_that_were_told_or_not_when_listed_and_shown_then_who_knows_and_who_does_not_is_said() {
    let (at, _, task) = receivers().await;
    let rig = told(Rig::new().await, &at).await;
    let (id, _) = rig.running().await;
    let (store, now) = (rig.base.service.store.clone(), rig.base.service.clock.now());
    let row = AlarmRow {
        id: AlarmId(Uuid::from_u128(7)),
        key: format!("release:{id}:held"),
        kind: "deadline".to_owned(),
        severity: "page".to_owned(),
        release: Some(id.parse().expect("an id")),
        service: None,
        raised_at: now,
        ended_at: None,
        body: json!({"summary": "`checkout` is held. Look."}).to_string(),
        ending: None,
    };
    let channels = vec!["chat".to_owned(), "oncall".to_owned()];
    let write = AlarmsWrite { raise: vec![AlarmRaise { row, channels }], ..AlarmsWrite::default() };
    store.put_alarms(&write, None).await.expect("written");
    let lease = store.lease("alarms", "test", Span::from_secs(60)).await.expect("asked").expect("free");
    let fence = Fence { lease: lease.name, token: lease.token };
    let messages: Vec<_> =
        store.alarm_messages(9).await.expect("read").into_iter().map(|(message, _)| message).collect();
    store.mark_alarm(&messages[0], &AlarmMark::Done { at: now }, Some(&fence)).await.expect("written");
    let refused = "`http://127.0.0.1:9/` cannot be reached: connection refused".to_owned();
    let again = AlarmMark::Again { error: refused, next_at: now + Span::from_secs(300) };
    for _ in 0..6 {
        store.mark_alarm(&messages[1], &again, Some(&fence)).await.expect("written");
    }

    let listed = rig.get(Role::Viewer, &format!("/api/v1/alarms?release={id}")).await.json();
    let [alarm] = &listed["items"].as_array().expect("items")[..] else { panic!("one: {listed}") };
    assert_eq!((&alarm["summary"], &alarm["ended_at"]), (&json!("`checkout` is held. Look."), &Value::Null));
    let told: Vec<_> =
        alarm["told"].as_array().expect("told").iter().map(|t| (&t["channel"], &t["state"], &t["tries"])).collect();
    assert_eq!(told, [(&json!("chat"), &json!("done"), &json!(1)), (&json!("oncall"), &json!("pending"), &json!(6))]);
    let other = rig.get(Role::Viewer, &format!("/api/v1/alarms?release={}", Uuid::nil())).await.json();
    assert_eq!(other["items"], json!([]));
    assert_eq!(rig.get(Role::Viewer, "/api/v1/alarms?release=x").await.status, StatusCode::BAD_REQUEST);

    let session = rig.session(Role::Viewer).await;
    let board = rig.page(Some(&session), "/").await.text;
    for said in ["1\u{a0}alarm could not be delivered to ", "connection refused; tried 6\u{a0}times, next "] {
        assert!(board.contains(said), "{said}: {board}");
    }
    let page = rig.page(Some(&session), &format!("/releases/{id}")).await.text;
    for said in ["Told: ", "not yet: "] {
        assert!(page.contains(said), "{said}: {page}");
    }
    task.abort();
}
