//! Acts on a release: the same contract for every verb.

use super::Faults;
use super::shapes::ActedView;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key};
use crate::http::problem::Problem;
use crate::service::{ActRequest, NewArtifact, Overrides, Wanted};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use sternway_domain::artifact::Artifact;
use sternway_domain::checklist::ItemState;
use sternway_domain::component::{Fit, Scope};
use sternway_domain::id::{ReleaseId, ServiceName};
use utoipa::ToSchema;

/// What every act names.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Act {
    /// Why, in 3 to 2000 characters.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
    /// The version of the release that was seen. Another one now, and nothing is done: 409 with the events since.
    expected_version: i64,
    /// `start`: although the checklist is not complete or a candidate has become known bad. `promote`: although there is no `pass`.
    /// `rollforward`: although the hotfix is known bad. Shown by the decision.
    #[serde(default, rename = "override")]
    overridden: bool,
    /// `start`: the candidates run already; traffic is moved and nothing is deployed.
    #[serde(default)]
    deployed: bool,
    /// `rollforward`: the build that replaces the candidate.
    #[serde(default)]
    hotfix: Option<NewArtifact>,
    /// `rollforward`: the component that the hotfix is for. Left out: the service that is judged.
    #[serde(default)]
    component: Option<String>,
    /// `rollback`: which components, cells and flags go back. Left out: everything.
    #[serde(default)]
    scope: Option<Scope>,
    /// `rollback`: although the baseline has no room for all traffic. Shown by the decision.
    #[serde(default)]
    override_capacity: bool,
    /// `start` and `promote`: although a change freeze is in force. Shown by the decision.
    #[serde(default)]
    override_freeze: bool,
    /// `rollback` of a part: what goes back need not be declared to work with what stays (`undeclared`), or is declared
    /// not to (`breaks`). Shown by the decision.
    #[serde(default)]
    accept: Option<Accept>,
}

/// The worst fit that is taken.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum Accept {
    Undeclared,
    Breaks,
}

impl From<Accept> for Fit {
    fn from(accept: Accept) -> Self {
        match accept {
            Accept::Undeclared => Fit::Undeclared,
            Accept::Breaks => Fit::Breaks,
        }
    }
}

/// Acts on a release.
///
/// The same `Idempotency-Key` with the same body gets the same answer and acts once; with another body it is refused.
#[utoipa::path(post, path = "/releases/{id}/actions/{verb}", tag = "releases", request_body = Act,
    params(
        ("id" = String, Path, format = "uuid"),
        ("verb" = String, Path, description = "`start`, `promote`, `hold`, `resume`, `rollback`, `rollforward`, `freeze`, `cancel` or `resume_automation`"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 202, description = "Written down; what is asked of the proxy follows", body = ActedView), Faults))]
pub(in crate::http) async fn act(
    State(http): State<Http>,
    Asker(caller): Asker,
    Path((id, verb)): Path<(String, String)>,
    Key(key): Key,
    Body(act): Body<Act>,
) -> Result<(StatusCode, Json<ActedView>), Problem> {
    let release = read_release(&id)?;
    let wanted = wanted(&verb, &act)?;
    let request = ActRequest {
        release,
        wanted,
        reason: act.reason,
        expected_version: act.expected_version,
        overrides: Overrides {
            capacity: act.override_capacity,
            fit: act.accept.map(Fit::from),
            freeze: act.override_freeze,
        },
        idempotency_key: key,
    };
    let acted = http.service.act(&caller, request).await?;
    Ok((StatusCode::ACCEPTED, Json(acted.into())))
}

/// How an item of the checklist is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SetItem {
    /// `open`, `done` or `not_applicable`.
    state: String,
    /// For `done`: a link or a sentence that proves it. For `not_applicable`: why. 3 to 2000 characters.
    #[serde(default)]
    evidence: String,
    /// The version of the release that was seen.
    expected_version: i64,
}

/// Sets one item of the release's checklist.
#[utoipa::path(post, path = "/releases/{id}/checklist/{item}", tag = "releases", request_body = SetItem,
    params(
        ("id" = String, Path, format = "uuid"),
        ("item" = String, Path),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 202, description = "Written down; what is asked of the proxy follows", body = ActedView), Faults))]
pub(in crate::http) async fn set_item(
    State(http): State<Http>,
    Asker(caller): Asker,
    Path((id, item)): Path<(String, String)>,
    Key(key): Key,
    Body(set): Body<SetItem>,
) -> Result<(StatusCode, Json<ActedView>), Problem> {
    let to = match set.state.as_str() {
        "open" => ItemState::Open,
        "done" => ItemState::Done { evidence: set.evidence },
        "not_applicable" => ItemState::NotApplicable { reason: set.evidence },
        _ => return Err(Problem::invalid("/state", "write `open`, `done` or `not_applicable`")),
    };
    let request = ActRequest {
        release: read_release(&id)?,
        wanted: Wanted::Check { item, to },
        reason: String::new(),
        expected_version: set.expected_version,
        overrides: Overrides::default(),
        idempotency_key: key,
    };
    let acted = http.service.act(&caller, request).await?;
    Ok((StatusCode::ACCEPTED, Json(acted.into())))
}

fn read_release(id: &str) -> Result<ReleaseId, Problem> {
    id.parse().map_err(|_| Problem::not_found("release", id))
}

fn wanted(verb: &str, act: &Act) -> Result<Wanted, Problem> {
    let wanted = match verb {
        "start" => Wanted::Start { override_checklist: act.overridden, deployed: act.deployed },
        "promote" => Wanted::Promote { override_verdict: act.overridden },
        "hold" => Wanted::Hold,
        "resume" => Wanted::Resume,
        "rollback" => Wanted::Rollback { scope: act.scope.clone().unwrap_or_default() },
        "rollforward" => Wanted::Rollforward {
            hotfix: hotfix(act.hotfix.as_ref())?,
            component: component(act.component.as_ref())?,
            override_known_bad: act.overridden,
        },
        "freeze" => Wanted::Freeze,
        "cancel" => Wanted::Cancel,
        "resume_automation" => Wanted::ResumeAutomation,
        _ => return Err(Problem::not_found("act", verb)),
    };
    if act.overridden && !matches!(verb, "start" | "promote" | "rollforward") {
        return Err(Problem::invalid("/override", "only `start`, `promote` and `rollforward` can be overridden"));
    }
    if act.deployed && verb != "start" {
        return Err(Problem::invalid("/deployed", "only `start` deploys candidates"));
    }
    if act.hotfix.is_some() && verb != "rollforward" {
        return Err(Problem::invalid("/hotfix", "only `rollforward` takes a hotfix"));
    }
    if act.component.is_some() && verb != "rollforward" {
        return Err(Problem::invalid("/component", "only `rollforward` takes a component"));
    }
    if act.override_capacity && verb != "rollback" {
        return Err(Problem::invalid("/override_capacity", "only `rollback` looks at capacity"));
    }
    if act.override_freeze && !matches!(verb, "start" | "promote") {
        return Err(Problem::invalid(
            "/override_freeze",
            "only `start` and `promote` are kept from by a change freeze",
        ));
    }
    if act.accept.is_some() && verb != "rollback" {
        return Err(Problem::invalid("/accept", "only `rollback` asks what fits"));
    }
    if act.scope.is_some() && verb != "rollback" {
        return Err(Problem::invalid("/scope", "only `rollback` has a scope"));
    }
    Ok(wanted)
}

fn component(name: Option<&String>) -> Result<Option<ServiceName>, Problem> {
    let read = |name: &String| ServiceName::new(name.clone());
    name.map(read).transpose().map_err(|error| Problem::invalid("/component", error.to_string()))
}

fn hotfix(new: Option<&NewArtifact>) -> Result<Artifact, Problem> {
    let new = new.ok_or_else(|| Problem::invalid("/hotfix", "name the version and digest of the hotfix"))?;
    let wrong = |field: &str, error: String| Problem::invalid(format!("/hotfix/{field}"), error);
    Ok(Artifact {
        version: new
            .version
            .clone()
            .try_into()
            .map_err(|error: sternway_domain::artifact::VersionError| wrong("version", error.to_string()))?,
        digest: new
            .digest
            .parse()
            .map_err(|error: sternway_domain::id::DigestError| wrong("digest", error.to_string()))?,
    })
}
