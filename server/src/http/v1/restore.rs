//! After the database was restored: whether the engine waits, and going on.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key};
use crate::http::problem::Problem;
use crate::service::{Confirmed, RestoreView};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ConfirmRestore {
    /// What you looked at, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Whether the engine waits because the database has come less far than is known outside of it.
#[utoipa::path(get, path = "/restore", tag = "operations", responses((status = 200, description = "Whether Sternway is held, since when and why", body = RestoreView), Faults))]
pub(in crate::http) async fn get(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<RestoreView>, Problem> {
    Ok(Json(http.service.restore(&caller)?))
}

/// Confirms what is observed after a restore: the engine goes on, under larger tokens than any that is known.
#[utoipa::path(post, path = "/restore", tag = "operations", request_body = ConfirmRestore,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "Written down; work goes on", body = Confirmed), Faults))]
pub(in crate::http) async fn confirm(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(confirm): Body<ConfirmRestore>,
) -> Result<Json<Confirmed>, Problem> {
    Ok(Json(http.service.confirm_restore(&caller, &confirm.reason, &key).await?))
}
