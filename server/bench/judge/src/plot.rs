//! The pictures: how soon against how often wrongly, and how delays are distributed. For light backgrounds.

use crate::cell::{Cell, at};
use crate::goals::oracle;
use crate::ours::Setting;
use crate::race::{Race, Row, Who};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};
use std::path::Path;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 540;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 70.0;

const INK: RGBColor = RGBColor(0x22, 0x2b, 0x36);
const SOFT: RGBColor = RGBColor(0x5c, 0x67, 0x74);
const LINE: RGBColor = RGBColor(0xe3, 0xe7, 0xec);
const OURS: RGBColor = RGBColor(0x0b, 0x62, 0xd6);
const OTHERS: [RGBColor; 6] = [
    RGBColor(0xb4, 0x53, 0x09),
    RGBColor(0x0f, 0x76, 0x6e),
    RGBColor(0x9d, 0x17, 0x4d),
    RGBColor(0x6d, 0x28, 0xd9),
    RGBColor(0x4d, 0x7c, 0x0f),
    RGBColor(0x92, 0x40, 0x0e),
];

type Failed = Box<dyn std::error::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An axis: its name with its unit, where it ends, what is written along it, and how far along a value lies (0-1).
struct Axis {
    name: &'static str,
    marks: Vec<(f64, String)>,
    place: fn(f64, f64) -> f64,
    end: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        (self.place)(value, self.end).clamp(0.0, 1.0)
    }
}

/// Logarithmic from a tenth of a minute.
fn minutes(value: f64, end: f64) -> f64 {
    (value.max(0.1) / 0.1).ln() / (end / 0.1).ln()
}

/// Fine near nothing, coarse toward all: the fourth root.
fn rooted(value: f64, end: f64) -> f64 {
    (value / end).max(0.0).powf(0.25)
}

fn straight(value: f64, end: f64) -> f64 {
    value / end
}

fn delay_axis(name: &'static str, never: bool) -> Axis {
    let mut marks: Vec<(f64, String)> = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0]
        .into_iter()
        .map(|at| (at, if at < 1.0 { format!("{:.0} s", at * 60.0) } else { format!("{at}") }))
        .collect();
    if never {
        marks.push((120.0, "never".to_owned()));
    }
    Axis { name, marks, place: minutes, end: if never { 120.0 } else { 60.0 } }
}

struct Plot<'a> {
    area: Area<'a>,
    x: Axis,
    y: Axis,
}

fn font(size: f64, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

impl<'a> Plot<'a> {
    fn new(file: &'a Path, title: &str, x: Axis, y: Axis) -> Result<Plot<'a>, Failed> {
        let area = SVGBackend::new(file, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&RGBColor(0xff, 0xff, 0xff))?;
        let plot = Plot { area, x, y };
        plot.text(title, (LEFT, 26.0), 19.0, INK, HPos::Left)?;
        let (right, bottom) = (f64::from(WIDTH) - RIGHT, f64::from(HEIGHT) - BOTTOM);
        for (value, label) in &plot.x.marks {
            let x = plot.px(*value);
            plot.path(&[(x, TOP), (x, bottom)], LINE.stroke_width(1))?;
            plot.text(label, (x, bottom + 18.0), 14.0, SOFT, HPos::Center)?;
        }
        for (value, label) in &plot.y.marks {
            let y = plot.py(*value);
            plot.path(&[(LEFT, y), (right, y)], LINE.stroke_width(1))?;
            plot.text(label, (LEFT - 10.0, y), 14.0, SOFT, HPos::Right)?;
        }
        plot.path(&[(LEFT, TOP), (LEFT, bottom), (right, bottom)], SOFT.stroke_width(1))?;
        plot.text(plot.x.name, ((LEFT + right) / 2.0, bottom + 46.0), 15.0, INK, HPos::Center)?;
        let upright = font(15.0, INK).transform(FontTransform::Rotate270).pos(Pos::new(HPos::Center, VPos::Center));
        let middle = (22, ((TOP + bottom) / 2.0) as i32);
        plot.area.draw(&Text::new(plot.y.name, middle, upright))?;
        Ok(plot)
    }

    fn px(&self, value: f64) -> f64 {
        LEFT + self.x.at(value) * (f64::from(WIDTH) - LEFT - RIGHT)
    }

    fn py(&self, value: f64) -> f64 {
        let bottom = f64::from(HEIGHT) - BOTTOM;
        bottom - self.y.at(value) * (bottom - TOP)
    }

    fn text(&self, text: &str, at: (f64, f64), size: f64, colour: RGBColor, side: HPos) -> Result<(), Failed> {
        let style = font(size, colour).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), (at.0 as i32, at.1 as i32), style))?;
        Ok(())
    }

    fn path(&self, points: &[(f64, f64)], style: ShapeStyle) -> Result<(), Failed> {
        let pixels: Vec<(i32, i32)> = points.iter().map(|(x, y)| (x.round() as i32, y.round() as i32)).collect();
        self.area.draw(&PathElement::new(pixels, style))?;
        Ok(())
    }

    fn done(self) -> Result<(), Failed> {
        self.area.present()?;
        Ok(())
    }
}

/// How often wrongly against how soon, a point per rule.
pub(crate) fn scatter(race: &Race, file: &Path) -> Result<(), Failed> {
    let percent = [0.0_f64, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0];
    let marks = percent.map(|at: f64| (at, format!("{} %", (at * 1000.0).round() / 10.0))).to_vec();
    let y = Axis { name: "rolled back an unchanged canary, share of hours", marks, place: rooted, end: 1.0 };
    let title = format!(
        "x5 errors: how soon, and how often wrongly. Noise \u{201c}{}\u{201d}, {} requests/s",
        race.noise.name(),
        race.rps
    );
    let plot = Plot::new(file, &title, delay_axis("median delay of the rollback, minutes", true), y)?;
    let place = |row: &Row| {
        let delay = at(&row.worse.first()?.delays(), 0.5);
        Some((plot.px(if delay.is_finite() { delay } else { 120.0 }), plot.py(row.same.rate().0)))
    };
    let shown: Vec<(&Row, (f64, f64))> =
        race.rows.iter().filter(|row| !oracle(row.who)).filter_map(|row| Some((row, place(row)?))).collect();
    let mut taken: Vec<Box4> = shown.iter().map(|(_, (x, y))| [x - 6.0, y - 6.0, x + 6.0, y + 6.0]).collect();
    for (row, (x, y)) in shown {
        let (colour, filled) = match row.who {
            Who::Ours(_) | Who::TunedOurs(_) => (OURS, true),
            Who::Tuned(..) => (OTHERS[1], true),
            Who::Rule(_) => (OTHERS[0], false),
        };
        let label = short(row);
        let wide = 5.6 * label.chars().count() as f64;
        let left = x + 10.0 + wide > f64::from(WIDTH) - 4.0;
        let from = if left { x - 10.0 - wide } else { x + 10.0 };
        let frame = |y: f64| [from, y - 6.5, from + wide, y + 6.5];
        let free = |y: f64| !taken.iter().any(|other| overlap(*other, frame(y)));
        // The nearest free line above, or below what is high up.
        let line = (0..40).map(|i| y - 7.0 * f64::from(i)).chain((0..20).map(|i| y + 7.0 * f64::from(i)));
        let line = line.into_iter().find(|line| *line > TOP - 6.0 && free(*line)).unwrap_or(y);
        taken.push(frame(line));
        if (y - line).abs() > 1.0 {
            let end = if left { x - 8.0 } else { x + 8.0 };
            plot.path(&[(x, y), (end, line)], colour.mix(0.4).stroke_width(1))?;
        }
        let style = if filled { colour.filled() } else { colour.stroke_width(2) };
        plot.area.draw(&Circle::new((x as i32, y as i32), 5, style))?;
        let (side, beside) = if left { (HPos::Right, x - 10.0) } else { (HPos::Left, x + 10.0) };
        plot.text(&label, (beside, line), 12.0, colour, side)?;
    }
    plot.done()
}

/// Left, top, right, bottom.
type Box4 = [f64; 4];

fn overlap(a: Box4, b: Box4) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// How delays are distributed: ours, others tuned with hindsight, and one that knows everything.
pub(crate) fn delays(race: &Race, file: &Path) -> Result<(), Failed> {
    let marks = [0.0, 0.25, 0.5, 0.75, 0.95].map(|at| (at, format!("{:.0} %", at * 100.0))).to_vec();
    let y = Axis { name: "rolled back by then, share of releases", marks, place: straight, end: 1.0 };
    let title =
        format!("x5 errors: rolled back after. Noise \u{201c}{}\u{201d}, {} requests/s", race.noise.name(), race.rps);
    let plot = Plot::new(file, &title, delay_axis("delay, minutes", false), y)?;
    let shown = race.rows.iter().filter(|row| match row.who {
        Who::Ours(setting) => setting == Setting::DEFAULT || setting == Setting { ratio: 1.2, ..Setting::DEFAULT },
        Who::Tuned(..) | Who::TunedOurs(_) => true,
        who => oracle(who),
    });
    // Low on the right there is room: what is caught late is caught.
    let (mut others, mut line, from) = (0, 280.0, 597.0);
    for row in shown {
        let Some(cell) = row.worse.first() else { continue };
        let (colour, wide) = match row.who {
            Who::Ours(setting) => (if setting.ratio > 1.3 { OURS } else { RGBColor(0x5b, 0x9b, 0xf0) }, 3),
            Who::TunedOurs(_) => (OURS, 1),
            who if oracle(who) => (SOFT, 2),
            _ => {
                others += 1;
                (OTHERS[(others - 1) % OTHERS.len()], 2)
            }
        };
        plot.path(&steps(&plot, cell), colour.stroke_width(wide))?;
        plot.area.draw(&Rectangle::new(
            [(from as i32, line as i32 - 2), (from as i32 + 24, line as i32 + 1)],
            colour.filled(),
        ))?;
        plot.text(&short(row), (from + 32.0, line), 13.0, INK, HPos::Left)?;
        line += 18.0;
    }
    plot.done()
}

fn steps(plot: &Plot, cell: &Cell) -> Vec<(f64, f64)> {
    let all = cell.delays();
    let mut points = vec![(plot.px(0.1), plot.py(0.0))];
    for (i, delay) in all.iter().enumerate().filter(|(_, delay)| delay.is_finite()) {
        let y = plot.py((i + 1) as f64 / all.len() as f64);
        // Delays come in whole ticks: one corner per tick is enough.
        match points.last_mut() {
            Some(last) if (last.0 - plot.px(*delay)).abs() < 0.5 => last.1 = y,
            _ => {
                let before = points.last().map_or(y, |last| last.1);
                points.extend([(plot.px(*delay), before), (plot.px(*delay), y)]);
            }
        }
    }
    let end = points.last().map_or(0.0, |last| last.1);
    points.push((f64::from(WIDTH) - RIGHT, end));
    points
}

fn short(row: &Row) -> String {
    let name = row.who.name().replace("threshold ", "thr. ").replace("failureLimit ", "limit ");
    name.replace("equal-size", "equal").replace(" allowed", "")
}
