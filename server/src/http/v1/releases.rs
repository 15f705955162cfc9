//! Releases: listed, read, made; their events and ticks.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use super::shapes::ActedView;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named, Params};
use crate::http::cursor::{self, Page, Paged};
use crate::http::problem::Problem;
use crate::service::{NewRelease, ReleaseSummary, SourceSummary};
use crate::store::rows::ReleaseFilter;
use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sternway_domain::artifact::Artifact;
use sternway_domain::change_freeze::Frozen;
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::recovery::{AutomationHold, Ended, WayBack};
use sternway_domain::release::{Part, ReleaseAct};
use sternway_domain::time::{Span, Timestamp};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `draft`, `ready`, `running`, `holding`, `promoted`, `rolling_back`, `rolled_back`, …
    state: Option<String>,
    service: Option<String>,
    /// Whether the engine still has work with it.
    active: Option<bool>,
    /// 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Releases, newest first.
#[utoipa::path(get, path = "/releases", tag = "releases", params(ListQuery),
    responses((status = 200, description = "Newest first, and where to go on", body = Page<ReleaseSummary>), Faults))]
pub(in crate::http) async fn list(
    State(http): State<Http>,
    Asker(caller): Asker,
    OriginalUri(uri): OriginalUri,
    Params(query): Params<ListQuery>,
) -> Result<Paged<ReleaseSummary>, Problem> {
    let size = cursor::size(query.limit)?;
    let service = query.service.map(ServiceName::new).transpose();
    let filter = ReleaseFilter {
        state: query.state,
        service: service.map_err(|error| Problem::bad_request(format!("`service`: {error}.")))?,
        active: query.active,
        before: query.cursor.as_deref().map(cursor::read_release).transpose()?,
        limit: size + 1,
        ..ReleaseFilter::default()
    };
    let releases = http.service.releases(&caller, &filter).await?;
    let at = |release: &sternway_domain::release::Release| cursor::of_release(release.created_at, release.id);
    Ok(cursor::page(&uri, releases, size, at, |release| ReleaseSummary::from(release)))
}

/// Makes a release. With a checklist it is a draft until the checklist is complete.
#[utoipa::path(post, path = "/releases", tag = "releases", request_body = NewRelease,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 201, description = "Written down; what is asked of the proxy follows", body = ActedView), Faults))]
pub(in crate::http) async fn create(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(new): Body<NewRelease>,
) -> Result<(StatusCode, [(axum::http::HeaderName, String); 1], Json<ActedView>), Problem> {
    let acted = http.service.create(&caller, new, &key).await?;
    let place = format!("/api/v1/releases/{}", acted.release.id);
    Ok((StatusCode::CREATED, [(LOCATION, place)], Json(acted.into())))
}

/// One release with its plan, checklist, runbooks and traffic.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ReleaseView {
    #[serde(flatten)]
    summary: ReleaseSummary,
    /// Acts that are possible in this state, whoever asks.
    acts: Vec<&'static str>,
    /// The plan as it was when the release was made, with every default.
    #[schema(value_type = Object)]
    plan_document: Value,
    /// Items and how far they are.
    #[schema(value_type = Option<Object>)]
    checklist: Value,
    /// Pinned when the release started.
    #[schema(value_type = Vec<Object>)]
    runbooks: Value,
    /// Traffic asked and observed, as the engine saw it last.
    #[schema(value_type = Option<Object>)]
    traffic: Value,
    /// Where its service names two sources: what each said last. The worse verdict rules.
    sources: Vec<SourceSummary>,
    /// What moves in it and stays with its candidate; what went back by itself is not among it.
    moves: Vec<MovesView>,
    /// What went back while the rest stayed, in order.
    went_back: Vec<PartView>,
    /// Once it goes back: when that was noticed, decided, acted upon and well again, beside the service's objective.
    recovery: Option<RecoveryView>,
    /// Since when and why rules keep their hands off it, and which release to resume them on.
    automation_hold: Option<HoldView>,
    /// What keeps it from being started or promoted now without an override.
    change_freeze: Option<FrozenView>,
}

/// One release.
#[utoipa::path(get, path = "/releases/{id}", tag = "releases", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The release as it stands", body = ReleaseView), Faults))]
pub(in crate::http) async fn get(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
) -> Result<Json<ReleaseView>, Problem> {
    let release = http.service.release(&caller, id).await?;
    let traffic = http.service.traffic_status(&release.service).await?;
    let possible = ReleaseAct::ALL.into_iter().filter(|act| release.possible(*act));
    Ok(Json(ReleaseView {
        summary: ReleaseSummary::from(&release),
        acts: possible.map(ReleaseAct::as_str).collect(),
        plan_document: json(&release.plan),
        checklist: json(&release.checklist),
        runbooks: json(&release.runbooks),
        traffic: json(&traffic),
        sources: http.service.sources(release.id).await?,
        moves: release.moves().into_iter().map(MovesView::from).collect(),
        went_back: release.parts.iter().map(PartView::from).collect(),
        recovery: http.service.way_back(&caller, &release).await?.map(|back| recovery(&back, http.service.clock.now())),
        automation_hold: http.service.hold_on(&release).await?.map(HoldView::from),
        change_freeze: http.service.frozen(&release).await?.map(FrozenView::from),
    }))
}

/// A change freeze that is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FrozenView {
    service: String,
    /// The document; see `/api/v1/change-freezes/{name}`.
    name: String,
    /// Why, as it says.
    description: String,
    #[schema(format = "date-time")]
    since: String,
    /// `null` when it does not end within a year.
    #[schema(format = "date-time")]
    until: Option<String>,
    /// The zone of its times, as people there read them.
    zone: String,
}

impl From<Frozen> for FrozenView {
    fn from(frozen: Frozen) -> Self {
        Self {
            service: frozen.service.to_string(),
            name: frozen.freeze.to_string(),
            description: frozen.description,
            since: frozen.since.to_rfc3339(),
            until: frozen.until.map(Timestamp::to_rfc3339),
            zone: frozen.zone.to_string(),
        }
    }
}

/// One service that moves.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MovesView {
    service: String,
    /// The version that it moves to.
    to: String,
}

impl From<(&ServiceName, &Artifact)> for MovesView {
    fn from((service, artifact): (&ServiceName, &Artifact)) -> Self {
        Self { service: service.to_string(), to: artifact.version.to_string() }
    }
}

/// What went back while the rest stayed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PartView {
    /// None where only flags were switched off.
    services: Vec<String>,
    by: String,
    reason: String,
    #[schema(format = "date-time")]
    at: String,
    /// How its steps ended.
    summary: String,
}

impl From<&Part> for PartView {
    fn from(part: &Part) -> Self {
        Self {
            services: part.components.iter().map(|one| one.name.to_string()).collect(),
            by: part.by.clone(),
            reason: part.reason.clone(),
            at: part.at.to_rfc3339(),
            summary: part.summary.clone(),
        }
    }
}

/// Why rules keep their hands off.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HoldView {
    service: String,
    /// The release that was taken back: `resume_automation` is asked of it.
    #[schema(format = "uuid")]
    release: String,
    why: String,
    #[schema(format = "date-time")]
    since: String,
}

impl From<AutomationHold> for HoldView {
    fn from(hold: AutomationHold) -> Self {
        let (service, release) = (hold.service.to_string(), hold.release.to_string());
        Self { service, release, why: hold.why, since: hold.since.to_rfc3339() }
    }
}

/// How a release came back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RecoveryView {
    /// The first `fail` or `suspect` without a `pass` after it, or the order of a person.
    #[schema(format = "date-time")]
    detected_at: Option<String>,
    #[schema(format = "date-time")]
    decided_at: Option<String>,
    /// The first effect that was observed.
    #[schema(format = "date-time")]
    acted_at: Option<String>,
    #[schema(format = "date-time")]
    recovered_at: Option<String>,
    /// `not_yet`, `proven`, `traffic_only`, `partial`, or `part` where the rest stays.
    #[schema(value_type = String)]
    ended: Ended,
    /// Seconds between them, where both ends are known; `total` is until now while it goes on.
    seconds: Seconds,
    /// The service's recovery time objective in seconds.
    objective: Option<f64>,
    /// Whether it is kept. While it goes on only a miss is certain.
    kept: Option<bool>,
    /// The same in words.
    sentence: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Seconds {
    decide: Option<f64>,
    act: Option<f64>,
    recover: Option<f64>,
    total: Option<f64>,
}

fn recovery(back: &WayBack, now: Timestamp) -> RecoveryView {
    let spent = back.times.spent(back.objective, now);
    let (at, secs) =
        (|at: Option<Timestamp>| at.map(Timestamp::to_rfc3339), |span: Option<Span>| span.map(Span::secs_f64));
    let (decide, act, recover, total) = (secs(spent.decide), secs(spent.act), secs(spent.recover), secs(spent.total));
    RecoveryView {
        detected_at: at(back.times.detected),
        decided_at: at(back.times.decided),
        acted_at: at(back.times.acted),
        recovered_at: at(back.times.recovered),
        ended: back.ended,
        seconds: Seconds { decide, act, recover, total },
        objective: secs(back.objective),
        kept: spent.kept,
        sentence: back.sentence(now),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct HistoryQuery {
    /// Only events after this version.
    after: Option<i64>,
}

/// One event of a release.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EventView {
    #[schema(format = "date-time")]
    at: String,
    version: i64,
    #[schema(value_type = Object)]
    event: Value,
}

/// Everything that happened to a release, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct History {
    items: Vec<EventView>,
}

/// The events of a release, oldest first.
#[utoipa::path(get, path = "/releases/{id}/history", tag = "releases",
    params(("id" = String, Path, format = "uuid"), HistoryQuery), responses((status = 200, description = "Its events, oldest first", body = History), Faults))]
pub(in crate::http) async fn history(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let after = query.after.unwrap_or(0).max(0);
    http.service.release(&caller, id).await?;
    let events = http.service.history(&caller, id, after).await?;
    let items = events.iter().zip(after + 1..).map(|((at, event), version)| EventView {
        at: at.to_rfc3339(),
        version,
        event: json(event),
    });
    Ok(Json(History { items: items.collect() }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct TicksQuery {
    /// RFC 3339; the last 20 minutes when left out.
    since: Option<String>,
}

/// What was read and judged, one per tick.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Ticks {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
}

/// What was read of a release's signals and what it meant, oldest first; at most the newest 1,200.
#[utoipa::path(get, path = "/releases/{id}/ticks", tag = "releases",
    params(("id" = String, Path, format = "uuid"), TicksQuery), responses((status = 200, description = "What was read and judged", body = Ticks), Faults))]
pub(in crate::http) async fn ticks(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
    Params(query): Params<TicksQuery>,
) -> Result<Json<Ticks>, Problem> {
    const USUAL: Span = Span::from_secs(20 * 60);
    let since = match query.since.as_deref().map(str::parse::<Timestamp>) {
        None => http.service.clock.now() - USUAL,
        Some(Ok(since)) => since,
        Some(Err(_)) => return Err(Problem::bad_request("`since` is a time like `2026-11-19T14:03:10Z`.")),
    };
    http.service.release(&caller, id).await?;
    let ticks = http.service.tick_bodies(id, since).await?;
    Ok(Json(Ticks { items: ticks.iter().map(json).collect() }))
}

/// Our own types have string keys and finite numbers; what is not, shows as `null`.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
