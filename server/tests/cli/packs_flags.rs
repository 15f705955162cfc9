//! Evidence of a flag's acts shows earlier ones, and goes with their texts. What goes without that is missing.

use super::packs_zip::{Files, manifest, packed, unpacked};
use super::rig::{Ran, Rig, admin, bare, fed, finish};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use sternway_domain::actor::Role;
use sternway_domain::audit::commitment::Field;
use sternway_server::notary::Signer;
use sternway_server::service::RedactRequest;

pub(super) const FLAG: &str =
    "kind: Flag\nkey: pay.new\npurpose: Pays by the new provider\nowner: team-pay\nexpires: 2020-01-31\n";

async fn verified(pack: &Path, key: &str) -> Ran {
    finish(bare(&["audit", "verify", &pack.display().to_string(), "--json", "--key", key])).await
}

/// As somebody could who makes the manifest anew, too.
fn gone(files: &mut Files, digest: &str) {
    let name = format!("evidence/{}.json", digest.trim_start_matches("sha256:"));
    assert!(files.remove(&name).is_some(), "{name} is not there");
    manifest(files, |value| value["evidence_missing"] = json!([digest]));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_evidence_of_a_flag_that_is_gone_then_only_a_text_of_an_earlier_act_explains_it() {
    let rig = Rig::new().await;
    let manager = rig.token(Role::ReleaseManager).await;
    fed(rig.command(&manager, &["apply", "-f", "-", "--reason", "first flag"]), FLAG).await.done();
    for (way, reason) in [("on", "Erika Mustermann asked"), ("off", "as planned"), ("on", "as planned again")] {
        rig.run(&manager, &["flags", way, "pay.new", "--reason", reason]).await.done();
    }
    let flips = rig.run(&manager, &["decisions", "--action", "flip", "--json"]).await.done().json();
    let flips: Vec<Value> = flips["items"].as_array().unwrap().iter().rev().cloned().collect();
    let [first, second, third] = &flips[..] else { panic!("{flips:?}") };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let decision = text(&first["id"]).parse().unwrap();
    let request = RedactRequest { decision, fields: vec![Field::Reason], reason: "she asked for it".into() };
    rig.base.service.redact(&admin(), &request, "redact").await.unwrap();
    Signer::new(rig.base.service.clone(), rig.base.holder.clone()).turn().await;
    let key = rig.base.service.notary.keys()[0].to_string();
    let auditor = rig.token(Role::Auditor).await;
    let export = async |flip: &Value, name: &str| -> PathBuf {
        let out = rig.dir.path().join(name);
        let (to, id) = (out.display().to_string(), text(&flip["id"]));
        rig.run(&auditor, &["audit", "export", "--out", &to, "--decision", &id]).await.done();
        out
    };

    // The second saw the reason of the first, which went with what it saw: both entries are in the pack.
    let pack = export(second, "second.zip").await;
    let good = verified(&pack, &key).await.done().json();
    assert_eq!((&good["good"], &good["evidence"]), (&json!(true), &json!(0)), "{good}");
    let files = unpacked(&pack);
    assert_eq!(String::from_utf8_lossy(&files["entries/later.jsonl"]).lines().count(), 2);
    let mut unexplained = files.clone();
    let kept: Vec<String> = String::from_utf8_lossy(&files["entries/later.jsonl"]).lines().map(str::to_owned).collect();
    let redaction = kept.iter().find(|line| line.contains("redacts")).unwrap();
    unexplained.insert("entries/later.jsonl".into(), format!("{redaction}\n").into_bytes());
    let place = rig.dir.path().join("changed.zip");
    packed(&place, &unexplained, true);
    verified(&place, &key).await.failed(1);

    // The third saw the second, of which nothing was taken out.
    let pack = export(third, "third.zip").await;
    verified(&pack, &key).await.done();
    let mut files = unpacked(&pack);
    gone(&mut files, &text(&third["entry"]["evidence"]));
    packed(&place, &files, true);
    let bad = verified(&place, &key).await.failed(1).json();
    let said = bad["problem"].as_str().unwrap();
    assert!(said.contains("is gone, and nothing of the entry was redacted"), "{bad}");
    assert_eq!(bad["entry"], third["leaf_index"], "{bad}");
}

/// Who applied or split it does not stand in the flag, so nobody saw the name.
#[tokio::test(flavor = "multi_thread")]
async fn given_a_name_that_goes_from_how_a_flag_was_defined_then_what_later_acts_saw_stays_and_packs_are_good() {
    let rig = Rig::new().await;
    let maya = rig.token(Role::ReleaseManager).await;
    fed(rig.command(&maya, &["apply", "-f", "-", "--reason", "first flag"]), FLAG).await.done();
    let split = ["flags", "split", "pay.new", "--share", "on=12.5", "--reason", "an eighth of all people"];
    rig.run(&maya, &split).await.done();
    for way in ["on", "off"] {
        rig.run(&maya, &["flags", way, "pay.new", "--reason", "as planned"]).await.done();
    }
    let all = rig.run(&maya, &["decisions", "--json"]).await.done().json();
    let all = all["items"].as_array().unwrap();
    let of = |reason: &str| all.iter().find(|item| item["reason"] == reason).unwrap_or_else(|| panic!("{reason}"));
    for (reason, key) in [("first flag", "first"), ("an eighth of all people", "second")] {
        let decision = of(reason)["id"].as_str().unwrap().parse().unwrap();
        let request = RedactRequest { decision, fields: vec![Field::OwnerName], reason: "she asked for it".into() };
        rig.base.service.redact(&admin(), &request, key).await.unwrap();
    }
    let seen = of("as planned")["entry"]["evidence"].as_str().unwrap().parse().unwrap();
    let seen = rig.base.service.store.evidence(&seen).await.unwrap().expect("it stays");
    assert!(seen.contains("Maya"), "{seen}");
    Signer::new(rig.base.service.clone(), rig.base.holder.clone()).turn().await;
    let key = rig.base.service.notary.keys()[0].to_string();
    let auditor = rig.token(Role::Auditor).await;
    let pack = rig.dir.path().join("flip.zip");
    let (to, id) = (pack.display().to_string(), of("as planned")["id"].as_str().unwrap());
    rig.run(&auditor, &["audit", "export", "--out", &to, "--decision", id]).await.done();
    verified(&pack, &key).await.done();
}
