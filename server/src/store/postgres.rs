//! PostgreSQL: for several processes at once. Decides by comparing versions and by row locks, never by isolation level.

use super::Result;
use super::sql::link::Link;
use super::sql::tx::{Count, Tx};
use super::sql::{Backend, Dialect, log, privacy, schema, search, unavailable};
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgSslMode};
use sqlx::{Connection as _, PgPool};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;

macro_rules! now {
    () => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
    };
}

const DIALECT: Dialect = Dialect {
    now: concat!("SELECT ", now!(), " AS now"),
    hold_lease: "SELECT token, until FROM lease WHERE name = $1 FOR SHARE",
    take_lease: concat!(
        "INSERT INTO lease (name, holder, token, until)",
        " VALUES ($1, $2, (SELECT COALESCE(MAX(token), 0) + 1 FROM lease), ",
        now!(),
        " + $3) ON CONFLICT (name) DO UPDATE SET until = ",
        now!(),
        " + $3, holder = excluded.holder,",
        " token = CASE WHEN lease.holder = excluded.holder THEN lease.token ELSE excluded.token END",
        " WHERE lease.holder = excluded.holder OR lease.until <= ",
        now!(),
        " RETURNING token, until"
    ),
    live: "SELECT release, body FROM live \
        WHERE release IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb))) ORDER BY release",
    traffic: "SELECT service, body FROM traffic \
        WHERE service IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb))) ORDER BY service",
    repeated: "SELECT DISTINCT leaf_index FROM audit_text WHERE leaf_index <> $2 AND EXISTS \
        (SELECT 1 FROM json_array_elements_text($1::json) AS one(value) WHERE strpos(text, value) > 0) \
        ORDER BY leaf_index LIMIT $3",
    entries: log::entries_in!("SELECT CAST(value AS bigint) FROM json_array_elements_text($1::json) AS one(value)"),
    aged_names: privacy::aged_names!("position(convert_to('\"target\":{\"kind\":\"account\"', 'UTF8') IN l.entry) > 0"),
    texts: "INSERT INTO audit_text (leaf_index, field, salt, text) SELECT $1, field, salt, text \
        FROM jsonb_to_recordset(CAST($2 AS jsonb)) AS given (field text, salt text, text text)",
    decisions: search::decisions_with!("strpos"),
    notify: Some("SELECT pg_notify('sternway', '')"),
    has_schema: "SELECT tablename FROM pg_tables \
        WHERE schemaname = current_schema() AND tablename = 'schema_migration'",
    // Any number will do, as long as it stays the same: this one is `sternway` in ASCII.
    lock_schema: "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
        SELECT pg_advisory_xact_lock(8319675013394686329)",
    script: |migration| migration.postgres,
};

/// After so long without use a connection may have gone unnoticed.
const IDLE: Duration = Duration::from_millis(500);

/// A [`Store`](super::Store) in a PostgreSQL database, version 15 or newer.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    count: Count,
}

/// Without the address, which may hold a password.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects to `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…` and brings the schema up to date. The user needs
    /// the right to change the schema only when that is not up to date.
    pub async fn connect(url: &str) -> Result<Self> {
        let store = Self::with(url, &[]).await?;
        schema::migrate(&store).await?;
        Ok(store)
    }

    /// Connects only to read: whatever would write is refused by the database.
    pub async fn look(url: &str) -> Result<Self> {
        let store = Self::with(url, &[("default_transaction_read_only", "on")]).await?;
        schema::newest(store.reads("read the schema"), &DIALECT).await?;
        Ok(store)
    }

    async fn with(url: &str, settings: &[(&str, &str)]) -> Result<Self> {
        const OPERATION: &str = "connect";
        // A lock or a statement that takes longer would only make the one who waits give up first.
        // One that stops in the middle of a transaction, asleep or cut off, keeps the others from taking over for so long.
        let limits = [
            ("lock_timeout", "5s"),
            ("statement_timeout", "15s"),
            ("idle_in_transaction_session_timeout", "3s"),
            // What was sent by one that is cut off must not be done long after nobody waits for it any more.
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "3"),
            ("tcp_keepalives_count", "3"),
            // Whatever the database's default: each check sees what was committed before it.
            ("default_transaction_isolation", "read committed"),
        ];
        let options: PgConnectOptions = url.parse().map_err(unavailable(OPERATION))?;
        let options = options.application_name("sternway").options(limits).options(settings.iter().copied());
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(5))
            // A connection that was of use a moment ago is not asked whether it still is.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move { Ok(meta.idle_for < IDLE || connection.ping().await.is_ok()) })
            })
            .connect_with(options)
            .await
            .map_err(unavailable(OPERATION))?;
        Ok(Self { pool, count: Count::default() })
    }
}

/// The host that is believed to be the database whatever certificate it shows, or none; `None` for one that has to prove
/// it and for this machine. The driver's default is to take encryption where it is offered, by whomever.
pub fn unproven(url: &str) -> Option<String> {
    let options: PgConnectOptions = url.parse().ok()?;
    let proven = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    let host = options.get_host().trim_matches(['[', ']']);
    let here = host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!proven && !here && options.get_socket().is_none()).then(|| host.to_owned())
}

#[async_trait]
impl Backend for PostgresStore {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn reads(&self, operation: &'static str) -> Link<'_> {
        Link::Postgres(&self.pool, operation)
    }

    fn writes(&self, operation: &'static str) -> Link<'_> {
        Link::Postgres(&self.pool, operation)
    }

    async fn begin(&self, operation: &'static str) -> Result<Tx> {
        Ok(Tx::postgres(&self.pool, &self.count, operation))
    }

    /// Old rows go with the database's own vacuum: nothing that a program which only uses it could hurry.
    async fn scrub(&self) -> Result<bool> {
        Ok(true)
    }

    /// Listens on a connection of its own until nobody cares any more.
    async fn listen(&self) -> Option<watch::Receiver<u64>> {
        let (sender, receiver) = watch::channel(0);
        let options = (*self.pool.connect_options()).clone();
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let listening = subscribe(&own).await;
        tokio::spawn(async move {
            tokio::select! {
                () = pass_on(&own, listening, &sender) => {}
                () = sender.closed() => {}
            }
        });
        Some(receiver)
    }
}

async fn subscribe(pool: &PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("sternway").await?;
    Ok(listener)
}

/// A new connection may have missed something, so it counts as news too.
async fn pass_on(pool: &PgPool, mut listening: sqlx::Result<PgListener>, news: &watch::Sender<u64>) {
    loop {
        match &mut listening {
            // `None`: the connection was lost and is back.
            Ok(listener) => match listener.try_recv().await {
                Ok(_) => news.send_modify(|count| *count += 1),
                Err(error) => listening = Err(error),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot listen for decisions of other processes; trying again in 1 s");
                tokio::time::sleep(Duration::from_secs(1)).await;
                listening = subscribe(pool).await;
                news.send_modify(|count| *count += 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_elsewhere_that_need_not_prove_itself_is_named() {
        for (url, host) in [
            ("postgres://u:secret@db.example.org/s", Some("db.example.org")),
            ("postgres://u@10.0.0.3:5433/s?sslmode=prefer", Some("10.0.0.3")),
            ("postgres://u@db/s?sslmode=require", Some("db")),
            ("postgres://u@db/s?sslmode=disable", Some("db")),
            ("postgres://u@[2001:db8::1]/s", Some("2001:db8::1")),
            ("postgres://u@db/s?sslmode=verify-full", None),
            ("postgres://u@db/s?sslmode=verify-ca&sslrootcert=/etc/ca.pem", None),
            ("postgres://u@localhost/s", None),
            ("postgres://u@127.0.0.1/s", None),
            ("postgres://u@[::1]/s", None),
            ("postgres://u@%2Frun%2Fpostgresql/s", None),
            ("sqlite:s.db", None),
        ] {
            assert_eq!(unproven(url).as_deref(), host, "{url}");
        }
    }
}
