//! Reading the log is written down: it holds names, addresses and what people wrote.
//!
//! Once an hour for each person or token and each thing that is read, however often a page looks again. Nobody is told of
//! such an entry, so no page reads again because somebody read. What cannot be written down is not shown.

use super::record::Act;
use super::{Caller, Result, Service, ServiceError};
use crate::store::rows::{DecisionFilter, DecisionRow, Unit};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::access::{Action, Denied};
use sternway_domain::actor::Actor;
use sternway_domain::audit::record::{PointsBack, Relation};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::Digest;
use sternway_domain::time::{Span, Timestamp};

/// The same thing, read again by the same actor, is the same reading for so long.
const AGAIN: Span = Span::from_secs(3_600);
/// Different searches of one actor that are written down one by one; then they are many.
const SEARCHES: usize = 30;
/// Readings known before those that are over are thrown out.
const MOST: usize = 20_000;

/// What is read.
#[derive(Debug, Clone)]
pub enum Reading<'a> {
    Decision(&'a DecisionRow),
    /// Entries found by this filter.
    List(&'a DecisionFilter),
    /// What somebody saw, by digest.
    Evidence(&'a Digest),
    People,
}

/// Who read what, and when that was written down. Of this replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Readings(Arc<Mutex<HashMap<(String, String), Timestamp>>>);

impl Readings {
    /// Whether this is to be written down now.
    fn claim(&self, actor: &str, what: &str, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes no reading fresh for ever.
        let fresh = |at: &Timestamp| *at <= now && now.since(*at) < AGAIN;
        if known.len() >= MOST {
            known.retain(|_, at| fresh(at));
        }
        let key = (actor.to_owned(), what.to_owned());
        if known.get(&key).is_some_and(fresh) {
            return false;
        }
        known.insert(key, now);
        true
    }

    fn give_back(&self, actor: &str, what: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(actor.to_owned(), what.to_owned()));
    }

    /// How many different searches of this actor were written down within the hour.
    fn searches(&self, actor: &str, now: Timestamp) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let search = |((who, what), at): (&(String, String), &Timestamp)| {
            who == actor && what.starts_with("list ") && now.since(*at) < AGAIN
        };
        known.iter().filter(|reading| search(*reading)).count()
    }
}

impl Service {
    /// Writes down that somebody reads, unless that was written down within the hour. Whoever shows what was found must
    /// have asked this before.
    pub async fn note_read(&self, caller: &Caller, what: &Reading<'_>) -> Result<()> {
        if matches!(caller.actor, Actor::Automation { .. }) {
            return Ok(());
        }
        let (actor, now) = (caller.actor.key(), self.clock.now());
        let mut key = what.key();
        if matches!(what, Reading::List(_)) && self.readings.searches(&actor, now) >= SEARCHES {
            "list of many".clone_into(&mut key);
        }
        if !self.readings.claim(&actor, &key, now) {
            return Ok(());
        }
        let mut act = Act::on(Action::Read, Target::Configuration { names: vec![what.name()] }, "");
        act.effects = what.details();
        if let Reading::Decision(row) = what {
            let index = row.leaf_index as u64;
            act.points_back.push(PointsBack { index, relation: Relation::Reads, fields: Vec::new() });
        }
        let written = match self.decision(caller, &act, Outcome::Accepted) {
            Ok(decision) => self.commit_quietly(decision).await,
            Err(error) => Err(error),
        };
        written.inspect_err(|_| self.readings.give_back(&actor, &key))
    }

    /// Refuses whoever may not read this; who is known is written down, once an hour.
    pub(crate) async fn authorise_reading(&self, caller: &Caller, action: Action, what: &Reading<'_>) -> Result<()> {
        let Err(error) = self.authorise(caller, action) else { return Ok(()) };
        if matches!(error, ServiceError::Denied(Denied::NotSignedIn)) {
            return Err(error);
        }
        let act = Act::on(Action::Read, Target::Configuration { names: vec![what.name()] }, "");
        Err(self.refuse_once(caller, &act, &caller.actor.key(), &what.key(), error).await)
    }

    /// Writes a refusal down, unless the same one was within the hour: what anybody can ask for without end must not
    /// fill the log.
    pub(crate) async fn refuse_once(
        &self,
        caller: &Caller,
        act: &Act<'_>,
        who: &str,
        what: &str,
        error: ServiceError,
    ) -> ServiceError {
        match self.readings.claim(who, &format!("refused {what}"), self.clock.now()) {
            true => self.refuse(caller, act, error).await,
            false => error,
        }
    }

    async fn commit_quietly(&self, decision: crate::store::rows::DecisionWrite) -> Result<()> {
        self.commit(Unit { decision: Some(decision), quiet: true, ..Unit::default() }, None).await.map(|_| ())
    }
}

impl Reading<'_> {
    /// The same for the same thing.
    fn key(&self) -> String {
        match self {
            Reading::Decision(row) => format!("decision {}", row.id),
            Reading::List(_) => format!("list {}", self.details().join(", ")),
            Reading::Evidence(digest) => format!("evidence {digest}"),
            Reading::People => "people".to_owned(),
        }
    }

    /// For people.
    fn name(&self) -> String {
        match self {
            Reading::Decision(row) => format!("decision {}", row.id),
            Reading::List(_) => "the list of decisions".to_owned(),
            Reading::Evidence(digest) => format!("evidence {digest}"),
            Reading::People => "everybody's accounts".to_owned(),
        }
    }

    /// What was looked for. Where a page of a list begins and ends makes no other reading of it.
    fn details(&self) -> Vec<String> {
        let Reading::List(filter) = self else { return Vec::new() };
        let parts = [
            filter.release.map(|release| format!("of release {release}")),
            filter.actor_key.as_ref().map(|actor| format!("by {actor}")),
            filter.action.as_ref().map(|action| format!("act {action}")),
            filter.outcome.as_ref().map(|outcome| format!("outcome {outcome}")),
            filter.service.as_ref().map(|service| format!("about service {service}")),
            filter.text.as_ref().map(|text| format!("with the text {text}")),
        ];
        parts.into_iter().flatten().map(|part| part.chars().take(200).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_reading_when_read_again_then_it_is_written_down_once_an_hour_whatever_the_clock_does() {
        let readings = Readings::default();
        let at = Timestamp::from_secs;
        assert!(readings.claim("person:1", "people", at(10_000)));
        assert!(!readings.claim("person:1", "people", at(13_599)));
        assert!(readings.claim("person:2", "people", at(13_599)), "somebody else");
        assert!(readings.claim("person:1", "people", at(13_600)));
        assert!(readings.claim("person:1", "people", at(5_000)), "the clock was set back");
        readings.give_back("person:1", "people");
        assert!(readings.claim("person:1", "people", at(5_001)), "it could not be written down");
    }

    #[test]
    fn given_a_page_further_down_then_it_is_the_same_list_and_another_search_is_another_one() {
        let list = |filter: DecisionFilter| Reading::List(&filter).key();
        let first = DecisionFilter { limit: 50, ..DecisionFilter::default() };
        let further = DecisionFilter { before: Some(7), limit: 10, acts: true, ..DecisionFilter::default() };
        assert_eq!(list(first), list(further.clone()));
        assert_ne!(list(further.clone()), list(DecisionFilter { text: Some("Erika".into()), ..further }));
    }
}
