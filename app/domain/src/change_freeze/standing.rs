//! What freezes mean for services: whether something may go out, and what a plan would meet on its way.

use super::{ChangeFreeze, Run, Zone, run};
use crate::id::{FreezeName, ServiceName};
use crate::plan::{Plan, Weight};
use crate::time::Timestamp;

/// A service is frozen.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    pub service: ServiceName,
    /// The freeze that is in force, and its reason and zone; of several, the one that lasts longest.
    pub freeze: FreezeName,
    pub description: String,
    pub zone: Zone,
    pub since: Timestamp,
    /// The first moment at which nothing is in force any more; `None`: not within a year.
    pub until: Option<Timestamp>,
}

impl Frozen {
    /// `until Mon 4 Jan 08:00 (Europe/Berlin)`.
    pub fn ends(&self, now: Timestamp) -> String {
        match self.until {
            Some(until) => format!("until {} ({})", self.zone.words(until, now), self.zone),
            None => "for more than a year".to_owned(),
        }
    }

    /// As it stands in the log: without a zone.
    fn logged(&self) -> String {
        let until = self.until.map_or_else(String::new, |until| format!(" until {until}"));
        format!("change freeze `{}` of `{}`{until}", self.freeze, self.service)
    }
}

/// Something new would go out while it is frozen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "`{}` is frozen {}: {}. Wait until then, or go on with an override of the change freeze and a reason",
    .frozen.service, .frozen.ends(*.now), .frozen.description.trim().trim_end_matches('.')
)]
pub struct InForce {
    pub frozen: Frozen,
    pub now: Timestamp,
}

/// The freeze that keeps these services from moving at this moment: the one that lasts longest.
pub fn frozen<'a>(
    freezes: &[ChangeFreeze],
    services: impl IntoIterator<Item = &'a ServiceName>,
    at: Timestamp,
) -> Option<Frozen> {
    // Without an end is longest.
    let length = |until: Option<Timestamp>| until.unwrap_or(Timestamp::from_micros(i64::MAX));
    let of = |service: &ServiceName| {
        let covering: Vec<&ChangeFreeze> = freezes.iter().filter(|freeze| freeze.covers(service)).collect();
        let Run { since, until } = run(&covering, at)?;
        let active = covering.iter().filter_map(|freeze| Some((freeze, freeze.active(at)?)));
        let (freeze, _) = active.max_by_key(|(_, run)| length(run.until))?;
        let (freeze, description, zone) = (freeze.name.clone(), freeze.description.clone(), freeze.zone);
        Some(Frozen { service: service.clone(), freeze, description, zone, since, until })
    };
    services.into_iter().filter_map(of).max_by_key(|frozen| length(frozen.until))
}

/// Whether something new may go out: what was overridden, in words for the log, or the refusal.
pub fn permit(frozen: Option<Frozen>, overriding: bool, now: Timestamp) -> Result<Option<String>, Box<InForce>> {
    match frozen {
        None => Ok(None),
        Some(frozen) if overriding => Ok(Some(frozen.logged())),
        Some(frozen) => Err(Box::new(InForce { frozen, now })),
    }
}

/// What a plan would meet that goes on as fast as it may: the first stage that would be reached while something is frozen.
/// `from` is the first stage that is still to be entered, at `at`; stages follow after their bake times.
pub fn warning<'a>(
    freezes: &[ChangeFreeze],
    services: impl IntoIterator<Item = &'a ServiceName> + Clone,
    plan: &Plan,
    from: usize,
    at: Timestamp,
    now: Timestamp,
) -> Option<String> {
    let mut reached = at;
    for (i, stage) in plan.stages.iter().enumerate().skip(from) {
        if let Some(frozen) = frozen(freezes, services.clone(), reached) {
            let before = i.checked_sub(1).and_then(|before| plan.stages.get(before)).map(|stage| stage.weight);
            return Some(told(&frozen, stage.weight, before, reached, now));
        }
        reached = reached + stage.bake;
    }
    None
}

fn told(frozen: &Frozen, weight: Weight, before: Option<Weight>, reached: Timestamp, now: Timestamp) -> String {
    let Frozen { service, description, zone, since, .. } = frozen;
    let (why, ends) = (description.trim().trim_end_matches('.'), frozen.ends(now));
    if reached <= now {
        return format!("`{service}` is frozen {ends}: {why}. Nothing new goes out until then without an override.");
    }
    let stays =
        before.map_or_else(String::new, |before| format!(" It would stay at {}\u{a0}% {ends}.", before.percent()));
    format!(
        "It would reach {}\u{a0}% in the change freeze of `{service}` that begins {} ({zone}): {why}.{stays}",
        weight.percent(),
        zone.words(*since, now),
    )
}
