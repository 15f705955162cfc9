//! Chance that is none: splitmix64 from a seed.

use crate::time::Span;

/// The same seed throws the same numbers, on every machine.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something with this chance happens. Throws even when it cannot, so that runs stay comparable.
    pub(super) fn hits(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// A time between two, in milliseconds.
    pub(super) fn between(&mut self, from: i64, to: i64) -> Span {
        Span::from_millis(from + (self.unit() * (to - from) as f64) as i64)
    }
}
