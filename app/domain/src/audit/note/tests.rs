use super::*;
use proptest::prelude::*;

/// The example of the standard.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// The example in the documentation of Go's `sumdb/note`, with its secret half.
const GO_SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(text: &str) -> VerifierKey {
    text.parse().expect(text)
}

fn signer(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
    SignerKey::new(name, kind, [seed; 32]).expect("a good name")
}

#[test]
fn given_the_published_examples_then_they_verify() {
    let note = Note::parse(NOTE.as_bytes()).expect("a note");
    assert_eq!(note.text(), "This is an example message.\n");
    let known = [key(KEY)];
    assert_eq!(note.open(&known), Ok(vec![Verified { key: &known[0], at: None }]));
    assert_eq!(note.to_string(), NOTE);

    let go = format!("{GO_TEXT}\n{GO_LINE}");
    let known = [key(GO_KEY)];
    assert_eq!(Note::parse(go.as_bytes()).expect("a note").open(&known).map(|who| who.len()), Ok(1));
    let mut mine = Note::new(GO_TEXT).expect("text");
    mine.sign(&GO_SIGNER.parse().expect("a key"));
    assert_eq!(mine.to_string(), go, "Ed25519 signs the same text with the same bytes");
}

/// Keys that other implementations have in their tests: Go's, `transparency-dev/formats`'.
#[test]
fn given_published_keys_then_they_are_written_as_they_were_read() {
    for text in [
        KEY,
        GO_KEY,
        "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    ] {
        assert_eq!(key(text).to_string(), text);
    }
    let secret: SignerKey = GO_SIGNER.parse().expect("a key");
    assert_eq!(secret.to_secret_text(), GO_SIGNER);
    assert_eq!(secret.verifier(), &key(GO_KEY));
    assert_eq!(format!("{secret:?}"), format!("SignerKey({GO_KEY})"));
}

#[test]
fn given_a_spoilt_key_then_it_is_refused() {
    let long = format!("{KEY}{}", "A".repeat(1_000_000));
    for wrong in [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U==",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+AQ==",
        &long,
    ] {
        assert!(matches!(wrong.parse::<VerifierKey>(), Err(KeyError::Verifier(_))), "{wrong:.90}");
    }
    let id = |text: &str| text.parse::<VerifierKey>().map_err(|error| matches!(error, KeyError::Id { .. }));
    assert_eq!(id(&KEY.replace("foo", "fo")), Err(true));
    assert_eq!(id(&KEY.replace("530d903a", "530d903b")), Err(true));
    let kinds = |text: &str| text.parse::<VerifierKey>().map_err(|error| matches!(error, KeyError::Kind { .. }));
    assert_eq!(kinds("example.com/foo+530d903a+Bg=="), Err(true));
    assert!(matches!(VerifierKey::new("a b", KeyKind::Plain, [1; 32]), Err(KeyError::Name(_))));
    assert!(matches!(VerifierKey::new("a", KeyKind::Plain, [0; 32]), Err(KeyError::Point { .. })), "a weak key");
    let error = "PRIVATE+KEY+a+00000000+SECRETSECRET".parse::<SignerKey>().expect_err("no key");
    assert!(!error.to_string().contains("SECRET"), "{error}");
    let wrong = GO_SIGNER.replace("c74f20a3", "c74f20a4").parse::<SignerKey>().expect_err("another id");
    assert!(!wrong.to_string().contains("AYEKFALVFGyN"), "{wrong}");
}

/// What Go's implementation refuses, and more.
#[test]
fn given_a_malformed_note_then_it_is_refused() {
    let line = GO_LINE;
    let many = format!("text\n\n{}", line.repeat(MAX_SIGNATURES + 1));
    let huge = format!("{}\n\n{line}", "x".repeat(MAX_NOTE_BYTES));
    let b64 = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let lines = |line: &str| format!("text\n\n{line}").into_bytes();
    for (bytes, what) in [
        (b"".to_vec(), "nothing"),
        (b"text".to_vec(), "no line break"),
        (b"text\n".to_vec(), "no empty line"),
        (b"text\n\n".to_vec(), "no signature"),
        (format!("text\n{line}").into_bytes(), "no empty line before the signatures"),
        (lines(line.trim_end()), "the last line break is missing"),
        (lines(&format!("{line}\n")), "an empty line at the end"),
        (lines(&line.replace('—', "-")), "another dash"),
        (lines(&line.replace("— ", "—")), "no space after the dash"),
        (lines(&line.replace("— ", "—  ")), "two spaces"),
        (lines(&format!("— {b64}\n")), "no name"),
        (lines(&format!("— a+b {b64}\n")), "a plus in the name"),
        (lines(&format!("— a\u{a0}b {b64}\n")), "a space in the name"),
        (lines("— a \n"), "no signature bytes"),
        (lines("— a AAAAAA==\n"), "an id and nothing else"),
        (lines(&format!("— a {b64}=\n")), "base64 with too much padding"),
        (lines(&format!("— a {b64} x\n")), "something after the signature"),
        (lines(&line.replace("= \n", "=\r\n").replace('\n', "\r\n")), "line ends of Windows"),
        (format!("te\txt\n\n{line}").into_bytes(), "a tab"),
        (format!("te\0xt\n\n{line}").into_bytes(), "a zero"),
        ([b"te\xffxt\n\n", line.as_bytes()].concat(), "not UTF-8"),
        (many.into_bytes(), "too many signatures"),
        (huge.into_bytes(), "too long"),
    ] {
        assert!(Note::parse(&bytes).is_err(), "{what} was taken");
    }
    assert_eq!(Note::new("no line break"), Err(NoteError::Unended));
    assert_eq!(Note::new("a\tb\n"), Err(NoteError::Control(1)));
    // Empty lines belong to the text, and 16 signatures must be taken.
    let note = Note::parse(format!("one\n\ntwo\n\n{}", line.repeat(16)).as_bytes()).expect("a note");
    assert_eq!((note.text(), note.signatures().len()), ("one\n\ntwo\n", 16));
}

#[test]
fn given_several_signatures_then_unknown_ones_are_ignored_and_a_wrong_known_one_spoils_the_note() {
    let (one, two) = (signer("one.example", KeyKind::Plain, 1), signer("two.example", KeyKind::Plain, 2));
    let mut note = Note::new("text\n").expect("text");
    note.sign(&one);
    note.sign(&two);
    let keys = [one.verifier().clone(), two.verifier().clone()];
    assert_eq!(note.open(&keys).map(|who| who.len()), Ok(2));
    assert_eq!(note.open(&keys[1..]).map(|who| who.len()), Ok(1));
    let named = |name: &str| vec![name.to_owned()];
    let stranger = signer("three.example", KeyKind::Plain, 3);
    let names = [named("one.example"), named("two.example")].concat();
    assert_eq!(note.open(&[stranger.verifier().clone()]), Err(NoteError::Unknown(names)));
    // Same name with another key, and another name with the same key, are unknown keys.
    let other = signer("one.example", KeyKind::Plain, 9);
    let renamed = signer("uno.example", KeyKind::Plain, 1);
    for key in [other, renamed] {
        assert!(matches!(note.open(&[key.verifier().clone()]), Err(NoteError::Unknown(_))));
    }
    let changed = note.to_string().replacen("text", "Text", 1);
    let changed = Note::parse(changed.as_bytes()).expect("a note");
    assert_eq!(changed.open(&keys[1..]), Err(NoteError::Wrong { name: "two.example".into() }));
    // One wrong signature of a known key beside a good one.
    let mut spoilt = note.clone();
    spoilt.signatures[0].bytes[5] ^= 1;
    assert_eq!(spoilt.open(&keys), Err(NoteError::Wrong { name: "one.example".into() }));
    assert_eq!(spoilt.open(&keys[1..]).map(|who| who.len()), Ok(1));
}

#[test]
fn given_a_witness_then_its_time_is_signed_and_returned() {
    let (log, witness) = (signer("log.example", KeyKind::Plain, 1), signer("w.example", KeyKind::Witness, 2));
    let mut note = Note::new("log.example\n1\nroot\n").expect("text");
    note.sign(&log);
    let alone = note.clone();
    note.cosign(&witness, 1_679_315_147);
    let known = [log.verifier().clone(), witness.verifier().clone()];
    let verified = note.open(&known).expect("both signed");
    assert_eq!(verified.iter().map(|one| one.at).collect::<Vec<_>>(), [None, Some(1_679_315_147)]);
    // The time belongs to what is signed.
    let mut later = note.clone();
    later.signatures[1].bytes[7] ^= 1;
    assert_eq!(later.open(&known), Err(NoteError::Wrong { name: "w.example".into() }));
    // A plain signature of the same key is none of a witness, and the other way round.
    let plain = signer("w.example", KeyKind::Plain, 2);
    assert_ne!(plain.verifier().id(), witness.verifier().id());
    assert!(matches!(note.open(&[plain.verifier().clone()]), Err(NoteError::Unknown(_))));

    // The answer of a witness is lines alone; only those of known keys are taken over.
    let answer = format!("{}\n{}\n", note.signatures()[1], note.signatures()[0]);
    let mut taken = alone.clone();
    assert_eq!(taken.take(answer.as_bytes(), &known[1..]), Ok(1));
    assert_eq!(taken.to_string(), note.to_string());
    assert_eq!(taken.take(answer.as_bytes(), &known), Ok(0), "nothing new");
    assert!(alone.clone().take(format!("{}\n", later.signatures()[1]).as_bytes(), &known).is_err());
    assert!(alone.clone().take(b"not a signature\n", &known).is_err());
    assert!(alone.clone().take(b"x\n\n", &known).is_err());
}

/// The example of `tlog-cosignature`; no key is published with it, so only its frame can be held against ours.
#[test]
fn given_the_published_cosignature_then_its_frame_is_ours() {
    let line = "— witness.example.com/w1 \
        jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
    let signature = Signature::parse(line).expect("a signature");
    assert_eq!((signature.id, signature.bytes.len()), (0x8d66_cf3f, 72));
    assert_eq!(signature.bytes[..8], 1_679_315_147_u64.to_be_bytes());
    assert_eq!(signature.to_string(), line);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_signed_note_opens_and_a_changed_one_does_not(text in "([ -~äß—]{0,30}\n){1,5}", at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let key = signer("log.example", KeyKind::Plain, 7);
        let known = [key.verifier().clone()];
        let mut note = Note::new(text).expect("it ends with a line break");
        note.sign(&key);
        let bytes = note.to_string().into_bytes();
        let read = Note::parse(&bytes).expect("as written");
        prop_assert_eq!(&read, &note);
        prop_assert!(read.open(&known).is_ok());
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= 1 << bit;
        prop_assert!(Note::parse(&changed).is_err() || Note::parse(&changed).is_ok_and(|note| note.open(&known).is_err()));
    }
}
