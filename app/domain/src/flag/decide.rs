//! What is asked of a flag, what happened to it, and what is refused.

use super::{Flag, FlagPlan, FlagProblem, Flip, Retired, Share, problems};
use crate::actor::Actor;
use crate::id::{EnvironmentName, FlagKey};
use crate::release::REASON_CHARS;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked. A person, a rule or a step of a rollback may flip; only people define, split and retire.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Define { plan: Box<FlagPlan>, reason: String },
    Flip { environment: EnvironmentName, enabled: bool, reason: String },
    Split { environment: EnvironmentName, split: Vec<Share>, reason: String },
    Retire { reason: String },
}

/// What happened. Stored as JSON for ever: fields are added with a default, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Created, or written anew. Environments that were flipped stay as they were flipped.
    Defined {
        plan: Box<FlagPlan>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    Flipped {
        flip: Flip,
    },
    Split {
        environment: EnvironmentName,
        split: Vec<Share>,
        by: String,
        reason: String,
        at: Timestamp,
    },
    /// Nothing asks for it any more. Its key is not used again.
    Retired {
        retired: Retired,
    },
}

/// Why not, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the flag cannot be used: `{field}`: {text}")]
    Plan { field: String, text: String },
    #[error("the reason has {0} characters; say why in 3 to 2000")]
    Reason(usize),
    #[error("only people may define, split or retire a flag; rules and rollbacks only flip it")]
    OnlyPeople,
    #[error("this is the flag `{have}`, not `{given}`; a key never changes")]
    OtherKey { have: FlagKey, given: FlagKey },
    #[error("`{key}` was retired by {by} at {at}; take it out of your documents, and use another key for another flag")]
    Retired { key: FlagKey, by: String, at: Timestamp },
}

impl Event {
    /// The stable name, stored beside the body.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Defined { .. } => "defined",
            Event::Flipped { .. } => "flipped",
            Event::Split { .. } => "split",
            Event::Retired { .. } => "retired",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Event::Defined { at, .. } | Event::Split { at, .. } => *at,
            Event::Flipped { flip } => flip.at,
            Event::Retired { retired } => retired.at,
        }
    }
}

type Decided = Result<Vec<Event>, Refusal>;

impl Flag {
    /// The first event of a new stream.
    pub fn create(plan: FlagPlan, by: &Actor, reason: String, now: Timestamp) -> Decided {
        define(plan, by, reason, now)
    }

    /// What would happen. A flip to where it stands already, or writing the same again, gives no event.
    pub fn decide(&self, command: Command, by: &Actor, now: Timestamp) -> Decided {
        match command {
            Command::Define { plan, .. } if plan.key != self.plan.key => {
                Err(Refusal::OtherKey { have: self.plan.key.clone(), given: plan.key })
            }
            Command::Define { plan, reason } => {
                let plan = self.with_flips(*plan);
                if plan == self.plan {
                    return Ok(vec![]);
                }
                self.not_retired()?;
                define(plan, by, reason, now)
            }
            Command::Flip { environment, enabled, reason } => {
                check_reason(&reason)?;
                self.not_retired()?;
                if self.setting(&environment).enabled == enabled {
                    return Ok(vec![]);
                }
                Ok(vec![Event::Flipped { flip: Flip { environment, enabled, by: by.label(), reason, at: now } }])
            }
            Command::Split { environment, split, reason } => {
                by.person().ok_or(Refusal::OnlyPeople)?;
                check_reason(&reason)?;
                self.not_retired()?;
                let mut plan = self.plan.clone();
                let setting = plan.environments.entry(environment.clone()).or_insert_with(|| self.plan.default.clone());
                setting.split = split.clone();
                check_plan(&plan)?;
                if plan == self.plan {
                    return Ok(vec![]);
                }
                Ok(vec![Event::Split { environment, split, by: by.label(), reason, at: now }])
            }
            Command::Retire { reason } => {
                by.person().ok_or(Refusal::OnlyPeople)?;
                check_reason(&reason)?;
                if self.retired.is_some() {
                    return Ok(vec![]);
                }
                Ok(vec![Event::Retired { retired: Retired { by: by.label(), reason, at: now } }])
            }
        }
    }

    fn not_retired(&self) -> Result<(), Refusal> {
        let Some(Retired { by, at, .. }) = &self.retired else { return Ok(()) };
        Err(Refusal::Retired { key: self.plan.key.clone(), by: by.clone(), at: *at })
    }

    /// A document says how a flag begins; what was flipped or split since is decided by those acts alone. Otherwise the next `apply`
    /// would undo a kill switch.
    fn with_flips(&self, mut plan: FlagPlan) -> FlagPlan {
        for (environment, flip) in &self.flips {
            let default = &plan.default;
            plan.environments.entry(environment.clone()).or_insert_with(|| default.clone()).enabled = flip.enabled;
        }
        for (environment, split) in &self.splits {
            let default = &plan.default;
            let setting = plan.environments.entry(environment.clone()).or_insert_with(|| default.clone());
            setting.split.clone_from(split);
        }
        plan
    }

    /// The fold of a stream. `None` when it does not begin with its definition.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Flag> {
        let mut events = events.into_iter();
        let Event::Defined { plan, at, .. } = events.next()? else { return None };
        let first = Flag {
            plan: (**plan).clone(),
            version: 1,
            created_at: *at,
            changed_at: *at,
            flips: BTreeMap::new(),
            splits: BTreeMap::new(),
            retired: None,
        };
        Some(events.fold(first, Flag::evolve))
    }

    /// The flag after this event.
    pub fn evolve(mut self, event: &Event) -> Self {
        self.version += 1;
        self.changed_at = event.at();
        match event {
            Event::Defined { plan, .. } => self.plan = (**plan).clone(),
            Event::Flipped { flip } => {
                let setting = self.setting(&flip.environment).clone();
                let setting = super::Setting { enabled: flip.enabled, ..setting };
                self.plan.environments.insert(flip.environment.clone(), setting);
                self.flips.insert(flip.environment.clone(), flip.clone());
            }
            Event::Split { environment, split, .. } => {
                let setting = super::Setting { split: split.clone(), ..self.setting(environment).clone() };
                self.plan.environments.insert(environment.clone(), setting);
                self.splits.insert(environment.clone(), split.clone());
            }
            Event::Retired { retired } => self.retired = Some(retired.clone()),
        }
        self
    }
}

fn define(plan: FlagPlan, by: &Actor, reason: String, now: Timestamp) -> Decided {
    by.person().ok_or(Refusal::OnlyPeople)?;
    check_reason(&reason)?;
    check_plan(&plan)?;
    Ok(vec![Event::Defined { plan: Box::new(plan), by: by.label(), reason, at: now }])
}

fn check_plan(plan: &FlagPlan) -> Result<(), Refusal> {
    match problems(plan).into_iter().next() {
        Some(FlagProblem { field, text }) => Err(Refusal::Plan { field, text }),
        None => Ok(()),
    }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    let chars = reason.trim().chars().count();
    if REASON_CHARS.contains(&chars) { Ok(()) } else { Err(Refusal::Reason(chars)) }
}
