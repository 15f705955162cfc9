//! The parsers of the log, and examples for each of them that are kept as files.
//!
//! `tests/audit/corpus/PARSER/` holds them: a file whose name begins with `good` must be taken, one that begins with
//! `bad` must be refused. Whatever breaks a parser becomes a file there. `STERNWAY_WRITE_CORPUS=1` writes those that
//! are made by this program. The same files are where `.ci/fuzz` begins.

use crate::log::{Log, ORIGIN, entry, signer};
use crate::parsers::PARSERS;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Once;
use sternway_domain::audit::checkpoint::witness::AddCheckpoint;
use sternway_domain::audit::commitment::{Field, Opening, Salt};
use sternway_domain::audit::merkle::Plan;
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::audit::tile::bundle;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/audit/corpus")
}

/// Once, before anything is read.
fn write_if_asked() {
    static ASKED: Once = Once::new();
    ASKED.call_once(|| {
        if std::env::var_os("STERNWAY_WRITE_CORPUS").is_some() {
            for (parser, name, bytes) in made() {
                fs::create_dir_all(folder().join(parser)).expect("a folder");
                fs::write(folder().join(parser).join(name), bytes).expect("the file can be written");
            }
        }
    });
}

/// The examples of a parser by the names of their files.
pub(crate) fn examples(parser: &str) -> BTreeMap<String, Vec<u8>> {
    write_if_asked();
    let files = fs::read_dir(folder().join(parser)).expect("every parser has a folder");
    let read = |file: fs::DirEntry| {
        let name = file.file_name().into_string().expect("names are text");
        (name, fs::read(file.path()).expect("the file can be read"))
    };
    files.map(|file| read(file.expect("the folder can be read"))).collect()
}

/// What this program can make: one good example of each kind, from its own writers.
fn made() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let log = Log::of((0..7).map(entry));
    let witness = SignerKey::new("witness.example", KeyKind::Witness, [2; 32]).expect("a good name");
    let mut both = log.checkpoint();
    both.cosign(&witness, 1_679_315_147);
    let mut extra = log.proof(4);
    extra.extra = Some(b"release 7".to_vec());
    let proof = log.resolve(&Plan::consistency(3, 7).expect("it has grown"));
    let request = AddCheckpoint { old: 3, proof, checkpoint: log.checkpoint() };
    let opening = Opening { field: Field::Reason, salt: Salt([7; 32]), text: "errors".into() };
    let bytes = |text: &dyn ToString| text.to_string().into_bytes();
    vec![
        ("note", "good-witnessed", bytes(&both)),
        ("note", "good-log", bytes(&log.checkpoint())),
        ("checkpoint", "good-head", log.checkpoint().text().as_bytes().to_vec()),
        ("checkpoint", "good-extended", format!("{}one\ntwo\n", log.checkpoint().text()).into_bytes()),
        ("proof", "good-entry-4", bytes(&log.proof(4))),
        ("proof", "good-extra", bytes(&extra)),
        ("proof", "good-single", bytes(&Log::of([entry(0)]).proof(0))),
        ("request", "good-growth", bytes(&request)),
        ("key", "good-log", bytes(signer().verifier())),
        ("key", "good-witness", bytes(witness.verifier())),
        ("secret", "good-log", signer().to_secret_text().into_bytes()),
        ("path", "good-checkpoint", b"checkpoint".to_vec()),
        ("path", "good-tile", b"tile/1/x001/x234/067.p/17".to_vec()),
        ("path", "good-entries", b"tile/entries/x001/067".to_vec()),
        ("bundle", "good-three", bundle(log.entries[..3].iter().map(Vec::as_slice)).expect("they fit")),
        ("bundle", "good-empty", vec![0; 6]),
        ("tile", "good-seven", log.files().remove("tile/0/000.p/7").expect("there is one")),
        ("entry", "good-record", entry(7)),
        ("entry", "bad-opening", serde_json::to_vec(&opening).expect("JSON")),
        ("entry", "bad-spaced", String::from_utf8(entry(7)).expect("JSON").replace(':', ": ").into_bytes()),
        ("entry", "bad-origin", ORIGIN.as_bytes().to_vec()),
    ]
}

#[test]
fn given_the_examples_then_good_ones_are_taken_and_bad_ones_refused() {
    for (parser, parse) in PARSERS {
        let examples = examples(parser);
        assert!(examples.keys().any(|name| name.starts_with("good")), "{parser} has a good example");
        for (name, bytes) in examples {
            let written = parse(&bytes);
            if name.starts_with("good") {
                assert_eq!(written.as_deref(), Some(&bytes[..]), "{parser}/{name}");
            } else {
                assert!(name.starts_with("bad"), "{parser}/{name}: good or bad?");
                assert_eq!(written, None, "{parser}/{name}");
            }
        }
    }
}

/// The files are those that today's writers write: a format that changed by accident shows here.
#[test]
fn given_the_writers_then_they_write_the_kept_examples() {
    for (parser, name, bytes) in made() {
        assert_eq!(examples(parser).get(name), Some(&bytes), "{parser}/{name}");
    }
}
