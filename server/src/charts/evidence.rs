//! Evidence over time, as odds on a scale of logarithms: of each guard in both directions, and of placebos.

use super::axis::{self, Scale};
use super::draw::{Canvas, Class};
use super::minutes;
use crate::service::Course;
use sternway_app::view::When;
use sternway_app::view::chart::*;
use sternway_domain::judge::{Weighed, odds};
use sternway_domain::plan::{Metric, Weight, grouped};
use sternway_domain::time::{Span, Timestamp};

/// 14 px in percent of the plot's height.
const APART: f64 = 9.0;
const MOST_ROWS: usize = 20;

/// Odds beyond so many times what is needed run along the edge: more of them change nothing.
const BEYOND: f64 = 2.5;

/// Odds over time with their name; `None` where nothing was said.
#[derive(Debug, Clone)]
struct Line {
    class: Class,
    name: String,
    odds: Vec<Option<f64>>,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From even odds upward: below them there is nothing toward rolling back, and the line runs along the middle.
    Up,
    /// From even odds downward: toward promoting.
    Down,
    /// Wherever it is.
    Free,
}

impl Line {
    fn grey(name: String, odds: &[Option<f64>], way: Way) -> Line {
        Line { class: Class::Baseline, name, odds: odds.to_vec(), way }
    }

    fn main(name: String, odds: &[Option<f64>], way: Way) -> Line {
        Line { class: Class::Canary, ..Line::grey(name, odds, way) }
    }

    fn arm(&self) -> Arm {
        if self.class == Class::Canary { Arm::Canary } else { Arm::Baseline }
    }

    /// Where it is drawn, in logarithms.
    fn height(&self, odds: f64) -> f64 {
        match self.way {
            Way::Up => odds.max(1.0).ln(),
            Way::Down => -odds.max(1.0).ln(),
            Way::Free => odds.ln(),
        }
    }

    fn along_the_middle(&self, odds: f64) -> bool {
        self.way != Way::Free && odds <= 1.0
    }

    fn last(&self) -> Option<f64> {
        self.odds.last().copied().flatten()
    }
}

/// Each guard's evidence: toward rolling back upward from even odds, toward promoting downward.
pub fn evidence(course: &Course, needs: &Weighed, stages: &[(Timestamp, Weight)]) -> ChartView {
    let alone = course.guards.len() == 1;
    let mut lines = Vec::new();
    for guard in &course.guards {
        if !alone {
            lines.push(Line::grey(name(&guard.metric), &guard.back, Way::Up));
        }
        if !guard.promote.is_empty() {
            lines.push(Line::grey(name(&guard.metric), &guard.promote, Way::Down));
        }
    }
    let all = if alone { name(&course.guards[0].metric) } else { "together".to_owned() };
    lines.push(Line::main(all, &course.back, Way::Up));
    let counted = lines.iter().any(|line| line.way == Way::Down);
    let bottom = if counted { -(BEYOND * needs.promote_needed).ln() } else { 0.0 };
    let plot = Plot::new(course, stages, (BEYOND * needs.back_needed).ln(), bottom);
    let mut levels = plot.toward_back(needs);
    if counted {
        let label = format!("{} promotes", odds(needs.promote_needed));
        levels.push(LevelView { y: plot.scale.y(-needs.promote_needed.ln()), label, below: true });
    }
    let now = course.back.last().copied().flatten().map_or_else(|| "unknown".to_owned(), odds);
    ChartView {
        key: "evidence".to_owned(),
        name: format!("For each guard, last {}", minutes(plot.span())),
        sentence: format!(
            "Evidence of each guard over time. Toward rolling back, all together: {now}, {} needed.",
            odds(needs.back_needed)
        ),
        inner_svg: plot.draw(&levels, &lines),
        levels,
        ..plot.view(&lines)
    }
}

/// The canary's evidence, and in grey that of each baseline instance in its place. `None` when none was played.
pub fn placebo(course: &Course, needs: &Weighed, stages: &[(Timestamp, Weight)]) -> Option<ChartView> {
    let played = course.placebo.iter();
    let mut drawn: Vec<Line> =
        played.map(|one| Line { class: Class::Placebo, ..Line::grey(String::new(), &one.back, Way::Free) }).collect();
    let count = drawn.len();
    let at = |i: usize| drawn.iter().filter_map(|line| line.odds[i]).max_by(f64::total_cmp);
    let highest: Vec<Option<f64>> = (0..course.at.len()).map(at).collect();
    let now = highest.iter().rev().copied().find(Option::is_some)??;
    let seen: Vec<f64> = drawn.iter().flat_map(|line| &line.odds).chain(&course.back).flatten().copied().collect();
    let bottom = seen.iter().fold(0.2, |least: f64, odds| least.min(*odds)).max(1e-3).ln();
    let plot = Plot::new(course, stages, (BEYOND * needs.back_needed).ln(), bottom);
    let canary = Line::main("canary".to_owned(), &course.back, Way::Free);
    drawn.push(canary.clone());
    let levels = plot.toward_back(needs);
    // Read and labelled is the highest of them: the others are calmer.
    let read = [canary, Line::grey(format!("highest of {count}"), &highest, Way::Free)];
    Some(ChartView {
        key: "placebo".to_owned(),
        name: format!("Beside {count} baseline instances in the canary's place"),
        sentence: format!(
            "The canary's evidence toward rolling back over time, beside that of {count} baseline instances judged as if \
             each were the canary. The highest of those now: {}, {} needed.",
            odds(now),
            odds(needs.back_needed)
        ),
        inner_svg: plot.draw(&levels, &drawn),
        levels,
        ..plot.view(&read)
    })
}

/// Where lines lie.
struct Plot<'a> {
    course: &'a Course,
    scale: Scale,
    stages: &'a [(Timestamp, Weight)],
}

impl<'a> Plot<'a> {
    fn new(course: &'a Course, stages: &'a [(Timestamp, Weight)], top: f64, bottom: f64) -> Self {
        let to = course.at.last().copied().unwrap_or_default();
        let from = course.at.first().copied().unwrap_or_default();
        let from = to - super::span_since(from, to);
        Self { course, stages, scale: Scale::new(from, to, top).above(bottom) }
    }

    fn span(&self) -> Span {
        self.scale.span()
    }

    /// The lines at which traffic is no longer increased and taken back.
    fn toward_back(&self, needs: &Weighed) -> Vec<LevelView> {
        let level = |at: f64, does: &str| LevelView {
            y: self.scale.y(at.ln()),
            label: format!("{} {does}", odds(at)),
            below: false,
        };
        vec![level(needs.back_needed, "rolls back"), level(needs.suspect, "suspect")]
    }

    fn draw(&self, levels: &[LevelView], lines: &[Line]) -> String {
        let mut canvas = Canvas::new();
        let across = |y: f64| [(0.0, y), (100.0, y)];
        canvas.line(Class::Middle, &across(self.scale.y(0.0)));
        levels.iter().for_each(|level| canvas.line(Class::Tolerance, &across(level.y)));
        for line in lines {
            let place = |(at, odds): (&Timestamp, &Option<f64>)| {
                Some((self.scale.x(*at)?, self.scale.y(line.height((*odds)?))))
            };
            let placed: Vec<Option<(f64, f64)>> = self.course.at.iter().zip(&line.odds).map(place).collect();
            for run in placed.split(Option::is_none).filter(|run| run.len() > 1) {
                canvas.line(line.class, &run.iter().flatten().copied().collect::<Vec<_>>());
            }
        }
        canvas.finish()
    }

    /// Everything but the drawing and its words.
    fn view(&self, lines: &[Line]) -> ChartView {
        let scale = &self.scale;
        let mut ends: Vec<EndView> = lines.iter().filter_map(|line| self.end(line)).collect();
        axis::part(&mut ends, APART);
        let stages = self.stages.iter().filter_map(|(at, _)| scale.x(*at)).filter(|x| (0.5..=99.8).contains(x));
        ChartView {
            grid: vec![GridLine { y: scale.y(0.0), label: "1:1".to_owned() }],
            marks: stages.map(|x| MarkView { kind: MarkKind::Stage, x, label: String::new() }).collect(),
            gaps: self.gaps(),
            // Two abreast there is room for one beside the last.
            ticks: axis::ticks(scale, true)
                .into_iter()
                .map(|tick| TickView { fine: (45.0..100.0).contains(&tick.x), ..tick })
                .collect(),
            ends,
            lines: lines.iter().map(|line| (line.arm(), said(line))).collect(),
            points: (0..self.course.at.len()).filter_map(|i| self.point(i, lines)).collect(),
            table: self.table(lines),
            ..ChartView::default()
        }
    }

    /// Grey lines along the middle are named in the table alone. The last point is the right edge.
    fn end(&self, line: &Line) -> Option<EndView> {
        let at = line.last()?;
        let y = self.scale.y(line.height(at));
        let named = line.class == Class::Canary || !line.along_the_middle(at);
        let label = format!("{} {}", line.name, short(at));
        named.then(|| EndView { arm: line.arm(), x: 100.0, y, label_y: y, label })
    }

    fn point(&self, i: usize, lines: &[Line]) -> Option<PointView> {
        let value = |line: &Line| {
            let at = line.odds[i]?;
            Some(ValueView { y: self.scale.y(line.height(at)), text: short(at) })
        };
        let at = self.course.at[i];
        Some(PointView { at: at.clock(), x: self.scale.x(at)?, values: lines.iter().map(value).collect() })
    }

    /// From the last thing said before a silence to the first after it.
    fn gaps(&self) -> Vec<GapView> {
        let mut gaps = Vec::new();
        let mut last: Option<usize> = None;
        for (i, _) in self.course.back.iter().enumerate().filter(|(_, odds)| odds.is_some()) {
            if let Some(before) = last.filter(|before| i - before > 1)
                && let (Some(x), Some(to)) = (self.scale.x(self.course.at[before]), self.scale.x(self.course.at[i]))
            {
                gaps.push(GapView { x, width: to - x });
            }
            last = Some(i);
        }
        gaps
    }

    /// As it stood at the end of each minute, newest first.
    fn table(&self, lines: &[Line]) -> TableView {
        let at = &self.course.at;
        let ends =
            (0..at.len()).rev().filter(|i| at.get(i + 1).is_none_or(|next| next.secs() / 60 != at[*i].secs() / 60));
        let row = |i: usize| {
            let cell = |line: &Line| CellView {
                text: line.odds[i].map_or_else(|| "–".to_owned(), odds),
                ..CellView::default()
            };
            RowView {
                name: String::new(),
                at: Some(When { iso: at[i].to_rfc3339(), shown: at[i].clock(), ago: String::new() }),
                cells: lines.iter().map(cell).collect(),
            }
        };
        TableView {
            caption: "Odds by minute".to_owned(),
            head: std::iter::once("At".to_owned()).chain(lines.iter().map(said)).collect(),
            rows: ends.take(MOST_ROWS).map(row).collect(),
        }
    }
}

/// Beyond a thousand nobody needs to know by how much.
fn short(at: f64) -> String {
    match at {
        at if at >= 1e3 => format!(">{}:1", grouped(1_000)),
        at if at <= 1e-3 => format!("<1:{}", grouped(1_000)),
        at => odds(at),
    }
}

/// Beside the end of a line there is room for a word: `p99`, `errors`.
fn name(metric: &Metric) -> String {
    if matches!(metric, Metric::Latency(_)) { metric.to_string() } else { metric.label() }
}

/// `errors`, `promote: errors`.
fn said(line: &Line) -> String {
    if line.way == Way::Down { format!("promote: {}", line.name) } else { line.name.clone() }
}

#[cfg(test)]
mod tests;
