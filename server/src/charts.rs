//! Charts: what was read, drawn. Lines and areas by plotters, everything a person reads by the page.
//!
//! Deliberately absent: interpolation. A gap in the data is a gap in the line.

use crate::service::Point;
use sternway_app::view::chart::*;
use sternway_app::view::{Icon, Tone};
use sternway_domain::judge::GuardFinding;
use sternway_domain::plan::{Guard, Metric, Weight};
use sternway_domain::signal::Arm as DataArm;
use sternway_domain::time::{Span, Timestamp};

mod axis;
mod draw;
mod evidence;
mod range;
mod series;
mod spark;
mod table;

use axis::Scale;
use draw::Canvas;
pub(crate) use draw::{Class, Shape};
use series::Series;

pub use evidence::{evidence, placebo};
pub use spark::spark;

/// What one chart shows.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    pub metric: Metric,
    pub points: &'a [Point],
    /// The moment at the right edge.
    pub now: Timestamp,
    pub span: Span,
    pub interval: Span,
    /// The guard on this metric, if the plan has one.
    pub guard: Option<&'a Guard>,
    /// What the judge said of it last: its pooled numbers are what the head shows.
    pub finding: Option<&'a GuardFinding>,
    /// What the canary's value surely is since its stage began; `None` where that is not known.
    pub ranges: &'a [(Timestamp, Option<(f64, f64)>)],
    /// Absolute limit of a hard limit on this metric, if there is one.
    pub limit: Option<f64>,
    pub stages: &'a [(Timestamp, Weight)],
    /// Verdicts and acts: when, and in a word.
    pub acts: &'a [(Timestamp, String)],
    /// Drawn large, with its table.
    pub wide: bool,
}

/// How far back a chart reaches: as long as there has been something to see, at least three minutes, at most twenty.
pub fn span_since(start: Timestamp, now: Timestamp) -> Span {
    const LEAST: Span = Span::from_secs(180);
    now.since(start).clamp(LEAST, crate::service::CHART_SPAN)
}

impl Chart<'_> {
    /// The chart as the page draws it.
    pub fn view(&self) -> ChartView {
        let series = Series::new(self);
        let top = series.top(self.tolerated(&series), range::highest(self.ranges), &self.metric);
        let scale = Scale::new(self.now - self.span, self.now, top);
        let tolerated = self.tolerated(&series);
        let latest = self.points.last();
        let value = |arm: DataArm| {
            let pooled = self.finding.and_then(|finding| match arm {
                DataArm::Canary => finding.canary,
                DataArm::Baseline => finding.baseline,
            });
            pooled.or_else(|| latest.and_then(|point| series::value(point, &self.metric, arm)))
        };
        let (canary, baseline) = (value(DataArm::Canary), value(DataArm::Baseline));
        ChartView {
            key: self.metric.to_string().replace(':', "-"),
            name: self.name(),
            flag: self.flag(canary, baseline),
            now: canary.map_or_else(|| "–".to_owned(), |value| self.metric.show(value)),
            against: self.against(&series, canary, baseline),
            sentence: self.sentence(canary, baseline, tolerated.last().copied()),
            grid: axis::grid(&self.metric, top, self.wide),
            levels: self.tolerance_label(&tolerated, &scale).into_iter().collect(),
            marks: self.marks(&scale),
            gaps: series.gaps(&scale, self.interval),
            ticks: axis::ticks(&scale, self.wide),
            ends: self.ends(&series, &scale),
            inner_svg: self.draw(&series, &tolerated, &scale),
            lines: vec![(Arm::Canary, "canary".to_owned()), (Arm::Baseline, "baseline".to_owned())],
            points: series.readable(&self.metric, &scale),
            table: if self.wide { table::by_minute(self.points, &self.metric) } else { TableView::default() },
        }
    }

    fn name(&self) -> String {
        let label = self.metric.label();
        let name = label[..1].to_uppercase() + &label[1..];
        let name = if label.starts_with('p') && label.contains("latency") { label } else { name };
        if self.wide { format!("{name}, last {}", minutes(self.span)) } else { name }
    }

    fn flag(&self, canary: Option<f64>, baseline: Option<f64>) -> Option<FlagView> {
        let (canary, baseline) = (canary?, baseline?);
        let text = match self.metric {
            Metric::Traffic => format!("{:.1}\u{a0}%", 100.0 * canary / (canary + baseline).max(f64::MIN_POSITIVE)),
            _ if baseline <= 0.0 => return None,
            _ => format!("{:.2}x", canary / baseline),
        };
        let (tone, icon) = match self.finding.map(|finding| finding.kind) {
            Some(kind) => {
                let pill = crate::plane::verdict_look(kind);
                (pill.tone, pill.icon)
            }
            None => (Tone::Plain, Icon::Info),
        };
        Some(FlagView { tone, icon, text })
    }

    fn against(&self, series: &Series, canary: Option<f64>, baseline: Option<f64>) -> String {
        if canary.is_none() {
            let was = series.last(DataArm::Canary).map(|value| self.metric.show(value));
            return was.map_or_else(String::new, |was| format!("was {was}"));
        }
        match (&self.metric, baseline) {
            (Metric::Traffic, Some(baseline)) => {
                format!("of {}", self.metric.show(baseline + canary.unwrap_or_default()))
            }
            (_, Some(baseline)) => format!("against {}", self.metric.show(baseline)),
            (_, None) => "baseline unknown".to_owned(),
        }
    }

    fn sentence(&self, canary: Option<f64>, baseline: Option<f64>, tolerated: Option<(Timestamp, f64)>) -> String {
        let show = |value: Option<f64>| value.map_or_else(|| "no data".to_owned(), |value| self.metric.show(value));
        let tolerated = tolerated.map(|(_, value)| format!(" Tolerated: {}.", self.metric.show(value)));
        format!(
            "{} from {} to {}. Canary {}, baseline {}.{}",
            self.name(),
            (self.now - self.span).clock(),
            self.now.clock(),
            show(canary),
            show(baseline),
            tolerated.unwrap_or_default(),
        )
    }

    /// What the canary may be at each moment: the tolerance applied to the baseline then, or the absolute limit.
    fn tolerated(&self, series: &Series) -> Vec<(Timestamp, f64)> {
        if let Some(limit) = self.absolute() {
            return vec![(self.now - self.span, limit), (self.now, limit)];
        }
        let Some(guard) = self.guard.filter(|_| self.metric != Metric::Traffic) else { return Vec::new() };
        let tolerance = guard.effective_tolerance();
        let sign = if self.metric.less_is_worse() { -1.0 } else { 1.0 };
        let allowed = |base: f64| tolerance.ratio.unwrap_or(1.0) * base + sign * tolerance.plus.unwrap_or(0.0);
        // A straight line through the mean of the baseline: what is tolerated is a level, not a wiggle.
        let values: Vec<f64> = series.samples.iter().filter_map(|sample| sample.baseline).collect();
        if values.is_empty() {
            return Vec::new();
        }
        let pooled = self.finding.and_then(|finding| finding.tolerated);
        let level = pooled.unwrap_or_else(|| allowed(values.iter().sum::<f64>() / values.len() as f64)).max(0.0);
        vec![(self.now - self.span, level), (self.now, level)]
    }

    /// The level that does not move with the baseline. A hard limit is drawn only where no guard is nearer.
    fn absolute(&self) -> Option<f64> {
        match self.guard {
            Some(guard) => guard.slo,
            None => self.limit,
        }
    }

    fn tolerance_label(&self, tolerated: &[(Timestamp, f64)], scale: &Scale) -> Option<LevelView> {
        let (_, level) = *tolerated.last()?;
        let word = match (self.absolute().is_some(), self.metric.less_is_worse()) {
            (true, _) => "limit",
            (false, true) => "at least",
            (false, false) => "tolerated",
        };
        Some(LevelView {
            y: scale.y(level),
            label: format!("{word} {}", self.metric.show(level)),
            below: self.metric.less_is_worse(),
        })
    }

    fn marks(&self, scale: &Scale) -> Vec<MarkView> {
        let inside = |at: Timestamp| scale.x(at).is_some_and(|x| (0.5..=99.8).contains(&x));
        let stages = self.stages.iter().filter(|(at, _)| inside(*at)).map(|(at, weight)| MarkView {
            kind: MarkKind::Stage,
            x: scale.x(*at).unwrap_or_default(),
            label: if self.wide { format!("{}\u{a0}% reached", weight.percent()) } else { String::new() },
        });
        let acts = self.acts.iter().filter(|(at, _)| self.wide && inside(*at)).map(|(at, label)| MarkView {
            kind: MarkKind::Act,
            x: scale.x(*at).unwrap_or_default(),
            label: label.clone(),
        });
        stages.chain(acts).collect()
    }

    fn ends(&self, series: &Series, scale: &Scale) -> Vec<EndView> {
        // 14 px in percent of the plot's height.
        let apart = if self.wide { 7.5 } else { 14.6 };
        let end = |arm: DataArm, to: Arm, word: &str| {
            let (at, value) = series.end(arm)?;
            let y = scale.y(value);
            let label = if self.wide { format!("{word} {}", self.metric.show(value)) } else { word.to_owned() };
            Some(EndView { arm: to, x: scale.x(at)?, y, label_y: y, label })
        };
        let canary = end(DataArm::Canary, Arm::Canary, "canary");
        let baseline = end(DataArm::Baseline, Arm::Baseline, "baseline");
        let mut ends: Vec<EndView> = baseline.into_iter().chain(canary).collect();
        let sure = self.ranges.last().filter(|_| self.wide).and_then(|(at, range)| Some((*at, (*range)?)));
        ends.extend(sure.and_then(|(at, (_, high))| {
            let (x, y) = (scale.x(at)?, scale.y(high));
            Some(EndView { arm: Arm::Band, x, y, label_y: y, label: "95\u{a0}% interval".to_owned() })
        }));
        axis::part(&mut ends, apart);
        ends
    }

    /// The lines and areas that [`Self::view`] draws, for another medium.
    pub(crate) fn shapes(&self) -> Vec<Shape> {
        let series = Series::new(self);
        let tolerated = self.tolerated(&series);
        let top = series.top(tolerated.clone(), range::highest(self.ranges), &self.metric);
        self.canvas(&series, &tolerated, &Scale::new(self.now - self.span, self.now, top)).shapes()
    }

    fn draw(&self, series: &Series, tolerated: &[(Timestamp, f64)], scale: &Scale) -> String {
        self.canvas(series, tolerated, scale).finish()
    }

    fn canvas(&self, series: &Series, tolerated: &[(Timestamp, f64)], scale: &Scale) -> Canvas {
        let mut canvas = Canvas::new();
        let level = tolerated.last().map(|(_, level)| *level);
        for area in range::areas(self.ranges, scale) {
            canvas.area(Class::Band, &area);
        }
        if let Some(level) = level {
            for area in series.beyond(level, self.metric.less_is_worse(), scale) {
                canvas.area(Class::Beyond, &area);
            }
            canvas.line(Class::Tolerance, &[(0.0, scale.y(level)), (100.0, scale.y(level))]);
        }
        for run in series.runs(DataArm::Baseline, scale, self.interval) {
            canvas.line(Class::Baseline, &run);
        }
        for run in series.runs(DataArm::Canary, scale, self.interval) {
            canvas.line(Class::Canary, &run);
        }
        canvas
    }
}

fn minutes(span: Span) -> String {
    format!("{}\u{a0}min", (span.secs() + 30) / 60)
}

#[cfg(test)]
mod tests;
