//! Going back with data: refused past the point of no return, done phase by phase by the steps of a rollback.

use super::{Change, DataActed, TRIES, migration_write};
use crate::service::once::Once;
use crate::service::record::Act;
use crate::service::{Caller, Result, Service, ServiceError, act};
use crate::store::StoreError;
use crate::store::rows::{Fence, MigrationWrite, Unit};
use std::fmt;
use sternway_domain::access::Action;
use sternway_domain::actor::{Actor, Rule};
use sternway_domain::audit::Outcome;
use sternway_domain::id::{MigrationName, ServiceName};
use sternway_domain::migration::{Command, Migration, OtherWay, Phase, WayBack};
use sternway_domain::release::{self, Release};

/// A rollback would lose data: why, what, and what can be done instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastNoReturn {
    pub service: ServiceName,
    pub migration: MigrationName,
    /// With the loss at its end.
    pub why: String,
    pub data_loss: String,
    pub instead: [OtherWay; 2],
}

impl fmt::Display for PastNoReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, two] = self.instead.map(OtherWay::words);
        write!(f, "`{}` cannot go back. {} Two ways remain: {one}; {two}.", self.service, self.why)?;
        write!(f, " Going back all the same takes a second person who breaks the glass with you")
    }
}

impl PastNoReturn {
    /// `None` where the migration may go back.
    pub(crate) fn of(migration: &Migration) -> Option<Self> {
        let WayBack::Refused { why, data_loss, instead, .. } = migration.way_back() else { return None };
        let (service, name) = (migration.plan.component.clone(), migration.plan.name.clone());
        Some(Self { service, migration: name, why, data_loss, instead })
    }
}

impl Service {
    /// What is written to each migration of a release that goes back, and what two people took upon them.
    pub(in crate::service) fn back_ordered(
        &self,
        migrations: &[Migration],
        by: &Actor,
        reason: &str,
    ) -> Result<(Vec<MigrationWrite>, Vec<String>)> {
        let (mut writes, mut notices) = (Vec::new(), Vec::new());
        for migration in migrations {
            let events = migration.decide(Command::OrderBack { reason: reason.to_owned() }, by, self.clock.now())?;
            let after = events.iter().fold(migration.clone(), Migration::evolve);
            writes.extend(migration_write(migration.version, &events, &after));
            notices.extend(migration.broken.as_ref().map(|glass| glass.notice()));
        }
        Ok((writes, notices))
    }

    /// A step of a rollback: one phase back, under a rule. Asked again with the same key it answers the same and does
    /// nothing; `fence` is the lease it is done under.
    pub(crate) async fn data_back_by_rule(
        &self,
        caller: &Caller,
        release: &Release,
        name: &MigrationName,
        to: Phase,
        idempotency_key: &str,
        fence: Option<Fence>,
    ) -> Result<DataActed> {
        let once = Once::new(&caller.actor.key(), idempotency_key, &(release.id, name, to));
        let reason = format!("`{}` {} is rolled back.", release.service, release.candidate.version);
        let mut tries = 0;
        loop {
            if let Some(acted) = self.moved_before(&once).await? {
                return Ok(acted);
            }
            self.authorise(caller, Action::MoveData)?;
            let before = self.migration(release.id, name).await?;
            // Somebody was quicker: it is there, or further back.
            let events = if before.phase <= to {
                vec![]
            } else {
                before.decide(Command::Revert { to, reason: reason.clone() }, &caller.actor, self.clock.now())?
            };
            let mut act = Act::on(Action::MoveData, act::target(release), &reason);
            (act.expected_version, act.release) = (Some(before.version), Some(release));
            let (once, fence) = (&once, fence.clone());
            tries += 1;
            let change = Change { release, before: &before, events: &events, act, once, fence };
            match self.commit_data(caller, change).await {
                Err(ServiceError::Store(StoreError::Conflict { .. } | StoreError::KeyUsed)) if tries < TRIES => {}
                other => return other,
            }
        }
    }

    /// A rule's rollback would lose data: it is refused, in the log, and the release is frozen instead until a person
    /// decides.
    pub(crate) async fn freeze_instead(
        &self,
        rule: Rule,
        release: Release,
        reason: &str,
        refused: &PastNoReturn,
        fence: Fence,
    ) -> Result<Release> {
        let caller = Caller::engine(rule);
        let mut act = Act::on(Action::Rollback, act::target(&release), reason);
        (act.expected_version, act.release) = (Some(release.version), Some(&release));
        let decision = self.decision(&caller, &act, Outcome::Refused { why: refused.to_string() })?;
        // Keyed by what it is about: an engine that is started again in between writes it once.
        let once = Once::new(&caller.actor.key(), &format!("{}:{}:refused", release.id, release.version), &release.id);
        let idempotency = Some(self.remember(&once, 409, &decision.row.id));
        let unit = Unit { decision: Some(decision), idempotency, fence: Some(fence.clone()), ..Unit::default() };
        match self.commit(unit, None).await {
            Ok(_) | Err(ServiceError::Store(StoreError::KeyUsed)) => {}
            Err(error) => return Err(error),
        }
        let reason = format!("{reason} Rolling back was refused. {} Frozen until a person decides.", refused.why);
        let reason = reason.chars().take(2000).collect();
        let command = release::Command::Freeze { reason };
        self.act_by_rule(&Caller::engine(Rule::FreezePastNoReturn), release, command, fence).await
    }
}
