//! What is said to each database in its own words.

use super::schema::Migration;
use super::search;

/// The statements in which the databases differ.
pub(in crate::store) struct Dialect {
    /// The database's clock as one row `now`, in microseconds.
    pub(in crate::store) now: &'static str,
    /// Token and end of lease `$1`, which nobody can take over before this transaction ends.
    pub(in crate::store) hold_lease: &'static str,
    /// Takes or renews lease `$1` for holder `$2` for `$3` microseconds.
    pub(in crate::store) take_lease: &'static str,
    /// Live summaries of the releases in the JSON list `$1`.
    pub(in crate::store) live: &'static str,
    /// Traffic of the services in the JSON list `$1`.
    pub(in crate::store) traffic: &'static str,
    /// The first `$3` entries but `$2` of which a text holds one of the JSON list `$1`.
    pub(in crate::store) repeated: &'static str,
    /// The entries with the indexes in the JSON list `$1`, and their texts, each in a row of its own.
    pub(in crate::store) entries: &'static str,
    /// The first `$3` decisions after entry `$1` and of before `$2` that have a name.
    pub(in crate::store) aged_names: &'static str,
    /// Puts the texts in the JSON list `$2` beside entry `$1`.
    pub(in crate::store) texts: &'static str,
    pub(in crate::store) decisions: search::Decisions,
    /// Tells the other replicas that a decision was made.
    pub(in crate::store) notify: Option<&'static str>,
    /// A row if the table of migrations exists.
    pub(in crate::store) has_schema: &'static str,
    /// Waits until nobody else changes the schema.
    pub(in crate::store) lock_schema: &'static str,
    /// This database's text of a migration.
    pub(in crate::store) script: fn(&Migration) -> &'static str,
}
