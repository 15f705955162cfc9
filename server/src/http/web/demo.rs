//! The demo's bar: breaking things on purpose, and starting one more release. Nothing here answers outside of the demo.

use super::acts::stranger;
use super::door::form;
use super::place::local;
use super::{Http, asker, private};
use crate::demo::stage::StageError;
use crate::http::request::RequestContext;
use crate::service::{Caller, ServiceError};
use axum::extract::{Request, State};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sternway_app::path;
use sternway_domain::audit::Origin;

#[derive(Debug, Deserialize)]
pub(super) struct BarForm {
    #[serde(default)]
    service: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn inject(State(http): State<Http>, request: Request) -> Response {
    let (parts, typed) = match form::<BarForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    let Some(stage) = http.pages.demo.clone() else { return http.render(&parts, None).await };
    match stage.inject(&caller(&parts), &typed.service, &typed.fault).await {
        Ok(()) => private(Redirect::to(&local(&typed.next)).into_response()),
        Err(error) => refused(&error),
    }
}

pub(super) async fn release(State(http): State<Http>, request: Request) -> Response {
    let (parts, typed) = match form::<BarForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    let Some(stage) = http.pages.demo.clone() else { return http.render(&parts, None).await };
    match stage.start_release(&caller(&parts), &typed.service).await {
        Ok(id) => private(Redirect::to(&path::release(&id.to_string())).into_response()),
        Err(error) => refused(&error),
    }
}

fn caller(parts: &request::Parts) -> Caller {
    let context = parts.extensions.get::<RequestContext>();
    let origin = Origin {
        transport: "browser".into(),
        request_id: context.map(|context| context.request_id.clone()),
        trace_id: context.map(|context| context.trace_id.clone()),
        ip: context.and_then(|context| context.ip).map(|ip| ip.to_string()),
        user_agent: crate::http::identity::agent(&parts.headers),
    };
    Caller { actor: asker(parts).actor, origin }
}

/// In plain words: the bar is for looking around, and there is a way back.
fn refused(error: &StageError) -> Response {
    let status = match error {
        StageError::Service(ServiceError::Denied(_)) => StatusCode::FORBIDDEN,
        StageError::Service(ServiceError::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    private((status, format!("Not done: {error}.\nGo back to the page you came from.\n")).into_response())
}
