//! The log of decisions, and one decision.

use super::chart::ChartView;
use super::release::{ExplainedView, MeterView, ProgressMark};
use super::{CheckView, ChoiceView, FactView, Icon, LinkView, Or, PillView, StateView, Tone, When};
use serde::{Deserialize, Serialize};

/// From the address; the URL is the filter. Empty means any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DecisionFilter {
    /// A release id or a service.
    pub release: String,
    /// `people`, `automation`, or an actor's key.
    pub actor: String,
    /// A verb, or `refused`.
    pub act: String,
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
    /// `Maya Ortiz, release manager`.
    pub who: String,
    /// What the person wrote. Empty for rules.
    pub quote: String,
    /// What the rule says, or why it was refused. Marked. May be empty.
    pub why: String,
    pub refused: bool,
    /// Set when it was done against advice: `Override: promoted while suspect.`
    pub overridden: Option<String>,
    pub marks: Vec<ProgressMark>,
    pub facts: Vec<FactView>,
    pub saw: Or<SawView>,
    pub effects: Vec<EffectView>,
    pub told: Vec<CheckView>,
    pub log: LogFactsView,
    /// Decisions of the same release before and after.
    pub near: Vec<NearView>,
    /// The whole entry as it was hashed, for those who check: canonical JSON, pretty-printed.
    pub canonical: String,
    pub export: Option<LinkView>,
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

/// Where in the log it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogFactsView {
    /// `48 219`.
    pub index: String,
    /// The leaf hash in hexadecimal, grouped by four: `c41e 77a0 9b3d …`.
    pub leaf_hash: String,
    /// Digest of the evidence, in full.
    pub evidence: String,
    pub facts: Vec<FactView>,
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
