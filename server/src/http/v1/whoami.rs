//! Who the API takes the caller for.

use super::Faults;
use crate::http::Http;
use crate::http::ask::Asker;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sternway_domain::access::{Action, may};
use sternway_domain::actor::Actor;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Whoami {
    /// `person` or `token`.
    kind: &'static str,
    /// The actor's key, as decisions are filtered by.
    key: String,
    /// For people.
    name: String,
    role: String,
    /// What this role may do.
    may: Vec<&'static str>,
}

/// Who you are, and what you may do.
#[utoipa::path(get, path = "/whoami", tag = "people", responses((status = 200, description = "Who asks, in which role", body = Whoami), Faults))]
pub(in crate::http) async fn whoami(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<Whoami>, Problem> {
    http.service.authorise(&caller, Action::View)?;
    let kind = if matches!(caller.actor, Actor::Token { .. }) { "token" } else { "person" };
    let Some(role) = caller.actor.role() else { return Err(Problem::unauthorized()) };
    Ok(Json(Whoami {
        kind,
        key: caller.actor.key(),
        name: caller.actor.label(),
        role: role.as_str().to_owned(),
        may: Action::ALL.into_iter().filter(|action| may(role, *action)).map(Action::as_str).collect(),
    }))
}
