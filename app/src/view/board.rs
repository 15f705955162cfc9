//! The board: every release, sorted by need.

use super::chart::SparkView;
use super::{Icon, NoticeView, PillView, StateView, Tone, When};
use serde::{Deserialize, Serialize};

/// From the address: `/?need=you&state=suspect&q=check`. Empty means any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BoardFilter {
    /// `you`: only what waits for a person.
    pub need: String,
    /// `suspect`, `holding`, `progressing`, `finished` or a release state.
    pub state: String,
    /// Part of a service, version or person.
    pub q: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoardView {
    pub at: When,
    pub filter: BoardFilter,
    pub counts: Vec<CountView>,
    /// Releases there are, filtered or not.
    pub total: u32,
    /// What does not belong to one release: who could not be told.
    pub notices: Vec<NoticeView>,
    /// In the order they are shown. Empty groups are left out by the server.
    pub groups: Vec<BoardGroup>,
    pub finished: Option<FinishedGroup>,
    /// Stands there when no row does.
    pub empty: Option<StateView>,
    pub can_create: bool,
    pub why_not_create: Option<String>,
    /// `Times in UTC. Log at entry 48 217.`
    pub foot: String,
}

/// `1 needs you`, with the filter it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CountView {
    pub count: u32,
    /// `needs you`, `suspect`, `holding`, `progressing`, `finished`.
    pub label: String,
    /// Added where there is room: ` today`.
    pub wide: String,
    pub icon: Icon,
    pub tone: Tone,
    pub href: String,
    /// The board is filtered by this.
    pub current: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoardGroup {
    /// `Needs a person`.
    pub title: String,
    pub rows: Vec<BoardRow>,
}

/// The thin edge of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    #[default]
    Go,
    Need,
    Caution,
    Stop,
    Hold,
}

impl Edge {
    pub fn class(self) -> &'static str {
        match self {
            Edge::Go => "rel rel-go",
            Edge::Need => "rel rel-need",
            Edge::Caution => "rel rel-caution",
            Edge::Stop => "rel rel-stop",
            Edge::Hold => "rel rel-hold",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoardRow {
    pub id: String,
    pub service: String,
    pub from: String,
    pub to: String,
    pub edge: Edge,
    pub pill: PillView,
    /// Beside the pill: `rolls back in about 40 s`. May be empty.
    pub says: String,
    /// `Errors 3.1x baseline, tolerated 1.5x`.
    pub why: String,
    pub stages: Vec<MiniStage>,
    /// `25 %`.
    pub share: String,
    /// `4:12 of 10:00`, `held at 7:02`.
    pub clock: String,
    /// Always four: errors, p99 latency, traffic, saturation.
    pub signals: Vec<SignalCell>,
    /// The one recommended act.
    pub act: RowAct,
    /// For `p` and `r`; also when they are not what is recommended. The page says why not, if not.
    pub can_promote: bool,
    pub can_roll_back: bool,
}

/// One step of the small track.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MiniStage {
    /// 0 to 100.
    pub percent: u8,
    pub done: bool,
    /// How much of the bake time is over, 0 to 1; only where traffic stands now.
    pub now: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignalCell {
    /// `Errors`, `p99`, `Traffic`, `Saturation`.
    pub label: String,
    /// `0.31 %`; `–` without data.
    pub now: String,
    /// `0.10 %`; `was 0.02 %` without data. May be empty.
    pub base: String,
    /// Beyond what is tolerated.
    pub off: bool,
    pub spark: Option<SparkView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActStyle {
    #[default]
    Plain,
    /// Recommended.
    Main,
    /// Recommended, and it rolls back.
    Stop,
}

impl ActStyle {
    pub fn class(self) -> &'static str {
        match self {
            ActStyle::Plain => "btn",
            ActStyle::Main => "btn btn-main",
            ActStyle::Stop => "btn btn-stop",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowAct {
    pub style: ActStyle,
    pub icon: Option<Icon>,
    /// `Roll back`, `Promote now`, `Open`.
    pub label: String,
    pub href: String,
    /// Set when the act has a dialog: `rollback`, `promote` …
    pub verb: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FinishedGroup {
    /// `Finished today`.
    pub title: String,
    pub count: u32,
    /// `9 promoted, 2 rolled back and recovered, 1 cancelled`.
    pub note: String,
    pub rows: Vec<FinishedRow>,
    /// `7 more finished today`.
    pub more: Option<super::LinkView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FinishedRow {
    pub id: String,
    pub service: String,
    pub from: String,
    pub to: String,
    pub pill: PillView,
    /// `In 52 min by automation, rule promote-on-pass`.
    pub what: String,
    pub at: When,
}
