//! What happened to a migration, and what it amounts to. Stored as JSON for ever: fields are added with a default.

use super::{BreakGlass, GlassAsked, Migration, MigrationPlan, Move, Phase, QueryResult, Signature};
use crate::id::ReleaseId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Planned {
        plan: Box<MigrationPlan>,
        release: ReleaseId,
        by: String,
        at: Timestamp,
    },
    Advanced {
        moved: Move,
    },
    /// Reads or writes went back to the old shape.
    Reverted {
        moved: Move,
    },
    /// A query was run.
    Validated {
        query: String,
        result: QueryResult,
    },
    Signed {
        signature: Signature,
    },
    /// Somebody wants to go back although data is lost; a second person must confirm it.
    GlassAsked {
        asked: GlassAsked,
    },
    /// Two people allow going back although data is lost.
    GlassBroken {
        glass: BreakGlass,
    },
    /// The release goes back. Written with the order, so that nobody moves data forward at the same moment.
    BackOrdered {
        by: String,
        reason: String,
        at: Timestamp,
    },
}

impl Event {
    /// The stable name, stored beside the body.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Planned { .. } => "planned",
            Event::Advanced { .. } => "advanced",
            Event::Reverted { .. } => "reverted",
            Event::Validated { .. } => "validated",
            Event::Signed { .. } => "signed",
            Event::GlassAsked { .. } => "glass_asked",
            Event::GlassBroken { .. } => "glass_broken",
            Event::BackOrdered { .. } => "back_ordered",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Event::Planned { at, .. } | Event::BackOrdered { at, .. } => *at,
            Event::Advanced { moved } | Event::Reverted { moved } => moved.at,
            Event::Validated { result, .. } => result.at,
            Event::Signed { signature } => signature.at,
            Event::GlassAsked { asked } => asked.at,
            Event::GlassBroken { glass } => glass.at,
        }
    }
}

impl Migration {
    /// The fold of a stream. `None` when it does not begin with its plan.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Migration> {
        let mut events = events.into_iter();
        let Event::Planned { plan, release, at, .. } = events.next()? else { return None };
        let first = Migration {
            plan: (**plan).clone(),
            release: *release,
            version: 1,
            phase: Phase::Planned,
            since: *at,
            moves: vec![],
            results: BTreeMap::new(),
            signed: vec![],
            asked: None,
            broken: None,
        };
        Some(events.fold(first, Migration::evolve))
    }

    /// The migration after this event.
    pub fn evolve(mut self, event: &Event) -> Self {
        self.version += 1;
        match event {
            Event::Planned { .. } | Event::BackOrdered { .. } => {}
            Event::Advanced { moved } | Event::Reverted { moved } => {
                self.phase = moved.to;
                self.since = moved.at;
                self.signed.clear();
                (self.asked, self.broken) = (None, None);
                self.moves.push(moved.clone());
            }
            Event::Validated { query, result } => {
                self.results.insert(query.clone(), result.clone());
            }
            Event::Signed { signature } => self.signed.push(signature.clone()),
            Event::GlassAsked { asked } => self.asked = Some(asked.clone()),
            Event::GlassBroken { glass } => (self.asked, self.broken) = (None, Some(glass.clone())),
        }
        self
    }
}
