//! The check of a whole log: `sternway audit verify` of a database with a million entries, beside merely reading it.

use crate::machine::{computed, resident};
use crate::report::{Figure, Report};
use crate::site::Place;
use crate::stats::{Times, shown};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::merkle::{Frontier, leaf_hash};
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::audit::record::{Links, RECORD_VERSION, Record, Sealed};
use sternway_domain::audit::{Entry, Origin, Outcome, Target};
use sternway_domain::id::{DecisionId, Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use sternway_server::store;
use sternway_server::store::rows::DecisionFilter;

/// Unless `STERNWAY_BENCH_ENTRIES` says otherwise.
const ENTRIES: u64 = 1_000_000;
const GOAL: Duration = Duration::from_secs(3);
const GOAL_MB: f64 = 100.0;
/// Runs of the check, each after one that only reads.
const RUNS: usize = 5;
/// One transaction.
const BATCH: u64 = 20_000;

pub(crate) async fn measure(place: &Place, report: &mut Report) {
    let wanted = std::env::var("STERNWAY_BENCH_ENTRIES").ok().and_then(|count| count.parse().ok());
    let entries = wanted.unwrap_or(ENTRIES);
    let dir = tempfile::tempdir_in(&place.data).expect("the folder for data is ours");
    let path = dir.path().join("log.db");
    let address = format!("sqlite:{}", path.display());
    drop(store::open(&address).await.expect("a new database"));
    let (began, key) = (Instant::now(), SignerKey::new("bench", KeyKind::Plain, [7; 32]).expect("a name"));
    fill(&path, entries, &key);
    let size = std::fs::metadata(&path).expect("it was written").len() as f64 / 1e9;
    eprintln!("  {entries} entries, {size:.1} GB, written in {}", shown(began.elapsed()));

    // The first one brings the file into memory, as far as there is room.
    read(&path, entries);
    let (floors, checks): (Vec<_>, Vec<_>) =
        (0..RUNS).map(|_| (read(&path, entries), check(place, &path, &key))).unzip();
    let (floor, times) = (Times::of(floors).p50(), Times::of(checks.iter().map(|check| check.took).collect()));
    let most = checks.iter().map(|check| check.most_mb).fold(0.0, f64::max);
    let cpu = checks.iter().map(|check| check.cpu).sum::<f64>() / checks.len() as f64;
    let took = times.p50();
    report.add(Figure {
        name: "verify_log",
        what: format!("`sternway audit verify`, {entries} entries, SQLite"),
        measured: format!(
            "p50 {}, at most {} of {RUNS}, {cpu:.1}\u{a0}s of computing, at most {most:.0}\u{a0}MB",
            shown(took),
            shown(times.most())
        ),
        floor: format!(
            "reading the rows and nothing else, {size:.1}\u{a0}GB: {} ({:.1}x)",
            shown(floor),
            took.as_secs_f64() / floor.as_secs_f64()
        ),
        goal: format!("{}, {GOAL_MB:.0}\u{a0}MB", shown(GOAL)),
        met: Some(took <= GOAL && most <= GOAL_MB),
        data: json!({
            "entries": entries, "took_ms": times.json(), "computed_s": cpu, "most_mb": most,
            "floor_s": floor.as_secs_f64(), "file_gb": size,
        }),
    });
    search(&address, entries, report).await;
}

/// A word that nobody wrote: all decisions are looked at. One that somebody wrote last is found at once.
async fn search(address: &str, entries: u64, report: &mut Report) {
    let store = store::open(address).await.expect("the database");
    let look = async |word: &str| {
        let filter = DecisionFilter { text: Some(word.to_owned()), ..DecisionFilter::default() };
        let began = Instant::now();
        let found = store.decisions(&filter).await.expect("rows").len();
        (found, began.elapsed())
    };
    let ((none, nowhere), (many, everywhere)) = (look("zebra").await, look("errors").await);
    assert!(none == 0 && many > 0);
    report.add(Figure {
        name: "search_log",
        what: format!("a word looked for in {entries} decisions, SQLite"),
        measured: format!("{} if nobody wrote it, {} if many did", shown(nowhere), shown(everywhere)),
        floor: String::new(),
        goal: String::new(),
        met: None,
        data: json!({"nowhere_s": nowhere.as_secs_f64(), "everywhere_s": everywhere.as_secs_f64()}),
    });
}

/// Different plans, and different things seen.
const KINDS: u64 = 1_000;

/// An act as one has them: a person, a release, evidence, an effect, an address.
fn entry(n: u64) -> Entry {
    let digest = |what: &str| Digest::of(format!("{what} {}", n % KINDS).as_bytes());
    Entry {
        v: RECORD_VERSION,
        id: DecisionId(uuid::Uuid::from_u128(u128::from(n) + 1)),
        at: Timestamp(1_795_000_000_000_000 + n as i64 * 1_000),
        occurred: None,
        actor: Actor::Person {
            id: PersonId(uuid::Uuid::from_u128(u128::from(n % 50))),
            name: format!("Maya Ortiz {}", n % 50),
            role: Role::OnCall,
        },
        action: "promote".into(),
        target: Target::Release {
            id: ReleaseId(uuid::Uuid::from_u128(u128::from(n / 20))),
            service: ServiceName::new("checkout").expect("a name"),
        },
        expected_version: Some(n as i64 % 40),
        reason: format!("errors at 0.{} %, as before; going on", n % 10),
        outcome: Outcome::Accepted,
        evidence: Some(digest("evidence")),
        plan: Some(digest("plan")),
        runbooks: vec![],
        overridden: vec![],
        effects: vec!["25 % to the candidate".into()],
        origin: Origin {
            transport: "browser".into(),
            request_id: Some(format!("{n:032x}")),
            trace_id: None,
            ip: Some("192.0.2.7".into()),
            user_agent: None,
        },
    }
}

fn seal(n: u64) -> (Entry, Sealed) {
    let entry = entry(n);
    let mut salt = [0u8; 32];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    let sealed = Record::seal(&entry, &Links::default(), || {
        salt[8] += 1;
        Salt(salt)
    });
    (entry, sealed.expect("it fits"))
}

/// As the store writes them, but many in one transaction; sealed on another core.
fn fill(path: &Path, entries: u64, key: &SignerKey) {
    let (send, sealed) = sync_channel(4_096);
    let sealing = std::thread::spawn(move || (0..entries).for_each(|n| send.send(seal(n)).expect("somebody writes")));
    let mut connection = Connection::open(path).expect("the file is there");
    connection.execute_batch("PRAGMA synchronous = off").expect("a setting");
    for kind in 0..KINDS {
        let body = format!("evidence {kind}");
        let digest = Digest::of(body.as_bytes()).to_string();
        connection.execute("INSERT INTO evidence (digest, body) VALUES ($1, $2)", params![digest, body]).expect("new");
    }
    let mut tree = Frontier::default();
    while tree.size() < entries {
        let tx = connection.transaction().expect("nobody else writes");
        let many = (entries - tree.size()).min(BATCH);
        put(&tx, &mut tree, &sealed, many);
        tx.commit().expect("the disk has room");
    }
    sealing.join().expect("sealing ends");
    let head = Checkpoint::new("bench", tree.size(), tree.root()).expect("a name");
    let mut note = head.note().expect("text");
    note.sign(key);
    let checkpoint = "INSERT INTO log_checkpoint (size, note, at) VALUES ($1, $2, 1)";
    connection.execute(checkpoint, params![entries as i64, note.to_string()]).expect("a checkpoint");
    connection.execute("UPDATE log_head SET leaves = $1", params![entries as i64]).expect("counted");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("all in one file");
}

fn put(tx: &Transaction<'_>, tree: &mut Frontier, sealed: &Receiver<(Entry, Sealed)>, many: u64) {
    let mut decision = tx
        .prepare(
            "INSERT INTO decision (leaf_index, id, at, actor_key, actor_label, action, release, service, outcome, \
             reason, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'accepted', $9, $10)",
        )
        .expect("a statement");
    let leaf = "INSERT INTO audit_leaf (leaf_index, decision, entry, leaf_hash, at) VALUES ($1, $2, $3, $4, $5)";
    let mut leaf = tx.prepare(leaf).expect("a statement");
    let text = "INSERT INTO audit_text (leaf_index, field, salt, text) VALUES ($1, $2, $3, $4)";
    let mut text = tx.prepare(text).expect("a statement");
    for _ in 0..many {
        let (entry, Sealed { bytes, openings, .. }) = sealed.recv().expect("as many as wanted");
        let (index, id) = (tree.size() as i64, entry.id.to_string());
        let Target::Release { id: release, service } = &entry.target else { continue };
        let label = entry.actor.label();
        let evidence = entry.evidence.as_ref().map(ToString::to_string);
        let (release, service) = (release.to_string(), service.to_string());
        let at = entry.at.micros();
        let values =
            params![index, id, at, entry.actor.key(), label, entry.action, release, service, entry.reason, evidence];
        decision.execute(values).expect("a decision");
        let hash = leaf_hash(&bytes);
        leaf.execute(params![index, id, bytes, hash.0, at]).expect("an entry");
        for opening in openings {
            let (field, salt) = (opening.field.to_string(), opening.salt.to_string());
            text.execute(params![index, field, salt, opening.text]).expect("a text");
        }
        tree.push_seen(hash, |node, hash| {
            if node.level > 0 && node.level % 8 == 0 {
                let sql = "INSERT INTO log_node (level, idx, hash) VALUES ($1, $2, $3)";
                tx.execute(sql, params![node.level, node.index as i64, hash.0]).expect("a node");
            }
        });
    }
}

/// What any check has to read, on as many cores as there are: every column of it that is checked, nothing done with it.
fn read(path: &Path, entries: u64) -> Duration {
    const ROWS: [&str; 3] = [
        "SELECT decision, entry, leaf_hash, at FROM audit_leaf WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index",
        "SELECT field, salt, text FROM audit_text WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index, field",
        "SELECT id, at, actor_key, actor_label, action, release, service, outcome, reason, evidence FROM decision \
         WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index",
    ];
    let lanes = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let began = Instant::now();
    let part = entries.div_ceil(lanes);
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            scope.spawn(move || {
                let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a file");
                let mut bytes = 0;
                for sql in ROWS {
                    let mut statement = connection.prepare(sql).expect("a statement");
                    let columns = statement.column_count();
                    let span = params![(lane * part) as i64, ((lane + 1) * part) as i64];
                    let mut rows = statement.query(span).expect("rows");
                    while let Some(row) = rows.next().expect("a row") {
                        bytes += (0..columns)
                            .map(|at| {
                                row.get_ref(at).ok().and_then(|value| value.as_bytes().ok()).map_or(8, <[u8]>::len)
                            })
                            .sum::<usize>();
                    }
                }
                assert!(bytes > 0 || entries == 0);
            });
        }
    });
    began.elapsed()
}

struct Checked {
    took: Duration,
    cpu: f64,
    most_mb: f64,
}

fn check(place: &Place, path: &Path, key: &SignerKey) -> Checked {
    let (database, key) = (format!("sqlite:{}", path.display()), key.verifier().to_string());
    let began = Instant::now();
    let mut command = Command::new(&place.sternway);
    command.args(["audit", "verify", "--json", "--database", &database, "--key", &key]).stdout(Stdio::piped());
    let child = command.spawn().expect("the program is built");
    let pid = child.id();
    let watch = std::thread::spawn(move || {
        let (mut cpu, mut most) = (0.0, 0.0);
        while let (Some(now), Some((_, high))) = (computed(pid), resident(pid)) {
            if high == 0.0 {
                break;
            }
            (cpu, most) = (now, high);
            std::thread::sleep(Duration::from_millis(5));
        }
        (cpu, most)
    });
    let output = child.wait_with_output().expect("it ends");
    let took = began.elapsed();
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success(), "{said}");
    let (cpu, most_mb) = watch.join().expect("watching ends");
    Checked { took, cpu, most_mb }
}
