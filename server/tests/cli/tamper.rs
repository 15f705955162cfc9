//! The log changed in the database by somebody with every right to it: whatever was done, the verifier names it. The same
//! on SQLite and on PostgreSQL.

use super::audit::filled;
use super::rig::{Ran, bare, finish};
use super::tampered::{ALL, Tamper};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::note::{KeyKind, Note, SignerKey};
use sternway_domain::id::{ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use sternway_peers::PostgresProcess;
use sternway_server::notary::Notary;
use sternway_server::store::rows::{EventWrite, ReleaseRow, ReleaseWrite, Unit};
use sternway_server::store::{self, Store};
use sternway_server::system::SystemRng;
use tempfile::TempDir;
use uuid::Uuid;

enum Database {
    Sqlite(TempDir),
    /// Where one can make others, and the one that is good.
    Postgres(String),
}

impl Database {
    /// A good log in it, with some events of a release.
    async fn filled(self, notary: &Notary) -> Self {
        let store = store::open(&self.good()).await.unwrap();
        filled(store.clone(), "errors at 3 %", notary).await;
        released(store.as_ref()).await;
        drop(store);
        self
    }

    fn good(&self) -> String {
        match self {
            Self::Sqlite(dir) => format!("sqlite:{}", dir.path().join("good.db").display()),
            Self::Postgres(address) => address.clone(),
        }
    }

    /// A copy, changed without regard to any guard.
    async fn changed(&self, sql: &str) -> String {
        let name = format!("t{}", Uuid::new_v4().simple());
        let copy = match self {
            Self::Sqlite(dir) => {
                let copy = dir.path().join(&name);
                run_sqlite(&self.good(), &format!("VACUUM INTO '{}'", copy.display())).await;
                format!("sqlite:{}", copy.display())
            }
            Self::Postgres(good) => {
                let (server, good) = good.rsplit_once('/').unwrap();
                let alone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
                let maintenance = format!("{server}/postgres");
                run_postgres(&maintenance, &format!("{alone} = '{good}'")).await;
                run_postgres(&maintenance, &format!("CREATE DATABASE {name} TEMPLATE {good}")).await;
                format!("{server}/{name}")
            }
        };
        self.tamper(&copy, sql).await;
        copy
    }

    async fn tamper(&self, address: &str, sql: &str) {
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(address).await.unwrap();
                let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                let drops: String = triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect();
                connection.close().await.unwrap();
                run_sqlite(address, &format!("{drops} PRAGMA foreign_keys = off; {sql}")).await;
            }
            // Foreign keys are triggers, too.
            Self::Postgres(_) => {
                let guards = "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tablename FROM pg_tables \
                    WHERE schemaname = 'public' LOOP EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ALL', t.tablename); \
                    END LOOP; END $$";
                run_postgres(address, guards).await;
                run_postgres(address, sql).await;
            }
        }
    }

    fn words<'a>(&self, tamper: &'a Tamper) -> &'a str {
        match self {
            Self::Sqlite(_) => tamper.sqlite,
            Self::Postgres(_) => tamper.postgres,
        }
    }
}

async fn run_sqlite(address: &str, sql: &str) {
    let mut connection = SqliteConnection::connect(address).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    connection.close().await.unwrap();
}

async fn run_postgres(address: &str, sql: &str) {
    let mut connection = PgConnection::connect(address).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    connection.close().await.unwrap();
}

/// Three events of one release, the second of act 20.
async fn released(store: &dyn Store) {
    for version in 1..=3 {
        let at = Timestamp(1_795_000_000_000_000 + version);
        let row = ReleaseRow {
            id: ReleaseId(Uuid::from_u128(7)),
            version,
            service: ServiceName::new("checkout").unwrap(),
            state: "running".into(),
            active: true,
            created_at: at,
            updated_at: at,
            body: "{}".into(),
        };
        let events = vec![EventWrite { kind: "noted", at, body: format!(r#"{{"version":{version}}}"#) }];
        let release = Some(ReleaseWrite { expected: version - 1, events, row, takes: vec![], leaves: vec![] });
        store.commit(Unit { release, ..Unit::default() }).await.unwrap();
    }
}

async fn verified(address: &str, notary: &Notary, more: &[&str]) -> Ran {
    let key = notary.keys()[0].to_string();
    let arguments = ["audit", "verify", "--json", "--database", address, "--key", &key];
    finish(bare(&[&arguments[..], more].concat())).await
}

/// Everything of the table, one after the other on a copy of its own.
async fn all_named(database: Database) {
    let (notary, stranger) =
        (Notary::passing(&SystemRng), SignerKey::new("sternway", KeyKind::Plain, [7; 32]).unwrap());
    let database = database.filled(&notary).await;
    let good = verified(&database.changed("SELECT 1").await, &notary, &[]).await.done().json();
    assert_eq!((&good["good"], &good["entries"], &good["signed_entries"]), (&true.into(), &300.into(), &300.into()));

    for tamper in ALL.into_iter().flatten() {
        let sql = database.words(tamper);
        let ran = verified(&database.changed(sql).await, &notary, &[]).await;
        if tamper.said.is_empty() {
            assert_ne!(ran.code, 0, "{sql}: {ran:?}");
            continue;
        }
        let bad = ran.failed(1).json();
        let said = bad["problem"].as_str().unwrap();
        assert!(said.contains(tamper.said), "{sql}: {said}");
        assert_eq!(bad["entry"].as_u64(), tamper.entry, "{sql}: {said}");
    }

    // The same head, signed by another key of the same name.
    let store = store::open(&database.good()).await.unwrap();
    let note = Note::parse(store.checkpoint().await.unwrap().unwrap().note.as_bytes()).unwrap();
    drop(store);
    let head: Checkpoint = note.text().parse().unwrap();
    let mut again = head.note().unwrap();
    again.sign(&stranger);
    let resigned = database.changed(&format!("UPDATE log_checkpoint SET note = '{again}'")).await;
    let bad = verified(&resigned, &notary, &[]).await.failed(1).json();
    assert!(bad["problem"].as_str().unwrap().contains("the newest checkpoint"), "{bad}");

    // Another history under the same key: good by itself, but not to who remembers the first.
    let folder = tempfile::tempdir().unwrap();
    let pin = folder.path().join("pin");
    std::fs::write(&pin, note.to_string()).unwrap();
    let fork = match &database {
        Database::Sqlite(_) => format!("sqlite:{}", folder.path().join("fork.db").display()),
        Database::Postgres(_) => PostgresProcess::shared().database(),
    };
    filled(store::open(&fork).await.unwrap(), "errors at 4 %", &notary).await;
    verified(&fork, &notary, &[]).await.done();
    let pin = pin.display().to_string();
    let forked = verified(&fork, &notary, &["--pin", &pin]).await.failed(1).json();
    assert!(forked["problem"].as_str().unwrap().contains("two histories were signed"), "{forked}");
    verified(&database.changed("SELECT 1").await, &notary, &["--pin", &pin]).await.done();
}

#[tokio::test]
async fn given_sqlite_that_was_changed_when_verified_then_it_is_said_where() {
    all_named(Database::Sqlite(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn given_postgresql_that_was_changed_when_verified_then_it_is_said_where() {
    all_named(Database::Postgres(PostgresProcess::shared().database())).await;
}

/// N4: a copy that is damaged, or none at all, is told from one that was changed, and never taken for a good one.
#[tokio::test]
async fn given_a_damaged_copy_when_verified_then_it_is_refused_and_stays_as_it_is() {
    let notary = Notary::passing(&SystemRng);
    let database = Database::Sqlite(tempfile::tempdir().unwrap()).filled(&notary).await;
    let address = database.changed("SELECT 1").await;
    let path = address.strip_prefix("sqlite:").unwrap();
    let whole = std::fs::read(path).unwrap();
    let middle = whole.len() / 2;
    // The page that entry 150 lies in.
    let entry = br#""expected_version":"150""#;
    let page = whole.windows(entry.len()).position(|window| window == entry).unwrap() & !4095;
    let zeroed: Vec<u8> = [&whole[..page], &[0u8; 4096][..], &whole[page + 4096..]].concat();
    let headless = [&[0u8; 100][..], &whole[100..]].concat();
    let cut = whole[..middle].to_vec();
    for (how, bytes) in [("cut", cut), ("without its head", headless), ("a page of zeroes", zeroed)] {
        std::fs::write(path, &bytes).unwrap();
        let ran = verified(&address, &notary, &[]).await;
        assert!(ran.code == 1 || ran.code == 3, "{how}: {ran:?}");
        assert!(!ran.out.contains("\"good\":true"), "{how}: {ran:?}");
    }
    std::fs::write(path, b"").unwrap();
    verified(&address, &notary, &[]).await.failed(3);
    assert_eq!(std::fs::read(path).unwrap(), b"", "asking made a database");
    let nowhere = format!("{address}-missing");
    verified(&nowhere, &notary, &[]).await.failed(3);
    assert!(!std::path::Path::new(nowhere.strip_prefix("sqlite:").unwrap()).exists(), "asking made a file");
}
