//! Applying documents: services, plans, checklists and runbooks, all of a set or nothing.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key};
use crate::http::problem::Problem;
use crate::service::Applied;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// One file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct File {
    /// As problems name it; its ending (`.yaml`, `.yml`, `.json`, `.md`) says how it is read.
    path: String,
    text: String,
}

/// A set of files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Apply {
    files: Vec<File>,
    /// Why, in 3 to 2000 characters. Left out: the number of files is written down.
    #[serde(default)]
    reason: Option<String>,
}

/// Applies documents, or says what is wrong with each of them and applies nothing.
#[utoipa::path(post, path = "/apply", tag = "configuration", request_body = Apply,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "What was created, changed or left as it was", body = Applied), Faults))]
pub(in crate::http) async fn apply(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(apply): Body<Apply>,
) -> Result<Json<Applied>, Problem> {
    let files: Vec<(String, String)> = apply.files.into_iter().map(|file| (file.path, file.text)).collect();
    let reason = apply.reason.unwrap_or_else(|| format!("{} files applied", files.len()));
    Ok(Json(http.service.apply(&caller, &files, &reason, &key).await?))
}
