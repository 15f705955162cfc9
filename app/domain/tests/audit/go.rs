//! The whole log against Go's implementation of notes and tiled logs, which its checksum database runs on: `sumdb/note`
//! and `sumdb/tlog`, as they come with Go's compiler. `.ci/test-deps` installs it under `target/peers`.

use crate::log::{Log, ORIGIN, entry, signer};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use sternway_domain::audit::checkpoint::Trust;
use sternway_domain::audit::merkle::{Frontier, Plan, leaf_hash};
use sternway_domain::audit::note::{KeyKind, SignerKey};

const VERSION: &str = "1.27.3";

/// Deep enough for tiles of three levels.
const SIZE: u64 = 66_000;

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

/// Builds the program beside this file with Go's own packages next to it. They need nothing but the standard library.
fn build(work: &Path) -> PathBuf {
    let root = goroot();
    let theirs = root.join("src/cmd/vendor/golang.org/x/mod/sumdb");
    for package in ["note", "tlog"] {
        for file in fs::read_dir(theirs.join(package)).expect("the packages come with the compiler") {
            let file = file.expect("the folder can be read").path();
            let name = file.file_name().expect("a file has a name").to_owned();
            write(work.join(package).join(name), fs::read(&file).expect("the file can be read"));
        }
    }
    write(work.join("main.go"), include_str!("peer/main.go"));
    write(work.join("go.mod"), "module peer\n\ngo 1.24\n");
    let mut go = Command::new(root.join("bin/go"));
    go.args(["build", "-o", "peer", "."]).current_dir(work).env("GOROOT", &root);
    go.env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("CGO_ENABLED", "0");
    go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")).env("GOPATH", work.join("path"));
    let built = go.output().expect("Go can be run");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    work.join("peer")
}

#[test]
fn given_a_log_then_go_reads_its_notes_tiles_entries_and_proofs_and_signs_for_us() {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-peer");
    fs::remove_dir_all(&work).ok();
    let peer = build(&work.join("build"));

    // A few real entries; the many need only be different.
    let some = |number: u64| if number < 300 { entry(number) } else { format!("entry {number}").into_bytes() };
    let log = Log::of((0..SIZE).map(some));
    let dir = work.join("out");
    write(dir.join("vkey"), signer().verifier().to_string());
    for (path, bytes) in log.files() {
        write(dir.join("log").join(path), bytes);
    }
    let indexes = [0, 1, 255, 256, 299, 65_535, 65_536, 65_791, 65_792, SIZE - 1];
    for index in indexes {
        write(dir.join(format!("proofs/{index}.tlog-proof")), log.proof(index).to_string());
    }
    let mut tree = Frontier::default();
    let olds = [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, SIZE];
    for (size, bytes) in (1..).zip(&log.entries) {
        tree.push(leaf_hash(bytes));
        if olds.contains(&size) {
            let proof = log.resolve(&Plan::consistency(size, SIZE).expect("it has grown"));
            let lines: String = [tree.root()].iter().chain(&proof).map(|hash| format!("{hash}\n")).collect();
            write(dir.join(format!("growths/{size}")), lines);
        }
    }
    let go_key = SignerKey::new(ORIGIN, KeyKind::Plain, [9; 32]).expect("a good name");
    write(dir.join("skey"), go_key.to_secret_text());

    let output = Command::new(peer).arg(&dir).output().expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    // 257 full tiles and a partial one of entries, one full and one partial above, one on top.
    assert_eq!(said.trim(), format!("261 tiles, {SIZE} entries, {} proofs, {} growths", indexes.len(), olds.len()));

    let signed = fs::read(dir.join("signed")).expect("the peer wrote it");
    let trusted = Trust::one(ORIGIN, go_key.verifier().clone()).open(&signed).expect("Go signed it");
    assert_eq!((trusted.checkpoint.size, trusted.checkpoint.root), (SIZE, log.tree.root()));
    fs::remove_dir_all(&work).ok();
}
