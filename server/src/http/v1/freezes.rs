//! Change freezes as they were applied, and when they are in force.

use super::Faults;
use super::documents::{self, SourceView, VersionQuery};
use crate::documents::Kind;
use crate::http::Http;
use crate::http::ask::{Asker, Named, Params};
use crate::http::problem::Problem;
use crate::service::FreezeView;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sternway_domain::id::{FreezeName, ServiceName};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FreezeList {
    items: Vec<FreezeView>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct FreezesQuery {
    /// Only those that concern this service.
    service: Option<String>,
}

/// Change freezes: the newest version of each, whether it is in force, and what comes next.
#[utoipa::path(get, path = "/change-freezes", tag = "change freezes", params(FreezesQuery),
    responses((status = 200, description = "The newest version of each, by name", body = FreezeList), Faults))]
pub(in crate::http) async fn change_freezes(
    State(http): State<Http>,
    Asker(caller): Asker,
    Params(query): Params<FreezesQuery>,
) -> Result<Json<FreezeList>, Problem> {
    let service = query.service.as_deref().map(str::parse::<ServiceName>).transpose();
    let service = service.map_err(|_| Problem::bad_request("`service` is the name of a service."))?;
    Ok(Json(FreezeList { items: http.service.freezes(&caller, service.as_ref()).await? }))
}

/// One change freeze.
#[utoipa::path(get, path = "/change-freezes/{name}", tag = "change freezes", params(("name" = String, Path), VersionQuery),
    responses((status = 200, description = "The document as it was applied", body = SourceView), Faults))]
pub(in crate::http) async fn change_freeze(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(name): Named<FreezeName>,
    Params(query): Params<VersionQuery>,
) -> Result<Json<SourceView>, Problem> {
    documents::one(&http, &caller, Kind::ChangeFreeze.as_str(), name.as_str(), query.version).await
}
