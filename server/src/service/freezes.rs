//! Change freezes as they were applied, and what they keep from going out.
//!
//! New is what takes more traffic: starting and promoting, by people and by rules. Whatever stops, holds or goes back is never
//! kept from it, nor is a hotfix.

use super::{Caller, Result, Service, ServiceError, decode};
use crate::documents::Kind;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::change_freeze::{self, ChangeFreeze, Frozen, Run, permit};
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Plan;
use sternway_domain::release::{Command, Release};
use sternway_domain::time::Timestamp;
use utoipa::ToSchema;

/// A change freeze as it was applied, and when it is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FreezeView {
    pub name: String,
    /// Counted from 1.
    pub version: i64,
    pub digest: String,
    #[schema(format = "date-time")]
    pub applied_at: String,
    /// What it says.
    pub document: ChangeFreeze,
    /// The time without a break that it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<RunView>,
    /// The next time that begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<RunView>,
}

/// A time in which something is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    #[schema(format = "date-time")]
    pub since: String,
    /// The first moment after it; left out when it is more than a year away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub until: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self { since: run.since.to_rfc3339(), until: run.until.map(Timestamp::to_rfc3339) }
    }
}

impl Service {
    /// All there are, by name, or those that concern this service; each by itself, whatever others say.
    pub async fn freezes(&self, caller: &Caller, service: Option<&ServiceName>) -> Result<Vec<FreezeView>> {
        self.authorise(caller, Action::View)?;
        let now = self.clock.now();
        let mut freezes = Vec::new();
        for row in self.store.documents(Kind::ChangeFreeze.as_str()).await? {
            let document: ChangeFreeze = decode("change freeze", &row.body)?;
            if service.is_some_and(|service| !document.covers(service)) {
                continue;
            }
            freezes.push(FreezeView {
                name: row.name,
                version: row.version,
                digest: row.digest.to_string(),
                applied_at: row.at.to_rfc3339(),
                in_force: document.active(now).map(RunView::from),
                next: document.next(now).map(RunView::from),
                document,
            });
        }
        Ok(freezes)
    }

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
