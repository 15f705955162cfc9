//! The log over HTTP: what is signed, its files, its proofs, and what is refused.

use super::rig::{Answer, Rig, new_release};
use axum::http::StatusCode;
use sqlx::{Connection, SqliteConnection};
use sternway_domain::actor::Role;
use sternway_domain::audit::checkpoint::{Checkpoint, Trust};
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::{check_consistency, leaf_hash};
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::tile::{self, TileSet};
use sternway_domain::audit::verify::{Depth, Verifier};
use sternway_server::notary::Signer;

pub(super) fn signer(rig: &Rig) -> Signer {
    Signer::new(rig.base.service.clone(), "test".to_owned())
}

pub(super) async fn read(rig: &Rig, path: &str) -> Answer {
    let answer = rig.get(Role::Auditor, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer
}

async fn trust(rig: &Rig) -> Trust {
    read(rig, "/log/key").await.text.parse::<KeyList>().expect("a list of keys").trust()
}

async fn head(rig: &Rig) -> Checkpoint {
    let note = read(rig, "/log/checkpoint").await;
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    trust(rig).await.open(note.text.as_bytes()).expect("signed").checkpoint
}

/// So many more refused sign-ins, each an entry.
async fn more(rig: &Rig, count: usize) {
    for _ in 0..count {
        let fields = [("email", "nobody@example.org"), ("password", "nothing at all")];
        rig.form(None, "/signin", &fields).await;
    }
}

#[tokio::test]
async fn given_entries_when_signed_then_files_and_proofs_lead_to_the_checkpoint() {
    let rig = Rig::new().await;
    assert_eq!(rig.get(Role::Viewer, "/log/checkpoint").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let mut signer = signer(&rig);
    signer.turn().await;
    let first = head(&rig).await;
    assert_eq!(first.size, rig.entries().await as u64);
    more(&rig, 3).await;
    signer.turn().await;
    let second = head(&rig).await;
    assert!(second.size > first.size);

    // Every entry, and the tile over them.
    let width = second.size as u16;
    let bytes = rig.bytes(Role::Viewer, &format!("/log/tile/entries/000.p/{width}")).await;
    let entries = tile::entries(&bytes, width).expect("a bundle");
    let mut verifier = Verifier::new(vec![first.clone(), second.clone()], Depth::Meaning).expect("one log");
    for (index, entry) in (0..).zip(&entries) {
        verifier.entry(index, entry, None).expect("as it was signed");
    }
    assert_eq!(verifier.finish().expect("good").vouched, second.size);
    let hashes = rig.bytes(Role::Viewer, &format!("/log/tile/0/000.p/{width}")).await;
    let mut tiles = TileSet::new(second.size);
    tiles.insert(0, 0, &hashes).expect("a tile");
    tiles.check(second.root).expect("the tile of this tree");
    let older = rig.bytes(Role::Viewer, &format!("/log/tile/0/000.p/{}", first.size)).await;
    assert_eq!(older, hashes[..older.len()]);
    for missing in [
        "/log/tile/0/000".to_owned(),
        format!("/log/tile/0/000.p/{}", width + 1),
        "/log/tile/0/001.p/1".to_owned(),
        "/log/tile/1/000.p/1".to_owned(),
        "/log/tile/0/0".to_owned(),
        "/log/tile/9/000".to_owned(),
        "/log/tile/63/x999/x999/x999/x999/999.p/1".to_owned(),
        "/log/tile/entries/..".to_owned(),
    ] {
        assert_eq!(rig.get(Role::Viewer, &missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }

    // A proof of each decision, and that the second log begins with the first.
    let trust = trust(&rig).await;
    let list = read(&rig, "/api/v1/decisions?limit=200").await.json();
    let decisions = list["items"].as_array().expect("a list");
    assert_eq!(decisions.len(), entries.len());
    for decision in decisions {
        let id = decision["id"].as_str().expect("an id");
        let text = read(&rig, &format!("/api/v1/decisions/{id}/proof")).await.text;
        let proof = Proof::parse(text.as_bytes()).expect("a proof");
        proof.check(entries[proof.index as usize], &trust).expect("it is in the log");
        assert_eq!(decision["leaf_index"].as_u64(), Some(proof.index));
    }
    let answer = read(&rig, &format!("/api/v1/log/consistency?from={}", first.size)).await.json();
    let hashes: Vec<_> = answer["hashes"].as_array().expect("hashes").iter().map(|hash| hash.as_str()).collect();
    let hashes: Vec<_> = hashes.iter().map(|hash| hash.and_then(|text| text.parse().ok()).expect("a hash")).collect();
    check_consistency(first.size, first.root, second.size, second.root, &hashes).expect("it extends it");
    let beyond = format!("/api/v1/log/consistency?from=1&to={}", second.size + 1);
    assert_eq!(rig.get(Role::Viewer, &beyond).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn given_text_when_written_then_the_entry_holds_only_commitments_that_open() {
    let rig = Rig::new().await;
    more(&rig, 1).await;
    let newest = rig.entries().await as i64 - 1;
    let leaf = rig.base.service.store.leaves(newest, 1).await.expect("read").remove(0);
    let text = String::from_utf8(leaf.entry.clone()).expect("JSON");
    assert!(!text.contains("nobody@example.org"), "{text}");
    assert_eq!(leaf.leaf_hash, leaf_hash(&leaf.entry).0);
    let beside = rig.base.service.store.texts(newest, 1).await.expect("read").remove(0);
    let record = match sternway_domain::audit::record::Leaf::decode(&leaf.entry).expect("an entry") {
        sternway_domain::audit::record::Leaf::Sealed(record) => record,
        other => panic!("{other:?}"),
    };
    let texts = record.texts(&beside.openings).expect("they open");
    assert!(texts.iter().all(|(_, text)| text.is_some()), "{texts:?}");
}

/// As somebody with all rights to the database could.
pub(super) async fn change(rig: &Rig, sql: &'static str) {
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    for trigger in triggers {
        let drop = format!("DROP TRIGGER {trigger}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await.expect("dropped");
    }
    sqlx::raw_sql("PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on")
        .execute(&mut connection)
        .await
        .expect("off");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("closed");
}

/// E: what was signed is gone or another one. Triggers are dropped first, as somebody with the database's rights could.
#[tokio::test]
async fn given_a_changed_log_when_it_is_to_be_signed_then_nothing_is_signed_and_automation_holds() {
    for (tamper, expected) in [
        ("UPDATE audit_leaf SET entry = CAST('{}' AS BLOB) WHERE leaf_index = 2", "entry 2 of the log is not the one"),
        ("UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE leaf_index = 2", "entry 2 of the log is not the one"),
        ("DELETE FROM audit_leaf WHERE leaf_index = 2", "entry 2 of the log is missing"),
        (
            "UPDATE audit_leaf SET (entry, leaf_hash) = \
             (SELECT o.entry, o.leaf_hash FROM audit_leaf o WHERE o.leaf_index = 3 - audit_leaf.leaf_index) \
             WHERE leaf_index IN (1, 2)",
            "are not those that were signed",
        ),
        (
            "UPDATE log_head SET leaves = leaves - 1; DELETE FROM log_checkpoint; \
             DELETE FROM audit_leaf WHERE leaf_index = (SELECT max(leaf_index) FROM audit_leaf)",
            "entries, it had",
        ),
    ] {
        let rig = Rig::new().await;
        signer(&rig).turn().await;
        assert_eq!(rig.base.service.memory.rewound(), None);
        change(&rig, tamper).await;
        let mut again = signer(&rig);
        let before = rig.base.service.store.checkpoint().await.expect("read");
        again.turn().await;
        let held = rig.base.service.memory.rewound().unwrap_or_else(|| panic!("{tamper} was not noticed"));
        assert!(held.why.contains(expected), "{tamper}: {}", held.why);
        again.turn().await;
        assert_eq!(rig.base.service.store.checkpoint().await.expect("read"), before, "{tamper}");
        let metrics = rig.base.service.metrics.text();
        assert!(metrics.contains("sternway_log_refused 1"), "{tamper}");
    }
}

/// After a person has confirmed, the log goes on from what there is; what was signed before stays as evidence.
#[tokio::test]
async fn given_a_shorter_log_when_a_person_confirms_then_it_is_signed_again_and_the_old_checkpoint_is_kept() {
    let rig = Rig::new().await;
    let service = rig.base.service.clone();
    service.memory.look(service.store.as_ref(), &service.notary, service.clock.now()).await.expect("looked");
    let mut signer = signer(&rig);
    signer.turn().await;
    let before = head(&rig).await;
    change(
        &rig,
        "UPDATE log_head SET leaves = leaves - 2; DELETE FROM log_checkpoint; \
         DELETE FROM audit_text WHERE leaf_index >= (SELECT leaves FROM log_head); \
         DELETE FROM audit_leaf WHERE leaf_index >= (SELECT leaves FROM log_head); \
         DELETE FROM decision WHERE leaf_index >= (SELECT leaves FROM log_head)",
    )
    .await;
    sternway_server::notary::look(&service).await.expect("looked");
    let held = service.memory.rewound().expect("held at the start");
    assert!(held.why.contains("entries, it had"), "{}", held.why);
    let body = serde_json::json!({"reason": "restored from the backup of noon"});
    let confirmed = rig.post(Role::Admin, "/api/v1/restore", &body).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{}", confirmed.text);
    assert_eq!(service.memory.rewound(), None);
    // One turn finds the old checkpoint in the way and sets it aside, the next one signs.
    signer.turn().await;
    signer.turn().await;
    let after = head(&rig).await;
    assert!(after.size < before.size, "{} and {}", after.size, before.size);
    assert_eq!(service.memory.rewound(), None);
    assert!(service.metrics.text().contains("sternway_log_refused 0"));
    let folder = rig.base.config.state.parent().expect("a folder").to_owned();
    let kept = std::fs::read_dir(folder).expect("a folder").filter_map(|entry| entry.ok());
    let kept: Vec<_> =
        kept.filter(|entry| entry.file_name().to_string_lossy().contains(".checkpoint.before-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

/// Nothing of the text is left in the database, and every proof of the entry still holds.
#[tokio::test]
async fn given_a_text_when_redacted_then_it_is_gone_everywhere_and_the_log_is_as_it_was_signed() {
    let rig = Rig::new().await;
    let (before, text) = (new_release(1), "Erika Mustermann called from +49 30 1234567");
    let mut body = before.clone();
    body["reason"] = text.into();
    let made = rig.post(Role::ReleaseManager, "/api/v1/releases", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let (release, version) = (made.json()["release"]["id"].clone(), made.json()["release"]["version"].clone());
    let decision = made.json()["decision"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/decisions/{decision}/redaction");
    signer(&rig).turn().await;
    let proof = read(&rig, &format!("/api/v1/decisions/{decision}/proof")).await.text;

    let ask = serde_json::json!({"reason": "she asked for it", "fields": ["reason"]});
    let cancel = serde_json::json!({"reason": "not needed", "expected_version": version});
    let release = release.as_str().expect("an id");
    let cancelled = rig.post(Role::Admin, &format!("/api/v1/releases/{release}/actions/cancel"), &cancel).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text);
    let repeated = serde_json::json!({"reason": format!("because {text}"), "fields": ["reason"]});
    for (wrong, field) in [
        (repeated, "reason"),
        (serde_json::json!({"reason": "she asked for it", "fields": ["effects.9"]}), "fields"),
        (serde_json::json!({"reason": "x"}), "reason"),
    ] {
        let refused = rig.post(Role::Admin, &path, &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
        assert!(refused.text.contains(field), "{wrong}: {}", refused.text);
    }
    // The refused one repeated the text: it goes by the same door.
    let list = read(&rig, "/api/v1/decisions?action=redact&limit=200").await.json();
    for refused in list["items"].as_array().expect("a list") {
        if refused["reason"].as_str().is_some_and(|reason| reason.contains(text)) {
            let path = format!("/api/v1/decisions/{}/redaction", refused["id"].as_str().expect("an id"));
            assert_eq!(rig.post(Role::Admin, &path, &ask).await.status, StatusCode::OK);
        }
    }
    let done = rig.post(Role::Admin, &path, &ask).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["removed"], serde_json::json!(["reason"]));
    let twice = rig.post(Role::Admin, &path, &ask).await;
    assert!(twice.text.contains("redacted already"), "{}", twice.text);

    let shown = read(&rig, &format!("/api/v1/decisions/{decision}")).await.json();
    assert_eq!(shown["reason"], "redacted");
    assert!(shown["actor"].as_str().is_some_and(|actor| actor.contains("release manager")), "{shown}");
    let copy = rig.base.config.state.with_extension("copy");
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let into = format!("VACUUM INTO '{}'", copy.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.expect("copied");
    let bytes = std::fs::read(&copy).expect("read");
    let found = bytes.windows(text.len()).position(|window| window.eq_ignore_ascii_case(text.as_bytes()));
    let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..at + 100]).into_owned());
    assert_eq!(around, None);

    // The proof from before, the log as it is now, and what the newest entry says.
    let trust = trust(&rig).await;
    let leaf = shown["leaf_index"].as_i64().expect("a number");
    let entry = rig.base.service.store.leaves(leaf, 1).await.expect("read").remove(0).entry;
    Proof::parse(proof.as_bytes()).expect("a proof").check(&entry, &trust).expect("it still holds");
    signer(&rig).turn().await;
    assert_eq!(rig.base.service.memory.rewound(), None);
    assert_eq!(head(&rig).await.size, rig.entries().await as u64);
    let by = done.json()["decision"]["leaf_index"].as_i64().expect("a number");
    let newest = rig.base.service.store.leaves(by, 1).await.expect("read").remove(0).entry;
    let newest = String::from_utf8(newest).expect("JSON");
    let back = format!(r#""points_back":[{{"as":"redacts","fields":["reason"],"index":{leaf}}}]"#);
    assert!(newest.contains(&back), "{newest}");

    // While a release is under way its folds are written all the time.
    let (running, _) = rig.running().await;
    let list = read(&rig, &format!("/api/v1/releases/{running}/decisions")).await.json();
    let path = format!("/api/v1/decisions/{}/redaction", list["items"][0]["id"].as_str().expect("an id"));
    let early = rig.post(Role::Admin, &path, &ask).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", early.text);
    assert!(early.text.contains("under way"), "{}", early.text);
}
