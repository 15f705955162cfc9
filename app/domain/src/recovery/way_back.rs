//! From what happened in a release, and in the saga that took it back, to the times people ask for.

use super::Times;
use crate::judge::VerdictKind;
use crate::plan::Weight;
use crate::release::Event;
use crate::saga::{Event as Step, Outcome, Phase, Saga, Side, StepAct};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How a release came back, as far as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    pub times: Times,
    pub ended: Ended,
    /// The service's recovery time objective.
    pub objective: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    NotYet,
    /// Every check was well for the stated time.
    Proven,
    /// Traffic is back, and nothing more was asked for.
    TrafficOnly,
    /// Some of it is not back.
    Partial,
    /// What was to go back alone did; the rest stays with its candidates.
    Part,
}

impl WayBack {
    /// `None` when nothing was taken back, or when that was undone. The saga is the newest one.
    pub fn of(events: &[Event], saga: Option<(&Saga, &[Step])>, objective: Option<Span>) -> Option<WayBack> {
        let mut times = Times::default();
        // Since when the verdict has said that something is wrong, without a `pass` in between.
        let mut trouble = None;
        let mut traffic = None;
        let mut ended = Ended::NotYet;
        for event in events {
            match event {
                Event::VerdictChanged { kind: VerdictKind::Fail | VerdictKind::Suspect, at, .. } => {
                    trouble.get_or_insert(*at);
                }
                Event::VerdictChanged { kind: VerdictKind::Pass, .. }
                | Event::RollforwardOrdered { .. }
                | Event::Completed { .. } => trouble = None,
                Event::RollbackOrdered { at, .. } => {
                    if ended == Ended::Part {
                        (times, traffic) = (Times::default(), None);
                    }
                    times.decided.get_or_insert(*at);
                    times.detected = times.detected.or(trouble).or(Some(*at));
                    ended = Ended::NotYet;
                }
                Event::RollbackUndone { .. } => (times, traffic) = (Times::default(), None),
                Event::TrafficConfirmed { weight: Weight::ZERO, at, .. } if times.decided.is_some() => {
                    traffic.get_or_insert(*at);
                }
                Event::RolledBack { at } => (ended, times.recovered) = (Ended::TrafficOnly, Some(*at)),
                Event::PartiallyRolledBack { .. } => ended = Ended::Partial,
                Event::PartRolledBack { at, .. } => (ended, times.recovered, trouble) = (Ended::Part, Some(*at), None),
                _ => {}
            }
        }
        times.decided?;
        let steps = saga.and_then(|(saga, events)| first_effect(saga, events));
        times.acted = traffic.into_iter().chain(steps).min();
        if let Some((saga, _)) = saga.filter(|_| ended == Ended::TrafficOnly)
            && saga.phase == Phase::Ended(Outcome::Complete)
        {
            ended = Ended::Proven;
        }
        let objective = saga.and_then(|(saga, _)| saga.plan.objective).or(objective);
        Some(WayBack { times, ended, objective })
    }

    /// For pages, the API and the command line.
    pub fn sentence(&self, now: Timestamp) -> String {
        let times = self.times.sentence(self.objective, now);
        match self.ended {
            Ended::NotYet | Ended::Proven => times,
            Ended::Partial => format!("{times} Some of it is not back."),
            Ended::Part => format!("{times} Only a part went back; the rest stays with its candidates."),
            Ended::TrafficOnly => format!(
                "{times} Traffic is back; recovery is not proven because the service states no `rollback.recovery`."
            ),
        }
    }
}

/// The first step that changed something and was seen to.
fn first_effect(saga: &Saga, events: &[Step]) -> Option<Timestamp> {
    let changes = |step: &&Step| match step {
        Step::Succeeded { step, side: Side::Do, .. } => saga.step(*step).is_some_and(|step| {
            let aside = matches!(step.act, StepAct::Freeze { .. } | StepAct::Notify { .. });
            !aside && !step.act.only_looks()
        }),
        _ => false,
    };
    events.iter().filter(changes).map(Step::at).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    fn verdict(kind: VerdictKind, secs: i64) -> Event {
        Event::VerdictChanged { kind, stage: 0, tick: 1, sentence: String::new(), at: at(secs) }
    }

    fn ordered(secs: i64) -> Event {
        let (by, reason) = ("Maya".to_owned(), "errors".to_owned());
        Event::RollbackOrdered { key: String::new(), saga: None, only: None, by, reason, at: at(secs) }
    }

    fn confirmed(weight: Weight, secs: i64) -> Event {
        Event::TrafficConfirmed { weight, after: Span::from_secs(1), from: "proxy".into(), at: at(secs) }
    }

    #[test]
    fn given_traffic_alone_went_back_then_the_times_are_told_and_that_nothing_proves_recovery() {
        let events = [
            verdict(VerdictKind::Suspect, 1),
            verdict(VerdictKind::Pass, 5),
            verdict(VerdictKind::Suspect, 20),
            verdict(VerdictKind::Fail, 30),
            ordered(40),
            confirmed(Weight::ZERO, 42),
            Event::RolledBack { at: at(42) },
        ];
        let back = WayBack::of(&events, None, Some(Span::from_secs(300))).expect("it went back");
        assert_eq!((back.times.detected, back.times.decided), (Some(at(20)), Some(at(40))), "a pass ends a suspicion");
        assert_eq!(
            back.sentence(at(99)),
            "Decided after 20\u{a0}s, acted after 2.0\u{a0}s, recovered after 0.0\u{a0}s: 22\u{a0}s in all, within the objective of 5\u{a0}min. Traffic is back; \
             recovery is not proven because the service states no `rollback.recovery`."
        );
    }

    #[test]
    fn given_a_person_who_saw_what_no_guard_saw_then_the_order_is_the_moment_it_was_noticed() {
        let back = WayBack::of(&[confirmed(Weight::ZERO, 1), ordered(40)], None, None).expect("it is on its way");
        assert_eq!((back.times.detected, back.times.acted, back.ended), (Some(at(40)), None, Ended::NotYet));
        assert_eq!(
            back.sentence(at(50)),
            "Decided after 0.0\u{a0}s: 10\u{a0}s so far; the service states no objective."
        );
    }

    #[test]
    fn given_no_rollback_or_one_that_was_undone_then_there_is_nothing_to_tell() {
        assert_eq!(WayBack::of(&[verdict(VerdictKind::Fail, 1)], None, None), None);
        let key = String::new();
        let undone = Event::RollbackUndone { stage: 0, weight: Weight::FULL, key, summary: String::new(), at: at(9) };
        assert_eq!(WayBack::of(&[ordered(1), undone], None, None), None);
    }
}
