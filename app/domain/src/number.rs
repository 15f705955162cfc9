//! Logarithm and exponential written out, so that a verdict recomputed on another machine is the same to the last bit:
//! the standard library leaves their last digit to the platform. Without branches, so that the compiler may work on
//! several numbers at once.
//!
//! After `e_log.c` and `e_exp.c` of FreeBSD's msun (Sun Microsystems, 1993); errors below one unit in the last place.

const LN2_HI: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LO: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;

/// Of a normal number above zero; anything else is taken for the smallest of them.
#[inline]
pub fn ln(x: f64) -> f64 {
    #[expect(clippy::excessive_precision, reason = "as in the source they are taken from")]
    const LG: [f64; 7] = [
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ];
    const OFFSET: u64 = (0x3ff0_0000 - 0x3fe6_a09e) << 32;
    let bits = x.max(f64::MIN_POSITIVE).to_bits() + OFFSET;
    let k = ((bits >> 52) as i32 - 0x3ff) as f64;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + (0x3fe6_a09e << 32));
    let f = mantissa - 1.0;
    let half = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG[1] + w * (LG[3] + w * LG[5]));
    let t2 = z * (LG[0] + w * (LG[2] + w * (LG[4] + w * LG[6])));
    s * (half + (t2 + t1)) + k * LN2_LO - half + f + k * LN2_HI
}

/// `e^x`, held between `e^-700` and `e^700`.
#[inline]
pub fn exp(x: f64) -> f64 {
    #[expect(clippy::excessive_precision, reason = "as in the source they are taken from")]
    const P: [f64; 5] = [
        1.66666666666666019037e-01,
        -2.77777777770155933842e-03,
        6.61375632143793436117e-05,
        -1.65339022054652515390e-06,
        4.13813679705723846039e-08,
    ];
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + TO_INTEGER;
    let k = shifted - TO_INTEGER;
    let hi = x - k * LN2_HI;
    let lo = k * LN2_LO;
    let r = hi - lo;
    let rr = r * r;
    let c = r - rr * (P[0] + rr * (P[1] + rr * (P[2] + rr * (P[3] + rr * P[4]))));
    let y = 1.0 + (r * c / (2.0 - c) - lo + hi);
    let power = shifted.to_bits().wrapping_add(1023) << 52;
    y * f64::from_bits(power)
}

/// `2^x`: exact for whole numbers, infinite from 1024 on, and 0 where only subnormal numbers are left.
#[inline]
pub fn exp2(x: f64) -> f64 {
    if x >= 1024.0 {
        return f64::INFINITY;
    } else if x < -1021.5 {
        return 0.0;
    }
    let whole = ((x + TO_INTEGER) - TO_INTEGER).min(1023.0);
    let power = power_of_two(whole as i64);
    if whole == x { power } else { exp((x - whole) * std::f64::consts::LN_2) * power }
}

/// `2^x` of a whole number, as [`exp2`] has it.
#[inline]
pub fn power_of_two(x: i64) -> f64 {
    match x {
        ..=-1022 => 0.0,
        -1021..=1023 => f64::from_bits(((x + 1023) as u64) << 52),
        1024.. => f64::INFINITY,
    }
}

/// The logarithm to base 2.
#[inline]
pub fn log2(x: f64) -> f64 {
    ln(x) * std::f64::consts::LOG2_E
}

/// `ln Γ(x)` for `x > 0`, by Stirling's series after shifting `x` above 10; error below 1e-10.
pub fn ln_gamma(x: f64) -> f64 {
    let mut x = x.max(f64::MIN_POSITIVE);
    let mut shift = 0.0;
    while x < 10.0 {
        shift += ln(x);
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * ln(x) - x + 0.5 * ln(std::f64::consts::TAU) + series - shift
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what these are held against")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ln_and_exp_agree_with_the_platform(x in 1e-300f64..1e300, y in -600.0f64..600.0, e in -300i32..300) {
            let x = x * 10f64.powi(e / 2).clamp(1e-7, 1e7);
            prop_assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0));
            prop_assert!((exp(y) / y.exp() - 1.0).abs() < 4e-16);
        }
    }

    proptest! {
        #[test]
        fn powers_of_two_agree_with_the_platform(x in -1020.0f64..1023.0, whole in -1021i32..1024, y in 1e-9f64..1e9) {
            prop_assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-15);
            prop_assert_eq!(exp2(f64::from(whole)), f64::from(whole).exp2());
            prop_assert_eq!(power_of_two(i64::from(whole)), f64::from(whole).exp2());
            prop_assert!((log2(y) - y.log2()).abs() < 1e-14);
        }
    }

    #[test]
    fn powers_of_two_end_where_numbers_do() {
        assert_eq!((exp2(1024.0), exp2(1e300), exp2(-1e300)), (f64::INFINITY, f64::INFINITY, 0.0));
        assert_eq!((power_of_two(1024), power_of_two(i64::MAX)), (f64::INFINITY, f64::INFINITY));
        assert_eq!((power_of_two(-1022), power_of_two(i64::MIN), exp2(-1022.0)), (0.0, 0.0, 0.0));
        assert!(exp2(1023.9).is_finite() && exp2(-1021.0) > 0.0);
    }

    #[test]
    fn ln_gamma_knows_factorials_and_the_half() {
        for (x, wanted) in
            [(1.0, 0.0), (5.0, 24f64.ln()), (0.5, std::f64::consts::PI.sqrt().ln()), (11.0, 3628800f64.ln())]
        {
            assert!((ln_gamma(x) - wanted).abs() < 1e-10, "{x}: {}", ln_gamma(x));
        }
    }

    #[test]
    fn zero_and_what_is_beyond_stay_finite() {
        assert!(ln(0.0) < -700.0 && ln(-1.0) < -700.0);
        assert!(exp(1e9).is_finite() && exp(-1e9) > 0.0);
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
    }
}
