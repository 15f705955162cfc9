//! Where native buckets begin and end: bucket `i` of schema `s` reaches from `2^((i-1)·2^-s)` to `2^(i·2^-s)` seconds.

use super::buckets::Buckets;
use crate::number::{exp2, log2, power_of_two};
use std::sync::LazyLock;

/// The bucket that holds the value of this rank, and how much of it lies below that value, 0-1.
pub(super) fn place(buckets: &Buckets, zero: f64, rank: f64) -> Option<(i32, f64)> {
    let (index, below, count) = buckets.holding(rank, zero)?;
    Some((index, ((rank - below) / count).clamp(0.0, 1.0)))
}

/// How much of native bucket `index` lies above `threshold` seconds, 0-1.
pub(super) fn share_above(schema: i8, index: i32, threshold: f64) -> f64 {
    let (lower, upper) = bounds(schema, index);
    if threshold <= lower || !upper.is_finite() {
        1.0
    } else if threshold >= upper {
        0.0
    } else if lower > 0.0 {
        (log2(upper / threshold) / step(schema)).clamp(0.0, 1.0)
    } else {
        1.0 - threshold / upper
    }
}

/// Lower and upper bound of native bucket `index`, in seconds.
pub(super) fn bounds(schema: i8, index: i32) -> (f64, f64) {
    (bound(schema, i64::from(index) - 1), bound(schema, i64::from(index)))
}

/// `2^(index·2^-schema)`.
fn bound(schema: i8, index: i64) -> f64 {
    /// Of the finest buckets there are, from 1 to 2.
    static FINEST: LazyLock<[f64; 256]> = LazyLock::new(|| std::array::from_fn(|i| exp2(i as f64 / 256.0)));
    match u32::try_from(schema) {
        Ok(schema @ 0..=8) => {
            let part = (index & ((1 << schema) - 1)) << (8 - schema);
            FINEST[part as usize] * power_of_two(index >> schema)
        }
        _ => exp2(index as f64 * step(schema)),
    }
}

/// How far bounds of native buckets are apart, as exponents of 2: `2^-schema`.
pub(crate) fn step(schema: i8) -> f64 {
    power_of_two(-i64::from(schema))
}

/// The native bucket that a value above 0 lies in, its upper bound left out: the first whose upper bound is larger.
pub(super) fn holder(schema: i8, value: f64) -> i32 {
    let ends_before = |index: i32| {
        let upper = bound(schema, i64::from(index));
        upper.is_finite() && upper <= value
    };
    // Off by one at most; the bounds themselves decide.
    let mut index = (log2(value) / step(schema)).ceil() as i32;
    while index < i32::MAX && ends_before(index) {
        index += 1;
    }
    while index > i32::MIN && !ends_before(index - 1) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn given_a_value_then_it_lies_in_its_bucket(schema in -4i8..=8, value in 1e-9f64..1e6, exact: bool, index in -60i32..60) {
            let value = if exact { bound(schema, i64::from(index)).clamp(1e-9, 1e6) } else { value };
            let (lower, upper) = bounds(schema, holder(schema, value));
            prop_assert!(lower <= value && value < upper, "{lower} <= {value} < {upper}");
        }

        #[test]
        fn given_an_index_then_its_bound_is_a_power_of_two(schema in -4i8..=8, index in -500i64..500) {
            let exponent = index as f64 * step(schema);
            prop_assume!(exponent.abs() < 1000.0);
            prop_assert!((log2(bound(schema, index)) - exponent).abs() < 1e-12 * exponent.abs().max(1.0));
            prop_assert_eq!(bound(schema, index << schema.max(0)), exp2((index << schema.max(0)) as f64 * step(schema)));
        }
    }

    #[test]
    fn given_values_beyond_all_buckets_then_one_is_found_all_the_same() {
        for schema in [-4, 0, 3, 8, i8::MIN, i8::MAX] {
            for value in [f64::MIN_POSITIVE, 1e-300, 0.5, 2.0, 1e300, f64::MAX, f64::INFINITY] {
                holder(schema, value);
            }
        }
    }
}
