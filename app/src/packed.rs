//! Views on their way to the browser: a plain text, by position, without names.
//!
//! JSON would cost a fifth of all WebAssembly, because every field of every view needs code that knows its name. Here a
//! struct is its fields in order, after two characters made from their names: a browser with an older page does not
//! misread a newer server, it says so. Numbers end with `;` (with a fraction: see `decimal`), texts begin with their length and `:`, lists with theirs
//! and `;`. What the views do not use (maps, bytes, types that describe themselves) is refused.

mod decimal;
mod read;
#[cfg(any(feature = "ssr", test))]
mod write;

pub use read::unpack;
#[cfg(any(feature = "ssr", test))]
pub use write::pack;

use std::fmt;

/// The text was not made from this type. Says no more: the reason would be code that the browser never shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text does not fit the type")
    }
}

impl std::error::Error for Unfit {}

/// Two characters made from the names of a struct's fields (FNV-1a, folded).
fn mark(fields: &[&str]) -> [u8; 2] {
    let mut hash = 0x811c_9dc5_u32;
    for byte in fields.iter().flat_map(|field| field.bytes().chain([b','])) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let letter = |part: u32| b'A' + (part % 26) as u8;
    [letter(hash >> 16), letter(hash & 0xffff)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{AppError, Problem};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
    struct All {
        text: String,
        whole: u64,
        small: u8,
        share: f64,
        yes: bool,
        none: Option<String>,
        some: Option<f64>,
        list: Vec<Kind>,
        pairs: Vec<(f64, String)>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Unit,
        New(String),
        Fields { a: u32, b: Option<Box<All>> },
    }

    fn all() -> All {
        let inner = All { text: "é; 3:\u{a0}\n\"<".into(), share: -0.125, ..All::default() };
        All {
            text: String::new(),
            whole: u64::MAX,
            small: 7,
            share: 57.3,
            yes: true,
            none: None,
            some: Some(1e-9),
            list: vec![Kind::Unit, Kind::New("x".into()), Kind::Fields { a: 3, b: Some(Box::new(inner)) }],
            pairs: vec![(0.0, "0:00".into()), (1.0, "2:00".into())],
        }
    }

    #[test]
    fn given_every_shape_when_packed_and_unpacked_then_it_is_the_same() {
        let packed = pack(&all()).expect("all shapes are supported");
        assert_eq!(unpack::<All>(&packed), Ok(all()));
    }

    #[test]
    fn given_a_refusal_when_packed_and_unpacked_then_it_is_the_same() {
        let answer: Result<All, AppError> =
            Err(AppError::Invalid { problems: vec![Problem::new("reason", "Say why.")] });
        assert_eq!(unpack(&pack(&answer).expect("supported")), Ok(answer));
    }

    #[test]
    fn given_a_type_with_other_fields_when_unpacked_then_it_is_refused() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Before {
            from: String,
            to: String,
        }
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct After {
            to: String,
            from: String,
        }
        let packed = pack(&Before { from: "1".into(), to: "2".into() }).expect("supported");
        assert_eq!(unpack::<After>(&packed), Err(Unfit));
    }

    #[test]
    fn given_a_damaged_text_when_unpacked_then_it_is_refused_and_nothing_panics() {
        let packed = pack(&all()).expect("supported");
        for at in 0..packed.len() {
            if let Some(cut) = packed.get(..at) {
                assert_eq!(unpack::<All>(cut), Err(Unfit), "cut at {at}");
            }
            let mut bytes = packed.clone().into_bytes();
            bytes[at] = bytes[at].wrapping_add(1);
            if let Ok(other) = String::from_utf8(bytes) {
                // May be another valid value; must not panic or allocate without bound.
                let _ = unpack::<All>(&other);
            }
        }
        assert_eq!(unpack::<Vec<u8>>("4000000000;"), Err(Unfit));
    }
}
