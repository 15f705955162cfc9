use super::*;
use crate::store::rows::{DecisionRow, DecisionWrite, Unit};
use crate::store::scan::Scan;
use crate::store::{SqliteStore, Store as _};
use sternway_domain::actor::{Actor, Role, Rule};
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::record::{Links, RECORD_VERSION};
use sternway_domain::audit::{Entry, Origin, Outcome, Target, leaf_hash};
use sternway_domain::id::{DecisionId, FlagKey, PersonId, ReleaseId};
use sternway_domain::time::Timestamp;
use uuid::Uuid;

/// Acts of three kinds, in turn, the first on evidence.
fn entry(n: u128) -> Entry {
    let maya = Actor::Person { id: PersonId(Uuid::from_u128(1)), name: "Maya Ortiz".into(), role: Role::OnCall };
    let checkout = "checkout".parse().unwrap();
    let (actor, target, evidence) = match n % 3 {
        0 => {
            (maya, Target::Release { id: ReleaseId(Uuid::from_u128(7)), service: checkout }, Some(Digest::of(b"seen")))
        }
        1 => (Actor::Automation { rule: Rule::OnDeadline }, Target::Service { name: checkout }, None),
        _ => (Actor::Anonymous, Target::Unknown { text: "a \"thing\"\n".into() }, None),
    };
    Entry {
        v: RECORD_VERSION,
        id: DecisionId(Uuid::from_u128(n + 1)),
        at: Timestamp(1_795_000_000_000_000 + n as i64),
        occurred: None,
        actor,
        action: "promote".into(),
        target,
        expected_version: Some(17),
        reason: "errors at 3 %".into(),
        outcome: if n.is_multiple_of(2) { Outcome::Accepted } else { Outcome::Refused { why: "stale".into() } },
        evidence,
        plan: None,
        runbooks: vec![],
        overridden: vec!["no bake".into()],
        effects: vec!["25 %".into(), "50 %".into()],
        origin: Origin { transport: "cli".into(), ip: Some("192.0.2.7".into()), ..Origin::default() },
    }
}

fn written(entry: &Entry) -> DecisionWrite {
    let mut next = 0;
    let sealed = Record::seal(entry, &Links::default(), || {
        next += 1;
        Salt([next; 32])
    });
    let sealed = sealed.unwrap();
    let row = DecisionRow::of(entry, 0);
    DecisionWrite { row, leaf_hash: leaf_hash(&sealed.bytes), entry: sealed.bytes, openings: sealed.openings }
}

#[tokio::test]
async fn given_acts_as_the_store_keeps_them_when_read_then_none_is_read_twice_and_nothing_goes_on_without_need() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let store = SqliteStore::open(&format!("sqlite:{}", path.display())).await.unwrap();
    let commit = |entry: Entry, evidence| Unit { decision: Some(written(&entry)), evidence, ..Unit::default() };
    for n in 0..30 {
        let evidence = if n == 0 { vec![(Digest::of(b"seen"), "seen".to_owned())] } else { vec![] };
        store.commit(commit(entry(n), evidence)).await.unwrap();
    }
    let environment = "production".parse().unwrap();
    let key: FlagKey = "checkout.new-price".parse().unwrap();
    store.commit(commit(Entry { target: Target::Flag { key, environment }, ..entry(31) }, vec![])).await.unwrap();

    let scan = Scan::open(&path).unwrap();
    let mut reader = scan.reader().unwrap();
    let mut seen = Vec::new();
    let each = reader.each(3, 31, |stored| {
        let Ok(Leaf::Sealed(record)) = Leaf::decode(stored.entry) else { panic!("entry {}", stored.index) };
        let found = Found::at_once(&record, &stored).unwrap_or_else(|| panic!("entry {} is read twice", stored.index));
        let beside = Beside { openings: stored.texts.openings(), decision: stored.act()? };
        assert!(found.is_empty() && Found::of(3, Some(&Leaf::Sealed(record)), &beside).is_empty());
        seen.push(stored.index);
        Ok(())
    });
    each.unwrap();
    assert_eq!(seen, (3..31).collect::<Vec<_>>());

    let mut eye = Eye::default();
    let looked = eye.read(&mut reader, 0, 31).unwrap();
    assert!(looked.iter().all(|looked| looked.sealed && !looked.replayed && looked.remembered.is_some()));
    let more: Vec<u64> = looked.iter().filter(|looked| looked.more.is_some()).map(|looked| looked.index).collect();
    assert_eq!(more, [30], "only the flag's may explain evidence that is gone");
    assert_eq!(eye.good.len(), 1, "thirty acts, one piece of evidence");
}
