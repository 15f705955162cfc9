//! Data migrations: expand → dual write → backfill → switch reads → contract.
//!
//! A migration is an event stream of its own: [`Migration::decide`] says what would happen, [`Migration::evolve`] makes it
//! so. Each phase is entered under conditions; how far it has come decides whether the component may still go back
//! ([`Migration::way_back`]). Past the point of no return going back loses data: it is refused with the loss stated, unless
//! two people break the glass: one asks with a reason, another one confirms it within an hour.
//!
//! Deliberately absent: running the queries, and moving reads or writes.

use crate::id::{ConnectionName, MigrationName, ReleaseId, ServiceName};
use crate::plan::Weight;
use crate::probe::Expect;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod back;
mod check;
mod decide;
mod entry;
mod event;
#[cfg(test)]
mod tests;

pub use back::{BreakGlass, GLASS_WAITS, GlassAsked, OtherWay, WayBack};
pub use check::{MigrationProblem, lint, problems};
pub use decide::{Command, Refusal};
pub use entry::Unmet;
pub use event::Event;

/// The migration as a person writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Migration))]
#[serde(deny_unknown_fields)]
pub struct MigrationPlan {
    pub name: MigrationName,
    pub component: ServiceName,
    /// What changes, in plain words, 1 to 500 characters.
    pub description: String,
    /// Where the queries run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionName>,
    /// Questions to the data, by name.
    #[serde(default)]
    pub queries: BTreeMap<String, Validation>,
    /// What must be true before a phase is entered. A phase that is missing here has no conditions.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, Vec<Condition>>))]
    pub enter: BTreeMap<Phase, Vec<Condition>>,
    /// The last phase from which going back loses nothing.
    #[serde(default = "MigrationPlan::default_last_safe")]
    pub last_safe: Phase,
    /// What is lost by going back from beyond it, in plain words: `Orders written since then keep no status.`
    pub data_loss: String,
}

impl MigrationPlan {
    fn default_last_safe() -> Phase {
        Phase::SwitchReads
    }
}

/// One read-only statement that gives one row with one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Validation {
    pub sql: String,
    pub expect: Expect,
    /// Longest time the database may take.
    #[serde(default = "Validation::default_timeout")]
    pub timeout: Span,
}

impl Validation {
    fn default_timeout() -> Span {
        Span::from_secs(10)
    }
}

/// What must be true before a phase is entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The phase before has lasted at least this long.
    Lasted(Span),
    /// This query was good, no longer ago than `within`, and since the phase before was entered.
    Validated { query: String, within: Span },
    /// The candidate takes at least this share of traffic.
    CandidateShare(Weight),
    /// Somebody in this role has signed since the phase before was entered.
    SignedBy(String),
}

/// The fold of a migration's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    pub plan: MigrationPlan,
    /// The release it belongs to.
    pub release: ReleaseId,
    /// Number of events so far.
    pub version: i64,
    pub phase: Phase,
    /// When the present phase was entered.
    pub since: Timestamp,
    /// Every move, the first one first.
    pub moves: Vec<Move>,
    /// The last result of each query.
    pub results: BTreeMap<String, QueryResult>,
    /// Who signed in which role since the present phase was entered.
    pub signed: Vec<Signature>,
    /// Somebody asked to break the glass; whether it still waits for a second person, [`Migration::asked`] says.
    #[serde(default)]
    pub asked: Option<GlassAsked>,
    pub broken: Option<BreakGlass>,
}

/// Who moved it when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub from: Phase,
    pub to: Phase,
    pub by: String,
    pub reason: String,
    /// Conditions that were overridden, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    pub at: Timestamp,
}

/// What a query gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryResult {
    /// `None` when it failed.
    pub value: Option<f64>,
    pub good: bool,
    /// For people: the value, or the error.
    pub detail: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub role: String,
    pub by: String,
    pub note: String,
    pub at: Timestamp,
}

/// How far a migration has come: the last phase that was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = MigrationPhase))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing has been changed.
    #[default]
    Planned,
    /// The new shape exists beside the old one, unused.
    Expand,
    /// Writes go to both; reads come from the old one.
    DualWrite,
    /// What was written before is copied over, while writes go to both.
    Backfill,
    /// Reads come from the new shape; writes still go to both.
    SwitchReads,
    /// The old shape is gone, or no longer written.
    Contract,
}

impl Phase {
    pub const ALL: [Phase; 6] =
        [Phase::Planned, Phase::Expand, Phase::DualWrite, Phase::Backfill, Phase::SwitchReads, Phase::Contract];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Planned => "planned",
            Phase::Expand => "expand",
            Phase::DualWrite => "dual_write",
            Phase::Backfill => "backfill",
            Phase::SwitchReads => "switch_reads",
            Phase::Contract => "contract",
        }
    }

    /// For people: `dual write`.
    pub fn label(self) -> String {
        self.as_str().replace('_', " ")
    }

    pub fn next(self) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| *phase > self)
    }

    pub fn before(self) -> Option<Phase> {
        Phase::ALL.into_iter().rev().find(|phase| *phase < self)
    }

    /// Where going back leads: reads return to the old shape first, then writes. The new shape stays, unused; nothing is
    /// lost. `None` where there is nothing to take back, and past the contract, where nothing can be.
    pub fn way_back(self) -> Option<Phase> {
        match self {
            Phase::Planned | Phase::Expand | Phase::Contract => None,
            Phase::DualWrite => Some(Phase::Expand),
            Phase::Backfill | Phase::SwitchReads => Some(Phase::DualWrite),
        }
    }
}
