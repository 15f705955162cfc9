//! Data migrations of a release: how far they are, what is missing, and moving them.

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named};
use crate::http::problem::Problem;
use crate::service::{DataActed, DataRequest, DataSeen, DataWanted, DecisionBrief};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sternway_domain::id::{MigrationName, ReleaseId};
use sternway_domain::migration::Phase;
use utoipa::ToSchema;

/// How far a migration is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MigrationView {
    name: String,
    /// The service whose data it is.
    component: String,
    description: String,
    /// What the next act expects.
    version: i64,
    /// `planned`, `expand`, `dual_write`, `backfill`, `switch_reads` or `contract`.
    phase: &'static str,
    #[schema(format = "date-time")]
    since: String,
    /// One sentence: whether the component may still go back, or why not.
    safety: String,
    /// The last phase from which going back loses nothing.
    last_safe: &'static str,
    past_no_return: bool,
    /// What is lost by going back from beyond it.
    data_loss: String,
    /// `free`, `through` with its phases, `refused` with why and the other ways, or `glass_broken`.
    #[schema(value_type = Object)]
    way_back: Value,
    next: Option<NextView>,
    /// Every move, the first one first: `from`, `to`, `by`, `reason`, `overridden`, `at`.
    #[schema(value_type = Vec<Object>)]
    moves: Vec<Value>,
    queries: Vec<QueryView>,
    /// Who signed in which role since this phase was entered.
    #[schema(value_type = Vec<Object>)]
    signed: Vec<Value>,
    /// Somebody asked to break the glass; a second person must confirm it within an hour.
    #[schema(value_type = Option<Object>)]
    glass_asked: Option<Value>,
    /// Said wherever the rollback is shown.
    glass_broken: Option<String>,
}

/// The next phase.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct NextView {
    phase: &'static str,
    /// What is missing before it may be entered, in words. Empty when nothing is.
    missing: Vec<String>,
}

/// A question to the data.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct QueryView {
    name: String,
    sql: String,
    connection: Option<String>,
    /// `exactly 0`.
    wanted: String,
    timeout: String,
    /// What it gave the last time: `value`, `good`, `detail`, `at`.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
}

impl From<DataSeen> for MigrationView {
    fn from(DataSeen { migration, share, at }: DataSeen) -> Self {
        let missing = migration.missing(share, at).iter().map(ToString::to_string).collect();
        let next = migration.phase.next().map(|next| NextView { phase: next.as_str(), missing });
        let asked = migration.asked(at).map(|asked| {
            json!({"by": asked.by, "reason": asked.reason, "data_loss": asked.data_loss, "at": asked.at.to_rfc3339()})
        });
        let moves = migration.moves.iter().map(|moved| {
            json!({
                "from": moved.from.as_str(), "to": moved.to.as_str(), "by": moved.by, "reason": moved.reason,
                "overridden": moved.overridden, "at": moved.at.to_rfc3339(),
            })
        });
        let signed = migration.signed.iter().map(
            |signed| json!({"role": signed.role, "by": signed.by, "note": signed.note, "at": signed.at.to_rfc3339()}),
        );
        let connection = migration.plan.connection.as_ref().map(ToString::to_string);
        let queries = migration.plan.queries.iter().map(|(name, query)| QueryView {
            name: name.clone(),
            sql: query.sql.clone(),
            connection: connection.clone(),
            wanted: query.expect.words(),
            timeout: query.timeout.to_string(),
            result: migration.results.get(name).map(|result| {
                let at = result.at.to_rfc3339();
                json!({"value": result.value, "good": result.good, "detail": result.detail, "at": at})
            }),
        });
        Self {
            name: migration.plan.name.to_string(),
            component: migration.plan.component.to_string(),
            description: migration.plan.description.clone(),
            version: migration.version,
            phase: migration.phase.as_str(),
            since: migration.since.to_rfc3339(),
            safety: migration.safety(),
            last_safe: migration.plan.last_safe.as_str(),
            past_no_return: migration.past_no_return(),
            data_loss: migration.plan.data_loss.clone(),
            way_back: serde_json::to_value(migration.way_back()).unwrap_or_default(),
            next,
            moves: moves.collect(),
            queries: queries.collect(),
            signed: signed.collect(),
            glass_asked: asked,
            glass_broken: migration.broken.as_ref().map(|glass| glass.notice()),
        }
    }
}

/// The data migrations of a release.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MigrationList {
    items: Vec<MigrationView>,
}

/// The data migrations of a release, by name: how far, moved by whom, what is missing, and the way back.
#[utoipa::path(get, path = "/releases/{id}/migrations", tag = "releases", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "Every migration of the release, its phase and what is missing", body = MigrationList), Faults))]
pub(in crate::http) async fn list(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
) -> Result<Json<MigrationList>, Problem> {
    let seen = http.service.data(&caller, id).await?;
    Ok(Json(MigrationList { items: seen.into_iter().map(Into::into).collect() }))
}

/// An act on a migration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ActOnData {
    /// `move`: the next phase. `back`: the phase to go back to; left out: the only way there is.
    #[serde(default)]
    to: Option<String>,
    /// `move`: although conditions are not met; the decision shows which.
    #[serde(default, rename = "override")]
    overriding: bool,
    /// `validate`: which query.
    #[serde(default)]
    query: Option<String>,
    /// `sign`: in which role.
    #[serde(default)]
    role: Option<String>,
    /// Why, in 3 to 2000 characters.
    reason: String,
    /// The version of the migration that was seen.
    expected_version: i64,
}

impl ActOnData {
    fn wanted(&self, act: &str) -> Result<DataWanted, Problem> {
        let named = |field: &str, value: &Option<String>| {
            let value = value.clone().filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| Problem::invalid(format!("/{field}"), format!("`{act}` needs `{field}`")))
        };
        let phase = |text: String| {
            let known = Phase::ALL.into_iter().find(|phase| phase.as_str() == text);
            let names = Phase::ALL.map(|phase| format!("`{}`", phase.as_str())).join(", ");
            known.ok_or_else(|| Problem::invalid("/to", format!("is no phase; use one of {names}")))
        };
        Ok(match act {
            "move" => DataWanted::Move { to: phase(named("to", &self.to)?)?, override_conditions: self.overriding },
            "back" => DataWanted::Back { to: self.to.clone().map(phase).transpose()? },
            "validate" => DataWanted::Validate { query: named("query", &self.query)? },
            "sign" => DataWanted::Sign { role: named("role", &self.role)? },
            "ask_glass" => DataWanted::AskGlass,
            "break_glass" => DataWanted::BreakGlass,
            other => return Err(Problem::not_found("act on data", other)),
        })
    }
}

/// The act was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DataActedView {
    migration: String,
    version: i64,
    phase: &'static str,
    /// For people: what was done.
    said: String,
    decision: DecisionBrief,
}

impl From<DataActed> for DataActedView {
    fn from(acted: DataActed) -> Self {
        let DataActed { migration, version, phase, said, decision } = acted;
        Self { migration: migration.to_string(), version, phase: phase.as_str(), said, decision }
    }
}

/// Moves a data migration, asks its data, signs for it, or asks for and confirms breaking the glass.
#[utoipa::path(post, path = "/releases/{id}/migrations/{name}/{act}", tag = "releases", request_body = ActOnData,
    params(
        ("id" = String, Path, format = "uuid"),
        ("name" = String, Path, description = "The migration"),
        ("act" = String, Path, description = "`move`, `back`, `validate`, `sign`, `ask_glass` or `break_glass`"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "Written down, and what came of it", body = DataActedView), Faults))]
pub(in crate::http) async fn act(
    State(http): State<Http>,
    Asker(caller): Asker,
    Path((id, name, act)): Path<(String, String, String)>,
    Key(key): Key,
    Body(asked): Body<ActOnData>,
) -> Result<Json<DataActedView>, Problem> {
    let release = id.parse().map_err(|_| Problem::not_found("release", &id))?;
    let migration: MigrationName = name.parse().map_err(|_| Problem::not_found("migration", &name))?;
    let request = DataRequest {
        release,
        migration,
        wanted: asked.wanted(&act)?,
        reason: asked.reason,
        expected_version: asked.expected_version,
        idempotency_key: key,
    };
    Ok(Json(http.service.move_data(&caller, request).await?.into()))
}
