//! What of a saga needs a person: its steps that stand still, and whom people called.

use super::{Alarm, AlarmKind, Severity};
use crate::id::ServiceName;
use crate::saga::{BY_ITSELF, Choice, Event, Saga, Side, StepAct, Stuck};

/// Everything that is open now. `events` are those of the saga; `service` is the one that its release is judged by.
pub fn of_saga(saga: &Saga, events: &[Event], service: &ServiceName) -> Vec<Alarm> {
    let alarm = |kind: AlarmKind, about: String, summary: String| Alarm {
        kind,
        severity: Severity::Page,
        key: format!("saga:{}:{about}", saga.plan.id),
        release: Some(saga.plan.release),
        service: Some(service.clone()),
        summary,
    };
    let purpose = saga.plan.purpose.label();
    let mut open: Vec<Alarm> = Vec::new();
    for needs in saga.standing().needs {
        let Stuck { step, side, why, role, choices, .. } = &needs;
        let hand = saga.step(*step).is_some_and(|found| match side {
            Side::Do => found.act.by_hand(),
            Side::Undo => found.undo.as_ref().is_some_and(StepAct::by_hand),
        });
        let late = saga.track(*step, *side).is_some_and(|track| track.escalated.is_some());
        let why = why.trim_end_matches('.');
        let (kind, what) = match hand && !late {
            true => {
                (AlarmKind::ByHand, format!("waits for the role {role} to do by hand what step {step} says: {why}"))
            }
            false => (AlarmKind::Step, format!("does not go on at step {step}. {why}")),
        };
        let may = may(choices);
        open.push(alarm(
            kind,
            format!("{step}:{}", side.as_str()),
            format!("The {purpose} of `{service}` {what}. On the release's page you may {may}."),
        ));
    }
    for event in events {
        let Event::Escalated { step, side, to, by, at, .. } = event else { continue };
        let settled = saga.track(*step, *side).is_none_or(|track| track.status.settled());
        if by == BY_ITSELF || settled || saga.ended() {
            continue;
        }
        let title = saga.step(*step).map_or("", |step| step.title.as_str());
        open.push(alarm(
            AlarmKind::Called,
            format!("{step}:{}:called:{}", side.as_str(), at.micros()),
            format!(
                "Somebody calls for `{to}`: the {purpose} of `{service}` is at step {step} ({title}). Who and why stands on \
                 the release's page."
            ),
        ));
    }
    open
}

/// `retry, skip or stop`.
fn may(choices: &[Choice]) -> String {
    let words: Vec<&str> = choices
        .iter()
        .map(|choice| match choice {
            Choice::SignOff => "sign it off",
            Choice::Retry => "try again",
            Choice::Skip => "go on without it",
            Choice::Compensate => "undo what was done",
            Choice::Escalate => "call somebody",
            Choice::Stop => "stop",
        })
        .collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "look".to_owned(),
    }
}
