//! The files of the log, as C2SP `tlog-tiles` lays them out: checkpoint, tiles, entries; and the key to check them with.

use super::Http;
use super::ask::Asker;
use super::problem::Problem;
use crate::service::Caller;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sternway_domain::access::Action;
use sternway_domain::audit::tile::Resource;

/// Where the log is; its files are below.
pub(super) const PREFIX: &str = "/log/";

/// With their methods, for the test that asks all of them.
pub(super) const ROUTES: [(&str, &str); 4] = [
    ("GET", "/log/checkpoint"),
    ("GET", "/log/checkpoint/witnessed"),
    ("GET", "/log/key"),
    ("GET", "/log/tile/{place}"),
];

pub(super) fn routes() -> Router<Http> {
    Router::new()
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/checkpoint/witnessed", get(witnessed))
        .route("/log/key", get(key))
        .route("/log/tile/{*place}", get(tile))
}

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// Sealed entries hold no names and no free text; still, who may see nothing of Sternway sees nothing of them, unless
/// that was set.
fn may_read(http: &Http, caller: &Caller) -> Result<(), Problem> {
    if http.settings.open_log { Ok(()) } else { Ok(http.service.authorise(caller, Action::View)?) }
}

/// The same for everybody only if everybody may read it.
fn answer(http: &Http, kind: &'static str, age: &str, body: impl IntoResponse) -> Response {
    let whose = if http.settings.open_log { "public" } else { "private" };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(cache) = HeaderValue::from_str(&format!("{whose}, {age}")) {
        headers.insert(CACHE_CONTROL, cache);
    }
    response
}

async fn checkpoint(State(http): State<Http>, Asker(caller): Asker) -> Result<Response, Problem> {
    may_read(&http, &caller)?;
    let note = http.service.witnessed_head().await?;
    let note = note.ok_or_else(|| Problem::unavailable("Nothing of the log is signed yet; ask again in a second."))?;
    Ok(answer(&http, TEXT, "max-age=1", note))
}

/// The newest one that a witness has signed: older than the newest, and worth more.
async fn witnessed(State(http): State<Http>, Asker(caller): Asker) -> Result<Response, Problem> {
    may_read(&http, &caller)?;
    let note = http.service.last_witnessed().await?;
    let note = note.ok_or_else(|| Problem::not_found("checkpoint signed by a witness", "witnessed"))?;
    Ok(answer(&http, TEXT, "max-age=1", note))
}

/// The key in use, and below it all there were, with the sizes they signed.
async fn key(State(http): State<Http>, Asker(caller): Asker) -> Result<Response, Problem> {
    may_read(&http, &caller)?;
    let list = http.service.log_keys().await?;
    let list = list.ok_or_else(|| Problem::unavailable("The log's key is not at hand, and none was used before."))?;
    Ok(answer(&http, TEXT, "max-age=60", list.to_string()))
}

/// Full or partial, a file never changes.
async fn tile(State(http): State<Http>, Asker(caller): Asker, Path(place): Path<String>) -> Result<Response, Problem> {
    may_read(&http, &caller)?;
    let path = format!("tile/{place}");
    let found = match path.parse() {
        Ok(Resource::Tile(tile)) => http.service.tile(tile).await?,
        Ok(Resource::Entries(tile)) => http.service.entries(tile).await?,
        Ok(Resource::Checkpoint) | Err(_) => None,
    };
    let bytes = found.ok_or_else(|| Problem::not_found("file of the log", &path))?;
    Ok(answer(&http, BYTES, "max-age=31536000, immutable", bytes))
}
