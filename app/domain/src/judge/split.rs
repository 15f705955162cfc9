//! Whether traffic is split as asked. A canary that gets other requests than it should is not comparable; that holds a
//! release and never takes it back.
//!
//! The same bet as on errors, with requests as events and the asked shares as exposure: against a share within
//! [`LEAST`]..[`MOST`] of what was asked. Requests come in clusters (sessions, retries, kept connections), hence
//! [`CLUSTER`].

use super::process::{Grid, Process, Showing, Temper};
use serde::{Deserialize, Serialize};

const LEAST: f64 = 0.8;
const MOST: f64 = 1.25;
const CLUSTER: f64 = 10.0;
/// Odds at which the split is called wrong: one stage in a thousand by chance.
const SURE: f64 = 1000.0;
const CAP: f64 = 2.3;

/// Evidence that the canary's share is another than asked, 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Split {
    more: Process,
    fewer: Process,
}

impl Default for Split {
    fn default() -> Split {
        Split { more: Process::new(&Grid::MORE, 0.9), fewer: Process::new(&Grid::FEWER, 0.9) }
    }
}

impl Split {
    /// Requests of one tick at an asked share between 0 and 1.
    pub(super) fn take(&mut self, canary: f64, baseline: f64, share: f64) {
        let seen = |r: f64| Showing { x: canary, m: share, y: baseline, n: 1.0 - share, r, d: 0.0 };
        let temper = Temper { phi: CLUSTER, cap: CAP, stake: 1e-4, ceiling: 1e4 };
        if canary + baseline > 0.0 {
            self.more.settle(&Grid::MORE, seen(MOST), temper);
            self.fewer.settle(&Grid::FEWER, seen(LEAST), temper);
        }
    }

    /// The canary takes more (or less) than was asked, beyond chance.
    pub(super) fn wrong(&self) -> Option<bool> {
        if self.more.won() >= SURE { Some(true) } else { (self.fewer.won() >= SURE).then_some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asked_share_is_never_called_wrong_and_twice_as_much_is_within_minutes() {
        let after = |ticks: usize, canary: f64| {
            let mut split = Split::default();
            (0..ticks).for_each(|_| split.take(canary, 1000.0 - canary, 0.05));
            split.wrong()
        };
        assert_eq!(after(2000, 50.0), None);
        assert_eq!(after(2000, 56.0), None, "rounding of weights is no fault");
        assert_eq!(after(12, 110.0), Some(true));
        assert_eq!(after(24, 20.0), Some(false));
    }

    #[test]
    fn a_split_that_is_right_again_is_forgiven() {
        let mut split = Split::default();
        (0..30).for_each(|_| split.take(150.0, 850.0, 0.05));
        assert_eq!(split.wrong(), Some(true));
        (0..12).for_each(|_| split.take(50.0, 950.0, 0.05));
        assert_eq!(split.wrong(), None);
    }
}
