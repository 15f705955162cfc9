//! Change freezes: times in which nothing new goes out. What runs stays; going back is always possible.
//!
//! A document says which services and when, in the local time of a zone. Here that becomes moments: whether something is
//! frozen, since when and until when. Windows that overlap or touch are one, across documents too.
//!
//! Local times do not always exist just once. One that is skipped (a clock set forward, a day left out) is the first moment
//! after the gap. One that comes twice freezes longest: a window begins at the first and ends at the second. 29 February is
//! skipped in the same way in other years: it is 1 March, 00:00.
//!
//! Not to be confused with the act `freeze`, which stops one release. Deliberately absent: clocks, and what a release may do
//! meanwhile: that is said where acts are decided.

use crate::id::{FreezeName, ServiceName};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

mod check;
mod standing;
#[cfg(test)]
mod tests;
mod window;
mod written;
mod zone;

pub use check::{FreezeProblem, lint, problems};
pub use standing::{Frozen, InForce, frozen, permit, warning};
pub use window::{Once, Weekly, Window, Yearly};
pub use written::{ClockTime, Day, LocalTime, WrittenError, YearTime};
pub use zone::{Zone, ZoneError};

use window::Stretch;

/// How far windows that touch are followed. What is frozen for longer has no end that is worth telling.
pub const HORIZON: Span = Span::from_secs(400 * 86_400);

/// The freeze as a person writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeFreeze {
    pub name: FreezeName,
    /// Why nothing goes out, 3 to 200 characters: `Christmas`.
    pub description: String,
    /// What is frozen. Left out: every service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceName>,
    /// Where the times of the windows are read from a clock on the wall.
    pub zone: Zone,
    pub windows: Vec<Window>,
    /// No longer in force, whatever the windows say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifted: bool,
}

/// A time without a break in which something is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub since: Timestamp,
    /// The first moment after it; `None` when it is further away than [`HORIZON`].
    pub until: Option<Timestamp>,
}

impl ChangeFreeze {
    /// Whether it concerns this service.
    pub fn covers(&self, service: &ServiceName) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }

    /// The time of this freeze that `at` lies in.
    pub fn active(&self, at: Timestamp) -> Option<Run> {
        run(&[self], at)
    }

    /// The next time of this freeze that begins after `at`, beyond the one that may be in force.
    pub fn next(&self, at: Timestamp) -> Option<Run> {
        let from = match self.active(at) {
            Some(Run { until: Some(until), .. }) => until,
            Some(Run { until: None, .. }) => return None,
            None => at,
        };
        if self.lifted {
            return None;
        }
        let begin = self.windows.iter().filter_map(|window| window.next(self.zone, from)).min()?;
        self.active(begin)
    }

    fn stretches(&self, at: Timestamp) -> Vec<Stretch> {
        if self.lifted {
            return vec![];
        }
        self.windows.iter().flat_map(|window| window.stretches(self.zone, at, at)).collect()
    }
}

/// The time that `at` lies in, of all these freezes together.
fn run(freezes: &[&ChangeFreeze], at: Timestamp) -> Option<Run> {
    let near = |at: Timestamp| freezes.iter().flat_map(|freeze| freeze.stretches(at)).collect::<Vec<_>>();
    let (mut since, mut until) = (at, at);
    while let Some(end) = near(until).iter().filter(|s| s.begin <= until && until < s.end).map(|s| s.end).max() {
        until = end;
        if until.since(at) > HORIZON {
            break;
        }
    }
    if until == at {
        return None;
    }
    while let Some(begin) = near(since).iter().filter(|s| s.begin < since && since <= s.end).map(|s| s.begin).min() {
        since = begin;
        if at.since(since) > HORIZON {
            break;
        }
    }
    Some(Run { since, until: Some(until).filter(|until| until.since(at) <= HORIZON) })
}
