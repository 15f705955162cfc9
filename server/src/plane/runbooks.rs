//! Runbooks, and one runbook, with a release's own values where it was opened from one.

use super::Plane;
use super::words::when;
use crate::documents::render;
use crate::service::{Caller, Result, ServiceError, decode};
use sternway_app::path;
use sternway_app::view::runbook::*;
use sternway_app::view::{FactView, Icon, LinkView, StateView, StepState, StepView};
use sternway_domain::access::Action;
use sternway_domain::id::{ReleaseId, RunbookName};
use sternway_domain::release::Release;
use sternway_domain::runbook::{Placeholder, Runbook, StepMode, Values, fill};

impl Plane {
    pub(super) async fn runbooks_view(&self, caller: &Caller) -> Result<RunbooksView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let mut rows = Vec::new();
        for row in self.service.store.documents("Runbook").await? {
            let runbook: Runbook = decode("runbook", &row.body)?;
            let roles: Vec<&str> = runbook.header.roles.iter().map(|part| part.role.as_str()).collect();
            rows.push(RunbookRow {
                name: runbook.header.name.to_string(),
                title: runbook.header.title.clone(),
                purpose: runbook.header.purpose.as_str().to_owned(),
                steps: u32::try_from(runbook.steps.len()).unwrap_or(u32::MAX),
                roles: roles.join(", "),
                digest: row.digest.short(),
                changed: when(row.at, now),
            });
        }
        let empty = rows.is_empty().then(|| StateView {
            icon: Icon::Info,
            title: "No runbook yet".to_owned(),
            text: "Load the templates with `sternway apply --examples`, or apply your own Markdown.".to_owned(),
            ..StateView::default()
        });
        Ok(RunbooksView { rows, empty })
    }

    pub(super) async fn runbook_view(
        &self,
        caller: &Caller,
        name: RunbookName,
        release: Option<ReleaseId>,
    ) -> Result<RunbookView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let release = match release {
            Some(id) => Some(self.service.load(id).await?),
            None => None,
        };
        let pinned = release.as_ref().and_then(|r| r.runbooks.iter().find(|book| book.name == name));
        let store = &self.service.store;
        let row = store.document("Runbook", name.as_str(), pinned.map(|pinned| pinned.version)).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "runbook", name: name.to_string() })?;
        let runbook: Runbook = decode("runbook", &row.body)?;
        let values = match &release {
            Some(release) => Some(self.values(release).await?),
            None => None,
        };
        let filled = match &values {
            Some(values) => filled(&runbook, values),
            None => runbook.clone(),
        };
        let steps = filled.steps.iter().map(|step| StepView {
            state: StepState::Todo,
            name: step.title.clone(),
            note: String::new(),
            meta: match step.mode {
                StepMode::Auto => "auto".to_owned(),
                StepMode::Manual => step.role.clone(),
            },
        });
        let fact = |name: &str, value: String| FactView { name: name.to_owned(), value, href: None };
        let mut facts = vec![
            fact("For", runbook.header.purpose.as_str().to_owned()),
            fact("Version", format!("v{}, changed {}", row.version, when(row.at, now).shown)),
        ];
        facts.extend(runbook.header.roles.iter().map(|part| fact(&part.role, part.duty.clone())));
        if let Some(objective) = runbook.header.objective {
            facts.push(fact("Objective", objective.to_string()));
        }
        Ok(RunbookView {
            name: name.to_string(),
            title: runbook.header.title.clone(),
            summary: runbook.header.summary.clone(),
            digest: row.digest.short(),
            release: release.as_ref().map(|release| {
                let text = format!("{} {} → {}", release.service, release.baseline.version, release.candidate.version);
                LinkView::new(path::release(&release.id.to_string()), text)
            }),
            steps: steps.collect(),
            facts,
            html: render::html(&markdown(&runbook), &values.unwrap_or_default()),
        })
    }

    async fn values(&self, release: &Release) -> Result<Values> {
        let document = self.service.service_document(&release.service).await?;
        let owner = document.map(|document| document.owners.join(", ")).unwrap_or_default();
        Ok(Values::from([
            (Placeholder::Service, release.service.to_string()),
            (Placeholder::Baseline, release.baseline.version.to_string()),
            (Placeholder::BaselineDigest, release.baseline.digest.to_string()),
            (Placeholder::Candidate, release.candidate.version.to_string()),
            (Placeholder::CandidateDigest, release.candidate.digest.to_string()),
            (Placeholder::Release, release.id.to_string()),
            (Placeholder::Plan, release.plan_ref.name.to_string()),
            (Placeholder::Owner, owner),
            (Placeholder::StartedBy, release.started_by.clone().unwrap_or_default()),
        ]))
    }
}

/// The runbook with a release's values in every text that may hold placeholders.
fn filled(runbook: &Runbook, values: &Values) -> Runbook {
    let mut filled = runbook.clone();
    filled.intro = fill(&filled.intro, values).into_owned();
    filled.closing = fill(&filled.closing, values).into_owned();
    for step in &mut filled.steps {
        step.title = fill(&step.title, values).into_owned();
        step.body = fill(&step.body, values).into_owned();
    }
    filled
}

/// The text of the runbook without its header.
fn markdown(runbook: &Runbook) -> String {
    let steps = runbook.steps.iter().map(|step| format!("## {}. {}\n\n{}", step.number, step.title, step.body));
    let parts = std::iter::once(runbook.intro.clone()).chain(steps).chain([runbook.closing.clone()]);
    parts.collect::<Vec<_>>().join("\n\n")
}
