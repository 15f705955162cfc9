//! Arithmetic on latency histograms: differences, sums, quantiles, tails.
//!
//! Classic buckets are interpolated linearly as Prometheus does (`histogram_quantile`), native ones exponentially, because
//! their bounds grow exponentially. A quantile beyond the last finite bound is said to be "at least" that bound, never
//! equal to it.

use super::buckets::{Buckets, whole};
use super::native::{bounds, holder, place, share_above, step};
use super::stats::{Cause, Measured};
use super::{Bucket, Histogram};
use crate::number::exp2;

/// Why no difference could be taken between two histograms of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// A count went backwards: the instance restarted.
    Reset,
    /// The bounds differ, or classic became native.
    Bounds,
}

impl Histogram {
    /// How many values were counted.
    pub fn total(&self) -> f64 {
        match self {
            Histogram::Classic(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
            Histogram::Native { zero, buckets, .. } => zero + buckets.total(),
        }
    }

    /// Whether every count is a number and every bound but an infinite last one, too.
    pub fn is_sound(&self) -> bool {
        match self {
            Histogram::Classic(buckets) => buckets.iter().all(|b| b.count.is_finite() && !b.le.is_nan()),
            Histogram::Native { zero, buckets, .. } => zero.is_finite() && buckets.iter().all(|(_, c)| c.is_finite()),
        }
    }

    /// What was added since `earlier`. A native histogram may have become coarser in between.
    pub fn since(&self, earlier: &Histogram) -> Result<Histogram, Break> {
        match (self, earlier) {
            (Histogram::Classic(now), Histogram::Classic(then)) => {
                if now.len() != then.len() || now.iter().zip(then).any(|(n, t)| n.le != t.le) {
                    return Err(Break::Bounds);
                }
                let added = now.iter().zip(then).map(|(n, t)| Bucket { le: n.le, count: n.count - t.count });
                let added: Vec<Bucket> = added.collect();
                if added.iter().any(|b| b.count < 0.0) { Err(Break::Reset) } else { Ok(Histogram::Classic(added)) }
            }
            (Histogram::Native { schema, zero, buckets }, Histogram::Native { schema: old, zero: old_zero, .. }) => {
                if schema > old {
                    return Err(Break::Bounds);
                }
                let then = earlier.native_at(*schema);
                let gone = then.iter().any(|(index, count)| count > 0.0 && buckets.get(index).is_none());
                let added = || buckets.iter().map(|(index, count)| (index, count - then.get(index).unwrap_or(0.0)));
                if gone || zero < old_zero || added().any(|(_, count)| count < 0.0) {
                    return Err(Break::Reset);
                }
                let buckets = added().filter(|(_, count)| *count > 0.0).collect();
                Ok(Histogram::Native { schema: *schema, zero: zero - old_zero, buckets })
            }
            _ => Err(Break::Bounds),
        }
    }

    /// Adds the counts of another instance or interval. Classic histograms keep the bounds both have, which loses detail
    /// and no counts; native ones keep the coarser schema; of a mixed pair the classic bounds are kept.
    pub fn add(&mut self, other: &Histogram) {
        *self = match (&mut *self, other) {
            (
                Histogram::Native { schema: a, zero, buckets },
                Histogram::Native { schema: b, zero: more, buckets: added },
            ) if a == b => {
                *zero += more;
                return buckets.add(added);
            }
            (Histogram::Classic(a), Histogram::Classic(b)) if same_bounds(a, b) => {
                return a.iter_mut().zip(b).for_each(|(sum, more)| sum.count += more.count);
            }
            (Histogram::Classic(a), Histogram::Classic(b)) => Histogram::Classic(add_classic(a, b)),
            (Histogram::Native { schema: a, zero, .. }, Histogram::Native { schema: b, zero: more, .. }) => {
                let (schema, zero) = (*(&*a).min(b), *zero + more);
                let mut buckets = self.native_at(schema);
                buckets.add(&other.native_at(schema));
                Histogram::Native { schema, zero, buckets }
            }
            (Histogram::Classic(a), Histogram::Native { .. }) => {
                Histogram::Classic(add_classic(a, &other.at_bounds(a)))
            }
            (Histogram::Native { .. }, Histogram::Classic(b)) => Histogram::Classic(add_classic(&self.at_bounds(b), b)),
        };
    }

    /// Takes off what was added before, when all counts were [`whole`](Histogram::whole) and [`like`](Histogram::like)
    /// these.
    pub(super) fn take_off(&mut self, gone: &Histogram) {
        match (self, gone) {
            (Histogram::Classic(a), Histogram::Classic(b)) => {
                a.iter_mut().zip(b).for_each(|(sum, gone)| sum.count -= gone.count);
            }
            (Histogram::Native { zero, buckets, .. }, Histogram::Native { zero: gone, buckets: off, .. }) => {
                *zero -= gone;
                buckets.take_off(off);
            }
            _ => {}
        }
    }

    /// Whether all counts are whole numbers, so that sums of them are exact in whatever order they are taken.
    pub(super) fn whole(&self) -> bool {
        match self {
            Histogram::Classic(buckets) => buckets.iter().all(|bucket| whole(bucket.count)),
            Histogram::Native { zero, buckets, .. } => whole(*zero) && buckets.whole(),
        }
    }

    /// Whether counts of both go bucket by bucket.
    pub(super) fn like(&self, other: &Histogram) -> bool {
        match (self, other) {
            (Histogram::Classic(a), Histogram::Classic(b)) => same_bounds(a, b),
            (Histogram::Native { schema: a, .. }, Histogram::Native { schema: b, .. }) => a == b,
            _ => false,
        }
    }

    /// The value, in seconds, that the share `q` (0-1) of all values does not exceed.
    pub fn quantile(&self, q: f64) -> Measured {
        let total = self.total();
        if total <= 0.0 || total.is_nan() {
            return Measured::Nothing(Cause::NoRequests);
        }
        let rank = q.clamp(0.0, 1.0) * total;
        match self {
            Histogram::Classic(buckets) => classic_quantile(buckets, rank),
            Histogram::Native { zero, .. } if *zero > 0.0 && rank <= *zero => Measured::Value(0.0),
            Histogram::Native { schema, zero, buckets } => {
                let Some((index, share)) = place(buckets, *zero, rank) else {
                    return Measured::Nothing(Cause::BeyondBuckets);
                };
                let (lower, upper) = bounds(*schema, index);
                if upper.is_finite() {
                    let within = || exp2((f64::from(index) - 1.0 + share) * step(*schema));
                    Measured::Value(if lower > 0.0 { within() } else { upper * share })
                } else if lower.is_finite() {
                    Measured::AtLeast(lower)
                } else {
                    Measured::Nothing(Cause::BeyondBuckets)
                }
            }
        }
    }

    /// The bound of a native histogram that is nearest to the quantile `q` (0-1), in powers; `None` when none is above 0 and
    /// finite around it.
    pub(crate) fn bound_nearest(&self, q: f64) -> Option<f64> {
        let Histogram::Native { schema, zero, buckets } = self else { return None };
        let rank = q.clamp(0.0, 1.0) * self.total();
        let (index, share) = place(buckets, *zero, rank).filter(|_| rank > *zero)?;
        let (lower, upper) = bounds(*schema, index);
        let bound = if share < 0.5 { lower } else { upper };
        (bound > 0.0 && upper.is_finite()).then_some(bound)
    }

    /// How many values lie above `threshold` seconds, interpolated within a bucket. Values beyond the last finite bound
    /// all count as above: where they lie is unknown, and the worse is assumed.
    pub fn count_above(&self, threshold: f64) -> f64 {
        match self {
            Histogram::Classic(buckets) => {
                let total = self.total();
                let (mut lower, mut below) = (0.0_f64, 0.0_f64);
                for bucket in buckets {
                    let count = bucket.count.max(below);
                    if threshold < bucket.le {
                        if !bucket.le.is_finite() || bucket.le <= lower {
                            return (total - below).max(0.0);
                        }
                        let share = ((threshold - lower) / (bucket.le - lower)).clamp(0.0, 1.0);
                        return (total - below - (count - below) * share).max(0.0);
                    }
                    lower = bucket.le;
                    below = count;
                }
                (total - below).max(0.0)
            }
            Histogram::Native { schema, zero, buckets } => {
                let of_zero = if threshold < 0.0 { *zero } else { 0.0 };
                // Below the bucket that holds the threshold nothing counts, beyond it everything does.
                let first = if threshold > 0.0 { buckets.place_from(holder(*schema, threshold)) } else { 0 };
                let buckets = buckets.as_slice();
                let Some(((index, count), beyond)) = buckets[first..].split_first() else { return of_zero };
                let part = count * share_above(*schema, *index, threshold);
                beyond.iter().fold(of_zero + part, |sum, (_, count)| sum + count)
            }
        }
    }

    /// Native buckets at a coarser schema; empty for a classic histogram.
    fn native_at(&self, target: i8) -> Buckets {
        let Histogram::Native { schema, buckets, .. } = self else { return Buckets::default() };
        let shift = (i32::from(*schema) - i32::from(target)).clamp(0, 32);
        let mut out: Vec<(i32, f64)> = Vec::with_capacity(buckets.as_slice().len());
        for (index, count) in buckets.iter() {
            let merged = i32::try_from(((i64::from(index) - 1) >> shift) + 1).unwrap_or(index);
            match out.last_mut() {
                Some((last, sum)) if *last == merged => *sum += count,
                _ => out.push((merged, count)),
            }
        }
        out.into_iter().collect()
    }

    /// The same counts at the bounds of a classic histogram.
    fn at_bounds(&self, bounds: &[Bucket]) -> Vec<Bucket> {
        let total = self.total();
        let below = |le: f64| if le.is_finite() { total - self.count_above(le) } else { total };
        bounds.iter().map(|b| Bucket { le: b.le, count: below(b.le) }).collect()
    }
}

/// Whether both have the same bounds, ascending to an infinite one.
fn same_bounds(a: &[Bucket], b: &[Bucket]) -> bool {
    let ascend = a.windows(2).all(|pair| pair[0].le < pair[1].le);
    let ends = a.last().is_some_and(|last| last.le == f64::INFINITY);
    a.len() == b.len() && ascend && ends && a.iter().zip(b).all(|(x, y)| x.le == y.le)
}

/// Sums at the bounds both have; totals are kept in a last, infinite bucket.
fn add_classic(a: &[Bucket], b: &[Bucket]) -> Vec<Bucket> {
    let total = |buckets: &[Bucket]| buckets.last().map_or(0.0, |bucket| bucket.count);
    let mut sum: Vec<Bucket> = a
        .iter()
        .filter(|bucket| bucket.le.is_finite())
        .filter_map(|x| b.iter().find(|y| y.le == x.le).map(|y| Bucket { le: x.le, count: x.count + y.count }))
        .collect();
    sum.push(Bucket { le: f64::INFINITY, count: total(a) + total(b) });
    sum
}

fn classic_quantile(buckets: &[Bucket], rank: f64) -> Measured {
    let (mut lower, mut below) = (0.0_f64, 0.0_f64);
    let mut finite = None;
    for bucket in buckets {
        let count = bucket.count.max(below);
        if count > below && count >= rank {
            if !bucket.le.is_finite() {
                break;
            }
            if bucket.le <= lower {
                return Measured::Value(bucket.le);
            }
            let share = ((rank - below) / (count - below)).clamp(0.0, 1.0);
            return Measured::Value(lower + (bucket.le - lower) * share);
        }
        if bucket.le.is_finite() {
            finite = Some(bucket.le);
            lower = bucket.le;
        }
        below = count;
    }
    finite.map_or(Measured::Nothing(Cause::BeyondBuckets), Measured::AtLeast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn classic(counts: &[(f64, f64)]) -> Histogram {
        Histogram::Classic(counts.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect())
    }

    fn native(schema: i8, counts: &[(i32, f64)]) -> Histogram {
        Histogram::Native { schema, zero: 0.0, buckets: counts.iter().copied().collect() }
    }

    #[test]
    fn given_classic_buckets_then_the_quantile_is_interpolated_as_prometheus_does() {
        let h = classic(&[(0.1, 50.0), (0.2, 90.0), (0.4, 100.0), (f64::INFINITY, 100.0)]);
        assert_eq!(h.quantile(0.5), Measured::Value(0.1));
        assert_eq!(h.quantile(0.25), Measured::Value(0.05));
        let Measured::Value(p95) = h.quantile(0.95) else { panic!("p95 is a value") };
        assert!((p95 - 0.3).abs() < 1e-12, "{p95}");
    }

    #[test]
    fn given_values_beyond_the_last_bound_then_the_quantile_is_only_known_from_below() {
        let h = classic(&[(0.1, 50.0), (f64::INFINITY, 100.0)]);
        assert_eq!(h.quantile(0.99), Measured::AtLeast(0.1));
        assert_eq!(classic(&[(f64::INFINITY, 100.0)]).quantile(0.5), Measured::Nothing(Cause::BeyondBuckets));
        assert_eq!(classic(&[]).quantile(0.5), Measured::Nothing(Cause::NoRequests));
    }

    #[test]
    fn given_native_buckets_then_bounds_follow_the_schema() {
        // Schema 0: bucket 1 is (1, 2], bucket 2 is (2, 4].
        let h = native(0, &[(1, 50.0), (2, 50.0)]);
        assert_eq!(h.quantile(0.5), Measured::Value(2.0));
        assert_eq!(h.quantile(1.0), Measured::Value(4.0));
        assert_eq!(h.count_above(2.0), 50.0);
        assert_eq!(h.count_above(8.0), 0.0);
    }

    #[test]
    fn given_a_coarser_native_histogram_then_the_difference_is_taken_at_its_resolution() {
        let then = native(1, &[(1, 10.0), (2, 20.0), (3, 5.0)]);
        let now = native(0, &[(1, 40.0), (2, 5.0)]);
        assert_eq!(now.since(&then), Ok(native(0, &[(1, 10.0)])));
        assert_eq!(then.since(&now), Err(Break::Bounds));
    }

    #[test]
    fn given_counts_that_fall_or_bounds_that_move_then_no_difference_is_taken() {
        let then = classic(&[(0.1, 5.0), (f64::INFINITY, 9.0)]);
        assert_eq!(classic(&[(0.1, 4.0), (f64::INFINITY, 10.0)]).since(&then), Err(Break::Reset));
        assert_eq!(classic(&[(0.2, 6.0), (f64::INFINITY, 10.0)]).since(&then), Err(Break::Bounds));
        assert_eq!(native(0, &[]).since(&native(0, &[(1, 1.0)])), Err(Break::Reset));
    }

    #[test]
    fn given_different_bounds_then_sums_keep_the_common_ones_and_every_count() {
        let mut sum = classic(&[(0.1, 5.0), (0.2, 8.0), (f64::INFINITY, 9.0)]);
        sum.add(&classic(&[(0.2, 1.0), (0.5, 2.0), (f64::INFINITY, 3.0)]));
        assert_eq!(sum, classic(&[(0.2, 9.0), (f64::INFINITY, 12.0)]));
        let mut mixed = classic(&[(2.0, 5.0), (f64::INFINITY, 5.0)]);
        mixed.add(&native(0, &[(1, 3.0), (2, 4.0)]));
        assert_eq!(mixed, classic(&[(2.0, 8.0), (f64::INFINITY, 12.0)]));
    }

    proptest! {
        #[test]
        fn count_above_and_quantile_agree(counts in prop::collection::vec(0u32..1000, 6), q in 0.01f64..0.99) {
            let mut sum = 0.0;
            let mut buckets: Vec<Bucket> = Vec::new();
            for (i, count) in counts.iter().enumerate() {
                sum += f64::from(*count);
                let le = if i == 5 { f64::INFINITY } else { 0.1 * (i as f64 + 1.0) };
                buckets.push(Bucket { le, count: sum });
            }
            let h = Histogram::Classic(buckets);
            if let Measured::Value(value) = h.quantile(q) {
                let above = h.count_above(value) / h.total();
                prop_assert!((above - (1.0 - q)).abs() < 1e-6, "{above} of {q}");
            }
        }

        #[test]
        fn a_difference_added_back_gives_the_later_histogram(
            before in prop::collection::btree_map(-20i32..20, 0u32..50, 0..8),
            added in prop::collection::btree_map(-20i32..20, 1u32..50, 0..8),
        ) {
            let h = |m: &BTreeMap<i32, u32>| Histogram::Native {
                schema: 3, zero: 1.0, buckets: m.iter().map(|(i, c)| (*i, f64::from(*c))).collect(),
            };
            let mut after = h(&before);
            after.add(&h(&added));
            let mut again = h(&before);
            again.add(&after.since(&h(&before)).expect("only grew"));
            prop_assert_eq!(again.total(), after.total());
        }
    }
}
