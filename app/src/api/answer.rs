//! From the context to an answer with its status.

use crate::backend::{Caller, FormReturn, Plane};
use crate::error::AppError;
use crate::view::Or;
use crate::view::act::{ActView, Verb};
use crate::view::door::{SetupView, SignInView};
use crate::view::new_release::{NewReleaseForm, NewReleaseView};
use crate::view::release::{ChecklistFault, ReleaseView};
use axum::http::StatusCode;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::str::FromStr;

/// Who asks, and whom.
pub(super) fn asked() -> Result<(Plane, Caller), AppError> {
    let missing = |what: &str| AppError::Unavailable { what: what.to_owned(), request_id: "unknown".to_owned() };
    let plane = use_context::<Plane>().ok_or_else(|| missing("The server is still starting."))?;
    let caller = use_context::<Caller>().ok_or_else(|| missing("The server does not know who asks."))?;
    Ok((plane, caller))
}

/// Sets the status of the response: of the page on the first visit, of the call later on.
pub(super) fn answered<T>(result: Result<T, AppError>) -> Result<T, AppError> {
    if let Err(error) = &result {
        set_status(error);
    }
    result
}

fn set_status(error: &AppError) {
    if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(error.status())) {
        options.set_status(status);
    }
}

/// An id or a name from the address. What cannot be one does not exist.
pub(super) fn named<T: FromStr>(text: &str, kind: &str) -> Result<T, AppError> {
    let shown: String = text.chars().take(80).collect();
    answered(text.parse().map_err(|_| AppError::NotFound { what: format!("{kind} `{shown}`") }))
}

pub(super) fn verb_named(text: &str) -> Result<Verb, AppError> {
    let shown: String = text.chars().take(40).collect();
    answered(Verb::read(text).ok_or_else(|| AppError::NotFound { what: format!("act `{shown}`") }))
}

/// The form that came back with a fault, if one did.
pub(super) struct CameBack(Option<FormReturn>);

pub(super) fn came_back() -> CameBack {
    CameBack(use_context::<FormReturn>())
}

impl CameBack {
    /// The version the person had in front of them.
    pub(super) fn seen(&self) -> Option<u64> {
        match &self.0 {
            Some(FormReturn::Act { typed, .. }) => Some(typed.expected_version),
            _ => None,
        }
    }

    /// What was typed, or an empty form for this service.
    pub(super) fn typed_release(&self, service: String) -> NewReleaseForm {
        match &self.0 {
            Some(FormReturn::NewRelease { typed, .. }) => typed.clone(),
            _ => NewReleaseForm { service, ..NewReleaseForm::default() },
        }
    }

    pub(super) fn into_act(self, mut view: ActView) -> ActView {
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

    pub(super) fn into_release(self, mut view: ReleaseView) -> ReleaseView {
        if let (Some(FormReturn::Checklist { typed, error }), Or::Shown(panel)) = (self.0, &mut view.checklist) {
            set_status(&error);
            panel.fault = Some(ChecklistFault { typed, error });
        }
        view
    }

    pub(super) fn into_new_release(self, mut view: NewReleaseView) -> NewReleaseView {
        if let Some(FormReturn::NewRelease { typed, error }) = self.0 {
            if let Some(error) = &error {
                set_status(error);
            }
            view.typed = NewReleaseForm { idempotency_key: view.typed.idempotency_key, ..typed };
            view.fault = error.or(view.fault);
        }
        view
    }

    pub(super) fn into_sign_in(self, mut view: SignInView) -> SignInView {
        if let Some(FormReturn::SignIn { email, next, error }) = self.0 {
            set_status(&error);
            view = SignInView { email, next, fault: Some(error), ..view };
        }
        view
    }

    pub(super) fn into_setup(self, mut view: SetupView) -> SetupView {
        if let Some(FormReturn::Setup { name, email, error }) = self.0 {
            set_status(&error);
            view = SetupView { name, email, fault: Some(error), ..view };
        }
        view
    }
}
