//! Legal holds on texts of the decision log, and how long texts are kept without one.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named};
use crate::http::problem::Problem;
use crate::service::{HoldDone, HoldView};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::hold::Scope;
use sternway_domain::audit::retention::Class;
use sternway_domain::id::HoldId;
use sternway_domain::time::{Span, Timestamp};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Holds {
    items: Vec<HoldView>,
}

/// Legal holds, also those that were released; oldest first.
#[utoipa::path(get, path = "/log/holds", tag = "log", responses((status = 200, description = "Every hold, those that were released too", body = Holds), Faults))]
pub(in crate::http) async fn list(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<Holds>, Problem> {
    Ok(Json(Holds { items: http.service.holds(&caller).await? }))
}

/// What is held: entries that fit everything that is given. At least one of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct HoldBody {
    /// The id of a release.
    #[schema(format = "uuid")]
    release: Option<String>,
    service: Option<String>,
    /// RFC 3339, inclusive.
    #[schema(format = "date-time")]
    from: Option<String>,
    /// RFC 3339, exclusive.
    #[schema(format = "date-time")]
    to: Option<String>,
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Keeps texts from being taken out, by people and by the rule, until the hold is released. A service is that which a release
/// is judged by, or that is acted on by itself: what is said about documents, flags, and other components of a release is kept
/// by a hold on the release, or on a time.
#[utoipa::path(post, path = "/log/holds", tag = "log", request_body = HoldBody,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 201, description = "Written down", body = HoldDone), Faults))]
pub(in crate::http) async fn place(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(body): Body<HoldBody>,
) -> Result<(StatusCode, Json<HoldDone>), Problem> {
    let scope = Scope {
        release: read("release", "the id of a release, a UUID", body.release.as_deref())?,
        service: read("service", "the name of a service", body.service.as_deref())?,
        from: read::<Timestamp>("from", "a time like `2026-11-19T14:03:10Z`", body.from.as_deref())?,
        to: read::<Timestamp>("to", "a time like `2026-11-19T14:03:10Z`", body.to.as_deref())?,
    };
    Ok((StatusCode::CREATED, Json(http.service.place_hold(&caller, &scope, &body.reason, &key).await?)))
}

fn read<T: std::str::FromStr>(field: &str, what: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let wrong = |_| Problem::invalid(format!("/{field}"), format!("`{field}` is {what}."));
    text.map(str::parse).transpose().map_err(wrong)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReleaseBody {
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Releases a hold: from now on what it covered can be taken out.
#[utoipa::path(post, path = "/log/holds/{id}/release", tag = "log", request_body = ReleaseBody,
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "Written down", body = HoldDone), Faults))]
pub(in crate::http) async fn release(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<HoldId>,
    Key(key): Key,
    Body(body): Body<ReleaseBody>,
) -> Result<Json<HoldDone>, Problem> {
    Ok(Json(http.service.release_hold(&caller, id, &body.reason, &key).await?))
}

/// How long texts of the log are kept. Entries, and what stands in them in clear, are kept for ever.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RetentionView {
    /// Network addresses and what programs called themselves: `90d`; `null`: for ever.
    addresses: Option<String>,
    /// Names of people, tokens and accounts.
    names: Option<String>,
    /// Reasons, refusals, overridden rules, effects.
    texts: Option<String>,
}

/// How long texts of the log are kept, as it was set in `sternway.toml`.
#[utoipa::path(get, path = "/log/retention", tag = "log", responses((status = 200, description = "How long texts are kept", body = RetentionView), Faults))]
pub(in crate::http) async fn retention(
    State(http): State<Http>,
    Asker(caller): Asker,
) -> Result<Json<RetentionView>, Problem> {
    http.service.authorise(&caller, Action::View)?;
    // As people write it: `90d`, not `2160h`.
    let written = |span: Span| match (span.secs() / 86_400, span.secs() % 86_400) {
        (days, 0) => format!("{days}d"),
        _ => span.to_string(),
    };
    let kept = |class| http.settings.retention.kept(class).map(written);
    Ok(Json(RetentionView { addresses: kept(Class::Addresses), names: kept(Class::Names), texts: kept(Class::Texts) }))
}
