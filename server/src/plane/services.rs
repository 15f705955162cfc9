//! Services, and one service.

use super::words::{state_pill, when};
use super::{Plane, aftermath, freezes};
use crate::service::{Caller, Result, ServiceError, decode};
use crate::store::rows::ReleaseFilter;
use sternway_app::path;
use sternway_app::view::service::*;
use sternway_app::view::{CheckView, FactView, Icon, LinkView, StateView, Tone};
use sternway_domain::access::Action;
use sternway_domain::id::ServiceName;
use sternway_domain::release::Release;
use sternway_domain::service::{Service as Document, Signals, Traffic};
use sternway_domain::signal::Tick;
use sternway_domain::time::{Span, Timestamp};

impl Plane {
    pub(super) async fn services_view(&self, caller: &Caller) -> Result<ServicesView> {
        self.service.authorise(caller, Action::View)?;
        let mut rows = Vec::new();
        for row in self.service.store.documents("Service").await? {
            let document: Document = decode("service", &row.body)?;
            let active = self.active(&document.name).await?;
            let version = self.running(&document.name, active.as_ref()).await?;
            rows.push(ServiceRow {
                name: document.name.to_string(),
                description: document.description.clone(),
                version: version.unwrap_or_else(|| "–".to_owned()),
                owner: document.owners.join(", "),
                source: sources_word(&document),
                driver: driver_word(&document.traffic).to_owned(),
                depends_on: document.depends_on.iter().map(ToString::to_string).collect(),
                release: active.as_ref().map(|release| {
                    LinkView::new(path::release(&release.id.to_string()), release.candidate.version.to_string())
                }),
                pill: active.as_ref().map(|release| state_pill(&release.state)),
            });
        }
        let empty = rows.is_empty().then(|| StateView {
            icon: Icon::Artifact,
            title: "No service yet".to_owned(),
            text: "Describe one in YAML and apply it: `sternway apply -f DIR`.".to_owned(),
            ..StateView::default()
        });
        Ok(ServicesView { rows, empty })
    }

    /// The version most clients get: of the last release that ended, else the baseline of the one in progress.
    async fn running(&self, name: &ServiceName, active: Option<&Release>) -> Result<Option<String>> {
        let known = self.service.running_now(name).await?;
        let artifact = known.as_ref().or(active.map(|release| &release.baseline));
        Ok(artifact.map(|artifact| artifact.version.to_string()))
    }

    pub(super) async fn service_view(&self, caller: &Caller, name: ServiceName) -> Result<ServiceView> {
        self.service.authorise(caller, Action::View)?;
        let now = self.service.clock.now();
        let row = self.service.store.document("Service", name.as_str(), None).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "service", name: name.to_string() })?;
        let document: Document = decode("service", &row.body)?;
        let mut dependents = Vec::new();
        for other in self.service.store.documents("Service").await? {
            let other: Document = decode("service", &other.body)?;
            if other.depends_on.contains(&name) {
                dependents.push(link(&other.name));
            }
        }
        let filter = ReleaseFilter { service: Some(name.clone()), limit: 20, ..ReleaseFilter::default() };
        let releases = self.service.releases(caller, &filter).await?;
        let active = releases.iter().find(|release| release.state.active());
        let version = self.running(&name, active).await?;
        let hold = self.service.automation_hold(&name).await?;
        let frozen = self.service.change_freezes().await?;
        let mut health: Vec<CheckView> = hold.iter().map(|hold| aftermath::check(hold, now)).collect();
        health.extend(freezes::check(&frozen, &name, now));
        health.extend(self.health(&document, active).await?);
        let mut facts = facts(&document, row.version, &row.digest.short());
        facts.push(aftermath::fact(hold.as_ref()));
        facts.push(freezes::fact(&frozen, &name, now));
        Ok(ServiceView {
            name: name.to_string(),
            description: document.description.clone(),
            version: version.unwrap_or_default(),
            facts,
            health,
            depends_on: document.depends_on.iter().map(link).collect(),
            depended_on_by: dependents,
            releases: releases
                .iter()
                .map(|release| ServiceRelease {
                    id: release.id.to_string(),
                    from: release.baseline.version.to_string(),
                    to: release.candidate.version.to_string(),
                    pill: state_pill(&release.state),
                    what: release.ended_by.clone().unwrap_or_else(|| release.note.clone()),
                    at: when(release.ended_at.unwrap_or(release.created_at), now),
                    tone: state_pill(&release.state).tone,
                })
                .collect(),
            document: row.source,
            can_create: self.may(caller, Action::Create),
        })
    }

    async fn active(&self, name: &ServiceName) -> Result<Option<Release>> {
        let filter = ReleaseFilter { service: Some(name.clone()), active: Some(true), limit: 1, ..Default::default() };
        let rows = self.service.store.releases(&filter).await?;
        rows.first().map(|row| decode("release", &row.body)).transpose()
    }

    /// What source and driver said last, while a release is under way.
    async fn health(&self, document: &Document, active: Option<&Release>) -> Result<Vec<CheckView>> {
        let now = self.service.clock.now();
        let Some(release) = active else {
            return Ok(vec![CheckView {
                icon: Icon::Info,
                text: "Source and driver are read while a release is under way.".to_owned(),
                ..CheckView::default()
            }]);
        };
        let mut checks = Vec::new();
        let ticks = self.service.tick_bodies(release.id, now - Span::from_secs(300)).await?;
        if let Some(last) = ticks.last() {
            checks.push(source_check(&last.tick, &document.signals, now));
            let second = document.second_signals.as_ref().zip(last.second.as_ref());
            checks.extend(second.map(|(signals, beside)| source_check(&beside.tick, signals, now)));
        }
        if let Some(traffic) = self.service.traffic_status(&document.name).await? {
            let well = traffic.failure.is_none() && traffic.disagree_since.is_none();
            checks.push(CheckView {
                tone: if well { Tone::Go } else { Tone::Caution },
                icon: if well { Icon::Pass } else { Icon::Suspect },
                text: traffic.failure.clone().unwrap_or_else(|| format!("Traffic is read back at `{}`", traffic.from)),
                note: if traffic.fenced {
                    "Fenced: refuses whoever lost the lease.".to_owned()
                } else {
                    "Unfenced: a stale write is seen and corrected within one reconcile period.".to_owned()
                },
                meta: traffic.observed_at.map(|at| when(at, now).ago).unwrap_or_default(),
            });
        }
        Ok(checks)
    }
}

fn link(name: &ServiceName) -> LinkView {
    LinkView::new(path::service(name.as_str()), name.to_string())
}

fn source_check(tick: &Tick, signals: &Signals, now: Timestamp) -> CheckView {
    let well = tick.failure.is_none();
    CheckView {
        tone: if well { Tone::Go } else { Tone::Hold },
        icon: if well { Icon::Pass } else { Icon::ProviderDown },
        text: match &tick.failure {
            None => format!("Signals are read from `{}`", source_word(signals)),
            Some(failure) => failure.to_string(),
        },
        meta: when(tick.at, now).ago,
        ..CheckView::default()
    }
}

/// `scrape`; of two sources `scrape and prometheus`.
fn sources_word(document: &Document) -> String {
    let first = source_word(&document.signals);
    match &document.second_signals {
        None => first.to_owned(),
        Some(second) => format!("{first} and {}", source_word(second)),
    }
}

fn source_word(signals: &Signals) -> &'static str {
    match signals {
        Signals::Memory => "this process",
        Signals::Scrape(_) => "scrape",
        Signals::Prometheus(_) => "prometheus",
    }
}

fn driver_word(traffic: &Traffic) -> &'static str {
    match traffic {
        Traffic::Memory => "this process",
        Traffic::Haproxy(_) => "haproxy",
        Traffic::Webhook(_) => "webhook",
    }
}

fn facts(document: &Document, version: i64, digest: &str) -> Vec<FactView> {
    let fact = |name: &str, value: String| FactView { name: name.to_owned(), value, href: None };
    let or_dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let mut facts = vec![
        fact("Owners", or_dash(document.owners.join(", "))),
        fact("Signals from", sources_word(document)),
        fact("Traffic by", driver_word(&document.traffic).to_owned()),
        fact("Recovery time objective", document.objectives.rto.map_or_else(|| "–".to_owned(), |rto| rto.to_string())),
        fact("Document", format!("v{version}, `{digest}`")),
    ];
    for runbook in &document.runbooks {
        facts.push(FactView {
            name: "Runbook".to_owned(),
            value: runbook.to_string(),
            href: Some(path::runbook(runbook.as_str())),
        });
    }
    facts
}
