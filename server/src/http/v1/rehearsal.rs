//! What could happen if a release went back now.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Named, Params};
use crate::http::problem::Problem;
use crate::service::{RehearsalRequest, ServiceError};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sternway_domain::id::ReleaseId;
use sternway_domain::rehearsal::FaultsError;
use sternway_domain::saga::Outcome;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct RehearsalQuery {
    /// `none`, `storm`, or chances 0-1: `crash=0.05,lost=0.1,last=10m`. Left out: `storm`.
    faults: Option<String>,
    /// The first seed; the same seed is the same run. Left out: 1.
    seed: Option<u64>,
    /// 1 to 2000. Left out: 500.
    runs: Option<u32>,
}

/// Rehearsals beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RehearsalView {
    /// How many steps each run has; `null` when traffic is all there is to take back, and nothing was rehearsed.
    steps: Option<usize>,
    runs: u32,
    /// The best first.
    ends: Vec<EndView>,
    /// Virtual time: `1m20s`.
    median: String,
    /// What 19 of 20 runs did not exceed.
    p95: String,
    /// Runs that needed a person.
    with_people: u32,
    crashes: u64,
    takeovers: u64,
    /// Orders of an older token that were turned away.
    stale_refused: u64,
    /// Writes of an older token that an unfenced driver took; corrected by the reconciler.
    stale_taken: u64,
    /// Promises that were broken; empty unless something is very wrong.
    broken: Vec<BrokenView>,
}

/// One way to end.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EndView {
    /// `complete`, `partial`, `undone`, `partly_undone` or `never`.
    outcome: String,
    summary: String,
    runs: u32,
    /// The first seed that ended so.
    seed: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BrokenView {
    seed: u64,
    promise: String,
}

/// What could happen if the release went back now: its own steps, many times, against made-up faults, in virtual time.
///
/// Nothing is written, and nothing outside hears of it.
#[utoipa::path(get, path = "/releases/{id}/rehearsal", tag = "releases",
    params(("id" = String, Path, format = "uuid"), RehearsalQuery),
    responses((status = 200, description = "What could happen, counted", body = RehearsalView), Faults))]
pub(in crate::http) async fn rehearsal(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<ReleaseId>,
    Params(query): Params<RehearsalQuery>,
) -> Result<Json<RehearsalView>, Problem> {
    let faults =
        query.faults.as_deref().unwrap_or("storm").parse().map_err(|error: FaultsError| ServiceError::Invalid {
            field: "faults".to_owned(),
            text: error.to_string(),
        })?;
    let request = RehearsalRequest { faults, seed: query.seed.unwrap_or(1), runs: query.runs.unwrap_or(500) };
    let rehearsed = http.service.rehearse_rollback(&caller, id, &request).await?;
    let seen = rehearsed.overview;
    let (median, p95) = seen.times();
    let ends = seen.ends().into_iter().map(|end| EndView {
        outcome: end.outcome.map_or("never", Outcome::label).replace(' ', "_"),
        summary: end.summary,
        runs: end.runs,
        seed: end.seed,
    });
    Ok(Json(RehearsalView {
        steps: rehearsed.steps,
        runs: seen.runs,
        ends: ends.collect(),
        median: median.to_string(),
        p95: p95.to_string(),
        with_people: seen.with_people,
        crashes: seen.crashes,
        takeovers: seen.takeovers,
        stale_refused: seen.stale_refused,
        stale_taken: seen.stale_taken,
        broken: seen.broken.into_iter().map(|(seed, promise)| BrokenView { seed, promise }).collect(),
    }))
}
