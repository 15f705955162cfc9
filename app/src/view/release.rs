//! One release.

use super::board::ActStyle;
use super::chart::{ChartView, TableView};
use super::data::DataPanel;
use super::{ChangeView, CheckView, Icon, LinkView, NoticeView, Or, PillView, StepView, Tone, When};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseView {
    pub id: String,
    /// The version of the stream: what an act must expect.
    pub version: u64,
    pub at: When,
    pub service: String,
    pub from: String,
    pub to: String,
    /// Marked: `Running, stage 2 of 4. Started by Maya Ortiz at 13:40:02, plan canary-standard.`
    pub summary: String,
    pub state: PillView,
    pub plan: LinkView,
    /// Said once after an act, at the foot of the page.
    pub toast: Option<ToastView>,
    pub notices: Vec<NoticeView>,
    pub acts: ActsView,
    /// Asked, confirmed, recovered: three marks with three times. Empty when nothing was asked.
    pub marks: Vec<ProgressMark>,
    pub track: TrackView,
    pub flow: FlowView,
    pub verdict: Or<VerdictView>,
    /// `None` before anything was read.
    pub explained: Option<ExplainedView>,
    pub signals: SignalsView,
    /// Newest first.
    pub timeline: Vec<ChangeView>,
    pub timeline_more: Option<LinkView>,
    pub runbook: Or<RunbookPanel>,
    pub way_back: Or<ChecksPanel>,
    pub checklist: Or<ChecklistPanel>,
    /// `None` for a release that never went back by steps.
    pub saga: Option<SagaPanel>,
    /// Empty when the release carries no migration: the panel is left out.
    pub data: Vec<DataPanel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToastView {
    /// `Asked 14:03:15: roll back checkout. Waiting for the proxy.`
    pub text: String,
    pub link: Option<LinkView>,
}

/// What may be done, in the order of the buttons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActsView {
    /// At most three buttons; the recommended one last and filled.
    pub first: Vec<ActButton>,
    /// In the menu behind the arrow.
    pub more: Vec<ActButton>,
    /// Above the bar at the thumb: `Suspect: errors 3.1x, tolerated 1.5x`, `rolls back in about 40 s`.
    pub reach: String,
    pub reach_next: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActButton {
    /// `start`, `promote`, `hold`, `resume`, `rollback`, `rollforward`, `freeze`, `cancel`.
    pub verb: String,
    pub label: String,
    /// With the target, for the bar at the thumb: `Roll back to 1.41.3`.
    pub long_label: String,
    pub icon: Option<Icon>,
    pub style: ActStyle,
    pub allowed: bool,
    /// Why not, when it is not allowed: `Not while suspect.`
    pub why_not: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProgressMark {
    pub state: super::StepState,
    /// `Asked`, `Confirmed by the proxy`, `Recovered`; or `Not confirmed yet`.
    pub label: String,
    pub at: Option<When>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrackView {
    pub stages: Vec<StageView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    Done,
    Now,
    /// Traffic stands here and is held.
    Held,
    #[default]
    Next,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageView {
    pub state: StageState,
    /// 0 to 100: the height of the step.
    pub asked: u8,
    /// 0 to 100: what the proxy reports, the height of the fill. `None`: not known.
    pub observed: Option<u8>,
    /// How much of the bake time is over, 0 to 1: the width of the fill.
    pub baked: f64,
    /// `passed 13:58:45`, `**4:12** of 10:00`, `from 14:08:51`. Marked.
    pub note: String,
    /// The second line: `15:00 baked`, `5:48 left`, `not while suspect`. Marked; left out on phones.
    pub note_more: String,
}

/// Intended and observed, as two columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowView {
    /// `25 %`; `–` before anything was asked.
    pub asked: String,
    pub asked_at: Option<When>,
    /// What reports it: `Proxy reports`.
    pub observer: String,
    pub observed: String,
    pub observed_at: Option<When>,
    pub tone: Tone,
    pub icon: Icon,
    /// `Traffic to 1.42.0 is what was asked.`
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VerdictView {
    pub pill: PillView,
    /// `since 14:02:10, 0:53 ago`.
    pub since: Option<When>,
    /// Marked: `Errors **0.31 %** against **0.10 %**: **3.1x**. Tolerated 1.5x.`
    pub sentence: String,
    /// How sure the estimate is. Marked. May be empty.
    pub estimate: String,
    /// What happens next. Marked. May be empty.
    pub next: String,
    pub meters: Vec<MeterView>,
    pub advice: Option<AdviceView>,
    /// The chart that decided, drawn wide, with its table.
    pub chart: Option<ChartView>,
}

/// What the verdict rests on: the evidence of each guard over time, and the same for versions that were not released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedView {
    /// `as of 14:03:01, after 140 readings`.
    pub note: String,
    pub evidence: Or<ChartView>,
    pub placebo: Or<ChartView>,
    /// One row for each of two sources; without a head where there is one.
    pub sources: TableView,
    /// One row per guard.
    pub table: TableView,
    /// What numbers do not say: of guards that could not be compared, of clusters.
    pub remarks: Vec<CheckView>,
}

/// Progress toward a conclusion: requests out of those needed, time out of the timer of a limit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MeterView {
    /// `Evidence toward rolling back`.
    pub label: String,
    /// `14:1`, `310`.
    pub value: String,
    /// `100:1 needed`, `of 500 requests`.
    pub needed: String,
    pub tone: Tone,
    /// 0 to 1.
    pub filled: f64,
    /// Under the bar: where (0 to 1) and what.
    pub scale: Vec<(f64, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdviceView {
    pub icon: Icon,
    pub tone: Tone,
    /// `Recommended: roll back to 1.41.3.`
    pub title: String,
    /// Why, in a sentence. Marked.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SignalsView {
    /// `Canary beside baseline, last 20 min, every 10 s`.
    pub note: String,
    /// Of the newest sample.
    pub newest: Option<When>,
    /// The newest sample is older than it should be: values are greyed, and this says since when.
    pub stale: Option<String>,
    pub charts: Vec<ChartView>,
    /// Stands there when no chart does.
    pub empty: Option<super::StateView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunbookPanel {
    pub link: LinkView,
    /// `drilled 3 Nov, 2:24`; `pinned sha256:9f2c…a41b`.
    pub age: String,
    pub steps: Vec<StepView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChecksPanel {
    pub link: LinkView,
    pub age: String,
    pub checks: Vec<CheckView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChecklistPanel {
    pub name: String,
    /// `8 of 8`.
    pub count: String,
    pub complete: bool,
    /// `complete 13:37:40`. May be empty.
    pub age: String,
    pub items: Vec<ChecklistItemView>,
    /// Shown once when nobody may change anything here: `Pinned when the release started.`
    pub why_not: Option<String>,
    /// The fields that go back with each item.
    pub version: u64,
    /// Came back with a fault: the item, what was typed, and why.
    pub fault: Option<ChecklistFault>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChecklistItemView {
    pub key: String,
    /// Marked.
    pub title: String,
    /// `recovery lead`.
    pub owner: String,
    pub state: ChecklistState,
    /// Text, or a link when it begins with `https://` or `http://`.
    pub evidence: String,
    /// `Maya Ortiz, 13:37:40`. Empty while open.
    pub by: String,
    pub can_change: bool,
    /// Minted by the server; a form sent twice acts once.
    pub idempotency_key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecklistState {
    #[default]
    Open,
    Done,
    NotApplicable,
}

/// How it goes back, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SagaPanel {
    /// `Way back, step by step`.
    pub title: String,
    /// What a choice must expect.
    pub version: u64,
    /// `12 of 27 steps`.
    pub count: String,
    /// How long it has taken.
    pub age: String,
    /// Marked: `4 of 5 back. storage failed: …`
    pub sentence: String,
    pub needs: Vec<NeedView>,
    pub steps: Vec<StepView>,
    pub fault: Option<ChoiceFault>,
}

/// A step that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NeedView {
    pub step: String,
    pub undo: bool,
    /// Marked.
    pub title: String,
    pub why: String,
    /// Value and label of each button; empty for who may not choose.
    pub choices: Vec<(String, String)>,
    /// Who was called, or why nothing may be chosen.
    pub note: String,
    pub idempotency_key: String,
}

/// Posted to `/releases/{id}/saga`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChoiceForm {
    pub step: String,
    pub undo: bool,
    /// `retry`, `skip`, `sign_off`, `compensate`, `escalate` or `stop`.
    pub choice: String,
    pub reason: String,
    pub expected_version: u64,
    pub idempotency_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceFault {
    pub typed: ChoiceForm,
    pub error: super::FormFault,
}

/// Posted to `/releases/{id}/checklist`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChecklistForm {
    pub item: String,
    /// `open`, `done` or `not_applicable`.
    pub state: String,
    pub evidence: String,
    pub expected_version: u64,
    pub idempotency_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistFault {
    pub typed: ChecklistForm,
    pub error: super::FormFault,
}
