//! Events appended one commit after the other, beside bare one-row commits of the same database, in turns.

use crate::acts::Acts;
use crate::report::{Figure, Report};
use crate::site::Place;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use sternway_peers::PostgresProcess;
use sternway_server::store::rows::{EventWrite, ReleaseRow, ReleaseWrite, Unit};
use sternway_server::store::{self, Store};

/// Turns of each kind, and how long one lasts: short, so that whatever else the machine does falls on both alike.
const TURNS: u32 = 30;
const TURN: Duration = Duration::from_millis(200);
const GOAL: Option<f64> = Some(0.5);
/// Of acts beside commits of one row: what is not their entries is not the log's.
const NONE: Option<f64> = None;

/// As long as the events of a release are.
pub(crate) const BODY: &str = r#"{"kind":"verdict_changed","at":1795096800000000,"verdict":{"kind":"pass","since":1795096800000000,
"sentence":"Errors 0.10 % against 0.10 %. Tolerated 1.5x + 0.05 %.","next":"25 % in about 9 minutes."}}"#;

/// A connection of our own, with the settings of the store's.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub(crate) async fn measure(place: &Place, report: &mut Report) {
    let dir = tempfile::tempdir_in(&place.data).expect("the folder for data is ours");
    let path = dir.path().join("append.db");
    let store = store::open(&format!("sqlite:{}", path.display())).await.expect("a new database");
    let file = SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::from_secs(5));
    let file = file.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let raw = Raw::Sqlite(file.connect().await.expect("the file is there"));
    const SQLITE: [&str; 4] = ["append_sqlite", "append_entry_sqlite", "append_acts_sqlite", "append_entries_sqlite"];
    const POSTGRES: [&str; 4] =
        ["append_postgres", "append_entry_postgres", "append_acts_postgres", "append_entries_postgres"];
    both(SQLITE, "SQLite", &store, raw, report).await;

    if PostgresProcess::installed() {
        // Blocks while the server starts and ends.
        let process = tokio::task::spawn_blocking(PostgresProcess::start_durable).await.expect("PostgreSQL starts");
        let address = process.database();
        let store = store::open(&address).await.expect("a new database");
        let raw = Raw::Postgres(PgConnection::connect(&address).await.expect("the server is there"));
        both(POSTGRES, "PostgreSQL", &store, raw, report).await;
        drop(store);
        tokio::task::spawn_blocking(move || drop(process)).await.expect("PostgreSQL ends");
    } else {
        eprintln!("  PostgreSQL is not installed; `make test-deps` installs it");
    }
}

async fn both(names: [&'static str; 4], what: &str, store: &Arc<dyn Store>, mut raw: Raw, report: &mut Report) {
    raw.prepare().await;
    let mut stream = Stream { store: store.clone(), version: 0 };
    let [mut alone, mut logged, mut unlogged] =
        [(76, true), (77, true), (78, false)].map(|(n, logged)| Acts::new(store.clone(), n, logged));
    let rows = "bare one-row commits";
    let events = format!("events appended, {what}, one commit each");
    turns(names[0], events, async || stream.append().await, rows, async || raw.commit().await, GOAL, report).await;
    let entries = format!("entries alone, as of refusals, {what}, one commit each");
    turns(names[1], entries, async || alone.entry_alone().await, rows, async || raw.commit().await, GOAL, report).await;
    let acts = format!("acts with their entries and all their other rows, {what}, one commit each");
    turns(names[2], acts, async || logged.append().await, rows, async || raw.commit().await, NONE, report).await;
    let (same, without) = (format!("the same acts with their entries, {what}"), "the same acts without entries");
    turns(names[3], same, async || logged.append().await, without, async || unlogged.append().await, GOAL, report)
        .await;
}

async fn turns(
    name: &'static str,
    what: String,
    mut append: impl AsyncFnMut(),
    floor: &str,
    mut barely: impl AsyncFnMut(),
    goal: Option<f64>,
    report: &mut Report,
) {
    append().await;
    barely().await;
    let (mut bare, mut ours) = ((0_u32, Duration::ZERO), (0_u32, Duration::ZERO));
    for _ in 0..TURNS {
        let began = Instant::now();
        while began.elapsed() < TURN {
            barely().await;
            bare.0 += 1;
        }
        bare.1 += began.elapsed();
        let began = Instant::now();
        while began.elapsed() < TURN {
            append().await;
            ours.0 += 1;
        }
        ours.1 += began.elapsed();
    }
    let per_second = |(count, time): (u32, Duration)| f64::from(count) / time.as_secs_f64();
    let (bare, ours) = (per_second(bare), per_second(ours));
    let part = ours / bare;
    report.add(Figure {
        name,
        what,
        measured: format!("{ours:.0} a second, {:.0}\u{a0}% of the floor", part * 100.0),
        floor: format!("{floor}: {bare:.0} a second"),
        goal: goal.map_or_else(String::new, |goal| format!("at least {:.0}\u{a0}%", goal * 100.0)),
        met: goal.map(|goal| part >= goal),
        data: json!({"commits_per_s": ours.round(), "floor_commits_per_s": bare.round(), "part": part}),
    });
}

impl Raw {
    async fn prepare(&mut self) {
        const TABLE: &str = "CREATE TABLE bench_row (id BIGINT PRIMARY KEY, body TEXT NOT NULL)";
        match self {
            Raw::Sqlite(connection) => connection.execute(TABLE).await.map(|_| ()),
            Raw::Postgres(connection) => connection.execute(TABLE).await.map(|_| ()),
        }
        .expect("a table of our own");
    }

    /// One row in a transaction of its own.
    async fn commit(&mut self) {
        const ROW: &str = "INSERT INTO bench_row (id, body) \
            VALUES ((SELECT coalesce(max(id), 0) + 1 FROM bench_row), $1)";
        let done = match self {
            Raw::Sqlite(connection) => {
                let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.expect("nobody else writes");
                let done = sqlx::query(ROW).bind(BODY).execute(&mut *tx).await.map(|done| done.rows_affected());
                tx.commit().await.expect("the disk has room");
                done
            }
            Raw::Postgres(connection) => {
                let mut tx = connection.begin().await.expect("the server is there");
                let done = sqlx::query(ROW).bind(BODY).execute(&mut *tx).await.map(|done| done.rows_affected());
                tx.commit().await.expect("the disk has room");
                done
            }
        };
        assert_eq!(done.expect("a row"), 1);
    }
}

/// One release that events are appended to, by the store's own commit.
struct Stream {
    store: Arc<dyn Store>,
    version: i64,
}

impl Stream {
    async fn append(&mut self) {
        let (expected, at) = (self.version, Timestamp::from_secs(1_795_096_800));
        self.version += 1;
        let row = ReleaseRow {
            id: ReleaseId(Default::default()),
            version: self.version,
            service: ServiceName::new("checkout").expect("a name"),
            state: "running".into(),
            active: true,
            created_at: at,
            updated_at: at,
            // The fold is a few times as long as an event.
            body: BODY.repeat(8),
        };
        let events = vec![EventWrite { kind: "verdict_changed", at, body: BODY.to_owned() }];
        let unit = Unit {
            release: Some(ReleaseWrite { expected, events, row, takes: vec![], leaves: vec![] }),
            ..Unit::default()
        };
        self.store.commit(unit).await.expect("nobody else writes");
    }
}
