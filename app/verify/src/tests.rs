//! Through the one door that the browser has: JSON in, JSON out.

use super::check;
use serde_json::{Value, json};
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::{Field, Salt};
use sternway_domain::audit::keys::{KeyList, KeyTerm, Statement};
use sternway_domain::audit::merkle::{Frontier, Plan, TreeHash, leaf_hash};
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::record::{Links, Record, Sealed};
use sternway_domain::audit::tile::TileSet;
use sternway_domain::audit::{Entry, Origin, Outcome, Target};
use sternway_domain::id::{DecisionId, Digest, PersonId};
use sternway_domain::time::Timestamp;

const ORIGIN: &str = "sternway.example/log";
const REASON: &str = "errors at 3 %,\r\nwe go back";
const EVIDENCE: &str = "{\"points\":[]}";
const ID: &str = "0192d3a0-0000-7000-8000-000000000019";
const INDEX: u64 = 4;

fn key(seed: u8) -> SignerKey {
    SignerKey::new(ORIGIN, KeyKind::Plain, [seed; 32]).expect("a good name")
}

fn entry() -> Entry {
    Entry {
        v: 1,
        id: DecisionId(ID.parse().expect("an id")),
        at: Timestamp::from_secs(1_790_000_000),
        occurred: None,
        actor: Actor::Person { id: PersonId(ID.parse().expect("an id")), name: "Maya".into(), role: Role::OnCall },
        action: "rollback".into(),
        target: Target::Service { name: "checkout".parse().expect("a name") },
        expected_version: Some(17),
        reason: REASON.into(),
        outcome: Outcome::Accepted,
        evidence: Some(Digest::of(EVIDENCE.as_bytes())),
        plan: None,
        runbooks: Vec::new(),
        overridden: Vec::new(),
        effects: vec!["ask for 0 % on the candidate".into()],
        origin: Origin { transport: "browser".into(), ..Origin::default() },
    }
}

fn sealed() -> Sealed {
    Record::seal(&entry(), &Links::default(), || Salt([7; 32])).expect("it fits")
}

/// A log with the entry at its place.
fn leaves(size: u64, entry: &[u8]) -> Vec<TreeHash> {
    let other = |index: u64| format!("entry {index}").into_bytes();
    (0..size).map(|at| if at == INDEX { leaf_hash(entry) } else { leaf_hash(&other(at)) }).collect()
}

fn hashes(leaves: &[TreeHash], plan: &Plan) -> Vec<TreeHash> {
    let mut set = TileSet::new(leaves.len() as u64);
    let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
    set.insert(0, 0, &bytes).expect("a tile of this tree");
    set.resolve(plan).expect("all are there")
}

fn note(leaves: &[TreeHash], key: &SignerKey) -> sternway_domain::audit::note::Note {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    let mut note =
        Checkpoint::new(ORIGIN, frontier.size(), frontier.root()).expect("a good origin").note().expect("text");
    note.sign(key);
    note
}

/// What the page asks when nothing was changed.
fn honest() -> Value {
    let sealed = sealed();
    let all = leaves(7, &sealed.bytes);
    let plan = Plan::inclusion(INDEX, 7).expect("in range");
    let proof = Proof { extra: None, index: INDEX, hashes: hashes(&all, &plan), checkpoint: note(&all, &key(1)) };
    json!({
        "id": ID,
        "index": INDEX,
        "key": format!("{}\n", key(1).verifier()),
        "proof": proof.to_string(),
        "entry": String::from_utf8(sealed.bytes).expect("JSON"),
        "openings": sealed.openings,
        "shown": entry(),
        "instead": "redacted",
        "texts": [["reason", REASON.replace("\r\n", "\n")], ["actor.name", "Maya"]],
        "removed": [],
        "evidence": EVIDENCE,
    })
}

fn checked(asked: &Value) -> Value {
    let kind = if asked["pinned"].is_object() { "pin" } else { "decision" };
    let mut all = json!({});
    all[kind] = asked.clone();
    serde_json::from_str(&check(&all.to_string())).expect("JSON")
}

/// Names of the steps that came out so.
fn steps(report: &Value, found: &str) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps").iter();
    let names = steps.filter(|step| step["found"] == found).map(|step| step["name"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

#[test]
fn given_an_honest_page_then_every_step_holds_and_says_what_was_checked() {
    let report = checked(&honest());
    assert_eq!(steps(&report, "good"), ["record", "path", "signature", "texts", "shown", "evidence"], "{report:#}");
    assert_eq!(report["steps"][1]["title"], "3 hashes lead from the leaf to the root");
    assert_eq!(report["steps"][1]["values"][0], "entry 4 of 7");
    assert_eq!(report["head"]["size"], 7);
    assert_eq!(report["head"]["keys"], json!([key(1).verifier().to_string()]));
}

#[test]
fn given_one_change_then_the_step_that_finds_it_is_named() {
    let entry = honest()["entry"].as_str().expect("text").to_owned();
    let proof = honest()["proof"].as_str().expect("text").to_owned();
    let hash = proof.lines().nth(2).expect("a hash").to_owned();
    let other = leaf_hash(b"another").to_string();
    let strange = key(2).verifier().to_string();
    let cases: [(&str, Value, &[&str]); 12] = [
        ("entry", json!(entry.replace("rollback", "promoted")), &["path", "shown"]),
        ("entry", json!(entry.replace("\"v\":2", "\"v\": 2")), &["record", "path"]),
        ("entry", json!(entry.replace(ID, &ID.replace("19", "20"))), &["record", "path", "shown"]),
        ("proof", json!(proof.replace(&hash, &other)), &["path"]),
        ("proof", json!(proof.replace("index 4", "index 5")), &["path"]),
        ("proof", json!("nothing"), &["path"]),
        ("index", json!(5), &["path"]),
        ("key", json!(strange), &["signature"]),
        ("key", json!(""), &["signature"]),
        ("texts", json!([["reason", "nothing happened"]]), &["texts"]),
        ("shown", json!({"reason": "nothing happened"}), &["shown"]),
        ("evidence", json!("{\"points\":[1]}"), &["evidence"]),
    ];
    for (field, value, bad) in cases {
        let mut asked = honest();
        asked[field] = value;
        let report = checked(&asked);
        assert_eq!(steps(&report, "bad"), bad, "{field}: {report:#}");
    }
    let mut asked = honest();
    asked["proof"] = json!(proof.replace("\n7\n", "\n8\n"));
    assert_eq!(steps(&checked(&asked), "bad"), ["signature"], "the head was changed");
    let mut asked = honest();
    asked["openings"][0]["text"] = json!("another");
    assert_eq!(steps(&checked(&asked), "bad"), ["texts", "shown"], "a text beside the record was changed");
}

#[test]
fn given_a_text_that_was_taken_out_then_the_rest_holds_and_it_must_be_said() {
    let mut asked = honest();
    let openings = asked["openings"].as_array_mut().expect("openings");
    openings.retain(|opening| opening["field"] != "reason");
    asked["texts"] = json!([["actor.name", "Maya"]]);
    asked["shown"]["reason"] = json!("redacted");
    assert_eq!(steps(&checked(&asked), "bad"), ["texts"], "nobody says that it is gone");
    asked["removed"] = json!([Field::Reason]);
    let report = checked(&asked);
    assert_eq!(steps(&report, "bad"), Vec::<String>::new(), "{report:#}");
    assert_eq!(report["steps"][3]["values"][0], "taken out later: `reason`");
    asked["texts"] = json!([["reason", "made up"]]);
    assert_eq!(steps(&checked(&asked), "bad"), ["texts"], "the page shows a text of which nothing is kept");
    asked["evidence"] = Value::Null;
    assert_eq!(steps(&checked(&asked), "note"), ["evidence"]);
}

#[test]
fn given_what_cannot_be_read_then_it_is_said_and_nothing_ends() {
    for asked in ["", "{}", "{\"decision\":{}}", "{\"head\":{\"key\":\"\",\"note\":\"\"}}", "[1"] {
        let report: Value = serde_json::from_str(&check(asked)).expect("JSON");
        assert_eq!(steps(&report, "bad").len(), 1, "{asked}: {report}");
    }
}

/// The log as it was remembered, and as it is now.
fn remembered(pinned: &[TreeHash], now: &[TreeHash], signed: &SignerKey) -> Value {
    let plan = Plan::consistency(pinned.len() as u64, now.len() as u64);
    let hashes: Vec<String> = match plan {
        Ok(plan) if pinned.len() < now.len() => hashes(now, &plan).iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    json!({
        "key": signed.verifier().to_string(),
        "note": note(now, signed).to_string(),
        "pinned": {
            "key": format!("{}\n", key(1).verifier()),
            "note": note(pinned, &key(1)).to_string(),
            "since": "12 Nov, 14:03 UTC",
            "size": pinned.len(),
        },
        "hashes": hashes,
    })
}

#[test]
fn given_what_is_remembered_then_growth_is_told_from_another_history_and_another_key() {
    let now = leaves(9, b"x");
    let grown = checked(&remembered(&now[..7], &now, &key(1)));
    assert_eq!(steps(&grown, "good"), ["pin"], "{grown:#}");
    assert_eq!(grown["steps"][0]["title"], "The log has only grown since 12 Nov, 14:03 UTC");
    assert_eq!(grown["steps"][0]["values"][0], "7 entries then, 9 now");
    assert_eq!(steps(&checked(&remembered(&now, &now, &key(1))), "good"), ["pin"]);

    let other = leaves(9, b"y");
    for (pinned, now) in [(&now[..7], &other[..]), (&now[..], &other[..]), (&now[..], &now[..7])] {
        let report = checked(&remembered(pinned, now, &key(1)));
        assert_eq!(steps(&report, "bad"), ["pin"], "{report:#}");
        let values = report["steps"][0]["values"].to_string();
        let named = [format!("Remembered: {} entries", pinned.len()), format!("Now: {} entries", now.len())];
        assert!(named.iter().all(|named| values.contains(named.as_str())), "{values}");
    }
    let mut unproven = remembered(&now[..7], &now, &key(1));
    unproven["hashes"] = json!([]);
    assert_eq!(steps(&checked(&unproven), "bad"), ["pin"]);

    let another = checked(&remembered(&now[..7], &now, &key(2)));
    assert_eq!(steps(&another, "bad"), ["key"], "{another:#}");
    assert_eq!(steps(&another, "good"), ["pin"], "it has still only grown");
    let mut damaged = remembered(&now[..7], &now, &key(1));
    damaged["pinned"]["note"] = json!("torn");
    assert_eq!(steps(&checked(&damaged), "note"), ["pin"]);
}

#[test]
fn given_a_key_that_was_replaced_then_what_the_remembered_one_vouches_for_is_told_from_a_lost_one() {
    let now = leaves(9, b"x");
    let first = KeyTerm::first(key(1).verifier().clone());
    let next = |statement| {
        let next = KeyTerm { key: key(2).verifier().clone(), from: 8, statement: Some(statement) };
        KeyList::new(vec![first.clone(), next]).expect("in order").to_string()
    };
    let mut asked = remembered(&now[..7], &now, &key(2));
    asked["key"] = json!(next(Statement::rotated(&key(1), &key(2)).expect("one log")));
    let report = checked(&asked);
    assert_eq!(
        (steps(&report, "good"), steps(&report, "bad")),
        (vec!["key".into(), "pin".into()], vec![]),
        "{report:#}"
    );

    let lost = next(Statement::lost(Some(key(1).verifier().clone()), &key(2)).expect("one log"));
    asked["key"] = json!(lost);
    assert_eq!(steps(&checked(&asked), "bad"), ["key"], "nothing leads from the remembered key to this one");
    let head = json!({"head": {"key": lost, "note": note(&now, &key(2)).to_string()}});
    let report: Value = serde_json::from_str(&check(&head.to_string())).expect("JSON");
    assert_eq!(report["steps"][0]["title"], "The key was lost at 8 entries: nothing vouches for the next one");
    assert_eq!(steps(&report, "note"), ["key"]);
    // The earlier key signs no size of the later one.
    let head = json!({"head": {"key": lost, "note": note(&now, &key(1)).to_string()}});
    let report: Value = serde_json::from_str(&check(&head.to_string())).expect("JSON");
    assert_eq!(steps(&report, "bad"), ["signature"], "{report:#}");
}
