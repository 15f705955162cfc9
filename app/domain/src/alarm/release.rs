//! What of a release needs a person.

use super::{Alarm, AlarmKind, Severity};
use crate::actor::AUTOMATION;
use crate::release::{Event, HoldCause, Release, State};
use crate::time::{Span, Timestamp};

/// How long the proxy may take to report what it was asked for.
pub const CONFIRM_WITHIN: Span = Span::from_secs(30);

/// When somebody has to be told that the proxy does not report what was asked; `None` while nothing is waited for. Where a
/// saga moves traffic, its steps have deadlines of their own.
pub fn unconfirmed_from(release: &Release) -> Option<Timestamp> {
    let by_steps = match release.state {
        State::RollingBack | State::RollingForward | State::Starting => release.saga.is_some(),
        State::Running { .. } | State::Holding { .. } | State::Frozen { .. } => false,
        _ => true,
    };
    let asked = release.asked.as_ref().filter(|asked| !by_steps && asked.confirmed_at.is_none())?;
    Some(asked.at + CONFIRM_WITHIN)
}

/// Everything that is open now. `last` is the newest event that decided where the release stands ([`Event::decides`]).
pub fn of_release(release: &Release, last: Option<&Event>, now: Timestamp) -> Vec<Alarm> {
    let (service, version) = (&release.service, &release.candidate.version);
    let alarm = |kind: AlarmKind, about: &str, summary: String| Alarm {
        kind,
        severity: Severity::Page,
        key: format!("release:{}:{about}", release.id),
        release: Some(release.id),
        service: Some(service.clone()),
        summary,
    };
    let share = release.asked.as_ref().map_or(0, |asked| asked.weight.percent());
    let mut open = Vec::new();
    if unconfirmed_from(release).is_some_and(|from| from <= now) {
        let what = if release.state == State::RollingBack { "is not back" } else { "does not get its traffic" };
        open.push(alarm(
            AlarmKind::Unconfirmed,
            "traffic",
            format!(
                "`{service}` {version} {what}: the proxy was asked for {share}\u{a0}% and has not reported it for {}. Look at \
                 the proxy; it is asked again and again, and counts as moved only when the proxy says so.",
                CONFIRM_WITHIN.words()
            ),
        ));
    }
    let said = last.and_then(reason).unwrap_or_default();
    match &release.state {
        State::Holding { cause: HoldCause::Deadline, .. } => open.push(alarm(
            AlarmKind::Deadline,
            "held",
            format!(
                "`{service}` {version} is held at {share}\u{a0}%. {said} Look at its signals, then resume, promote or roll back."
            ),
        )),
        State::Holding { cause: HoldCause::NoRoom, .. } => open.push(alarm(
            AlarmKind::NoRoom,
            "held",
            format!(
                "`{service}` {version} should go back and cannot: it is held at {share}\u{a0}%. {said} Give the baseline room, \
                 and it goes back by itself; or roll back all the same."
            ),
        )),
        State::RollingBack if release.back.as_ref().is_some_and(|back| back.by.starts_with(AUTOMATION)) => {
            let reason = release.back.as_ref().map_or("", |back| back.reason.as_str());
            open.push(alarm(
                AlarmKind::RollbackBegun,
                "rollback",
                format!("`{service}` {version} is rolled back by a rule. {reason} Watch that it gets well again."),
            ));
        }
        State::PartiallyRolledBack if release.resumed.is_none() => {
            let summary = release.ended_by.as_deref().unwrap_or("");
            open.push(alarm(
                AlarmKind::PartlyBack,
                "partly-back",
                format!(
                    "`{service}` {version} is only partially rolled back. {summary} Take the rest back with a new rollback, or \
                     by hand; then let rules act again."
                ),
            ));
        }
        State::Frozen { .. } if last.is_some_and(by_rule) => open.push(alarm(
            AlarmKind::Frozen,
            "frozen",
            format!(
                "`{service}` {version} should go back and would lose data: it is frozen at {share}\u{a0}%. {said} Roll forward, \
                 or have two people break the glass."
            ),
        )),
        _ => {}
    }
    open
}

/// The reason of what decided where a release stands, as rules wrote it. What people wrote is theirs and stays in the log.
fn reason(event: &Event) -> Option<&str> {
    match event {
        Event::Held { reason, .. } | Event::Frozen { reason, .. } if by_rule(event) => Some(reason),
        _ => None,
    }
}

fn by_rule(event: &Event) -> bool {
    match event {
        Event::Held { by, .. } | Event::Frozen { by, .. } => by.starts_with(AUTOMATION),
        _ => false,
    }
}

impl Event {
    /// Whether it says why a release stands where it stands: the newest of these goes with [`of_release`].
    pub fn decides(&self) -> bool {
        matches!(self, Event::Held { .. } | Event::Frozen { .. })
    }
}
