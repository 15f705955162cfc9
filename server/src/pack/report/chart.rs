//! Charts as the actor saw them: the lines and areas of the pages, from stored evidence.

use super::face::Weight as Strength;
use super::sheet::*;
use crate::charts::{Chart, Class, Shape, span_since};
use crate::service::{Evidence, Point};
use sternway_app::view::chart::{Arm, ChartView};
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::{Bound, Metric};
use sternway_domain::time::Span;

/// At most so many of one decision.
const MOST: usize = 4;

/// Of one chart with its words.
pub(super) const HEIGHT: f32 = 108.0;
const PLOT: f32 = 64.0;

/// A chart with what is drawn in it.
pub(super) struct Picture {
    view: ChartView,
    shapes: Vec<Shape>,
}

/// The metric that decided first, then the golden signals, as far as there is something to see.
pub(super) fn pictures(evidence: &Evidence) -> Vec<Picture> {
    let Some(newest) = evidence.points.last() else { return Vec::new() };
    let verdict = evidence.verdict.as_ref();
    let policy = evidence.inputs.as_ref().map(|inputs| &inputs.policy);
    let guards = policy.map(|policy| policy.guards.as_slice()).unwrap_or_default();
    let limits = policy.map(|policy| policy.hard_limits.as_slice()).unwrap_or_default();
    let decided = verdict.and_then(|verdict| verdict.decided_by.clone());
    let golden = [Metric::Errors, Metric::Latency(99), Metric::Traffic, Metric::Saturation];
    let mut metrics: Vec<Metric> = Vec::new();
    for metric in decided.into_iter().chain(guards.iter().map(|guard| guard.metric.clone())).chain(golden) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    let seen = |metric: &Metric| {
        let has = |point: &Point| point.canary.contains_key(metric) || point.baseline.contains_key(metric);
        evidence.points.iter().filter(|point| has(point)).count() > 1
    };
    let blind = |kind| matches!(kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError);
    let findings =
        verdict.filter(|verdict| !blind(verdict.kind)).map(|verdict| verdict.guards.as_slice()).unwrap_or_default();
    let start = evidence.points.first().map_or(newest.at, |point| point.at);
    let picture = |metric: Metric| {
        let course = evidence.course.as_ref().and_then(|course| Some((course, course.guard(&metric)?)));
        let ranges: Vec<_> = course
            .map(|(course, guard)| course.at.iter().copied().zip(guard.range.iter().copied()).collect())
            .unwrap_or_default();
        let chart = Chart {
            points: &evidence.points,
            now: newest.at,
            span: span_since(start, newest.at),
            interval: policy.map_or(Span::from_secs(15), |policy| policy.interval),
            guard: guards.iter().find(|guard| guard.metric == metric),
            finding: findings.iter().find(|finding| finding.metric == metric),
            ranges: &ranges,
            limit: limits.iter().find_map(|limit| match limit.bound {
                Bound::Above(value) | Bound::Below(value) if limit.metric == metric => Some(value),
                _ => None,
            }),
            stages: &evidence.stages,
            acts: &[],
            wide: false,
            metric,
        };
        Picture { view: chart.view(), shapes: chart.shapes() }
    };
    metrics.into_iter().filter(seen).take(MOST).map(picture).collect()
}

fn look(class: Class) -> (Colour, f32, bool) {
    match class {
        Class::Canary => (ACCENT, 1.3, false),
        Class::Baseline => (Colour(124, 133, 145), 1.0, false),
        Class::Tolerance => (INK_2, 0.7, true),
        Class::Beyond => (Colour(250, 222, 184), 0.0, false),
        Class::Band => (Colour(226, 234, 248), 0.0, false),
        Class::Middle | Class::Placebo => (RULE, 0.7, false),
    }
}

pub(super) fn draw(sheet: &mut Sheet, picture: &Picture, x: f32, top: f32, width: f32) {
    let view = &picture.view;
    let tiny = Style::new(7.0, INK_3);
    let name = Style { weight: Strength::Strong, ..Style::new(8.5, INK) };
    sheet.at(x, top + 10.0, name, &view.name);
    let after = x + sheet.width(&view.name, name) + 6.0;
    let value = if view.against.is_empty() { view.now.clone() } else { format!("{} {}", view.now, view.against) };
    sheet.at(after, top + 10.0, Style::new(8.5, INK_2), &value);
    let plot = top + 20.0;
    // Room for names of lines at the right.
    let wide = width - 40.0;
    let place = |(px, py): &(f64, f64)| (x + (*px as f32 / 100.0) * wide, plot + (*py as f32 / 100.0) * PLOT);
    let line = |points: Vec<(f32, f32)>, colour: Colour, width: f32, dashed: bool| Mark::Line {
        points,
        colour,
        width,
        dashed,
    };
    for gap in &view.gaps {
        let (left, right) = (place(&(gap.x, 0.0)), place(&(gap.x + gap.width, 100.0)));
        let points = vec![left, (right.0, left.1), right, (left.0, right.1)];
        sheet.mark(Mark::Area { points, colour: SUNKEN });
    }
    for grid in &view.grid {
        sheet.mark(line(vec![place(&(0.0, grid.y)), place(&(100.0, grid.y))], RULE, 0.5, false));
        sheet.at(x, plot + (grid.y as f32 / 100.0) * PLOT - 2.0, tiny, &grid.label);
    }
    sheet.mark(line(vec![place(&(0.0, 100.0)), place(&(100.0, 100.0))], INK_3, 0.5, false));
    for mark in &view.marks {
        sheet.mark(line(vec![place(&(mark.x, 0.0)), place(&(mark.x, 100.0))], INK_3, 0.4, true));
    }
    for shape in &picture.shapes {
        let (colour, width, dashed) = look(shape.class);
        let points = shape.points.iter().map(place).collect();
        sheet.mark(if shape.filled { Mark::Area { points, colour } } else { line(points, colour, width, dashed) });
    }
    for level in &view.levels {
        let y = plot + (level.y as f32 / 100.0) * PLOT;
        let y = if level.below { y + 8.0 } else { y - 2.5 };
        // The top line has its own label there.
        let left = if level.y < 12.0 { x + 60.0 } else { x };
        sheet.at(left, y, Style::new(7.0, INK_2), &level.label);
    }
    for end in &view.ends {
        let (left, y) = place(&(end.x, end.label_y));
        let colour = match end.arm {
            Arm::Canary => ACCENT,
            Arm::Baseline | Arm::Band => INK_3,
        };
        sheet.at(left + 4.0, y + 2.5, Style::new(7.0, colour), &end.label);
    }
    for tick in &view.ticks {
        let (at, _) = place(&(tick.x, 100.0));
        let half = sheet.width(&tick.label, tiny) / 2.0;
        sheet.at((at - half).max(x), plot + PLOT + 10.0, tiny, &tick.label);
    }
}
