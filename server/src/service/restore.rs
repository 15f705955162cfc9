//! After the database was restored: what differs from what is known, and going on once a person confirms what is observed.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError};
use crate::memory::{MemoryError, Rewound};
use crate::store::StoreError;
use crate::store::rows::{Restored, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::confirmation::Confirmation;
use sternway_domain::audit::{Outcome, Target};
use utoipa::ToSchema;

/// Whether this replica waits for a person after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreView {
    /// Nothing is done by the engine of this replica until somebody confirms.
    pub held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub since: Option<String>,
    /// What the database has less of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Somebody confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// How often this database was confirmed after a restore.
    pub epoch: i64,
    /// Tokens go on above this.
    pub token: i64,
    pub decision: DecisionBrief,
}

impl Service {
    pub fn restore(&self, caller: &Caller) -> Result<RestoreView> {
        self.authorise(caller, Action::View)?;
        let rewound = self.memory.rewound();
        Ok(RestoreView {
            held: rewound.is_some(),
            since: rewound.as_ref().map(|rewound| rewound.since.to_rfc3339()),
            why: rewound.map(|rewound| rewound.why),
        })
    }

    /// A person has looked at what is observed: the engine goes on, under larger tokens than anybody has seen.
    pub async fn confirm_restore(&self, caller: &Caller, reason: &str, key: &str) -> Result<Confirmed> {
        let once = Once::new(&caller.actor.key(), key, &reason);
        if let Some(confirmed) = self.confirmed_before(&once).await? {
            return Ok(confirmed);
        }
        let target = Target::Configuration { names: vec!["the restored database".to_owned()] };
        let mut act = Act::on(Action::Resume, target, reason);
        match self.confirm_once(caller, &mut act, &once).await {
            Ok(confirmed) => Ok(confirmed),
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => self.confirmed_before(&once).await?.ok_or(error),
            Err(error @ ServiceError::Store(_)) => Err(error),
            Err(error) => Err(self.refuse(caller, &act, error).await),
        }
    }

    async fn confirm_once(&self, caller: &Caller, act: &mut Act<'_>, once: &Once) -> Result<Confirmed> {
        self.authorise(caller, Action::Resume)?;
        let written = act.reason.trim().chars().count();
        if !(3..=2_000).contains(&written) {
            let text = "say in 3 to 2000 characters what you looked at".to_owned();
            return Err(ServiceError::Invalid { field: "reason".to_owned(), text });
        }
        let invalid = |text: &str| ServiceError::Invalid { field: String::new(), text: text.to_owned() };
        let Some(Rewound { why, known_token, .. }) = self.memory.rewound() else {
            return Err(invalid("nothing is held: the database has come as far as is known here"));
        };
        let extent = self.store.extent().await?;
        // What the database says of itself was signed, or is not counted on.
        let epoch = self.memory.epoch().await.saturating_add(1);
        let confirmation = Confirmation { born: extent.born, epoch };
        let Some(statement) = self.notary.confirm(self.store.as_ref(), confirmation).await? else {
            let place = self.notary.place();
            return Err(invalid(&format!(
                "only a confirmation signed with the log's key counts, and this replica has none: put it into {place}, or \
                 confirm at a replica that has it; if it is lost for good, first go on with `sternway audit new-key --reason …`"
            )));
        };
        let restored = Restored { epoch, token: known_token.max(extent.token).saturating_add(1), statement };
        act.effects.push(why);
        act.effects.push(format!("tokens go on above {}", restored.token));
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let mut confirmed = Confirmed { epoch: restored.epoch, token: restored.token, decision: brief };
        let unit = Unit {
            decision: Some(decision),
            idempotency: Some(self.remember(once, 200, &confirmed)),
            restored: Some(restored),
            ..Unit::default()
        };
        let committed = self.commit(unit, None).await?;
        confirmed.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        match self.look_at_database().await {
            Ok(_) => {}
            // It is durable in the database: the next look takes it in.
            Err(error) => tracing::warn!(%error, "what is known of the database was not written down"),
        }
        Ok(confirmed)
    }

    async fn confirmed_before(&self, once: &Once) -> Result<Option<Confirmed>> {
        let Some(mut confirmed) = self.recall::<Confirmed>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(confirmed.decision.id).await? {
            confirmed.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(confirmed))
    }

    /// Whether the engine may do anything. A file that cannot be written is a warning: it protects only later.
    pub(crate) async fn may_work(&self) -> Result<bool> {
        match self.look_at_database().await {
            Ok(rewound) => Ok(rewound.is_none()),
            Err(MemoryError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is known of the database was not written down"
                );
                Ok(self.memory.rewound().is_none())
            }
        }
    }

    /// What was read of a database that is another one now is forgotten.
    async fn look_at_database(&self) -> std::result::Result<Option<Rewound>, MemoryError> {
        let before = self.memory.generation();
        let looked = self.memory.look(self.store.as_ref(), &self.notary, self.clock.now()).await;
        if self.memory.generation() != before {
            self.flags.forget();
            self.aftermath.forget().await;
        }
        looked
    }
}
