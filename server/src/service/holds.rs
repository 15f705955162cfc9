//! Legal holds: placing and releasing them, and what they keep from being taken out.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Reading, Result, Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{DecisionRow, HoldRow, HoldWrite, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::hold::{Scope, named};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::HoldId;
use sternway_domain::release::REASON_CHARS;
use utoipa::ToSchema;

/// A legal hold, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldView {
    #[schema(format = "uuid")]
    pub id: String,
    /// Entries about this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Entries about this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Entries from here on, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub from: Option<String>,
    /// Entries before this, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub to: Option<String>,
    /// Why it was placed.
    pub reason: String,
    pub by: String,
    #[schema(format = "date-time")]
    pub placed_at: String,
    /// When it was released, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub released_at: Option<String>,
}

/// A hold was placed or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldDone {
    #[schema(format = "uuid")]
    pub hold: String,
    pub decision: DecisionBrief,
}

impl Service {
    /// Every hold, also those that were released; oldest first.
    pub async fn holds(&self, caller: &Caller) -> Result<Vec<HoldView>> {
        self.authorise_reading(caller, Action::Read, &Reading::Holds).await?;
        self.note_read(caller, &Reading::Holds).await?;
        let mut views = Vec::new();
        for row in self.store.holds().await? {
            let placed = self.store.decision(row.placed_by).await?;
            let (reason, by) = placed.map(|placed| (placed.reason, placed.actor_label)).unwrap_or_default();
            views.push(HoldView {
                id: row.id.to_string(),
                release: row.scope.release.map(|id| id.to_string()),
                service: row.scope.service.map(|name| name.to_string()),
                from: row.scope.from.map(|at| at.to_rfc3339()),
                to: row.scope.to.map(|at| at.to_rfc3339()),
                reason,
                by,
                placed_at: row.placed_at.to_rfc3339(),
                released_at: row.released.map(|(at, _)| at.to_rfc3339()),
            });
        }
        Ok(views)
    }

    pub async fn place_hold(&self, caller: &Caller, scope: &Scope, reason: &str, key: &str) -> Result<HoldDone> {
        let once = Once::new(&caller.actor.key(), key, &(scope, reason));
        let id = HoldId(self.new_id());
        let mut act = Act::on(Action::LegalHold, target(id), reason);
        act.effects.push(scope.placed());
        let checked = || {
            self.authorise(caller, Action::LegalHold)?;
            reasoned(reason)?;
            scope.check().map_err(|error| ServiceError::Invalid { field: String::new(), text: error.to_string() })
        };
        self.hold_done(caller, act, &once, checked(), HoldWrite::Place { id, scope: scope.clone() }, id).await
    }

    pub async fn release_hold(&self, caller: &Caller, id: HoldId, reason: &str, key: &str) -> Result<HoldDone> {
        let once = Once::new(&caller.actor.key(), key, &(id, reason));
        let mut act = Act::on(Action::LegalHold, target(id), reason);
        let found = self.store.holds().await?.into_iter().find(|row| row.id == id);
        let checked = || {
            self.authorise(caller, Action::LegalHold)?;
            reasoned(reason)?;
            let row = found.ok_or_else(|| ServiceError::NotFound { what: "legal hold", name: id.to_string() })?;
            act.effects.push(row.scope.released());
            if row.released.is_some() { Err(released()) } else { Ok(()) }
        };
        let checked = checked();
        self.hold_done(caller, act, &once, checked, HoldWrite::Release { id }, id).await
    }

    async fn hold_done(
        &self,
        caller: &Caller,
        act: Act<'_>,
        once: &Once,
        checked: Result<()>,
        write: HoldWrite,
        id: HoldId,
    ) -> Result<HoldDone> {
        // Before what is checked: the same request again finds the hold as it left it.
        if let Some(done) = self.held_before(once).await? {
            return Ok(done);
        }
        if let Err(error) = checked {
            return Err(self.refuse(caller, &act, error).await);
        }
        let decision = self.decision(caller, &act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let mut done = HoldDone { hold: id.to_string(), decision: brief };
        let unit = Unit {
            idempotency: Some(self.remember(once, 201, &done)),
            decision: Some(decision),
            hold: Some(write),
            ..Unit::default()
        };
        match self.commit(unit, None).await {
            Ok(committed) => {
                done.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
                Ok(done)
            }
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => self.held_before(once).await?.ok_or(error),
            Err(ServiceError::Store(StoreError::Exists { .. })) => Err(self.refuse(caller, &act, released()).await),
            Err(error) => Err(error),
        }
    }

    async fn held_before(&self, once: &Once) -> Result<Option<HoldDone>> {
        let Some(mut done) = self.recall::<HoldDone>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(done.decision.id).await? {
            done.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(done))
    }

    /// Why no text of this decision may be taken out, if a hold says so.
    pub(super) async fn hold_on_texts(&self, row: &DecisionRow) -> Result<Option<ServiceError>> {
        let hold = self.standing_holds().await?.into_iter().find(|hold| covers(hold, row));
        Ok(hold.map(|hold| ServiceError::Held { hold: hold.id, scope: hold.scope.words() }))
    }

    pub(super) async fn standing_holds(&self) -> Result<Vec<HoldRow>> {
        Ok(self.store.holds().await?.into_iter().filter(|hold| hold.released.is_none()).collect())
    }
}

/// A hold also keeps why it was placed.
pub(super) fn covers(hold: &HoldRow, row: &DecisionRow) -> bool {
    hold.placed_by == row.id || hold.scope.covers(row.release, row.service.as_ref(), row.at)
}

fn target(id: HoldId) -> Target {
    Target::Configuration { names: vec![named(id)] }
}

fn released() -> ServiceError {
    ServiceError::Invalid { field: String::new(), text: "this hold was released before".to_owned() }
}

fn reasoned(reason: &str) -> Result<()> {
    if REASON_CHARS.contains(&reason.trim().chars().count()) {
        return Ok(());
    }
    let text = "say why in 3 to 2000 characters".to_owned();
    Err(ServiceError::Invalid { field: "reason".to_owned(), text })
}
