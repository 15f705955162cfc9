//! Sparklines for the board: height means nearness to the limit, not size.

use super::DataArm;
use super::series::value;
use crate::service::Point;
use sternway_app::view::chart::SparkView;
use sternway_domain::plan::{Guard, Metric};

/// The plot is 100 × 24; the limit stands this far from the top, so that what is beyond it can be seen.
const LIMIT_Y: f64 = 6.0;
const FLOOR_Y: f64 = 22.5;
/// A point this near to the straight line between its neighbours is not seen: a quarter of a pixel.
const STRAIGHT: f64 = 0.25;

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
        let placed: Vec<Option<(f64, f64)>> =
            points.iter().enumerate().map(|(i, point)| Some((x(i), y(value(point, metric, arm)?)))).collect();
        placed.split(Option::is_none).map(|run| path(&run.iter().flatten().copied().collect::<Vec<_>>())).collect()
    };
    let canary: String = line(DataArm::Canary);
    if canary.is_empty() {
        return None;
    }
    let limit_path = limit.map(|_| format!("M0 {LIMIT_Y}H100")).unwrap_or_default();
    Some(SparkView { canary, baseline: line(DataArm::Baseline), beyond: String::new(), limit: limit_path })
}

/// `M0 12L50 9.5L100 12`, without the points that lie on the line between those that are kept: a board of 200 releases
/// has 1,600 of these lines.
fn path(run: &[(f64, f64)]) -> String {
    let mut kept: Vec<usize> = Vec::new();
    for i in 0..run.len() {
        let between = kept.last().and_then(|from| run.get(*from..=i + 1));
        if between.is_none_or(|part| !straight(part)) {
            kept.push(i);
        }
    }
    let letter = |i: usize| if i == 0 { 'M' } else { 'L' };
    let point = |i: usize| format!("{}{:.0} {}", letter(i), run[i].0, (run[i].1 * 10.0).round() / 10.0);
    kept.into_iter().map(point).collect()
}

/// Whether everything between the ends lies on the line from one to the other.
fn straight(part: &[(f64, f64)]) -> bool {
    let [from, between @ .., to] = part else { return true };
    let slope = (to.1 - from.1) / (to.0 - from.0);
    between.iter().all(|point| (from.1 + slope * (point.0 - from.0) - point.1).abs() <= STRAIGHT)
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

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn given_a_straight_line_when_drawn_then_its_ends_are_enough() {
        let run: Vec<(f64, f64)> = (0..24).map(|i| (f64::from(i) * 4.0, 22.5)).collect();
        assert_eq!(path(&run), "M0 22.5L92 22.5");
        assert_eq!(path(&run[..1]), "M0 22.5");
        assert_eq!(path(&[]), "");
    }

    #[test]
    fn given_a_bend_when_drawn_then_it_stays_and_noise_below_a_quarter_of_a_pixel_goes() {
        let run = [(0.0, 10.0), (10.0, 10.2), (20.0, 10.0), (30.0, 4.0), (40.0, 10.0), (50.0, 9.9)];
        assert_eq!(path(&run), "M0 10L20 10L30 4L40 10L50 9.9");
    }
}
