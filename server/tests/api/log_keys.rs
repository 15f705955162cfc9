//! Another key for the log: rotated under load, lost, on another replica, and what is refused.

use super::rig::{Answer, Rig};
use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use std::path::PathBuf;
use std::sync::Arc;
use sternway_domain::actor::Role;
use sternway_domain::audit::checkpoint::{Checkpoint, TrustError};
use sternway_domain::audit::keys::{Change, KeyList};
use sternway_domain::audit::note::{KeyKind, Note, SignerKey, VerifierKey};
use sternway_domain::audit::proof::Proof;
use sternway_domain::time::Span;
use sternway_server::notary::{Notary, Signer, Unsigned};
use sternway_server::serve::Base;
use sternway_server::system::SystemRng;

const STATUS: &str = "/api/v1/log/status";
const KEY: &str = "/api/v1/log/key";

fn signer(rig: &Rig) -> Signer {
    Signer::new(rig.base.service.clone(), "test".to_owned())
}

async fn text(rig: &Rig, path: &str) -> String {
    let answer = rig.get(Role::Auditor, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.text
}

async fn keys(rig: &Rig) -> KeyList {
    text(rig, "/log/key").await.parse().expect("a list of keys")
}

async fn change(rig: &Rig, lost: bool) -> Answer {
    rig.post(Role::Admin, KEY, &json!({"lost": lost, "reason": "the old one is two years old"})).await
}

async fn more(rig: &Rig, count: usize) {
    for _ in 0..count {
        let refused = rig.post(Role::Viewer, "/api/v1/log/key", &json!({"reason": "one more entry"})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    }
}

fn key_file(rig: &Rig) -> PathBuf {
    rig.base.config.state.with_extension("key")
}

/// The secret keys as they lie beside the database, newest first.
fn secrets(rig: &Rig) -> Vec<SignerKey> {
    let text = std::fs::read_to_string(key_file(rig)).expect("a file of keys");
    text.lines().map(|line| line.parse().expect("a key")).collect()
}

/// All checkpoints that were ever published, by size.
async fn checkpoints(rig: &Rig) -> Vec<Note> {
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let rows = sqlx::query("SELECT note FROM log_checkpoint ORDER BY size").fetch_all(&mut connection).await;
    let note = |row: &sqlx::sqlite::SqliteRow| Note::parse(row.get::<String, _>(0).as_bytes()).expect("a note");
    rows.expect("read").iter().map(note).collect()
}

fn size(note: &Note) -> u64 {
    note.text().parse::<Checkpoint>().expect("a checkpoint").size
}

/// K7: old bundles verify, the log goes on within the next turn, and the old key is refused from then on.
#[tokio::test]
async fn given_a_rotation_under_load_then_both_keys_sign_where_one_takes_over_and_later_use_of_the_old_one_is_refused()
{
    let rig = Rig::new().await;
    assert_eq!(change(&rig, false).await.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing is signed yet");
    let mut signer = signer(&rig);
    signer.turn().await;
    let before = keys(&rig).await;
    let old = before.newest().key.clone();
    let list = rig.get(Role::Auditor, "/api/v1/decisions?limit=1").await.json();
    let decision = list["items"][0]["id"].as_str().expect("an id").to_owned();
    let bundle = text(&rig, &format!("/api/v1/decisions/{decision}/proof")).await;

    more(&rig, 2).await;
    let changed = change(&rig, false).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    more(&rig, 3).await;
    signer.turn().await;
    let list = keys(&rig).await;
    assert_eq!(list.terms().len(), 2);
    let from = list.newest().from;
    assert_eq!((list.newest().change(), changed.json()["from"].as_u64()), (Change::Rotated, Some(from)));
    let by = changed.json()["decision"]["leaf_index"].as_u64();
    assert_eq!(by.map(|index| index + 1), Some(from), "the entry before it says so");
    assert_eq!(list.terms()[0].key, old);

    // One checkpoint with both signatures, at exactly that size; then only the new one.
    let notes = checkpoints(&rig).await;
    let signed = |note: &Note| note.signatures().iter().map(|signature| signature.id).collect::<Vec<_>>();
    let (old_id, new_id) = (old.id(), list.newest().key.id());
    let at: Vec<(u64, Vec<u32>)> = notes.iter().map(|note| (size(note), signed(note))).collect();
    let all = rig.entries().await as u64;
    assert_eq!(at.len(), 3, "{at:?}");
    assert_eq!(at[1..], [(from, vec![old_id, new_id]), (all, vec![new_id])]);
    assert!(all > from);

    // What was given out before holds, for whoever knows either key.
    let entry = |index: u64| rig.base.service.store.leaves(index as i64, 1);
    let proof = Proof::parse(bundle.as_bytes()).expect("a proof");
    let bytes = entry(proof.index).await.expect("read").remove(0).entry;
    for known in [&old, &list.newest().key] {
        let trust = list.trust_from(std::slice::from_ref(known));
        proof.check(&bytes, &trust).expect("an old bundle holds");
        trust.open_note(notes[2].clone()).expect("the newest one too");
    }
    // Somebody who has the old key still signs a larger tree.
    let secrets = secrets(&rig);
    assert_eq!((secrets[0].verifier(), secrets[1].verifier()), (&list.newest().key, &old));
    let head: Checkpoint = notes[2].text().parse().expect("a checkpoint");
    let mut forged = head.note().expect("text");
    forged.sign(&secrets[1]);
    let refused = list.trust_from(std::slice::from_ref(&old)).open_note(forged);
    assert_eq!(refused, Err(TrustError::Retired { key: old.clone(), size: all }));

    // The entry holds the digest of what both signed, which is kept as evidence.
    let leaf = entry(from - 1).await.expect("read").remove(0).entry;
    let statement = list.newest().statement.as_ref().expect("a statement");
    assert!(String::from_utf8_lossy(&leaf).contains(statement.digest().as_str()));
    let kept = rig.base.service.store.evidence(&statement.digest()).await.expect("read");
    assert_eq!(kept, Some(statement.to_string()));

    // After a start it goes on like that, and once more.
    signer.turn().await;
    let mut again = Signer::new(rig.base.service.clone(), "test".to_owned());
    more(&rig, 1).await;
    assert_eq!(change(&rig, false).await.status, StatusCode::OK);
    again.turn().await;
    let list = keys(&rig).await;
    assert_eq!(list.terms().len(), 3);
    let newest = checkpoints(&rig).await.pop().expect("one");
    assert_eq!(signed(&newest), [new_id, list.newest().key.id()]);
    assert_eq!(rig.base.service.notary.unsigned(), None);
    list.trust_from(&[old]).open_note(newest).expect("two rotations on");
}

#[tokio::test]
async fn given_a_rotation_when_asked_twice_with_one_key_then_it_is_one_and_others_are_refused() {
    let rig = Rig::new().await;
    signer(&rig).turn().await;
    let body = json!({"reason": "it is that time of the year"});
    let first = rig.mutate(axum::http::Method::POST, Role::Admin, KEY, "k", &body).await;
    let again = rig.mutate(axum::http::Method::POST, Role::Admin, KEY, "k", &body).await;
    assert_eq!((first.status, again.json()), (StatusCode::OK, first.json()));
    assert_eq!(keys(&rig).await.terms().len(), 2);
    let other = rig.mutate(axum::http::Method::POST, Role::Admin, KEY, "k", &json!({"reason": "another"})).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
    let silent = rig.post(Role::Admin, KEY, &json!({"reason": "x"})).await;
    assert!(silent.text.contains("3 to 2000 characters"), "{}", silent.text);
    assert_eq!(rig.post(Role::ReleaseManager, KEY, &body).await.status, StatusCode::FORBIDDEN);
    let lost = change(&rig, true).await;
    assert!(lost.text.contains("is at hand"), "{}", lost.text);
    let strange = rig.post(Role::Admin, KEY, &json!({"reason": "a test", "key": "PRIVATE+KEY+mine"})).await;
    assert!(strange.status.is_client_error(), "{}", strange.text);
    assert_eq!(keys(&rig).await.terms().len(), 2);
}

/// The other replica has its own disk: it stops, says why, does not keep the one with the key waiting, and goes on once
/// the file is copied.
#[tokio::test]
async fn given_a_replica_without_the_new_key_then_it_stops_signing_and_says_so() {
    let rig = Rig::new().await;
    let mut other = rig.base.service.clone();
    let mut here = signer(&rig);
    here.turn().await;
    let old: String = std::fs::read_to_string(key_file(&rig)).expect("read");
    other.notary = Notary::new(old.trim().parse().expect("a key"), None);
    rig.base.service.store.release_leases("test").await.expect("given back");
    let mut there = Signer::new(other.clone(), "there".to_owned());
    more(&rig, 1).await;
    there.turn().await;
    assert_eq!(checkpoints(&rig).await.len(), 2, "it signs while it has the key");

    assert_eq!(change(&rig, false).await.status, StatusCode::OK);
    more(&rig, 1).await;
    there.turn().await;
    let Some(Unsigned::Key { key, .. }) = other.notary.unsigned() else { panic!("{:?}", other.notary.unsigned()) };
    assert_eq!(key, keys(&rig).await.newest().key.to_string());
    assert_eq!(checkpoints(&rig).await.len(), 2, "nothing under the old key");
    assert!(rig.base.service.metrics.text().contains("sternway_log_unsigned 1"));
    // It gave its lease back at once.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    here.turn().await;
    let notes = checkpoints(&rig).await;
    assert_eq!(notes.last().map(size), Some(rig.entries().await as u64));
    assert_eq!(rig.base.service.notary.unsigned(), None);
    let words = other.notary.unsigned().expect("still").to_string();
    assert!(words.contains("put it there from your copy") && words.contains("new-key"), "{words}");
}

/// N4 and the issue: no silent new key; after a person has said so the log goes on, and the break stays visible.
#[tokio::test]
async fn given_a_lost_key_then_nothing_is_signed_until_a_person_says_so_and_the_break_is_visible() {
    let rig = Rig::new().await;
    signer(&rig).turn().await;
    let old = keys(&rig).await.newest().key.clone();
    std::fs::remove_file(key_file(&rig)).expect("lost");
    // As after a start, in the place of the first.
    let config = (*rig.base.config).clone();
    let base = Base::lay(config, rig.base.service.clock.clone(), Arc::new(SystemRng)).await.expect("it starts");
    assert!(!key_file(&rig).exists(), "no key is made unasked");
    let rig = rig.over(base);
    assert_eq!(rig.base.service.notary.origin(), old.name());
    let mut signer = signer(&rig);
    signer.turn().await;
    let status = rig.get(Role::Viewer, STATUS).await.json();
    let why = status["unsigned"].as_str().expect("why");
    assert!(why.contains(&old.to_string()) && why.contains("new-key"), "{why}");
    assert!(rig.base.service.metrics.text().contains("sternway_log_unsigned 1"));
    let session = rig.session(Role::Viewer).await;
    let page = rig.page(Some(&session), "/decisions").await.text;
    assert!(page.contains("cannot sign their log"), "{page}");
    assert_eq!(keys(&rig).await.newest().key, old, "the key is known all the same");

    // Acts go on, unsigned.
    signer.turn().await;
    assert_eq!(checkpoints(&rig).await.len(), 1);
    let rotate = change(&rig, false).await;
    assert!(rotate.text.contains("does not have the log's key"), "{}", rotate.text);
    let early = change(&rig, true).await;
    assert!(early.text.contains("another replica may have the key"), "{}", early.text);
    rig.forward(Span::from_secs(30));
    let changed = change(&rig, true).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(changed.json()["rotated"], Value::Bool(false));
    signer.turn().await;

    let list = keys(&rig).await;
    let from = list.newest().from;
    assert_eq!(list.breaks().map(|term| term.from).collect::<Vec<_>>(), [from]);
    assert_eq!(list.until(0), Some(from - 1));
    let newest = checkpoints(&rig).await.pop().expect("one");
    assert_eq!(newest.signatures().len(), 1);
    assert!(list.trust_from(&[old]).open_note(newest.clone()).is_err(), "the old key does not lead to the new one");
    list.trust().open_note(newest).expect("who believes the list believes the new one");
    assert!(key_file(&rig).exists());
    let status = rig.get(Role::Viewer, STATUS).await.json();
    assert_eq!(status["unsigned"], Value::Null);
    assert_eq!(status["keys"][1]["change"], "lost");
    assert!(rig.base.service.metrics.text().contains("sternway_log_unsigned 0"));
    let page = rig.page(Some(&session), "/decisions").await.text;
    assert!(page.contains("the key that had signed the log was lost"), "{page}");
}

/// What was found again in time is simply used.
#[tokio::test]
async fn given_a_key_that_was_away_when_it_is_put_back_then_the_log_goes_on_without_a_break() {
    let rig = Rig::new().await;
    signer(&rig).turn().await;
    let away = key_file(&rig).with_extension("away");
    std::fs::rename(key_file(&rig), &away).expect("moved");
    let config = (*rig.base.config).clone();
    let base = Base::lay(config, rig.base.service.clock.clone(), Arc::new(SystemRng)).await.expect("it starts");
    let rig = rig.over(base);
    let mut signer = signer(&rig);
    signer.turn().await;
    assert!(matches!(rig.base.service.notary.unsigned(), Some(Unsigned::Key { .. })));
    std::fs::rename(&away, key_file(&rig)).expect("moved back");
    signer.turn().await;
    assert_eq!(rig.base.service.notary.unsigned(), None);
    more(&rig, 1).await;
    signer.turn().await;
    assert_eq!(checkpoints(&rig).await.last().map(size), Some(rig.entries().await as u64));
    assert_eq!(keys(&rig).await.breaks().count(), 0);
}

#[tokio::test]
async fn given_keys_of_another_log_when_started_then_that_is_said_and_nothing_starts() {
    let rig = Rig::new().await;
    signer(&rig).turn().await;
    let stranger = SignerKey::new("another.example/log", KeyKind::Plain, [7; 32]).expect("a good name");
    std::fs::write(key_file(&rig), stranger.to_secret_text()).expect("written");
    let lay = || Base::lay((*rig.base.config).clone(), rig.base.service.clock.clone(), Arc::new(SystemRng));
    let error = lay().await.err().expect("it does not start").to_string();
    assert!(error.contains("`another.example/log`") && error.contains("`sternway`"), "{error}");
    std::fs::write(key_file(&rig), "PRIVATE+KEY+sternway+00000000+!!").expect("written");
    let error = lay().await.err().expect("it does not start").to_string();
    assert!(error.contains("PRIVATE+KEY+NAME") && !error.contains("!!"), "{error}");
    // One of the right name that never signed: not at once, only when a person says so.
    let name = keys(&rig).await.newest().key.name().to_owned();
    let new = SignerKey::new(name, KeyKind::Plain, [8; 32]).expect("a good name");
    std::fs::write(key_file(&rig), new.to_secret_text()).expect("written");
    let rig = {
        let base = lay().await.expect("it starts");
        rig.over(base)
    };
    let mut signer = signer(&rig);
    signer.turn().await;
    assert!(matches!(rig.base.service.notary.unsigned(), Some(Unsigned::Key { .. })));
    change(&rig, true).await;
    rig.forward(Span::from_secs(30));
    assert_eq!(change(&rig, true).await.status, StatusCode::OK);
    signer.turn().await;
    let used: VerifierKey = keys(&rig).await.newest().key.clone();
    assert_eq!(&used, new.verifier(), "the key that lies ready is taken");
}
