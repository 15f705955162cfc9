//! The log as this server shows it, read by Go's own implementation of notes and tiled logs: the program that the rules'
//! tests use as well, on files that came over HTTP.

use super::rig::Rig;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use sternway_domain::actor::Role;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::leaf_hash;
use sternway_domain::audit::merkle::{Frontier, TreeHash};
use sternway_domain::audit::note::{KeyKind, Note, SignerKey};
use sternway_domain::audit::tile::{Resource, Tile};
use sternway_domain::id::DecisionId;
use sternway_server::notary::Signer;
use sternway_server::store::rows::{DecisionRow, DecisionWrite, Unit};
use uuid::Uuid;

const VERSION: &str = "1.27.3";

fn goroot() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the folder of all that is built");
    let root = std::env::var_os("STERNWAY_GOROOT").map(PathBuf::from);
    let root = root.unwrap_or_else(|| target.join(format!("peers/go-{VERSION}/go")));
    assert!(root.join("bin/go").exists(), "Go {VERSION} is not in `{}`: run `.ci/test-deps`", root.display());
    root
}

fn write(path: PathBuf, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
    fs::write(path, bytes).expect("the file can be written");
}

/// Go's packages need nothing but the standard library.
fn build(work: &Path) -> PathBuf {
    let root = goroot();
    for package in ["note", "tlog"] {
        let theirs = root.join("src/cmd/vendor/golang.org/x/mod/sumdb").join(package);
        for file in fs::read_dir(theirs).expect("the packages come with the compiler") {
            let file = file.expect("the folder can be read");
            write(work.join(package).join(file.file_name()), fs::read(file.path()).expect("the file can be read"));
        }
    }
    write(work.join("main.go"), include_str!("../../../app/domain/tests/audit/peer/main.go"));
    write(work.join("go.mod"), "module peer\n\ngo 1.24\n");
    let mut go = Command::new(root.join("bin/go"));
    go.args(["build", "-o", "peer", "."]).current_dir(work).env("GOROOT", &root);
    go.env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("CGO_ENABLED", "0");
    go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")).env("GOPATH", work.join("path"));
    let built = go.output().expect("Go can be run");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    work.join("peer")
}

/// An act past the service: only its entry matters here.
fn filler(n: u128) -> DecisionWrite {
    let entry = format!("entry {n}").into_bytes();
    let row = DecisionRow {
        id: DecisionId(Uuid::from_u128(n)),
        leaf_index: 0,
        at: sternway_domain::time::Timestamp(n as i64),
        actor_key: "person:ada".into(),
        actor_label: "Ada".into(),
        action: "promote".into(),
        release: None,
        service: None,
        outcome: "accepted".into(),
        reason: "looks good".into(),
        evidence: None,
    };
    DecisionWrite { row, leaf_hash: leaf_hash(&entry), entry, openings: vec![] }
}

#[tokio::test]
async fn given_a_server_when_go_reads_its_log_then_checkpoint_tiles_entries_and_proofs_hold() {
    let work = tempfile::tempdir().expect("a folder");
    let peer = build(&work.path().join("build"));
    let rig = Rig::new().await;
    let store = rig.base.service.store.clone();
    for n in 1..=600 {
        store.commit(Unit { decision: Some(filler(n)), ..Unit::default() }).await.expect("written");
    }
    Signer::new(rig.base.service.clone(), "test".to_owned()).turn().await;

    let dir = work.path().join("out");
    let keys = rig.get(Role::Auditor, "/log/key").await.text;
    write(dir.join("vkey"), keys.lines().next().expect("the key in use stands first"));
    let note = rig.bytes(Role::Auditor, "/log/checkpoint").await;
    let head: Checkpoint = Note::parse(&note).expect("a note").text().parse().expect("a checkpoint");
    write(dir.join("log/checkpoint"), &note);
    let mut tiles = 0;
    for tile in Tile::grown(0, head.size) {
        tiles += 1;
        let below = (tile.level == 0).then_some(Resource::Entries(tile));
        for file in [Resource::Tile(tile)].into_iter().chain(below) {
            write(dir.join("log").join(file.to_string()), rig.bytes(Role::Auditor, &format!("/log/{file}")).await);
        }
    }
    let leaves = store.leaves(0, 10_000).await.expect("read");
    let indexes = [0, 1, 255, 256, 511, leaves.len() - 1];
    for index in indexes {
        let path = format!("/api/v1/decisions/{}/proof", leaves[index].decision);
        write(dir.join(format!("proofs/{index}.tlog-proof")), rig.bytes(Role::Auditor, &path).await);
    }
    let mut tree = Frontier::default();
    let olds = [1, 2, 255, 256, 257, 512];
    for (size, leaf) in (1u64..).zip(&leaves) {
        tree.push(TreeHash(leaf_hash(&leaf.entry)));
        if olds.contains(&size) {
            let answer = rig.get(Role::Auditor, &format!("/api/v1/log/consistency?from={size}")).await.json();
            let hashes =
                answer["hashes"].as_array().expect("hashes").iter().map(|hash| hash.as_str().expect("text").to_owned());
            let lines: String = [tree.root().to_string()].into_iter().chain(hashes).map(|hash| hash + "\n").collect();
            write(dir.join(format!("growths/{size}")), lines);
        }
    }
    let key = SignerKey::new(head.origin.clone(), KeyKind::Plain, [9; 32]).expect("a good name");
    write(dir.join("skey"), key.to_secret_text());

    let output = Command::new(peer).arg(&dir).output().expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!("{tiles} tiles, {} entries, {} proofs, {} growths", leaves.len(), indexes.len(), olds.len());
    assert_eq!(said.trim(), expected);
}
