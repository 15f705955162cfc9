//! Whether the log is the one that was signed: good ones pass, and whatever was changed is named.

use super::rig::{Ran, Rig, bare, finish};
use std::path::Path;
use std::sync::Arc;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::record::{Leaf, Links, RECORD_VERSION, Record};
use sternway_domain::audit::{Entry, Origin, Outcome, Target, leaf_hash};
use sternway_domain::id::{DecisionId, Digest, PersonId};
use sternway_domain::time::Timestamp;
use sternway_server::documents::{self, Document};
use sternway_server::notary::{Notary, Signer};
use sternway_server::service::{AppliedDocument, Service};
use sternway_server::store::rows::{DecisionRow, DecisionWrite, DocumentWrite, Unit};
use sternway_server::store::{SqliteStore, Store};
use sternway_server::system::{SystemClock, SystemRng};
use tempfile::TempDir;
use uuid::Uuid;

/// More than one tile.
pub(super) const ENTRIES: u128 = 300;

/// Act `n` with its entry; `reason` makes logs differ.
pub(super) fn act(n: u128, reason: &str) -> DecisionWrite {
    resting(n, reason, None, &[])
}

/// The same, of somebody who applied a document.
pub(super) fn applying(n: u128, document: &DocumentWrite) -> DecisionWrite {
    let applied = AppliedDocument {
        kind: document.kind.clone(),
        name: document.name.clone(),
        digest: document.digest.to_string(),
        outcome: "created".into(),
        placebo: vec![],
        findings: vec![],
    };
    resting(n, "set up", None, &[applied])
}

/// The same, of somebody who saw something, or applied documents.
fn resting(n: u128, reason: &str, evidence: Option<Digest>, applied: &[AppliedDocument]) -> DecisionWrite {
    let (action, target) = match applied.is_empty() {
        true => ("promote", Target::Unknown { text: "checkout".into() }),
        false => ("apply", Target::Configuration { names: applied.iter().map(AppliedDocument::named).collect() }),
    };
    let at = Timestamp(1_795_000_000_000_000 + n as i64);
    let actor = Actor::Person { id: PersonId(Uuid::from_u128(1)), name: "Maya Ortiz".into(), role: Role::OnCall };
    let entry = Entry {
        v: RECORD_VERSION,
        id: DecisionId(Uuid::from_u128(n + 1)),
        at,
        occurred: None,
        actor: actor.clone(),
        action: action.into(),
        target,
        expected_version: Some(n as i64),
        reason: format!("{reason} {n}"),
        outcome: Outcome::Accepted,
        evidence: evidence.clone(),
        plan: None,
        runbooks: vec![],
        overridden: vec![],
        effects: applied.iter().map(AppliedDocument::effect).collect(),
        origin: Origin { transport: "cli".into(), ..Origin::default() },
    };
    let sealed = Record::seal(&entry, &Links::default(), || Salt([n as u8; 32])).unwrap();
    let row = DecisionRow::of(&entry, 0);
    DecisionWrite { row, leaf_hash: leaf_hash(&sealed.bytes), entry: sealed.bytes, openings: sealed.openings }
}

/// The act of it, texts and all.
pub(super) fn told(decision: &DecisionWrite) -> Entry {
    let text = |field| decision.openings.iter().find(|opening| opening.field == field).unwrap().text.clone();
    Leaf::decode(&decision.entry).unwrap().told(text)
}

pub(super) fn address(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// A signed log in this folder, and who signed it.
async fn log(dir: &TempDir, name: &str, reason: &str, notary: &Notary) {
    let store = Arc::new(SqliteStore::open(&address(&dir.path().join(name))).await.unwrap());
    let note = filled(store, reason, notary).await;
    std::fs::write(dir.path().join(format!("{name}.checkpoint")), note).unwrap();
}

/// What act `n` applies: a plan, later changed, and a runbook.
fn applied(n: u128) -> Vec<Document> {
    let files = match n {
        250 => vec![("quick.yaml", PLAN.to_owned()), ("back.md", RUNBOOK.to_owned())],
        251 => vec![("quick.yaml", PLAN.replace("5m", "6m"))],
        _ => vec![],
    };
    let files: Vec<_> = files.into_iter().map(|(file, text)| (file.to_owned(), text)).collect();
    documents::parse(&files).expect("good documents")
}

const RUNBOOK: &str = "---\nkind: Runbook\nname: payments-back\ntitle: Back\nroles:\n  - { role: lead, duty: leads }\n---\n\n\
    ## 1. Stop\nRole: lead\n\nCall the bank.\n";

const PLAN: &str = "kind: Plan
name: quick
mode: manual
stages:
  - { weight: 5, bake: 5m }
  - { weight: 100, bake: 5m }
guards:
  - { metric: errors }
";

/// Entries of acts, signed, two at a time on the same evidence; the checkpoint.
pub(super) async fn filled(store: Arc<dyn Store>, reason: &str, notary: &Notary) -> String {
    for n in 0..ENTRIES {
        let seen = format!("seen by two: {}", n / 2);
        let digest = Digest::of(seen.as_bytes());
        let applied = applied(n);
        let named: Vec<_> = applied.iter().map(|document| AppliedDocument::of(document, "created")).collect();
        let decision = Some(resting(n, reason, Some(digest.clone()), &named));
        let documents = applied.iter().map(|document| document.to_write(Timestamp(1))).collect();
        let unit = Unit { decision, documents, evidence: vec![(digest, seen)], ..Unit::default() };
        store.commit(unit).await.unwrap();
    }
    let mut service = Service::new(store, Arc::new(SystemClock), Arc::new(SystemRng));
    service.notary = notary.clone();
    Signer::new(service.clone(), "test".into()).turn().await;
    service.store.checkpoint().await.unwrap().unwrap().note
}

async fn verified(path: &Path, notary: &Notary, more: &[&str]) -> Ran {
    let (database, key) = (address(path), notary.keys()[0].to_string());
    let arguments = ["audit", "verify", "--json", "--database", &database, "--key", &key];
    finish(bare(&[&arguments[..], more].concat())).await
}

#[tokio::test]
async fn given_a_log_with_another_past_or_key_when_verified_then_the_pin_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let (notary, stranger) = (Notary::passing(&SystemRng), Notary::passing(&SystemRng));
    log(&dir, "good.db", "errors at 3 %", &notary).await;
    log(&dir, "fork.db", "errors at 4 %", &notary).await;
    log(&dir, "stranger.db", "errors at 3 %", &stranger).await;
    let (good, fork, other) = (dir.path().join("good.db"), dir.path().join("fork.db"), dir.path().join("stranger.db"));
    let pin = dir.path().join("good.db.checkpoint").display().to_string();
    verified(&good, &notary, &["--pin", &pin]).await.done();
    verified(&fork, &notary, &[]).await.done();
    let forked = verified(&fork, &notary, &["--pin", &pin]).await.failed(1).json();
    assert!(forked["problem"].as_str().unwrap().contains("two histories were signed"), "{forked}");
    let strange = verified(&other, &notary, &[]).await.failed(1).json();
    assert!(strange["problem"].as_str().unwrap().contains("the newest checkpoint"), "{strange}");
    finish(bare(&["audit", "verify", "--database", "sqlite:/nowhere/at/all.db"])).await.failed(3);
}

#[tokio::test]
async fn given_a_server_when_verified_and_pinned_then_it_is_good_until_it_is_another_log() {
    let rig = Rig::new().await;
    let token = rig.token(Role::Auditor).await;
    let mut signer = Signer::new(rig.base.service.clone(), rig.base.holder.clone());
    signer.turn().await;
    let pin = rig.dir.path().join("pin").display().to_string();
    rig.run(&token, &["audit", "pin", &pin]).await.done().says(&["Pinned:", "entries, signed with sternway+"]);
    let manager = rig.token(Role::ReleaseManager).await;
    rig.created(&manager, "checkout", "quick-manual").await;
    signer.turn().await;
    rig.run(&token, &["audit", "verify", "--pin", &pin]).await.done().says(&["Good: ", "Signed: "]);
    rig.run(&token, &["audit", "pin", &pin]).await.done().says(&["is the one you remember and has grown"]);
    // Another log's checkpoint in its place.
    let dir = tempfile::tempdir().unwrap();
    let key = std::fs::read_to_string(rig.dir.path().join("cli.db.key")).unwrap();
    log(&dir, "other.db", "elsewhere", &Notary::new(key.trim().parse().unwrap(), None)).await;
    std::fs::copy(dir.path().join("other.db.checkpoint"), &pin).unwrap();
    rig.run(&token, &["audit", "pin", &pin]).await.failed(1).says(&["shorter than you remember"]);
    rig.run(&token, &["audit", "verify", "--pin", &pin, "--json"]).await.failed(1);
    rig.run("", &["audit", "verify"]).await.failed(3);
}
