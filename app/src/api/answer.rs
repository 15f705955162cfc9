//! From the context to an answer with its status.

use super::{Ask, Lost};
use crate::backend::{Caller, FormReturn, Plane};
use crate::drawn;
use crate::error::AppError;
use crate::packed::{Unfit, pack};
use crate::view::act::{ActView, Verb};
use crate::view::data::{DataPanel, DataParts};
use crate::view::door::{SetupView, SignInView};
use crate::view::new_release::{NewReleaseForm, NewReleaseView};
use crate::view::redact::RedactForm;
use crate::view::rehearsal::RehearsalForm;
use crate::view::release::{ChecklistFault, ChoiceFault, ReleaseView};
use crate::view::{Drawn, Or};
use axum::http::StatusCode;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use serde::Serialize;
use std::str::FromStr;

/// Who asks, and whom.
pub(super) fn asked() -> Result<(Plane, Caller), Lost> {
    let plane = use_context::<Plane>().ok_or_else(Lost::default)?;
    let caller = use_context::<Caller>().ok_or_else(Lost::default)?;
    Ok((plane, caller))
}

/// What was asked for, packed; or why not.
pub(super) async fn answer(plane: Plane, caller: Caller, ask: Ask) -> Result<String, Lost> {
    let form = CameBack(use_context::<FormReturn>());
    match ask {
        Ask::Board { filter } => told(plane.board(&caller, filter).await),
        Ask::Release { id, done } => told(release(&plane, &caller, &id, &done, form).await),
        Ask::Act { id, verb, seen } => told(act(&plane, &caller, &id, &verb, seen, form).await),
        Ask::NewRelease { service } => {
            let typed = form.typed_release(service);
            told(plane.new_release_page(&caller, typed).await.map(|view| form.into_new_release(view)))
        }
        Ask::Decisions { filter } => {
            told(plane.decisions(&caller, filter).await.map(|view| drawn::decisions::page(&view)))
        }
        Ask::Decision { id } => match named(&id, "decision") {
            Ok(id) => told(plane.decision(&caller, id).await.map(|view| drawn::decision::page(&view))),
            Err(error) => told::<()>(Err(error)),
        },
        Ask::Redact { id } => told(redact(&plane, &caller, &id, form).await),
        Ask::Flags { done } => told(plane.flags(&caller, done.parse().ok()).await),
        Ask::Services => told(plane.services(&caller).await.map(|view| drawn::services::page(&view))),
        Ask::Service { name } => match named(&name, "service") {
            Ok(name) => told(plane.service(&caller, name).await.map(|view| drawn::service::page(&view))),
            Err(error) => told::<()>(Err(error)),
        },
        Ask::Runbooks => told(plane.runbooks(&caller).await.map(|view| drawn::runbooks::page(&view))),
        Ask::Runbook { name, release } => match named(&name, "runbook") {
            Ok(name) => {
                told(plane.runbook(&caller, name, release.parse().ok()).await.map(|view| drawn::runbook::page(&view)))
            }
            Err(error) => told::<()>(Err(error)),
        },
        Ask::Rehearsal { id, faults, runs, seed } => {
            let form = RehearsalForm { faults, runs, seed };
            told(rehearsal(&plane, &caller, &id, form).await)
        }
        Ask::SignIn { next } => told(plane.sign_in_page(&caller, &next).await.map(|view| form.into_sign_in(view))),
        Ask::Setup { token } => told(plane.setup_page(&caller, &token).await.map(|view| form.into_setup(view))),
    }
}

async fn release(
    plane: &Plane,
    caller: &Caller,
    id: &str,
    done: &str,
    form: CameBack,
) -> Result<ReleaseView, AppError> {
    let view = plane.release(caller, named(id, "release")?, done.parse().ok()).await?;
    Ok(form.into_release(view))
}

async fn redact(plane: &Plane, caller: &Caller, id: &str, form: CameBack) -> Result<Drawn, AppError> {
    let mut view = plane.redact_page(caller, named(id, "decision")?).await?;
    if let Some(FormReturn::Redact { typed, error }) = form.0 {
        set_status(&error);
        view.typed = RedactForm { idempotency_key: view.typed.idempotency_key, ..typed };
        view.fault = Some(error);
    }
    Ok(drawn::redact::page(&view))
}

async fn rehearsal(plane: &Plane, caller: &Caller, id: &str, form: RehearsalForm) -> Result<Drawn, AppError> {
    let view = plane.rehearsal(caller, named(id, "release")?, form).await?;
    view.fault.iter().for_each(set_status);
    Ok(drawn::rehearsal::page(&view))
}

async fn act(
    plane: &Plane,
    caller: &Caller,
    id: &str,
    verb: &str,
    seen: Option<u64>,
    form: CameBack,
) -> Result<ActView, AppError> {
    let (verb, seen) = (verb_named(verb)?, form.seen().or(seen));
    let view = match verb.of_flag() {
        true => plane.flag_act_page(caller, named(id, "flag")?, verb, seen).await?,
        false => plane.act_page(caller, named(id, "release")?, verb, seen).await?,
    };
    Ok(form.into_act(view))
}

/// Sets the status of the response: of the page on the first visit, of the call later on.
fn told<T: Serialize>(result: Result<T, AppError>) -> Result<String, Lost> {
    match result {
        Ok(view) => pack(&view).map_err(|Unfit| Lost::default()),
        Err(error) => {
            set_status(&error);
            Err(Lost { told: pack(&error).unwrap_or_default() })
        }
    }
}

fn set_status(error: &AppError) {
    if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(error.status())) {
        options.set_status(status);
    }
}

/// An id or a name from the address. What cannot be one does not exist.
fn named<T: FromStr>(text: &str, kind: &str) -> Result<T, AppError> {
    let shown: String = text.chars().take(80).collect();
    text.parse().map_err(|_| AppError::NotFound { what: format!("{kind} `{shown}`") })
}

fn verb_named(text: &str) -> Result<Verb, AppError> {
    let shown: String = text.chars().take(40).collect();
    Verb::read(text).ok_or_else(|| AppError::NotFound { what: format!("act `{shown}`") })
}

/// The form that came back with a fault, if one did.
struct CameBack(Option<FormReturn>);

impl CameBack {
    /// The version the person had in front of them.
    fn seen(&self) -> Option<u64> {
        match &self.0 {
            Some(FormReturn::Act { typed, .. }) => Some(typed.expected_version),
            _ => None,
        }
    }

    /// What was typed, or an empty form for this service.
    fn typed_release(&self, service: String) -> NewReleaseForm {
        match &self.0 {
            Some(FormReturn::NewRelease { typed, .. }) => typed.clone(),
            _ => NewReleaseForm { service, ..NewReleaseForm::default() },
        }
    }

    fn into_act(self, mut view: ActView) -> ActView {
        if let Some(FormReturn::Act { typed, error }) = self.0 {
            set_status(&error);
            if let AppError::Conflict { changes, .. } = &error
                && view.changes.is_empty()
            {
                view.changes.clone_from(changes);
            }
            view.typed = typed;
            view.fault = Some(error);
        }
        view
    }

    fn into_release(self, mut view: ReleaseView) -> ReleaseView {
        match self.0 {
            Some(FormReturn::Checklist { typed, error }) => {
                if let Or::Shown(panel) = &mut view.checklist {
                    set_status(&error);
                    panel.fault = Some(ChecklistFault { typed, error });
                }
            }
            Some(FormReturn::Choice { typed, error }) => {
                if let Some(panel) = &mut view.saga {
                    set_status(&error);
                    panel.fault = Some(ChoiceFault { typed, error });
                }
            }
            Some(FormReturn::Data { typed, error }) => {
                if let Some(panel) = view.data.iter_mut().find(|panel| panel.parts.name == typed.migration) {
                    set_status(&error);
                    let parts = std::mem::take(&mut panel.parts);
                    *panel = DataPanel::drawn(DataParts { typed, fault: Some(error), ..*parts });
                }
            }
            _ => {}
        }
        view
    }

    fn into_new_release(self, mut view: NewReleaseView) -> NewReleaseView {
        if let Some(FormReturn::NewRelease { typed, error }) = self.0 {
            view.typed = NewReleaseForm { idempotency_key: view.typed.idempotency_key, ..typed };
            view.fault = error.or(view.fault);
        }
        if let Some(fault) = &view.fault {
            set_status(fault);
        }
        view
    }

    fn into_sign_in(self, mut view: SignInView) -> SignInView {
        if let Some(FormReturn::SignIn { email, next, error }) = self.0 {
            set_status(&error);
            view = SignInView { email, next, fault: Some(error), ..view };
        }
        view
    }

    fn into_setup(self, mut view: SetupView) -> SetupView {
        if let Some(FormReturn::Setup { name, email, error }) = self.0 {
            set_status(&error);
            view = SetupView { name, email, fault: Some(error), ..view };
        }
        view
    }
}
