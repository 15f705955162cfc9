//! The log of decisions, and one decision.

use super::chart::ChartView;
use super::release::{ExplainedView, MeterView, ProgressMark};
use super::{CheckView, ChoiceView, FactView, Icon, LinkView, Or, PillView, StateView, Tone, When};
use serde::{Deserialize, Serialize};

/// From the address; the URL is the filter. Empty means any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DecisionFilter {
    /// Words of reason, actor or service.
    pub q: String,
    /// A release id or a service.
    pub release: String,
    /// An actor's key.
    pub actor: String,
    /// A verb, or `refused`.
    pub act: String,
    /// `accepted` or `refused`.
    pub outcome: String,
    /// Days, `2026-11-18`, both included.
    pub from: String,
    pub to: String,
    /// Opaque, from [`DecisionsView::older`].
    pub cursor: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DecisionsView {
    pub filter: DecisionFilter,
    /// What is wrong with the filter, by field: `from`, `to`, `release`.
    pub problems: Vec<crate::error::Problem>,
    pub actors: Vec<ChoiceView>,
    pub acts: Vec<ChoiceView>,
    pub outcomes: Vec<ChoiceView>,
    /// Newest first.
    pub days: Vec<DayView>,
    pub empty: Option<StateView>,
    /// Address of the next page of older entries.
    pub older: Option<String>,
    /// Address of the first page, when this is not it.
    pub newest: Option<String>,
    /// Address of an export of what is filtered, if offered.
    pub export: Option<LinkView>,
    /// `Times in UTC. Log at entry 48 226.`
    pub foot: String,
    /// Something of the log is signed, so that a browser has something to check.
    pub signed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayView {
    /// `Thursday 19 November 2026`.
    pub title: String,
    pub rows: Vec<DecisionRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DecisionRow {
    pub id: String,
    pub at: When,
    pub icon: Icon,
    pub tone: Tone,
    /// `Rolled back`, `Refused: roll back`.
    pub act: String,
    pub service: String,
    /// `1.42.0 → 1.41.3`, `5 → 25 %`.
    pub detail: String,
    /// What a person wrote, drawn in quotation marks. May be empty.
    pub quote: String,
    /// What a rule says, or why it was refused. Marked. May be empty.
    pub why: String,
    /// `Maya Ortiz`, `Automation`.
    pub who: String,
    /// `release manager`, `rule promote-on-pass`.
    pub who_note: String,
    pub outcome: String,
    pub outcome_icon: Icon,
    pub outcome_tone: Tone,
    /// `8 charts, 5 numbers`.
    pub evidence: String,
    /// `48 219`.
    pub leaf: String,
    pub proof: Proof,
}

/// What can be proven of an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    #[default]
    NotSigned,
    /// The head that was signed last holds it: whoever wants to can have it proven.
    Signed,
    Unreadable,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionView {
    pub id: String,
    /// `48 219`.
    pub leaf: String,
    /// `Rolled back checkout to`, and the version in monospace after it.
    pub title: String,
    pub title_version: String,
    /// `Thursday 19 November 2026`.
    pub day: String,
    pub at: When,
    pub who: WhoView,
    /// What the person wrote. Empty for rules, and when it was taken out.
    pub quote: String,
    /// What the rule says, which is its reason. Marked. May be empty.
    pub rule: String,
    /// Why it was refused. Marked. May be empty.
    pub why: String,
    pub refused: bool,
    /// What it was done against, by its name in the record: `overridden.0`, `promoted while suspect`.
    pub overridden: Vec<(String, String)>,
    /// Texts that were taken out, by whom and why.
    pub removed: Vec<RemovedView>,
    pub marks: Vec<ProgressMark>,
    pub facts: Vec<FactView>,
    pub saw: Or<SawView>,
    /// What a server was started with; empty for other acts.
    pub settings: Vec<SettingView>,
    pub effects: Vec<EffectView>,
    pub told: Vec<CheckView>,
    pub log: LogFactsView,
    /// Entries that this one belongs to, and later ones that belong to it.
    pub linked: Vec<NearView>,
    /// Decisions of the same release before and after.
    pub near: Vec<NearView>,
    /// Packs with this decision in them, to be checked without Sternway.
    pub packs: Vec<LinkView>,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WhoView {
    /// `Maya Ortiz`, `Automation`.
    pub name: String,
    /// For whom a token acts.
    pub owner: String,
    /// `release manager`, `rule promote-on-pass`.
    pub note: String,
    /// The names are texts of the record: a rule's is not, and one that was taken out is not any more.
    pub written: bool,
}

/// A text that was taken out of the record's side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RemovedView {
    /// As in the record: `reason`.
    pub field: String,
    /// `The reason`.
    pub what: String,
    pub by: String,
    /// `21 Nov 2026, 20:14 UTC`.
    pub on: String,
    pub because: String,
    /// The entry that says so.
    pub link: LinkView,
}

/// One setting of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SettingView {
    /// `log.retention.texts`.
    pub key: String,
    /// As it may be shown. Empty for nothing.
    pub value: String,
    /// By this start.
    pub changed: bool,
}

/// What the actor saw, drawn from the stored evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SawView {
    /// `What Maya Ortiz saw`, `What the rule saw`.
    pub title: String,
    /// `drawn from evidence stored at 14:03:15, not from today's data`.
    pub note: String,
    /// `sha256:5be2…90c7`.
    pub digest: String,
    pub pill: Option<PillView>,
    /// `for 1:05`.
    pub since: String,
    /// Marked.
    pub sentence: String,
    /// How sure the estimate is. Marked. May be empty.
    pub estimate: String,
    pub meters: Vec<MeterView>,
    pub explained: Option<ExplainedView>,
    /// `Newest sample 14:03:13, 2 s old.`
    pub foot: String,
    pub charts: Vec<ChartView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EffectView {
    /// Marked: `Traffic to 1.42.0: 25 → 0 %`.
    pub name: String,
    pub asked: Option<When>,
    pub confirmed: Option<When>,
    /// `6 s`.
    pub took: String,
    /// `haproxy 127.0.0.1:9999, backend checkout`; or why not yet.
    pub by: String,
    pub tone: Tone,
}

/// Where in the log it stands, and what a browser needs to check that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogFactsView {
    /// `48 219`, and as a plain number.
    pub index: String,
    pub number: i64,
    /// Digest of the evidence, in full. Empty for none.
    pub evidence: String,
    pub facts: Vec<FactView>,
    /// The record as it was hashed: canonical JSON, pretty-printed.
    pub canonical: String,
    /// Every text of which the record holds a commitment, by its name there.
    pub texts: Vec<(String, String)>,
    /// The act as this page was made from it, JSON.
    pub shown: String,
    /// What stands in it in the place of texts that were taken out.
    pub instead: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NearView {
    pub icon: Icon,
    pub tone: Tone,
    pub link: LinkView,
    /// `Suspect: errors 2.4x`.
    pub text: String,
    /// `1:05 before`.
    pub meta: String,
}
