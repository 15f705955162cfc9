//! Lines and areas, by plotters, with classes instead of colours so that the theme decides.

use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{PathElement, Polygon};
use plotters::style::{Color, RGBColor};

/// What a line or area means; the name is the style's class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Canary,
    Baseline,
    Tolerance,
    Beyond,
    /// What the canary surely is.
    Band,
    /// Even odds.
    Middle,
    Placebo,
}

impl Class {
    const ALL: [Class; 7] =
        [Class::Canary, Class::Baseline, Class::Tolerance, Class::Beyond, Class::Band, Class::Middle, Class::Placebo];

    fn name(self) -> &'static str {
        match self {
            Class::Canary => "canary",
            Class::Baseline => "baseline",
            Class::Tolerance => "tolerance",
            Class::Beyond => "beyond",
            Class::Band => "band",
            Class::Middle => "middle",
            Class::Placebo => "placebo",
        }
    }

    /// A colour nobody sees: it marks the element until it gets its class.
    fn sentinel(self) -> (u8, u8, u8) {
        match self {
            Class::Canary => (1, 0, 1),
            Class::Baseline => (2, 0, 2),
            Class::Tolerance => (3, 0, 3),
            Class::Beyond => (4, 0, 4),
            Class::Band => (5, 0, 5),
            Class::Middle => (6, 0, 6),
            Class::Placebo => (7, 0, 7),
        }
    }
}

/// Plotters counts in whole pixels; ten of them make one unit of the page's `viewBox="0 0 1000 100"`.
const FINER: f64 = 10.0;

/// Collects shapes given in percent of the plot.
pub(super) struct Canvas {
    /// Class, whether it is an area, and the outline.
    shapes: Vec<(Class, bool, Outline)>,
}

/// A line, or an area if it is filled, in percent of the plot from its upper left corner.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) class: Class,
    pub(crate) filled: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

type Outline = Vec<(i32, i32)>;

impl Canvas {
    pub(super) fn new() -> Self {
        Self { shapes: Vec::new() }
    }

    pub(super) fn line(&mut self, class: Class, points: &[(f64, f64)]) {
        self.shapes.push((class, false, points.iter().map(pixel).collect()));
    }

    pub(super) fn area(&mut self, class: Class, points: &[(f64, f64)]) {
        self.shapes.push((class, true, points.iter().map(pixel).collect()));
    }

    pub(super) fn shapes(self) -> Vec<Shape> {
        let percent = |(x, y): (i32, i32)| (f64::from(x) / (10.0 * FINER), f64::from(y) / FINER);
        let shape = |(class, filled, points): (Class, bool, Outline)| Shape {
            class,
            filled,
            points: points.into_iter().map(percent).collect(),
        };
        self.shapes.into_iter().map(shape).collect()
    }

    /// The markup for the inside of the page's `<svg viewBox="0 0 1000 100">`.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        {
            let plot = SVGBackend::with_string(&mut text, (10_000, 1_000)).into_drawing_area();
            for (class, area, points) in self.shapes {
                let (r, g, b) = class.sentinel();
                let colour = RGBColor(r, g, b);
                // Writing into a string cannot fail.
                let _ = if area {
                    plot.draw(&Polygon::new(points, colour.filled()))
                } else {
                    plot.draw(&PathElement::new(points, colour.stroke_width(1)))
                };
            }
            let _ = plot.present();
        }
        let shapes: String = text.lines().filter(|line| line.starts_with("<poly")).map(classed).collect();
        format!("<g transform=\"scale(.1)\">{shapes}</g>")
    }
}

fn pixel((x, y): &(f64, f64)) -> (i32, i32) {
    ((x * 10.0 * FINER).round() as i32, (y * FINER).round() as i32)
}

/// Swaps colours for the class they stand for.
fn classed(line: &str) -> String {
    let mut line = line.replace(" opacity=\"1\"", "").replace(" stroke-width=\"1\"", "");
    for class in Class::ALL {
        let (r, g, b) = class.sentinel();
        for attribute in ["stroke", "fill"] {
            let colour = format!("{attribute}=\"#{r:02X}{g:02X}{b:02X}\"");
            line = line.replace(&colour, &format!("class=\"{}\"", class.name()));
        }
    }
    line
}
