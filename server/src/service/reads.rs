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
/// The same of single decisions, and of what was seen at them.
const SINGLE: usize = 300;
/// Refusals of one kind, and how many actors are known at once before those of whom all is over are forgotten.
const MOST: usize = 1_000;

/// What is read.
#[derive(Debug, Clone)]
pub enum Reading<'a> {
    Decision(&'a DecisionRow),
    /// Entries found by this filter.
    List(&'a DecisionFilter),
    /// What somebody saw, by digest.
    Evidence(&'a Digest),
    People,
    /// Legal holds, with who placed them and why.
    Holds,
}

/// Who read what, and when that was written down. Of this replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Readings(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>>);

impl Readings {
    /// What this actor read. Whoever has it locked writes; others of the same actor wait until that is written.
    fn of(&self, actor: &str, now: Timestamp) -> Arc<tokio::sync::Mutex<Known>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, known| known.try_lock().map_or(true, |mut known| known.any(now)));
        }
        all.entry(actor.to_owned()).or_default().clone()
    }
}

/// What one actor read within the hour, and when that was written down.
#[derive(Debug, Default)]
struct Known(HashMap<String, Timestamp>);

/// A reading that is to be written down.
#[derive(Debug, PartialEq, Eq)]
struct News {
    key: String,
    /// It stands for all further ones of its kind.
    many: bool,
}

impl Known {
    fn any(&mut self, now: Timestamp) -> bool {
        // A clock that was set back makes no reading fresh for ever.
        self.0.retain(|_, at| *at <= now && now.since(*at) < AGAIN);
        !self.0.is_empty()
    }

    /// `None`: it was written down within the hour.
    fn news(&mut self, kind: Kind, what: &str, now: Timestamp) -> Option<News> {
        self.any(now);
        let (name, most) = kind;
        let (key, of_many) = (format!("{name} {what}"), format!("{name}: many"));
        if self.0.contains_key(&key) || self.0.contains_key(&of_many) {
            return None;
        }
        let alike = self.0.keys().filter(|key| key.split(' ').next() == Some(name)).count();
        Some(if alike < most { News { key, many: false } } else { News { key: of_many, many: true } })
    }

    fn written(&mut self, news: News, now: Timestamp) {
        self.0.insert(news.key, now);
    }
}

/// What is counted together, and how many of it are written down one by one.
type Kind = (&'static str, usize);

impl Service {
    /// Writes down that somebody reads, unless that was written down within the hour. Whoever shows what was found must
    /// have asked this before.
    pub async fn note_read(&self, caller: &Caller, what: &Reading<'_>) -> Result<()> {
        if matches!(caller.actor, Actor::Automation { .. }) {
            return Ok(());
        }
        let now = self.clock.now();
        let known = self.readings.of(&caller.actor.key(), now);
        let mut known = known.lock().await;
        let Some(news) = known.news(what.kind(), &what.key(), now) else { return Ok(()) };
        let name = if news.many { what.many().to_owned() } else { what.name() };
        let mut act = Act::on(Action::Read, Target::Configuration { names: vec![name] }, "");
        if !news.many {
            act.effects = what.details();
            if let Reading::Decision(row) = what {
                let index = row.leaf_index as u64;
                act.points_back.push(PointsBack { index, relation: Relation::Reads, fields: Vec::new() });
            }
        }
        let decision = Some(self.decision(caller, &act, Outcome::Accepted)?);
        self.commit(Unit { decision, quiet: true, ..Unit::default() }, None).await?;
        known.written(news, now);
        Ok(())
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

    /// Writes a refusal down, unless the same one was within the hour, or very many: what anybody can ask for without end
    /// must not fill the log.
    pub(crate) async fn refuse_once(
        &self,
        caller: &Caller,
        act: &Act<'_>,
        who: &str,
        what: &str,
        error: ServiceError,
    ) -> ServiceError {
        let now = self.clock.now();
        let known = self.readings.of(who, now);
        let mut known = known.lock().await;
        let Some(news) = known.news(("refused", MOST), what, now) else { return error };
        let refused = self.refuse(caller, act, error).await;
        if !matches!(refused, ServiceError::Store(_)) {
            known.written(news, now);
        }
        refused
    }
}

impl Reading<'_> {
    fn kind(&self) -> Kind {
        match self {
            Reading::List(_) => ("list", SEARCHES),
            Reading::Decision(_) | Reading::Evidence(_) => ("single", SINGLE),
            Reading::People | Reading::Holds => ("all", SINGLE),
        }
    }

    /// The same for the same thing.
    fn key(&self) -> String {
        match self {
            Reading::List(_) => self.details().join(", "),
            _ => self.name(),
        }
    }

    /// For people, of all further ones within the hour.
    fn many(&self) -> &'static str {
        match self {
            Reading::List(_) => "many lists of decisions",
            _ => "many decisions, and what was seen at them",
        }
    }

    /// For people.
    fn name(&self) -> String {
        match self {
            Reading::Decision(row) => format!("decision {}", row.id),
            Reading::List(_) => "the list of decisions".to_owned(),
            Reading::Evidence(digest) => format!("evidence {digest}"),
            Reading::People => "everybody's accounts".to_owned(),
            Reading::Holds => "the legal holds".to_owned(),
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
            filter.from.map(|from| format!("from {}", from.to_rfc3339())),
            filter.to.map(|to| format!("before {}", to.to_rfc3339())),
        ];
        parts.into_iter().flatten().map(|part| part.chars().take(200).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_reading_when_read_again_then_it_is_written_down_once_an_hour_whatever_the_clock_does() {
        let mut known = Known::default();
        let at = Timestamp::from_secs;
        let mut read = |now: i64, write: bool| match known.news(("single", 3), "people", at(now)) {
            Some(news) if write => {
                known.written(news, at(now));
                true
            }
            news => news.is_some(),
        };
        assert!(read(9_999, false));
        assert!(read(10_000, true), "it could not be written down before");
        assert!(!read(13_599, true));
        assert!(read(13_600, true));
        assert!(read(5_000, true), "the clock was set back");
    }

    #[test]
    fn given_very_many_readings_then_one_entry_stands_for_the_rest_of_the_hour() {
        let mut known = Known::default();
        let now = Timestamp::from_secs(10_000);
        for n in 0..3 {
            let news = known.news(("single", 3), &n.to_string(), now).expect("it is new");
            assert!(!news.many);
            known.written(news, now);
        }
        let news = known.news(("single", 3), "3", now).expect("it is new");
        assert!(news.many);
        known.written(news, now);
        assert_eq!(known.news(("single", 3), "4", now), None);
        assert!(known.news(("list", 3), "4", now).is_some(), "of another kind");
    }

    #[test]
    fn given_a_page_further_down_then_it_is_the_same_list_and_another_search_is_another_one() {
        let list = |filter: DecisionFilter| Reading::List(&filter).key();
        let first = DecisionFilter { limit: 50, ..DecisionFilter::default() };
        let further = DecisionFilter { before: Some(7), limit: 10, acts: true, ..DecisionFilter::default() };
        assert_eq!(list(first), list(further.clone()));
        assert_ne!(list(further.clone()), list(DecisionFilter { text: Some("Erika".into()), ..further.clone() }));
        let day = DecisionFilter { from: Some(Timestamp::from_secs(86_400)), ..further.clone() };
        assert_ne!(list(further), list(day.clone()));
        assert_ne!(list(day.clone()), list(DecisionFilter { to: Some(Timestamp::from_secs(172_800)), ..day }));
    }
}
