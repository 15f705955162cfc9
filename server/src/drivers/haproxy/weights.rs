//! From a share in percent to whole weights of 0 to 256 per server. Pure arithmetic.

use sternway_domain::plan::Weight;

/// HAProxy's largest weight.
const MOST: u64 = 256;

/// What each ready server of an arm gets: the first `loaded` of them `weight`, the others nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) weight: u16,
    pub(super) loaded: usize,
}

/// The loads of both arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) baseline: Load,
    pub(super) canary: Load,
}

/// Weights that come as near to the share as whole numbers can, for so many ready servers per arm.
///
/// All servers of an arm are used if the share then rounds to the percent asked for. Otherwise (1 % to fifty servers)
/// the arm with the smaller share uses fewer of them, so that it never gets a multiple of what was asked.
pub(super) fn split(canary: Weight, baseline_ready: usize, canary_ready: usize) -> Split {
    let percent = u64::from(canary.percent());
    match percent {
        0 => return Split { baseline: full(baseline_ready), canary: none(canary_ready) },
        100 => return Split { baseline: none(baseline_ready), canary: full(canary_ready) },
        _ => {}
    }
    let canary_is_smaller = percent <= 50;
    let fewest_first = if canary_is_smaller { canary_ready } else { baseline_ready };
    let mut best: Option<(Miss, Split)> = None;
    for used in (1..=fewest_first.max(1)).rev() {
        let (nb, nc) = if canary_is_smaller { (baseline_ready, used) } else { (used, canary_ready) };
        let Some((miss, wb, wc)) = nearest(percent, nb.max(1) as u64, nc.max(1) as u64) else { continue };
        let split = Split { baseline: Load { weight: wb, loaded: nb }, canary: Load { weight: wc, loaded: nc } };
        if miss.rounds_away() {
            return split;
        }
        if best.as_ref().is_none_or(|(least, _)| miss.less_than(least)) {
            best = Some((miss, split));
        }
    }
    best.map_or(Split { baseline: full(baseline_ready), canary: none(canary_ready) }, |(_, split)| split)
}

fn full(ready: usize) -> Load {
    Load { weight: MOST as u16, loaded: ready }
}

fn none(ready: usize) -> Load {
    Load { weight: 0, loaded: ready }
}

/// How far a share lies from the one asked for, as a fraction of percent points.
struct Miss {
    over: u64,
    under: u64,
}

impl Miss {
    fn less_than(&self, other: &Miss) -> bool {
        self.over * other.under < other.over * self.under
    }

    fn rounds_away(&self) -> bool {
        2 * self.over < self.under
    }
}

/// The best pair of weights for `nb` and `nc` servers; among equally good ones the largest.
fn nearest(percent: u64, nb: u64, nc: u64) -> Option<(Miss, u16, u16)> {
    let mut best: Option<(Miss, u16, u16)> = None;
    for wc in (1..=MOST).rev() {
        let exact = nc * wc * (100 - percent);
        let per = nb * percent;
        for wb in [exact / per, exact / per + 1] {
            if !(1..=MOST).contains(&wb) {
                continue;
            }
            let total = nc * wc + nb * wb;
            let miss = Miss { over: (100 * nc * wc).abs_diff(percent * total), under: total };
            if best.as_ref().is_none_or(|(least, _, _)| miss.less_than(least)) {
                best = Some((miss, wb as u16, wc as u16));
            }
        }
    }
    best
}

/// A share of the whole in percent. Something is never rounded to nothing, nor a part to everything.
pub(super) fn percent(part: u64, whole: u64) -> Weight {
    if whole == 0 || part == 0 {
        return Weight::ZERO;
    }
    if part >= whole {
        return Weight::FULL;
    }
    let rounded = ((200 * part + whole) / (2 * whole)).clamp(1, 99) as u8;
    Weight::try_from(rounded).expect("1 to 99 is a weight")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(percent: u8) -> Weight {
        percent.try_into().expect("a percentage")
    }

    fn share(split: Split) -> (u64, u64) {
        let canary = u64::from(split.canary.weight) * split.canary.loaded as u64;
        (canary, canary + u64::from(split.baseline.weight) * split.baseline.loaded as u64)
    }

    #[test]
    fn common_stages_are_met_exactly() {
        for (asked, baseline, canary) in [(5, 1, 1), (25, 1, 1), (50, 3, 2), (5, 4, 1), (10, 2, 2), (33, 2, 1)] {
            let (part, whole) = share(split(weight(asked), baseline, canary));
            assert_eq!(part * 100, whole * u64::from(asked), "{asked} % of {baseline} and {canary}");
        }
    }

    #[test]
    fn nothing_and_everything_are_exactly_that() {
        assert_eq!(split(Weight::ZERO, 2, 3).canary.weight, 0);
        assert_eq!(split(Weight::FULL, 2, 3).baseline.weight, 0);
    }

    #[test]
    fn a_small_share_of_many_servers_uses_few_of_them() {
        let small = split(weight(1), 1, 50);
        assert!(small.canary.loaded <= 3, "{small:?}");
        assert_eq!(percent(share(small).0, share(small).1), weight(1));
    }

    #[test]
    fn something_is_never_shown_as_nothing() {
        assert_eq!(percent(1, 10_000), weight(1));
        assert_eq!(percent(9_999, 10_000), weight(99));
        assert_eq!(percent(0, 10), Weight::ZERO);
        assert_eq!(percent(10, 10), Weight::FULL);
    }

    proptest! {
        #[test]
        fn every_share_reads_back_as_the_percent_asked_for(asked in 0u8..=100, nb in 1usize..60, nc in 1usize..60) {
            let made = split(weight(asked), nb, nc);
            prop_assert!(made.baseline.loaded <= nb && made.canary.loaded <= nc);
            prop_assert!(made.baseline.weight <= 256 && made.canary.weight <= 256);
            let (part, whole) = share(made);
            prop_assert_eq!(percent(part, whole), weight(asked), "{:?}", made);
        }
    }
}
