//! The log and what is bad: wrong numbers, a full disk, clocks that jump.

use super::log::change;
use super::rig::Rig;
use axum::http::StatusCode;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use sternway_domain::actor::Role;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::merkle::{Frontier, TreeHash};
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::audit::record::Leaf;
use sternway_server::notary::Signer;

fn signer(rig: &Rig) -> Signer {
    Signer::new(rig.base.service.clone(), "test".to_owned())
}

#[tokio::test]
async fn given_sizes_and_indexes_out_of_range_when_asked_then_the_answer_names_the_limit() {
    let rig = Rig::new().await;
    signer(&rig).turn().await;
    let size = rig.entries().await;
    let beyond = format!("the signed log has {size} entries");
    for (query, status, expected) in [
        (format!("from=1&to={}", size + 1), 422, beyond.as_str()),
        ("from=9&to=3".to_owned(), 422, "would have shrunk"),
        (format!("from={}", size + 1), 422, "would have shrunk"),
        ("from=0&to=9223372036854775808".to_owned(), 422, beyond.as_str()),
        ("from=-1".to_owned(), 400, "from"),
        ("from=99999999999999999999999999".to_owned(), 400, "from"),
        ("from=abc".to_owned(), 400, "from"),
        ("to=1".to_owned(), 400, "from"),
        ("from=1&from=2".to_owned(), 400, "from"),
        ("from=1&past=2".to_owned(), 400, "past"),
    ] {
        let answer = rig.get(Role::Viewer, &format!("/api/v1/log/consistency?{query}")).await;
        let given = answer.status.as_u16();
        assert!(given == status || (status == 400 && given == 422), "{query}: {given} {}", answer.text);
        assert!(answer.text.contains(expected), "{query}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{query}");
    }
    for id in ["00000000-0000-7000-8000-000000000000", "nonsense", "%00", "..%2f..%2flog"] {
        let answer = rig.get(Role::Viewer, &format!("/api/v1/decisions/{id}/proof")).await;
        assert!(answer.status.is_client_error(), "{id}: {}", answer.text);
    }
    for good in [format!("from={size}"), "from=0".to_owned(), format!("from=1&to={size}")] {
        let answer = rig.get(Role::Viewer, &format!("/api/v1/log/consistency?{good}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{good}: {}", answer.text);
    }
}

/// What cannot be kept outside is not published; acts go on, and it is said.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn given_no_room_for_the_checkpoint_outside_then_nothing_is_published_until_there_is() {
    let rig = Rig::new().await;
    let mut signer = signer(&rig);
    signer.turn().await;
    let before = rig.base.service.store.checkpoint().await.expect("read");
    let pin = rig.base.config.state.with_added_extension("checkpoint");
    let kept = std::fs::read_to_string(&pin).expect("kept");
    // Writing there ends like writing to a disk without room.
    let beside = pin.with_added_extension(format!("{}.new", std::process::id()));
    std::os::unix::fs::symlink("/dev/full", &beside).expect("linked");
    let document = "kind: Flag\nkey: a.b\npurpose: a test\nowner: me\npermanent: true\ndefault: { enabled: true }";
    let acted = rig.apply(document).await;
    assert_eq!(acted["documents"][0]["outcome"], "created", "acts go on: {acted}");
    signer.turn().await;
    signer.turn().await;
    assert_eq!(rig.base.service.store.checkpoint().await.expect("read"), before);
    assert_eq!(std::fs::read_to_string(&pin).expect("kept"), kept, "the one before is whole");
    let status = rig.get(Role::Viewer, "/api/v1/log/status").await.json();
    let why = status["unsigned"].as_str().unwrap_or_default();
    assert!(why.contains("cannot be kept") && why.contains("space"), "{status}");
    assert!(rig.base.service.metrics.text().contains("sternway_log_unsigned 1"));
    std::fs::remove_file(&beside).expect("room again");
    signer.turn().await;
    let after = rig.base.service.store.checkpoint().await.expect("read").expect("one");
    assert_eq!(after.size, rig.entries().await as i64);
    assert_eq!(std::fs::read_to_string(&pin).expect("kept"), after.note);
    assert_eq!(rig.base.service.notary.unsigned(), None);
}

/// Entries are dated by the clock as it was; their order is their number.
#[tokio::test]
async fn given_a_clock_that_is_set_back_then_entries_say_so_and_the_log_is_signed_on() {
    let rig = Rig::new().await;
    let mut signer = signer(&rig);
    signer.turn().await;
    let first = rig.entries().await as i64;
    for step in [3_600, -7_200, 86_400 * 20, -86_400 * 20] {
        rig.turn_clock(step);
        let body = json!({"reason": "x"});
        rig.post(Role::Admin, "/api/v1/log/key", &body).await;
        signer.turn().await;
        assert_eq!(rig.base.service.notary.unsigned(), None, "{step}");
    }
    let rows = rig.base.service.store.leaves(first, 10).await.expect("read");
    let at: Vec<i64> = rows
        .iter()
        .map(|row| match Leaf::decode(&row.entry).expect("an entry") {
            Leaf::Sealed(record) => record.at.secs() - rig.base.service.clock.now().secs(),
            Leaf::Clear(_) => panic!("in clear"),
        })
        .collect();
    assert_eq!(at, [7_200, 0, 86_400 * 20, 0]);
    let newest = rig.base.service.store.checkpoint().await.expect("read").expect("one");
    assert_eq!(newest.size, rig.entries().await as i64);
}

async fn more(rig: &Rig) {
    rig.post(Role::Viewer, "/api/v1/log/key", &json!({"reason": "one more entry"})).await;
}

/// The true head of the log, signed by somebody who has another key of its name.
#[tokio::test]
async fn given_a_checkpoint_that_the_logs_key_did_not_sign_then_it_is_no_base_and_automation_holds() {
    let rig = Rig::new().await;
    let (mut signer, service) = (signer(&rig), rig.base.service.clone());
    signer.turn().await;
    let pin = rig.base.config.state.with_added_extension("checkpoint");
    let kept = std::fs::read_to_string(&pin).expect("kept");
    more(&rig).await;
    let mut tree = Frontier::default();
    for row in service.store.leaves(0, 200).await.expect("read") {
        tree.push(TreeHash(row.leaf_hash.try_into().expect("32 bytes")));
    }
    let head = Checkpoint::new(service.notary.origin(), tree.size(), tree.root()).expect("a head");
    let mut note = head.note().expect("text");
    note.sign(&SignerKey::new(service.notary.origin(), KeyKind::Plain, [7; 32]).expect("a name"));
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let put = sqlx::query("INSERT INTO log_checkpoint (size, note, at) VALUES ($1, $2, 1)");
    put.bind(tree.size() as i64).bind(note.to_string()).execute(&mut connection).await.expect("nobody keeps it out");

    signer.turn().await;
    let held = service.memory.rewound().expect("it is believed");
    assert!(held.why.contains("is none of the log (none of the known keys signed this"), "{}", held.why);
    assert_eq!(std::fs::read_to_string(&pin).expect("kept"), kept);
}

/// Of two replicas one signs; the other keeps what that one has signed.
#[tokio::test]
async fn given_newer_checkpoints_that_were_taken_out_then_what_is_kept_outside_does_not_go_back() {
    let rig = Rig::new().await;
    let mut signer = signer(&rig);
    signer.turn().await;
    more(&rig).await;
    signer.turn().await;
    let pin = rig.base.config.state.with_added_extension("checkpoint");
    let kept = std::fs::read_to_string(&pin).expect("kept");
    change(&rig, "DELETE FROM log_checkpoint WHERE size = (SELECT max(size) FROM log_checkpoint)").await;
    let older = rig.base.service.store.checkpoint().await.expect("read").expect("the one before");
    assert_ne!(older.note, kept);
    Signer::new(rig.base.service.clone(), "another".to_owned()).turn().await;
    assert_eq!(std::fs::read_to_string(&pin).expect("kept"), kept);
}
