//! The page of a decision whose entry cannot be read: what its row says, and what a browser needs to say what is wrong.

use crate::plane::Plane;
use crate::plane::decisions::act_word;
use crate::plane::words::{full_day, when};
use crate::service::Result;
use crate::store::rows::{DecisionRow, RemovedRow};
use sternway_app::view::decision::{DecisionView, WhoView};
use sternway_app::view::{Icon, Or, StateView};
use sternway_domain::plan::grouped;
use sternway_domain::time::Timestamp;

impl Plane {
    pub(super) async fn unread_view(
        &self,
        row: &DecisionRow,
        removed: Vec<RemovedRow>,
        now: Timestamp,
    ) -> Result<DecisionView> {
        let refused = row.outcome == "refused";
        let service = row.service.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(DecisionView {
            id: row.id.to_string(),
            leaf: grouped(row.leaf_index),
            title: format!("{} {service}", act_word(&row.action, refused)).trim_end().to_owned(),
            title_version: String::new(),
            day: full_day(row.at),
            at: when(row.at, now),
            who: WhoView { name: row.actor_label.clone(), ..WhoView::default() },
            quote: row.reason.clone(),
            rule: String::new(),
            why: String::new(),
            refused,
            overridden: Vec::new(),
            removed: self.removals(removed).await?,
            marks: Vec::new(),
            facts: Vec::new(),
            saw: Or::Instead(StateView {
                icon: Icon::Fail,
                title: "Its entry cannot be read".to_owned(),
                text:
                    "What was seen and what came of it stand there. `sternway audit verify` says what is wrong with it."
                        .to_owned(),
                ..StateView::default()
            }),
            settings: Vec::new(),
            effects: Vec::new(),
            told: Vec::new(),
            log: self.log_facts(row, None).await?,
            linked: self.linked(row).await?,
            near: self.near(row).await?,
            packs: Vec::new(),
        })
    }
}
