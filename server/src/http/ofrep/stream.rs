//! One stream per client: that flags changed. Who hears it evaluates again.

use super::gate::may_evaluate;
use super::{Ofrep, Refused};
use crate::auth::{AuthError, Identity};
use crate::http::Http;
use crate::service::ServiceError;
use crate::telemetry::metrics::Listening;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use url::form_urlencoded::parse;

/// After a break, clients come back after this long.
const RETRY: Duration = Duration::from_secs(1);
/// Silence this long is broken by a comment, so that proxies keep the stream.
const BEAT: Duration = Duration::from_secs(15);
/// Streams that are open at once.
const MOST: usize = 20_000;

/// Tells of every change after `Last-Event-ID`. Without one it tells at once: what was evaluated before the stream was
/// open may be old by now, and asking again costs a 304.
pub(super) async fn events(
    State(ofrep): State<Ofrep>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let http = ofrep.http;
    let query = query.unwrap_or_default();
    let channel = parse(query.as_bytes()).find(|(name, _)| name == "channel").map(|(_, channel)| channel);
    let found = match channel {
        Some(channel) => http.auth.by_channel(&channel).await,
        None => Ok(None),
    };
    let identity = match found {
        Ok(Some(identity)) => identity,
        Ok(None) | Err(AuthError::Wrong) => return Err(Refused::unauthorized()),
        Err(AuthError::Service(error)) => return Err(error.into()),
        Err(_) => return Err(Refused::internal()),
    };
    may_evaluate(&http, &identity)?;
    let mut changes = http.service.flags.changes();
    if changes_open(&http) > MOST {
        return Err(Refused::wait(10, "too many streams are open here; ask again"));
    }
    let flags = http.service.flags.current(http.service.store.as_ref()).await.map_err(|error: ServiceError| error)?;
    changes.mark_unchanged();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.trim().parse().ok());
    if seen != Some(flags.position) {
        changes.mark_changed();
    }
    let shutdown = http.shutdown.clone();
    let listener = Listener {
        _counted: http.service.metrics.listening(),
        changes,
        recheck: every(http.settings.recheck),
        beat: every(BEAT),
        identity,
        http,
    };
    let first = stream::once(async { Bytes::from(format!("retry: {}\n\n", RETRY.as_millis())) });
    let events = first.chain(listener.stream()).map(Ok::<_, Infallible>).take_until(shutdown.cancelled_owned());
    let mut response = Body::from_stream(events).into_response();
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    Ok(response)
}

fn changes_open(http: &Http) -> usize {
    http.service.flags.listeners()
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

struct Listener {
    http: Http,
    identity: Identity,
    changes: Receiver<i64>,
    recheck: Interval,
    beat: Interval,
    _counted: Listening,
}

impl Listener {
    fn stream(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, |mut listener| async move {
            let event = listener.next().await?;
            Some((event, listener))
        })
    }

    /// `None` when the token is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    let service = &self.http.service;
                    let flags = service.flags.current(service.store.as_ref()).await.ok()?;
                    return Some(flags.told());
                }
                _ = self.beat.tick() => return Some(Bytes::from_static(b":\n\n")),
                _ = self.recheck.tick() => match self.http.auth.still_stands(&self.identity).await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    // Nothing can be flipped while the database is away; the stream waits with it.
                    Err(_) => {}
                },
            }
        }
    }
}
