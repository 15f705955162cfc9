//! What the last ticks added to evidence: what patience allows within a time is shared out over it.

use serde::{Deserialize, Serialize};

/// Slots of a [`Recent`].
const SLOTS: usize = 7;
/// Parts of a nat that are counted; the last one is rounded up, so that never less is remembered than was added.
const PARTS: f64 = 32.0;

/// Nats added by the last ticks, newest first, in 8 bytes. A slot is one tick while these are enough; over more ticks each
/// holds several, and up to a sixth more time is remembered than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    slots: [u8; SLOTS],
    /// Ticks in the newest slot.
    ticks: u8,
}

impl Recent {
    /// More than this, in nats, does not fit into a slot.
    pub(super) const MOST: f64 = 255.0 / PARTS;

    /// How many slots so many ticks need, and how many ticks each holds.
    fn layout(ticks: usize) -> (usize, usize) {
        if ticks <= SLOTS { (ticks, 1) } else { (SLOTS, ticks.div_ceil(SLOTS - 1)) }
    }

    /// What at least so many of the last ticks added together, nats.
    pub(super) fn added(&self, ticks: usize) -> f64 {
        let (slots, _) = Self::layout(ticks);
        self.slots[..slots].iter().map(|slot| f64::from(*slot)).sum::<f64>() / PARTS
    }

    /// Takes in what a tick added, when so many ticks before one are looked back at.
    pub(super) fn add(&mut self, nats: f64, ticks: usize) {
        if usize::from(self.ticks) >= Self::layout(ticks).1 || self.ticks == 0 {
            self.slots.copy_within(..SLOTS - 1, 1);
            (self.slots[0], self.ticks) = (0, 0);
        }
        // Out of bounds it is the nearest there is.
        self.slots[0] = self.slots[0].saturating_add((nats.max(0.0) * PARTS).ceil() as u8);
        self.ticks = self.ticks.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_any_number_of_ticks_then_never_less_is_remembered_than_they_added_and_in_the_end_it_is_forgotten() {
        for ticks in [1, 2, 6, 7, 8, 20, 100] {
            let mut recent = Recent::default();
            let mut all: Vec<f64> = Vec::new();
            for i in 0..3 * ticks {
                let nats = [0.0, 0.01, 1.3][i % 3] / ticks as f64;
                recent.add(nats, ticks);
                all.push(nats);
                let last: f64 = all.iter().rev().take(ticks).sum();
                let rounded = last + ticks as f64 * 1.5 / PARTS;
                assert!(recent.added(ticks) >= last, "{ticks}, tick {i}: {} of {last}", recent.added(ticks));
                assert!(recent.added(ticks) <= rounded + 1.0, "{ticks}, tick {i}: {} of {last}", recent.added(ticks));
            }
            (0..2 * ticks).for_each(|_| recent.add(0.0, ticks));
            assert!(recent.added(ticks) == 0.0, "{ticks} ticks later it is all forgotten: {recent:?}");
        }
    }
}
