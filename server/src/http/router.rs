//! Which address leads where, and what every request passes on its way.

use super::{Http, MAX_BODY, health, identity, problem, request, v1};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::csrf::CsrfLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// Routes that are not part of the API, with their methods. A test asks each of them, and nothing else answers.
pub const OTHER_ROUTES: &[(&str, &str)] =
    &[("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/api/v1/openapi.json")];

/// The document of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    v1::api().into_openapi()
}

/// Everything that is served.
pub fn router(http: Http) -> Router {
    let (api, document) = v1::api().split_for_parts();
    let document = get(move || async move { Json(document) }).layer(from_fn(identity::required));
    api.route("/api/v1/openapi.json", document)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        // The first layer is the innermost.
        .layer(from_fn_with_state(http.clone(), identity::identify))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(CsrfLayer::new())
        .layer(from_fn(problem::finish))
        .layer(from_fn_with_state(http.clone(), request::begin))
        .with_state(http)
}
