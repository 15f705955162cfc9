//! Random numbers that are the same everywhere: SplitMix64 and what is drawn from it.

use sternway_domain::judge::number::{exp, ln, ln_gamma};

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, without either.
    pub(crate) fn roll(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.roll() < p
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * ln(self.roll())).sqrt() * (std::f64::consts::TAU * self.roll()).cos()
    }

    /// Hörmann's transformed rejection (PTRS, 1993) for large means, products of uniforms for small ones.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean < 12.0 {
            let (limit, mut product, mut k) = (exp(-mean), self.roll(), 0.0);
            while product > limit {
                product *= self.roll();
                k += 1.0;
            }
            return k;
        }
        let root = mean.sqrt();
        let b = 0.931 + 2.53 * root;
        let a = -0.059 + 0.02483 * b;
        let inverse = 1.1239 + 1.1328 / (b - 3.4);
        let v_r = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let (u, v) = (self.roll() - 0.5, self.roll());
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
            if us >= 0.07 && v <= v_r {
                return k;
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            if ln(v * inverse / (a / (us * us) + b)) <= k * ln(mean) - mean - ln_gamma(k + 1.0) {
                return k;
            }
        }
    }

    /// Mean 1, variance `1/shape`: Marsaglia and Tsang (2000), for shapes of at least 1.
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let v = (1.0 + c * z).powi(3);
            if v > 0.0 && ln(self.roll()) < 0.5 * z * z + d - d * v + d * ln(v) {
                return d * v / shape;
            }
        }
    }

    /// Size of a cluster: geometric with this mean.
    pub(crate) fn geometric(&mut self, mean: f64) -> f64 {
        1.0 + (ln(self.roll()) / ln(1.0 - 1.0 / mean)).floor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_variances_are_what_they_should_be() {
        let mut dice = Dice::new(7);
        for mean in [0.2, 3.0, 40.0, 2000.0] {
            let all: Vec<f64> = (0..40_000).map(|_| dice.poisson(mean)).collect();
            let average = all.iter().sum::<f64>() / 4e4;
            let variance = all.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 4e4;
            assert!(
                (average / mean - 1.0).abs() < 0.02 && (variance / mean - 1.0).abs() < 0.04,
                "{mean}: {average} {variance}"
            );
        }
        let gamma = (0..40_000).map(|_| dice.gamma(2.0)).sum::<f64>() / 4e4;
        let size = (0..40_000).map(|_| dice.geometric(5.0)).sum::<f64>() / 4e4;
        assert!((gamma - 1.0).abs() < 0.02 && (size / 5.0 - 1.0).abs() < 0.03, "{gamma} {size}");
    }
}
