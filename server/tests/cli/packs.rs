//! Evidence packs of a real server: a good one is good, and whatever was done to one is found and named.

use super::packs_zip::{Files, manifest, packed, unpacked};
use super::rig::{Ran, Rig, bare, finish};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::{Origin, pack::Asked};
use sternway_domain::id::PersonId;
use sternway_domain::time::Timestamp;
use sternway_server::notary::Signer;
use sternway_server::ports::Clock;
use sternway_server::service::{Caller, ExportRequest, MOST_EXPORTS, RedactRequest, ServiceError};
use sternway_server::system::SystemClock;
use tokio_util::sync::CancellationToken;

const FORMULA: &str = "=HYPERLINK(\"https://example.org\",\"errors at 3 %\")";

/// A server with a release that went back by itself, one beside it, a refusal, and a text that was taken out.
pub(super) struct Story {
    pub(super) rig: Rig,
    auditor: String,
    pub(super) release: String,
    begun: Timestamp,
    pub(super) key: String,
}

impl Story {
    pub(super) async fn told() -> Self {
        let rig = Rig::new().await;
        let begun = SystemClock.now();
        rig.world.errors.store(2_000, Ordering::Relaxed);
        let manager = rig.token(Role::ReleaseManager).await;
        let viewer = rig.token(Role::Viewer).await;
        let release = rig.created(&manager, "checkout", "quick-automatic").await;
        rig.created(&manager, "search", "quick-manual").await;
        rig.run(&manager, &["release", "start", &release, "--reason", "go on"]).await.done();
        let refused = ["release", "rollback", &release, "--reason", FORMULA];
        rig.run(&viewer, &refused).await.failed(3);
        rig.run(&manager, &["release", "watch", &release, "--json"]).await.failed(1);
        let created = rig.run(&manager, &["decisions", "--release", &release, "--action", "create", "--json"]).await;
        let created = created.done().json()["items"][0]["id"].as_str().unwrap().parse().unwrap();
        let request =
            RedactRequest { decision: created, fields: vec![Field::Reason], reason: "a name was in it".into() };
        rig.base.service.redact(&admin(), &request, "redact").await.unwrap();
        let auditor = rig.token(Role::Auditor).await;
        Signer::new(rig.base.service.clone(), rig.base.holder.clone()).turn().await;
        let key = rig.base.service.notary.keys()[0].to_string();
        Self { rig, auditor, release, begun, key }
    }

    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.rig.dir.path().join(name)
    }

    pub(super) async fn exported(&self, name: &str, asked: &[&str]) -> PathBuf {
        let out = self.place(name);
        let to = out.display().to_string();
        let command = ["audit", "export", "--out", &to];
        self.rig.run(&self.auditor, &[&command[..], asked].concat()).await.done().says(&["Saved: ", "audit verify"]);
        out
    }

    pub(super) async fn verified(&self, pack: &Path, more: &[&str]) -> Ran {
        let pack = pack.display().to_string();
        // Whatever is in the environment of a server: none is asked.
        finish(bare(&[&["audit", "verify", &pack, "--json", "--server", "http://127.0.0.1:1"], more].concat())).await
    }

    async fn good(&self, pack: &Path) -> Value {
        self.verified(pack, &["--key", &self.key]).await.done().json()
    }
}

fn admin() -> Caller {
    let actor = Actor::Person { id: PersonId(uuid::Uuid::from_u128(77)), name: "Ada Min".into(), role: Role::Admin };
    Caller { actor, origin: Origin { transport: "api".into(), ..Origin::default() } }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_release_when_exported_then_the_pack_is_whole_and_its_report_is_read() {
    let story = Story::told().await;
    let pack = story.exported("release.zip", &["--release", &story.release]).await;
    let good = story.good(&pack).await;
    assert_eq!((&good["good"], &good["redacted"], &good["key_given"]), (&json!(true), &json!(1), &json!(true)));
    let decisions = good["decisions"].as_u64().unwrap();
    assert!(decisions >= 4 && good["evidence"].as_u64() >= Some(2), "{good}");
    assert!(good["verdicts_replayed"].as_u64() >= Some(1), "{good}");
    assert!(good["entries"].as_u64().unwrap() > decisions, "entries of others stand between: {good}");
    let alone = story.verified(&pack, &[]).await.done().json();
    assert_eq!(alone["key_given"], false);
    let pack_name = pack.display().to_string();
    let told = finish(bare(&["audit", "verify", &pack_name, "--key", &story.key])).await.done();
    told.says(&["Good: release ", "none is missing", "found again to the last bit", "Redacted: 1 texts"]);

    let files = unpacked(&pack);
    assert!(files.contains_key("entries/later.jsonl"), "the redaction was written later: {:?}", files.keys());
    let sheet = String::from_utf8(files["decisions.csv"].clone()).unwrap();
    assert!(sheet.contains("\"'=HYPERLINK(\"\"https") && !sheet.contains(",=") && !sheet.contains(",\"="), "{sheet}");
    assert!(!sheet.contains("faster search"), "it was taken out: {sheet}");
    looked_at(&story, &files);

    // The verifier of a database looks at evidence, too.
    let database = format!("sqlite:{}", story.place("cli.db").display());
    let whole = ["audit", "verify", "--json", "--database", &database, "--key", &story.key];
    let kept = finish(bare(&whole)).await.done().json();
    assert!(kept["verdicts_replayed"].as_u64() >= Some(1), "{kept}");
    let name = files.keys().rfind(|name| name.starts_with("evidence/")).unwrap();
    let hex = name.trim_start_matches("evidence/").trim_end_matches(".json");
    story.rig.forge(&format!("sha256:{hex}").parse().unwrap(), "{}").await;
    let forged = finish(bare(&whole)).await.failed(1).json();
    assert!(forged["problem"].as_str().unwrap().contains("is not the one it names"), "{forged}");
}

/// The report is a PDF that others read, with what was decided in it as text.
fn looked_at(story: &Story, files: &Files) {
    let report = story.place("report.pdf");
    std::fs::write(&report, &files["report.pdf"]).unwrap();
    if let Ok(keep) = std::env::var("STERNWAY_KEEP_REPORT") {
        std::fs::copy(&report, keep).unwrap();
    }
    let checked = Command::new("qpdf").arg("--check").arg(&report).output().expect("qpdf is installed");
    assert!(checked.status.success(), "{checked:?}");
    let text =
        Command::new("pdftotext").args(["-layout"]).arg(&report).arg("-").output().expect("pdftotext is installed");
    let text = String::from_utf8(text.stdout).unwrap();
    for part in [
        "Release of checkout",
        "Roll back, checkout",
        "Maya release manager",
        "How to check this",
        "Refused",
        "errors at 3 %",
        "go on",
        "What was seen: fail",
        "Taken out later: reason",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("faster search"), "it was taken out");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_period_or_a_decision_when_exported_then_nothing_is_missing_and_the_log_says_who_asked() {
    let story = Story::told().await;
    let pin = story.place("pin").display().to_string();
    story.rig.run(&story.auditor, &["audit", "pin", &pin]).await.done();
    let (from, to) = (story.begun.to_rfc3339(), SystemClock.now().to_rfc3339());
    let period = story.exported("period.zip", &["--from", &from, "--to", &to, "--pin", &pin]).await;
    let good = story.good(&period).await;
    let whole = good["decisions"].as_u64().unwrap();
    assert!(whole >= 8 && good["redacted"] == 1, "{good}");
    story.verified(&period, &["--key", &story.key, "--pin", &pin]).await.done();

    // Of one service: entries of others are there and say nothing but that they are of others.
    let service = story.exported("service.zip", &["--from", &from, "--to", &to, "--service", "search"]).await;
    let of = story.good(&service).await;
    assert!(of["decisions"].as_u64().unwrap() < whole, "{of}");
    assert!(of["entries"].as_u64() >= good["entries"].as_u64(), "{of}");
    let nothing =
        story.exported("empty.zip", &["--from", "2001-01-01T00:00:00Z", "--to", "2001-02-01T00:00:00Z"]).await;
    assert_eq!(story.good(&nothing).await["decisions"], 0);

    // A period that was asked for shorter than the pack says.
    let late = story.exported("late.zip", &["--from", &to, "--to", "2101-01-01T00:00:00Z"]).await;
    story.good(&late).await;
    let mut files = unpacked(&late);
    manifest(&mut files, |v| v["about"]["asked"]["from"] = "2001-01-01T00:00:00Z".into());
    let place = story.place("longer.zip");
    packed(&place, &files, true);
    let open = story.verified(&place, &["--key", &story.key]).await.failed(1).json();
    let said = open["problem"].as_str().unwrap();
    assert!(
        said.contains("its texts are not here") || said.contains("nothing shows what was written before"),
        "{open}"
    );

    let id =
        story.rig.run(&story.auditor, &["decisions", "--action", "rollback", "--outcome", "accepted", "--json"]).await;
    let id = id.done().json()["items"][0]["id"].as_str().unwrap().to_owned();
    let one = story.exported("one.zip", &["--decision", &id, "--pin", &pin]).await;
    let single = story.good(&one).await;
    assert_eq!(
        (&single["decisions"], &single["entries"], &single["verdicts_replayed"]),
        (&json!(1), &json!(1), &json!(1))
    );
    story.verified(&one, &["--key", &story.key, "--pin", &pin]).await.done();
    // Within the entries of a pack any size can be recomputed.
    story.verified(&service, &["--key", &story.key, "--pin", &pin]).await.done();

    let list = story.rig.run(&story.auditor, &["decisions", "--action", "export", "--json"]).await.done().json();
    let list = list["items"].as_array().unwrap();
    assert_eq!(list.len(), 5, "{list:?}");
    assert!(list.iter().all(|row| row["actor"].as_str().unwrap().contains("Maya auditor")), "{list:?}");
    assert!(list[0]["reason"].as_str().unwrap().contains(&id), "{list:?}");
    for (asked, complaint) in [
        (vec!["--decision", "nothing"], "is not the id of a decision"),
        (vec!["--decision", "00000000-0000-7000-8000-000000000009"], "There is no decision"),
        (vec!["--release", "00000000-0000-7000-8000-000000000009"], "There is no release"),
        (vec!["--from", &to, "--to", &from], "not after"),
    ] {
        let out = story.place("never.zip");
        let to = out.display().to_string();
        let refused = story.rig.run(&story.auditor, &[&["audit", "export", "--out", &to], &asked[..]].concat()).await;
        refused.failed(3).complains(&[complaint]);
        assert!(!out.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_two_exports_under_way_when_a_third_is_asked_then_it_waits_and_refusals_are_entries() {
    let story = Story::told().await;
    let service = &story.rig.base.service;
    let asked = Asked::Period { from: story.begun, to: SystemClock.now(), service: None };
    let request = ExportRequest { asked, pin: None };
    let mut held = Vec::new();
    for _ in 0..MOST_EXPORTS {
        held.push(service.export(&admin(), &request, CancellationToken::new()).await.unwrap());
    }
    let third = service.export(&admin(), &request, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(third, ServiceError::Exporting), "{third}");
    let flags = Actor::Person { id: PersonId(uuid::Uuid::from_u128(78)), name: "App".into(), role: Role::FlagClient };
    let stranger = Caller { actor: flags, origin: Origin { transport: "api".into(), ..Origin::default() } };
    let denied = service.export(&stranger, &request, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(denied, ServiceError::Denied(_)), "{denied}");
    let list = story.rig.run(&story.auditor, &["decisions", "--action", "export", "--json"]).await.done().json();
    let outcomes: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "refused", "accepted", "accepted"]);

    // Whoever takes nothing holds up little: pieces are small, and few are made ahead.
    for mut exported in held {
        let mut bytes = 0;
        while let Some(piece) = exported.pieces.recv().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= 64 << 10 && exported.pieces.len() <= 4);
            bytes += piece.len();
        }
        assert!(bytes > 10_000, "{bytes}");
    }
}
