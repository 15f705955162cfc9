//! Server functions: take the caller from the context, ask the [`ControlPlane`](crate::backend::ControlPlane), set the
//! status. All are POST with JSON, and only read; acts go by plain forms.

use crate::error::AppError;
use crate::view::act::ActView;
use crate::view::board::{BoardFilter, BoardView};
use crate::view::decision::{DecisionFilter, DecisionView, DecisionsView};
use crate::view::door::{SetupView, SignInView};
use crate::view::new_release::NewReleaseView;
use crate::view::release::ReleaseView;
use crate::view::runbook::{RunbookView, RunbooksView};
use crate::view::service::{ServiceView, ServicesView};
use leptos::prelude::server;
use leptos::server_fn::codec::Json;

#[cfg(feature = "ssr")]
mod answer;
#[cfg(feature = "ssr")]
use answer::{answered, asked, came_back, named, verb_named};

#[server(prefix = "/ui", endpoint = "board", input = Json)]
pub async fn board(filter: BoardFilter) -> Result<BoardView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.board(&caller, filter).await)
}

#[server(prefix = "/ui", endpoint = "release", input = Json)]
pub async fn release(id: String, done: Option<String>) -> Result<ReleaseView, AppError> {
    let (plane, caller) = asked()?;
    let form = came_back();
    let done = done.and_then(|done| done.parse().ok());
    answered(plane.release(&caller, named(&id, "release")?, done).await.map(|view| form.into_release(view)))
}

#[server(prefix = "/ui", endpoint = "act", input = Json)]
pub async fn act_page(id: String, verb: String, seen: Option<u64>) -> Result<ActView, AppError> {
    let (plane, caller) = asked()?;
    let form = came_back();
    let verb = verb_named(&verb)?;
    let seen = form.seen().or(seen);
    answered(plane.act_page(&caller, named(&id, "release")?, verb, seen).await.map(|view| form.into_act(view)))
}

#[server(prefix = "/ui", endpoint = "new-release", input = Json)]
pub async fn new_release(service: String) -> Result<NewReleaseView, AppError> {
    let (plane, caller) = asked()?;
    let form = came_back();
    let typed = form.typed_release(service);
    answered(plane.new_release_page(&caller, typed).await.map(|view| form.into_new_release(view)))
}

#[server(prefix = "/ui", endpoint = "decisions", input = Json)]
pub async fn decisions(filter: DecisionFilter) -> Result<DecisionsView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.decisions(&caller, filter).await)
}

#[server(prefix = "/ui", endpoint = "decision", input = Json)]
pub async fn decision(id: String) -> Result<DecisionView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.decision(&caller, named(&id, "decision")?).await)
}

#[server(prefix = "/ui", endpoint = "services", input = Json)]
pub async fn services() -> Result<ServicesView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.services(&caller).await)
}

#[server(prefix = "/ui", endpoint = "service", input = Json)]
pub async fn service(name: String) -> Result<ServiceView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.service(&caller, named(&name, "service")?).await)
}

#[server(prefix = "/ui", endpoint = "runbooks", input = Json)]
pub async fn runbooks() -> Result<RunbooksView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.runbooks(&caller).await)
}

#[server(prefix = "/ui", endpoint = "runbook", input = Json)]
pub async fn runbook(name: String, release: String) -> Result<RunbookView, AppError> {
    let (plane, caller) = asked()?;
    answered(plane.runbook(&caller, named(&name, "runbook")?, release.parse().ok()).await)
}

#[server(prefix = "/ui", endpoint = "sign-in", input = Json)]
pub async fn sign_in(next: String) -> Result<SignInView, AppError> {
    let (plane, caller) = asked()?;
    let form = came_back();
    answered(plane.sign_in_page(&caller, &next).await.map(|view| form.into_sign_in(view)))
}

#[server(prefix = "/ui", endpoint = "setup", input = Json)]
pub async fn setup(token: String) -> Result<SetupView, AppError> {
    let (plane, caller) = asked()?;
    let form = came_back();
    answered(plane.setup_page(&caller, &token).await.map(|view| form.into_setup(view)))
}
