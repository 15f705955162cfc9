//! Chance that is none: splitmix64 from a seed.

use sternway_domain::time::Span;

/// The same seed throws the same numbers, on every machine.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn hits(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// A time between two, in milliseconds.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> Span {
        Span::from_millis(from + (self.unit() * (to - from) as f64) as i64)
    }

    /// One of these; there is at least one.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.unit() * of.len() as f64) as usize]
    }
}
