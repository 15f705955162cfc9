//! Sparklines for the board: height means nearness to the limit, not size.

use super::DataArm;
use super::series::value;
use crate::service::Point;
use sternway_app::view::chart::SparkView;
use sternway_domain::plan::{Guard, Metric};

/// The plot is 100 × 24; the limit stands this far from the top, so that what is beyond it can be seen.
const LIMIT_Y: f64 = 6.0;
const FLOOR_Y: f64 = 22.5;

/// Paths of the last points. `None` when there is no line to draw.
pub fn spark(points: &[Point], metric: &Metric, guard: Option<&Guard>) -> Option<SparkView> {
    let limit = guard.and_then(|guard| limit_of(guard, points));
    let highest = points.iter().flat_map(|p| both(p, metric)).flatten().fold(0.0, f64::max);
    let top = limit.unwrap_or(highest * 1.25);
    if top <= 0.0 {
        return None;
    }
    let y = |value: f64| {
        let part = if metric.less_is_worse() && limit.is_some() { top / value.max(top / 8.0) } else { value / top };
        (FLOOR_Y - part * (FLOOR_Y - LIMIT_Y)).clamp(0.5, FLOOR_Y)
    };
    let x = |i: usize| 100.0 * i as f64 / (points.len().max(2) - 1) as f64;
    let line = |arm: DataArm| {
        let mut path = String::new();
        let mut pen_down = false;
        for (i, point) in points.iter().enumerate() {
            let Some(value) = value(point, metric, arm) else {
                pen_down = false;
                continue;
            };
            path.push_str(&format!("{}{:.0} {:.1}", if pen_down { 'L' } else { 'M' }, x(i), y(value)));
            pen_down = true;
        }
        path
    };
    let canary = line(DataArm::Canary);
    if canary.is_empty() {
        return None;
    }
    let limit_path = limit.map(|_| format!("M0 {LIMIT_Y}H100")).unwrap_or_default();
    Some(SparkView { canary, baseline: line(DataArm::Baseline), beyond: String::new(), limit: limit_path })
}

fn both(point: &Point, metric: &Metric) -> [Option<f64>; 2] {
    [value(point, metric, DataArm::Canary), value(point, metric, DataArm::Baseline)]
}

/// What the guard tolerates, from the mean of the baseline.
fn limit_of(guard: &Guard, points: &[Point]) -> Option<f64> {
    if let Some(slo) = guard.slo {
        return Some(slo);
    }
    let base: Vec<f64> = points.iter().filter_map(|point| value(point, &guard.metric, DataArm::Baseline)).collect();
    if base.is_empty() {
        return None;
    }
    let mean = base.iter().sum::<f64>() / base.len() as f64;
    let tolerance = guard.effective_tolerance();
    let sign = if guard.metric.less_is_worse() { -1.0 } else { 1.0 };
    Some(tolerance.ratio.unwrap_or(1.0) * mean + sign * tolerance.plus.unwrap_or(0.0)).filter(|limit| *limit > 0.0)
}
