//! From the whole situation to what should be done. Level-triggered: it looks at what is, not at what woke it.

use crate::actor::Rule;
use crate::effect::Effect;
use crate::judge::{Verdict, VerdictKind};
use crate::plan::{DeadlineAct, Mode, Weight};
use crate::release::{Command, HoldCause, Release, State};
use crate::saga::{Phase, Saga};
use crate::time::{Span, Timestamp};

/// How many intervals without evidence are waited for before the release is held.
const BLIND_INTERVALS: i64 = 2;

/// Everything the engine knows about one release at one moment.
#[derive(Debug, Clone)]
pub struct World<'a> {
    pub release: &'a Release,
    /// The newest verdict and the stage it was given for, if the release has been judged.
    pub verdict: Option<(u8, &'a Verdict)>,
    /// The canary's share as the proxy reported it last, and where; `None` when it could not be read.
    pub observed: Option<(Weight, &'a str)>,
    /// What carries out the rollback, if something does.
    pub saga: Option<&'a Saga>,
    /// Whether rules keep their hands off, because something that moves here was taken back before.
    pub held: bool,
    /// Whether a change freeze keeps it from taking more traffic.
    pub frozen: bool,
    /// Why no rule may send all traffic to the baseline now; absent when it may, or when it cannot be told.
    pub no_room: Option<String>,
}

impl<'a> World<'a> {
    /// A verdict says nothing about another share of traffic: after a stage was entered there is none until something of it
    /// was seen.
    fn current_verdict(&self) -> Option<&'a Verdict> {
        let (stage, verdict) = self.verdict?;
        (self.release.state.stage() == Some(stage)).then_some(verdict)
    }
}

/// How long until the signals are read again. A clock that was set back must not put it off beyond two intervals; `now` may
/// have been taken a little before the last reading was judged, and that is no clock set back.
pub fn reading_due(last: Option<Timestamp>, interval: Span, now: Timestamp) -> Span {
    let left = last.map_or(Span::ZERO, |last| (last + interval).since(now));
    if left > interval + interval { Span::ZERO } else { left }
}

/// What should be done now. Total, cannot fail; repeating it without a change in the world yields the same.
pub fn reconcile(world: &World<'_>, now: Timestamp) -> Vec<Effect> {
    let release = world.release;
    let mut effects = Vec::new();
    if !release.state.active() {
        return effects;
    }
    reconcile_traffic(world, &mut effects);
    effects.extend(ended(world).map(Effect::Record));
    if let Some(verdict) = world.current_verdict() {
        let changed = release.current_verdict().is_none_or(|note| note.kind != verdict.kind);
        if changed {
            effects.push(Effect::Record(Command::RecordVerdict(Box::new(verdict.clone()))));
        }
    }
    if !world.held {
        effects.extend(next_decision(world, now));
    }
    effects
}

/// What is to be recorded when the saga is over.
fn ended(world: &World<'_>) -> Option<Command> {
    let saga = world.saga.filter(|saga| Some(saga.plan.id) == world.release.saga)?;
    let Phase::Ended(outcome) = saga.phase else { return None };
    let summary = saga.standing().sentence;
    match world.release.state {
        State::RollingBack => Some(Command::EndRollback { outcome, summary }),
        State::Starting => Some(Command::EndStart { outcome, summary }),
        State::RollingForward => Some(Command::EndRollforward { outcome, summary }),
        _ => None,
    }
}

fn reconcile_traffic(world: &World<'_>, effects: &mut Vec<Effect>) {
    let Some(asked) = &world.release.asked else { return };
    let wanted = match (&world.release.state, world.release.saga) {
        // Its own steps move it, in their order.
        (State::RollingBack, Some(_)) => {
            let Some(saga) = world.saga else { return };
            match saga.settled_share(&world.release.service) {
                Some(share) => share,
                // It goes back without this service: that stays where it stood.
                None if stays(world, saga) => asked.weight,
                None => return,
            }
        }
        _ => world.release.share(asked),
    };
    let all = wanted == world.release.share(asked);
    match world.observed {
        Some((weight, from)) if weight == wanted => {
            if asked.confirmed_at.is_none() && all {
                let (weight, from) = (asked.weight, from.to_owned());
                effects.push(Effect::Record(Command::ConfirmTraffic { weight, from }));
            }
        }
        _ if all => {
            effects.push(Effect::ShiftTraffic { weight: wanted, key: asked.key.clone() });
        }
        _ => effects.push(Effect::ShiftTraffic { weight: wanted, key: format!("{}:{}", asked.key, wanted.percent()) }),
    }
}

fn stays(world: &World<'_>, saga: &Saga) -> bool {
    let release = world.release;
    let part = release.back.as_ref().and_then(|back| back.only.as_ref());
    part.is_some_and(|part| !part.contains(&release.service)) && release.judged() && !saga.shifts(&release.service)
}

/// At most one decision at a time: the next look sees what it did.
fn next_decision(world: &World<'_>, now: Timestamp) -> Option<Effect> {
    let release = world.release;
    // Only a verdict that has been written down may be acted upon.
    let verdict =
        world.current_verdict().filter(|v| release.current_verdict().is_some_and(|note| note.kind == v.kind))?;
    match &release.state {
        State::Running { .. } => running(world, verdict, now),
        State::Holding { cause, .. } => holding(world, cause, verdict, now),
        _ => None,
    }
}

fn running(world: &World<'_>, verdict: &Verdict, now: Timestamp) -> Option<Effect> {
    let release = world.release;
    let automatic = release.plan.mode == Mode::Automatic;
    match verdict.kind {
        VerdictKind::Fail if automatic => roll_back(world, Rule::RollBackOnFail, verdict.sentence.clone()),
        VerdictKind::Pass if automatic && may_promote(world, now) => {
            let reason = format!("{} {}", verdict.sentence, verdict.next);
            Some(decide(Rule::PromoteOnPass, Command::Promote { override_verdict: false, reason: cut(reason) }))
        }
        // No deadline is acted upon while nothing is seen: it is held soon, and then a person is called.
        kind if blind(kind) => {
            if blind_for(release, now) < blind_limit(release) {
                return None;
            }
            let cause = HoldCause::NoEvidence { verdict: kind };
            Some(decide(Rule::HoldWithoutEvidence, Command::Hold { cause, reason: cut(verdict.sentence.clone()) }))
        }
        VerdictKind::Pass => None,
        _ => at_deadline(world, verdict, now),
    }
}

fn holding(world: &World<'_>, cause: &HoldCause, verdict: &Verdict, now: Timestamp) -> Option<Effect> {
    let release = world.release;
    let automatic = release.plan.mode == Mode::Automatic;
    match cause {
        HoldCause::Person | HoldCause::PartBack => None,
        _ if automatic && verdict.kind == VerdictKind::Fail => {
            roll_back(world, Rule::RollBackOnFail, verdict.sentence.clone())
        }
        HoldCause::NoEvidence { .. } if !blind(verdict.kind) => {
            let reason = format!("There is evidence again. {}", verdict.sentence);
            Some(decide(Rule::ResumeOnEvidence, Command::Resume { reason: cut(reason) }))
        }
        HoldCause::NoEvidence { .. } => at_hold_deadline(release, verdict, now),
        HoldCause::Deadline | HoldCause::NoRoom => None,
    }
}

fn may_promote(world: &World<'_>, now: Timestamp) -> bool {
    !world.frozen && world.release.confirmed() && world.release.bake_left(now) == Some(Span::ZERO)
}

/// The stage has baked, and still nothing allows going on. A pass that waited, for a person or the end of a change freeze,
/// was decided: when it is gone, the deadline counts anew.
fn at_deadline(world: &World<'_>, verdict: &Verdict, now: Timestamp) -> Option<Effect> {
    let release = world.release;
    let stage = release.plan.stage(release.state.stage()?)?;
    let over = release.baked(now).saturating_sub(stage.bake);
    let passed_until = release.current_verdict().and_then(|note| note.passed_until);
    let (open, since) = match passed_until.map(|until| now.since(until)) {
        Some(open) if open < over => (open, "it passed last"),
        _ => (over, "the bake time"),
    };
    let after = release.plan.on_deadline.after;
    if open < after {
        return None;
    }
    deadline_act(world, cut(format!("Not decided within {after} after {since}. {}", verdict.sentence)))
}

fn at_hold_deadline(release: &Release, verdict: &Verdict, now: Timestamp) -> Option<Effect> {
    let held = now.since(release.held_since?);
    if held < release.plan.on_deadline.after {
        return None;
    }
    // Silence never rolls back: after a deadline without evidence a person decides, whatever the plan prefers.
    let reason = format!("No evidence for {}. {}", release.plan.on_deadline.after, verdict.sentence);
    Some(decide(Rule::OnDeadline, Command::Hold { cause: HoldCause::Deadline, reason: cut(reason) }))
}

fn deadline_act(world: &World<'_>, reason: String) -> Option<Effect> {
    match world.release.plan.on_deadline.then {
        DeadlineAct::Hold => Some(decide(Rule::OnDeadline, Command::Hold { cause: HoldCause::Deadline, reason })),
        DeadlineAct::RollBack => roll_back(world, Rule::OnDeadline, reason),
    }
}

fn blind(kind: VerdictKind) -> bool {
    matches!(kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError)
}

fn blind_for(release: &Release, now: Timestamp) -> Span {
    release.current_verdict().map_or(Span::ZERO, |note| now.since(note.since))
}

fn blind_limit(release: &Release) -> Span {
    Span::from_micros(release.plan.interval.micros() * BLIND_INTERVALS)
}

/// Where the baseline has no room it is held instead, once, so that a person hears of it.
fn roll_back(world: &World<'_>, rule: Rule, reason: String) -> Option<Effect> {
    let Some(why) = &world.no_room else {
        return Some(decide(rule, Command::Rollback { saga: None, only: None, reason: cut(reason) }));
    };
    if matches!(world.release.state, State::Holding { cause: HoldCause::NoRoom, .. }) {
        return None;
    }
    let reason = cut(format!("{reason} Not rolled back: {why}"));
    Some(decide(rule, Command::Hold { cause: HoldCause::NoRoom, reason }))
}

fn decide(rule: Rule, command: Command) -> Effect {
    Effect::Decide { rule, command }
}

/// A reason must fit; a sentence of the judge is far shorter, but source errors are quoted in it.
fn cut(reason: String) -> String {
    if reason.chars().count() <= 2000 { reason } else { reason.chars().take(1999).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_clock_that_was_set_back_then_the_next_reading_is_put_off_by_two_intervals_at_most() {
        let (interval, last) = (Span::from_secs(10), Timestamp::from_secs(1_000));
        let left = |now: i64| reading_due(Some(last), interval, Timestamp::from_micros(now)).secs_f64();
        assert_eq!(left(1_000_000_000), 10.0);
        assert_eq!(left(1_004_000_000), 6.0);
        assert_eq!(left(1_010_000_000), 0.0);
        assert_eq!(left(999_999_000), 10.001, "taken a little before the last reading was judged: not due at once");
        assert_eq!(left(400_000_000), 0.0, "ten minutes back");
        assert_eq!(reading_due(None, interval, last), Span::ZERO);
    }
}
