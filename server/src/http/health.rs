//! What operators and load balancers ask: alive, ready, and numbers about itself.

use super::Http;
use crate::auth::Identity;
use crate::telemetry::metrics::CONTENT_TYPE as OPEN_METRICS;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers, and the process is not about to end.
pub(super) async fn readyz(State(http): State<Http>) -> Response {
    const PATIENCE: Duration = Duration::from_secs(2);
    if http.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    match tokio::time::timeout(PATIENCE, http.service.store.ping()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer in time\n").into_response(),
    }
}

pub(super) async fn metrics(State(http): State<Http>, Extension(identity): Extension<Identity>) -> Response {
    if !http.settings.open_metrics && !identity.signed_in() {
        return (StatusCode::UNAUTHORIZED, "sign in, or send an API token\n").into_response();
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], http.service.metrics.text()).into_response()
}
