//! Histograms as sources find them, put into the form of `domain::signal`. Pure.

use std::collections::BTreeMap;
use sternway_domain::signal::{Bucket, Histogram};

/// Sums cumulative counts by upper bound, so that several label sets of one instance become one histogram.
#[derive(Debug, Default)]
pub(super) struct Classic {
    /// Bound, count, and how many series had it.
    bounds: Vec<(f64, f64, usize)>,
}

impl Classic {
    /// `le` as written in the label, in `unit` seconds.
    pub(super) fn add(&mut self, le: &str, unit: f64, count: f64) -> Result<(), String> {
        let le = match super::exposition::number(le) {
            Some(le) if !le.is_nan() => le * unit,
            _ => return Err(format!("`le=\"{}\"` is not a bound", le.chars().take(40).collect::<String>())),
        };
        match self.bounds.iter_mut().find(|(bound, ..)| *bound == le) {
            Some((_, sum, series)) => {
                *sum += count;
                *series += 1;
            }
            None => self.bounds.push((le, count, 1)),
        }
        Ok(())
    }

    /// `None` when there were no buckets.
    pub(super) fn finish(mut self) -> Result<Option<Histogram>, String> {
        self.bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some(&(last, _, series)) = self.bounds.last() else { return Ok(None) };
        if last != f64::INFINITY {
            return Err("the buckets have no `le=\"+Inf\"`".to_owned());
        }
        if self.bounds.iter().any(|(.., n)| *n != series) {
            return Err("series have different bucket bounds; they cannot be added up".to_owned());
        }
        if self.bounds.windows(2).any(|pair| pair[1].1 < pair[0].1) {
            return Err("bucket counts shrink as bounds grow".to_owned());
        }
        Ok(Some(Histogram::Classic(self.bounds.into_iter().map(|(le, count, _)| Bucket { le, count }).collect())))
    }
}

/// One bucket of Prometheus's JSON: lower and upper bound, count.
pub(super) type Range = (f64, f64, f64);

/// The widest schema that Prometheus writes as native histograms with exponential buckets.
const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// From the bounds that Prometheus answers with back to schema and indices. Bounds that follow no schema (custom
/// buckets) become a classic histogram.
pub(super) fn native(ranges: &[Range], count: f64, unit: f64) -> Result<Histogram, String> {
    let mut zero = 0.0;
    let mut positive = Vec::new();
    for &(left, right, count) in ranges {
        match (left, right) {
            _ if left.is_nan() || right.is_nan() || left > right => return Err("a bucket without bounds".to_owned()),
            // The bucket around zero, and durations below it, which only a clock that jumped can produce.
            (left, _) if left <= 0.0 => zero += count,
            _ => positive.push((left, right, count)),
        }
    }
    // A unit other than a second would shift the exponents; only whole classic bounds can be scaled.
    let schema = if unit == 1.0 { SCHEMAS.rev().find(|&schema| fits(&positive, schema)) } else { None };
    if let Some(schema) = schema {
        let per_doubling = 2f64.powi(schema.into());
        let mut buckets = BTreeMap::new();
        for (_, right, count) in positive {
            *buckets.entry((right.log2() * per_doubling).round() as i32).or_insert(0.0) += count;
        }
        return Ok(Histogram::Native { schema, zero, buckets: buckets.into_iter().collect() });
    }
    let mut classic = vec![];
    let mut below = zero;
    positive.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (_, right, count) in positive {
        below += count;
        classic.push(Bucket { le: right * unit, count: below });
    }
    if classic.last().is_none_or(|last| last.le != f64::INFINITY) {
        classic.push(Bucket { le: f64::INFINITY, count: count.max(below) });
    }
    Ok(Histogram::Classic(classic))
}

/// Whether every bucket is exactly one of the schema's.
fn fits(positive: &[Range], schema: i8) -> bool {
    let per_doubling = 2f64.powi(schema.into());
    let whole = |position: f64| (position - position.round()).abs() < 1e-6 * per_doubling.max(1.0);
    positive.iter().all(|&(left, right, _)| {
        let (low, high) = (left.log2() * per_doubling, right.log2() * per_doubling);
        right.is_finite() && whole(low) && whole(high) && (high.round() - low.round() - 1.0).abs() < 0.5
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn classic(series: &[(&str, f64)]) -> Result<Option<Histogram>, String> {
        let mut buckets = Classic::default();
        for (le, count) in series {
            buckets.add(le, 1.0, *count)?;
        }
        buckets.finish()
    }

    #[test]
    fn series_are_added_up_by_bound_in_whatever_order_they_come() {
        let sum = classic(&[("+Inf", 5.0), ("0.1", 2.0), ("0.1", 1.0), ("+Inf", 2.0)]);
        let expected = vec![Bucket { le: 0.1, count: 3.0 }, Bucket { le: f64::INFINITY, count: 7.0 }];
        assert_eq!(sum, Ok(Some(Histogram::Classic(expected))));
        assert_eq!(classic(&[]), Ok(None));
    }

    #[test]
    fn buckets_that_cannot_be_a_histogram_are_refused() {
        for wrong in [
            &[("0.1", 1.0)][..],
            &[("0.1", 1.0), ("+Inf", 2.0), ("0.2", 1.0), ("+Inf", 2.0)],
            &[("0.1", 3.0), ("+Inf", 2.0)],
            &[("NaN", 3.0), ("+Inf", 2.0)],
        ] {
            assert!(classic(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn milliseconds_become_seconds() {
        let mut buckets = Classic::default();
        buckets.add("250", 1e-3, 1.0).expect("a bound");
        buckets.add("+Inf", 1e-3, 1.0).expect("a bound");
        let Ok(Some(Histogram::Classic(buckets))) = buckets.finish() else { panic!("no classic histogram") };
        assert_eq!(buckets[0].le, 0.25);
    }

    #[test]
    fn bounds_without_a_schema_become_classic() {
        let made = native(&[(0.0, 0.1, 2.0), (0.1, 0.25, 3.0)], 6.0, 1.0);
        let expected = [(0.25, 5.0), (f64::INFINITY, 6.0)].map(|(le, count)| Bucket { le, count });
        assert_eq!(made, Ok(Histogram::Classic(expected.to_vec())));
    }

    proptest! {
        #[test]
        fn schema_and_indices_come_back_from_the_bounds(
            schema in -4i8..=8,
            counts in prop::collection::btree_map(-40i32..40, 1.0f64..100.0, 2..12),
        ) {
            let bound = |i: i32| 2f64.powf(f64::from(i) * 2f64.powi(-i32::from(schema)));
            let mut ranges: Vec<Range> = counts.iter().map(|(&i, &n)| (bound(i - 1), bound(i), n)).collect();
            ranges.push((-1e-9, 1e-9, 4.0));
            let made = native(&ranges, 0.0, 1.0);
            prop_assert_eq!(made, Ok(Histogram::Native { schema, zero: 4.0, buckets: counts.into_iter().collect() }));
        }
    }
}
