//! The decision log, as far as the API shows it: who, what, when, why, seen what.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use super::shapes::DecisionView;
use crate::http::Http;
use crate::http::ask::{Asker, Named, Params};
use crate::http::cursor::{self, Page, Paged};
use crate::http::problem::Problem;
use crate::service::{Caller, Reading};
use crate::store::rows::{DecisionFilter, DecisionRow};
use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::Uri;
use serde::Deserialize;
use serde_json::Value;
use sternway_domain::access::Action;
use sternway_domain::id::{DecisionId, Digest, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use utoipa::IntoParams;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    #[param(format = "uuid")]
    release: Option<String>,
    /// The actor's key: `person:…`, `token:…`, `automation:…`.
    actor: Option<String>,
    /// `rollback`, `promote`, …
    action: Option<String>,
    /// `accepted` or `refused`.
    outcome: Option<String>,
    service: Option<String>,
    /// Words of reason, actor or service, or their beginnings: all of them, in any order.
    q: Option<String>,
    /// RFC 3339, inclusive.
    from: Option<String>,
    /// RFC 3339, exclusive.
    to: Option<String>,
    /// Also what only records: who read the log, steps of rollbacks, what was observed. Left out unless `action` names it.
    records: Option<bool>,
    /// 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Decisions, newest first.
#[utoipa::path(get, path = "/decisions", tag = "decisions", params(ListQuery),
    responses((status = 200, description = "Newest first, and where to go on", body = Page<DecisionView>), Faults))]
pub(in crate::http) async fn list(
    State(http): State<Http>,
    Asker(caller): Asker,
    OriginalUri(uri): OriginalUri,
    Params(query): Params<ListQuery>,
) -> Result<Paged<DecisionView>, Problem> {
    let release = query.release.as_deref().map(str::parse).transpose();
    let release = release.map_err(|_| Problem::bad_request("`release` is the id of a release, a UUID."))?;
    page(&http, &caller, &uri, query, release).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct OfReleaseQuery {
    /// 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Also what only records: who read the log, steps of rollbacks, what was observed.
    records: Option<bool>,
}

/// The decisions about one release, newest first.
#[utoipa::path(get, path = "/releases/{id}/decisions", tag = "decisions",
    params(("id" = String, Path, format = "uuid"), OfReleaseQuery),
    responses((status = 200, description = "Newest first, and where to go on", body = Page<DecisionView>), Faults))]
pub(in crate::http) async fn of_release(
    State(http): State<Http>,
    Asker(caller): Asker,
    OriginalUri(uri): OriginalUri,
    Named(id): Named<ReleaseId>,
    Params(query): Params<OfReleaseQuery>,
) -> Result<Paged<DecisionView>, Problem> {
    http.service.release(&caller, id).await?;
    let query = ListQuery { limit: query.limit, cursor: query.cursor, records: query.records, ..ListQuery::default() };
    page(&http, &caller, &uri, query, Some(id)).await
}

async fn page(
    http: &Http,
    caller: &Caller,
    uri: &Uri,
    query: ListQuery,
    release: Option<ReleaseId>,
) -> Result<Paged<DecisionView>, Problem> {
    let size = cursor::size(query.limit)?;
    let time = |field: &str, text: Option<String>| match text.as_deref().map(str::parse::<Timestamp>) {
        None => Ok(None),
        Some(Ok(at)) => Ok(Some(at)),
        Some(Err(_)) => Err(Problem::bad_request(format!("`{field}` is a time like `2026-11-19T14:03:10Z`."))),
    };
    let service = query.service.map(ServiceName::new).transpose();
    let filter = DecisionFilter {
        acts: query.action.is_none() && query.records != Some(true),
        release,
        actor_key: query.actor,
        action: query.action,
        outcome: query.outcome,
        service: service.map_err(|error| Problem::bad_request(format!("`service`: {error}.")))?,
        text: query.q,
        from: time("from", query.from)?,
        to: time("to", query.to)?,
        before: query.cursor.as_deref().map(cursor::read_index).transpose()?,
        limit: size + 1,
    };
    let rows = http.service.decisions(caller, &filter).await?;
    let entries = http.service.acts(&rows).await?;
    let view = |row: &DecisionRow| DecisionView::new(row, entries.get(&row.leaf_index).cloned());
    Ok(cursor::page(uri, rows, size, |row| row.leaf_index.to_string(), view))
}

/// One decision.
#[utoipa::path(get, path = "/decisions/{id}", tag = "decisions", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The decision", body = DecisionView), Faults))]
pub(in crate::http) async fn get(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<DecisionId>,
) -> Result<Json<DecisionView>, Problem> {
    let row = http.service.read_decision(&caller, id).await?;
    let entry = http.service.acts(std::slice::from_ref(&row)).await?.remove(&row.leaf_index);
    Ok(Json(DecisionView::new(&row, entry)))
}

/// What was seen when a decision was made.
#[utoipa::path(get, path = "/evidence/{digest}", tag = "decisions", params(("digest" = String, Path)),
    responses((status = 200, description = "The JSON whose SHA-256 is the digest", body = Object), Faults))]
pub(in crate::http) async fn evidence(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(digest): Named<Digest>,
) -> Result<([(axum::http::HeaderName, &'static str); 1], String), Problem> {
    http.service.authorise(&caller, Action::Read)?;
    let body = http.service.store.evidence(&digest).await?;
    let body = body.ok_or_else(|| Problem::not_found("evidence", digest.as_str()))?;
    http.service.note_read(&caller, &Reading::Evidence(&digest)).await?;
    // Byte for byte, so that whoever asks can check the digest.
    debug_assert!(serde_json::from_str::<Value>(&body).is_ok());
    Ok(([(axum::http::header::CONTENT_TYPE, "application/json")], body))
}
