//! What every store promises, asked of SQLite and of a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

mod store_contract {
    mod alarms;
    mod append_only;
    mod commits;
    mod concurrency;
    mod data;
    mod flags;
    mod full;
    mod keys;
    mod leases;
    mod log;
    mod moving;
    mod people;
    mod postgres;
    mod privacy;
    mod redact;
    mod sagas;
    mod sqlite;
    mod starts;
    mod support;
    mod tree;
    mod work;
}
