//! A database per test, and rows to put into it.

use sqlx::{Connection, PgConnection, SqliteConnection};
use std::sync::Arc;
use sternway_domain::id::{DecisionId, Digest, FlagKey, MessageId, PersonId, ReleaseId, ServiceName, TokenId};
use sternway_domain::time::{Span, Timestamp};
use sternway_peers::PostgresProcess;
use sternway_server::store::rows::*;
use sternway_server::store::{self, Store};
use tempfile::TempDir;
use uuid::Uuid;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}
pub(super) use Kind::{Postgres, Sqlite};

pub(super) struct Rig {
    pub(super) kind: Kind,
    pub(super) store: Arc<dyn Store>,
    pub(super) address: String,
    _dir: Option<TempDir>,
}

impl Kind {
    pub(super) async fn start(self) -> Rig {
        let (address, dir) = match self {
            Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                (format!("sqlite:{}", dir.path().join("sternway.db").display()), Some(dir))
            }
            Postgres => (PostgresProcess::shared().database(), None),
        };
        let store = store::open(&address).await.unwrap();
        Rig { kind: self, store, address, _dir: dir }
    }
}

impl Rig {
    /// The same database, opened once more.
    pub(super) async fn again(&self) -> Arc<dyn Store> {
        store::open(&self.address).await.unwrap()
    }

    /// Statements past the store.
    pub(super) async fn sql(&self, text: &'static str) -> sqlx::Result<()> {
        match self.kind {
            Sqlite => {
                let mut connection = SqliteConnection::connect(&self.address).await?;
                sqlx::raw_sql(text).execute(&mut connection).await?;
                connection.close().await
            }
            Postgres => {
                let mut connection = PgConnection::connect(&self.address).await?;
                sqlx::raw_sql(text).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }

    /// How many rows each table has that a unit writes to.
    pub(super) async fn counts(&self) -> Vec<(&'static str, i64)> {
        const COUNTS: [(&str, &str); 14] = [
            ("release", "SELECT count(*) FROM release"),
            ("events", "SELECT count(*) FROM events"),
            ("flag", "SELECT count(*) FROM flag"),
            ("flag_event", "SELECT count(*) FROM flag_event"),
            ("data_migration", "SELECT count(*) FROM data_migration"),
            ("data_event", "SELECT count(*) FROM data_event"),
            ("decision", "SELECT count(*) FROM decision"),
            ("audit_leaf", "SELECT count(*) FROM audit_leaf"),
            ("evidence", "SELECT count(*) FROM evidence"),
            ("outbox", "SELECT count(*) FROM outbox"),
            ("document", "SELECT count(*) FROM document"),
            ("person", "SELECT count(*) FROM person"),
            ("token", "SELECT count(*) FROM token"),
            ("idempotency", "SELECT count(*) FROM idempotency"),
        ];
        let mut counts = Vec::new();
        for (table, sql) in COUNTS {
            let count = match self.kind {
                Sqlite => {
                    let mut connection = SqliteConnection::connect(&self.address).await.unwrap();
                    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
                }
                Postgres => {
                    let mut connection = PgConnection::connect(&self.address).await.unwrap();
                    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
                }
            };
            counts.push((table, count));
        }
        counts
    }

    pub(super) async fn lease(&self, name: &str, holder: &str) -> Fence {
        let lease = self.store.lease(name, holder, Span::from_secs(60)).await.unwrap().unwrap();
        Fence { lease: lease.name, token: lease.token }
    }

    /// A stored release without a decision.
    pub(super) async fn release(&self, n: u128) -> ReleaseId {
        self.store.commit(Unit { release: Some(write(n, 0, 1)), ..Unit::default() }).await.unwrap();
        ReleaseId(Uuid::from_u128(n))
    }
}

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

pub(super) fn service(n: u128) -> ServiceName {
    ServiceName::new(format!("service-{n}")).unwrap()
}

/// `count` events of release `n` after version `expected`, and the row after them.
pub(super) fn write(n: u128, expected: i64, count: i64) -> ReleaseWrite {
    let version = expected + count;
    let events = (expected + 1..=version)
        .map(|v| EventWrite { kind: "noted", at: at(v), body: format!(r#"{{"version":{v}}}"#) })
        .collect();
    let row = ReleaseRow {
        id: ReleaseId(Uuid::from_u128(n)),
        version,
        service: service(n),
        state: "running".into(),
        active: true,
        created_at: at(n as i64),
        updated_at: at(version),
        body: format!(r#"{{"at":{version}}}"#),
    };
    let takes = if expected == 0 { vec![service(n)] } else { vec![] };
    ReleaseWrite { expected, events, row, takes, leaves: vec![] }
}

pub(super) fn flag_key(name: &str) -> FlagKey {
    name.parse().unwrap()
}

/// `count` events of a flag after version `expected`, and the row after them.
pub(super) fn flag(name: &str, expected: i64, count: i64) -> FlagWrite {
    let version = expected + count;
    let events = (expected + 1..=version)
        .map(|v| EventWrite { kind: "flipped", at: at(v), body: format!(r#"{{"version":{v}}}"#) })
        .collect();
    let row = FlagRow {
        key: flag_key(name),
        version,
        position: 0,
        created_at: at(0),
        updated_at: at(version),
        body: format!(r#"{{"at":{version}}}"#),
    };
    FlagWrite { expected, events, row }
}

/// `count` events of a data migration of release `n` after version `expected`, and the row after them.
pub(super) fn data(n: u128, name: &str, expected: i64, count: i64) -> MigrationWrite {
    let version = expected + count;
    let events = (expected + 1..=version)
        .map(|v| EventWrite { kind: "advanced", at: at(v), body: format!(r#"{{"version":{v}}}"#) })
        .collect();
    let row = MigrationRow {
        release: ReleaseId(Uuid::from_u128(n)),
        name: name.parse().unwrap(),
        version,
        position: 0,
        created_at: at(0),
        updated_at: at(version),
        body: format!(r#"{{"at":{version}}}"#),
    };
    MigrationWrite { expected, events, row }
}

pub(super) fn decision(n: u128) -> DecisionWrite {
    let row = DecisionRow {
        id: DecisionId(Uuid::from_u128(n)),
        leaf_index: 0,
        at: at(n as i64),
        actor_key: "person:ada".into(),
        actor_label: "Ada".into(),
        action: "promote".into(),
        release: None,
        service: None,
        outcome: "accepted".into(),
        reason: "looks good".into(),
        evidence: None,
    };
    DecisionWrite { row, entry: n.to_be_bytes().to_vec(), leaf_hash: [n as u8; 32], openings: vec![] }
}

/// The same of another act.
pub(super) fn acting(n: u128, action: &str) -> DecisionWrite {
    let mut written = decision(n);
    written.row.action = action.to_owned();
    written
}

pub(super) fn record(actor: &str, key: &str) -> IdempotencyRow {
    IdempotencyRow {
        actor: actor.into(),
        key: key.into(),
        request: Digest::of(b"request"),
        status: 202,
        response: r#"{"done":true}"#.into(),
        at: at(1),
    }
}

pub(super) fn message(n: u128, release: ReleaseId) -> OutboxWrite {
    OutboxWrite {
        id: MessageId(Uuid::from_u128(n)),
        key: format!("key-{n}"),
        release,
        service: service(1),
        kind: "shift_traffic".into(),
        body: format!("{n}"),
        created_at: at(0),
    }
}

pub(super) fn document(name: &str, body: &str) -> DocumentWrite {
    DocumentWrite {
        kind: "plan".into(),
        name: name.into(),
        digest: Digest::of(body.as_bytes()),
        body: body.into(),
        source: format!("# {body}"),
        at: at(1),
    }
}

pub(super) fn person(n: u128, login: &str) -> PersonRow {
    PersonRow {
        id: PersonId(Uuid::from_u128(n)),
        login: login.into(),
        name: format!("Person {n}"),
        role: "viewer".into(),
        password_hash: "$argon2id$…".into(),
        created_at: at(1),
        disabled_at: None,
    }
}

pub(super) fn token(n: u128, owner: u128) -> TokenRow {
    TokenRow {
        id: TokenId(Uuid::from_u128(n)),
        owner: PersonId(Uuid::from_u128(owner)),
        name: format!("token {n}"),
        role: "viewer".into(),
        hash: vec![n as u8; 32],
        created_at: at(n as i64),
        expires_at: at(1000),
        used_at: None,
        revoked_at: None,
    }
}
