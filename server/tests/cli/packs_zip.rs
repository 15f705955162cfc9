//! Taking packs apart and putting them together, as somebody with the right tools could.

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use sternway_domain::id::Digest;

pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn unpacked(path: &Path) -> Files {
    let bytes = std::fs::read(path).unwrap();
    let archive = ZipArchive::from_slice(&bytes).unwrap();
    let mut files = Files::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap();
        let inside = archive.get_entry(entry.wayfinder()).unwrap();
        let mut content = Vec::new();
        DeflateDecoder::new(inside.data()).read_to_end(&mut content).unwrap();
        assert!(files.insert(name, content).is_none());
    }
    files
}

/// `anew`: with a manifest that names what is there.
pub(super) fn packed(path: &Path, files: &Files, anew: bool) {
    let mut files = files.clone();
    if anew {
        let mut manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let sum = |bytes: &[u8]| Digest::of(bytes).as_str().trim_start_matches("sha256:").to_owned();
        let others = files.iter().filter(|(name, _)| *name != "manifest.json");
        let list: Vec<Value> =
            others.map(|(name, bytes)| json!({"name": name, "size": bytes.len(), "sha256": sum(bytes)})).collect();
        manifest["files"] = list.into();
        files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    }
    let files: Vec<(&String, &Vec<u8>)> = files.iter().collect();
    written(path, &files);
}

/// One file twice.
pub(super) fn duplicated(path: &Path, files: &Files, name: &str) {
    let mut all: Vec<(&String, &Vec<u8>)> = files.iter().collect();
    let again = all.iter().find(|(other, _)| *other == name).copied().unwrap();
    all.push(again);
    written(path, &all);
}

fn written(path: &Path, files: &[(&String, &Vec<u8>)]) {
    let mut out = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut out);
    for (name, bytes) in files {
        // Names are written as they are: this writer would make some of them harmless.
        let stand_in: String = (0..name.len()).map(|_| 'q').collect();
        let (mut entry, config) =
            zip.new_file(&stand_in).compression_method(CompressionMethod::DEFLATE).start().unwrap();
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        data.write_all(bytes).unwrap();
        let (encoder, descriptor) = data.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    named(&mut out, files);
    std::fs::write(path, out).unwrap();
}

/// Puts names into the headers: first the local ones, in order, then those of the directory.
fn named(zip: &mut [u8], files: &[(&String, &Vec<u8>)]) {
    for (signature, offset) in [(&b"PK\x03\x04"[..], 30), (b"PK\x01\x02", 46)] {
        let mut from = 0;
        for (name, _) in files {
            let stand_in = vec![b'q'; name.len()];
            let at = (from..zip.len())
                .find(|at| zip[*at..].starts_with(signature) && zip[at + offset..].starts_with(&stand_in))
                .unwrap();
            zip[at + offset..at + offset + name.len()].copy_from_slice(name.as_bytes());
            from = at + offset + name.len();
        }
    }
}

pub(super) fn manifest(files: &mut Files, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    change(&mut value);
    files.insert("manifest.json".to_owned(), value.to_string().into_bytes());
}
