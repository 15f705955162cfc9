//! Services, plans, runbooks and checklists as they were applied.

use super::Faults;
use crate::documents::Kind;
use crate::http::Http;
use crate::http::ask::{Asker, Named, Params};
use crate::http::problem::Problem;
use crate::service::Caller;
use crate::store::rows::DocumentRow;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sternway_domain::access::Action;
use sternway_domain::id::{ChecklistName, PlanName, RunbookName, ServiceName};
use sternway_domain::plan::Plan;
use utoipa::{IntoParams, ToSchema};

/// A document with its place among its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DocumentView {
    name: String,
    /// Counted from 1.
    version: i64,
    digest: String,
    #[schema(format = "date-time")]
    applied_at: String,
    /// What it says; a plan with every default.
    #[schema(value_type = Object)]
    document: Value,
}

/// A document as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SourceView {
    #[serde(flatten)]
    view: DocumentView,
    /// The YAML or Markdown, as a person wrote it.
    source: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Documents {
    items: Vec<DocumentView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct VersionQuery {
    /// The newest when left out.
    pub(super) version: Option<i64>,
}

macro_rules! documents {
    ($($kind:literal $tag:literal: $list:ident $list_path:literal $all:literal $one:ident $one_path:literal $single:literal $name:ty),+ $(,)?) => {$(
        #[utoipa::path(get, path = $list_path, tag = $tag, summary = $all, responses((status = 200, description = "The newest version of each", body = Documents), Faults))]
        pub(in crate::http) async fn $list(
            State(http): State<Http>,
            Asker(caller): Asker,
        ) -> Result<Json<Documents>, Problem> {
            list(&http, &caller, $kind).await
        }

        #[utoipa::path(get, path = $one_path, tag = $tag, summary = $single, params(("name" = String, Path), VersionQuery),
            responses((status = 200, description = "The document as it was applied", body = SourceView), Faults))]
        pub(in crate::http) async fn $one(
            State(http): State<Http>,
            Asker(caller): Asker,
            Named(name): Named<$name>,
            Params(query): Params<VersionQuery>,
        ) -> Result<Json<SourceView>, Problem> {
            one(&http, &caller, $kind, name.as_str(), query.version).await
        }
    )+};
}

documents! {
    "Service" "services":
        services "/services" "Services: the newest version of each."
        service "/services/{name}" "One service." ServiceName,
    "Plan" "plans":
        plans "/plans" "Plans: the newest version of each."
        plan "/plans/{name}" "One plan, with every default." PlanName,
    "Runbook" "runbooks":
        runbooks "/runbooks" "Runbooks: the newest version of each."
        runbook "/runbooks/{name}" "One runbook." RunbookName,
    "Checklist" "checklists":
        checklists "/checklists" "Checklists: the newest version of each."
        checklist "/checklists/{name}" "One checklist." ChecklistName,
}

async fn list(http: &Http, caller: &Caller, kind: &str) -> Result<Json<Documents>, Problem> {
    http.service.authorise(caller, Action::View)?;
    let rows = http.service.store.documents(kind).await?;
    Ok(Json(Documents { items: rows.iter().map(view).collect() }))
}

pub(super) async fn one(
    http: &Http,
    caller: &Caller,
    kind: &'static str,
    name: &str,
    version: Option<i64>,
) -> Result<Json<SourceView>, Problem> {
    http.service.authorise(caller, Action::View)?;
    let row = http.service.store.document(kind, name, version).await?;
    let what = Kind::named(kind).map_or(kind, Kind::label);
    let row = row.ok_or_else(|| Problem::not_found(what, name))?;
    Ok(Json(SourceView { view: view(&row), source: row.source }))
}

fn view(row: &DocumentRow) -> DocumentView {
    let plan =
        || serde_json::from_str::<Plan>(&row.body).ok().and_then(|plan| serde_json::to_value(plan.effective()).ok());
    let effective = if row.kind == "Plan" { plan() } else { None };
    DocumentView {
        name: row.name.clone(),
        version: row.version,
        digest: row.digest.to_string(),
        applied_at: row.at.to_rfc3339(),
        document: effective.unwrap_or_else(|| serde_json::from_str(&row.body).unwrap_or_default()),
    }
}
