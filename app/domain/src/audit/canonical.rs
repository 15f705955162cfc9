//! JSON in one spelling, so that equal values are equal bytes and can be compared by their digest.
//!
//! [`canonical_json`] writes any value. [`check`] holds bytes of the log against the stricter rules of an entry:
//! RFC 8785 (keys ordered by UTF-16 code units, shortest escapes, no white space, no key twice) with whole numbers
//! from −(2^53 − 1) to 2^53 − 1 only, which every reader of JSON holds exactly. It reads once, from left to right,
//! needs no memory besides the nesting, and says at which byte a rule is broken.
//!
//! Deliberately absent: Unicode normalisation. RFC 8785 takes text as it is; whoever takes text in may normalise it.

use serde_json::Value;

/// How deep objects and lists may be nested.
pub const MAX_DEPTH: usize = 16;

/// The largest whole number that every reader of JSON holds exactly: 2^53 − 1.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// JSON with keys sorted by code unit and no white space, so that equal values are equal bytes.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
            pairs.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (key, value)) in pairs.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quoted(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => quoted(text, out),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn quoted(text: &str, out: &mut String) {
    if text.bytes().any(|b| matches!(b, 0..=0x1f | b'"' | b'\\')) {
        out.push_str(&serde_json::to_string(text).expect("a text is JSON"));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// The first broken rule and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in canonical form at byte {at}: {why}")]
pub struct NotCanonical {
    /// Bytes before it.
    pub at: usize,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it is not UTF-8")]
    Encoding,
    #[error("it ends too early")]
    Ends,
    #[error("something follows after its end")]
    Follows,
    #[error("a value, a comma or a bracket is expected here, without white space before it")]
    Unexpected,
    #[error("keys must be in order and different")]
    Order,
    #[error("this character is escaped otherwise, or not at all")]
    Escape,
    #[error("a number must be whole, without leading zeroes, fraction and exponent")]
    Number,
    #[error("a number must lie within ±9007199254740991")]
    Range,
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// Whether these bytes are one JSON object in canonical form.
pub fn check(bytes: &[u8]) -> Result<(), NotCanonical> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(NotCanonical { at: error.valid_up_to(), why: Why::Encoding });
    }
    let mut scan = Scan { bytes, at: 0 };
    if scan.peek()? != b'{' {
        return Err(scan.wrong(Why::Unexpected));
    }
    scan.value(0)?;
    if scan.at < bytes.len() { Err(scan.wrong(Why::Follows)) } else { Ok(()) }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn wrong(&self, why: Why) -> NotCanonical {
        NotCanonical { at: self.at, why }
    }

    fn peek(&self) -> Result<u8, NotCanonical> {
        self.bytes.get(self.at).copied().ok_or(self.wrong(Why::Ends))
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotCanonical> {
        if self.peek()? != byte {
            return Err(self.wrong(Why::Unexpected));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), NotCanonical> {
        match self.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => Err(self.wrong(Why::Depth)),
            b'{' => self.object(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => Err(self.wrong(Why::Unexpected)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut last: Option<&[u8]> = None;
        loop {
            let start = self.at;
            let key = self.string()?;
            if last.is_some_and(|last| !before(last, key)) {
                return Err(NotCanonical { at: start, why: Why::Order });
            }
            last = Some(key);
            self.expect(b':')?;
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b'}'),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    /// What stands between the quotes, escapes as they are.
    fn string(&mut self) -> Result<&'a [u8], NotCanonical> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return Err(self.wrong(Why::Escape)),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(&self.bytes[start..self.at - 1])
    }

    /// RFC 8785, section 3.2.2.2: the short forms where JSON has one, else `\u00` and two digits in lower case.
    fn escape(&mut self) -> Result<(), NotCanonical> {
        let rest = &self.bytes[self.at..];
        let length = match rest {
            [_, b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [_, b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [_, b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return Err(self.wrong(Why::Escape)),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        let negative = self.bytes[start] == b'-';
        self.at += usize::from(negative);
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = &self.bytes[self.at..self.at + digits];
        self.at += digits;
        let fraction = matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'));
        let zero = text.first() == Some(&b'0') && (digits > 1 || negative);
        if digits == 0 || zero || fraction {
            return Err(NotCanonical { at: start, why: Why::Number });
        }
        let amount = text.iter().take(17).fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        if digits > 16 || amount > MAX_NUMBER {
            return Err(NotCanonical { at: start, why: Why::Range });
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotCanonical> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.wrong(Why::Unexpected));
        }
        self.at += word.len();
        Ok(())
    }
}

/// Whether one key comes before another by UTF-16 code units. Plain keys are compared as they stand.
fn before(one: &[u8], other: &[u8]) -> bool {
    let plain = |key: &[u8]| key.iter().all(|b| b.is_ascii() && *b != b'\\');
    if plain(one) && plain(other) {
        return one < other;
    }
    let text = |key: &[u8]| -> String {
        let quoted = [b"\"", key, b"\""].concat();
        serde_json::from_slice(&quoted).expect("escapes and encoding were checked")
    };
    text(one).encode_utf16().lt(text(other).encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Map;

    #[test]
    fn equal_values_are_equal_bytes() {
        let one: Value = serde_json::from_str(r#"{"b": [1, {"z": null, "a": "é"}], "a": true}"#).expect("json");
        let two: Value = serde_json::from_str(r#"{ "a":true,"b":[1,{"a":"é","z":null}] }"#).expect("json");
        assert_eq!(canonical_json(&one), r#"{"a":true,"b":[1,{"a":"é","z":null}]}"#);
        assert_eq!(canonical_json(&one), canonical_json(&two));
    }

    /// The order of RFC 8785, section 3.2.3: by UTF-16 code units, where an emoji comes before U+FB33.
    #[test]
    fn given_keys_of_the_standard_then_their_order_is_taken() {
        let keys = ["\\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"];
        let text = |keys: &[&str]| {
            let pairs: Vec<_> = keys.iter().map(|key| format!("\"{key}\":0")).collect();
            format!("{{{}}}", pairs.join(","))
        };
        assert_eq!(check(text(&keys).as_bytes()), Ok(()));
        for at in 1..keys.len() {
            let mut wrong = keys;
            wrong.swap(at - 1, at);
            let found = check(text(&wrong).as_bytes()).map_err(|error| error.why);
            assert_eq!(found, Err(Why::Order), "{wrong:?}");
        }
    }

    #[test]
    fn given_another_spelling_then_it_is_refused_with_the_place() {
        let cases: &[(&[u8], usize, Why)] = &[
            (b"", 0, Why::Ends),
            (b"[]", 0, Why::Unexpected),
            (b" {}", 0, Why::Unexpected),
            (b"{} ", 2, Why::Follows),
            (br#"{"a": 1}"#, 5, Why::Unexpected),
            (br#"{"a":1,}"#, 7, Why::Unexpected),
            (br#"{"a":[1,]}"#, 8, Why::Unexpected),
            (br#"{"b":1,"a":1}"#, 7, Why::Order),
            (br#"{"a":1,"a":1}"#, 7, Why::Order),
            (br#"{"a":1.0}"#, 5, Why::Number),
            (br#"{"a":1e3}"#, 5, Why::Number),
            (br#"{"a":01}"#, 5, Why::Number),
            (br#"{"a":-0}"#, 5, Why::Number),
            (br#"{"a":-}"#, 5, Why::Number),
            (br#"{"a":9007199254740992}"#, 5, Why::Range),
            (br#"{"a":-99999999999999999999999999}"#, 5, Why::Range),
            (br#"{"a":"\/"}"#, 6, Why::Escape),
            (br#"{"a":"\u0041"}"#, 6, Why::Escape),
            (br#"{"a":"\u000a"}"#, 6, Why::Escape),
            (br#"{"a":"\u001F"}"#, 6, Why::Escape),
            (b"{\"a\":\"\n\"}", 6, Why::Escape),
            (b"{\"a\":\"\xff\"}", 6, Why::Encoding),
            (br#"{"a":tru}"#, 5, Why::Unexpected),
            (br#"{"a":"b"#, 7, Why::Ends),
            (br#"{"a""#, 4, Why::Ends),
        ];
        for (bytes, at, why) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(check(bytes), Err(NotCanonical { at: *at, why: *why }), "{text}");
        }
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(deep(MAX_DEPTH - 1).as_bytes()), Ok(()));
        assert_eq!(check(deep(MAX_DEPTH).as_bytes()).map_err(|error| error.why), Err(Why::Depth));
        assert_eq!(check(deep(100_000).as_bytes()).map_err(|error| error.why), Err(Why::Depth));
    }

    fn values() -> impl Strategy<Value = Value> {
        let number = (-(MAX_NUMBER as i64)..=MAX_NUMBER as i64).prop_map(Value::from);
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), number, any::<String>().prop_map(Value::from)];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from);
            let map = proptest::collection::hash_map(any::<String>(), inner, 0..6);
            prop_oneof![list, map.prop_map(|map| Value::Object(Map::from_iter(map)))]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_canonical(value in values()) {
            let text = canonical_json(&serde_json::json!({ "value": value }));
            prop_assert_eq!(check(text.as_bytes()), Ok(()));
        }

        /// Whatever passes is written again with the same bytes: there is no second spelling.
        #[test]
        fn what_is_taken_has_one_spelling(text in r#"\{("[ab\\u0-9]{0,3}":([0-9.e-]{1,4}|"[ab\\/nu01]{0,6}"),?){0,3}\}"#) {
            if check(text.as_bytes()).is_ok() {
                let value: Value = serde_json::from_str(&text).expect("canonical JSON is JSON");
                prop_assert_eq!(canonical_json(&value), text);
            }
        }
    }
}
