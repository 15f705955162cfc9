//! What the pages ask of the server. The server implements [`ControlPlane`] and provides, for each request, in the
//! Leptos context: `Arc<dyn ControlPlane>`, [`Caller`], [`crate::view::ChromeView`], [`crate::shell::Assets`], and
//! [`FormReturn`] when a form comes back with a fault.

use crate::error::AppError;
use crate::view::act::{ActDone, ActForm, ActView, Verb};
use crate::view::board::{BoardFilter, BoardView};
use crate::view::data::DataForm;
use crate::view::decision::{DecisionFilter, DecisionView, DecisionsView};
use crate::view::door::{SetupView, SignInView};
use crate::view::flag::FlagsView;
use crate::view::new_release::{NewReleaseForm, NewReleaseView};
use crate::view::redact::{RedactForm, RedactView};
use crate::view::rehearsal::{RehearsalForm, RehearsalView};
use crate::view::release::{ChecklistForm, ChoiceForm, ReleaseView};
use crate::view::runbook::{RunbookView, RunbooksView};
use crate::view::service::{ServiceView, ServicesView};
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::Arc;
use sternway_domain::actor::Actor;
use sternway_domain::id::{DecisionId, FlagKey, ReleaseId, RunbookName, ServiceName};

/// Who asks, as the server's session layer found out. Made anew for each request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// [`Actor::Anonymous`] when nobody is signed in.
    pub actor: Actor,
    /// For the person to quote and the operator to find.
    pub request_id: String,
    pub trace_id: String,
    pub ip: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// What names the session in records; never the secret in the cookie.
    pub session: Option<String>,
}

impl Caller {
    /// Refuses those who are not signed in.
    pub fn signed_in(&self) -> Result<&Self, AppError> {
        if matches!(self.actor, Actor::Anonymous) { Err(AppError::NotSignedIn) } else { Ok(self) }
    }
}

/// A plain form was posted and could not be done: the same page is rendered again, with this in the context.
#[derive(Clone)]
pub enum FormReturn {
    SignIn {
        email: String,
        next: String,
        error: AppError,
    },
    Setup {
        name: String,
        email: String,
        error: AppError,
    },
    Act {
        typed: ActForm,
        error: AppError,
    },
    Checklist {
        typed: ChecklistForm,
        error: AppError,
    },
    Choice {
        typed: ChoiceForm,
        error: AppError,
    },
    Data {
        typed: DataForm,
        error: AppError,
    },
    Redact {
        typed: RedactForm,
        error: AppError,
    },
    /// `error` is `None` when a preview was asked for.
    NewRelease {
        typed: NewReleaseForm,
        error: Option<AppError>,
    },
}

/// Every read and act of the UI. Each authorises for itself: a server function is a public endpoint.
///
/// Errors are [`AppError`], worded for people; what only operators may see is logged where it happens and shows up here
/// as [`AppError::Unavailable`] with the request's id.
#[async_trait]
pub trait ControlPlane: Send + Sync {
    /// For anybody. `next` is where the person was going.
    async fn sign_in_page(&self, caller: &Caller, next: &str) -> Result<SignInView, AppError>;

    /// For anybody who has the one-time link.
    async fn setup_page(&self, caller: &Caller, token: &str) -> Result<SetupView, AppError>;

    async fn board(&self, caller: &Caller, filter: BoardFilter) -> Result<BoardView, AppError>;

    /// `done` is the decision the person has just made; the view then carries a toast.
    async fn release(&self, caller: &Caller, id: ReleaseId, done: Option<DecisionId>) -> Result<ReleaseView, AppError>;

    /// The facts before an act, as of now, with a fresh idempotency key. `seen` is the version the person last saw: when
    /// the release has moved on since, `changes` says how. Answers also when the act is not allowed, with `why_not`.
    async fn act_page(
        &self,
        caller: &Caller,
        id: ReleaseId,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView, AppError>;

    /// Does it, or says why not. A missing reason is [`AppError::Invalid`] with the field `reason`; a release that moved
    /// on is [`AppError::Conflict`].
    async fn act(&self, caller: &Caller, id: ReleaseId, verb: Verb, form: ActForm) -> Result<ActDone, AppError>;

    /// `done` is the decision the person has just made; the view then carries a toast.
    async fn flags(&self, caller: &Caller, done: Option<DecisionId>) -> Result<FlagsView, AppError>;

    /// The facts before a flag is switched, like [`act_page`](ControlPlane::act_page).
    async fn flag_act_page(
        &self,
        caller: &Caller,
        key: FlagKey,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView, AppError>;

    /// Switches it, or says why not, like [`act`](ControlPlane::act).
    async fn flag_act(&self, caller: &Caller, key: FlagKey, verb: Verb, form: ActForm) -> Result<ActDone, AppError>;

    /// Sets one item of the release's checklist.
    async fn set_checklist_item(
        &self,
        caller: &Caller,
        id: ReleaseId,
        form: ChecklistForm,
    ) -> Result<ActDone, AppError>;

    /// Chooses how a rollback goes on where a step needs a person.
    async fn choose(&self, caller: &Caller, id: ReleaseId, form: ChoiceForm) -> Result<ActDone, AppError>;

    /// Moves data of a release, asks it, signs, or breaks the glass.
    async fn move_data(&self, caller: &Caller, id: ReleaseId, form: DataForm) -> Result<ActDone, AppError>;

    /// The form, with choices; `form.service` may be given by the address. With `intent` = `preview` the view carries
    /// what the plan would do, or what is wrong with what was typed.
    async fn new_release_page(&self, caller: &Caller, form: NewReleaseForm) -> Result<NewReleaseView, AppError>;

    async fn create_release(&self, caller: &Caller, form: NewReleaseForm) -> Result<ActDone, AppError>;

    async fn decisions(&self, caller: &Caller, filter: DecisionFilter) -> Result<DecisionsView, AppError>;

    async fn decision(&self, caller: &Caller, id: DecisionId) -> Result<DecisionView, AppError>;

    /// The texts of a decision that can be taken out. For those who may.
    async fn redact_page(&self, caller: &Caller, id: DecisionId) -> Result<RedactView, AppError>;

    /// Takes texts of a decision out of everything that is stored.
    async fn redact(&self, caller: &Caller, id: DecisionId, form: RedactForm) -> Result<(), AppError>;

    /// What could happen if the release went back now. What is wrong with the form comes back in the view.
    async fn rehearsal(&self, caller: &Caller, id: ReleaseId, form: RehearsalForm) -> Result<RehearsalView, AppError>;

    async fn services(&self, caller: &Caller) -> Result<ServicesView, AppError>;

    async fn service(&self, caller: &Caller, name: ServiceName) -> Result<ServiceView, AppError>;

    async fn runbooks(&self, caller: &Caller) -> Result<RunbooksView, AppError>;

    /// `release` fills in that release's values, and shows the version pinned by it.
    async fn runbook(
        &self,
        caller: &Caller,
        name: RunbookName,
        release: Option<ReleaseId>,
    ) -> Result<RunbookView, AppError>;
}

/// What the context carries.
pub type Plane = Arc<dyn ControlPlane>;
