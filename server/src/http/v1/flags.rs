//! Flags: read them, switch them.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named};
use crate::http::problem::Problem;
use crate::service::{DecisionBrief, FlagSummary, FlipRequest, RetireRequest, SplitRequest};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sternway_domain::flag::Share;
use sternway_domain::id::{EnvironmentName, FlagKey};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Flags {
    /// By key.
    items: Vec<FlagSummary>,
}

/// A flag with what happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FlagView {
    #[serde(flatten)]
    flag: FlagSummary,
    /// Oldest first.
    history: Vec<FlagHappened>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FlagHappened {
    version: i64,
    #[schema(format = "date-time")]
    at: String,
    #[schema(format = "uuid")]
    decision: Option<String>,
    /// `event` is `defined`, `flipped`, `split` or `retired`.
    #[schema(value_type = Object)]
    event: Value,
}

/// How a flag is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Switch {
    enabled: bool,
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
    /// The version of the flag that was seen. Another one now, and nothing is done: 409 with the events since.
    expected_version: i64,
    /// Another environment than this Sternway's own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
}

/// Who is to get what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Split {
    /// Shares of people who get other variants, in this order; empty: everybody gets the same. People are told apart by
    /// their targeting key.
    split: Vec<Share>,
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
    /// The version of the flag that was seen. Another one now, and nothing is done: 409 with the events since.
    expected_version: i64,
    /// Another environment than this Sternway's own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
}

/// Nothing asks for it any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Retirement {
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
    /// The version of the flag that was seen. Another one now, and nothing is done: 409 with the events since.
    expected_version: i64,
}

/// A flag was switched, split or retired.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SwitchedView {
    /// As it is now; its `version` is what the next act expects.
    flag: FlagSummary,
    decision: DecisionBrief,
}

/// All flags as they stand in this Sternway's environment.
#[utoipa::path(get, path = "/flags", tag = "flags", responses((status = 200, description = "Every flag and how it stands", body = Flags), Faults))]
pub(in crate::http) async fn list(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<Flags>, Problem> {
    let flags = http.service.flags(&caller).await?;
    let now = http.service.clock.now();
    let items = flags.iter().map(|flag| FlagSummary::of(flag, &http.service.environment, now)).collect();
    Ok(Json(Flags { items }))
}

/// One flag with its history.
#[utoipa::path(get, path = "/flags/{key}", tag = "flags", params(("key" = String, Path)),
    responses((status = 200, description = "The flag and its history", body = FlagView), Faults))]
pub(in crate::http) async fn get(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(key): Named<FlagKey>,
) -> Result<Json<FlagView>, Problem> {
    let flag = http.service.flag(&caller, &key).await?;
    let events = http.service.flag_events(&caller, &key).await?;
    let history = events.into_iter().map(|row| FlagHappened {
        version: row.version,
        at: row.at.to_rfc3339(),
        decision: row.decision.map(|id| id.to_string()),
        event: serde_json::from_str(&row.body).unwrap_or_default(),
    });
    let flag = FlagSummary::of(&flag, &http.service.environment, http.service.clock.now());
    Ok(Json(FlagView { flag, history: history.collect() }))
}

/// Switches a flag on or off: in force when answered.
///
/// The same `Idempotency-Key` with the same body gets the same answer and switches once; with another body it is refused.
#[utoipa::path(put, path = "/flags/{key}", tag = "flags", request_body = Switch,
    params(
        ("key" = String, Path),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "How the flag stands now", body = SwitchedView), Faults))]
pub(in crate::http) async fn put(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(flag): Named<FlagKey>,
    Key(key): Key,
    Body(switch): Body<Switch>,
) -> Result<Json<SwitchedView>, Problem> {
    let request = FlipRequest {
        flag,
        environment: switch.environment.unwrap_or_else(|| http.service.environment.clone()),
        enabled: switch.enabled,
        reason: switch.reason,
        expected_version: switch.expected_version,
        idempotency_key: key,
    };
    let flipped = http.service.flip(&caller, request).await?;
    Ok(Json(SwitchedView { flag: flipped.flag, decision: flipped.decision }))
}

/// Splits people between variants: in force when answered. Applying the flag's document again does not undo it.
///
/// The same `Idempotency-Key` with the same body gets the same answer and splits once; with another body it is refused.
#[utoipa::path(put, path = "/flags/{key}/split", tag = "flags", request_body = Split,
    params(
        ("key" = String, Path),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "How the flag stands now", body = SwitchedView), Faults))]
pub(in crate::http) async fn split(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(flag): Named<FlagKey>,
    Key(key): Key,
    Body(split): Body<Split>,
) -> Result<Json<SwitchedView>, Problem> {
    let request = SplitRequest {
        flag,
        environment: split.environment.unwrap_or_else(|| http.service.environment.clone()),
        split: split.split,
        reason: split.reason,
        expected_version: split.expected_version,
        idempotency_key: key,
    };
    let split = http.service.split_flag(&caller, request).await?;
    Ok(Json(SwitchedView { flag: split.flag, decision: split.decision }))
}

/// Retires a flag: clients get their own defaults from then on, as if there were no such flag.
///
/// Refused while the rollback of a service switches it. A retired flag stays in the list and is never switched again.
#[utoipa::path(post, path = "/flags/{key}/retire", tag = "flags", request_body = Retirement,
    params(
        ("key" = String, Path),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "How the flag stands now", body = SwitchedView), Faults))]
pub(in crate::http) async fn retire(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(flag): Named<FlagKey>,
    Key(key): Key,
    Body(Retirement { reason, expected_version }): Body<Retirement>,
) -> Result<Json<SwitchedView>, Problem> {
    let request = RetireRequest { flag, reason, expected_version, idempotency_key: key };
    let retired = http.service.retire_flag(&caller, request).await?;
    Ok(Json(SwitchedView { flag: retired.flag, decision: retired.decision }))
}
