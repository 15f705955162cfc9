//! What rollbacks leave behind, kept in memory and brought up to date by the events since: which builds are known bad, and
//! on which services rules keep their hands off.

use super::{Result, Service, decode};
use crate::store::Store;
use crate::store::rows::ReleaseFilter;
use std::sync::Arc;
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::id::ServiceName;
use sternway_domain::recovery::{Aftermath, AutomationHold, KnownBad};
use sternway_domain::release::Release;
use tokio::sync::Mutex;

/// States in which a release counts as taken back, in the order in which it goes through them.
const STATES: [&str; 3] = ["rolling_back", "partially_rolled_back", "rolled_back"];

/// Events after which a release may have begun or ceased to count.
const EVENTS: [&str; 5] =
    ["rollback_ordered", "rolled_back", "partially_rolled_back", "rollback_undone", "automation_resumed"];

/// Rows read at once.
const PAGE: u32 = 500;

#[derive(Debug, Clone, Default)]
pub(super) struct AftermathTable(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Position of the newest event that was taken in; `None` before the first look.
    position: Option<i64>,
    aftermath: Aftermath,
}

impl Service {
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

    pub(crate) async fn with_aftermath<T>(&self, ask: impl FnOnce(&Aftermath) -> T) -> Result<T> {
        let mut known = self.aftermath.0.lock().await;
        known.refresh(self.store.as_ref()).await?;
        Ok(ask(&known.aftermath))
    }
}

impl Known {
    async fn refresh(&mut self, store: &dyn Store) -> Result<()> {
        let mut position = match self.position {
            Some(position) => position,
            None => self.read_all(store).await?,
        };
        loop {
            let events = store.events_after(position, PAGE).await?;
            for event in events.iter().filter(|event| EVENTS.contains(&event.kind.as_str())) {
                if let Some(row) = store.release(event.release).await? {
                    self.aftermath.note(&decode("release", &row.body)?);
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
                    self.aftermath.note(&decode("release", &row.body)?);
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
        | Rule::OnDeadline => true,
        Rule::ConfirmObserved | Rule::FreezeOnRollback | Rule::SwitchOnRollback => false,
    }
}
