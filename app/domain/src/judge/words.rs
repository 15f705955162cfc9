//! How findings are said: numbers with units, no-break spaces inside them.

use super::compare::{Comparison, Line, Side};
use crate::plan::{Bound, Metric, grouped};
use crate::time::Span;

const NBSP: char = '\u{a0}';

/// `Errors`, `p99 latency`, `Conversions`.
pub(super) fn heading(metric: &Metric) -> String {
    let label = metric.label();
    match metric {
        Metric::Latency(_) => label,
        _ => {
            let mut letters = label.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// `Errors 0.31 % against 0.10 %: 3.1x`, without the end of the sentence. `whose` says which baseline, if not today's.
pub(super) fn numbers(metric: &Metric, comparison: &Comparison, whose: &str) -> String {
    let least = if comparison.at_least { "at least " } else { "" };
    let mut text = format!("{} {least}{}", heading(metric), metric.show(comparison.canary));
    if let Some(baseline) = comparison.baseline {
        text += &format!(" against {}{whose}", metric.show(baseline));
        if baseline > 0.0 {
            text += &format!(": {}", times(metric, comparison.canary / baseline));
        }
    }
    text
}

/// `Tolerated 1.5x + 0.05 %, that is 0.20 %.` or `The limit is 1.00 %.`
pub(super) fn line(metric: &Metric, side: Side, line: Line, tolerated: f64) -> String {
    match line {
        Line::Fixed(limit) => format!("The limit is {}.", metric.show(limit)),
        Line::Relative { ratio, plus } => {
            let sign = if side == Side::Above { '+' } else { '−' };
            let plus = if plus > 0.0 { format!(" {sign} {}", metric.show(plus)) } else { String::new() };
            format!("Tolerated {}{plus}, that is {}.", plain(ratio), metric.show(tolerated))
        }
    }
}

/// `1.4x baseline` or `1.00 %`, as a hard limit has it.
pub(super) fn bound(metric: &Metric, bound: Bound) -> String {
    match bound {
        Bound::Above(value) => format!("above {}", metric.show(value)),
        Bound::Below(value) => format!("below {}", metric.show(value)),
        Bound::AboveBaseline(ratio) => format!("above {} baseline", plain(ratio)),
        Bound::BelowBaseline(ratio) => format!("below {} baseline", plain(ratio)),
    }
}

/// `14:1`, `1:6`: what a bettor would be paid. Beyond what is counted: `more than 10 000:1`.
pub fn odds(value: f64) -> String {
    let rounded = |value: f64| grouped(value.floor() as i64);
    if value >= 10_000.0 {
        format!("more than {}:1", grouped(10_000))
    } else if value >= 1.0 {
        format!("{}:1", rounded(value))
    } else if value > 1e-4 {
        format!("1:{}", rounded(1.0 / value))
    } else {
        format!("less than 1:{}", grouped(10_000))
    }
}

pub(super) fn whole(value: f64) -> String {
    grouped(value.floor() as i64)
}

/// `20 s`, `6 min`, `2 h`: never more exact than an estimate is.
pub fn about(span: Span) -> String {
    let secs = span.secs_f64();
    if secs < 9.5 {
        format!("{:.0}{NBSP}s", secs.ceil().max(1.0))
    } else if secs < 90.0 {
        format!("{:.0}{NBSP}s", (secs / 5.0).ceil() * 5.0)
    } else if secs < 5_400.0 {
        format!("{:.0}{NBSP}min", (secs / 60.0).round())
    } else {
        format!("{:.0}{NBSP}h", (secs / 3600.0).round())
    }
}

/// `3.1x`, `14x`; of ratios near one `0.94x`.
fn times(metric: &Metric, ratio: f64) -> String {
    match metric {
        Metric::Kpi(_) => format!("{ratio:.2}x"),
        _ if ratio >= 9.95 => format!("{}x", grouped(ratio.round() as i64)),
        _ => format!("{ratio:.1}x"),
    }
}

/// `1.5x`, `1.25x`, `0.97x`: as a person wrote it.
fn plain(ratio: f64) -> String {
    format!("{}x", (ratio * 1000.0).round() / 1000.0)
}
