//! Where a decision stands in the log: its record, what was taken out of it, and what belongs together.

use crate::plane::Plane;
use crate::plane::decisions::{act_word, look};
use crate::plane::words::{day, lasting, leaf_link};
use crate::service::{Result, encode};
use crate::store::rows;
use sternway_app::view::FactView;
use sternway_app::view::decision::{LogFactsView, NearView, RemovedView};
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::record::{Leaf, PointsBack, Record, Relation};
use sternway_domain::audit::{Entry, REDACTED};
use sternway_domain::plan::grouped;

/// Among so many later entries those are looked for that point back. What is further away is found by its own pages.
const LATER: u32 = 256;

impl Plane {
    pub(super) async fn log_facts(&self, row: &rows::DecisionRow, entry: Option<&Entry>) -> Result<LogFactsView> {
        let leaf = self.service.store.leaves(row.leaf_index, 1).await?.into_iter().next();
        let beside = self.service.store.texts(row.leaf_index, 1).await?.into_iter().next();
        let record = leaf.map(|leaf| match serde_json::from_slice::<serde_json::Value>(&leaf.entry) {
            Ok(record) => format!("{record:#}"),
            Err(_) => String::from_utf8_lossy(&leaf.entry).into_owned(),
        });
        let texts = beside.map(|beside| beside.openings).unwrap_or_default();
        let fact = |name: &str, value: String| FactView { name: name.to_owned(), value, href: None };
        let plan = entry.iter().flat_map(|entry| &entry.plan).map(|plan| fact("Plan", format!("`{}`", plan.short())));
        let runbooks = entry
            .iter()
            .flat_map(|entry| &entry.runbooks)
            .map(|runbook| fact("Runbook", format!("`{}`", runbook.short())));
        Ok(LogFactsView {
            index: grouped(row.leaf_index),
            number: row.leaf_index,
            evidence: row.evidence.as_ref().map(ToString::to_string).unwrap_or_default(),
            facts: plan.chain(runbooks).collect(),
            canonical: record.unwrap_or_default(),
            texts: texts.into_iter().map(|opening| (opening.field.to_string(), opening.text)).collect(),
            // In an attribute it would do no harm; still, no page holds what looks like a tag of somebody's.
            shown: encode(&entry).replace('<', "\\u003c"),
            instead: REDACTED.to_owned(),
        })
    }

    /// The decision with this place in the log.
    async fn at(&self, index: i64) -> Result<Option<rows::DecisionRow>> {
        let before = rows::DecisionFilter { before: Some(index + 1), limit: 1, ..Default::default() };
        let found = self.service.store.decisions(&before).await?.into_iter().next();
        Ok(found.filter(|row| row.leaf_index == index))
    }

    /// What was taken out, by whom and why.
    pub(super) async fn removals(&self, removed: Vec<rows::RemovedRow>) -> Result<Vec<RemovedView>> {
        let mut views: Vec<RemovedView> = Vec::new();
        for text in removed {
            let by = self.at(text.by_leaf).await?;
            views.push(RemovedView {
                field: text.field.to_string(),
                what: what(text.field),
                by: by.as_ref().map_or_else(|| "an entry that is missing".to_owned(), |by| by.actor_label.clone()),
                on: format!("{} {}, {} UTC", day(text.at), &text.at.date()[..4], &text.at.clock()[..5]),
                because: by.as_ref().map(|by| by.reason.clone()).unwrap_or_default(),
                link: leaf_link(&by.map(|by| by.id.to_string()).unwrap_or_default(), text.by_leaf),
            });
        }
        Ok(views)
    }

    /// Entries that this one points back to, and later ones that point back to it. Who read it is found in the log itself.
    pub(super) async fn linked(&self, row: &rows::DecisionRow) -> Result<Vec<NearView>> {
        let index = row.leaf_index;
        let leaves = self.service.store.leaves(index, LATER + 1).await?;
        let mut linked = Vec::new();
        for leaf in leaves {
            let Ok(Leaf::Sealed(record)) = Leaf::decode(&leaf.entry) else { continue };
            if leaf.index == index {
                for back in &record.points_back {
                    let there = self.at(back.index as i64).await?;
                    linked.extend(there.map(|there| belongs(&there, back, false)));
                }
            } else if let Some(back) = pointing(&record, index).filter(|back| back.relation != Relation::Reads) {
                let there = self.service.store.decision(record.id).await?;
                linked.extend(there.map(|there| belongs(&there, back, true)));
            }
        }
        Ok(linked)
    }

    /// Decisions of the same release before and after.
    pub(super) async fn near(&self, row: &rows::DecisionRow) -> Result<Vec<NearView>> {
        let Some(release) = row.release else { return Ok(Vec::new()) };
        let filter = rows::DecisionFilter { release: Some(release), acts: true, limit: 100, ..Default::default() };
        let all = self.service.store.decisions(&filter).await?;
        let Some(here) = all.iter().position(|other| other.id == row.id) else { return Ok(Vec::new()) };
        let around = all.iter().enumerate().filter(|(i, _)| *i != here && i.abs_diff(here) <= 2);
        let near = around.map(|(_, other)| {
            let refused = other.outcome == "refused";
            let (icon, tone) = look(&other.action);
            let (gap, word) =
                if other.at >= row.at { (other.at.since(row.at), "after") } else { (row.at.since(other.at), "before") };
            NearView {
                icon,
                tone,
                link: leaf_link(&other.id.to_string(), other.leaf_index),
                text: act_word(&other.action, refused),
                meta: format!("{} {word}", lasting(gap)),
            }
        });
        Ok(near.collect())
    }
}

fn pointing(record: &Record, index: i64) -> Option<&PointsBack> {
    record.points_back.iter().find(|back| i64::try_from(back.index) == Ok(index))
}

/// `later`: it is the other one that points here.
fn belongs(other: &rows::DecisionRow, back: &PointsBack, later: bool) -> NearView {
    let (icon, tone) = look(&other.action);
    let meta = match (back.relation, later) {
        (Relation::Outcome, true) => "what came of it",
        (Relation::Outcome, false) => "this came of it",
        (Relation::Approves, true) => "approves this",
        (Relation::Approves, false) => "approved here",
        (Relation::FollowsApproval, true) => "done on this approval",
        (Relation::FollowsApproval, false) => "its approval",
        (Relation::StepOf, true) => "a step of it",
        (Relation::StepOf, false) => "this is a step of it",
        (Relation::Corrects, true) => "corrects this",
        (Relation::Corrects, false) => "corrected here",
        (Relation::Redacts, true) => "removed texts of this",
        (Relation::Redacts, false) => "texts of it removed here",
        (Relation::Reviews, true) => "reviews this",
        (Relation::Reviews, false) => "reviewed here",
        (Relation::Reads, true) => "read this",
        (Relation::Reads, false) => "read here",
    };
    NearView {
        icon,
        tone,
        link: leaf_link(&other.id.to_string(), other.leaf_index),
        text: act_word(&other.action, other.outcome == "refused"),
        meta: meta.to_owned(),
    }
}

/// A text, as it is called on a page.
pub(in crate::plane) fn what(field: Field) -> String {
    match field {
        Field::Reason => "The reason".to_owned(),
        Field::ActorName => "The name of who acted".to_owned(),
        Field::OwnerName => "The name of the token's owner".to_owned(),
        Field::Why => "Why it was refused".to_owned(),
        Field::Target(0) => "The name of the target".to_owned(),
        Field::Target(at) => format!("The name of target {}", at + 1),
        Field::Overridden(at) => format!("Overridden rule {}", at + 1),
        Field::Effect(at) => format!("Effect {}", at + 1),
        Field::Ip => "The address it came from".to_owned(),
        Field::UserAgent => "The program it came with".to_owned(),
    }
}
