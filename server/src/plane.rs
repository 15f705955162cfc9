//! The pages' view of Sternway: reads through the application service and words what it finds.
//!
//! Deliberately absent: rules. What may be done is asked of the domain, what is shown comes from what was stored.

use crate::service::{Caller, Service, ServiceError};
use crate::store::StoreError;
use async_trait::async_trait;
use sternway_app::backend::{Caller as PageCaller, ControlPlane};
use sternway_app::error::{AppError, Problem};
use sternway_app::view::PillView;
use sternway_app::view::act::{ActDone, ActForm, ActView, Verb};
use sternway_app::view::board::{BoardFilter, BoardView};
use sternway_app::view::data::DataForm;
use sternway_app::view::decision::{DecisionFilter, DecisionView, DecisionsView};
use sternway_app::view::door::{DemoPersonView, SetupView, SignInView};
use sternway_app::view::flag::FlagsView;
use sternway_app::view::new_release::{NewReleaseForm, NewReleaseView};
use sternway_app::view::redact::{RedactForm, RedactView};
use sternway_app::view::rehearsal::{RehearsalForm, RehearsalView};
use sternway_app::view::release::{ChecklistForm, ChoiceForm, ReleaseView};
use sternway_app::view::runbook::{RunbookView, RunbooksView};
use sternway_app::view::service::{ServiceView, ServicesView};
use sternway_domain::access::Denied;
use sternway_domain::audit::Origin;
use sternway_domain::flag;
use sternway_domain::id::{DecisionId, FlagKey, ReleaseId, RunbookName, ServiceName};
use sternway_domain::judge::VerdictKind;
use sternway_domain::migration;
use sternway_domain::release::Refusal;

mod act;
mod aftermath;
mod alarms;
mod board;
mod buttons;
mod confirmed;
mod data;
mod decision;
mod decisions;
mod door;
mod explain;
mod flags;
mod freezes;
mod new_release;
mod outside;
mod panels;
mod preview;
mod redact;
mod rehearsal;
mod release;
mod row;
mod runbooks;
mod saga;
mod services;
mod signals;
mod sources;
mod traffic;
mod words;

/// The server's answer to the pages.
#[derive(Clone)]
pub struct Plane {
    pub service: Service,
    /// Offered on the sign-in page by `sternway demo`; empty otherwise.
    pub demo_people: Vec<DemoPersonView>,
}

/// How a verdict looks, for charts.
pub(crate) fn verdict_look(kind: VerdictKind) -> PillView {
    words::verdict_pill(kind)
}

/// A sentence for a person: capital first, full stop last.
fn told(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

fn caller(page: &PageCaller) -> Caller {
    let origin = Origin {
        transport: "browser".into(),
        request_id: Some(page.request_id.clone()),
        trace_id: Some(page.trace_id.clone()).filter(|id| !id.is_empty()),
        ip: page.ip.map(|ip| ip.to_string()),
        user_agent: page.user_agent.clone(),
    };
    Caller { actor: page.actor.clone(), origin }
}

/// Words a failure for the person who asked. What only operators may see is logged here, once.
pub(crate) fn worded(page: &PageCaller, error: ServiceError) -> AppError {
    match error {
        ServiceError::Denied(Denied::NotSignedIn) => AppError::NotSignedIn,
        ServiceError::Denied(denied) => AppError::Forbidden { why: told(&denied.to_string()) },
        ServiceError::NotFound { what, name } => AppError::NotFound { what: format!("{what} `{name}`") },
        ServiceError::Stale { actual, .. } => {
            AppError::Conflict { version: u64::try_from(actual).unwrap_or_default(), changes: vec![] }
        }
        ServiceError::FlagStale { actual, .. } => {
            AppError::Conflict { version: u64::try_from(actual).unwrap_or_default(), changes: vec![] }
        }
        ServiceError::FlagRefused(flag::Refusal::Reason(_)) | ServiceError::Refused(Refusal::Reason(_)) => {
            invalid("reason", "Say why in a few words: 3 to 2\u{a0}000 characters.")
        }
        ServiceError::Refused(Refusal::Plan { field, text }) => invalid("plan", &format!("`{field}`: {text}")),
        ServiceError::DataRefused(migration::Refusal::Reason(_)) => {
            invalid("reason", "Say why in a few words: 3 to 2\u{a0}000 characters.")
        }
        ServiceError::FlagRefused(refusal) => AppError::Refused { why: told(&refusal.to_string()) },
        ServiceError::Refused(refusal) => AppError::Refused { why: told(&refusal.to_string()) },
        error @ (ServiceError::Busy { .. }
        | ServiceError::Held { .. }
        | ServiceError::KeyReused(_)
        | ServiceError::StaleSaga { .. }
        | ServiceError::DataStale { .. }
        | ServiceError::DataMoved
        | ServiceError::DataRefused(_)
        | ServiceError::PastNoReturn(_)
        | ServiceError::Frozen(_)
        | ServiceError::Step(_)
        | ServiceError::Exporting
        | ServiceError::NotSigned
        | ServiceError::Rollback(_)) => AppError::Refused { why: told(&error.to_string()) },
        ServiceError::Invalid { field, text } => invalid(&field, &told(&text)),
        error @ ServiceError::Documents(_) => invalid("", &told(&error.to_string())),
        ServiceError::Store(error) => {
            tracing::error!(request_id = page.request_id, error = &error as &dyn std::error::Error, "a page failed");
            let what = match error {
                StoreError::Corrupt { .. } => {
                    "What is stored of this is damaged or was changed. An operator finds more with `sternway audit verify`."
                }
                _ => "The database did not answer. Releases stay where they are; try again in a moment.",
            };
            AppError::Unavailable { what: what.to_owned(), request_id: page.request_id.clone() }
        }
    }
}

fn invalid(field: &str, text: &str) -> AppError {
    AppError::Invalid { problems: vec![Problem::new(field, text)] }
}

#[async_trait]
impl ControlPlane for Plane {
    async fn sign_in_page(&self, _: &PageCaller, next: &str) -> Result<SignInView, AppError> {
        self.sign_in_view(next).await
    }

    async fn setup_page(&self, page: &PageCaller, token: &str) -> Result<SetupView, AppError> {
        self.setup_view(token).await.map_err(|error| worded(page, error))
    }

    async fn board(&self, page: &PageCaller, filter: BoardFilter) -> Result<BoardView, AppError> {
        self.board_view(&caller(page), filter).await.map_err(|error| worded(page, error))
    }

    async fn release(
        &self,
        page: &PageCaller,
        id: ReleaseId,
        done: Option<DecisionId>,
    ) -> Result<ReleaseView, AppError> {
        self.release_view(&caller(page), id, done).await.map_err(|error| worded(page, error))
    }

    async fn act_page(
        &self,
        page: &PageCaller,
        id: ReleaseId,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView, AppError> {
        self.act_view(&caller(page), id, verb, seen).await.map_err(|error| worded(page, error))
    }

    async fn act(&self, page: &PageCaller, id: ReleaseId, verb: Verb, form: ActForm) -> Result<ActDone, AppError> {
        let result = self.act_done(&caller(page), id, verb, form).await;
        result.map_err(|error| self.worded_act(page, error))
    }

    async fn choose(&self, page: &PageCaller, id: ReleaseId, form: ChoiceForm) -> Result<ActDone, AppError> {
        let result = self.chosen(&caller(page), id, form).await;
        result.map_err(|error| worded(page, error))
    }

    async fn move_data(&self, page: &PageCaller, id: ReleaseId, form: DataForm) -> Result<ActDone, AppError> {
        self.data_moved(&caller(page), id, form).await.map_err(|error| worded(page, error))
    }

    async fn flags(&self, page: &PageCaller, done: Option<DecisionId>) -> Result<FlagsView, AppError> {
        self.flags_view(&caller(page), done).await.map_err(|error| worded(page, error))
    }

    async fn flag_act_page(
        &self,
        page: &PageCaller,
        key: FlagKey,
        verb: Verb,
        seen: Option<u64>,
    ) -> Result<ActView, AppError> {
        self.flag_act_view(&caller(page), &key, verb, seen).await.map_err(|error| worded(page, error))
    }

    async fn flag_act(&self, page: &PageCaller, key: FlagKey, verb: Verb, form: ActForm) -> Result<ActDone, AppError> {
        let result = self.flag_act_done(&caller(page), key, verb, form).await;
        result.map_err(|error| self.worded_act(page, error))
    }

    async fn set_checklist_item(
        &self,
        page: &PageCaller,
        id: ReleaseId,
        form: ChecklistForm,
    ) -> Result<ActDone, AppError> {
        let result = self.checklist_done(&caller(page), id, form).await;
        result.map_err(|error| self.worded_act(page, error))
    }

    async fn new_release_page(&self, page: &PageCaller, form: NewReleaseForm) -> Result<NewReleaseView, AppError> {
        self.new_release_view(page, form).await.map_err(|error| worded(page, error))
    }

    async fn create_release(&self, page: &PageCaller, form: NewReleaseForm) -> Result<ActDone, AppError> {
        self.create_done(page, form).await
    }

    async fn decisions(&self, page: &PageCaller, filter: DecisionFilter) -> Result<DecisionsView, AppError> {
        self.decisions_view(&caller(page), filter).await.map_err(|error| worded(page, error))
    }

    async fn decision(&self, page: &PageCaller, id: DecisionId) -> Result<DecisionView, AppError> {
        self.decision_view(&caller(page), id).await.map_err(|error| worded(page, error))
    }

    async fn redact_page(&self, page: &PageCaller, id: DecisionId) -> Result<RedactView, AppError> {
        self.redact_view(&caller(page), id).await.map_err(|error| worded(page, error))
    }

    async fn redact(&self, page: &PageCaller, id: DecisionId, form: RedactForm) -> Result<(), AppError> {
        self.redacted(&caller(page), id, form).await.map_err(|error| worded(page, error))
    }

    async fn rehearsal(
        &self,
        page: &PageCaller,
        id: ReleaseId,
        form: RehearsalForm,
    ) -> Result<RehearsalView, AppError> {
        self.rehearsal_view(page, id, form).await
    }

    async fn services(&self, page: &PageCaller) -> Result<ServicesView, AppError> {
        self.services_view(&caller(page)).await.map_err(|error| worded(page, error))
    }

    async fn service(&self, page: &PageCaller, name: ServiceName) -> Result<ServiceView, AppError> {
        self.service_view(&caller(page), name).await.map_err(|error| worded(page, error))
    }

    async fn runbooks(&self, page: &PageCaller) -> Result<RunbooksView, AppError> {
        self.runbooks_view(&caller(page)).await.map_err(|error| worded(page, error))
    }

    async fn runbook(
        &self,
        page: &PageCaller,
        name: RunbookName,
        release: Option<ReleaseId>,
    ) -> Result<RunbookView, AppError> {
        self.runbook_view(&caller(page), name, release).await.map_err(|error| worded(page, error))
    }
}

impl Plane {
    /// A stale act says what happened in between.
    fn worded_act(&self, page: &PageCaller, error: ServiceError) -> AppError {
        let now = self.service.clock.now();
        let (actual, changes) = match error {
            ServiceError::Stale { actual, release, since, .. } => {
                (actual, since.iter().map(|event| words::change(&release, event, None, now)).collect())
            }
            ServiceError::FlagStale { actual, since, .. } => {
                (actual, since.iter().map(|event| flags::change(event, now)).collect())
            }
            error => return worded(page, error),
        };
        AppError::Conflict { version: u64::try_from(actual).unwrap_or_default(), changes }
    }
}
