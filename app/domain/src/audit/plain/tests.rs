//! K9: one act has one leaf, however it was spelled, and no act is too long for one.

use super::super::commitment::Salt;
use super::super::record::{Links, RECORD_VERSION, Record, SealError, Sealed};
use super::super::{ENTRY_VERSION, MAX_ENTRY_BYTES, Origin};
use super::*;
use crate::actor::Role;
use crate::id::{DecisionId, Digest, PersonId};
use crate::time::Timestamp;
use serde_json::Value;
use std::fmt::Write as _;
use uuid::Uuid;

/// Letters that can be written in two ways.
const REASON: &str = "Fünf Ångström zu spät: café, \u{1e69}, 한글, \"x\"\n";

fn entry() -> Entry {
    Entry {
        v: RECORD_VERSION,
        id: DecisionId(Uuid::from_u128(1)),
        at: Timestamp(1_795_269_795_123_456),
        occurred: Some(Timestamp(1_795_269_000_000_000)),
        actor: Actor::Person { id: PersonId(Uuid::from_u128(2)), name: "Zoë Åberg".into(), role: Role::OnCall },
        action: "apply".into(),
        target: Target::Configuration { names: vec!["Dienst Süd".into(), "plan quick".into()] },
        expected_version: Some(17),
        reason: REASON.into(),
        outcome: Outcome::Refused { why: "Zoë darf das nicht".into() },
        evidence: Some(Digest::of(b"evidence")),
        plan: Some(Digest::of(b"plan")),
        runbooks: vec![Digest::of(b"one"), Digest::of(b"two")],
        overridden: vec!["kein Backofen für Crème".into()],
        effects: vec!["5 % für Süd".into(), "é".into()],
        origin: Origin { transport: "api".into(), ip: Some("192.0.2.7".into()), ..Origin::default() },
    }
    .plain()
}

fn sealed(entry: &Entry) -> Result<Sealed, SealError> {
    let mut next = 0u8;
    Record::seal(entry, &Links::default(), || {
        next = next.wrapping_add(1);
        Salt([next; 32])
    })
}

/// SplitMix64: the same numbers at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn space(&mut self, out: &mut String) {
        (0..self.below(3)).for_each(|_| out.push([' ', '\n', '\t'][self.below(3)]));
    }

    /// Another spelling of the same value: order of keys, white space, escapes, composed or decomposed letters.
    fn spell(&mut self, value: &Value, out: &mut String) {
        self.space(out);
        match value {
            Value::Object(map) => {
                let mut pairs: Vec<_> = map.iter().collect();
                for at in (1..pairs.len()).rev() {
                    pairs.swap(at, self.below(at + 1));
                }
                out.push('{');
                for (at, (key, value)) in pairs.into_iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    self.text(key, out);
                    self.space(out);
                    out.push(':');
                    self.spell(value, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    self.spell(item, out);
                }
                out.push(']');
            }
            Value::String(text) => self.text(text, out),
            scalar => out.push_str(&scalar.to_string()),
        }
        self.space(out);
    }

    fn text(&mut self, text: &str, out: &mut String) {
        let form = self.below(2);
        let letters: String = if form == 0 { text.nfd().collect() } else { text.nfc().collect() };
        out.push('"');
        for letter in letters.chars() {
            let plain = !matches!(letter, '"' | '\\' | '\0'..='\u{1f}');
            if plain && self.below(4) > 0 {
                out.push(letter);
                continue;
            }
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04X}").expect("text grows");
            }
        }
        out.push('"');
    }
}

#[test]
fn given_a_thousand_spellings_of_one_act_then_they_have_one_leaf() {
    let expected = sealed(&entry()).expect("it fits").bytes;
    let value = serde_json::to_value(entry()).expect("an entry is JSON");
    let mut dice = Dice(20_261_121);
    let mut spellings = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        let mut text = String::new();
        dice.spell(&value, &mut text);
        let read: Entry = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(sealed(&read.plain()).expect("it fits").bytes, expected, "{text}");
        spellings.insert(text);
    }
    assert_eq!(spellings.len(), 1_000, "they are all different");
}

/// A number is whole or it is none: there is no second form of it that could give a second leaf.
#[test]
fn given_a_number_in_the_form_of_a_fraction_then_it_is_refused() {
    let text = serde_json::to_string(&entry()).expect("JSON");
    for form in ["17.0", "1.7e1", "17e0", "0.17e2", "170e-1", "17.00000000000000000001", "\"17\""] {
        let other = text.replace("\"expected_version\":17", &format!("\"expected_version\":{form}"));
        assert_ne!(other, text);
        assert!(serde_json::from_str::<Entry>(&other).is_err(), "{form}");
    }
    let old = Entry { v: ENTRY_VERSION, ..entry() };
    let bytes = old.canonical().expect("it fits");
    let bent = String::from_utf8(bytes).expect("text").replace("\"expected_version\":17", "\"expected_version\":17.0");
    assert!(super::super::record::Leaf::decode(bent.as_bytes()).is_err());
}

#[test]
fn given_one_byte_more_than_fits_then_long_lists_stand_as_one_digest_and_nothing_is_lost() {
    let with = |effects: usize, padding: usize| {
        let effects = (0..effects).map(|n| format!("effect {n}")).collect();
        let origin = Origin { request_id: Some("r".repeat(padding + 1)), ..entry().origin };
        Entry { effects, origin, ..entry() }
    };
    let length = |effects, padding| sealed(&with(effects, padding)).map(|sealed| sealed.bytes.len());
    // As many as fit, then characters up to the last byte.
    let (mut most, mut many) = (1, 2_000);
    while many - most > 1 {
        let middle = (most + many) / 2;
        if length(middle, 0).is_ok() { most = middle } else { many = middle }
    }
    let padding = MAX_ENTRY_BYTES - length(most, 0).expect("it fits");
    assert_eq!(length(most, padding), Ok(MAX_ENTRY_BYTES));
    assert_eq!(length(most, padding + 1), Err(SealError::Long(65_536)));

    let whole = with(most, padding + 1);
    let folded = whole.clone().folded();
    let sealed = sealed(&folded).expect("it fits now");
    assert!(sealed.bytes.len() < 5_000, "{} bytes", sealed.bytes.len());
    let opened = sealed.record.open(&sealed.openings, "gone").expect("they open");
    assert_eq!(opened.effects, [whole.effects.join("\n")]);
    assert_eq!((opened.target, opened.overridden), (whole.target, whole.overridden));
    assert_eq!(entry().folded(), entry(), "what fits stays as it is");
}
