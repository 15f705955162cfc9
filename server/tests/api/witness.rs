//! Witnesses: a real one that follows C2SP `tlog-witness`, and ones that hang, refuse, forget and lie.

use super::rig::Rig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use sqlx::Connection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use sternway_domain::actor::Role;
use sternway_domain::audit::checkpoint::witness::{AddCheckpoint, SIZE_TYPE};
use sternway_domain::audit::checkpoint::{Checkpoint, Trust};
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::{TreeHash, check_consistency, empty_root};
use sternway_domain::audit::note::{KeyKind, SignerKey, VerifierKey};
use sternway_domain::id::{ReleaseId, SagaId};
use sternway_domain::saga::StepId;
use sternway_domain::service::Secret;
use sternway_server::notary::Signer;
use sternway_server::notary::witness::{Asker, Witness, Witnesses, run};
use sternway_server::outbound::Outbound;
use sternway_server::steps::Hands;
use sternway_server::steps::notify::Notice;
use sternway_server::steps::settings::{Channel, StepSettings};
use sternway_server::system::SystemClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const STATUS: &str = "/api/v1/log/status";

/// How the witness behaves.
#[derive(Debug, Clone, PartialEq)]
enum Mood {
    Honest,
    /// It takes the request and never answers.
    Hangs,
    Answers(u16, &'static str),
}

/// What a witness remembers of one log.
struct Inside {
    key: SignerKey,
    log: VerifierKey,
    size: u64,
    root: TreeHash,
    mood: Mood,
}

/// A witness on loopback. Ends when dropped.
struct Peer {
    inside: Arc<Mutex<Inside>>,
    asked: Arc<AtomicU64>,
    witness: Witness,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    async fn start(name: &str, log: VerifierKey) -> Self {
        let key = SignerKey::new(name, KeyKind::Witness, [5; 32]).expect("a good name");
        let verifier = key.verifier().clone();
        let inside = Inside { key, log, size: 0, root: empty_root(), mood: Mood::Honest };
        let (inside, asked) = (Arc::new(Mutex::new(inside)), Arc::new(AtomicU64::new(0)));
        let state = (inside.clone(), asked.clone());
        let router = Router::new().route("/at/add-checkpoint", post(add_checkpoint)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/at/", listener.local_addr().expect("an address")).parse().expect("a URL");
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { inside, asked, witness: Witness { url, key: verifier }, task }
    }

    fn set(&self, mood: Mood) {
        self.inside.lock().expect("nobody panicked").mood = mood;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

type Shared = (Arc<Mutex<Inside>>, Arc<AtomicU64>);

/// As the standard says, section "add-checkpoint".
async fn add_checkpoint(State((inside, asked)): State<Shared>, body: Bytes) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let mood = inside.lock().expect("nobody panicked").mood.clone();
    match mood {
        Mood::Honest => {}
        Mood::Hangs => return std::future::pending().await,
        Mood::Answers(status, text) => {
            return (StatusCode::from_u16(status).expect("a status"), text).into_response();
        }
    }
    let mut inside = inside.lock().expect("nobody panicked");
    let Ok(request) = AddCheckpoint::parse(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let head: Checkpoint = request.checkpoint.text().parse().expect("checked when read");
    if head.origin != inside.log.name() {
        return StatusCode::NOT_FOUND.into_response();
    }
    if request.checkpoint.open(std::slice::from_ref(&inside.log)).is_err() {
        return StatusCode::FORBIDDEN.into_response();
    }
    if request.old > head.size {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if request.old != inside.size {
        return (StatusCode::CONFLICT, [(CONTENT_TYPE, SIZE_TYPE)], format!("{}\n", inside.size)).into_response();
    }
    let same = request.old == head.size && inside.root != head.root;
    if same || check_consistency(inside.size, inside.root, head.size, head.root, &request.proof).is_err() {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    (inside.size, inside.root) = (head.size, head.root);
    let mut note = head.note().expect("text");
    note.cosign(&inside.key, 1_795_096_800);
    format!("{}\n", note.signatures()[0]).into_response()
}

async fn key(rig: &Rig) -> VerifierKey {
    let list: KeyList = rig.get(Role::Auditor, "/log/key").await.text.parse().expect("a list of keys");
    list.newest().key.clone()
}

async fn more(rig: &Rig, count: usize) {
    for _ in 0..count {
        let refused = rig.post(Role::Viewer, "/api/v1/log/key", &json!({"reason": "one more entry"})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    }
}

fn outbound() -> Outbound {
    Outbound::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client")
}

fn settings(peers: &[&Peer]) -> Arc<Witnesses> {
    let list: Vec<Witness> = peers.iter().map(|peer| peer.witness.clone()).collect();
    let (every, within) = (Duration::ZERO, Duration::from_millis(500));
    Arc::new(Witnesses { wanted: list.len(), list, every, within })
}

/// A rig whose configuration names these witnesses, with one checkpoint signed.
async fn witnessed(rig: Rig, peers: &[&Peer]) -> Rig {
    let mut base = rig.base.clone();
    base.service.witnesses = settings(peers);
    let rig = rig.over(base);
    Signer::new(rig.base.service.clone(), "test".to_owned()).turn().await;
    rig
}

fn asker(rig: &Rig, peer: &Peer) -> Asker {
    Asker::new(rig.base.service.clone(), outbound(), "test".to_owned(), peer.witness.clone())
}

async fn status(rig: &Rig) -> Value {
    rig.get(Role::Viewer, STATUS).await.json()
}

#[tokio::test]
async fn given_a_witness_when_the_log_grows_then_it_confirms_each_head_and_its_signature_is_shown() {
    let rig = Rig::new().await;
    let peer = Peer::start("witness.example/w1", key(&rig).await).await;
    let rig = witnessed(rig, &[&peer]).await;
    assert_eq!(status(&rig).await["confirmed"], Value::Null);
    assert_eq!(rig.get(Role::Viewer, "/log/checkpoint/witnessed").await.status, StatusCode::NOT_FOUND);
    let mut signer = Signer::new(rig.base.service.clone(), "test".to_owned());
    let mut asker = asker(&rig, &peer);
    let mut trust = Trust::one("sternway", key(&rig).await);
    (trust.witnesses, trust.quorum) = (vec![peer.witness.key.clone()], 1);
    for round in 0..3 {
        more(&rig, round * 2).await;
        signer.turn().await;
        asker.turn().await.expect("asked");
        let note = rig.get(Role::Viewer, "/log/checkpoint").await.text;
        let opened = trust.open(note.as_bytes()).expect("signed by log and witness");
        assert_eq!(opened.checkpoint.size, rig.entries().await as u64);
        let told = status(&rig).await;
        assert_eq!(told["confirmed"]["entries"].as_u64(), Some(opened.checkpoint.size), "{told}");
        assert_eq!(
            (&told["confirmed"]["way"], &told["confirmed"]["who"]),
            (&"witness".into(), &"witness.example/w1".into())
        );
        assert_eq!((&told["witnesses_wanted"], &told["witnesses_confirming"]), (&1.into(), &1.into()));
    }
    assert_eq!(peer.asked(), 3, "each time from the size it had seen");

    // A newer head that it has not seen bears no signature of it; the last one that does is kept.
    more(&rig, 1).await;
    signer.turn().await;
    let newest = rig.get(Role::Viewer, "/log/checkpoint").await.text;
    assert!(trust.open(newest.as_bytes()).is_err(), "not confirmed yet");
    let last = rig.get(Role::Viewer, "/log/checkpoint/witnessed").await.text;
    assert_eq!(trust.open(last.as_bytes()).expect("confirmed").checkpoint.size, rig.entries().await as u64 - 1);
    let session = rig.session(Role::Viewer).await;
    let page = rig.page(Some(&session), "/decisions").await.text;
    assert!(page.contains("by witness witness.example/w1, up to entry"), "{page}");
    assert!(
        rig.base.service.metrics.text().contains("sternway_log_confirmed_timestamp_seconds{way=\"witness\"} 17950")
    );
}

#[tokio::test]
async fn given_a_witness_that_remembers_another_size_then_the_proof_starts_there() {
    let rig = Rig::new().await;
    let peer = Peer::start("w1", key(&rig).await).await;
    let rig = witnessed(rig, &[&peer]).await;
    let mut first = asker(&rig, &peer);
    first.turn().await.expect("asked");
    // Another replica, or this one after its database was put back, does not know what it has seen.
    let mut connection = sqlx::SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    sqlx::raw_sql("DELETE FROM log_outside").execute(&mut connection).await.expect("forgotten");
    more(&rig, 3).await;
    Signer::new(rig.base.service.clone(), "test".to_owned()).turn().await;
    let before = peer.asked();
    asker(&rig, &peer).turn().await.expect("asked");
    assert_eq!(peer.asked() - before, 2, "once from nothing, once from where it is");
    assert_eq!(status(&rig).await["confirmed"]["entries"].as_u64(), Some(rig.entries().await as u64));

    // It has seen more than there is.
    peer.inside.lock().expect("nobody panicked").size = 4_000;
    more(&rig, 1).await;
    Signer::new(rig.base.service.clone(), "test".to_owned()).turn().await;
    asker(&rig, &peer).turn().await.expect("asked");
    let trouble = status(&rig).await["witnesses"][0]["trouble"].clone();
    assert!(trouble.as_str().is_some_and(|text| text.contains("has seen 4000 entries")), "{trouble}");
    // It has seen another history.
    {
        let mut inside = peer.inside.lock().expect("nobody panicked");
        (inside.size, inside.root) = (2, TreeHash([9; 32]));
    }
    asker(&rig, &peer).turn().await.expect("asked");
    let trouble = status(&rig).await["witnesses"][0]["trouble"].clone();
    assert!(trouble.as_str().is_some_and(|text| text.contains("does not extend the one it saw")), "{trouble}");
}

#[tokio::test]
async fn given_a_witness_that_answers_something_else_then_it_is_said_and_nothing_is_believed() {
    let rig = Rig::new().await;
    let peer = Peer::start("w1", key(&rig).await).await;
    let rig = witnessed(rig, &[&peer]).await;
    let mut asker = asker(&rig, &peer);
    let long: &'static str = "x".repeat(100_000).leak();
    for (status_code, body, expected) in [
        (403, "who?", "tell it the log's key (who?)"),
        (404, "", "does not know this log"),
        (409, "many", "does not say which"),
        (409, "007\n", "does not say which"),
        (422, "", "does not extend the one it saw"),
        (429, "slow", "answers 429"),
        (500, "", "answers 500"),
        (302, "", "answers 302"),
        (204, "", "answers 204"),
        (200, "", "something else than signatures"),
        (200, "thanks", "something else than signatures"),
        (200, long, "more than"),
        (200, "— w1 AAAA\n", "something else than signatures"),
        (200, "— somebody AAAAAAAAAAAA\n", "without the signature of `w1`"),
        (200, "— w1 !!!\n", "something else than signatures"),
    ] {
        peer.set(Mood::Answers(status_code, body));
        asker.turn().await.expect("asked");
        let told = status(&rig).await;
        let trouble = told["witnesses"][0]["trouble"].as_str().unwrap_or_default();
        assert!(trouble.contains(expected), "{status_code} {body:.40}: {trouble}");
        assert!(trouble.len() < 600, "{trouble}");
        assert_eq!(told["confirmed"], Value::Null, "{status_code} {body:.40}");
        assert_eq!(told["witnesses_confirming"], 0);
    }
    // A signature of this witness over something else.
    let other = Checkpoint::new("sternway", 1, TreeHash([1; 32])).expect("an origin");
    let mut note = other.note().expect("text");
    note.cosign(&peer.inside.lock().expect("nobody panicked").key, 1);
    let line: &'static str = format!("{}\n", note.signatures()[0]).leak();
    peer.set(Mood::Answers(200, line));
    asker.turn().await.expect("asked");
    let told = status(&rig).await;
    assert!(told["witnesses"][0]["trouble"].as_str().is_some_and(|text| text.contains("is wrong")), "{told}");
    // It comes to its senses.
    peer.set(Mood::Honest);
    asker.turn().await.expect("asked");
    let told = status(&rig).await;
    assert_eq!(told["witnesses"][0]["trouble"], Value::Null, "{told}");
    assert_eq!(told["witnesses_confirming"], 1);
}

#[tokio::test]
async fn given_a_witness_that_cannot_be_reached_or_is_not_allowed_then_it_is_said() {
    let rig = Rig::new().await;
    let mut peer = Peer::start("w1", key(&rig).await).await;
    let rig = witnessed(rig, &[&peer]).await;
    let guarded = Outbound::new(Vec::new()).expect("a client");
    let mut asker = Asker::new(rig.base.service.clone(), guarded, "test".to_owned(), peer.witness.clone());
    asker.turn().await.expect("asked");
    let trouble = status(&rig).await["witnesses"][0]["trouble"].clone();
    assert!(trouble.as_str().is_some_and(|text| text.contains("outbound.allow")), "{trouble}");
    assert_eq!(peer.asked(), 0);
    peer.witness.url = "http://127.0.0.1:1/".parse().expect("a URL");
    self::asker(&rig, &peer).turn().await.expect("asked");
    let trouble = status(&rig).await["witnesses"][0]["trouble"].clone();
    assert!(trouble.as_str().is_some_and(|text| text.contains("cannot be reached")), "{trouble}");
}

/// K8: acts and checkpoints go on as if there were no witness, another witness too, and the age is shown.
#[tokio::test]
async fn given_a_witness_that_hangs_then_acts_and_checkpoints_go_on_and_the_age_is_shown() {
    let rig = Rig::new().await;
    let log = key(&rig).await;
    let (hung, good) = (Peer::start("hung", log.clone()).await, Peer::start("good", log).await);
    let rig = witnessed(rig, &[&hung, &good]).await;
    hung.set(Mood::Hangs);
    let mut patient = (*settings(&[&hung, &good])).clone();
    patient.within = Duration::from_secs(60);
    let mut service = rig.base.service.clone();
    service.witnesses = Arc::new(patient);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(run(service, outbound(), "test".to_owned(), shutdown.clone()));
    let until = Instant::now() + Duration::from_secs(20);
    while hung.asked() == 0 || good.asked() == 0 {
        assert!(Instant::now() < until, "they are asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut signer = Signer::new(rig.base.service.clone(), "test".to_owned());
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let begun = Instant::now();
        more(&rig, 1).await;
        signer.turn().await;
        slowest = slowest.max(begun.elapsed());
        let note = rig.get(Role::Viewer, "/log/checkpoint").await.text;
        let head: Checkpoint =
            sternway_domain::audit::note::Note::parse(note.as_bytes()).expect("a note").text().parse().expect("a head");
        assert_eq!(head.size, rig.entries().await as u64, "published at once");
    }
    assert!(slowest < Duration::from_secs(5), "an act took {slowest:?}");
    while status(&rig).await["confirmed"]["entries"].as_u64() != Some(rig.entries().await as u64) {
        assert!(Instant::now() < until, "the other witness confirms: {}", status(&rig).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(hung.asked(), 1, "it is not asked again while it hangs");
    rig.forward(sternway_domain::time::Span::from_secs(240));
    let session = rig.session(Role::Viewer).await;
    let page = rig.page(Some(&session), "/decisions").await.text;
    assert!(page.contains("Last confirmed outside 4:00 ago by witness good"), "{page}");
    shutdown.cancel();
    task.await.expect("it ends with the shutdown");
}

/// What leaves by a channel holds the newest head.
#[tokio::test]
async fn given_a_notice_when_told_then_the_message_holds_the_checkpoint() {
    let got: Arc<Mutex<Vec<Value>>> = Arc::default();
    let keep = got.clone();
    let taking = move |body: Bytes| {
        keep.lock().expect("nobody panicked").push(serde_json::from_slice(&body).expect("JSON"));
        async { StatusCode::NO_CONTENT }
    };
    let router = Router::new().route("/hook", post(taking));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    let channels = [("ops".to_owned(), Channel::Webhook { url: Secret::Value(url), secret: None })].into();
    let settings = Arc::new(StepSettings { channels, ..StepSettings::default() });
    let hands = Hands::new(outbound(), Arc::new(SystemClock), settings);
    let (release, saga) = (ReleaseId(Uuid::nil()), SagaId(Uuid::nil()));
    let checkpoint = Some("sternway\n7\nroot\n\n— sternway c2ln\n");
    let notice = Notice { text: "Rollback begins", release, saga, step: StepId(1), key: "k", checkpoint, link: None };
    let told = hands.notify(&["ops".to_owned()], &notice).await;
    assert_eq!(told.by, ["ops"]);
    let got = got.lock().expect("nobody panicked");
    assert_eq!((&got[0]["log_checkpoint"], &got[0]["text"]), (&checkpoint.into(), &"Rollback begins".into()));
    task.abort();
}
