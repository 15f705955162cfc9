use super::super::commitment::{Opening, Salt};
use super::super::{Entry, MAX_ENTRY_BYTES, Origin, Outcome, Target, canonical};
use super::*;
use crate::actor::Actor;
use proptest::prelude::*;
use uuid::Uuid;

const REDACTED: &str = "[redacted]";

fn entry() -> Entry {
    Entry {
        v: RECORD_VERSION,
        id: DecisionId(Uuid::from_u128(1)),
        at: Timestamp(1_795_269_795_123_456),
        occurred: None,
        actor: Actor::Token {
            id: TokenId(Uuid::from_u128(2)),
            name: "ci-deploy".into(),
            owner: PersonId(Uuid::from_u128(3)),
            owner_name: "Maya Ortiz".into(),
            role: Role::OnCall,
        },
        action: "rollback".into(),
        target: Target::Release {
            id: ReleaseId(Uuid::from_u128(4)),
            service: ServiceName::new("checkout").expect("a name"),
        },
        expected_version: Some(i64::MAX),
        reason: "errors at 3 %, said \"Ölaf\"\n".into(),
        outcome: Outcome::Refused { why: "`Maya Ortiz` may not roll back".into() },
        evidence: Some(Digest::of(b"evidence")),
        plan: Some(Digest::of(b"plan")),
        runbooks: vec![Digest::of(b"book")],
        overridden: vec!["no bake".into()],
        effects: vec!["ask for 0 %".into(), "named Maya".into()],
        origin: Origin {
            transport: "browser".into(),
            request_id: Some("00f067aa0ba902b7".into()),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
            ip: Some("192.0.2.7".into()),
            user_agent: Some("curl/8".into()),
        },
    }
}

/// The same, done.
fn accepted() -> Entry {
    Entry { outcome: Outcome::Accepted, ..entry() }
}

/// Salts that differ, and are the same at every run.
fn salts(first: u8) -> impl FnMut() -> Salt {
    let mut next = first;
    move || {
        next = next.wrapping_add(1);
        Salt([next; 32])
    }
}

fn sealed(entry: &Entry, links: &Links) -> Sealed {
    Record::seal(entry, links, salts(0)).expect("it fits")
}

fn links() -> Links {
    let approval = PointsBack { index: 7, relation: Relation::FollowsApproval, fields: Vec::new() };
    Links { documents: vec![Digest::of(b"document")], points_back: vec![approval] }
}

#[test]
fn given_an_act_then_its_leaf_shows_no_name_address_or_free_text() {
    let sealed = sealed(&entry(), &links());
    let text = String::from_utf8(sealed.bytes.clone()).expect("JSON is text");
    assert_eq!(canonical::check(&sealed.bytes), Ok(()));
    for hidden in ["Maya", "ci-deploy", "errors", "laf", "192.0.2", "ask for", "bake", "curl", "may not"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    for shown in ["rollback", "checkout", "on_call", "\"9223372036854775807\"", "4bf92f3577b34da6", "sha256:"] {
        assert!(text.contains(shown), "{shown} not in {text}");
    }
    assert_eq!(Leaf::decode(&sealed.bytes), Ok(Leaf::Sealed(Box::new(sealed.record.clone()))));
    assert_eq!(sealed.openings.len(), sealed.record.commitments().len());
    assert_eq!(sealed.record.open(&sealed.openings, REDACTED), Ok(entry()));
}

#[test]
fn given_the_same_act_twice_then_its_commitments_differ() {
    let one = Record::seal(&entry(), &links(), salts(0)).expect("it fits");
    let other = Record::seal(&entry(), &links(), salts(100)).expect("it fits");
    let mut all: Vec<_> = [one.record.commitments(), other.record.commitments()].concat();
    let before = all.len();
    all.sort_by_key(|(_, commitment)| *commitment);
    all.dedup_by_key(|(_, commitment)| *commitment);
    assert_eq!(all.len(), before);
}

#[test]
fn given_a_redaction_then_the_leaf_stays_and_the_rest_still_opens() {
    let mut sealed = sealed(&entry(), &links());
    let reason = sealed.openings.iter().position(|opening| opening.field == Field::Reason).expect("there");
    let removed = sealed.openings.remove(reason);
    assert_eq!(sealed.record.bytes().as_ref(), Ok(&sealed.bytes), "what is hashed has not changed");
    let opened = sealed.record.open(&sealed.openings, REDACTED).expect("the others open");
    assert_eq!((opened.reason.as_str(), opened.actor.label().as_str()), (REDACTED, "ci-deploy for Maya Ortiz"));

    let mut redactions = Redactions::default();
    let gone = Missing::Unexplained { index: 5, field: Field::Reason };
    assert_eq!(redactions.check(5, &sealed.record, &sealed.openings), Err(gone));
    let says = |fields: Vec<Field>| Links {
        points_back: vec![PointsBack { index: 5, relation: Relation::Redacts, fields }],
        ..Links::default()
    };
    let refused = Record::seal(&entry(), &says(vec![Field::Reason]), salts(0)).expect("it fits");
    redactions.take(8, &refused.record);
    assert!(!Redactions::concern(&refused.record) && redactions.removed().next().is_none(), "nothing was taken out");
    let redaction = Record::seal(&accepted(), &says(vec![Field::Reason]), salts(0)).expect("it fits");
    assert!(Redactions::concern(&redaction.record));
    redactions.take(9, &redaction.record);
    assert_eq!(redactions.check(5, &sealed.record, &sealed.openings), Ok(()));
    assert_eq!(
        redactions.check(6, &sealed.record, &sealed.openings),
        Err(Missing::Unexplained { index: 6, field: Field::Reason })
    );
    assert_eq!(redactions.iter().collect::<Vec<_>>(), [(5, Field::Reason, 9)]);
    // A restore brings the text back: that is found, too.
    sealed.openings.push(removed);
    let back = Missing::StillThere { index: 5, field: Field::Reason, by: 9 };
    assert_eq!(redactions.check(5, &sealed.record, &sealed.openings), Err(back));

    let empty = Record::seal(&entry(), &says(Vec::new()), salts(0)).expect("it fits");
    assert_eq!(Leaf::decode(&empty.bytes), Err(DecodeError::Fields(5)));
}

#[test]
fn given_evidence_that_is_gone_then_only_a_text_of_the_entry_or_of_an_earlier_one_about_the_same_explains_it() {
    let about = |key: &str| {
        let environment = "production".parse().expect("a name");
        let entry = Entry { target: Target::Flag { key: key.parse().expect("a key"), environment }, ..entry() };
        Record::seal(&entry, &Links::default(), salts(0)).expect("it fits").record
    };
    let takes = |fields: Vec<Field>, index: u64| {
        let points_back = vec![PointsBack { index, relation: Relation::Redacts, fields }];
        Record::seal(&accepted(), &Links { points_back, ..Links::default() }, salts(0)).expect("it fits").record
    };
    let mut redactions = Redactions::default();
    for (index, key) in [(5, "a.b"), (6, "other.flag"), (7, "a.b"), (8, "a.b"), (12, "a.b")] {
        redactions.take(index, &about(key));
    }
    redactions.take(9, &takes(vec![Field::Ip, Field::UserAgent], 5));
    assert!((5..=12).all(|index| !redactions.explain_evidence(index)), "addresses stand in no evidence");
    redactions.take(10, &takes(vec![Field::Reason], 7));
    let explained: Vec<u64> = (0..20).filter(|index| redactions.explain_evidence(*index)).collect();
    assert_eq!(explained, [7, 8], "not the one before, not another flag, and none from after it was taken out");
}

#[test]
fn given_another_text_beside_the_leaf_then_it_is_found() {
    let sealed = sealed(&entry(), &links());
    for at in 0..sealed.openings.len() {
        let mut changed = sealed.openings.clone();
        changed[at].text.push('!');
        let field = changed[at].field;
        assert_eq!(sealed.record.texts(&changed), Err(OpeningError::Changed(field)));
        let mut twice = sealed.openings.clone();
        twice.push(twice[at].clone());
        assert_eq!(sealed.record.texts(&twice), Err(OpeningError::Twice(field)));
    }
    let stranger = Opening { field: Field::Target(0), salt: Salt([0; 32]), text: "x".into() };
    assert_eq!(sealed.record.texts(&[stranger]), Err(OpeningError::Unknown(Field::Target(0))));
    // Swapping two texts of one kind is no way either.
    let mut swapped = sealed.openings.clone();
    for opening in &mut swapped {
        opening.field = match opening.field {
            Field::Effect(at) => Field::Effect(1 - at),
            field => field,
        };
    }
    assert!(sealed.record.texts(&swapped).is_err());
}

#[test]
fn given_what_cannot_stand_in_clear_then_it_is_refused() {
    let seal = |change: fn(&mut Entry)| {
        let mut entry = entry();
        change(&mut entry);
        Record::seal(&entry, &Links::default(), salts(0)).expect_err("it was taken")
    };
    assert!(matches!(seal(|entry| entry.action = "roll back".into()), SealError::Word { field: "action", .. }));
    assert!(matches!(seal(|entry| entry.origin.transport = String::new()), SealError::Word { field: "transport", .. }));
    let id = seal(|entry| entry.origin.request_id = Some("Maya Ortiz".into()));
    assert!(matches!(id, SealError::Word { field: "request id", .. }));
    assert!(matches!(seal(|entry| entry.at = Timestamp(i64::MAX)), SealError::Time(_)));
    assert!(matches!(seal(|entry| entry.effects = vec![String::new(); 2_000]), SealError::Long(_)));
    assert!(matches!(seal(|entry| entry.effects = vec![String::new(); 70_000]), SealError::Many(70_000)));
    // Length of texts does not matter: the leaf holds 47 characters for each.
    let mut long = entry();
    long.reason = "x".repeat(1_000_000);
    assert!(sealed(&long, &links()).bytes.len() < 2_500);
}

#[test]
fn given_bytes_that_are_no_entry_then_the_error_says_where() {
    let good = String::from_utf8(sealed(&entry(), &links()).bytes).expect("JSON is text");
    let decode = |text: &str| Leaf::decode(text.as_bytes()).expect_err(text);
    assert_eq!(decode(&"x".repeat(MAX_ENTRY_BYTES + 1)), DecodeError::Long(MAX_ENTRY_BYTES + 1));
    assert_eq!(decode("{}"), DecodeError::NoVersion);
    assert_eq!(decode(r#"{"v":"2"}"#), DecodeError::NoVersion);
    assert_eq!(decode(r#"{"v":2}"#), DecodeError::Record { at: 1, what: "action" });
    assert!(matches!(decode(r#"{"v": 2}"#), DecodeError::Form(_)));
    assert!(matches!(decode(&format!("{good} ")), DecodeError::Form(_)));
    let end = decode(&format!("{good},\"v\":2}}"));
    assert_eq!(end, DecodeError::Record { at: good.len(), what: "nothing after the entry" });
    for version in [0, 3, 12, 9_007_199_254_740_991] {
        assert_eq!(decode(&good.replace("\"v\":2", &format!("\"v\":{version}"))), DecodeError::Version(version));
    }
    for (from, to) in [
        // What belongs to no record.
        ("\"v\":2", "\"unknown\":1,\"v\":2"),
        ("\"v\":2", "\"v\":2,\"w\":2"),
        ("\"target\":{", "\"target\":{\"a\":1,"),
        ("\"kind\":\"token\"", "\"kind\":\"robot\""),
        ("\"role\":\"on_call\"", "\"role\":\"king\""),
        ("c1:", "c2:"),
        ("\"rollback\"", "\"roll back\""),
        ("\"rollback\"", "\"röll\""),
        ("sha256:", "sha512:"),
        ("\"index\":7", "\"index\":-7"),
        ("9223372036854775807", "9223372036854775808"),
        // What another reader would take for the same.
        ("\"action\":", "\"action\": "),
        ("\"rollback\"", "\"rollb\\u0061ck\""),
        ("\"9223372036854775807\"", "\"+9223372036854775807\""),
        ("\"9223372036854775807\"", "9223372036854775807"),
        ("\"evidence\":", "\"evidence\":null,\"evidence\":"),
        ("00000000-0000-0000-0000-000000000001", "00000000000000000000000000000001"),
        ("00000000-0000-0000-0000-000000000001", "{00000000-0000-0000-0000-000000000001}"),
        ("\"origin\"", "\"occurred\":null,\"origin\""),
        ("\"as\":\"follows_approval\",", "\"as\":\"follows_approval\",\"fields\":[],"),
        ("\"as\":\"follows_approval\"", "\"as\":{\"follows_approval\":null}"),
        ("\"at\":1795269795123456", "\"at\":01795269795123456"),
        ("\"at\":1795269795123456", "\"at\":1795269795123456.0"),
        ("\"at\":1795269795123456", "\"at\":-0"),
    ] {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        let at = good.find(from).expect("it is there");
        let DecodeError::Record { at: found, .. } = decode(&changed) else { panic!("{to}: {:?}", decode(&changed)) };
        assert!((at.saturating_sub(1)..=at + to.len()).contains(&found), "{to}: byte {found}, not near {at}");
    }
}

#[test]
fn given_an_entry_in_clear_then_it_is_read_as_it_was() {
    let mut clear = entry();
    clear.v = 1;
    let bytes = clear.canonical().expect("it fits");
    assert_eq!(Leaf::decode(&bytes), Ok(Leaf::Clear(Box::new(clear))));
    let text = String::from_utf8(bytes).expect("JSON is text");
    for wrong in [
        text.replace("\"v\":1", "\"v\": 1"),
        text.replace("\"v\":1", "\"u\":1,\"v\":1"),
        text.replace("rollback", "roll\\u0062ack"),
    ] {
        assert!(Leaf::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

fn entries() -> impl Strategy<Value = Entry> {
    let actors = prop_oneof![
        Just(Actor::Anonymous),
        Just(Actor::Automation { rule: Rule::OnDeadline }),
        any::<(u128, String)>().prop_map(|(id, name)| Actor::Person {
            id: PersonId(Uuid::from_u128(id)),
            name,
            role: Role::Admin
        }),
    ];
    let targets = prop_oneof![
        any::<String>().prop_map(|text| Target::Unknown { text }),
        any::<String>().prop_map(|name| Target::Account { name }),
        proptest::collection::vec(any::<String>(), 0..4).prop_map(|names| Target::Configuration { names }),
    ];
    let texts = proptest::collection::vec(any::<String>(), 0..4);
    let outcomes = proptest::option::of(any::<String>());
    let version = proptest::option::of(any::<i64>());
    (actors, targets, texts, outcomes, version, any::<String>(), -1i64 << 52..1 << 52).prop_map(
        |(actor, target, effects, why, expected_version, reason, at)| Entry {
            actor,
            target,
            effects,
            outcome: why.map_or(Outcome::Accepted, |why| Outcome::Refused { why }),
            expected_version,
            reason,
            at: Timestamp(at),
            occurred: (at % 2 == 0).then_some(Timestamp(at)),
            ..entry()
        },
    )
}

proptest! {
    #[test]
    fn every_act_is_sealed_read_and_opened(entry in entries()) {
        let sealed = sealed(&entry, &Links::default());
        prop_assert_eq!(Leaf::decode(&sealed.bytes), Ok(Leaf::Sealed(Box::new(sealed.record.clone()))));
        prop_assert_eq!(sealed.record.open(&sealed.openings, REDACTED), Ok(entry));
        let redacted = sealed.record.open(&[], REDACTED).expect("nothing to be wrong");
        prop_assert_eq!(redacted.reason, REDACTED);
    }

    /// Whatever is taken is written again with the same bytes: an act has one leaf.
    #[test]
    fn a_changed_leaf_is_refused_or_is_another_act(at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
        let sealed = sealed(&entry(), &links());
        let mut bytes = sealed.bytes.clone();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(Leaf::Sealed(record)) = Leaf::decode(&bytes) {
            prop_assert_ne!(&*record, &sealed.record);
            prop_assert_eq!(canonical::check(&bytes), Ok(()));
            prop_assert_eq!(record.bytes(), Ok(bytes));
        }
    }
}
