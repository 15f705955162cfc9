//! Ticks pooled into the points of a line.

use super::axis::{Scale, nice};
use super::{Chart, DataArm};
use crate::service::Point;
use sternway_app::view::chart::{GapView, PointView, ValueView};
use sternway_domain::plan::Metric;
use sternway_domain::time::{Span, Timestamp};

/// At most this many points per line: one per 15 s in 20 minutes.
const MOST: i64 = 80;

/// One point of both lines. A missing value is a gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    pub(super) canary: Option<f64>,
    pub(super) baseline: Option<f64>,
}

impl Sample {
    fn of(&self, arm: DataArm) -> Option<f64> {
        match arm {
            DataArm::Canary => self.canary,
            DataArm::Baseline => self.baseline,
        }
    }
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) samples: Vec<Sample>,
    bucket: Span,
}

impl Series {
    pub(super) fn new(chart: &Chart<'_>) -> Self {
        let from = chart.now - chart.span;
        // At least three readings per point: single ones of a small arm are mostly noise.
        let bucket = Span::from_micros((chart.span.micros() / MOST).max(chart.interval.micros() * 3));
        let mut samples: Vec<Sample> = Vec::new();
        let inside: Vec<&Point> = chart.points.iter().filter(|point| point.at >= from).collect();
        for points in inside.chunk_by(|a, b| slot(a.at, bucket) == slot(b.at, bucket)) {
            let Some(last) = points.last() else { continue };
            samples.push(Sample {
                at: last.at,
                canary: pooled(points, &chart.metric, DataArm::Canary),
                baseline: pooled(points, &chart.metric, DataArm::Baseline),
            });
        }
        Self { samples, bucket }
    }

    /// The top of the scale: room above the highest value and what is tolerated.
    pub(super) fn top(&self, tolerated: Vec<(Timestamp, f64)>, sure: f64, metric: &Metric) -> f64 {
        let values = self.samples.iter().flat_map(|sample| [sample.canary, sample.baseline]).flatten();
        let highest = values.chain(tolerated.into_iter().map(|(_, value)| value)).fold(0.0, f64::max);
        // A range that is still wide does not press the lines to the floor.
        let highest = f64::max(highest, sure.min(2.0 * highest));
        let least = match metric {
            Metric::Errors => 0.001,
            Metric::Saturation => return nice(highest * 1.15).max(0.1).min(f64::max(1.0, highest)),
            Metric::Kpi(_) => return nice(highest * 1.2).max(0.01).min(f64::max(1.0, highest)),
            Metric::Latency(_) => 0.001,
            Metric::Traffic => 1.0,
        };
        nice((highest * 1.2).max(least))
    }

    pub(super) fn last(&self, arm: DataArm) -> Option<f64> {
        self.samples.iter().rev().find_map(|sample| sample.of(arm))
    }

    /// Where the line of this arm ends.
    pub(super) fn end(&self, arm: DataArm) -> Option<(Timestamp, f64)> {
        self.samples.iter().rev().find_map(|sample| Some((sample.at, sample.of(arm)?)))
    }

    /// The line in pieces: a gap begins where a value is missing or a reading was left out.
    pub(super) fn runs(&self, arm: DataArm, scale: &Scale, interval: Span) -> Vec<Vec<(f64, f64)>> {
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last: Option<Timestamp> = None;
        for sample in &self.samples {
            let Some((x, value)) = scale.x(sample.at).zip(sample.of(arm)) else {
                last = None;
                continue;
            };
            if last.is_none_or(|last| sample.at.since(last) > self.longest(interval)) {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.push((x, scale.y(value)));
            }
            last = Some(sample.at);
        }
        runs.retain(|run| run.len() > 1);
        runs
    }

    /// Times without data of the canary, from the first reading on.
    pub(super) fn gaps(&self, scale: &Scale, interval: Span) -> Vec<GapView> {
        let mut gaps = Vec::new();
        let mut last: Option<Timestamp> = None;
        let end = self.samples.last().map(|sample| (sample.at, true));
        let seen = self.samples.iter().filter(|sample| sample.canary.is_some() || sample.baseline.is_some());
        for (at, _) in seen.map(|sample| (sample.at, false)).chain(end) {
            if let Some(from) = last.filter(|from| at.since(*from) > self.longest(interval))
                && let (Some(x), Some(to)) = (scale.x(from), scale.x(at))
            {
                gaps.push(GapView { x, width: to - x });
            }
            last = Some(at);
        }
        gaps
    }

    /// The parts of the canary's line beyond what is tolerated, as polygons down (or up) to the tolerance.
    pub(super) fn beyond(&self, level: f64, less_is_worse: bool, scale: &Scale) -> Vec<Vec<(f64, f64)>> {
        let edge = scale.y(level);
        let worse = |value: f64| if less_is_worse { value < level } else { value > level };
        let place =
            |sample: &Sample| Some((scale.x(sample.at)?, scale.y(sample.canary.filter(|value| worse(*value))?)));
        let placed: Vec<Option<(f64, f64)>> = self.samples.iter().map(place).collect();
        let mut areas = Vec::new();
        for run in placed.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            if let (Some(first), Some(last), true) = (run.first(), run.last(), run.len() > 1) {
                let (left, right) = ((first.0, edge), (last.0, edge));
                areas.push(std::iter::once(left).chain(run.iter().copied()).chain([right]).collect());
            }
        }
        areas
    }

    /// What the pointer or the arrow keys read.
    pub(super) fn readable(&self, metric: &Metric, scale: &Scale) -> Vec<PointView> {
        let value = |value: Option<f64>| value.map(|v| ValueView { y: scale.y(v), text: metric.show(v) });
        let readable = |sample: &Sample| {
            Some(PointView {
                at: sample.at.clock(),
                x: scale.x(sample.at)?,
                values: vec![value(sample.canary), value(sample.baseline)],
            })
        };
        self.samples.iter().filter_map(readable).collect()
    }

    fn longest(&self, interval: Span) -> Span {
        Span::from_micros(self.bucket.micros().max(interval.micros()) * 5 / 2)
    }
}

fn slot(at: Timestamp, bucket: Span) -> i64 {
    at.micros().div_euclid(bucket.micros().max(1))
}

/// One metric of one arm in one tick.
pub(super) fn value(point: &Point, metric: &Metric, arm: DataArm) -> Option<f64> {
    let values = match arm {
        DataArm::Canary => &point.canary,
        DataArm::Baseline => &point.baseline,
    };
    values.get(metric).copied().filter(|value| value.is_finite())
}

/// Ticks of one slot together: shares by their counts, everything else as the mean weighted by requests.
fn pooled(points: &[&Point], metric: &Metric, arm: DataArm) -> Option<f64> {
    let weight = |point: &Point| match arm {
        DataArm::Canary => point.requests.0,
        DataArm::Baseline => point.requests.1,
    };
    let known: Vec<(f64, f64)> =
        points.iter().filter_map(|point| Some((value(point, metric, arm)?, weight(point).max(1e-9)))).collect();
    let total: f64 = known.iter().map(|(_, weight)| weight).sum();
    if known.is_empty() {
        return None;
    }
    if *metric == Metric::Traffic {
        return Some(known.iter().map(|(value, _)| value).sum::<f64>() / known.len() as f64);
    }
    Some(known.iter().map(|(value, weight)| value * weight).sum::<f64>() / total)
}
