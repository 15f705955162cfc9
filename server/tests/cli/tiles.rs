//! A copy of the log's files, served by somebody who changes them: the verifier names the file or the entry.

use super::audit::filled;
use super::rig::{Ran, bare, finish};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::note::{KeyKind, Note, SignerKey};
use sternway_domain::audit::tile::{Resource, Tile, bundle, entries};
use sternway_server::notary::Notary;
use sternway_server::service::Service;
use sternway_server::store::SqliteStore;
use sternway_server::system::{SystemClock, SystemRng};

/// Files by their path below the address.
type Files = BTreeMap<String, Vec<u8>>;

const ENTRIES: &str = "/log/tile/entries/000";
const LEAVES: &str = "/log/tile/0/000";
const LAST_ENTRIES: &str = "/log/tile/entries/001.p/44";
const LAST_LEAVES: &str = "/log/tile/0/001.p/44";
const ROOTS: &str = "/log/tile/1/000.p/1";
const CHECKPOINT: &str = "/log/checkpoint";

/// All files of a log, as a mirror would keep them.
async fn mirrored(reason: &str, notary: &Notary) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", dir.path().join("t.db").display());
    let store = Arc::new(SqliteStore::open(&address).await.unwrap());
    let note = filled(store.clone(), reason, notary).await;
    let service = Service::new(store, Arc::new(SystemClock), Arc::new(SystemRng));
    let head: Checkpoint = Note::parse(note.as_bytes()).unwrap().text().parse().unwrap();
    let mut files = Files::from([
        (CHECKPOINT.to_owned(), note.into_bytes()),
        ("/log/key".to_owned(), format!("{}\n", notary.keys()[0]).into_bytes()),
    ]);
    for tile in Tile::grown(0, head.size) {
        let path = |resource: Resource| format!("/log/{resource}");
        files.insert(path(Resource::Tile(tile)), service.tile(tile).await.unwrap().unwrap());
        if tile.level == 0 {
            files.insert(path(Resource::Entries(tile)), service.entries(tile).await.unwrap().unwrap());
        }
    }
    files
}

/// Nothing but files, as any web server would serve them.
struct Mirror {
    files: Arc<Mutex<Files>>,
    address: String,
}

async fn file(State(files): State<Arc<Mutex<Files>>>, uri: Uri) -> Response {
    match files.lock().unwrap().get(uri.path()) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Mirror {
    async fn start() -> Self {
        let files = Arc::new(Mutex::new(Files::new()));
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(file).with_state(files.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { files, address }
    }

    async fn verified(&self, files: Files, notary: &Notary, more: &[&str]) -> Ran {
        *self.files.lock().unwrap() = files;
        let key = notary.keys()[0].to_string();
        let arguments = ["audit", "verify", "--json", "--server", &self.address, "--key", &key];
        finish(bare(&[&arguments[..], more].concat())).await
    }
}

/// Rewrites the entries of a file.
fn with_entries(files: &mut Files, path: &str, width: u16, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let bytes = files.get_mut(path).unwrap();
    let mut all: Vec<Vec<u8>> = entries(bytes, width).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    change(&mut all);
    *bytes = bundle(all.iter().map(Vec::as_slice)).unwrap();
}

fn swap_hashes(files: &mut Files, path: &str) {
    let bytes = files.get_mut(path).unwrap();
    let (one, other) = bytes[7 * 32..9 * 32].split_at_mut(32);
    one.swap_with_slice(other);
}

fn cut(files: &mut Files, path: &str, bytes: usize) {
    let file = files.get_mut(path).unwrap();
    file.truncate(file.len() - bytes);
}

type Change = fn(&mut Files);

/// What is done to the files, what is said of it, and the entry that is named.
const TAMPERED: [(Change, &str, Option<u64>); 18] = [
    (
        |files| {
            with_entries(files, ENTRIES, 256, |all| {
                let text = String::from_utf8(all[7].clone()).unwrap().replace("promote", "freeze_");
                all[7] = text.into_bytes();
            });
        },
        "entry 7 was changed",
        Some(7),
    ),
    (|files| with_entries(files, LAST_ENTRIES, 44, |all| all[43] = b"{}".to_vec()), "entry 299 was changed", Some(299)),
    (|files| with_entries(files, ENTRIES, 256, |all| all.swap(7, 8)), "entry 7 was changed", Some(7)),
    (|files| with_entries(files, ENTRIES, 256, |all| all[8] = all[7].clone()), "entry 8 was changed", Some(8)),
    // Entries and hashes alike: then only the checkpoint knows.
    (
        |files| {
            with_entries(files, ENTRIES, 256, |all| all.swap(7, 8));
            swap_hashes(files, LEAVES);
        },
        "at least one of the entries 0 to 299",
        None,
    ),
    (
        |files| with_entries(files, ENTRIES, 256, |all| drop(all.pop())),
        "file `log/tile/entries/000`: the bundle should have 256 entries and has 255",
        None,
    ),
    (
        |files| with_entries(files, ENTRIES, 256, |all| all.push(all[7].clone())),
        "file `log/tile/entries/000`: the bundle should have 256 entries; ",
        None,
    ),
    (|files| cut(files, LAST_ENTRIES, 1), "file `log/tile/entries/001.p/44`: the bundle ends inside entry 43", None),
    (|files| drop(files.remove(ENTRIES)), "file `log/tile/entries/000`: it is missing", None),
    (
        |files| drop(files.insert(ENTRIES.to_owned(), files[LAST_ENTRIES].clone())),
        "file `log/tile/entries/000`: the bundle should have 256",
        None,
    ),
    (|files| files.get_mut(LEAVES).unwrap()[7 * 32] ^= 1, "the hash kept for entry 7", Some(7)),
    (|files| swap_hashes(files, LEAVES), "the hash kept for entry 7", Some(7)),
    (|files| cut(files, LEAVES, 32), "file `log/tile/0/000`: it should have 8192 bytes and has 8160", None),
    (
        |files| files.get_mut(LAST_LEAVES).unwrap().extend([0; 32]),
        "file `log/tile/0/001.p/44`: it should have 1408 bytes and has 1440",
        None,
    ),
    (|files| drop(files.remove(LAST_LEAVES)), "file `log/tile/0/001.p/44`: it is missing", None),
    (|files| files.get_mut(ROOTS).unwrap()[0] ^= 1, "the hash kept for the entries from 0 on", None),
    (|files| cut(files, ROOTS, 1), "file `log/tile/1/000.p/1`: it should have 32 bytes and has 31", None),
    (
        |files| {
            let note = String::from_utf8(files[CHECKPOINT].clone()).unwrap();
            files.insert(CHECKPOINT.to_owned(), note.replace("\n300\n", "\n256\n").into_bytes());
        },
        "the newest checkpoint: the signature",
        None,
    ),
];

#[tokio::test]
async fn given_files_that_were_changed_when_verified_then_it_is_said_which() {
    let notary = Notary::passing(&SystemRng);
    let good = mirrored("errors at 3 %", &notary).await;
    let mirror = Mirror::start().await;
    let said = mirror.verified(good.clone(), &notary, &[]).await.done().json();
    assert_eq!((&said["entries"], &said["signed_entries"]), (&300.into(), &300.into()), "{said}");
    for (at, (change, expected, entry)) in TAMPERED.into_iter().enumerate() {
        let mut files = good.clone();
        change(&mut files);
        assert_ne!(files, good, "change {at} changes something");
        let bad = mirror.verified(files, &notary, &[]).await.failed(1).json();
        let problem = bad["problem"].as_str().unwrap();
        assert!(problem.contains(expected), "change {at}, {expected}: {problem}");
        assert_eq!(bad["entry"].as_u64(), entry, "change {at}: {problem}");
    }
}

#[tokio::test]
async fn given_files_of_another_history_or_key_when_verified_then_key_or_pin_shows_it() {
    let notary = Notary::passing(&SystemRng);
    let good = mirrored("errors at 3 %", &notary).await;
    let mirror = Mirror::start().await;
    let dir = tempfile::tempdir().unwrap();
    let pin = dir.path().join("pin");
    std::fs::write(&pin, &good[CHECKPOINT]).unwrap();
    let pin = pin.display().to_string();
    mirror.verified(good.clone(), &notary, &["--pin", &pin]).await.done();

    // The same head under a key of the same name.
    let head: Checkpoint = Note::parse(&good[CHECKPOINT]).unwrap().text().parse().unwrap();
    let mut note = head.note().unwrap();
    note.sign(&SignerKey::new(head.origin.clone(), KeyKind::Plain, [7; 32]).unwrap());
    let mut resigned = good.clone();
    resigned.insert(CHECKPOINT.to_owned(), note.to_string().into_bytes());
    let bad = mirror.verified(resigned, &notary, &[]).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("the newest checkpoint"), "{bad}");

    // Another history under the same key.
    let fork = mirrored("errors at 4 %", &notary).await;
    mirror.verified(fork.clone(), &notary, &[]).await.done();
    let bad = mirror.verified(fork, &notary, &["--pin", &pin]).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("two histories were signed"), "{bad}");
}
