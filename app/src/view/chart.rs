//! Charts. The server draws lines and areas; labels, dots and marks are text and shapes of the page at percentages.

use super::{Icon, Tone, When};
use serde::{Deserialize, Serialize};

/// One signal over time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChartView {
    /// Unique on the page, made of `a-z`, `0-9` and `-`: `errors`.
    pub key: String,
    /// `p99 latency`.
    pub name: String,
    /// Beside the name: the ratio or limit, `1.02x`.
    pub flag: Option<FlagView>,
    /// `212 ms`; `–` when there is nothing now.
    pub now: String,
    /// `against 208 ms`; `was 209 ms against 207 ms`.
    pub against: String,
    /// One sentence that says what the picture shows, for those who do not see it.
    pub sentence: String,
    /// Percent of the height from the top, with the label that stands on it. Top line first; the floor is always drawn.
    pub grid: Vec<GridLine>,
    /// The labels of dashed lines. The lines themselves are in `inner_svg`.
    pub levels: Vec<LevelView>,
    pub marks: Vec<MarkView>,
    /// Hatched: no data. Percent of the width.
    pub gaps: Vec<GapView>,
    pub ticks: Vec<TickView>,
    pub ends: Vec<EndView>,
    /// Trusted markup from our own plotters: paths with the classes `band`, `beyond`, `tolerance`, `middle`, `placebo`, `baseline`, `canary`,
    /// drawn for `viewBox="0 0 1000 100"`. Holds no text, no style, no script.
    pub inner_svg: String,
    /// What can be read at a point, in the order of its values: `canary`, `errors`.
    pub lines: Vec<(Arm, String)>,
    /// What can be read by pointer or arrow keys, oldest first.
    pub points: Vec<PointView>,
    /// The same data as a table; empty head means no table.
    pub table: TableView,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlagView {
    pub tone: Tone,
    pub icon: Icon,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GridLine {
    /// 0 is the top, 100 the floor.
    pub y: f64,
    /// Empty: no label. Small charts label only the top line.
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LevelView {
    pub y: f64,
    /// `tolerated 291 ms`, `limit 85 %`, `20:1 rolls back`.
    pub label: String,
    /// The label stands below its line (for limits that are floors).
    pub below: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A stage began.
    #[default]
    Stage,
    /// A verdict or an act.
    Act,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MarkView {
    pub kind: MarkKind,
    /// Percent of the width.
    pub x: f64,
    /// `25 % reached`; empty for a mark without words.
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GapView {
    pub x: f64,
    pub width: f64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TickView {
    pub x: f64,
    /// `13:45`.
    pub label: String,
    /// Left out below 600 px.
    pub fine: bool,
}

/// Where a line ends, with its name beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EndView {
    pub arm: Arm,
    /// The dot, percent.
    pub x: f64,
    pub y: f64,
    /// The label, percent of the height; at least 14 px from the other.
    pub label_y: f64,
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    #[default]
    Canary,
    Baseline,
    Band,
}

/// All lines at one time. A missing value is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PointView {
    /// `13:54:30`.
    pub at: String,
    /// Percent of the width.
    pub x: f64,
    pub values: Vec<Option<ValueView>>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ValueView {
    /// Percent of the height from the top.
    pub y: f64,
    /// `216 ms`.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TableView {
    pub caption: String,
    /// The first column is text, the others numbers.
    pub head: Vec<String>,
    pub rows: Vec<RowView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowView {
    pub name: String,
    /// Set when the row is named by a time.
    pub at: Option<When>,
    pub cells: Vec<CellView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CellView {
    pub text: String,
    /// Coloured and strong when not `Plain`.
    pub tone: Tone,
}

/// Two or three paths for `viewBox="0 0 100 24"`; height means nearness to the guard's limit: 0 is the limit, 24 far from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SparkView {
    pub canary: String,
    pub baseline: String,
    /// The part beyond the limit; empty when there is none.
    pub beyond: String,
    /// The limit as a path; empty when the signal has none.
    pub limit: String,
}
