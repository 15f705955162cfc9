//! Takes personal or free text out of what is stored. The entry of the log stays as it was hashed, so every proof holds; a
//! new entry says who took what out, and why.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError, encode};
use crate::store::StoreError;
use crate::store::rows::{RedactionWrite, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::audit::record::{Leaf, PointsBack, Relation};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::DecisionId;
use sternway_domain::release::REASON_CHARS;
use utoipa::ToSchema;

/// What stands in the place of a text.
pub const REDACTED: &str = "redacted";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedactRequest {
    pub decision: DecisionId,
    /// None: all that are there.
    pub fields: Vec<Field>,
    pub reason: String,
}

/// The texts are gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Redacted {
    /// `reason`, `actor.name`, …
    pub removed: Vec<String>,
    pub decision: DecisionBrief,
}

impl Service {
    pub async fn redact(&self, caller: &Caller, request: &RedactRequest, key: &str) -> Result<Redacted> {
        let once = Once::new(&caller.actor.key(), key, request);
        if let Some(redacted) = self.redacted_before(&once).await? {
            return Ok(redacted);
        }
        let target = Target::Configuration { names: vec![format!("decision {}", request.decision)] };
        let mut act = Act::on(Action::Redact, target, &request.reason);
        match self.redact_once(caller, request, &mut act, &once).await {
            Ok(redacted) => Ok(redacted),
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => self.redacted_before(&once).await?.ok_or(error),
            Err(error @ ServiceError::Store(_)) => Err(error),
            Err(error) => Err(self.refuse(caller, &act, error).await),
        }
    }

    async fn redact_once(
        &self,
        caller: &Caller,
        request: &RedactRequest,
        act: &mut Act<'_>,
        once: &Once,
    ) -> Result<Redacted> {
        self.authorise(caller, Action::Redact)?;
        let invalid = |field: &str, text: &str| ServiceError::Invalid { field: field.into(), text: text.into() };
        if !REASON_CHARS.contains(&request.reason.trim().chars().count()) {
            return Err(invalid("reason", "say in 3 to 2000 characters why this has to go"));
        }
        let row = self.store.decision(request.decision).await?;
        let missing = || ServiceError::NotFound { what: "decision", name: request.decision.to_string() };
        let row = row.ok_or_else(missing)?;
        if let Some(id) = row.release
            && let Some(release) = self.store.release(id).await?
            && release.active
        {
            // What is under way is rewritten all the time.
            return Err(invalid("", "its release is under way; redact when that has ended"));
        }
        let leaf =
            self.store.leaves(row.leaf_index, 1).await?.into_iter().next().filter(|leaf| leaf.decision == row.id);
        let corrupt = |detail: String| StoreError::Corrupt { what: "entry of the log", detail };
        let leaf = leaf.ok_or_else(|| corrupt(format!("entry {} is missing", row.leaf_index)))?;
        let record = match Leaf::decode(&leaf.entry).map_err(|error| corrupt(error.to_string()))? {
            Leaf::Sealed(record) => record,
            Leaf::Clear(_) => {
                return Err(invalid("", "its entry was written in clear; nothing of it can be taken out"));
            }
        };
        let beside = self.store.texts(row.leaf_index, 1).await?.into_iter().next();
        let openings = beside.map(|beside| beside.openings).unwrap_or_default();
        let known = record.commitments();
        if let Some(field) = request.fields.iter().find(|field| !known.iter().any(|(known, _)| known == *field)) {
            return Err(invalid("fields", &format!("its entry has no text `{field}`")));
        }
        let wanted = |opening: &Opening| request.fields.is_empty() || request.fields.contains(&opening.field);
        let (gone, left): (Vec<Opening>, Vec<Opening>) = openings.into_iter().partition(wanted);
        if gone.is_empty() {
            return Err(invalid("fields", "these texts are redacted already"));
        }
        let repeated = |opening: &Opening| opening.text.chars().count() >= 4 && request.reason.contains(&opening.text);
        if let Some(opening) = gone.iter().find(|opening| repeated(opening)) {
            // The refusal is an entry of its own.
            act.reason = REDACTED;
            return Err(invalid("reason", &format!("it repeats the text of `{}`, which is to go", opening.field)));
        }
        let entry = record.open(&left, REDACTED).map_err(|error| corrupt(error.to_string()))?;
        let mut fields: Vec<Field> = gone.iter().map(|opening| opening.field).collect();
        fields.sort();
        let index = row.leaf_index as u64;
        act.points_back.push(PointsBack { index, relation: Relation::Redacts, fields: fields.clone() });
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let mut redacted = Redacted { removed: fields.iter().map(ToString::to_string).collect(), decision: brief };
        // Events name who acted as people are shown: a token with its owner.
        let named = fields.iter().any(|field| matches!(field, Field::ActorName | Field::OwnerName));
        let label = named.then(|| row.actor_label.clone());
        let redaction = RedactionWrite {
            decision: row.id,
            leaf_index: row.leaf_index,
            fields,
            texts: label.into_iter().chain(gone.into_iter().map(|opening| opening.text)).collect(),
            instead: REDACTED.to_owned(),
            actor_label: entry.actor.label(),
            reason: entry.reason.clone(),
            body: encode(&entry),
            at: decision.row.at,
        };
        let unit = Unit {
            idempotency: Some(self.remember(once, 200, &redacted)),
            decision: Some(decision),
            redaction: Some(redaction),
            ..Unit::default()
        };
        let committed = self.commit(unit, None).await?;
        redacted.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok(redacted)
    }

    async fn redacted_before(&self, once: &Once) -> Result<Option<Redacted>> {
        let Some(mut redacted) = self.recall::<Redacted>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(redacted.decision.id).await? {
            redacted.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(redacted))
    }
}
