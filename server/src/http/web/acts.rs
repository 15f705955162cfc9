//! Acts by plain forms: 303 to the release when done, the same page with what was typed when not.

use super::door::form;
use super::{Http, asker, page_caller, private, to_the_door};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Redirect, Response};
use sternway_app::backend::FormReturn;
use sternway_app::path;
use sternway_app::view::act::{ActDone, ActForm, Verb};
use sternway_app::view::data::DataForm;
use sternway_app::view::new_release::NewReleaseForm;
use sternway_app::view::release::{ChecklistForm, ChoiceForm};
use sternway_domain::id::{FlagKey, ReleaseId};

pub(super) async fn act(
    State(http): State<Http>,
    Path((id, verb)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, typed) = match form::<ActForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let verb = Verb::read(&verb).filter(|verb| !verb.of_flag());
    let (Ok(release), Some(verb)) = (id.parse::<ReleaseId>(), verb) else {
        return http.render(&parts, None).await;
    };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    match http.pages.plane.act(&page_caller(&parts), release, verb, typed.clone()).await {
        Ok(done) => to_release(&done),
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Act { typed, error })).await, status)
        }
    }
}

pub(super) async fn switch(
    State(http): State<Http>,
    Path((key, verb)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, typed) = match form::<ActForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    let verb = Verb::read(&verb).filter(|verb| verb.of_flag());
    let (Ok(key), Some(verb)) = (key.parse::<FlagKey>(), verb) else {
        return http.render(&parts, None).await;
    };
    match http.pages.plane.flag_act(&page_caller(&parts), key, verb, typed.clone()).await {
        Ok(done) => {
            let place = format!("{}?done={}", path::FLAGS, path::escaped(&done.decision));
            private(Redirect::to(&place).into_response())
        }
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Act { typed, error })).await, status)
        }
    }
}

pub(super) async fn set_item(State(http): State<Http>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, typed) = match form::<ChecklistForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Ok(release) = id.parse::<ReleaseId>() else { return http.render(&parts, None).await };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    match http.pages.plane.set_checklist_item(&page_caller(&parts), release, typed.clone()).await {
        Ok(done) => private(Redirect::to(&format!("{}#checklist-h", path::release(&done.release))).into_response()),
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Checklist { typed, error })).await, status)
        }
    }
}

pub(super) async fn choose(State(http): State<Http>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, typed) = match form::<ChoiceForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Ok(release) = id.parse::<ReleaseId>() else { return http.render(&parts, None).await };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    match http.pages.plane.choose(&page_caller(&parts), release, typed.clone()).await {
        Ok(done) => to_release(&done),
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Choice { typed, error })).await, status)
        }
    }
}

pub(super) async fn data(State(http): State<Http>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, typed) = match form::<DataForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Ok(release) = id.parse::<ReleaseId>() else { return http.render(&parts, None).await };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    match http.pages.plane.move_data(&page_caller(&parts), release, typed.clone()).await {
        Ok(done) => to_release(&done),
        Err(error) => {
            let status = error.status();
            with_status(http.render(&parts, Some(FormReturn::Data { typed, error })).await, status)
        }
    }
}

pub(super) async fn create(State(http): State<Http>, request: Request) -> Response {
    let (parts, typed) = match form::<NewReleaseForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if let Some(door) = stranger(&parts) {
        return door;
    }
    if typed.intent == "preview" {
        return http.render(&parts, Some(FormReturn::NewRelease { typed, error: None })).await;
    }
    match http.pages.plane.create_release(&page_caller(&parts), typed.clone()).await {
        Ok(done) => to_release(&done),
        Err(error) => {
            let status = error.status();
            let form = FormReturn::NewRelease { typed, error: Some(error) };
            with_status(http.render(&parts, Some(form)).await, status)
        }
    }
}

/// Who is not signed in is shown the door; the page that was asked for is where they come back to.
pub(super) fn stranger(parts: &request::Parts) -> Option<Response> {
    (!asker(parts).signed_in()).then(|| to_the_door(parts))
}

fn to_release(done: &ActDone) -> Response {
    let place = format!("{}?done={}", path::release(&done.release), path::escaped(&done.decision));
    private(Redirect::to(&place).into_response())
}

pub(super) fn with_status(mut response: Response, status: u16) -> Response {
    if let Ok(status) = StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response
}
