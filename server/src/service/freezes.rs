//! Change freezes as they were applied, and what they keep from going out.
//!
//! New is what takes more traffic: starting and promoting, by people and by rules. Whatever stops, holds or goes back is never
//! kept from it, nor is a hotfix.

use super::{Result, Service, ServiceError, decode};
use crate::documents::Kind;
use sternway_domain::change_freeze::{self, ChangeFreeze, Frozen, permit};
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Plan;
use sternway_domain::release::{Command, Release};

impl Service {
    /// All there are, those that are over or lifted too.
    pub(crate) async fn change_freezes(&self) -> Result<Vec<ChangeFreeze>> {
        let rows = self.store.documents(Kind::ChangeFreeze.as_str()).await?;
        rows.iter().map(|row| decode("change freeze", &row.body)).collect()
    }

    /// What keeps a release from going further now.
    pub(crate) async fn frozen(&self, release: &Release) -> Result<Option<Frozen>> {
        Ok(change_freeze::frozen(&self.change_freezes().await?, release.concerns(), self.clock.now()))
    }

    /// Whether this may be done now: what was overridden, in words for the log, or the refusal.
    pub(super) async fn going_out(
        &self,
        release: &Release,
        command: &Command,
        overriding: bool,
    ) -> Result<Option<String>> {
        if !matches!(command, Command::Start { .. } | Command::Promote { .. }) {
            return Ok(None);
        }
        let frozen = self.frozen(release).await?;
        permit(frozen, overriding, self.clock.now()).map_err(ServiceError::Frozen)
    }

    /// What a plan would meet if it began now.
    pub(crate) async fn freeze_ahead(&self, plan: &Plan, services: &[&ServiceName]) -> Result<Option<String>> {
        let now = self.clock.now();
        let freezes = self.change_freezes().await?;
        Ok(change_freeze::warning(&freezes, services.iter().copied(), plan, 0, now, now))
    }
}
