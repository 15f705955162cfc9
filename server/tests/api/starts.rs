//! What the server was started with: on the pages, in the API, in packs, and never with a secret.

use super::rig::Rig;
use axum::http::StatusCode;
use serde_json::Value;
use sternway_domain::actor::Role;
use sternway_server::config::{Effective, SettingFlags};
use sternway_server::notary::Signer;

const LIST: &str = "/api/v1/decisions?action=configure";

fn file(texts: &str, secret: &str) -> String {
    format!(
        "alarms = [\"ops\"]\n[log.retention]\ntexts = \"{texts}\"\n[channels.ops]\nwebhook = \"https://chat.example.org/{secret}\"\n\
         secret = \"{secret}\"\n[connections.stock]\nurl = \"postgres://reader:{secret}@db/stock\"\n"
    )
}

/// As `sternway serve` does with this file. Says whether it left an entry.
async fn started(rig: &Rig, text: &str) -> bool {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("sternway.toml");
    std::fs::write(&path, text).expect("written");
    let effective = Effective::collect(Some(&path), |_| None, &SettingFlags::default()).expect("collected");
    effective.config().expect("it could start");
    rig.base.service.started_with(&effective.recorded()).await.expect("written down")
}

async fn starts(rig: &Rig) -> Vec<Value> {
    let answer = rig.get(Role::Auditor, LIST).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn given_a_file_that_changes_when_started_then_pages_api_and_pack_say_what_and_no_secret_is_there() {
    let rig = Rig::new().await;
    assert!(started(&rig, &file("365d", "s3cret-of-before")).await);
    assert!(!started(&rig, &file("365d", "s3cret-of-before")).await, "a restart is silent");
    assert!(!started(&rig, &file("365d", "another-s3cret")).await, "a secret is not compared: it is not known");
    assert!(started(&rig, &file("730d", "another-s3cret")).await);

    let all = starts(&rig).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let [after, before] = [&all[0], &all[1]];
    let changed = "started with other settings: `log.retention.texts` from 365d to 730d";
    assert_eq!(after["reason"], format!("Sternway {} {changed}", env!("CARGO_PKG_VERSION")));
    assert!(before["reason"].as_str().is_some_and(|reason| reason.ends_with("for the first time")), "{before}");
    let plain = rig.get(Role::Auditor, "/api/v1/decisions").await.json();
    let acts = plain["items"].as_array().expect("a list").iter().filter(|row| row["action"] == "configure").count();
    assert_eq!(acts, 2, "it is an act, not a mere record");

    let (id, digest) = (after["id"].as_str().expect("an id"), after["evidence"].as_str().expect("a digest"));
    let evidence = rig.get(Role::Auditor, &format!("/api/v1/evidence/{digest}")).await.json();
    let kept = &evidence["settings"];
    assert_eq!((&kept["log.retention.texts"], &kept["connections.stock"]), (&"730d".into(), &"hidden".into()));

    let session = rig.session(Role::Auditor).await;
    let page = rig.page(Some(&session), &format!("/decisions/{id}")).await.text;
    for expected in ["Server configured log.retention.texts", "What the server was started with", ">730d<", ">changed<"]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let first = rig.page(Some(&session), &format!("/decisions/{}", before["id"].as_str().expect("an id"))).await.text;
    assert!(first.contains("Server configured all settings") && !first.contains(">changed<"), "{first}");
    let list = rig.page(Some(&session), "/decisions?act=configure").await.text;
    assert!(list.contains("Server configured") && list.contains("rule start"), "{list}");

    Signer::new(rig.base.service.clone(), "test".to_owned()).turn().await;
    let pack = rig.bytes(Role::Auditor, &format!("/api/v1/evidence-pack?decision={id}")).await;
    let name = format!("evidence/{}.json", digest.trim_start_matches("sha256:"));
    assert!(pack.windows(name.len()).any(|part| part == name.as_bytes()), "the pack has {name}");

    // Nowhere in the database, whatever it is called.
    let database = rig.base.config.database.trim_start_matches("sqlite:").to_owned();
    for beside in ["", "-wal"] {
        let bytes = std::fs::read(format!("{database}{beside}")).unwrap_or_default();
        assert!(beside == "-wal" || !bytes.is_empty(), "there is a database");
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "a secret is in `{database}{beside}`");
    }
}

/// It waits for nobody: what was changed while the log is not trusted is what an auditor asks for first.
#[tokio::test]
async fn given_a_log_that_is_held_when_started_with_other_settings_then_it_starts_and_they_are_in_the_log() {
    let rig = Rig::new().await;
    assert!(started(&rig, &file("365d", "x")).await);
    let service = &rig.base.service;
    let why = "the log is another one".to_owned();
    service.memory.distrust(service.store.as_ref(), service.clock.now(), why).await.expect("held");
    assert!(started(&rig, &file("730d", "x")).await);
    assert!(service.memory.rewound().is_some(), "and it is held all the same");
    assert_eq!(starts(&rig).await.len(), 2);
}

/// What the settings were before may have been taken out with the entry's texts.
#[tokio::test]
async fn given_settings_of_before_that_are_no_longer_kept_when_started_then_it_says_so() {
    let rig = Rig::new().await;
    assert!(started(&rig, &file("365d", "x")).await);
    let mut link =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&rig.base.config.database).await.expect("opened");
    sqlx::raw_sql("DROP TRIGGER evidence_no_delete; DELETE FROM evidence").execute(&mut link).await.expect("gone");
    assert!(!started(&rig, &file("365d", "x")).await, "its digest is still known");
    assert!(started(&rig, &file("730d", "x")).await);
    let told = starts(&rig).await;
    assert!(told[0]["reason"].as_str().is_some_and(|reason| reason.ends_with("is no longer kept")), "{told:?}");
}
