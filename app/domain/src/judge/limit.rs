//! Hard limits with timers: deterministic, explainable, judged on the pooled window.
//!
//! The timer runs while the limit is broken, stands still on missing data and while too little is in the window, and
//! starts anew after a clean window. A window counts as clean when it is at least half full. Errors and business ratios
//! break a limit only beyond chance; quantiles only with `10/(1-q)` requests in the window.

use super::compare::{Comparison, Gap, Line, Side, compare};
use super::guard::View;
use super::{LimitFinding, words};
use crate::plan::{Bound, HardLimit, Metric};
use crate::time::Span;

/// A limit's finding with the sentence it would speak.
pub(super) struct Limited {
    pub(super) finding: LimitFinding,
    pub(super) sentence: String,
    /// Why there was nothing to compare.
    pub(super) gap: Option<Gap>,
}

impl Limited {
    pub(super) fn fired(&self) -> bool {
        self.finding.breached && self.finding.elapsed >= self.finding.lasting
    }

    pub(super) fn next(&self) -> String {
        let finding = &self.finding;
        if self.fired() {
            return format!("Fails: broken for {}.", finding.elapsed.clock());
        }
        let left = finding.lasting.saturating_sub(finding.elapsed);
        format!("If it stays like this, fails in about {}.", words::about(left))
    }
}

/// Judges a limit and moves its timer by `step`.
pub(super) fn judge_limit(limit: &HardLimit, view: &View, elapsed: &mut Span, step: Span) -> Limited {
    let (side, line) = match limit.bound {
        Bound::Above(value) => (Side::Above, Line::Fixed(value)),
        Bound::Below(value) => (Side::Below, Line::Fixed(value)),
        Bound::AboveBaseline(ratio) => (Side::Above, Line::Relative { ratio, plus: 0.0 }),
        Bound::BelowBaseline(ratio) => (Side::Below, Line::Relative { ratio, plus: 0.0 }),
    };
    let outcome = compare(&limit.metric, side, line, &view.arms(10.0));
    let gap = outcome.as_ref().err().copied();
    let found = outcome.ok();
    let breached = found.as_ref().is_some_and(|comparison| broken(&limit.metric, comparison));
    let half_full = view.pool.canary.span.micros() * 2 >= view.policy.window.micros();
    if breached {
        *elapsed = *elapsed + step;
    } else if found.as_ref().is_some_and(|comparison| !comparison.worse) && half_full {
        *elapsed = Span::ZERO;
    }
    let sentence = found.as_ref().map_or_else(String::new, |comparison| {
        format!(
            "{}. Hard limit: {} for {}, broken for {}.",
            words::numbers(&limit.metric, comparison, ""),
            words::bound(&limit.metric, limit.bound),
            limit.lasting.clock(),
            elapsed.clock()
        )
    });
    let value = found.as_ref().map(|comparison| comparison.canary);
    Limited { finding: finding(limit, value, breached, *elapsed), sentence, gap }
}

/// A limit on a tick that says nothing: its timer stands still.
pub(super) fn paused(limit: &HardLimit, elapsed: Span) -> LimitFinding {
    finding(limit, None, false, elapsed)
}

fn broken(metric: &Metric, comparison: &Comparison) -> bool {
    match metric {
        Metric::Latency(_) | Metric::Saturation => comparison.worse,
        Metric::Errors | Metric::Kpi(_) | Metric::Traffic => comparison.sure(),
    }
}

fn finding(limit: &HardLimit, value: Option<f64>, breached: bool, elapsed: Span) -> LimitFinding {
    LimitFinding {
        metric: limit.metric.clone(),
        bound: limit.bound,
        value,
        breached,
        elapsed,
        lasting: limit.lasting,
        paused: value.is_none(),
    }
}
