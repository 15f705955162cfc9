//! Whatever is done to a pack is found and named, also by whoever writes its manifest anew; and a zip that means harm is refused.

use super::packs::Story;
use super::packs_zip::{Files, duplicated, manifest, packed, unpacked};
use serde_json::{Value, json};
use sternway_domain::audit::note::{KeyKind, Note, SignerKey};

/// One line of a file, as JSON, changed.
fn line(files: &mut Files, name: &str, number: usize, change: impl FnOnce(&mut Value)) {
    let mut lines = lines(files, name);
    let mut value: Value = serde_json::from_str(&lines[number]).unwrap();
    change(&mut value);
    lines[number] = value.to_string();
    put(files, name, &lines);
}

fn lines(files: &Files, name: &str) -> Vec<String> {
    String::from_utf8(files[name].clone()).unwrap().lines().map(str::to_owned).collect()
}

fn put(files: &mut Files, name: &str, lines: &[String]) {
    files.insert(name.to_owned(), lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes());
}

fn replace(files: &mut Files, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[name].clone()).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    files.insert(name.to_owned(), text.replacen(from, to, 1).into_bytes());
}

fn named(files: &Files, folder: &str) -> Vec<String> {
    files.keys().filter(|name| name.starts_with(folder)).cloned().collect()
}

/// Bytes that were sealed, changed, with the hash beside them if that is wanted.
fn changed(value: &mut Value, hash: bool) {
    let entry = value["entry"].as_str().unwrap().replace("\"transport\":\"", "\"transport\":\"x");
    if hash {
        value["hash"] = sternway_domain::audit::merkle::leaf_hash(entry.as_bytes()).to_string().into();
    }
    value["entry"] = entry.into();
}

fn remove(files: &mut Files, name: &str) {
    assert!(files.remove(name).is_some(), "{name} is not there");
}

fn append(files: &mut Files, name: &str, more: &[u8]) {
    files.entry(name.to_owned()).or_default().extend_from_slice(more);
}

/// What is done, and what is said of it.
struct Change<'a> {
    name: &'static str,
    act: Box<dyn Fn(&mut Files) + 'a>,
    file: String,
    problem: &'static str,
    entry: Option<u64>,
}

#[derive(Default)]
struct Changes<'a>(Vec<Change<'a>>);

impl<'a> Changes<'a> {
    fn add(
        &mut self,
        name: &'static str,
        (file, problem, entry): (&str, &'static str, Option<u64>),
        act: impl Fn(&mut Files) + 'a,
    ) {
        self.0.push(Change { name, act: Box::new(act), file: file.to_owned(), problem, entry });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_pack_when_anything_in_it_was_changed_then_it_is_named() {
    let story = Story::told().await;
    let pack = story.exported("release.zip", &["--release", &story.release]).await;
    let files = unpacked(&pack);
    let entries = named(&files, "entries/0").remove(0);
    let all = lines(&files, &entries);
    let index = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    let first = index(&all[0]);
    let asked: Vec<usize> = (0..all.len()).filter(|at| all[*at].contains("\"texts\":[{")).collect();
    let other = (0..all.len()).find(|at| !all[*at].contains("\"texts\"")).unwrap();
    let (one, two, last) = (asked[1], asked[2], all.len() - 1);
    let at = |line: usize| Some(first + line as u64);
    // Of the decision that went back: nothing of it was taken out.
    let shown = lines(&files, "decisions.jsonl");
    let back = shown
        .iter()
        .rev()
        .find(|line| line.contains("\"action\":\"rollback\"") && line.contains("\"evidence\""))
        .unwrap();
    let digest = serde_json::from_str::<Value>(back).unwrap()["evidence"].as_str().unwrap().to_owned();
    let body = format!("evidence/{}.json", digest.trim_start_matches("sha256:"));
    let proofs = named(&files, "proofs/");
    let nothing = format!("evidence/{}.json", "0".repeat(64));

    let mut t = Changes::default();
    let signed = "was changed: the log signed";
    t.add("an entry", (&entries, signed, at(one)), |f| line(f, &entries, one, |v| changed(v, false)));
    t.add("an entry and its hash", (&entries, signed, at(one)), |f| line(f, &entries, one, |v| changed(v, true)));
    let some = "at least one of the entries";
    t.add("an entry of others", ("stretch.json", some, None), |f| line(f, &entries, other, |v| changed(v, true)));
    let hash = "the entry itself is the one";
    t.add("a hash alone", (&entries, hash, at(one)), |f| {
        line(f, &entries, one, |v| v["hash"] = format!("{:A<43}=", "").into());
    });
    t.add("an entry gone", (&entries, "is missing: entry", at(one)), |f| {
        put(f, &entries, &[&all[..one], &all[one + 1..]].concat());
    });
    t.add("two swapped", (&entries, "is missing: entry", at(one)), |f| {
        let mut all = all.clone();
        all.swap(one, two);
        put(f, &entries, &all);
    });
    t.add("one twice", (&entries, "stands in the place", at(two)), |f| {
        let mut all = all.clone();
        all[two] = all[one].clone();
        put(f, &entries, &all);
    });
    t.add("one more", (&entries, "more than", None), |f| append(f, &entries, format!("{}\n", all[one]).as_bytes()));
    t.add("the end cut", (&entries, "the file ends before it", at(last)), |f| put(f, &entries, &all[..last]));
    t.add("half a line", (&entries, "its last line has no end", None), |f| {
        let cut = f[&entries].len() - 9;
        f.get_mut(&entries).unwrap().truncate(cut);
    });
    t.add("a text", (&entries, "is not the one that was written down", at(one)), |f| {
        line(f, &entries, one, |v| v["texts"][0]["text"] = "another".into());
    });
    let gone = "is gone, and no entry says";
    t.add("a text gone", (&entries, gone, at(one)), |f| {
        line(f, &entries, one, |v| drop(v["texts"].as_array_mut().unwrap().remove(0)));
    });
    t.add("all texts gone", (&entries, "its texts are not here", at(one)), |f| {
        line(f, &entries, one, |v| drop(v.as_object_mut().unwrap().remove("texts")));
    });
    t.add("texts of others", (&entries, "was not asked for", at(other)), |f| {
        line(f, &entries, other, |v| v["texts"] = json!([]));
    });
    t.add("why a text is gone", (&entries, gone, at(asked[0])), |f| remove(f, "entries/later.jsonl"));
    t.add("who took it out", ("entries/later.jsonl", signed, None), |f| {
        line(f, "entries/later.jsonl", 0, |v| changed(v, true));
    });
    let shows = "does not show entry";
    t.add("a reason shown", ("decisions.jsonl", shows, at(one)), |f| replace(f, "decisions.jsonl", "go on", "go in"));
    t.add("a cell", ("decisions.csv", shows, None), |f| replace(f, "decisions.csv", "refused", "accepted"));
    t.add("a row gone", ("decisions.jsonl", shows, at(asked[0])), |f| put(f, "decisions.jsonl", &shown[1..]));
    t.add("a row more", ("decisions.jsonl", "more decisions than there are entries", None), |f| {
        append(f, "decisions.jsonl", format!("{}\n", shown[0]).as_bytes());
    });
    t.add("the evidence", (&body, "is not the evidence", None), |f| append(f, &body, b" "));
    t.add("evidence gone", (&body, "is missing", None), |f| remove(f, &body));
    t.add("evidence said to be gone", (&body, "nothing of the entry was redacted", None), |f| {
        remove(f, &body);
        // Beside what is honestly gone with a redacted text.
        manifest(f, |v| {
            let mut gone: Vec<String> = serde_json::from_value(v["evidence_missing"].clone()).unwrap();
            gone.push(digest.clone());
            gone.sort();
            v["evidence_missing"] = json!(gone);
        });
    });
    t.add("evidence of nothing", (&nothing, "no entry in this pack names", None), |f| append(f, &nothing, b"{}"));
    t.add("two proofs swapped", ("proofs/", "it is the proof of entry", None), |f| {
        let (a, b) = (f[&proofs[0]].clone(), f[&proofs[1]].clone());
        f.insert(proofs[0].clone(), b);
        f.insert(proofs[1].clone(), a);
    });
    t.add("a proof gone", (&proofs[0], "it is missing", None), |f| remove(f, &proofs[0]));
    let stranger = "proofs/x.tlog-proof";
    t.add("a proof of nothing", (stranger, "no decision in this pack", None), |f| append(f, stranger, b"x"));
    t.add("the report", ("report.pdf", "not the report that these entries make", None), |f| {
        append(f, "report.pdf", b" ")
    });
    t.add("what to do", ("README.txt", "not the text", None), |f| replace(f, "README.txt", "--key", "--kex"));
    t.add("the key", ("log.vkey", "", None), |f| replace(f, "log.vkey", "+", "-"));
    t.add("the head", ("checkpoint", "the signature", None), |f| replace(f, "checkpoint", "sternway\n", "sternway\n1"));
    t.add("what is beside", ("stretch.json", "not about the entries", None), |f| {
        replace(f, "stretch.json", "\"size\": ", "\"size\": 1");
    });
    t.add("how many", ("manifest.json", "it says 1 decisions", None), |f| {
        manifest(f, |v| v["about"]["decisions"] = 1.into());
    });
    t.add("the question", (&entries, "was not asked for", at(asked[0])), |f| {
        let another = "00000000-0000-7000-8000-000000000001";
        manifest(f, |v| v["about"]["asked"]["id"] = another.into());
    });

    let place = story.place("changed.zip");
    for Change { name, act, file, problem, entry } in t.0 {
        let mut tampered = files.clone();
        act(&mut tampered);
        packed(&place, &tampered, true);
        let bad = story.verified(&place, &["--key", &story.key]).await;
        assert_eq!(bad.code, 1, "{name}: {bad:?}");
        let bad = bad.json();
        assert!(bad["problem"].as_str().unwrap().contains(problem), "{name}: {bad}");
        assert!(bad["file"].as_str().unwrap_or_default().starts_with(&file), "{name}: {bad}");
        assert!(entry.is_none() || bad["entry"].as_u64() == entry, "{name}: {bad}");
    }
    // Carelessly, with the old manifest.
    let mut tampered = files.clone();
    replace(&mut tampered, "decisions.csv", "refused", "refuses");
    packed(&place, &tampered, false);
    let bad = story.verified(&place, &["--key", &story.key]).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("not the file the manifest names"), "{bad}");
    // A report that this program does not make cannot be compared: then nothing of the pack is called good.
    let mut tampered = files.clone();
    manifest(&mut tampered, |value| value["about"]["report_version"] = 2.into());
    append(&mut tampered, "report.pdf", b" ");
    packed(&place, &tampered, true);
    let unread = story.verified(&place, &["--key", &story.key]).await.failed(3);
    unread.complains(&["its report is of version 2, this program makes version 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_pack_that_was_signed_anew_when_verified_then_the_key_shows_it() {
    let story = Story::told().await;
    let files = unpacked(&story.exported("release.zip", &["--release", &story.release]).await);
    let stranger = SignerKey::new("sternway", KeyKind::Plain, [9; 32]).unwrap();
    let old = String::from_utf8(files["checkpoint"].clone()).unwrap();
    let mut note = Note::new(Note::parse(old.as_bytes()).unwrap().text()).unwrap();
    note.sign(&stranger);
    let note = note.to_string();
    let mut tampered = files.clone();
    tampered.insert("log.vkey".into(), format!("{}\n", stranger.verifier()).into_bytes());
    for name in named(&files, "proofs/").into_iter().chain(["checkpoint".to_owned()]) {
        replace(&mut tampered, &name, &old, &note);
    }
    let place = story.place("stranger.zip");
    packed(&place, &tampered, true);
    let strange = story.verified(&place, &["--key", &story.key]).await.failed(1).json();
    assert_eq!(strange["file"], "checkpoint", "{strange}");
    // Without a key from elsewhere nobody can know; that is said.
    let trusting = story.verified(&place, &[]).await.done().json();
    assert_eq!((&trusting["key_given"], &trusting["key"]), (&json!(false), &json!(stranger.verifier().to_string())));
    // Who remembers the log remembers its key.
    let pin = story.place("pin").display().to_string();
    std::fs::write(&pin, &old).unwrap();
    story.verified(&place, &["--pin", &pin]).await.failed(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_zip_that_means_harm_when_verified_then_it_is_refused_by_name() {
    let story = Story::told().await;
    let pack = story.exported("good.zip", &["--release", &story.release]).await;
    let (files, place) = (unpacked(&pack), story.place("harm.zip"));
    let refused = async |problem: &str| {
        let bad = story.verified(&place, &["--key", &story.key]).await;
        assert_eq!(bad.code, 1, "{problem}: {bad:?}");
        let said = bad.json()["problem"].as_str().unwrap().to_owned();
        assert!(said.contains(problem), "{problem}: {said}");
    };
    for name in [
        "../evil",
        "/etc/passwd",
        "entries/../../evil.jsonl",
        "evidence/",
        "C:\\evil",
        "entries/a/b.jsonl",
        "x",
        "entries/.jsonl",
    ] {
        let mut more = files.clone();
        more.insert(name.to_owned(), b"x".to_vec());
        packed(&place, &more, true);
        refused("no file of a pack has this name").await;
    }
    let mut bomb = files.clone();
    bomb.insert(format!("evidence/{}.json", "0".repeat(64)), vec![b' '; 8 << 20]);
    packed(&place, &bomb, true);
    refused("are no file of a pack").await;
    let mut large = files.clone();
    large.insert("checkpoint".to_owned(), vec![b'x'; 1 << 20]);
    packed(&place, &large, true);
    refused("at most").await;
    duplicated(&place, &files, "checkpoint");
    refused("it is there twice").await;
    let whole = std::fs::read(&pack).unwrap();
    for cut in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&place, &whole[..cut]).unwrap();
        refused("").await;
    }
    // Any byte: found, or one that means nothing.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bent = whole.clone();
        bent[at] ^= 0x55;
        std::fs::write(&place, &bent).unwrap();
        let ran = story.verified(&place, &["--key", &story.key]).await;
        assert!(ran.code == 1 || ran.code == 0 && ran.json()["decisions"].as_u64() >= Some(4), "byte {at}: {ran:?}");
    }
}
