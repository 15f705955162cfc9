//! One wording per thing, for every page: moments, states, verdicts, events.

use sternway_app::path;
use sternway_app::view::{ChangeView, Icon, LinkView, PillView, Tone, When};
use sternway_domain::component::named;
use sternway_domain::id::ServiceName;
use sternway_domain::judge::VerdictKind;
use sternway_domain::plan::grouped;
use sternway_domain::release::{Event, HoldCause, Release, State};
use sternway_domain::time::{Span, Timestamp};

/// No-break space: between a number and its unit.
pub(super) const NBSP: char = '\u{a0}';

/// A moment as it is shown now: the clock today, the day before that.
pub(super) fn when(at: Timestamp, now: Timestamp) -> When {
    let shown = if at.date() == now.date() { at.clock() } else { format!("{} {}", day(at), &at.clock()[..5]) };
    When { iso: at.to_rfc3339(), shown, ago: ago(now.since(at)) }
}

/// `2 s ago`, `4:12 ago`, `3 h ago`.
pub(super) fn ago(span: Span) -> String {
    match span.secs() {
        0..=59 => format!("{}{NBSP}s ago", span.secs()),
        60..=3599 => format!("{} ago", span.clock()),
        3600..=86_399 => format!("{}{NBSP}h ago", span.secs() / 3600),
        secs => format!("{}{NBSP}d ago", secs / 86_400),
    }
}

/// `about 40 s`, `3:05`, `52 min`.
pub(super) fn lasting(span: Span) -> String {
    match span.secs() {
        secs @ 0..=59 => format!("{secs}{NBSP}s"),
        60..=3599 => span.clock(),
        secs => format!("{}{NBSP}min", secs / 60),
    }
}

/// `19 Nov`.
pub(super) fn day(at: Timestamp) -> String {
    let date = at.date();
    let month = date[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!("{} {}", date[8..].trim_start_matches('0'), &MONTHS[month - 1][..3])
}

/// `Thursday 19 November 2026`.
pub(super) fn full_day(at: Timestamp) -> String {
    let date = at.date();
    let month = date[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12);
    // The epoch was a Thursday.
    let weekday = usize::try_from((at.secs().div_euclid(86_400) + 3).rem_euclid(7)).unwrap_or(0);
    format!("{} {} {} {}", WEEKDAYS[weekday], date[8..].trim_start_matches('0'), MONTHS[month - 1], &date[..4])
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `25 %`.
pub(super) fn percent(value: u8) -> String {
    format!("{value}{NBSP}%")
}

/// A verdict as a pill.
pub(super) fn verdict_pill(kind: VerdictKind) -> PillView {
    let (tone, icon) = match kind {
        VerdictKind::Pass => (Tone::Go, Icon::Pass),
        VerdictKind::Fail => (Tone::Stop, Icon::Fail),
        VerdictKind::Suspect => (Tone::Caution, Icon::Suspect),
        VerdictKind::Insufficient => (Tone::Plain, Icon::Insufficient),
        VerdictKind::NoData => (Tone::Hold, Icon::NoData),
        VerdictKind::ProviderDown => (Tone::Hold, Icon::ProviderDown),
        VerdictKind::ConfigError => (Tone::Hold, Icon::ConfigError),
    };
    PillView::new(tone, icon, kind.label())
}

/// The state of a release as a pill.
pub(super) fn state_pill(state: &State) -> PillView {
    match state {
        State::Draft => PillView::new(Tone::Plain, Icon::Clock, "Draft"),
        State::Ready => PillView::new(Tone::Plain, Icon::Pass, "Ready"),
        State::Running { .. } => PillView::new(Tone::Accent, Icon::Promote, "Running"),
        State::Holding { .. } => PillView::new(Tone::Hold, Icon::Hold, "Holding"),
        State::Promoted => PillView::new(Tone::Go, Icon::Pass, "Promoted"),
        State::RollingBack => PillView::new(Tone::Stop, Icon::Rollback, "Rolling back"),
        State::RolledBack => PillView::new(Tone::Back, Icon::Rollback, "Rolled back"),
        State::PartiallyRolledBack => PillView::new(Tone::Stop, Icon::Rollback, "Partially rolled back"),
        State::Starting => PillView::new(Tone::Accent, Icon::Promote, "Starting"),
        State::RollingForward => PillView::new(Tone::Accent, Icon::Rollforward, "Rolling forward"),
        State::Frozen { .. } => PillView::new(Tone::Hold, Icon::Freeze, "Frozen"),
        State::Cancelled => PillView::new(Tone::Plain, Icon::Close, "Cancelled"),
    }
}

/// Why a release is held, in words after "Holding:".
pub(super) fn hold_cause(cause: &HoldCause) -> String {
    match cause {
        HoldCause::Person => "a person said so".to_owned(),
        HoldCause::NoEvidence { verdict } => format!("{}, traffic stays", verdict.label().to_lowercase()),
        HoldCause::Deadline => "not decided in time, a person decides".to_owned(),
        HoldCause::NoRoom => "the baseline has no room for all traffic".to_owned(),
        HoldCause::PartBack => "a part went back, a person decides about the rest".to_owned(),
    }
}

/// One event as a line of the timeline.
pub(super) fn change(release: &Release, event: &Event, leaf: Option<LinkView>, now: Timestamp) -> ChangeView {
    let stage = |index: u8| release.plan.stage(index).map_or_else(String::new, |stage| percent(stage.weight.percent()));
    let (icon, tone, text) = match event {
        Event::Created { candidate, overridden, .. } => {
            let text = format!("Created, with `{}` as the candidate.", candidate.version);
            (Icon::Plus, Tone::Plain, with_override(&text, overridden))
        }
        Event::ChecklistItemSet { item, .. } => (Icon::Pass, Tone::Plain, format!("Checklist: `{item}` set.")),
        Event::Started { overridden, saga, .. } => {
            let text = if saga.is_some() { "Started: the candidates are deployed first." } else { "Started." };
            (Icon::Person, Tone::Plain, with_override(text, overridden))
        }
        Event::StartEnded { summary, .. } => {
            (Icon::Suspect, Tone::Caution, format!("Not started: {summary} It can be started again."))
        }
        Event::StageEntered { weight, .. } => {
            (Icon::Promote, Tone::Accent, format!("{} asked of the proxy.", percent(weight.percent())))
        }
        Event::Promoted { from, overridden, .. } => {
            let moved = match release.plan.stage(from + 1) {
                Some(_) => format!("Promoted {} → {}.", stage(*from), stage(from + 1)),
                None => format!("Promoted past {}.", stage(*from)),
            };
            (Icon::Promote, Tone::Accent, with_override(&moved, overridden))
        }
        Event::Completed { .. } => {
            (Icon::Pass, Tone::Go, format!("`{}` is the new baseline.", release.candidate.version))
        }
        Event::TrafficConfirmed { weight, after, from, .. } => {
            let text = format!("Proxy reports {}, {} after it was asked.", percent(weight.percent()), lasting(*after));
            (Icon::Pass, Tone::Go, format!("{text} Observed at `{from}`."))
        }
        Event::VerdictChanged { kind, sentence, .. } => {
            let pill = verdict_pill(*kind);
            (pill.icon, pill.tone, format!("{}: {}", kind.label(), lower_first(sentence)))
        }
        Event::Held { cause, .. } => (Icon::Hold, Tone::Hold, format!("Held: {}.", hold_cause(cause))),
        Event::Resumed { .. } => (Icon::Promote, Tone::Plain, "Resumed.".to_owned()),
        Event::RollbackOrdered { only: Some(part), .. } => {
            (Icon::Rollback, Tone::Stop, format!("Rollback of a part ordered: {}.", parted(part)))
        }
        Event::RollbackOrdered { .. } => {
            (Icon::Rollback, Tone::Stop, format!("Rollback to `{}` ordered: 0{NBSP}% asked.", release.baseline.version))
        }
        Event::RolledBack { .. } => {
            (Icon::Rollback, Tone::Go, format!("Rolled back: all traffic on `{}`.", release.baseline.version))
        }
        Event::RollforwardOrdered { hotfix, weight, overridden, .. } => {
            let text = format!("Rolling forward to `{}` from {}.", hotfix.version, percent(weight.percent()));
            let text = with_override(&text, overridden);
            (Icon::Rollforward, Tone::Accent, text)
        }
        Event::PartiallyRolledBack { summary, .. } => {
            (Icon::Rollback, Tone::Stop, format!("Partially rolled back: {summary}"))
        }
        Event::PartRolledBack { gone, weight, summary, .. } => {
            let share = percent(weight.percent());
            let text = format!("A part went back, {}; the rest stays at {share}: {summary}", parted(gone));
            (Icon::Rollback, Tone::Hold, text)
        }
        Event::RollbackUndone { weight, summary, .. } => {
            let text = format!("The rollback was undone, {} asked of the proxy: {summary}", percent(weight.percent()));
            (Icon::Rollback, Tone::Hold, text)
        }
        Event::RolledForward { .. } => (Icon::Rollforward, Tone::Go, "The hotfix takes its first traffic.".to_owned()),
        Event::RollforwardEnded { undone, summary, .. } => {
            let what = if *undone { "The rollforward was undone" } else { "The hotfix is not wholly in place" };
            (Icon::Rollforward, Tone::Hold, format!("{what}: {summary}"))
        }
        Event::Frozen { .. } => (Icon::Freeze, Tone::Hold, "Frozen: neither forward nor back.".to_owned()),
        Event::Cancelled { .. } => (Icon::Close, Tone::Plain, "Cancelled.".to_owned()),
        Event::AutomationResumed { .. } => {
            (Icon::Promote, Tone::Plain, format!("Automation of `{}` resumed.", release.service))
        }
    };
    let (who, reason) = said(event);
    let automatic = who.starts_with("automation");
    let (text, quote) = if automatic && !reason.is_empty() { (format!("{text} {reason}"), "") } else { (text, reason) };
    ChangeView { at: when(event.at(), now), tone, icon, text, quote: quote.to_owned(), who: who.to_owned(), leaf }
}

/// What goes back alone.
pub(super) fn parted(part: &[ServiceName]) -> String {
    if part.is_empty() { "only flags".to_owned() } else { named(part) }
}

/// Who said why.
fn said(event: &Event) -> (&str, &str) {
    match event {
        Event::Created { by, note, .. } => (by, note),
        Event::ChecklistItemSet { by, .. } => (by, ""),
        Event::Started { by, reason, .. }
        | Event::Promoted { by, reason, .. }
        | Event::Held { by, reason, .. }
        | Event::Resumed { by, reason, .. }
        | Event::RollbackOrdered { by, reason, .. }
        | Event::RollforwardOrdered { by, reason, .. }
        | Event::Frozen { by, reason, .. }
        | Event::Cancelled { by, reason, .. }
        | Event::AutomationResumed { by, reason, .. } => (by, reason),
        Event::VerdictChanged { .. } => ("judge", ""),
        Event::StageEntered { .. }
        | Event::Completed { .. }
        | Event::TrafficConfirmed { .. }
        | Event::RolledBack { .. }
        | Event::PartiallyRolledBack { .. }
        | Event::PartRolledBack { .. }
        | Event::RollbackUndone { .. }
        | Event::RolledForward { .. }
        | Event::StartEnded { .. }
        | Event::RollforwardEnded { .. } => ("", ""),
    }
}

fn with_override(text: &str, overridden: &[String]) -> String {
    if overridden.is_empty() { text.to_owned() } else { format!("{text} **Override:** {}.", overridden.join(", ")) }
}

/// `Errors 0.3 %` → `errors 0.3 %`, but `p99` and names stay.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// `Errors` from `errors`.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A link to a decision by its place in the log.
pub(super) fn leaf_link(id: &str, index: i64) -> LinkView {
    LinkView::new(path::decision(id), grouped(index))
}

/// Where there is room for one thought: `If it stays like this, fails in about 20 s.` → `fails in about 20 s`. Odds are
/// left to where they have room: `Evidence toward promoting 3:1, 20:1 needed: at this rate in about 4 min.` → `enough in
/// about 4 min`.
pub(super) fn outlook_of(next: &str) -> String {
    let next = next.trim_end_matches('.');
    if next.starts_with("Evidence ") {
        let thought = next.rsplit_once(": at this rate ").map(|(_, wait)| format!("enough {wait}"));
        let thought =
            thought.or_else(|| next.rsplit_once(". If it stays like this, ").map(|(_, then)| then.to_owned()));
        return thought.unwrap_or_else(|| "gathering evidence".to_owned());
    }
    let first = next.split(": ").next().unwrap_or_default();
    lower_first(first.strip_prefix("If it stays like this, ").unwrap_or(first))
}

/// `Errors 0.31 % against 0.10 %: 3.1x.`
pub(super) fn first_sentence(text: &str) -> String {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thought_is_whole_and_short() {
        for (next, thought) in [
            ("If it stays like this, fails in about 20 s.", "fails in about 20 s"),
            ("Enough in about 40 s: 310 of 500 requests.", "enough in about 40 s"),
            ("Evidence toward promoting 1:3, 20:1 needed: at this rate in about 4 min.", "enough in about 4 min"),
            ("Evidence toward promoting 1:3, 20:1 needed.", "gathering evidence"),
            (
                "Evidence toward rolling back 11:1, 20:1 needed. If it stays like this, fails in about 20 s.",
                "fails in about 20 s",
            ),
            ("Evidence toward rolling back 11:1, 20:1 needed. Traffic stays as it is.", "gathering evidence"),
        ] {
            assert_eq!(outlook_of(next), thought);
        }
    }

    #[test]
    fn days_have_their_names() {
        let at: Timestamp = "2026-11-19T14:03:10Z".parse().expect("well-formed");
        assert_eq!(full_day(at), "Thursday 19 November 2026");
        assert_eq!(day(at), "19 Nov");
        assert_eq!(when(at, at + Span::from_secs(2)).shown, "14:03:10");
        assert_eq!(when(at, at + Span::from_secs(86_400)).shown, "19 Nov 14:03");
    }
}
