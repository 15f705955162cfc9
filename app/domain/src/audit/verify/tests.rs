use super::super::commitment::Salt;
use super::super::merkle::leaf_hash;
use super::super::record::{Links, PointsBack, Record, Relation};
use super::super::{Entry, Origin, Outcome, Target};
use super::*;
use crate::actor::Actor;
use crate::id::DecisionId;
use uuid::Uuid;

const ORIGIN: &str = "sternway.example/log";

fn entry_at(number: u64, at: i64, links: &Links) -> Vec<u8> {
    let entry = Entry {
        v: 2,
        id: DecisionId(Uuid::from_u128(u128::from(number))),
        at: Timestamp(at),
        occurred: None,
        actor: Actor::Anonymous,
        action: "sign_in".into(),
        target: Target::Account { name: format!("person {number}") },
        expected_version: None,
        reason: String::new(),
        outcome: Outcome::Accepted,
        evidence: None,
        plan: None,
        runbooks: vec![],
        overridden: vec![],
        effects: vec![],
        origin: Origin { transport: "browser".into(), ..Origin::default() },
    };
    Record::seal(&entry, links, || Salt([7; 32])).expect("it fits").bytes
}

fn entry(number: u64) -> Vec<u8> {
    entry_at(number, 1_000_000 * number as i64, &Links::default())
}

fn log(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(entry).collect()
}

fn hashes(log: &[Vec<u8>]) -> Vec<TreeHash> {
    log.iter().map(|entry| leaf_hash(entry)).collect()
}

fn head(log: &[Vec<u8>]) -> Checkpoint {
    let mut tree = Frontier::default();
    log.iter().for_each(|entry| tree.push(leaf_hash(entry)));
    Checkpoint::new(ORIGIN, tree.size(), tree.root()).expect("a good origin")
}

/// Heads at these sizes of the true log.
fn heads(log: &[Vec<u8>], sizes: &[usize]) -> Vec<Checkpoint> {
    sizes.iter().map(|size| head(&log[..*size])).collect()
}

/// Checks entries as they are found, beside the hashes that something remembers.
fn check(found: &[Vec<u8>], memory: Option<&[TreeHash]>, heads: Vec<Checkpoint>) -> Result<Verified, Bad> {
    let mut verifier = Verifier::new(heads, Depth::Meaning)?;
    for (index, bytes) in found.iter().enumerate() {
        let remembered = memory.and_then(|memory| memory.get(index).copied());
        verifier.entry(index as u64, bytes, remembered)?;
    }
    verifier.finish()
}

#[test]
fn given_an_untouched_log_then_it_passes_every_head() {
    let log = log(100);
    let all = heads(&log, &[0, 1, 64, 64, 90]);
    let verified = check(&log, Some(&hashes(&log)), all).expect("nothing is wrong");
    assert_eq!((verified.entries, verified.heads, verified.vouched), (100, 4, 90));
    assert_eq!(verified.root, head(&log).root);
    assert_eq!((verified.clock_back, verified.newest), (None, Some((Timestamp(99_000_000), 99))));
    assert!(check(&[], None, vec![]).is_ok());
}

#[test]
fn given_any_changed_entry_then_it_is_named() {
    let log = log(70);
    let memory = hashes(&log);
    for at in 0..70 {
        let mut found = log.clone();
        found[at] = entry(1_000 + at as u64);
        let index = at as u64;
        let bad = check(&found, Some(&memory), heads(&log, &[20, 50, 70])).expect_err("it was changed");
        let size = [20, 50, 70].into_iter().find(|size| *size > index).expect("one covers it");
        assert_eq!(bad, Bad::Changed { index, size });
        // Without any memory, between which heads.
        let bad = check(&found, None, heads(&log, &[20, 50, 70])).expect_err("it was changed");
        let Bad::Between { after, size, suspect: None, .. } = bad else { panic!("{bad}") };
        assert!((after..size).contains(&index), "{bad}");
        // A memory that was changed with it is not believed.
        let bad = check(&found, Some(&hashes(&found)), heads(&log, &[20, 50, 70])).expect_err("it was changed");
        assert!(matches!(bad, Bad::Between { .. }), "{bad}");
    }
    // Nor one that differs elsewhere: its first difference is where to look, not what is proven.
    let mut found = log.clone();
    found[30] = entry(1_000);
    let mut wrong = memory;
    wrong[25].0[0] ^= 1;
    let bad = check(&found, Some(&wrong), heads(&log, &[20, 70])).expect_err("it was changed");
    assert!(matches!(bad, Bad::Between { after: 20, size: 70, suspect: Some(25), .. }), "{bad}");
}

#[test]
fn given_entries_removed_swapped_doubled_or_put_in_then_it_is_found() {
    let log = log(70);
    let memory = hashes(&log);
    let all = || heads(&log, &[50, 70]);
    let mut removed = log.clone();
    removed.remove(7);
    assert_eq!(check(&removed, Some(&memory), all()).expect_err("removed").index(), Some(7));
    let mut swapped = log.clone();
    swapped.swap(7, 8);
    assert_eq!(check(&swapped, Some(&memory), all()).expect_err("swapped").index(), Some(7));
    let mut doubled = log.clone();
    doubled.insert(7, log[6].clone());
    assert_eq!(check(&doubled, Some(&memory), all()).expect_err("doubled").index(), Some(7));
    let mut put_in = log.clone();
    put_in.insert(7, entry(1_000));
    assert_eq!(check(&put_in, Some(&memory), all()).expect_err("put in").index(), Some(7));
    assert_eq!(check(&log[..60], None, all()), Err(Bad::Short { entries: 60, head: 70 }));
    assert_eq!(check(&log[..49], None, all()), Err(Bad::Short { entries: 49, head: 50 }));

    let mut verifier = Verifier::new(all(), Depth::Bytes).expect("good heads");
    verifier.entry(0, &log[0], None).expect("the first");
    assert_eq!(verifier.entry(2, &log[2], None), Err(Bad::Index { expected: 1, found: 2 }));
    assert_eq!(verifier.entry(0, &log[0], None), Err(Bad::Index { expected: 1, found: 0 }));
}

#[test]
fn given_a_changed_memory_then_the_entry_is_not_blamed() {
    let log = log(70);
    let mut memory = hashes(&log);
    memory[7].0[0] ^= 1;
    assert_eq!(check(&log, Some(&memory), heads(&log, &[70])), Err(Bad::Memory { index: 7 }));
    memory = hashes(&log);
    memory[65].0[0] ^= 1;
    assert_eq!(check(&log, Some(&memory), heads(&log, &[50])), Err(Bad::Unsigned { index: 65 }));
}

#[test]
fn given_an_entry_that_cannot_be_read_then_it_is_said_whether_it_was_signed_like_that() {
    let log = log(70);
    let mut found = log.clone();
    found[30] = b"{}".to_vec();
    let signed = check(&found, None, heads(&found, &[70])).expect_err("malformed");
    assert_eq!(signed, Bad::Malformed { index: 30, why: DecodeError::NoVersion });
    let changed = check(&found, None, heads(&log, &[20, 70])).expect_err("changed");
    assert!(matches!(changed, Bad::Between { after: 20, size: 70, suspect: Some(30), .. }), "{changed}");
    assert!(changed.to_string().contains("entries 20 to 69") && changed.to_string().contains("entry 30 first"));
    found[10] = entry(1_000);
    let both = check(&found, Some(&hashes(&log)), heads(&log, &[70])).expect_err("changed");
    assert_eq!(both, Bad::Changed { index: 10, size: 70 });
    let unsigned = check(&found, None, vec![]).expect_err("malformed");
    assert_eq!(unsigned.index(), Some(30));

    let mut verifier = Verifier::new(vec![], Depth::Bytes).expect("no heads");
    assert_eq!(verifier.entry(0, b"{}", None), Ok(()), "only the bytes were asked for");
    let long = vec![0; MAX_ENTRY_BYTES + 1];
    assert!(matches!(verifier.entry(1, &long, None), Err(Bad::Malformed { index: 1, .. })));
}

#[test]
fn given_two_histories_then_the_heads_alone_convict() {
    let log = log(70);
    let mut other = log.clone();
    other[3] = entry(1_000);
    let both = [heads(&log, &[70]), heads(&other, &[70])].concat();
    assert!(matches!(check(&log, None, both), Err(Bad::Heads { size: 70, .. })));
    // A pin of another history at a smaller size shows when the log passes it.
    let pins = [heads(&other, &[30]), heads(&log, &[70])].concat();
    let bad = check(&log, Some(&hashes(&log)), pins).expect_err("a fork");
    assert!(matches!(bad, Bad::Between { after: 0, size: 30, .. }), "{bad}");
    let mut elsewhere = heads(&log, &[70]);
    elsewhere[0].origin = "other.example".into();
    let two = [heads(&log, &[30]), elsewhere].concat();
    assert!(matches!(check(&log, None, two), Err(Bad::Origins { .. })));
    let mut wrong = heads(&log, &[0]);
    wrong[0].root = leaf_hash(b"");
    assert!(matches!(Verifier::new(wrong, Depth::Bytes), Err(Bad::Between { .. })));
}

#[test]
fn given_pointers_and_clocks_then_forward_is_wrong_and_backward_is_remarked() {
    let to = |index| Links {
        points_back: vec![PointsBack { index, relation: Relation::Outcome, fields: vec![] }],
        ..Links::default()
    };
    let mut found = log(3);
    found.push(entry_at(3, 500_000, &to(2)));
    let verified = check(&found, None, vec![]).expect("it points back");
    assert_eq!((verified.clock_back, verified.newest), (Some(3), Some((Timestamp(2_000_000), 2))));
    for forward in [4, 5] {
        found.truncate(4);
        found.push(entry_at(4, 500_000, &to(forward)));
        assert_eq!(check(&found, None, vec![]), Err(Bad::PointsForward { index: 4, to: forward }));
    }
}
