//! Which address leads where, and what every request passes on its way.

use super::{Http, MAX_BODY, assets, health, identity, log, ofrep, outage, problem, request, security, v1, web};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::csrf::CsrfLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// Routes that are not part of the API, with their methods: operations, pages, forms, server functions. A test asks each
/// of them, and nothing else answers.
pub fn other_routes() -> Vec<(&'static str, String)> {
    let single = ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/assets/{name}"]
        .map(|path| ("GET", path.to_owned()));
    let pages = web::page_paths().into_iter().map(|path| ("GET", path));
    let forms = web::FORMS.iter().map(|path| ("POST", (*path).to_owned()));
    let functions = web::function_paths().into_iter().map(|path| ("POST", path));
    let flags = ofrep::ROUTES.map(|(method, path)| (method, path.to_owned()));
    let log = log::ROUTES.map(|(method, path)| (method, path.to_owned()));
    single.into_iter().chain(flags).chain(log).chain(pages).chain(forms).chain(functions).collect()
}

/// The document of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    v1::api().into_openapi()
}

/// A zip is left alone: it would be held back and grow.
fn compressible() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new(v1::ZIP))
}

/// Everything that is served.
pub fn router(http: Http) -> Router {
    let (api, document) = v1::api().split_for_parts();
    let document = get(move || async move { Json(document) }).layer(from_fn(identity::required));
    api.route("/api/v1/openapi.json", document)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route(&format!("{}/{{name}}", assets::PREFIX), get(assets::file))
        .merge(log::routes())
        .merge(web::routes())
        // The first layer is the innermost.
        .layer(from_fn_with_state(http.clone(), identity::identify))
        // Who asks stands in the database too.
        .layer(from_fn_with_state(http.clone(), outage::tell))
        .layer(CsrfLayer::new())
        .layer(from_fn(problem::finish))
        // Takes no cookie, so nobody can be made to ask.
        .merge(ofrep::routes(&http))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        // What is compressed already, small, or a stream of events is left alone.
        // The next to fastest: as quick for a long page, and a third smaller.
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(1)).compress_when(compressible()))
        .layer(from_fn_with_state(http.service.rng.clone(), security::secure))
        .layer(from_fn_with_state(http.clone(), request::begin))
        .with_state(http)
}
