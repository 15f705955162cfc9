//! Hostile bytes: examples bent in every way, and bytes of no kind at all. A parser may refuse them or take them; it
//! must not panic, must not need more than the bytes it was given are worth, and must never take a second spelling.

use crate::corpus::examples;
use crate::log::Dice;
use crate::parsers::{PARSERS, try_one};
use proptest::prelude::*;

/// How often each example is bent.
const ROUNDS: usize = 3_000;

/// Pieces that mean something to one of the parsers.
const PIECES: [&[u8]; 20] = [
    b"\n",
    b"\n\n",
    "— ".as_bytes(),
    b" ",
    b"+",
    b"=",
    b"\0",
    b"\xff",
    b"/",
    b".p/",
    b"x000/",
    b"000",
    b"\"",
    b"\\u0000",
    b"{",
    b"[[[[[[[[",
    b",",
    b"null",
    b"9223372036854775808",
    b"-1",
];

fn bend(bytes: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bent = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bent.len() + 1);
        let end = (at + dice.below(9)).min(bent.len());
        match dice.below(7) {
            0 if at < bent.len() => bent[at] ^= 1 << dice.below(8),
            1 => drop(bent.drain(at..end)),
            2 => {
                let piece = PIECES[dice.below(PIECES.len())];
                bent.splice(at..at, piece.iter().copied());
            }
            3 => {
                let piece = PIECES[dice.below(PIECES.len())];
                bent.splice(at..end, piece.iter().copied());
            }
            4 => {
                let again = bent[at..end].to_vec();
                bent.splice(at..at, again);
            }
            5 => bent.truncate(at),
            _ => {
                let other = &others[dice.below(others.len())];
                let from = dice.below(other.len() + 1);
                bent.truncate(at);
                bent.extend_from_slice(&other[from..]);
            }
        }
    }
    bent
}

#[test]
fn given_examples_bent_in_every_way_then_nothing_breaks() {
    let mut dice = Dice::new(20_261_121);
    for (parser, parse) in PARSERS {
        let all: Vec<Vec<u8>> = examples(parser).into_values().collect();
        for example in &all {
            for _ in 0..ROUNDS / all.len() {
                try_one(parser, parse, &bend(example, &all, &mut dice));
            }
        }
    }
}

/// An example of one format is none of another.
#[test]
fn given_bytes_of_another_format_then_they_are_refused() {
    for (parser, parse) in PARSERS {
        for (other, _) in PARSERS.into_iter().filter(|(other, _)| *other != parser) {
            for (name, bytes) in examples(other) {
                // What ends with a checkpoint is a note by its form.
                let family = parser == "note" && ["proof", "request"].contains(&other);
                if name.starts_with("good") && !family {
                    assert_eq!(parse(&bytes), None, "{parser} took {other}/{name}");
                }
            }
        }
    }
}

/// Ten megabytes of the same piece, where limits should end the reading at once.
#[test]
fn given_endless_bytes_then_they_are_refused_soon() {
    for (parser, parse) in PARSERS {
        for piece in PIECES {
            let endless = piece.repeat(10_000_000 / piece.len());
            assert_eq!(parse(&endless), None, "{parser} took {}", String::from_utf8_lossy(piece));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bytes_of_no_kind_break_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (parser, parse) in PARSERS {
            try_one(parser, parse, &bytes);
        }
    }

    #[test]
    fn text_of_no_kind_breaks_nothing(text in "\\PC{0,120}") {
        for (parser, parse) in PARSERS {
            try_one(parser, parse, text.as_bytes());
        }
    }
}
