//! How numbers and bytes are written in the C2SP formats: one spelling each, so that nothing can be said in two ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The largest size, index or time taken anywhere: 2^63 − 1, what the databases can hold.
pub(super) const MOST: u64 = i64::MAX as u64;

/// A decimal number of ASCII digits, without sign and leading zeroes, at most [`MOST`].
pub(super) fn decimal(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= MOST)
}

/// Standard base64 with its padding and without stray bits (RFC 4648, section 4).
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// 32 bytes in base64; longer text is not even decoded.
pub(super) fn base64_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    let length = if text.len() == 44 { STANDARD.decode_slice(text, &mut bytes).ok()? } else { 0 };
    (length == 32).then(|| *bytes.first_chunk().expect("33 bytes begin with 32"))
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// At most 60 characters of what was given, to be quoted in an error.
pub(super) fn quote(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_number_then_it_has_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("9223372036854775807"), Some(MOST));
        for wrong in
            ["", "00", "01", "+1", "-1", " 1", "1 ", "1_000", "9223372036854775808", "18446744073709551616", "١"]
        {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn given_bytes_then_their_base64_has_one_spelling() {
        assert_eq!(base64("AQI="), Some(vec![1, 2]));
        for wrong in ["AQI", "AQJ=", "AQI==", "AQI=\n", "A-I=", " AQI=", "AQI=AQI="] {
            assert_eq!(base64(wrong), None, "{wrong:?}");
        }
        let text = to_base64(&[7; 32]);
        assert_eq!(base64_32(&text), Some([7; 32]));
        for wrong in ["", "AQI=", &to_base64(&[7; 31]), &to_base64(&[7; 33]), &text.replace('=', "A")] {
            assert_eq!(base64_32(wrong), None, "{wrong:?}");
        }
    }
}
