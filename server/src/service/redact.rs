//! Takes personal or free text out of what is stored. The entry of the log stays as it was hashed, so every proof holds; a
//! new entry says who took what out, and why.

use super::once::Once;
use super::record::Act;
use super::take_out::corrupt;
use super::{Caller, DecisionBrief, Reading, Result, Service, ServiceError};
use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::store::rows::{DecisionRow, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::audit::record::{PointsBack, Relation};
use sternway_domain::audit::{Outcome, REDACTED, Target};
use sternway_domain::id::DecisionId;
use sternway_domain::release::REASON_CHARS;
use utoipa::ToSchema;

/// Shorter texts stand in others by chance.
const WORTH_LOOKING_FOR: usize = 12;
/// Entries that are named.
const ALSO_IN: u32 = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedactRequest {
    pub decision: DecisionId,
    /// None: all that are there.
    pub fields: Vec<Field>,
    pub reason: String,
}

/// Why copies of what was taken out may still be there.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("flags in memory were not read again")]
    Flags(#[from] ServiceError),
}

/// The texts are gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Redacted {
    /// `reason`, `actor.name`, …
    pub removed: Vec<String>,
    /// Other entries, by index, that hold one of the texts as well: each is redacted for itself. The first 20 of them.
    #[serde(default)]
    pub also_in: Vec<i64>,
    /// There are more of them than `also_in` names.
    #[serde(default)]
    pub also_in_more: bool,
    /// They were not looked for: the database did not answer in time.
    #[serde(default)]
    pub also_in_unknown: bool,
    pub decision: DecisionBrief,
}

/// Where a text stands besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlsoIn {
    /// Other entries, by index.
    pub entries: Vec<i64>,
    /// There are more than these.
    pub more: bool,
    /// They were not looked for.
    pub unknown: bool,
}

/// The texts of a decision, for whoever may take them out.
#[derive(Debug, Clone)]
pub struct Redactable {
    pub row: DecisionRow,
    /// With the text, where it is still there.
    pub texts: Vec<(Field, Option<String>)>,
    pub also_in: AlsoIn,
    /// Why nothing can be taken out now.
    pub why_not: Option<String>,
}

impl Service {
    /// What could be taken out of a decision.
    pub async fn redactable(&self, caller: &Caller, id: DecisionId) -> Result<Redactable> {
        self.authorise(caller, Action::Redact)?;
        let row = self.read_decision(caller, id).await?;
        let Some(beside) = self.beside(&row).await? else {
            let why_not = Some(in_clear().to_string());
            return Ok(Redactable { row, texts: Vec::new(), also_in: AlsoIn::default(), why_not });
        };
        let texts = beside.record.texts(&beside.openings).map_err(|error| corrupt(error.to_string()))?;
        let texts = texts.into_iter().map(|(field, text)| (field, text.map(str::to_owned))).collect();
        let hold = self.hold_on_texts(&row).await?;
        let why_not = match (&hold, self.under_way(&row).await?) {
            (Some(hold), _) => Some(hold.to_string()),
            (None, true) => Some(under_way().to_string()),
            (None, false) => None,
        };
        let also_in = self.also_in(&beside.openings, row.leaf_index).await;
        Ok(Redactable { row, texts, also_in, why_not })
    }

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
            Err(error) => {
                // Nothing was taken out.
                act.points_back.clear();
                Err(self.refuse(caller, &act, error).await)
            }
        }
    }

    async fn redact_once(
        &self,
        caller: &Caller,
        request: &RedactRequest,
        act: &mut Act<'_>,
        once: &Once,
    ) -> Result<Redacted> {
        let repeated = self.repeated_by(request).await?;
        if repeated.is_some() {
            // Every refusal is an entry of its own.
            act.reason = REDACTED;
        }
        self.authorise(caller, Action::Redact)?;
        if let Some(field) = repeated {
            return Err(invalid("reason", &format!("it repeats the text of `{field}`, which is to go")));
        }
        if !REASON_CHARS.contains(&request.reason.trim().chars().count()) {
            return Err(invalid("reason", "say in 3 to 2000 characters why this has to go"));
        }
        let row = self.store.decision(request.decision).await?;
        let missing = || ServiceError::NotFound { what: "decision", name: request.decision.to_string() };
        let row = row.ok_or_else(missing)?;
        if let Some(held) = self.hold_on_texts(&row).await? {
            return Err(held);
        }
        if self.under_way(&row).await? {
            return Err(under_way());
        }
        let beside = self.beside(&row).await?.ok_or_else(in_clear)?;
        let known = beside.record.commitments();
        if let Some(field) = request.fields.iter().find(|field| !known.iter().any(|(known, _)| known == *field)) {
            return Err(invalid("fields", &format!("its entry has no text `{field}`")));
        }
        let wanted = |field: Field| request.fields.is_empty() || request.fields.contains(&field);
        let Some((write, gone)) = beside.without(&row, wanted, self.clock.now())? else {
            return Err(invalid("fields", "these texts are redacted already"));
        };
        let AlsoIn { entries, more, unknown } = self.also_in(&gone, row.leaf_index).await;
        let index = row.leaf_index as u64;
        act.points_back.push(PointsBack { index, relation: Relation::Redacts, fields: write.fields.clone() });
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let removed = write.fields.iter().map(ToString::to_string).collect();
        let mut redacted =
            Redacted { removed, also_in: entries, also_in_more: more, also_in_unknown: unknown, decision: brief };
        let unit = Unit {
            idempotency: Some(self.remember(once, 200, &redacted)),
            decision: Some(decision),
            redactions: vec![write],
            ..Unit::default()
        };
        let committed = match self.commit(unit, None).await {
            // Placed while this was being made.
            Err(ServiceError::Store(StoreError::Held { hold, leaf_index })) => {
                let scope = format!("entry {leaf_index} rests on evidence that repeats one of them");
                let other = ServiceError::Held { hold, scope };
                return Err(self.hold_on_texts(&row).await?.unwrap_or(other));
            }
            committed => committed?,
        };
        redacted.decision.leaf_index = committed.leaf_index.unwrap_or(-1);
        if let Err(error) = self.forget_texts().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "copies of what was redacted are still there; it is tried again");
        }
        Ok(redacted)
    }

    /// Which of the texts that are to go the reason repeats, as far as they can be opened. Refused or not, it is written down.
    pub(crate) async fn repeated_by(&self, request: &RedactRequest) -> Result<Option<Field>> {
        let Some(row) = self.store.decision(request.decision).await? else { return Ok(None) };
        let Some(beside) = self.beside(&row).await? else { return Ok(None) };
        let goes = |field: Field| request.fields.is_empty() || request.fields.contains(&field);
        let repeated = |text: &str| text.chars().count() >= 4 && request.reason.contains(text);
        let mut there = beside.openings.iter().filter(|opening| goes(opening.field));
        Ok(there.find(|opening| repeated(&opening.text)).map(|opening| opening.field))
    }

    /// Copies outside of what is committed: flags in memory, the file's own history. What is taken out is remembered
    /// outside of the database, too. Whatever fails here is tried again by the keeper.
    pub(crate) async fn forget_texts(&self) -> std::result::Result<(), ForgetError> {
        let store = self.store.as_ref();
        self.ledger.set_clean(false);
        // First: what another replica commits from here on is news the next time.
        self.ledger.feed(store).await?;
        self.aftermath.forget().await;
        self.flags.again(store).await?;
        self.ledger.set_clean(store.scrub().await.map_err(LedgerError::from)?);
        Ok(())
    }

    /// Which other entries hold one of these texts. What cannot be found out keeps nothing from being taken out.
    async fn also_in(&self, gone: &[Opening], but: i64) -> AlsoIn {
        let worth = |opening: &&Opening| {
            let written = matches!(opening.field, Field::Reason | Field::Why | Field::Effect(_) | Field::Overridden(_));
            written && opening.text.chars().count() >= WORTH_LOOKING_FOR
        };
        let texts: Vec<&str> = gone.iter().filter(worth).map(|opening| opening.text.as_str()).collect();
        if texts.is_empty() {
            return AlsoIn::default();
        }
        match self.store.repeated(&texts, but, ALSO_IN + 1).await {
            Ok(mut entries) => {
                let more = entries.len() > ALSO_IN as usize;
                entries.truncate(ALSO_IN as usize);
                AlsoIn { entries, more, unknown: false }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, entry = but, "it was not found out which other entries hold the same texts");
                AlsoIn { unknown: true, ..AlsoIn::default() }
            }
        }
    }

    /// What is under way is rewritten all the time.
    pub(super) async fn under_way(&self, row: &DecisionRow) -> Result<bool> {
        match row.release {
            Some(id) => Ok(self.store.release(id).await?.is_some_and(|release| release.active)),
            None => Ok(false),
        }
    }

    async fn redacted_before(&self, once: &Once) -> Result<Option<Redacted>> {
        let Some(mut redacted) = self.recall::<Redacted>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(redacted.decision.id).await? {
            redacted.decision.leaf_index = decision.leaf_index;
        }
        Ok(Some(redacted))
    }

    /// One decision, for somebody who reads it: that is written down.
    pub async fn read_decision(&self, caller: &Caller, id: DecisionId) -> Result<DecisionRow> {
        self.authorise(caller, Action::Read)?;
        let row = self.store.decision(id).await?;
        let row = row.ok_or_else(|| ServiceError::NotFound { what: "decision", name: id.to_string() })?;
        self.note_read(caller, &Reading::Decision(&row)).await?;
        Ok(row)
    }
}

fn invalid(field: &str, text: &str) -> ServiceError {
    ServiceError::Invalid { field: field.into(), text: text.into() }
}

fn in_clear() -> ServiceError {
    invalid("", "its entry was written in clear; nothing of it can be taken out")
}

fn under_way() -> ServiceError {
    invalid("", "its release is under way; redact when that has ended")
}
