//! OFREP 0.3: what OpenFeature's clients ask. Answers come from memory.
//!
//! Only API tokens open this door, never cookies, so that a page elsewhere can gain nothing by asking. What clients of
//! several languages read from an answer differs from the standard in places: `variant` and `errorDetails` are always
//! there, every answer but 304 is JSON, and a wait is told in whole seconds.

use super::Http;
use crate::auth::window;
use crate::flags::Snapshot;
use crate::service::ServiceError;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gate::Gate;
use serde_json::{Value, json};
use std::sync::Arc;
use sternway_domain::flag::ofrep::{self, Evaluation, Failure};
use sternway_domain::flag::{Context, EvaluationError, Flag};
use sternway_domain::id::{EnvironmentName, FlagKey};
use url::form_urlencoded::parse;

mod cors;
mod gate;
mod stream;

const EVENTS: &str = "/ofrep/v1/events";

/// Routes with their methods.
pub(super) const ROUTES: [(&str, &str); 3] =
    [("POST", "/ofrep/v1/evaluate/flags/{key}"), ("POST", "/ofrep/v1/evaluate/flags"), ("GET", EVENTS)];

/// Another environment than this Sternway's own.
const ENVIRONMENT: &str = "x-sternway-environment";
/// Clients that nobody looks at may let go of their stream after so many seconds.
const INACTIVITY: u32 = 120;

/// What this door stands on. Cheap to clone.
#[derive(Clone)]
struct Ofrep {
    http: Http,
    gate: Arc<Gate>,
}

pub(super) fn routes(http: &Http) -> Router<Http> {
    let state = Ofrep { http: http.clone(), gate: Arc::default() };
    let [(_, one), (_, all), (_, events)] = ROUTES;
    Router::new()
        .route(one, post(single))
        .route(all, post(bulk))
        .route(events, get(stream::events))
        .layer(from_fn_with_state(http.settings.clone(), cors::cors))
        .with_state(state)
}

/// One flag.
async fn single(
    State(ofrep): State<Ofrep>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    ofrep.gate.enter(&ofrep.http, &headers).await?;
    let environment = ofrep.environment(&headers)?;
    let failed = |error: &EvaluationError| failure(&key, error);
    let context = match context(&body) {
        Ok(context) => context,
        Err(error) => return Ok(failed(&error)),
    };
    let flags = ofrep.flags(None).await?;
    let flag: Option<&Arc<Flag>> = key.parse::<FlagKey>().ok().and_then(|key| flags.flags.get(&key));
    let Some(flag) = flag else {
        let shown = key.chars().filter(|c| !c.is_control()).take(80).collect();
        return Ok(failed(&EvaluationError::NotFound(shown)));
    };
    Ok(match ofrep::single(flag, &environment, &context) {
        Evaluation::Success(success) => Json(success).into_response(),
        Evaluation::Failure(failure) => (code(failure.status()), Json(failure)).into_response(),
    })
}

/// All flags, unless the client has them as they are.
async fn bulk(
    State(ofrep): State<Ofrep>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let identity = ofrep.gate.enter(&ofrep.http, &headers).await?;
    let environment = ofrep.environment(&headers)?;
    let context = match context(&body) {
        Ok(context) => context,
        Err(error) => {
            let body = json!({"errorCode": error.code(), "errorDetails": error.to_string()});
            return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
        }
    };
    let flags = ofrep.flags(query.as_deref()).await?;
    let bulk = ofrep::bulk(flags.flags.values().map(Arc::as_ref), &environment, &context);
    // A new window brings a new channel token, which a 304 could not carry.
    let window = window(ofrep.http.service.clock.now());
    let etag = format!("{}-{window}\"", bulk.etag.trim_end_matches('"'));
    let tag = HeaderValue::from_str(&etag).map_err(|_| Refused::internal())?;
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    // A client's own caches may not answer for us: whether anything changed is what is asked.
    let fixed = [(ETAG, tag), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if known.into_iter().any(|known| ofrep::unchanged(known, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let streams = ofrep.http.auth.channel(&identity).map(|channel| {
        let endpoint = json!({"requestUri": format!("{EVENTS}?channel={channel}")});
        json!({"type": "sse", "endpoint": endpoint, "inactivityDelaySec": INACTIVITY})
    });
    let streams: Vec<Value> = streams.into_iter().collect();
    let metadata = json!({"environment": environment, "version": flags.position.to_string()});
    let body = json!({"flags": bulk.flags, "metadata": metadata, "eventStreams": streams});
    Ok((fixed, Json(body)).into_response())
}

impl Ofrep {
    fn environment(&self, headers: &HeaderMap) -> Result<EnvironmentName, Refused> {
        let Some(named) = headers.get(ENVIRONMENT) else { return Ok(self.http.service.environment.clone()) };
        let text = named.to_str().unwrap_or_default();
        let wrong = |error: sternway_domain::id::NameError| {
            Refused::new(StatusCode::BAD_REQUEST, "INVALID_CONTEXT", format!("`X-Sternway-Environment`: {error}"))
        };
        EnvironmentName::new(text).map_err(wrong)
    }

    /// The flags; at least as new as the change the client was told of, though another replica may have told it.
    async fn flags(&self, query: Option<&str>) -> Result<Arc<Snapshot>, Refused> {
        let service = &self.http.service;
        let mut named = parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "flagConfigEtag");
        let told = named.next().and_then(|(_, position)| position.parse::<i64>().ok());
        let found = match told {
            Some(position) => service.flags.at_least(service.store.as_ref(), position).await,
            None => service.flags.current(service.store.as_ref()).await,
        };
        Ok(found?)
    }
}

fn context(body: &[u8]) -> Result<Context, EvaluationError> {
    // Some clients send nothing when they have no context.
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Context::default());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| EvaluationError::Parse(error.to_string()))?;
    Context::read(&body)
}

fn failure(key: &str, error: &EvaluationError) -> Response {
    let failure = Failure::new(key, error);
    (code(failure.status()), Json(failure)).into_response()
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// No evaluation at all, in the words of the standard.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    code: &'static str,
    details: String,
    /// Whole seconds.
    wait: Option<u64>,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, details: impl Into<String>) -> Self {
        Self { status, code, details: details.into(), wait: None }
    }

    fn unauthorized() -> Self {
        let details = "send a valid API token as `Authorization: Bearer swy_…` or as `X-API-Key`";
        Self::new(StatusCode::UNAUTHORIZED, "GENERAL", details)
    }

    fn wait(seconds: u64, details: &'static str) -> Self {
        Self { wait: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "GENERAL", details) }
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "GENERAL", "Sternway could not answer; keep the values you have")
    }
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(sternway_domain::access::Denied::NotSignedIn) => Self::unauthorized(),
            ServiceError::Denied(denied) => Self::new(StatusCode::FORBIDDEN, "GENERAL", denied.to_string()),
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "flags could not be evaluated");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({"errorCode": self.code, "errorDetails": self.details});
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sternway\""));
        }
        response
    }
}
