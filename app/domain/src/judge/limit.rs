//! Hard limits with timers: deterministic, explainable, judged on the pooled window.
//!
//! The timer runs while the limit is broken, stands still on missing data and while too little is in the window, and
//! starts anew after a clean window. A window counts as clean when it is at least half full. Errors and business ratios
//! break a limit only beyond chance; quantiles only with `10/(1-q)` requests in the window.

use super::compare::{Arms, Comparison, Gap, Line, Side, compare};
use super::{LimitFinding, words};
use crate::plan::{Bound, HardLimit, Metric};
use crate::time::Span;

/// A limit as it was judged.
#[derive(Debug)]
pub(super) struct Limited {
    /// `None` on a tick that says nothing, on which timers stand still.
    outcome: Option<Result<Comparison, Gap>>,
    pub(super) breached: bool,
    /// How long it has been broken, and how long it may be.
    elapsed: Span,
    lasting: Span,
}

impl Limited {
    /// A limit on a tick that says nothing.
    pub(super) fn paused(limit: &HardLimit, elapsed: Span) -> Limited {
        Limited { outcome: None, breached: false, elapsed, lasting: limit.lasting }
    }

    pub(super) fn fired(&self) -> bool {
        self.breached && self.elapsed >= self.lasting
    }

    /// Why there was nothing to compare.
    pub(super) fn gap(&self) -> Option<Gap> {
        self.outcome.as_ref()?.as_ref().err().copied()
    }

    fn comparison(&self) -> Option<&Comparison> {
        self.outcome.as_ref()?.as_ref().ok()
    }

    pub(super) fn told(&self, limit: &HardLimit) -> LimitFinding {
        let value = self.comparison().map(|comparison| comparison.canary);
        LimitFinding {
            metric: limit.metric.clone(),
            bound: limit.bound,
            value,
            breached: self.breached,
            elapsed: self.elapsed,
            lasting: self.lasting,
            paused: value.is_none(),
        }
    }

    pub(super) fn sentence(&self, limit: &HardLimit) -> String {
        self.comparison().map_or_else(String::new, |comparison| {
            format!(
                "{}. Hard limit: {} for {}, broken for {}.",
                words::numbers(&limit.metric, comparison, ""),
                words::bound(&limit.metric, limit.bound),
                limit.lasting.clock(),
                self.elapsed.clock()
            )
        })
    }

    pub(super) fn next(&self) -> String {
        if self.fired() {
            return format!("Fails: broken for {}.", self.elapsed.clock());
        }
        let left = self.lasting.saturating_sub(self.elapsed);
        format!("If it stays like this, fails in about {}.", words::about(left))
    }
}

/// Judges a limit and moves its timer by `step`; `half_full` says whether the window is clean when the limit is kept.
pub(super) fn judge_limit(limit: &HardLimit, arms: &Arms, half_full: bool, elapsed: &mut Span, step: Span) -> Limited {
    let (side, line) = match limit.bound {
        Bound::Above(value) => (Side::Above, Line::Fixed(value)),
        Bound::Below(value) => (Side::Below, Line::Fixed(value)),
        Bound::AboveBaseline(ratio) => (Side::Above, Line::Relative { ratio, plus: 0.0 }),
        Bound::BelowBaseline(ratio) => (Side::Below, Line::Relative { ratio, plus: 0.0 }),
    };
    let outcome = compare(&limit.metric, side, line, arms);
    let found = outcome.as_ref().ok();
    let breached = found.is_some_and(|comparison| broken(&limit.metric, comparison));
    if breached {
        *elapsed = *elapsed + step;
    } else if found.is_some_and(|comparison| !comparison.worse) && half_full {
        *elapsed = Span::ZERO;
    }
    Limited { outcome: Some(outcome), breached, elapsed: *elapsed, lasting: limit.lasting }
}

fn broken(metric: &Metric, comparison: &Comparison) -> bool {
    match metric {
        Metric::Latency(_) | Metric::Saturation => comparison.worse,
        Metric::Errors | Metric::Kpi(_) | Metric::Traffic => comparison.sure(),
    }
}
