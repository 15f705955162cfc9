//! How the decision log stands, and another key for it.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key};
use crate::http::problem::Problem;
use crate::service::{ChangeKey, KeyChanged, LogStatus};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// How the log stands: what is signed and with which key, and who outside has seen it.
#[utoipa::path(get, path = "/log/status", tag = "log", responses((status = 200, description = "How the log stands", body = LogStatus), Faults))]
pub(in crate::http) async fn status(
    State(http): State<Http>,
    Asker(caller): Asker,
) -> Result<Json<LogStatus>, Problem> {
    Ok(Json(http.service.log_status(&caller).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ChangeKeyBody {
    /// The key in use is gone for good. The new one does not follow from it, and that stays visible.
    #[serde(default)]
    lost: bool,
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Puts another key in the place of the one that signs the log. Both sign the first checkpoint, unless the old one is lost.
#[utoipa::path(post, path = "/log/key", tag = "log", request_body = ChangeKeyBody,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "The new key signs from here on", body = KeyChanged), Faults))]
pub(in crate::http) async fn change(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(body): Body<ChangeKeyBody>,
) -> Result<Json<KeyChanged>, Problem> {
    let request = ChangeKey { lost: body.lost, reason: body.reason };
    Ok(Json(http.service.change_key(&caller, &request, &key).await?))
}
