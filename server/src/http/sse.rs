//! One stream of events per tab: what changed, never what it is now. Who hears it reads again.

use super::Http;
use super::ask::Asker;
use super::problem::Problem;
use crate::auth::Identity;
use crate::live::{Change, Topic};
use crate::telemetry::metrics::Listening;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use sternway_domain::access::Action;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use utoipa::ToSchema;

/// After a break, browsers come back after this long.
const RETRY: Duration = Duration::from_secs(2);
/// Whoever missed news of more releases than this reads everything again.
const REPLAY: usize = 1_000;

/// The data of one event.
#[derive(Debug, Serialize, ToSchema)]
struct Told<'a> {
    /// `release:{id}`, `board`, `decisions`, `configuration`, `flags`; `resync`: anything may have changed; `beat`: nothing has.
    topic: &'a str,
    /// Position of the log of events; also the `id` of the event.
    version: i64,
}

/// What changed, as it changes.
///
/// Name the last `id` you saw in `Last-Event-ID` to be told what you missed. The stream ends when the session does.
#[utoipa::path(
    get, path = "/events", tag = "live",
    params(("Last-Event-ID" = Option<i64>, Header, description = "The last `id` seen")),
    responses((status = 200, description = "Events with JSON data", body = String, content_type = "text/event-stream"), super::v1::Faults),
)]
pub(super) async fn events(
    State(http): State<Http>,
    Asker(caller): Asker,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    http.service.authorise(&caller, Action::View)?;
    // Heard before looking back, so that nothing falls in between.
    let changes = http.service.bus.subscribe();
    let missed = match headers.get("last-event-id") {
        Some(id) => missed(&http, id).await?,
        None => VecDeque::from([told("beat", http.service.store.last_position().await?)]),
    };
    let shutdown = http.shutdown.clone();
    let listener = Listener {
        _counted: http.service.metrics.listening(),
        pending: missed,
        changes,
        beat: every(http.settings.beat),
        recheck: every(http.settings.recheck),
        identity,
        http,
    };
    let first = stream::once(async { Event::default().retry(RETRY) });
    let events = first.chain(listener.stream()).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events.take_until(shutdown.cancelled_owned())).into_response();
    // Proxies that buffer would hold events back.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Listener {
    http: Http,
    identity: Identity,
    changes: Receiver<Change>,
    pending: VecDeque<Event>,
    beat: Interval,
    recheck: Interval,
    _counted: Listening,
}

impl Listener {
    fn stream(self) -> impl Stream<Item = Event> {
        stream::unfold(self, |mut listener| async move {
            let event = listener.next().await?;
            Some((event, listener))
        })
    }

    /// `None` when the session is over or nothing will ever change again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(change) => self.pending.extend(events_of(&change)),
                    Err(RecvError::Lagged(_)) => {
                        let position = self.http.service.store.last_position().await.ok()?;
                        return Some(told("resync", position));
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.recheck.tick() => {
                    // An answer that cannot be had is no yes: the browser comes back by itself.
                    if !self.http.auth.still_stands(&self.identity).await.unwrap_or(false) {
                        return None;
                    }
                }
                _ = self.beat.tick() => return Some(Event::default().data(r#"{"topic":"beat","version":0}"#)),
            }
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// What happened after the event with this id.
async fn missed(http: &Http, id: &HeaderValue) -> Result<VecDeque<Event>, Problem> {
    let store = &http.service.store;
    let last = store.last_position().await?;
    let after = id.to_str().ok().and_then(|id| id.trim().parse::<i64>().ok());
    // An id from the future belongs to another database: a restored one, say.
    let Some(after) = after.filter(|after| (0..=last).contains(after)) else {
        return Ok(VecDeque::from([told("resync", last)]));
    };
    let rows = store.moved(after).await?;
    if rows.len() > REPLAY {
        return Ok(VecDeque::from([told("resync", last)]));
    }
    let position = rows.last().map_or(after, |row| row.position);
    let mut events: VecDeque<Event> =
        rows.iter().map(|row| told(&format!("release:{}", row.release), position)).collect();
    // Decisions and documents are not events of a release: they are said to have changed, to be sure.
    events.extend(["board", "decisions", "configuration", "flags"].map(|topic| told(topic, position)));
    Ok(events)
}

fn events_of(change: &Change) -> Vec<Event> {
    match &change.topic {
        Topic::Release { id, service } => vec![
            told(&format!("release:{id}"), change.version),
            told(&format!("service:{service}"), change.version),
            told("board", change.version),
        ],
        Topic::Decisions => vec![told("decisions", change.version)],
        Topic::Configuration => vec![told("configuration", change.version)],
        Topic::Flags => vec![told("flags", change.version)],
    }
}

fn told(topic: &str, version: i64) -> Event {
    let data = serde_json::to_string(&Told { topic, version }).expect("a text and a number are JSON");
    Event::default().id(version.to_string()).data(data)
}
