//! What a plan can be expected to do for a service.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Named, Params};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sternway_domain::id::{PlanName, ServiceName};
use sternway_domain::judge::estimate::Estimate;
use sternway_domain::judge::placebo::Placebo;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ExpectedQuery {
    /// The service, by its name.
    service: String,
}

/// From what was seen in the newest release of the service, no more than two weeks ago.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ExpectedView {
    /// Of the whole service, per second; absent when no release of it was watched lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<f64>,
    /// `stages`: when an unchanged version may go on and when twice and five times as bad a one would fail, in seconds
    /// from entering the stage; `warnings`. Absent when nothing was seen.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    /// `runs`: instances of the running version in the canary's place; `fired`: how many would have been rolled back;
    /// `by`: what fired.
    #[schema(value_type = Object)]
    placebo: Placebo,
    /// The change freeze that it would run into if it began now and went on as fast as it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    change_freeze: Option<String>,
    /// The same in words.
    sentences: Vec<String>,
}

/// What to expect of a plan for a service, before a release begins.
#[utoipa::path(get, path = "/plans/{name}/expected", tag = "plans", params(("name" = String, Path), ExpectedQuery),
    responses((status = 200, description = "How long it would take to decide, and what its limits would have done", body = ExpectedView), Faults))]
pub(in crate::http) async fn expected(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(name): Named<PlanName>,
    Params(query): Params<ExpectedQuery>,
) -> Result<Json<ExpectedView>, Problem> {
    let service = ServiceName::new(query.service);
    let service = service.map_err(|error| Problem::bad_request(format!("`service`: {error}.")))?;
    let expected = http.service.expected(&caller, &name, &service).await?;
    let sentences = expected.sentences();
    Ok(Json(ExpectedView {
        requests: expected.requests,
        estimate: expected.estimate,
        placebo: expected.placebo,
        change_freeze: expected.freeze,
        sentences,
    }))
}
