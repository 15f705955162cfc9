//! What is asked of a migration, and what is refused.

use super::{
    BreakGlass, Event, GlassAsked, Migration, MigrationPlan, MigrationProblem, Move, Phase, QueryResult, Signature,
    Unmet, problems,
};
use crate::actor::Actor;
use crate::id::{PersonId, ReleaseId};
use crate::plan::Weight;
use crate::release::REASON_CHARS;
use crate::time::Timestamp;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Enter the next phase. `override_conditions` goes on although some are not met.
    Advance {
        to: Phase,
        share: Weight,
        override_conditions: bool,
        reason: String,
    },
    /// Reads or writes go back to the old shape: one step of the way back.
    Revert {
        to: Phase,
        reason: String,
    },
    /// A query was run: the number it gave, or the error.
    Record {
        query: String,
        value: Result<f64, String>,
    },
    Sign {
        role: String,
        note: String,
    },
    /// Ask a second person to allow going back although data is lost.
    AskGlass {
        reason: String,
    },
    /// The second person allows it, in their own words.
    BreakGlass {
        reason: String,
    },
    /// The release goes back.
    OrderBack {
        reason: String,
    },
}

/// Why not, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the plan cannot be used: `{field}`: {text}")]
    Plan { field: String, text: String },
    #[error("the reason has {0} characters; say why in 3 to 2000")]
    Reason(usize),
    #[error("from `{from}` comes {}, not `{to}`", .next.map_or("nothing more".to_owned(), |next| format!("`{}`", next.label())), from = .from.label(), to = .to.label())]
    NotNext { from: Phase, to: Phase, next: Option<Phase> },
    #[error("from `{from}` reads and writes cannot go back to `{to}`{}", way(.back), from = .from.label(), to = .to.label())]
    NotBack { from: Phase, to: Phase, back: Option<Phase> },
    #[error("`{to}` may not be entered yet: {}; meet them, or override them with a reason", list(.unmet), to = .to.label())]
    Conditions { to: Phase, unmet: Vec<Unmet> },
    #[error("there is no query `{0}`")]
    NoSuchQuery(String),
    #[error("a rule may not move data, sign or break the glass; a person does")]
    OnlyPeople,
    #[error("a second person must confirm; {0} cannot be both")]
    SamePerson(String),
    #[error("nobody has asked to break the glass within the last hour; ask first, then a second person confirms")]
    NobodyAsked,
    #[error("{by} has asked already; a second person must confirm it now")]
    AskedAlready { by: String },
    #[error("the glass is broken already")]
    BrokenAlready,
    #[error("the release is {0}: its data goes forward no more; it can go back")]
    NotForward(String),
    #[error("there is no glass to break: going back from `{}` loses nothing", .0.label())]
    NothingLost(Phase),
    #[error("automation moves data back only as part of a rollback, never forward")]
    Automation,
}

fn way(back: &Option<Phase>) -> String {
    back.map_or(String::new(), |back| format!(", only to `{}`", back.label()))
}

fn list(unmet: &[Unmet]) -> String {
    unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

type Decided = Result<Vec<Event>, Refusal>;

impl Migration {
    /// The first event of a new stream.
    pub fn plan(plan: MigrationPlan, release: ReleaseId, by: &Actor, now: Timestamp) -> Decided {
        if let Some(MigrationProblem { field, text }) = problems(&plan).into_iter().next() {
            return Err(Refusal::Plan { field, text });
        }
        Ok(vec![Event::Planned { plan: Box::new(plan), release, by: by.label(), at: now }])
    }

    /// What would happen. Never panics, never reads a clock.
    pub fn decide(&self, command: Command, by: &Actor, now: Timestamp) -> Decided {
        match command {
            Command::Advance { to, share, override_conditions, reason } => {
                self.advance(to, share, override_conditions, reason, by, now)
            }
            Command::Revert { to, reason } => self.revert(to, reason, by, now),
            Command::Record { query, value } => self.record(query, value, now),
            Command::Sign { role, note } => {
                by.person().ok_or(Refusal::OnlyPeople)?;
                check_reason(&note)?;
                Ok(vec![Event::Signed { signature: Signature { role, by: by.label(), note, at: now } }])
            }
            Command::AskGlass { reason } => self.ask_glass(reason, by, now),
            Command::BreakGlass { reason } => self.break_glass(&reason, by, now),
            Command::OrderBack { reason } => Ok(vec![Event::BackOrdered { by: by.label(), reason, at: now }]),
        }
    }

    fn advance(&self, to: Phase, share: Weight, forced: bool, reason: String, by: &Actor, now: Timestamp) -> Decided {
        by.person().ok_or(Refusal::Automation)?;
        check_reason(&reason)?;
        let (from, next) = (self.phase, self.phase.next());
        if next != Some(to) {
            return Err(Refusal::NotNext { from, to, next });
        }
        let unmet = self.missing(share, now);
        if !unmet.is_empty() && !forced {
            return Err(Refusal::Conditions { to, unmet });
        }
        let overridden = unmet.iter().map(ToString::to_string).collect();
        Ok(vec![Event::Advanced { moved: Move { from, to, by: by.label(), reason, overridden, at: now } }])
    }

    /// A rollback step does this too, so automation may.
    fn revert(&self, to: Phase, reason: String, by: &Actor, now: Timestamp) -> Decided {
        check_reason(&reason)?;
        let (from, back) = (self.phase, self.phase.way_back());
        if from == to {
            return Ok(vec![]);
        }
        if back != Some(to) {
            return Err(Refusal::NotBack { from, to, back });
        }
        Ok(vec![Event::Reverted { moved: Move { from, to, by: by.label(), reason, overridden: vec![], at: now } }])
    }

    fn record(&self, query: String, value: Result<f64, String>, now: Timestamp) -> Decided {
        let Some(validation) = self.plan.queries.get(&query) else { return Err(Refusal::NoSuchQuery(query)) };
        let expect = validation.expect;
        let result = match value {
            Ok(value) => {
                let good = expect.met(value);
                let detail = format!("gave {value}, wanted {}", expect.words());
                // JSON has no NaN.
                QueryResult { value: Some(value).filter(|v| v.is_finite()), good, detail, at: now }
            }
            Err(error) => QueryResult { value: None, good: false, detail: error, at: now },
        };
        Ok(vec![Event::Validated { query, result }])
    }

    fn ask_glass(&self, reason: String, by: &Actor, now: Timestamp) -> Decided {
        let person = self.may_break(&reason, by)?;
        if let Some(asked) = self.asked(now) {
            return Err(Refusal::AskedAlready { by: asked.by.clone() });
        }
        let data_loss = self.plan.data_loss.clone();
        Ok(vec![Event::GlassAsked { asked: GlassAsked { person, by: by.label(), reason, data_loss, at: now } }])
    }

    fn break_glass(&self, note: &str, by: &Actor, now: Timestamp) -> Decided {
        let person = self.may_break(note, by)?;
        let asked = self.asked(now).ok_or(Refusal::NobodyAsked)?;
        if asked.person == person {
            return Err(Refusal::SamePerson(asked.by.clone()));
        }
        let (one, second) = (asked.by.clone(), by.label());
        let (reason, data_loss) = (asked.reason.clone(), asked.data_loss.clone());
        Ok(vec![Event::GlassBroken { glass: BreakGlass { by: one, second, reason, data_loss, at: now } }])
    }

    fn may_break(&self, reason: &str, by: &Actor) -> Result<PersonId, Refusal> {
        check_reason(reason)?;
        let person = by.person().ok_or(Refusal::OnlyPeople)?;
        match (self.past_no_return(), &self.broken) {
            (false, _) => Err(Refusal::NothingLost(self.phase)),
            (true, Some(_)) => Err(Refusal::BrokenAlready),
            (true, None) => Ok(person),
        }
    }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    let chars = reason.trim().chars().count();
    if REASON_CHARS.contains(&chars) { Ok(()) } else { Err(Refusal::Reason(chars)) }
}
