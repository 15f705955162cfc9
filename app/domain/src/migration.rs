//! Data migrations: expand → dual write → backfill → switch reads → contract.

use serde::{Deserialize, Serialize};

/// How far a migration has come: the last phase that was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
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
