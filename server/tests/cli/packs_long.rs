//! Packs of a long log, and of one with another past.

use super::audit::{act, address, told};
use super::rig::{Ran, bare, finish};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sternway_domain::actor::{Actor, Role, Rule};
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::audit::pack::Asked;
use sternway_domain::audit::record::{Links, Record};
use sternway_domain::audit::{Origin, Outcome, leaf_hash};
use sternway_domain::id::{Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::plan::{Metric, Weight};
use sternway_domain::release::State;
use sternway_domain::time::{Span, Timestamp};
use sternway_server::notary::{Notary, Signer};
use sternway_server::ports::{Clock, Rng};
use sternway_server::service::{Caller, Evidence, ExportRequest, Point, Service};
use sternway_server::store::rows::Unit;
use sternway_server::store::{SqliteStore, Store};
use sternway_server::system::{SystemClock, SystemRng};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// As many as get no proof of their own.
const MANY: u128 = 2_100;

/// When entry `n` is dated.
fn at(n: u128) -> Timestamp {
    act(n, "").row.at
}

/// A clock that stands and a randomness that is none: the same pack to the last byte.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_096_800)
    }
}

impl Rng for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Twenty minutes, the canary worse from the middle on.
fn seen() -> Evidence {
    let begin = Timestamp::from_secs(1_795_000_000);
    let point = |i: i64| {
        let wave = ((i * 37) % 11) as f64 / 11.0;
        let worse = if i > 40 { 0.012 } else { 0.0 };
        let arm = |errors: f64, latency: f64, traffic: f64| {
            BTreeMap::from([(Metric::Errors, errors), (Metric::Latency(99), latency), (Metric::Traffic, traffic)])
        };
        Point {
            at: begin + Span::from_secs(i * 15),
            canary: arm(0.001 + 0.001 * wave + worse, 0.21 + 0.02 * wave, 100.0 + wave),
            baseline: arm(0.001 + 0.0005 * wave, 0.2 + 0.01 * wave, 1_900.0 + 20.0 * wave),
            requests: (1_500.0, 28_500.0),
            errors: (3.0, 30.0),
        }
    };
    let points: Vec<Point> = (0..80).map(point).collect();
    let release = ReleaseId(uuid::Uuid::from_u128(3));
    Evidence {
        at: points[79].at,
        release,
        service: ServiceName::new("checkout").unwrap(),
        version: 4,
        state: State::Promoted,
        plan: Digest::of(b"plan"),
        verdict: None,
        inputs: None,
        traffic: None,
        course: None,
        stages: vec![(points[20].at, Weight::FULL)],
        points,
    }
}

/// The verifier makes the report again: whatever changes its bytes needs another `report::VERSION`, or good packs of before
/// are called bad.
#[tokio::test(flavor = "multi_thread")]
async fn given_the_same_entries_then_the_report_has_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let key = SignerKey::new("sternway.example.com/log", KeyKind::Plain, [5; 32]).unwrap();
    let notary = Notary::new(key, None);
    let store = Arc::new(SqliteStore::open(&address(&dir.path().join("still.db"))).await.unwrap());
    let body = serde_json::to_string(&seen()).unwrap();
    let digest = Digest::of(body.as_bytes());
    for n in 0..30 {
        let mut decision = act(n, &"errors at 3 % after the canary had run for a while ".repeat(1 + n as usize % 4));
        if n % 10 == 3 {
            let mut entry = told(&decision);
            entry.evidence = Some(digest.clone());
            entry.effects = vec!["ask for 25 % of traffic".to_owned()];
            entry.overridden = vec!["no pass for this stage".to_owned()];
            if n == 13 {
                entry.outcome = Outcome::Refused { why: "the release has changed".to_owned() };
                entry.actor = Actor::Automation { rule: Rule::RollBackOnFail };
            }
            let sealed = Record::seal(&entry, &Links::default(), || Salt([n as u8; 32])).unwrap();
            decision.leaf_hash = leaf_hash(&sealed.bytes);
            (decision.entry, decision.openings) = (sealed.bytes, sealed.openings);
            decision.row.evidence = Some(digest.clone());
        }
        let evidence = vec![(digest.clone(), body.clone())];
        store.commit(Unit { decision: Some(decision), evidence, ..Unit::default() }).await.unwrap();
    }
    let mut service = Service::new(store, Arc::new(Still), Arc::new(Still));
    service.notary = notary.clone();
    Signer::new(service.clone(), "test".into()).turn().await;
    let pack = exported(&dir, &service, 0, 30).await;
    verified(&pack, &notary, &[]).await.done();
    let files = super::packs_zip::unpacked(&pack);
    if let Ok(keep) = std::env::var("STERNWAY_KEEP_REPORT") {
        std::fs::write(keep, &files["report.pdf"]).unwrap();
    }
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let found = (manifest["about"]["report_version"].as_u64(), Digest::of(&files["report.pdf"]).to_string());
    assert_eq!(
        found,
        (Some(1), REPORT.to_owned()),
        "the report has changed: raise `report::VERSION`, then this digest"
    );
}

/// Of the report of version 1.
const REPORT: &str = "sha256:44a10a509001e64df9317891ac5db24721ea43cc3ee4ecd7b301f489b3339cf1";

/// A signed log of so many entries.
async fn laid(dir: &TempDir, name: &str, entries: u128, reason: &str, notary: &Notary) -> Service {
    let store = Arc::new(SqliteStore::open(&address(&dir.path().join(name))).await.unwrap());
    for n in 0..entries {
        store.commit(Unit { decision: Some(act(n, reason)), ..Unit::default() }).await.unwrap();
    }
    let mut service = Service::new(store, Arc::new(SystemClock), Arc::new(SystemRng));
    service.notary = notary.clone();
    Signer::new(service.clone(), "test".into()).turn().await;
    service
}

async fn exported(dir: &TempDir, service: &Service, from: u128, to: u128) -> PathBuf {
    let actor = Actor::Person { id: PersonId(uuid::Uuid::from_u128(1)), name: "Ada".into(), role: Role::Auditor };
    let caller = Caller { actor, origin: Origin { transport: "api".into(), ..Origin::default() } };
    let request = ExportRequest { asked: Asked::Period { from: at(from), to: at(to), service: None }, pin: None };
    let mut exported = service.export(&caller, &request, CancellationToken::new()).await.unwrap();
    let place = dir.path().join(format!("{}.zip", uuid::Uuid::new_v4()));
    let mut file = std::fs::File::create(&place).unwrap();
    while let Some(piece) = exported.pieces.recv().await {
        let piece = piece.unwrap();
        // However long the log is: little is made ahead of whoever takes it.
        assert!(piece.len() <= 64 << 10 && exported.pieces.len() <= 4);
        file.write_all(&piece).unwrap();
    }
    place
}

async fn verified(pack: &Path, notary: &Notary, more: &[&str]) -> Ran {
    let (pack, key) = (pack.display().to_string(), notary.keys()[0].to_string());
    finish(bare(&[&["audit", "verify", &pack, "--json", "--key", &key], more].concat())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_long_log_when_a_part_is_exported_then_the_stretch_proves_all_of_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let notary = Notary::passing(&SystemRng);
    let service = laid(&dir, "long.db", MANY + 50, "errors at 3 %", &notary).await;
    let pack = exported(&dir, &service, 20, MANY + 20).await;
    let good = verified(&pack, &notary, &[]).await.done().json();
    assert_eq!((&good["decisions"], &good["from"]), (&(MANY as u64).into(), &19.into()), "{good}");
    assert_eq!(good["entries"], MANY as u64 + 2, "one from before, one from after");
    let files = super::packs_zip::unpacked(&pack);
    assert!(!files.keys().any(|name| name.starts_with("proofs/")));
    assert!(files["report.pdf"].len() < 2 << 20, "{}", files["report.pdf"].len());
    let sheet = String::from_utf8(files["decisions.csv"].clone()).unwrap();
    assert_eq!(sheet.lines().count() as u128, MANY + 1);
    // Half a file's worth of entries later, one of them another one: its hash says which.
    let mut tampered = files.clone();
    let name = "entries/000000000275.jsonl";
    let text = String::from_utf8(tampered[name].clone()).unwrap().replacen("\\\"promote\\\"", "\\\"prom0te\\\"", 1);
    tampered.insert(name.to_owned(), text.into_bytes());
    super::packs_zip::packed(&pack, &tampered, true);
    let bad = verified(&pack, &notary, &[]).await.failed(1).json();
    assert_eq!((&bad["file"], &bad["entry"]), (&name.into(), &275.into()), "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_log_with_another_past_when_exported_then_whoever_remembers_the_old_one_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let notary = Notary::passing(&SystemRng);
    let good = laid(&dir, "good.db", 40, "errors at 3 %", &notary).await;
    let fork = laid(&dir, "fork.db", 40, "errors at 4 %", &notary).await;
    let note = good.store.checkpoint().await.unwrap().unwrap().note;
    let pin = dir.path().join("pin");
    std::fs::write(&pin, note).unwrap();
    let pin = ["--pin", pin.to_str().unwrap()];
    let (honest, forked) = (exported(&dir, &good, 5, 20).await, exported(&dir, &fork, 5, 20).await);
    verified(&honest, &notary, &pin).await.done();
    verified(&forked, &notary, &[]).await.done();
    let bad = verified(&forked, &notary, &pin).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("is not the one you remember"), "{bad}");
    // The log has grown since: this pack alone does not show that it begins with the pinned one.
    good.store.commit(Unit { decision: Some(act(40, "later")), ..Unit::default() }).await.unwrap();
    Signer::new(good.clone(), "test".into()).turn().await;
    let grown = exported(&dir, &good, 5, 20).await;
    verified(&grown, &notary, &[]).await.done();
    verified(&grown, &notary, &pin).await.failed(3).complains(&["sternway audit export --pin"]);
}
