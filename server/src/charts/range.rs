//! The band around the canary's line: what its value surely is.

use super::axis::Scale;
use sternway_domain::time::Timestamp;

/// One polygon for each stretch that is known.
pub(super) fn areas(ranges: &[(Timestamp, Option<(f64, f64)>)], scale: &Scale) -> Vec<Vec<(f64, f64)>> {
    let known = |(at, range): &(Timestamp, Option<(f64, f64)>)| Some((scale.x(*at)?, (*range)?));
    let placed: Vec<Option<(f64, (f64, f64))>> = ranges.iter().map(known).collect();
    let runs = placed.split(Option::is_none).filter(|run| run.len() > 1);
    let area = |run: &[Option<(f64, (f64, f64))>]| {
        let upper = run.iter().flatten().map(|(x, (_, high))| (*x, scale.y(*high)));
        let lower = run.iter().rev().flatten().map(|(x, (low, _))| (*x, scale.y(*low)));
        upper.chain(lower).collect()
    };
    runs.map(area).collect()
}

/// The upper end as it is now; 0 when nothing is known.
pub(super) fn highest(ranges: &[(Timestamp, Option<(f64, f64)>)]) -> f64 {
    ranges.last().and_then(|(_, range)| *range).map_or(0.0, |(_, high)| high)
}
