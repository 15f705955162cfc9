//! What could happen if a release went back now: its own steps, rehearsed against made-up faults.

use super::make::Back;
use crate::service::{Caller, Result, Service, ServiceError, aside};
use sternway_domain::access::Action;
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::rehearsal::{Faults, Overview, overview};
use sternway_domain::release::Release;

/// The most runs that one question is answered with.
pub const MOST_REHEARSALS: u32 = 2_000;

/// What is rehearsed, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct RehearsalRequest {
    pub faults: Faults,
    /// The first seed; the same seed is the same run.
    pub seed: u64,
    /// 1 to [`MOST_REHEARSALS`].
    pub runs: u32,
}

/// What it came to.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    pub release: Release,
    /// How many steps each run has; `None` when traffic is all there is to take back, and nothing was rehearsed.
    pub steps: Option<usize>,
    pub overview: Overview,
}

impl Service {
    /// Rehearses the rollback of a release as it would be ordered now. Nothing is written; the real services hear nothing
    /// of it. One question is answered at a time.
    pub async fn rehearse_rollback(
        &self,
        caller: &Caller,
        id: ReleaseId,
        request: &RehearsalRequest,
    ) -> Result<Rehearsed> {
        self.authorise(caller, Action::View)?;
        let RehearsalRequest { faults, seed, runs } = *request;
        let invalid = |field: &str, text: String| ServiceError::Invalid { field: field.to_owned(), text };
        if !(1..=MOST_REHEARSALS).contains(&runs) {
            return Err(invalid(
                "runs",
                format!("rehearse 1 to {MOST_REHEARSALS} times; `sternway rehearse` has no such limit"),
            ));
        }
        let end = seed.checked_add(u64::from(runs));
        let end = end.ok_or_else(|| invalid("seed", "the seeds go beyond the largest number".to_owned()))?;
        let release = self.load(id).await?;
        let Some(Back { plan, .. }) = self.rollback_plan(&release, &Scope::default(), "", None).await? else {
            return Ok(Rehearsed { release, steps: None, overview: Overview::default() });
        };
        let steps = Some(plan.steps.len());
        // Never closed.
        let alone = self.rehearsing.clone().acquire_owned().await;
        let overview = aside(move || {
            // Until it is done, even if nobody waits for it any more.
            let _alone = alone;
            overview(&plan, &faults, seed, end)
        })
        .await;
        Ok(Rehearsed { release, steps, overview })
    }
}
