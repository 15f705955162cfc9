//! What Sternway takes out by itself: texts older than they are kept, and texts that came back with an older database.

use super::holds::covers;
use super::record::Act;
use super::take_out::Beside;
use super::{Caller, Result, Service, ServiceError};
use crate::ledger::Line;
use crate::store::StoreError;
use crate::store::rows::{DecisionRow, Fence, RedactionWrite, Unit};
use std::collections::{BTreeMap, BTreeSet};
use sternway_domain::access::Action;
use sternway_domain::actor::Rule;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::record::{PointsBack, Relation};
use sternway_domain::audit::retention::{Class, Retention};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::ReleaseId;

/// Entries in one unit: nobody waits long for the log.
const BATCH: usize = 25;
/// Texts in one unit, unless one entry alone has more: the unit's own entry names each of them, and has 64 KiB.
const MOST_TEXTS: usize = 1_500;

/// So often others may take the same texts out while this is under way.
const MOST_TRIES: usize = 100;

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Index of the last entry that was looked at: the next batch begins after it.
    pub last: i64,
    /// How many entries lost a text.
    pub entries: usize,
    pub texts: usize,
}

impl Service {
    /// Takes out the next texts of this class that are kept no longer, in one unit. `None`: there is none after this
    /// entry. What a hold covers stays, and so does what belongs to a release under way.
    pub async fn retain(&self, rule: &Retention, class: Class, after: i64, fence: &Fence) -> Result<Option<Batch>> {
        let now = self.clock.now();
        let Some(before) = rule.before(class, now) else { return Ok(None) };
        let rows = self.store.aged(class, after, before, BATCH as u32).await?;
        let Some(last) = rows.last().map(|row| row.leaf_index) else { return Ok(None) };
        let holds = self.standing_holds().await?;
        let mut active: BTreeMap<ReleaseId, bool> = BTreeMap::new();
        let mut writes = Vec::new();
        for row in rows.iter().filter(|row| !holds.iter().any(|hold| covers(hold, row))) {
            let Some(beside) = self.beside(row).await? else { continue };
            let mut due =
                rule.due(row.at, now, &beside.record.target, beside.openings.iter().map(|opening| opening.field));
            if let Some(id) = row.release {
                let busy = match active.get(&id) {
                    Some(busy) => *busy,
                    None => *active.entry(id).or_insert(self.under_way(row).await?),
                };
                // Addresses stand in no event and no fold: they go also while it is under way.
                due.retain(|field| !busy || Class::of(*field) == Class::Addresses);
            }
            if !due.is_empty() {
                let back = self.put_back(row, &beside).await?;
                due.retain(|field| !back.contains(field));
            }
            // Of several rules the one that keeps the shortest: older evidence goes.
            let elsewhere = due.iter().map(|field| Class::of(*field)).filter(|class| *class != Class::Addresses);
            let kept_from = elsewhere.filter_map(|class| rule.before(class, now)).max();
            let taken = beside.without(row, |field| due.contains(&field), now)?;
            writes.extend(taken.map(|(write, _)| RedactionWrite { kept_from, ..write }));
        }
        let rest = split(&mut writes);
        let last = writes.last().filter(|_| !rest.is_empty()).map_or(last, |write| write.leaf_index);
        let (entries, texts) = (writes.len(), writes.iter().map(|write| write.fields.len()).sum());
        if entries > 0 {
            let reason = format!("Retention: {}", rule.words());
            match self.take_out_by_rule(Rule::Retention, &reason, writes, Some(fence.clone())).await {
                // A hold was placed meanwhile: the next pass sees it.
                Err(ServiceError::Store(StoreError::Held { .. })) => {
                    return Ok(Some(Batch { last: after, entries: 0, texts: 0 }));
                }
                done => done?,
            }
        }
        Ok(Some(Batch { last, entries, texts }))
    }

    /// Takes out again what had been taken out of these entries: the database was restored from before that. Returns how
    /// many entries lost a text.
    pub async fn redact_again(&self, lines: &[Line]) -> Result<usize> {
        let mut wanted: BTreeMap<(i64, &str), BTreeSet<Field>> = BTreeMap::new();
        for line in lines {
            wanted.entry((line.entry, &line.hash)).or_default().extend(line.fields.iter().copied());
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut entries = 0;
        for part in wanted.chunks(BATCH) {
            entries += self.part_again(part).await?;
        }
        Ok(entries)
    }

    /// Texts that were taken out and are there again, which nothing takes out twice: somebody put them back past Sternway.
    async fn put_back(&self, row: &DecisionRow, beside: &Beside) -> Result<BTreeSet<Field>> {
        let removed = self.store.removed(row.leaf_index).await?.into_iter().map(|removed| removed.field);
        let there = |field: &Field| beside.openings.iter().any(|opening| opening.field == *field);
        let back: BTreeSet<Field> = removed.filter(there).collect();
        for field in &back {
            tracing::error!(
                entry = row.leaf_index,
                %field,
                "a text that was redacted is there again: somebody put it back into `audit_text`, where only the owner of \
                 the schema can take it out again; \"What somebody put into the log\" in Sternway's README says how"
            );
        }
        Ok(back)
    }

    /// Until nothing of it is left, also when another replica takes some of it out at the same time.
    async fn part_again(&self, part: &[((i64, &str), BTreeSet<Field>)]) -> Result<usize> {
        const REASON: &str = "The database is from before these texts were taken out: they go again";
        let (mut entries, mut tries) = (0, 0);
        loop {
            let mut writes = Vec::new();
            for ((index, hash), fields) in part {
                let Some(row) = self.decision_at(*index, hash).await? else { continue };
                let Some(beside) = self.beside(&row).await? else { continue };
                let back = self.put_back(&row, &beside).await?;
                let goes = |field| fields.contains(&field) && !back.contains(&field);
                let taken = beside.without(&row, goes, self.clock.now())?;
                writes.extend(taken.map(|(write, _)| RedactionWrite { despite_hold: true, ..write }));
            }
            let _rest = split(&mut writes);
            let many = writes.len();
            if many == 0 {
                return Ok(entries);
            }
            match self.take_out_by_rule(Rule::RedactAgain, REASON, writes, None).await {
                // Another one was quicker, which shows when all of it is looked at again.
                Err(ServiceError::Store(StoreError::Exists { .. })) if tries < MOST_TRIES => tries += 1,
                done => {
                    done?;
                    entries += many;
                }
            }
        }
    }

    /// The decision of this entry, if it is still the same one: after a restore, others have its number.
    async fn decision_at(&self, index: i64, hash: &str) -> Result<Option<DecisionRow>> {
        let leaf = self.store.leaves(index, 1).await?.into_iter().next().filter(|leaf| leaf.index == index);
        let same = leaf.filter(|leaf| sternway_domain::id::hex(&leaf.leaf_hash) == hash);
        match same {
            Some(leaf) => Ok(self.store.decision(leaf.decision).await?),
            None => Ok(None),
        }
    }

    async fn take_out_by_rule(
        &self,
        rule: Rule,
        reason: &str,
        writes: Vec<RedactionWrite>,
        fence: Option<Fence>,
    ) -> Result<()> {
        let names = vec![format!("texts of {} entries", writes.len())];
        let mut act = Act::on(Action::Redact, Target::Configuration { names }, reason);
        act.points_back = writes
            .iter()
            .map(|write| PointsBack {
                index: write.leaf_index as u64,
                relation: Relation::Redacts,
                fields: write.fields.clone(),
            })
            .collect();
        let decision = self.decision(&Caller::engine(rule), &act, Outcome::Accepted)?;
        let unit = Unit { decision: Some(decision), redactions: writes, fence, ..Unit::default() };
        self.commit(unit, None).await.map(|_| ())
    }
}

/// Leaves as many as fit into one unit, at least one, and gives the rest.
fn split(writes: &mut Vec<RedactionWrite>) -> Vec<RedactionWrite> {
    let mut texts = 0;
    let fits = writes.iter().take(BATCH).take_while(|write| {
        texts += write.fields.len();
        texts <= MOST_TEXTS
    });
    let many = fits.count().max(1);
    writes.split_off(many.min(writes.len()))
}
