//! What releases leave behind, kept in memory and brought up to date by the events since: what runs, which builds are known
//! bad, and on which services rules keep their hands off. And how long going back took.

use super::{Caller, Result, Service, decode};
use crate::store::Store;
use crate::store::rows::ReleaseFilter;
use std::sync::Arc;
use sternway_domain::access::Action;
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::artifact::Artifact;
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::recovery::{Aftermath, AutomationHold, KnownBad, WayBack};
use sternway_domain::release::{Event, Release, Running};
use tokio::sync::Mutex;

/// States in which a release, or a part of it, may leave something behind, in the order in which it goes through them.
const STATES: [&str; 8] = [
    "running",
    "holding",
    "frozen",
    "rolling_forward",
    "promoted",
    "rolling_back",
    "partially_rolled_back",
    "rolled_back",
];

/// Events after which a release may have begun or ceased to count.
const EVENTS: [&str; 8] = [
    "completed",
    "rollback_ordered",
    "rolled_back",
    "partially_rolled_back",
    "part_rolled_back",
    "rollback_undone",
    "start_ended",
    "automation_resumed",
];

/// Rows read at once.
const PAGE: u32 = 500;

#[derive(Debug, Clone, Default)]
pub(super) struct AftermathTable(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Position of the newest event that was taken in; `None` before the first look.
    position: Option<i64>,
    aftermath: Aftermath,
    running: Running,
}

impl AftermathTable {
    /// All of it is read again.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = Known::default();
    }
}

impl Service {
    /// What runs now, as far as earlier releases tell, those in which it only was a component too.
    pub async fn running_now(&self, service: &ServiceName) -> Result<Option<Artifact>> {
        let mut known = self.aftermath.0.lock().await;
        known.refresh(self.store.as_ref()).await?;
        Ok(known.running.of(service).cloned())
    }

    /// Builds of these services that were taken back.
    pub(crate) async fn known_bad(&self, services: &[&ServiceName]) -> Result<Vec<KnownBad>> {
        self.with_aftermath(|aftermath| aftermath.known_bad(services.iter().copied())).await
    }

    /// Since when and why rules keep their hands off a service.
    pub async fn automation_hold(&self, service: &ServiceName) -> Result<Option<AutomationHold>> {
        self.with_aftermath(|aftermath| aftermath.hold(service)).await
    }

    /// The hold on anything that moves in a release.
    pub(crate) async fn hold_on(&self, release: &Release) -> Result<Option<AutomationHold>> {
        self.with_aftermath(|aftermath| aftermath.hold_on(release)).await
    }

    /// When it was noticed, decided, acted upon and well again; `None` for a release that was not taken back.
    pub async fn way_back(&self, caller: &Caller, release: &Release) -> Result<Option<WayBack>> {
        if release.back.is_none() && release.parts.is_empty() {
            return Ok(None);
        }
        self.authorise(caller, Action::View)?;
        let events = self.events_of(release.id).await?;
        let log = match release.saga {
            Some(id) => Some(self.saga(id).await?),
            None => None,
        };
        let document = self.service_document(&release.service).await?;
        let objective = document.and_then(|document| document.objectives.rto);
        Ok(WayBack::of(&events, log.as_ref().map(|log| (&log.saga, log.events.as_slice())), objective))
    }

    /// The whole stream of a release.
    pub(crate) async fn events_of(&self, id: ReleaseId) -> Result<Vec<Event>> {
        self.store.events(id, 0).await?.iter().map(|row| decode("event", &row.body)).collect()
    }

    pub(crate) async fn with_aftermath<T>(&self, ask: impl FnOnce(&Aftermath) -> T) -> Result<T> {
        let mut known = self.aftermath.0.lock().await;
        known.refresh(self.store.as_ref()).await?;
        Ok(ask(&known.aftermath))
    }
}

impl Known {
    fn note(&mut self, release: &Release) {
        self.aftermath.note(release);
        self.running.note(release);
    }

    async fn refresh(&mut self, store: &dyn Store) -> Result<()> {
        let mut position = match self.position {
            Some(position) => position,
            None => self.read_all(store).await?,
        };
        loop {
            let events = store.events_after(position, PAGE).await?;
            for event in events.iter().filter(|event| EVENTS.contains(&event.kind.as_str())) {
                if let Some(row) = store.release(event.release).await? {
                    self.note(&decode("release", &row.body)?);
                }
            }
            position = events.last().map_or(position, |event| event.position);
            self.position = Some(position);
            if events.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// What changes while this reads has a later position, and is read again.
    async fn read_all(&mut self, store: &dyn Store) -> Result<i64> {
        let position = store.last_position().await?;
        for state in STATES {
            let mut filter = ReleaseFilter { state: Some(state.to_owned()), limit: PAGE, ..ReleaseFilter::default() };
            loop {
                let rows = store.releases(&filter).await?;
                for row in &rows {
                    self.note(&decode("release", &row.body)?);
                }
                match rows.last().filter(|_| rows.len() == PAGE as usize) {
                    Some(last) => filter.before = Some((last.created_at, last.id)),
                    None => break,
                }
            }
        }
        Ok(position)
    }
}

/// Whether this is a rule that has to wait for a person after a rollback. What belongs to a rollback goes on.
pub(super) fn waits(actor: &Actor) -> bool {
    let Actor::Automation { rule } = actor else { return false };
    match rule {
        Rule::PromoteOnPass
        | Rule::RollBackOnFail
        | Rule::HoldWithoutEvidence
        | Rule::ResumeOnEvidence
        | Rule::OnDeadline
        | Rule::FreezePastNoReturn => true,
        Rule::ConfirmObserved
        | Rule::FreezeOnRollback
        | Rule::SwitchOnRollback
        | Rule::MoveDataOnRollback
        | Rule::CarryOut
        | Rule::Retention
        | Rule::RedactAgain
        | Rule::Start => false,
    }
}
