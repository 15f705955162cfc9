//! The same data as a table, minute by minute.

use crate::service::Point;
use sternway_app::view::When;
use sternway_app::view::chart::{CellView, RowView, TableView};
use sternway_domain::plan::{Metric, grouped};
use sternway_domain::time::Timestamp;

const MOST_ROWS: usize = 20;

/// Newest minute first: requests and errors as counts, everything else as the mean of the minute.
pub(super) fn by_minute(points: &[Point], metric: &Metric) -> TableView {
    let rows = points.chunk_by(|a, b| a.at.secs() / 60 == b.at.secs() / 60).rev().take(MOST_ROWS);
    let word = metric.label();
    TableView {
        caption: format!("{word} by minute"),
        head: ["Minute ending", &format!("Canary {word}"), "of requests", &format!("Baseline {word}"), "of requests"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.map(|minute| row(minute, metric)).collect(),
    }
}

fn row(minute: &[Point], metric: &Metric) -> RowView {
    let ending =
        minute.last().map_or_else(Timestamp::default, |point| Timestamp::from_secs((point.at.secs() / 60 + 1) * 60));
    let (canary, baseline) = (side(minute, metric, true), side(minute, metric, false));
    let cell = |text: String| CellView { text, ..CellView::default() };
    let clock = ending.clock();
    RowView {
        name: clock.clone(),
        at: Some(When { iso: ending.to_rfc3339(), shown: clock, ago: String::new() }),
        cells: [canary.0, canary.1, baseline.0, baseline.1].map(cell).to_vec(),
    }
}

/// Value and requests of one arm in one minute.
fn side(minute: &[Point], metric: &Metric, canary: bool) -> (String, String) {
    let pick = |pair: (f64, f64)| if canary { pair.0 } else { pair.1 };
    let requests: f64 = minute.iter().map(|point| pick(point.requests)).sum();
    let values: Vec<f64> = minute
        .iter()
        .filter_map(|point| if canary { point.canary.get(metric) } else { point.baseline.get(metric) })
        .copied()
        .collect();
    let shown = if values.is_empty() {
        "–".to_owned()
    } else if *metric == Metric::Errors {
        grouped(minute.iter().map(|point| pick(point.errors)).sum::<f64>().round() as i64)
    } else {
        metric.show(values.iter().sum::<f64>() / values.len() as f64)
    };
    (shown, grouped(requests.round() as i64))
}
