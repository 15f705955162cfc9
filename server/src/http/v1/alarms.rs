//! What needed a person, who was told, and trying whether people are told.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Params};
use crate::http::problem::Problem;
use crate::service::{AlarmView, AlarmsTried};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sternway_domain::id::ReleaseId;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AlarmList {
    items: Vec<AlarmView>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AlarmsQuery {
    /// Only those of this release.
    #[param(format = "uuid")]
    release: Option<String>,
}

/// What needs a person or needed one, and who was told: the newest 100, newest first.
#[utoipa::path(get, path = "/alarms", tag = "operations", params(AlarmsQuery),
    responses((status = 200, description = "The newest alarms with their delivery", body = AlarmList), Faults))]
pub(in crate::http) async fn list(
    State(http): State<Http>,
    Asker(caller): Asker,
    Params(query): Params<AlarmsQuery>,
) -> Result<Json<AlarmList>, Problem> {
    let release = query.release.as_deref().map(str::parse::<ReleaseId>).transpose();
    let release = release.map_err(|_| Problem::bad_request("`release` is the id of a release, a UUID."))?;
    Ok(Json(AlarmList { items: http.service.recent_alarms(&caller, release).await? }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TryAlarms {
    /// One channel; all that are told of everything when left out.
    channel: Option<String>,
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Sends a test message, and that it is over, and says what came back.
#[utoipa::path(post, path = "/alarms/test", tag = "operations", request_body = TryAlarms,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "What each channel answered", body = AlarmsTried), Faults))]
pub(in crate::http) async fn test(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(body): Body<TryAlarms>,
) -> Result<Json<AlarmsTried>, Problem> {
    Ok(Json(http.service.try_alarms(&caller, body.channel.as_deref(), &body.reason, &key).await?))
}
