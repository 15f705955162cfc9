//! What the server was started with, in the log: settings come from a file, from variables and from flags, so that nobody
//! asked for a change of them here.

use super::once::Once;
use super::record::Act;
use super::{Caller, Result, Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{DecisionFilter, DecisionRow, Unit};
use sternway_domain::access::Action;
use sternway_domain::actor::Rule;
use sternway_domain::audit::settings::{Before, Settings};
use sternway_domain::audit::{Outcome, Target};

/// How often it is looked again when other replicas that start write their own: more than ever start at once.
const TRIES: u32 = 100;

impl Service {
    /// Writes down with what this server starts, unless the newest entry of that kind says the same: a restart and further
    /// replicas with the same settings leave nothing. Says whether there was news.
    ///
    /// Also while the log is not signed, or the database was restored and waits for a person: nothing is sent anywhere by
    /// this entry, and settings that were changed at such a time are what an auditor asks for first. It is signed with what
    /// else was written meanwhile, once somebody confirmed.
    pub async fn started_with(&self, settings: &Settings) -> Result<bool> {
        let (text, digest) = (settings.text(), settings.digest());
        let mut tries = 0;
        loop {
            let newest = self.newest_start().await?;
            if newest.as_ref().is_some_and(|row| row.evidence.as_ref() == Some(&digest)) {
                return Ok(false);
            }
            let before = self.settings_of(newest.as_ref()).await?;
            let reason = settings.sentence(&before);
            let target = Target::Configuration { names: settings.names(&before) };
            let mut act = Act::on(Action::Configure, target, &reason);
            act.evidence = Some(digest.clone());
            let caller = Caller::engine(Rule::Start);
            // Only one entry comes after another: of two replicas the second finds the first one's, and compares again.
            let after = newest.map_or_else(|| "the first".to_owned(), |row| row.id.to_string());
            let once = Once::new(&caller.actor.key(), &format!("start after {after}"), &digest);
            let unit = Unit {
                decision: Some(self.decision(&caller, &act, Outcome::Accepted)?),
                evidence: vec![(digest.clone(), text.clone())],
                idempotency: Some(self.remember(&once, 200, &digest)),
                ..Unit::default()
            };
            tries += 1;
            match self.commit(unit, None).await {
                Ok(_) => return Ok(true),
                Err(ServiceError::Store(StoreError::KeyUsed)) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn newest_start(&self) -> Result<Option<DecisionRow>> {
        let action = Some(Action::Configure.as_str().to_owned());
        let filter = DecisionFilter { action, limit: 1, ..DecisionFilter::default() };
        Ok(self.store.decisions(&filter).await?.into_iter().next())
    }

    async fn settings_of(&self, start: Option<&DecisionRow>) -> Result<Before> {
        let Some(start) = start else { return Ok(Before::Never) };
        let Some(digest) = &start.evidence else { return Ok(Before::Gone) };
        let text = self.store.evidence(digest).await?;
        Ok(text.and_then(|text| Settings::read(&text)).map_or(Before::Gone, Before::Known))
    }
}
