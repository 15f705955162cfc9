//! Taking texts of a decision out, by a plain form.

use super::acts::{stranger, with_status};
use super::door::form;
use super::{Http, page_caller, private};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use sternway_app::backend::FormReturn;
use sternway_app::path;
use sternway_app::view::redact::RedactForm;
use sternway_domain::id::DecisionId;

/// Back to the same page, which shows what is gone and what remains.
pub(super) async fn redact(State(http): State<Http>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, typed) = match form::<RedactForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Ok(decision) = id.parse::<DecisionId>() else { return http.render(&parts, None).await };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    match http.pages.plane.redact(&page_caller(&parts), decision, typed.clone()).await {
        Ok(()) => private(Redirect::to(&path::redact(&decision.to_string())).into_response()),
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Redact { typed, error })).await, status)
        }
    }
}
