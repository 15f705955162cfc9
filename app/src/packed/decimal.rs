//! Numbers with a fraction: a whole number and a power of ten, `573e-1`. The standard library's own reading and writing
//! of them would be 3 % of the WebAssembly.

/// Powers of ten that are exact; a whole number below 2^53 times or through one of them is rounded once, so correctly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
const EXACT: u64 = 1 << 53;

/// `573e-1`, `42`, or `x` and the bits in hex.
pub(super) fn read(text: &str) -> Option<f64> {
    if let Some(bits) = text.strip_prefix('x') {
        return u64::from_str_radix(bits, 16).ok().map(f64::from_bits);
    }
    let (whole, power) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, power): (i64, i32) = (whole.parse().ok()?, power.parse().ok()?);
    let scale = POWERS.get(usize::try_from(power.unsigned_abs()).ok()?)?;
    let exact = whole.unsigned_abs() < EXACT;
    exact.then(|| if power < 0 { whole as f64 / scale } else { whole as f64 * scale })
}

/// The shortest decimal that reads as this number again; its bits where there is none.
#[cfg(any(feature = "ssr", test))]
pub(super) fn write(value: f64) -> String {
    let shortest = format!("{value:e}");
    let (digits, power) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let power = power.parse::<i64>().unwrap_or_default() - fraction.len() as i64;
    let short = if power == 0 { format!("{whole}{fraction}") } else { format!("{whole}{fraction}e{power}") };
    let same = read(&short).is_some_and(|again| again.to_bits() == value.to_bits());
    if same { short } else { format!("x{:x}", value.to_bits()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_any_number_when_written_and_read_then_it_has_the_same_bits() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for value in
            [0.0, -0.0, 1.0, 57.3, -0.125, 1e-9, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN, 0.1 + 0.2]
        {
            assert_eq!(read(&write(value)).map(f64::to_bits), Some(value.to_bits()), "{value}");
        }
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let percent = (bits >> 40) as f64 / 100.0;
            for value in [f64::from_bits(bits), percent] {
                assert_eq!(read(&write(value)).map(f64::to_bits), Some(value.to_bits()), "{value}");
            }
        }
    }

    #[test]
    fn given_what_a_page_holds_when_written_then_it_is_short() {
        assert_eq!(
            ["57.3", "100.0", "0.05", "0.0"].map(|text| write(text.parse().expect("a number"))),
            ["573e-1", "1e2", "5e-2", "0"]
        );
    }

    #[test]
    fn given_no_number_when_read_then_there_is_none() {
        for text in ["", "e", "1e", "1e99", "9007199254740993", "x", "xg", "1.5", "1e-23"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
