//! Whether the component may still go back, and what it costs.

use super::{Migration, Phase};
use crate::id::PersonId;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A wish to break the glass is forgotten after this: who confirms it late confirms another situation.
pub const GLASS_WAITS: Span = Span::from_secs(3600);

/// The way back from where a migration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum WayBack {
    /// The old version finds its data; nothing needs to be moved.
    Free,
    /// Reads and writes go back first, in this order.
    Through { phases: Vec<Phase> },
    /// Data would be lost.
    Refused {
        /// Why, in words for a person.
        why: String,
        /// The last phase from which going back lost nothing.
        last_safe: Phase,
        /// When that phase was left, and by whom.
        left_at: Option<Timestamp>,
        left_by: Option<String>,
        /// What would be lost, as the plan states it.
        data_loss: String,
        instead: [OtherWay; 2],
    },
    /// Two people took the loss upon them.
    GlassBroken { glass: BreakGlass, data_loss: String },
}

/// What remains when going back is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherWay {
    Freeze,
    RollForward,
}

impl OtherWay {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            OtherWay::Freeze => "freeze: no further promotion, traffic stays, data stays as it is",
            OtherWay::RollForward => "roll forward: a hotfix that works with the new data replaces the candidate",
        }
    }
}

/// Somebody wants to go back although data is lost, and waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlassAsked {
    /// The human being behind it: nobody confirms their own wish.
    pub person: PersonId,
    pub by: String,
    pub reason: String,
    /// The loss as it was stated.
    pub data_loss: String,
    pub at: Timestamp,
}

/// Going back although data is lost: who, who else, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    pub by: String,
    pub second: String,
    pub reason: String,
    /// The loss as it was stated to both.
    pub data_loss: String,
    pub at: Timestamp,
}

impl BreakGlass {
    /// Said wherever the rollback is shown.
    pub fn notice(&self) -> String {
        let loss = self.data_loss.trim_end_matches('.');
        format!("Glass broken by {} and {}: {}. Accepted loss: {loss}.", self.by, self.second, self.reason)
    }
}

impl Migration {
    /// The wish to break the glass that still waits for a second person.
    pub fn asked(&self, now: Timestamp) -> Option<&GlassAsked> {
        self.asked.as_ref().filter(|asked| self.past_no_return() && now.since(asked.at) < GLASS_WAITS)
    }

    /// Whether going back loses data from here on.
    pub fn past_no_return(&self) -> bool {
        self.phase > self.plan.last_safe
    }

    /// The way back, decided by the phase that was entered last.
    pub fn way_back(&self) -> WayBack {
        if self.past_no_return() {
            return match &self.broken {
                Some(glass) => WayBack::GlassBroken { glass: glass.clone(), data_loss: self.plan.data_loss.clone() },
                None => self.refused(),
            };
        }
        let mut phases = Vec::new();
        let mut here = self.phase;
        while let Some(next) = here.way_back() {
            phases.push(next);
            here = next;
        }
        if phases.is_empty() { WayBack::Free } else { WayBack::Through { phases } }
    }

    fn refused(&self) -> WayBack {
        let last_safe = self.plan.last_safe;
        let left = self.moves.iter().rev().find(|moved| moved.from <= last_safe && moved.to > last_safe);
        let when = left.map_or(String::new(), |moved| {
            format!(" on {} at {} UTC by {}", moved.at.date(), moved.at.clock(), moved.by)
        });
        let why = format!(
            "`{}` entered `{}`{when}, past its last safe rollback point `{}`. {}",
            self.plan.name,
            self.phase.label(),
            last_safe.label(),
            self.plan.data_loss
        );
        WayBack::Refused {
            why,
            last_safe,
            left_at: left.map(|moved| moved.at),
            left_by: left.map(|moved| moved.by.clone()),
            data_loss: self.plan.data_loss.clone(),
            instead: [OtherWay::Freeze, OtherWay::RollForward],
        }
    }

    /// One line for the release page.
    pub fn safety(&self) -> String {
        let (phase, last) = (self.phase.label(), self.plan.last_safe.label());
        match self.way_back() {
            WayBack::Free => format!("`{}` is at `{phase}`: going back changes no data.", self.plan.name),
            WayBack::Through { .. } if self.phase == self.plan.last_safe => {
                let next = self.phase.next().map_or(String::new(), |next| {
                    format!(" This is the last safe rollback point: after `{}` going back loses data.", next.label())
                });
                format!("`{}` is at `{phase}`: reads and writes go back first.{next}", self.plan.name)
            }
            WayBack::Through { .. } => {
                format!("`{}` is at `{phase}`: reads and writes go back first. Safe up to `{last}`.", self.plan.name)
            }
            WayBack::Refused { why, .. } => format!("No way back: {why}"),
            WayBack::GlassBroken { glass, .. } => glass.notice(),
        }
    }
}
