//! Who is told: a real HTTP receiver that writes down what it gets, and takes it or not.

use super::support::{Desk, Running};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use sternway_domain::id::AlarmId;
use sternway_domain::service::Secret;
use sternway_domain::time::Timestamp;
use sternway_server::alarms::{AlarmSettings, Alarms};
use sternway_server::outbound::Outbound;
use sternway_server::ports::Clock;
use sternway_server::steps::Hands;
use sternway_server::steps::settings::{Channel, StepSettings};
use sternway_server::store::rows::{AlarmRaise, AlarmRow, AlarmsWrite};
use sternway_server::system::SystemClock;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Seconds for which it wants to be left alone.
pub(super) const RETRY_AFTER: i64 = 3;

/// How a message is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Takes,
    /// Refuses for now, and says for how long.
    Busy,
    /// Hears it and never answers.
    Mute,
    /// Takes it, and says so when [`Pager::answer`] lets it.
    Late,
}

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) taken: bool,
    pub(super) body: Value,
}

impl Heard {
    /// `alarm.raised unconfirmed`.
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.body["type"].as_str().unwrap_or("?"), self.body["data"]["kind"].as_str().unwrap_or("?"))
    }
}

type Page = Arc<Mutex<(Mood, Vec<Heard>)>>;

pub(super) struct Pager {
    page: Page,
    answer: Arc<Notify>,
    url: String,
    task: JoinHandle<()>,
}

impl Pager {
    pub(super) async fn start() -> Pager {
        let page: Page = Arc::new(Mutex::new((Mood::Takes, Vec::new())));
        let answer = Arc::new(Notify::new());
        let router = Router::new().route("/hook", post(hear)).with_state((page.clone(), answer.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Pager { page, answer, url, task }
    }

    fn page(&self) -> MutexGuard<'_, (Mood, Vec<Heard>)> {
        self.page.lock().expect("nobody panicked")
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.page().0 = mood;
    }

    pub(super) fn answer(&self) {
        self.answer.notify_one();
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.page().1.clone()
    }

    /// What it took, in order.
    pub(super) fn taken(&self) -> Vec<Heard> {
        self.heard().into_iter().filter(|heard| heard.taken).collect()
    }

    pub(super) fn whats(&self) -> Vec<String> {
        self.taken().iter().map(Heard::what).collect()
    }

    /// The first that was taken and is of this kind: `alarm.raised unconfirmed`.
    pub(super) async fn until(&self, desk: &Desk, what: &str) -> Heard {
        let waits = format!("the pager hears `{what}`");
        desk.until(&waits, async || self.taken().into_iter().find(|heard| heard.what() == what)).await
    }

    /// Somebody who tells this pager of everything; ends as a shutdown does.
    pub(super) fn watch(&self, desk: &Desk, holder: &str) -> Running {
        let outbound = Outbound::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a way out");
        let secret = Some(Secret::Value("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
        let channel = Channel::Webhook { url: Secret::Value(self.url.clone()), secret };
        let channels = BTreeMap::from([("oncall".to_owned(), channel)]);
        let steps = Arc::new(StepSettings { channels, ..StepSettings::default() });
        let mut service = desk.service.clone();
        service.teller = Arc::new(Hands::new(outbound, service.clock.clone(), steps));
        let address = Some("https://sternway.example.org".to_owned());
        service.alarms = Arc::new(AlarmSettings { channels: vec!["oncall".to_owned()], address });
        let cancel = CancellationToken::new();
        let task = tokio::spawn(Alarms::new(service, holder.to_owned()).run(cancel.clone()));
        Running::new(cancel, task)
    }
}

/// A matter of no release, as if somebody had found it: a `step`, for the one channel there is.
pub(super) async fn raise_something(desk: &Desk) {
    raise_then(desk, "something else", desk.now(), &["oncall"]).await;
}

/// The same about something, at another time.
pub(super) async fn raise_then(desk: &Desk, key: &str, at: Timestamp, channels: &[&str]) {
    let row = AlarmRow {
        id: AlarmId(Uuid::from_u128(at.micros().unsigned_abs().into())),
        key: key.to_owned(),
        kind: "step".to_owned(),
        severity: "page".to_owned(),
        release: None,
        service: None,
        raised_at: at,
        ended_at: None,
        body: r#"{"summary":"Look."}"#.to_owned(),
        ending: None,
    };
    let raise = vec![AlarmRaise { row, channels: channels.iter().map(|name| (*name).to_owned()).collect() }];
    let write = AlarmsWrite { raise, ..AlarmsWrite::default() };
    desk.service.store.put_alarms(&write, None).await.expect("written");
}

impl Drop for Pager {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(State((page, answer)): State<(Page, Arc<Notify>)>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = {
        let mut page = page.lock().expect("nobody panicked");
        let mood = page.0;
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert!(header("webhook-signature").starts_with("v1,"), "signed");
        let body = serde_json::from_slice(&body).expect("JSON");
        let taken = matches!(mood, Mood::Takes | Mood::Late);
        let heard = Heard { id: header("webhook-id"), at: SystemClock.now(), taken, body };
        page.1.push(heard);
        mood
    };
    match mood {
        Mood::Takes => StatusCode::NO_CONTENT.into_response(),
        Mood::Busy => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", RETRY_AFTER.to_string())]).into_response(),
        Mood::Mute => std::future::pending().await,
        Mood::Late => {
            answer.notified().await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}
