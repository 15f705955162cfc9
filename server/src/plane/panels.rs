//! The panels beside the signals: runbook, way back, checklist.

use super::Plane;
use super::act::done;
use super::release::{Facts, unsigned};
use super::words::when;
use crate::service::{ActRequest, Caller, Overrides, Result, ServiceError, Wanted, decode};
use sternway_app::path;
use sternway_app::view::act::ActDone;
use sternway_app::view::release::*;
use sternway_app::view::{CheckView, Icon, LinkView, Or, StateView, StepState, StepView, Tone};
use sternway_domain::access::Action;
use sternway_domain::checklist::ItemState;
use sternway_domain::id::ReleaseId;
use sternway_domain::release::{Release, ReleaseAct, State, table};
use sternway_domain::runbook::{Runbook, StepMode};

/// The artifact to go back to, and what is known of it.
pub(super) fn way_back(facts: &Facts, data: Vec<CheckView>) -> Or<ChecksPanel> {
    let release = &facts.release;
    let ready = facts.traffic.as_ref().and_then(|traffic| traffic.baseline_ready);
    let image = CheckView {
        tone: Tone::Plain,
        icon: Icon::Artifact,
        text: format!("`{}` {}", release.service, release.baseline.version),
        note: format!("`{}`", release.baseline.digest.short()),
        meta: String::new(),
    };
    let instances = match ready {
        Some(0) => CheckView {
            tone: Tone::Stop,
            icon: Icon::Fail,
            text: "No instance of the baseline is ready".to_owned(),
            ..CheckView::default()
        },
        Some(n) => CheckView {
            tone: Tone::Go,
            icon: Icon::Pass,
            text: format!("{n} instances of the baseline are ready"),
            meta: "as the proxy reports".to_owned(),
            ..CheckView::default()
        },
        None => CheckView {
            icon: Icon::Info,
            text: "Ready instances are not known".to_owned(),
            note: "Known while traffic moves, where the proxy tells.".to_owned(),
            ..CheckView::default()
        },
    };
    let observed = facts.traffic.as_ref().and_then(|traffic| traffic.observed_at);
    let age = observed.map(|at| when(at, facts.now).ago).unwrap_or_default();
    let link = LinkView::new(path::rehearsal(&release.id.to_string()), "What could happen");
    Or::Shown(ChecksPanel { link, age, checks: [vec![image, instances], data].concat() })
}

pub(super) fn checklist(plane: &Plane, caller: &Caller, facts: &Facts) -> Or<ChecklistPanel> {
    let release = &facts.release;
    let Some(checklist) = &release.checklist else {
        return Or::Instead(StateView {
            icon: Icon::Info,
            title: "No checklist".to_owned(),
            text: "This release was created without one.".to_owned(),
            ..StateView::default()
        });
    };
    let may = plane.may(caller, Action::Check);
    let open = table::allowed(&release.state, ReleaseAct::Check);
    let total = checklist.items.len();
    let items = checklist.items.iter().map(|item| {
        let (state, evidence) = match &item.state {
            ItemState::Open => (ChecklistState::Open, item.item.evidence.clone()),
            ItemState::Done { evidence } => (ChecklistState::Done, evidence.clone()),
            ItemState::NotApplicable { reason } => (ChecklistState::NotApplicable, reason.clone()),
        };
        let by = item.by.as_ref().zip(item.at).map(|(by, at)| format!("{by}, {}", when(at, facts.now).shown));
        ChecklistItemView {
            key: item.item.id.to_string(),
            title: item.item.title.clone(),
            owner: item.item.owner.clone(),
            state,
            evidence,
            by: by.unwrap_or_default(),
            can_change: may && open,
            idempotency_key: plane.service.new_id().to_string(),
        }
    });
    let why_not = match (open, may) {
        (false, _) => Some("Closed when the release started.".to_owned()),
        (true, false) => Some("Your role may not change it.".to_owned()),
        (true, true) => None,
    };
    Or::Shown(ChecklistPanel {
        name: checklist.name.to_string(),
        count: format!("{} of {total}", total - checklist.open()),
        complete: checklist.complete(),
        age: format!("v{}", checklist.version),
        items: items.collect(),
        why_not,
        version: unsigned(release.version),
        fault: None,
    })
}

impl Plane {
    /// The runbook for going back, as pinned by the release or as it is now.
    pub(super) async fn runbook_panel(&self, facts: &Facts) -> Result<Or<RunbookPanel>> {
        let release = &facts.release;
        let Some((runbook, digest, pinned)) = self.runbook_of(release).await? else {
            return Ok(Or::Instead(StateView {
                icon: Icon::Info,
                title: "No runbook".to_owned(),
                text: format!("Name one under `runbooks` in the document of `{}`.", release.service),
                ..StateView::default()
            }));
        };
        let steps = runbook.steps.iter().map(|step| StepView {
            state: StepState::Todo,
            name: step.title.clone(),
            note: String::new(),
            meta: match step.mode {
                StepMode::Auto => "auto".to_owned(),
                StepMode::Manual => step.role.clone(),
            },
        });
        let age = if pinned { format!("pinned {digest}") } else { "pinned when the release starts".to_owned() };
        let href = path::runbook_for(runbook.header.name.as_str(), &release.id.to_string());
        Ok(Or::Shown(RunbookPanel {
            link: LinkView::new(href, runbook.header.title.clone()),
            age,
            steps: steps.collect(),
        }))
    }

    async fn runbook_of(&self, release: &Release) -> Result<Option<(Runbook, String, bool)>> {
        let store = &self.service.store;
        let row = match release.runbooks.first() {
            Some(pinned) => store.document_by_digest(&pinned.digest).await?.map(|row| (row, true)),
            None => {
                let service = self.service.service_document(&release.service).await?;
                match service.and_then(|service| service.runbooks.into_iter().next()) {
                    Some(name) => store.document("Runbook", name.as_str(), None).await?.map(|row| (row, false)),
                    None => None,
                }
            }
        };
        let Some((row, pinned)) = row else { return Ok(None) };
        let digest = row.digest.short();
        Ok(Some((decode("runbook", &row.body)?, digest, pinned && release.state != State::Draft)))
    }

    pub(super) async fn checklist_done(&self, caller: &Caller, id: ReleaseId, form: ChecklistForm) -> Result<ActDone> {
        let to = match form.state.as_str() {
            "open" => ItemState::Open,
            "done" => ItemState::Done { evidence: form.evidence.trim().to_owned() },
            "not_applicable" => ItemState::NotApplicable { reason: form.evidence.trim().to_owned() },
            _ => {
                let text = "choose `open`, `done` or `not_applicable`".to_owned();
                return Err(ServiceError::Invalid { field: "state".into(), text });
            }
        };
        let request = ActRequest {
            release: id,
            reason: format!("Checklist: {}", form.item),
            wanted: Wanted::Check { item: form.item, to },
            expected_version: i64::try_from(form.expected_version).unwrap_or(i64::MAX),
            overrides: Overrides::default(),
            idempotency_key: form.idempotency_key,
        };
        Ok(done(self.service.act(caller, request).await?))
    }
}
