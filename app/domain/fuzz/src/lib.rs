//! What every target does with its bytes. The parsers are those that the tests bend by hand.

#[path = "../../tests/audit/parsers.rs"]
mod parsers;

/// No panic, no second spelling; libFuzzer itself watches time and memory.
pub fn bend(parser: &str, bytes: &[u8]) {
    let known = parsers::PARSERS.into_iter().find(|(name, _)| *name == parser);
    let (_, parse) = known.expect("each target is named like its parser");
    parsers::try_one(parser, parse, bytes);
}
