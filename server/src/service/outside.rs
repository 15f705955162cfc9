//! How the log stands, and who outside has seen it. A log convinces nobody by itself: what counts is what others hold.

use super::{Caller, Result, Service};
use crate::store::StoreError;
use crate::store::rows::OutsideRow;
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::audit::keys::{KeyList, KeyTerm};
use sternway_domain::audit::note::Note;
use utoipa::ToSchema;

/// How the log stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// How many entries there are.
    pub entries: i64,
    /// The newest checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointView>,
    /// Why this replica signs nothing now. Another one may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// Oldest first; the last one is in use.
    pub keys: Vec<LogKeyView>,
    /// The last time somebody outside was shown a head of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<OutsideView>,
    /// The last time each way, newest first.
    pub outside: Vec<OutsideView>,
    /// Those of the configuration.
    pub witnesses: Vec<WitnessView>,
    /// How many of them are wanted.
    pub witnesses_wanted: usize,
    /// How many have confirmed a head lately.
    pub witnesses_confirming: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointView {
    pub entries: i64,
    /// 32 bytes in base64.
    pub root: String,
    #[schema(format = "date-time")]
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogKeyView {
    /// `NAME+ID+BASE64`.
    pub key: String,
    /// The smallest size it signs.
    pub from: u64,
    /// The largest one; left out while it is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// `first`, `rotated`: the key before vouches for it, or `lost`: none does.
    pub change: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutsideView {
    /// `witness` or `channel`.
    pub way: String,
    pub who: String,
    pub entries: i64,
    #[schema(format = "date-time")]
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WitnessView {
    pub name: String,
    /// The size it confirmed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub at: Option<String>,
    /// Why it did not confirm when it was asked last, as far as this replica asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The ways a head leaves the house.
pub(crate) const WITNESS: &str = "witness";
pub(crate) const CHANNEL: &str = "channel";

impl Service {
    pub async fn log_status(&self, caller: &Caller) -> Result<LogStatus> {
        self.authorise(caller, Action::View)?;
        let head = self.signed_head().await?;
        let outside = self.store.outside().await?;
        let troubles = self.notary.witness_troubles();
        let settings = &self.witnesses;
        let now = self.clock.now();
        let witness = |name: &str| outside.iter().find(|row| row.way == WITNESS && row.who == name);
        let confirming = |name: &&str| {
            let newest = head.as_ref().map(|head| head.row.size);
            witness(name).is_some_and(|row| Some(row.size) == newest || now.since(row.at) <= settings.fresh())
        };
        let names = || settings.list.iter().map(|witness| witness.key.name());
        let (keys, entries) = (self.log_keys().await?, self.store.head().await?.leaves);
        Ok(LogStatus {
            entries,
            checkpoint: head.as_ref().map(|head| CheckpointView {
                entries: head.row.size,
                root: head.checkpoint.root.to_string(),
                at: head.row.at.to_rfc3339(),
            }),
            unsigned: self.notary.unsigned().map(|why| why.to_string()),
            keys: keys.as_ref().map(views).unwrap_or_default(),
            confirmed: outside.first().map(view),
            witnesses: names()
                .map(|name| WitnessView {
                    name: name.to_owned(),
                    entries: witness(name).map(|row| row.size),
                    at: witness(name).map(|row| row.at.to_rfc3339()),
                    trouble: troubles.get(name).cloned(),
                })
                .collect(),
            witnesses_wanted: settings.wanted,
            witnesses_confirming: names().filter(confirming).count(),
            outside: outside.iter().map(view).collect(),
        })
    }

    /// The newest signed head, with the signatures of witnesses who have seen this very one.
    pub async fn witnessed_head(&self) -> Result<Option<String>> {
        let Some(head) = self.signed_head().await? else { return Ok(None) };
        let mut note = head.note;
        for row in self.store.outside().await?.iter().filter(|row| row.way == WITNESS && row.size == head.row.size) {
            let Ok(theirs) = Note::parse(row.note.as_bytes()) else { continue };
            let known: Vec<_> = self.witnesses.list.iter().map(|witness| witness.key.clone()).collect();
            let lines: String = theirs.signatures().iter().map(|signature| format!("{signature}\n")).collect();
            if theirs.text() == note.text() && note.take(lines.as_bytes(), &known).is_err() {
                tracing::warn!(witness = row.who, "its signature is not one of this checkpoint");
            }
        }
        Ok(Some(note.to_string()))
    }

    /// The newest head that a witness has signed.
    pub async fn last_witnessed(&self) -> Result<Option<String>> {
        let rows = self.store.outside().await?;
        Ok(rows.into_iter().filter(|row| row.way == WITNESS).max_by_key(|row| row.size).map(|row| row.note))
    }

    /// For the metrics of this replica, whichever replica showed it.
    pub(crate) async fn count_outside(&self) -> std::result::Result<(), StoreError> {
        for row in self.store.outside().await?.iter().rev() {
            self.metrics.log_confirmed(&row.way, row.at);
        }
        Ok(())
    }

    /// A head of the log has left the house. That this cannot be written down hinders nothing.
    pub(crate) async fn left_by(&self, way: &str, who: &str, size: i64, note: String) {
        let row = OutsideRow { way: way.to_owned(), who: who.to_owned(), size, note, at: self.clock.now() };
        match self.store.put_outside(&row).await {
            Ok(()) => self.metrics.log_confirmed(way, row.at),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, way, who, "not written down: who has the log");
            }
        }
    }
}

fn views(list: &KeyList) -> Vec<LogKeyView> {
    let view = |(at, term): (usize, &KeyTerm)| LogKeyView {
        key: term.key.to_string(),
        from: term.from,
        until: list.until(at),
        change: term.change().as_str().to_owned(),
    };
    list.terms().iter().enumerate().map(view).collect()
}

fn view(row: &OutsideRow) -> OutsideView {
    OutsideView { way: row.way.clone(), who: row.who.clone(), entries: row.size, at: row.at.to_rfc3339() }
}
