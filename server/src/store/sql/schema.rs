//! The schema: which migrations there are, and bringing a database to the newest of them.
//!
//! All missing migrations go in together, in one transaction under the write lock. There is no way back: a newer schema
//! is refused before anything is written.

use super::link::{Link, Row, args};
use super::{Backend, Dialect};
use crate::store::{Result, StoreError};
use sternway_domain::id::Digest;

pub(in crate::store) struct Migration {
    number: i64,
    name: &'static str,
    pub(in crate::store) sqlite: &'static str,
    pub(in crate::store) postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal, $file:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../../../migrations/postgres/", $file)),
        }
    };
}

/// In order, numbered from 1 without gaps. One that was released never changes again.
const MIGRATIONS: [Migration; 16] = [
    migration!(1, "log", "0001_log.sql"),
    migration!(2, "work", "0002_work.sql"),
    migration!(3, "people", "0003_people.sql"),
    migration!(4, "saga", "0004_saga.sql"),
    migration!(5, "flags", "0005_flags.sql"),
    migration!(6, "migrations", "0006_migrations.sql"),
    migration!(7, "log_tree", "0007_log_tree.sql"),
    migration!(8, "log_keys", "0008_log_keys.sql"),
    migration!(9, "moving", "0009_moving.sql"),
    migration!(10, "words", "0010_words.sql"),
    migration!(11, "privacy", "0011_privacy.sql"),
    migration!(12, "taken_out", "0012_taken_out.sql"),
    migration!(13, "alarms", "0013_alarms.sql"),
    migration!(14, "guards", "0014_guards.sql"),
    migration!(15, "one_copy", "0015_one_copy.sql"),
    migration!(16, "at_once", "0016_at_once.sql"),
];

const KNOWN: i64 = MIGRATIONS.len() as i64;
const APPLIED: &str = "SELECT number, name, digest FROM schema_migration ORDER BY number";

/// The number of the newest migration in this database; 0 for an empty one. Only reads.
pub(in crate::store) async fn found(link: Link<'_>, dialect: &Dialect) -> Result<i64> {
    let there = link.all(dialect.has_schema, vec![]).await?;
    if there.is_empty() { Ok(0) } else { check(&link.all(APPLIED, vec![]).await?, dialect) }
}

/// Refuses a database that is not of the newest schema. Only reads.
pub(in crate::store) async fn newest(link: Link<'_>, dialect: &Dialect) -> Result<()> {
    match found(link, dialect).await? {
        KNOWN => Ok(()),
        found => Err(StoreError::SchemaOld { found, known: KNOWN }),
    }
}

/// Brings the database to the newest schema. Needs the right to change it only if something is missing.
pub(in crate::store) async fn migrate(database: &impl Backend) -> Result<()> {
    const OPERATION: &str = "bring the schema up to date";
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
        (number bigint PRIMARY KEY, name text NOT NULL, digest text NOT NULL, at bigint NOT NULL)";
    const RECORD: &str = "INSERT INTO schema_migration (number, name, digest, at) VALUES ($1, $2, $3, $4)";
    let dialect = database.dialect();
    if found(database.writes(OPERATION), dialect).await? == KNOWN {
        return Ok(());
    }
    let mut tx = database.begin(OPERATION).await?;
    tx.script(dialect.lock_schema).await?;
    tx.script(TABLE).await?;
    // Another process may have been here while this one waited for the lock.
    let found = check(&tx.all(APPLIED, vec![]).await?, dialect)?;
    let now: i64 = tx.the(dialect.now, vec![]).await?.get("now")?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        let text = (dialect.script)(migration);
        tx.script(text).await?;
        tx.run(RECORD, args![migration.number, migration.name, &Digest::of(text.as_bytes()), now]).await?;
    }
    tx.commit().await
}

fn check(applied: &[Row], dialect: &Dialect) -> Result<i64> {
    let mut newest = 0;
    for row in applied {
        newest = row.get("number")?;
        let Some(migration) = MIGRATIONS.iter().find(|migration| migration.number == newest) else {
            continue;
        };
        if row.parse::<Digest>("digest")? != Digest::of((dialect.script)(migration).as_bytes()) {
            let detail = format!(
                "migration {newest} `{}` was applied with another text; \
                use the sternway that applied it, or an empty database",
                migration.name
            );
            return Err(StoreError::Corrupt { what: "schema", detail });
        }
    }
    if newest > KNOWN { Err(StoreError::SchemaTooNew { found: newest, known: KNOWN }) } else { Ok(newest) }
}
