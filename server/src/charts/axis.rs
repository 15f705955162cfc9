//! Where values and times stand, in percent of the plot.

use sternway_app::view::chart::{EndView, GridLine, TickView};
use sternway_domain::plan::Metric;
use sternway_domain::time::{Span, Timestamp};

/// Maps time to percent of the width and values to percent of the height from the top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: Timestamp,
    to: Timestamp,
    bottom: f64,
    top: f64,
}

impl Scale {
    pub(super) fn new(from: Timestamp, to: Timestamp, top: f64) -> Self {
        Self { from, to, bottom: 0.0, top }
    }

    /// The same with another floor than zero.
    pub(super) fn above(self, bottom: f64) -> Self {
        Self { bottom, ..self }
    }

    /// `None` outside the plot.
    pub(super) fn x(&self, at: Timestamp) -> Option<f64> {
        if at < self.from || at > self.to {
            return None;
        }
        let whole = self.to.since(self.from).micros().max(1) as f64;
        Some(round(100.0 * at.since(self.from).micros() as f64 / whole))
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        round((100.0 * (self.top - value) / (self.top - self.bottom)).clamp(0.0, 100.0))
    }

    pub(super) fn span(&self) -> Span {
        self.to.since(self.from)
    }

    fn whole_secs(&self) -> i64 {
        self.to.since(self.from).secs()
    }
}

fn round(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

/// The next of 1.2, 1.5, 1.8, 2.4, 3, 4.5, 6, 7.5, 9 times a power of ten: thirds of it can be read.
pub(super) fn nice(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.2, 1.5, 1.8, 2.4, 3.0, 4.5, 6.0, 7.5, 9.0, 12.0];
    let step = steps.into_iter().find(|step| step * power >= value * 0.999_999).unwrap_or(12.0);
    step * power
}

/// Three lines; only the top one is labelled on small charts. The floor is the page's.
pub(super) fn grid(metric: &Metric, top: f64, wide: bool) -> Vec<GridLine> {
    let line = |part: f64, labelled: bool| GridLine {
        y: round(100.0 * (1.0 - part)),
        label: if labelled { short(&metric.show(top * part)) } else { String::new() },
    };
    vec![line(1.0, true), line(2.0 / 3.0, wide), line(1.0 / 3.0, wide)]
}

/// `60.00 %` → `60 %`: the lines of a grid are whole numbers more often than what is measured.
fn short(shown: &str) -> String {
    shown.replacen(".00\u{a0}", "\u{a0}", 1)
}

/// Three ticks small, five wide; the last is now. Small charts have no room for seconds.
pub(super) fn ticks(scale: &Scale, wide: bool) -> Vec<TickView> {
    let whole = scale.whole_secs().max(1);
    let seconds = wide && whole < 600;
    let label = |at: Timestamp| if seconds { at.clock() } else { at.clock()[..5].to_owned() };
    let wanted = if wide { 4 } else { 1 };
    let steps = [15, 30, 60, 120, 300, 600];
    let step = steps.into_iter().find(|step| whole / step <= wanted).unwrap_or(600);
    let first = (scale.from.secs() / step + 1) * step;
    let mut ticks: Vec<TickView> = (0..)
        .map(|i| Timestamp::from_secs(first + i * step))
        .take_while(|at| *at < scale.to)
        .filter_map(|at| Some((scale.x(at)?, at)))
        // Room for "now" at the right edge, and for half a label at the left.
        .filter(|(x, _)| (8.0..=if wide { 76.0 } else { 55.0 }).contains(x))
        .enumerate()
        .map(|(i, (x, at))| TickView { x, label: label(at), fine: wide && i % 2 == 1 })
        .collect();
    ticks.push(TickView { x: 100.0, label: label(scale.to), fine: false });
    ticks
}

/// Moves labels apart so that all can be read, each as little as it takes.
pub(super) fn part(ends: &mut [EndView], apart: f64) {
    ends.sort_by(|a, b| a.y.total_cmp(&b.y));
    // Each pass settles the nearest neighbours; as many as there are labels settle all.
    for _ in 0..ends.len() * 8 {
        for i in 1..ends.len() {
            let missing = apart - (ends[i].label_y - ends[i - 1].label_y);
            if missing > 0.0 {
                ends[i - 1].label_y = (ends[i - 1].label_y - missing / 2.0).max(apart * (i - 1) as f64);
                ends[i].label_y = (ends[i - 1].label_y + apart).min(100.0 - apart * (ends.len() - 1 - i) as f64);
                ends[i - 1].label_y = ends[i - 1].label_y.min(ends[i].label_y - apart);
            }
        }
    }
    ends.iter_mut().for_each(|end| end.label_y = round(end.label_y));
}
