//! Lets rules act again before the next scene.

use super::{Stage, StageError};
use crate::service::{ActRequest, Overrides, Wanted};
use sternway_domain::id::ServiceName;
use sternway_domain::release::{ReleaseAct, table};

impl Stage {
    /// After a rollback rules wait for a person: here it is the one who starts the next scene.
    pub(super) async fn resume_automation(&self, name: &ServiceName) -> Result<(), StageError> {
        let Some(hold) = self.service.automation_hold(name).await? else { return Ok(()) };
        let release = self.service.load(hold.release).await?;
        if !table::allowed(&release.state, ReleaseAct::ResumeAutomation) {
            return Ok(());
        }
        let resume = ActRequest {
            release: hold.release,
            wanted: Wanted::ResumeAutomation,
            reason: "The next build does not have the fault".to_owned(),
            expected_version: release.version,
            overrides: Overrides::default(),
            idempotency_key: self.service.new_id().to_string(),
        };
        self.service.act(&self.manager, resume).await?;
        Ok(())
    }
}
