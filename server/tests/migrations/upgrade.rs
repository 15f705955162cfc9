//! M5: from every schema there ever was to the newest one, with a row in each table.

use super::Database;
use super::Kind::{self, Postgres, Sqlite};
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use sternway_domain::id::{Digest, ReleaseId};
use sternway_server::store::rows::{DecisionFilter, ReleaseFilter};
use sternway_server::store::{self, Store};
use uuid::Uuid;

const RELEASE: &str = "00000000-0000-0000-0000-000000000001";
const DECISION: &str = "00000000-0000-0000-0000-0000000000d1";
const PERSON: &str = "00000000-0000-0000-0000-0000000000a1";
const SAGA: &str = "00000000-0000-0000-0000-000000000051";

/// What stands in the tables of each migration, by its number: one row each, of events and decisions as many as make
/// sense; migration 9 makes its own. `{…}` stands for what the two databases write differently, or for an id.
const ROWS: [(u32, &str); 10] = [
    (
        1,
        "INSERT INTO release (id, version, service, state, active, created_at, updated_at, body) VALUES
            ('{release}', 1, 'checkout', 'running', 1, 10, 20, '{\"components\":[{\"name\":\"checkout\"},{\"name\":\"auth\"}]}');
        INSERT INTO decision (leaf_index, id, at, actor_key, actor_label, action, release, service, outcome, reason,
            evidence, body, search) VALUES
            (0, '{decision}', 10, 'person:1', 'Maya Ortiz', 'start', '{release}', 'checkout', 'accepted',
            'Faster tills', '{digest}', '{}', 'faster tills maya ortiz checkout');
        INSERT INTO decision (leaf_index, id, at, actor_key, actor_label, action, outcome, reason, body, search) VALUES
            (1, '{release}', 11, 'person:1', 'Maya Ortiz', 'redact', 'accepted', 'A name', '{}', 'a name maya ortiz');
        INSERT INTO audit_leaf (leaf_index, decision, entry, leaf_hash, at) VALUES
            (0, '{decision}', {hash}, {hash}, 10), (1, '{release}', {hash}, {hash}, 11);
        INSERT INTO events (position, release, version, kind, at, body, decision) VALUES
            (1, '{release}', 1, 'started', 10, '{\"event\":\"started\"}', '{decision}');
        INSERT INTO evidence (digest, body) VALUES ('{digest}', '{\"seen\":1}');
        INSERT INTO idempotency (actor, key, request, status, response, at) VALUES ('person:1', 'k', 'r', 202, '{}', 10);
        UPDATE log_head SET position = 1, leaves = 2",
    ),
    (
        2,
        "INSERT INTO lease (name, holder, token, until) VALUES ('release:{release}', 'one', 7, 30);
        INSERT INTO tick (release, number, at, body) VALUES ('{release}', 3, 12, '{\"tick\":3}');
        INSERT INTO judge_state (release, number, body) VALUES ('{release}', 3, '{}');
        INSERT INTO live (release, body) VALUES ('{release}', '{}');
        INSERT INTO traffic (service, body) VALUES ('checkout', '{\"asked\":5}');
        INSERT INTO outbox (id, key, release, service, kind, body, created_at, state, attempts) VALUES
            ('{decision}', 'shift', '{release}', 'checkout', 'shift_traffic', '{}', 10, 'pending', 2)",
    ),
    (
        3,
        "INSERT INTO document (kind, name, version, digest, body, source, at) VALUES
            ('Service', 'checkout', 2, '{digest}', '{}', 'kind: Service', 9);
        INSERT INTO person (id, login, name, role, password_hash, created_at) VALUES
            ('{person}', 'maya@example.org', 'Maya Ortiz', 'admin', 'argon2', 1);
        INSERT INTO session (hash, person, created_at, seen_at, expires_at, agent) VALUES
            ({hash}, '{person}', 2, 3, 4, 'a browser');
        INSERT INTO token (id, owner, name, role, hash, created_at, expires_at) VALUES
            ('{release}', '{person}', 'ci', 'viewer', {hash}, 2, 9);
        INSERT INTO setting (key, value) VALUES ('setup', 'done')",
    ),
    (
        4,
        "INSERT INTO saga (id, release, version, position, purpose, active, created_at, updated_at, body) VALUES
            ('{saga}', '{release}', 1, 2, 'rollback', 1, 11, 11, '{}');
        INSERT INTO saga_event (position, saga, version, kind, at, body, decision) VALUES
            (2, '{saga}', 1, 'ordered', 11, '{}', '{decision}');
        UPDATE log_head SET position = 2",
    ),
    (
        5,
        "INSERT INTO flag (key, version, position, created_at, updated_at, body) VALUES ('shop.prices', 1, 3, 12, 12, '{}');
        INSERT INTO flag_event (position, flag, version, kind, at, body, decision) VALUES
            (3, 'shop.prices', 1, 'made', 12, '{}', '{decision}');
        UPDATE log_head SET position = 3",
    ),
    (
        6,
        "INSERT INTO data_migration (release, name, version, position, created_at, updated_at, body) VALUES
            ('{release}', 'order-state', 1, 4, 13, 13, '{}');
        INSERT INTO data_event (position, release, name, version, kind, at, body, decision) VALUES
            (4, '{release}', 'order-state', 1, 'planned', 13, '{}', '{decision}');
        UPDATE log_head SET position = 4",
    ),
    (
        7,
        "INSERT INTO audit_text (leaf_index, field, salt, text) VALUES (0, 'reason', 'c2FsdA==', 'Faster tills');
        INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (0, 'names', 1, 14);
        INSERT INTO log_node (level, idx, hash) VALUES (8, 0, {hash});
        INSERT INTO log_checkpoint (size, note, at) VALUES (2, 'a note', 15)",
    ),
    (
        8,
        "INSERT INTO log_key (from_size, key, change, statement, at) VALUES (0, 'log+1+a', 'first', '', 1);
        INSERT INTO log_outside (way, who, size, note, at) VALUES ('channel', 'ops', 2, 'a note', 16)",
    ),
    (
        11,
        "INSERT INTO legal_hold (id, service, from_at, placed_at, placed_by) VALUES
            ('{saga}', 'checkout', 1, 17, '{decision}')",
    ),
    (
        13,
        "INSERT INTO alarm (id, key, kind, severity, release, service, raised_at, body) VALUES
            ('{saga}', 'held', 'held', 'page', '{release}', 'checkout', 18, '{\"summary\":\"Held.\"}');
        INSERT INTO alarm_message (alarm, about, channel, created_at, state, attempts, next_at) VALUES
            ('{saga}', 'raised', 'oncall', 18, 'pending', 1, 20)",
    ),
];

/// What a later migration took away: it stands in the entry.
const DROPPED: [&str; 2] = ["body", "search"];

/// Of both databases: every definition there is.
const SQLITE: &str = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema";
const POSTGRES: &str = "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
        || coalesce(column_default, '') || coalesce(collation_name, '')
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger ' || tgenabled::text || ' ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal";

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Sqlite => "sqlite",
            Postgres => "postgres",
        }
    }

    /// The text of a row, as this database wants it.
    fn written(self, rows: &str) -> String {
        let hash = match self {
            Sqlite => "zeroblob(32)",
            Postgres => "decode(repeat('00', 32), 'hex')",
        };
        let digest = Digest::of(b"seen");
        let known = [("{hash}", hash), ("{digest}", digest.as_str()), ("{release}", RELEASE), ("{decision}", DECISION)];
        let known = known.into_iter().chain([("{person}", PERSON), ("{saga}", SAGA)]);
        known.fold(rows.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

impl Database {
    async fn run(&self, text: String) {
        self.sql(text.leak()).await;
    }

    /// As an earlier program left it: the first `last` migrations, each with rows in its tables.
    async fn up_to(&self, last: u32) {
        let table = "CREATE TABLE schema_migration \
            (number bigint PRIMARY KEY, name text NOT NULL, digest text NOT NULL, at bigint NOT NULL)";
        self.sql(table).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(self.kind.folder());
        let mut files: Vec<(u32, String)> = super::files(self.kind.folder())
            .into_iter()
            .map(|line| line.split_once(' ').map(|(number, name)| (number.parse().unwrap(), name.to_owned())).unwrap())
            .collect();
        files.sort();
        for (number, name) in files {
            if number > last {
                continue;
            }
            let text = std::fs::read_to_string(folder.join(format!("{number:04}_{name}.sql"))).unwrap();
            let digest = Digest::of(text.as_bytes());
            self.run(text).await;
            self.run(format!("INSERT INTO schema_migration VALUES ({number}, '{name}', '{digest}', 5)")).await;
            if let Some((_, rows)) = ROWS.iter().find(|(of, _)| *of == number) {
                self.run(self.kind.written(rows)).await;
            }
        }
    }

    /// Every definition: tables, columns, constraints, indexes, triggers, functions.
    async fn dump(&self) -> BTreeSet<String> {
        self.lines(SQLITE, POSTGRES).await
    }

    /// Columns by table, but for the table of the migrations themselves.
    async fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.columns().await {
            let (table, column) = line.split(' ').next().unwrap().split_once('.').unwrap();
            if table != "schema_migration" {
                tables.entry(table.to_owned()).or_default().push(column.to_owned());
            }
        }
        tables
    }

    /// Every row of these tables with these columns, as text.
    async fn rows(&self, tables: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, BTreeSet<String>> {
        let mut all = BTreeMap::new();
        for (table, columns) in tables {
            let values = |quote: &dyn Fn(&str) -> String| {
                let parts: Vec<String> =
                    columns.iter().map(|column| format!("'{column} ' || {}", quote(column))).collect();
                format!("SELECT {} FROM {table}", parts.join(" || ' ' || ")).leak() as &'static str
            };
            let sqlite = values(&|column| format!("quote(\"{column}\")"));
            let postgres = values(&|column| format!("quote_nullable(CAST(\"{column}\" AS text))"));
            all.insert(table.clone(), self.lines(sqlite, postgres).await);
        }
        all
    }
}

/// What was there before is found by those who look for it.
async fn read_back(store: &dyn Store, from: u32) {
    let id = ReleaseId(Uuid::parse_str(RELEASE).unwrap());
    let release = store.release(id).await.unwrap().unwrap();
    assert_eq!((release.version, release.service.as_str(), release.active), (1, "checkout", true), "from {from}");
    let active = ReleaseFilter { active: Some(true), ..ReleaseFilter::default() };
    assert_eq!(store.releases(&active).await.unwrap(), [release]);
    let events = store.events(id, 0).await.unwrap();
    assert_eq!(events.iter().map(|event| (event.position, event.kind.as_str())).collect::<Vec<_>>(), [(1, "started")]);
    let decision = store.decision(events[0].decision.unwrap()).await.unwrap().unwrap();
    assert_eq!((decision.leaf_index, decision.reason.as_str()), (0, "Faster tills"));
    // By words, of which some of these schemas had an index.
    let said = DecisionFilter { text: Some("tills ortiz".into()), ..DecisionFilter::default() };
    assert_eq!(store.decisions(&said).await.unwrap(), [decision], "from {from}");
    assert_eq!(store.leaves(0, 9).await.unwrap().len(), 2);
    assert_eq!(store.gap(2).await.unwrap(), None, "from {from}");
}

#[rstest]
#[tokio::test]
async fn given_any_earlier_schema_with_rows_when_started_then_it_is_as_a_fresh_one_and_every_row_is_there(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fresh = kind.database();
    fresh.open().await.unwrap();
    let (dump, tables) = (fresh.dump().await, fresh.tables().await);
    let newest = super::files(kind.folder()).len() as u32;
    let applied = |lines: BTreeSet<String>| -> BTreeSet<String> {
        lines.into_iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    for from in 1..newest {
        let database = kind.database();
        database.up_to(from).await;
        let mut known = database.tables().await;
        known.get_mut("decision").unwrap().retain(|column| !DROPPED.contains(&column.as_str()));
        let before = database.rows(&known).await;
        for (table, rows) in &before {
            assert!(!rows.is_empty(), "say in ROWS what stands in `{table}`");
        }

        let store = store::open(&database.address).await.unwrap_or_else(|error| panic!("from {from}: {error:?}"));
        assert_eq!(database.dump().await, dump, "from {from}");
        assert_eq!(applied(database.applied().await), applied(fresh.applied().await), "from {from}");
        assert_eq!(database.rows(&known).await, before, "from {from}");
        // Migration 9 finds out what moves.
        let moving = ["moving"].map(|name| (name.to_owned(), tables[name].clone())).into();
        let moving = &database.rows(&moving).await["moving"];
        let expected = ["auth", "checkout"].map(|name| format!("beside '0' release '{RELEASE}' service '{name}'"));
        let moving: BTreeSet<String> = moving.iter().map(|row| row.replace("beside 0 ", "beside '0' ")).collect();
        assert_eq!(moving, BTreeSet::from(expected), "from {from}");
        read_back(store.as_ref(), from).await;
    }
}
