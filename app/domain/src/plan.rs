//! A plan: in which steps traffic moves, what must be true to go on, and what happens when it is not.

use crate::id::PlanName;
use crate::time::Span;
use serde::{Deserialize, Serialize};

mod check;
mod metric;

pub use check::{PlanProblem, problems};
pub use metric::{Metric, MetricError, grouped};

/// A share of traffic in whole percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Weight(u8);

impl Weight {
    pub const ZERO: Weight = Weight(0);
    pub const FULL: Weight = Weight(100);

    pub const fn percent(self) -> u8 {
        self.0
    }

    /// 0.0 to 1.0.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a weight: use whole percent from 0 to 100")]
pub struct WeightError(u8);

impl TryFrom<u8> for Weight {
    type Error = WeightError;

    fn try_from(percent: u8) -> Result<Self, WeightError> {
        if percent <= 100 { Ok(Self(percent)) } else { Err(WeightError(percent)) }
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> u8 {
        weight.0
    }
}

/// Who moves the release from stage to stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// People promote and roll back; Sternway watches and says what it sees.
    Manual,
    /// Sternway recommends; people promote and roll back.
    #[default]
    Assisted,
    /// Sternway promotes on `pass` and rolls back on `fail`.
    Automatic,
}

/// The plan as a person writes it, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub name: PlanName,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub mode: Mode,
    /// Growing shares of traffic; the last is 100.
    pub stages: Vec<Stage>,
    /// Metrics compared with the baseline. A plan without a guard and without a hard limit is refused.
    #[serde(default)]
    pub guards: Vec<Guard>,
    #[serde(default)]
    pub hard_limits: Vec<HardLimit>,
    #[serde(default)]
    pub min_data: MinData,
    #[serde(default)]
    pub on_deadline: OnDeadline,
    #[serde(default)]
    pub judge: Judging,
    /// How often signals are read and judged.
    #[serde(default = "defaults::interval")]
    pub interval: Span,
    /// The pooled window that guards are judged over.
    #[serde(default = "defaults::window")]
    pub window: Span,
    /// A sample older than this is stale.
    #[serde(default = "defaults::max_age")]
    pub max_age: Span,
    /// How long after promotion the release may still be rolled back.
    #[serde(default = "defaults::rollback_window")]
    pub rollback_window: Span,
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub weight: Weight,
    /// Least time at this weight before more traffic.
    pub bake: Span,
}

/// One metric, and how much worse than the baseline it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Guard {
    pub metric: Metric,
    #[serde(default)]
    pub tolerance: Tolerance,
    /// An absolute limit on the canary alone, in the unit of the metric (ratio 0-1, or seconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<f64>,
    /// How much this guard's evidence counts beside the others'; 1 unless given. With 0 it can hold and never roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// Tolerated: `ratio × baseline + plus`. For metrics where less is worse (KPI ratios, traffic) the ratio is at most 1
/// and `plus` is subtracted.
/// Left empty it is filled in per metric by [`Metric::default_tolerance`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Times the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Added to it, in the unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plus: Option<f64>,
}

/// A bound with a timer: breached without pause for `for`, it fails the release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HardLimit {
    pub metric: Metric,
    pub bound: Bound,
    /// How long the bound must be broken. The timer pauses on missing data and resets after one clean window.
    #[serde(rename = "for")]
    pub lasting: Span,
}

/// What a hard limit compares with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Broken above this value, in the unit of the metric.
    Above(f64),
    /// Broken below this value, in the unit of the metric.
    Below(f64),
    /// Broken above this many times the baseline.
    AboveBaseline(f64),
    /// Broken below this many times the baseline.
    BelowBaseline(f64),
}

/// What must have been seen in a stage before anything is concluded from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MinData {
    /// Requests per arm.
    #[serde(default = "defaults::requests")]
    pub requests: u64,
    /// Time with usable data in the stage.
    #[serde(default = "defaults::min_time")]
    pub time: Span,
}

impl Default for MinData {
    fn default() -> Self {
        Self { requests: defaults::requests(), time: defaults::min_time() }
    }
}

/// How sure the judge must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Judging {
    /// The chance per release of rolling back a version that is no worse than tolerated, at most; 0.05 means that
    /// evidence of 20:1 is needed.
    #[serde(default = "defaults::chance")]
    pub false_alarms: f64,
    /// The chance per guard of promoting a version that is worse than tolerated, at most.
    #[serde(default = "defaults::chance")]
    pub wrong_promotions: f64,
    /// What is over within this time never rolls back by itself, however bad. Longer is calmer and slower.
    #[serde(default = "defaults::patience")]
    pub patience: Span,
    /// After entering a stage guards gather no evidence for this long; hard limits do.
    #[serde(default)]
    pub warm_up: Span,
}

impl Default for Judging {
    fn default() -> Self {
        Self {
            false_alarms: defaults::chance(),
            wrong_promotions: defaults::chance(),
            patience: defaults::patience(),
            warm_up: Span::ZERO,
        }
    }
}

/// What happens when a stage has not been decided in time. Promoting is not among the choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OnDeadline {
    /// Counted from the moment the stage could have been promoted (its bake time is over), or last stopped passing.
    #[serde(default = "defaults::deadline")]
    pub after: Span,
    #[serde(default)]
    pub then: DeadlineAct,
}

impl Default for OnDeadline {
    fn default() -> Self {
        Self { after: defaults::deadline(), then: DeadlineAct::default() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeadlineAct {
    /// Traffic stays, a person is asked.
    #[default]
    Hold,
    RollBack,
}

impl Plan {
    /// The plan with every tolerance written out, as it will be applied.
    pub fn effective(mut self) -> Self {
        for guard in &mut self.guards {
            guard.tolerance = guard.effective_tolerance();
        }
        self
    }

    pub fn last_stage(&self) -> u8 {
        u8::try_from(self.stages.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    pub fn stage(&self, index: u8) -> Option<Stage> {
        self.stages.get(usize::from(index)).copied()
    }
}

impl Guard {
    /// How much its evidence counts. A share of traffic is no fault of the version: it never rolls back.
    pub fn effective_weight(&self) -> f64 {
        if self.metric == Metric::Traffic { 0.0 } else { self.weight.unwrap_or(1.0) }
    }

    /// What the guard tolerates once defaults are filled in.
    pub fn effective_tolerance(&self) -> Tolerance {
        if self.tolerance.ratio.is_none() && self.tolerance.plus.is_none() && self.slo.is_none() {
            self.metric.default_tolerance()
        } else {
            self.tolerance
        }
    }
}

mod defaults {
    use super::Span;

    pub(super) fn interval() -> Span {
        Span::from_secs(10)
    }
    pub(super) fn window() -> Span {
        Span::from_secs(300)
    }
    pub(super) fn max_age() -> Span {
        Span::from_secs(60)
    }
    pub(super) fn rollback_window() -> Span {
        Span::from_secs(86_400)
    }
    pub(super) fn chance() -> f64 {
        0.05
    }
    pub(super) fn patience() -> Span {
        Span::from_secs(30)
    }
    pub(super) fn requests() -> u64 {
        500
    }
    pub(super) fn min_time() -> Span {
        Span::from_secs(120)
    }
    pub(super) fn deadline() -> Span {
        Span::from_secs(1_800)
    }
}
