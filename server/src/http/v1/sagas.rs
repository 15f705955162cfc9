//! How a release goes back: what it would do, where it stands, and what people choose on the way.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named, Params};
use crate::http::problem::Problem;
use crate::service::{DecisionBrief, SagaLog, StepActed, StepRequest};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use sternway_domain::artifact::{Artifact, VersionError};
use sternway_domain::component::Scope;
use sternway_domain::id::{DigestError, ReleaseId, ServiceName};
use sternway_domain::saga::{Choice, Side, StepId};
use utoipa::{IntoParams, ToSchema};

/// Where a saga stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SagaView {
    #[schema(format = "uuid")]
    id: String,
    /// What the next choice expects.
    version: i64,
    /// `rollback`, `rollforward`, `start` or `drill`.
    purpose: &'static str,
    #[schema(format = "date-time")]
    ordered_at: String,
    ordered_by: String,
    reason: String,
    /// Whether nothing more will happen.
    ended: bool,
    /// `2 of 5 back. storage failed: …`, each component, and the steps that need a person with their choices.
    #[schema(value_type = Object)]
    standing: Value,
    steps: Vec<StepView>,
}

/// One step and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct StepView {
    id: u16,
    title: String,
    kind: &'static str,
    component: Option<String>,
    /// Steps that come before it.
    after: Vec<u16>,
    /// `waiting`, `running`, `asking`, `unclear`, `retrying`, `failed`, `done` or `skipped`.
    status: &'static str,
    /// Tries so far.
    attempts: u32,
    /// The output, the error, or the reason for skipping it.
    said: String,
    #[schema(format = "date-time")]
    begun_at: Option<String>,
    #[schema(format = "date-time")]
    settled_at: Option<String>,
    /// How its undoing stands, once that has begun.
    undo: Option<&'static str>,
}

impl From<SagaLog> for SagaView {
    fn from(SagaLog { saga, .. }: SagaLog) -> Self {
        let steps = saga.plan.steps.iter().zip(&saga.tracks).map(|(step, tracks)| StepView {
            id: step.id.0,
            title: step.title.clone(),
            kind: step.act.kind(),
            component: step.component.as_ref().map(ToString::to_string),
            after: step.after.iter().map(|id| id.0).collect(),
            status: tracks.does.status.as_str(),
            attempts: tracks.does.attempt,
            said: tracks.does.said.clone(),
            begun_at: tracks.does.first_begun.map(|at| at.to_rfc3339()),
            settled_at: tracks.does.settled.map(|at| at.to_rfc3339()),
            undo: (tracks.undoes.attempt > 0).then(|| tracks.undoes.status.as_str()),
        });
        Self {
            id: saga.plan.id.to_string(),
            version: saga.version,
            purpose: saga.plan.purpose.label(),
            ordered_at: saga.ordered_at.to_rfc3339(),
            ordered_by: saga.ordered_by.clone(),
            reason: saga.reason.clone(),
            ended: saga.ended(),
            standing: serde_json::to_value(saga.standing()).unwrap_or_default(),
            steps: steps.collect(),
        }
    }
}

/// The same as `scope` of the act.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ScopeQuery {
    /// Names with commas between them; all of them when left out.
    components: Option<String>,
    /// Names with commas between them; everywhere when left out.
    cells: Option<String>,
    /// Keys of flags with commas between them; those of the components when left out.
    features: Option<String>,
}

fn listed<T>(field: &str, text: Option<&str>) -> Result<Option<BTreeSet<T>>, Problem>
where
    T: FromStr<Err: Display> + Ord,
{
    let wrong = |error: T::Err| Problem::bad_request(format!("`{field}`: {error}."));
    let one = |name: &str| name.trim().parse().map_err(wrong);
    text.map(|text| text.split(',').filter(|name| !name.trim().is_empty()).map(one).collect()).transpose()
}

/// What a rollback would do now: steps in order, traffic and whether the other side has room for it, flags, people, time.
///
/// `null` when traffic is all there is to take back. Nothing is written.
#[utoipa::path(get, path = "/releases/{id}/preview/rollback", tag = "releases",
    params(("id" = String, Path, format = "uuid"), ScopeQuery),
    responses((status = 200, description = "`steps`, `traffic`, `migrations`, `flags`, `told`, `by_hand`, `expected`, `at_most`, `blockers`, `warnings`", body = Object), Faults))]
pub(in crate::http) async fn preview(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
    Params(query): Params<ScopeQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = Scope {
        components: listed("components", query.components.as_deref())?,
        cells: listed("cells", query.cells.as_deref())?.unwrap_or_default(),
        features: listed("features", query.features.as_deref())?,
    };
    let preview = http.service.preview_rollback(&caller, id, &scope).await?;
    Ok(Json(serde_json::to_value(preview).unwrap_or_default()))
}

/// The hotfix that would be deployed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct HotfixQuery {
    version: String,
    digest: String,
    /// The component it is for; the service that is judged when left out.
    component: Option<String>,
}

/// What a rollforward to this hotfix would do now.
///
/// `null` when the hotfix is deployed by hand. Nothing is written.
#[utoipa::path(get, path = "/releases/{id}/preview/rollforward", tag = "releases",
    params(("id" = String, Path, format = "uuid"), HotfixQuery),
    responses((status = 200, description = "As for a rollback", body = Object), Faults))]
pub(in crate::http) async fn preview_forward(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
    Params(query): Params<HotfixQuery>,
) -> Result<Json<Value>, Problem> {
    let wrong = |field: &str, error: String| Problem::bad_request(format!("`{field}`: {error}."));
    let hotfix = Artifact {
        version: query.version.try_into().map_err(|error: VersionError| wrong("version", error.to_string()))?,
        digest: query.digest.parse().map_err(|error: DigestError| wrong("digest", error.to_string()))?,
    };
    let component = query.component.map(ServiceName::new).transpose();
    let component = component.map_err(|error| wrong("component", error.to_string()))?;
    let preview = http.service.preview_rollforward(&caller, id, component.as_ref(), &hotfix).await?;
    Ok(Json(serde_json::to_value(preview).unwrap_or_default()))
}

/// The newest saga of a release.
#[utoipa::path(get, path = "/releases/{id}/saga", tag = "releases", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "Every step, how far it is, and what people may choose", body = SagaView), Faults))]
pub(in crate::http) async fn get(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
) -> Result<Json<SagaView>, Problem> {
    let log = http.service.newest_saga(&caller, id).await?;
    log.map(|log| Json(log.into())).ok_or_else(|| Problem::not_found("saga of release", &id.to_string()))
}

/// What a person chooses for a saga.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Choose {
    /// Which step; not for `compensate` and `stop`, which concern all of it.
    #[serde(default)]
    step: Option<u16>,
    /// Whether it is the undoing of the step.
    #[serde(default)]
    undo: bool,
    /// `escalate`: who is called instead of the step's role.
    #[serde(default)]
    to: Option<String>,
    /// Why, in 3 to 2000 characters. `sign_off`: what was done.
    reason: String,
    /// The version of the saga that was seen.
    expected_version: i64,
}

/// The choice was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChosenView {
    #[schema(format = "uuid")]
    saga: String,
    version: i64,
    #[schema(value_type = Object)]
    standing: Value,
    decision: DecisionBrief,
}

impl From<StepActed> for ChosenView {
    fn from(acted: StepActed) -> Self {
        let standing = serde_json::to_value(&acted.standing).unwrap_or_default();
        Self { saga: acted.saga.to_string(), version: acted.version, standing, decision: acted.decision }
    }
}

/// Chooses how a saga goes on where it needs a person.
#[utoipa::path(post, path = "/releases/{id}/saga/{choice}", tag = "releases", request_body = Choose,
    params(
        ("id" = String, Path, format = "uuid"),
        ("choice" = String, Path, description = "`retry`, `skip`, `sign_off`, `compensate`, `escalate` or `stop`"),
        ("Idempotency-Key" = String, Header, description = "New for each new choice; the same when asking again"),
    ),
    responses((status = 202, description = "Written down; the steps go on from there", body = ChosenView), Faults))]
pub(in crate::http) async fn choose(
    State(http): State<Http>,
    Asker(caller): Asker,
    Path((id, choice)): Path<(String, String)>,
    Key(key): Key,
    Body(choose): Body<Choose>,
) -> Result<(StatusCode, Json<ChosenView>), Problem> {
    let release = id.parse().map_err(|_| Problem::not_found("release", &id))?;
    let choice = Choice::ALL.into_iter().find(|known| known.as_str() == choice);
    let request = StepRequest {
        release,
        choice: choice.ok_or_else(|| Problem::not_found("choice", &id))?,
        step: choose.step.map(StepId),
        side: if choose.undo { Side::Undo } else { Side::Do },
        to: choose.to,
        reason: choose.reason,
        expected_version: choose.expected_version,
        idempotency_key: key,
    };
    let acted = http.service.choose(&caller, request).await?;
    Ok((StatusCode::ACCEPTED, Json(acted.into())))
}
