use super::*;
use crate::audit::checkpoint::{Checkpoint, TrustError};
use crate::audit::merkle::empty_root;
use crate::audit::note::KeyKind;

const ORIGIN: &str = "sternway.example/log";

fn key(seed: u8) -> SignerKey {
    SignerKey::new(ORIGIN, KeyKind::Plain, [seed; 32]).expect("a good name")
}

fn rotated(from: u64, old: u8, new: u8) -> KeyTerm {
    let statement = Statement::rotated(&key(old), &key(new)).expect("of one log");
    KeyTerm { key: key(new).verifier().clone(), from, statement: Some(statement) }
}

fn lost(from: u64, old: Option<u8>, new: u8) -> KeyTerm {
    let old = old.map(|seed| key(seed).verifier().clone());
    let statement = Statement::lost(old, &key(new)).expect("of one log");
    KeyTerm { key: key(new).verifier().clone(), from, statement: Some(statement) }
}

/// Key 1, rotated to 2 at 100, lost and gone on with 3 at 200, rotated to 4 at 300.
fn list() -> KeyList {
    let first = KeyTerm::first(key(1).verifier().clone());
    KeyList::new(vec![first, rotated(100, 1, 2), lost(200, Some(2), 3), rotated(300, 3, 4)]).expect("a list")
}

fn signed(size: u64, keys: &[u8]) -> Note {
    let mut note = Checkpoint::new(ORIGIN, size, empty_root()).expect("an origin").note().expect("text");
    keys.iter().for_each(|seed| note.sign(&key(*seed)));
    note
}

#[test]
fn given_a_rotation_then_its_statement_is_signed_by_both_keys_and_read_again() {
    let made = Statement::rotated(&key(1), &key(2)).expect("of one log");
    let read = Statement::open(made.to_string().as_bytes()).expect("signed");
    assert_eq!(read, made);
    assert_eq!(read.digest(), made.digest());
    let made = Statement::lost(None, &key(2)).expect("of one log");
    assert_eq!(Statement::open(made.to_string().as_bytes()), Ok(made));
    let other = SignerKey::new("elsewhere", KeyKind::Plain, [9; 32]).expect("a good name");
    assert!(matches!(Statement::rotated(&key(1), &other), Err(StatementError::Names { .. })));
}

#[test]
fn given_a_statement_that_was_made_up_then_it_is_refused() {
    let good = Statement::rotated(&key(1), &key(2)).expect("of one log").to_string();
    let open = |text: &str| Statement::open(text.as_bytes()).expect_err(text);
    let lines: Vec<&str> = good.lines().collect();
    let without = |skip: usize| -> String {
        lines.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, line)| format!("{line}\n")).collect()
    };
    assert_eq!(open(&without(5)), StatementError::Unsigned(key(1).verifier().clone()), "without the old signature");
    assert_eq!(open(&without(6)), StatementError::Unsigned(key(2).verifier().clone()), "without the new signature");
    assert!(matches!(open(&good.replace("key rotated", "key lost")), StatementError::Note(NoteError::Wrong { .. })));
    assert_eq!(open(&good.replace("key rotated", "key sold")), StatementError::Text);
    assert_eq!(open(&good.replacen(ORIGIN, "another.example/log", 1)), StatementError::Text);
    assert!(matches!(open(""), StatementError::Note(_)));
    // A checkpoint signed by both is no statement.
    assert_eq!(open(&signed(100, &[1, 2]).to_string()), StatementError::Text);
}

/// K7: an old key keeps vouching for the log as it was, and for nothing later.
#[test]
fn given_a_list_then_each_key_signs_its_own_sizes_and_both_the_one_between() {
    let list = list();
    let expected: [(u64, &[u8]); 9] = [
        (0, &[1]),
        (99, &[1]),
        (100, &[1, 2]),
        (101, &[2]),
        (199, &[2]),
        (200, &[3]),
        (299, &[3]),
        (300, &[3, 4]),
        (9_000, &[4]),
    ];
    let trust = list.trust();
    for (size, seeds) in expected {
        let keys: Vec<VerifierKey> = seeds.iter().map(|seed| key(*seed).verifier().clone()).collect();
        assert_eq!(list.at(size).into_iter().cloned().collect::<Vec<_>>(), keys, "{size}");
        for seed in 1..=4 {
            let opened = trust.open_note(signed(size, &[seed]));
            let refused = TrustError::Retired { key: key(seed).verifier().clone(), size };
            match seeds.contains(&seed) {
                true => assert!(opened.is_ok(), "{size} {seed}: {opened:?}"),
                false => assert_eq!(opened, Err(refused), "{size} {seed}"),
            }
        }
    }
    assert_eq!(list.breaks().map(|term| term.from).collect::<Vec<_>>(), [200]);
}

#[test]
fn given_one_known_key_then_rotations_lead_to_others_and_a_loss_to_none() {
    let list = list();
    let believes = |known: u8, size: u64, seed: u8| {
        list.trust_from(&[key(known).verifier().clone()]).open_note(signed(size, &[seed])).is_ok()
    };
    for known in [1, 2] {
        assert!(believes(known, 50, 1) && believes(known, 150, 2), "{known}");
        assert!(!believes(known, 250, 3) && !believes(known, 400, 4), "{known}");
        assert!(!believes(known, 150, 1), "{known}: used after it was replaced");
    }
    for known in [3, 4] {
        assert!(!believes(known, 50, 1) && !believes(known, 150, 2), "{known}");
        assert!(believes(known, 250, 3) && believes(known, 400, 4), "{known}");
    }
    let both = list.trust_from(&[key(1).verifier().clone(), key(4).verifier().clone()]);
    for (size, seed) in [(50, 1), (150, 2), (250, 3), (400, 4)] {
        assert!(both.open_note(signed(size, &[seed])).is_ok(), "{size}");
    }
    assert!(believes(9, 50, 9), "a key that is in no list");
    assert!(!believes(9, 50, 1));
}

#[test]
fn given_a_list_then_it_is_written_and_read_again() {
    for list in [list(), KeyList::one(key(1).verifier().clone()), KeyList::new(vec![lost(7, None, 2)]).expect("a list")]
    {
        let text = list.to_string();
        assert_eq!(text.parse(), Ok(list.clone()), "{text}");
        let first = text.lines().next().and_then(|line| line.parse::<VerifierKey>().ok());
        assert_eq!(first.as_ref(), Some(&list.newest().key), "the first line is the key in use");
        let alone: KeyList = format!("{}\n", list.newest().key).parse().expect("a key alone");
        assert_eq!(alone, KeyList::one(list.newest().key.clone()));
    }
}

#[test]
fn given_a_list_that_was_changed_then_it_is_refused() {
    let good = list().to_string();
    let read = |text: &str| text.parse::<KeyList>().expect_err(text);
    assert_eq!(read(""), KeyListError::Empty);
    assert_eq!(read(&"x".repeat(2_000_000)), KeyListError::Long(2_000_000));
    assert!(matches!(read("nonsense"), KeyListError::Key { line: 1, .. }));
    assert_eq!(read(&good.replace("from 100", "from 101")), KeyListError::Line(3), "the one before ends at 100");
    assert_eq!(read(&good.replace("until 199", "until 250")), KeyListError::Line(4));
    assert_eq!(read(&good.replace("from 0 until 100", "until 100")), KeyListError::Line(3));
    assert_eq!(read(&good.replace("from 0 until 100", "from 00 until 100")), KeyListError::Line(3));
    assert_eq!(read(&good.replace(" lost ", " rotated ")), KeyListError::Line(5));
    assert_eq!(read(&good.replace("rotated ", "rotated !")), KeyListError::Line(4));
    assert_eq!(read(&good.replace("from 0 until 100", "from 0 until 100 first")), KeyListError::Line(3));
    let lines: Vec<&str> = good.lines().collect();
    let without = |skip: usize| -> String {
        lines.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, line)| format!("{line}\n")).collect()
    };
    assert!(matches!(read(&without(3)), KeyListError::Strange(_)), "a key left out");
    assert!(matches!(read(&without(5)), KeyListError::Newest(_)), "the newest left out");
    let first = || KeyTerm::first(key(1).verifier().clone());
    let made = |terms: Vec<KeyTerm>| KeyList::new(terms).expect_err("wrong");
    assert!(matches!(made(vec![first(), rotated(10, 1, 2), rotated(20, 2, 1)]), KeyListError::Twice(_)));
    assert!(matches!(made(vec![first(), rotated(10, 1, 2), rotated(10, 2, 3)]), KeyListError::Order(_)));
    assert!(matches!(
        made(vec![first(), KeyTerm { from: 10, ..KeyTerm::first(key(2).verifier().clone()) }]),
        KeyListError::Order(_)
    ));
    assert!(matches!(made(vec![first(), rotated(10, 3, 2)]), KeyListError::Strange(_)));
    assert!(matches!(made(vec![rotated(10, 1, 2)]), KeyListError::Strange(_)));
    assert_eq!(made(vec![]), KeyListError::Empty);
}
