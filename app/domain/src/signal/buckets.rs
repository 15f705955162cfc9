//! Counts of a native histogram by bucket, in one row of memory.
//!
//! While all counts are whole numbers, as counters give them, sums and differences of them are exact in whatever order
//! they are taken: then what leaves a window can be taken off its sum, and the total is kept rather than added up again.
//! Counts with fractions, which extrapolating sources give, are added up from the lowest bucket every time.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Whole numbers up to this have exact sums as long as these do not exceed it either.
const EXACT: f64 = (1_u64 << 52) as f64;

/// Whether sums of such numbers are exact: whole, and not negative.
pub(super) fn whole(count: f64) -> bool {
    (0.0..=EXACT).contains(&count) && count as i64 as f64 == count
}

fn added_up(all: &[(i32, f64)]) -> f64 {
    all.iter().fold(0.0, |sum, (_, count)| sum + count)
}

/// Counts by bucket index, ascending and each index once; in JSON an object.
#[derive(Debug, Clone)]
pub struct Buckets {
    all: Vec<(i32, f64)>,
    /// Of all counts, added up from the lowest bucket.
    total: f64,
    whole: bool,
}

impl Buckets {
    /// Of ascending indices.
    fn of(all: Vec<(i32, f64)>) -> Buckets {
        let total = added_up(&all);
        let whole = whole(total) && all.iter().all(|(_, count)| whole(*count));
        Buckets { all, total, whole }
    }

    /// Index and count, from the lowest bucket up.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> + '_ {
        self.all.iter().copied()
    }

    pub(super) fn as_slice(&self) -> &[(i32, f64)] {
        &self.all
    }

    pub fn get(&self, index: i32) -> Option<f64> {
        Some(self.all[self.place(index).ok()?].1)
    }

    /// Where a bucket is, or where it belongs. Mostly none is missing between the first one and it.
    fn place(&self, index: i32) -> Result<usize, usize> {
        let first = self.all.first().map_or(0, |(first, _)| *first);
        match usize::try_from(i64::from(index) - i64::from(first)) {
            Ok(place) if self.all.get(place).is_some_and(|(other, _)| *other == index) => Ok(place),
            _ => self.all.binary_search_by_key(&index, |(other, _)| *other),
        }
    }

    /// Where the first bucket from this index on is.
    pub(super) fn place_from(&self, index: i32) -> usize {
        self.place(index).unwrap_or_else(|place| place)
    }

    /// How many values were counted.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Whether all counts are whole numbers, so that sums of them are exact.
    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    pub(super) fn add(&mut self, more: &Buckets) {
        self.each_with(more, |sum, more| *sum += more, |all, at, new| all.insert(at, new));
        self.whole = self.whole && more.whole && self.total + more.total <= EXACT;
        self.total = if self.whole { self.total + more.total } else { added_up(&self.all) };
    }

    /// Takes off what was added before; exact as long as both are whole.
    pub(super) fn take_off(&mut self, gone: &Buckets) {
        self.each_with(gone, |sum, gone| *sum -= gone, |_, _, _| ());
        self.total -= gone.total;
    }

    /// Does something `with` each count that has the same index in `other`, and with where those belong that are `missing`
    /// here. Mostly none is missing for a long way.
    fn each_with(
        &mut self,
        other: &Buckets,
        with: impl Fn(&mut f64, f64),
        missing: impl Fn(&mut Vec<(i32, f64)>, usize, (i32, f64)),
    ) {
        let mut rest = other.as_slice();
        let mut at = 0;
        while let Some(first) = rest.first() {
            at = self.place_from(first.0).max(at);
            let together = self.all[at..].iter().zip(rest).take_while(|(here, there)| here.0 == there.0).count();
            for ((_, here), (_, there)) in self.all[at..].iter_mut().zip(&rest[..together]) {
                with(here, *there);
            }
            if together == 0 {
                missing(&mut self.all, at, *first);
            }
            (at, rest) = (at + together, &rest[together.max(1)..]);
        }
    }

    /// The bucket that holds the value of this rank when so many lie `below` all buckets: its index, how many values lie
    /// below it, and its count. The last one with a value when the rank lies beyond; `None` when all are empty.
    pub(super) fn holding(&self, rank: f64, below: f64) -> Option<(i32, f64, f64)> {
        let filled = self.iter().filter(|(_, count)| *count > 0.0);
        let mut found = None;
        let all = below + self.total;
        if self.whole && whole(below) && 2.0 * rank > all && rank <= all {
            // From above it is nearer, and whole numbers give the same sums.
            let mut upto = all;
            for (index, count) in filled.rev() {
                upto -= count;
                found = Some((index, upto, count));
                if upto < rank {
                    break;
                }
            }
            return found;
        }
        let mut below = below;
        for (index, count) in filled {
            found = Some((index, below, count));
            if below + count >= rank {
                break;
            }
            below += count;
        }
        found
    }
}

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets::of(Vec::new())
    }
}

/// Of an index that comes twice the later count stands, as in any JSON object.
impl FromIterator<(i32, f64)> for Buckets {
    fn from_iter<I: IntoIterator<Item = (i32, f64)>>(counts: I) -> Buckets {
        let mut all: Vec<(i32, f64)> = counts.into_iter().collect();
        if all.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            all.reverse();
            all.sort_by_key(|(index, _)| *index);
            all.dedup_by_key(|(index, _)| *index);
        }
        Buckets::of(all)
    }
}

impl<const N: usize> From<[(i32, f64); N]> for Buckets {
    fn from(counts: [(i32, f64); N]) -> Buckets {
        counts.into_iter().collect()
    }
}

impl PartialEq for Buckets {
    fn eq(&self, other: &Buckets) -> bool {
        self.all == other.all
    }
}

impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Buckets, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Buckets;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("counts by bucket index")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Buckets, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(all.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Plain = BTreeMap<i32, f64>;

    fn plain(buckets: &Buckets) -> Plain {
        buckets.iter().collect()
    }

    fn sum(buckets: &[&Plain]) -> Plain {
        let mut sum = Plain::new();
        for (index, count) in buckets.iter().copied().flatten() {
            *sum.entry(*index).or_insert(0.0) += count;
        }
        sum
    }

    fn counts(count: impl Strategy<Value = f64>) -> impl Strategy<Value = Plain> {
        prop::collection::btree_map(-20i32..20, count, 0..12)
    }

    fn of(plain: &Plain) -> Buckets {
        plain.iter().map(|(index, count)| (*index, *count)).collect()
    }

    proptest! {
        #[test]
        fn given_any_counts_then_sums_and_json_are_those_of_a_map(
            a in counts(0.0..50.0), b in counts((0u32..50).prop_map(f64::from)),
        ) {
            let mut both = of(&a);
            both.add(&of(&b));
            let wanted = sum(&[&a, &b]);
            prop_assert_eq!(plain(&both), wanted.clone());
            prop_assert_eq!(both.total().to_bits(), wanted.values().fold(0.0, |sum, count| sum + count).to_bits());
            let text = serde_json::to_string(&both).expect("numbers");
            prop_assert_eq!(&text, &serde_json::to_string(&wanted).expect("numbers"));
            prop_assert_eq!(serde_json::from_str::<Buckets>(&text).expect("as written"), both);
        }

        #[test]
        fn given_whole_counts_then_what_is_taken_off_was_never_there(
            all in prop::collection::vec(counts((0u32..1000).prop_map(f64::from)), 1..8),
        ) {
            let mut running = Buckets::default();
            all.iter().for_each(|one| running.add(&of(one)));
            running.take_off(&of(&all[0]));
            let rest = sum(&all[1..].iter().collect::<Vec<_>>());
            prop_assert!(running.whole());
            prop_assert_eq!(running.total(), rest.values().sum::<f64>());
            for (index, count) in running.iter() {
                prop_assert_eq!(count, rest.get(&index).copied().unwrap_or(0.0));
            }
        }
    }

    proptest! {
        #[test]
        fn given_a_rank_then_its_bucket_is_the_first_that_reaches_it(
            counts in counts((0u32..50).prop_map(f64::from)), zero in 0u32..20, part in 0.0f64..=1.0, whole: bool,
        ) {
            let counts: Plain = counts.into_iter().map(|(i, count)| (i, count * if whole { 1.0 } else { 0.3 })).collect();
            let (buckets, zero) = (of(&counts), f64::from(zero));
            let rank = part * (zero + buckets.total());
            let (mut below, mut wanted) = (zero, None);
            for (index, count) in counts.iter().filter(|(_, count)| **count > 0.0) {
                if wanted.is_none_or(|(_, before, count)| before + count < rank) {
                    wanted = Some((*index, below, *count));
                }
                below += count;
            }
            prop_assume!(rank > zero || wanted.is_none());
            prop_assert_eq!(buckets.holding(rank, zero), wanted);
        }
    }

    #[test]
    fn given_fractions_or_more_than_can_be_counted_then_sums_are_not_called_exact() {
        for counts in [[(1, 0.5), (2, 1.0)], [(1, EXACT), (2, 1.0)], [(1, -1.0), (2, 1.0)], [(1, f64::NAN), (2, 1.0)]] {
            assert!(!Buckets::from(counts).whole(), "{counts:?}");
        }
        let mut large = Buckets::from([(1, EXACT)]);
        large.add(&[(2, 1.0)].into());
        assert!(!large.whole());
    }

    #[test]
    fn given_indices_in_any_order_then_the_later_of_two_stands() {
        let buckets = Buckets::from([(3, 1.0), (-2, 2.0), (3, 4.0)]);
        assert_eq!(buckets.iter().collect::<Vec<_>>(), [(-2, 2.0), (3, 4.0)]);
        assert_eq!((buckets.get(3), buckets.get(1)), (Some(4.0), None));
        assert_eq!(serde_json::from_str::<Buckets>(r#"{"3":1,"-2":2,"3":4}"#).expect("counts"), buckets);
    }
}
