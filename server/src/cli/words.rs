//! Events and releases in one line each, for terminals.

use super::terminal::{NBSP, clean, percent, words};
use crate::service::ReleaseSummary;
use sternway_domain::checklist::ItemState;
use sternway_domain::component::named;
use sternway_domain::id::ServiceName;
use sternway_domain::release::{Event, HoldCause};
use sternway_domain::time::Span;

/// What happened, who did it and why. `stages`: the plan's weights in percent, as far as they are known.
pub(super) fn event(event: &Event, stages: &[u8]) -> String {
    let what = what(event, stages);
    let (by, reason) = said(event);
    let mut text = what;
    if !reason.is_empty() {
        text.push_str(&format!(" “{}”", clean(reason)));
    }
    if !by.is_empty() {
        text.push_str(&format!(" ({})", clean(by)));
    }
    text
}

fn what(event: &Event, stages: &[u8]) -> String {
    match event {
        Event::Created { candidate, baseline, overridden, .. } => {
            let text = format!("Created: `{}` to replace `{}`.", candidate.version, baseline.version);
            overriding(&text, overridden)
        }
        Event::ChecklistItemSet { item, to, .. } => {
            let to = match to {
                ItemState::Open => "open again".to_owned(),
                ItemState::Done { evidence } => format!("done, {}", clean(evidence)),
                ItemState::NotApplicable { reason } => format!("does not apply, {}", clean(reason)),
            };
            format!("Checklist: `{}` {to}.", clean(item))
        }
        Event::Started { overridden, saga: None, .. } => overriding("Started.", overridden),
        Event::Started { overridden, .. } => overriding("Started: the candidates are deployed first.", overridden),
        Event::StartEnded { summary, .. } => format!("Not started: {} It can be started again.", clean(summary)),
        Event::StageEntered { stage, weight, .. } => {
            format!("{}: {} asked of the proxy.", stage_of(*stage, stages), percent(weight.percent()))
        }
        Event::Promoted { from, overridden, .. } => {
            let weight = |index: usize| stages.get(index).map(|weight| percent(*weight));
            let moved = match (weight(usize::from(*from)), weight(usize::from(*from) + 1)) {
                (Some(from), Some(to)) => format!("Promoted: {from} → {to}."),
                (Some(from), None) => format!("Promoted past {from}."),
                _ => format!("Promoted past stage {}.", u16::from(*from) + 1),
            };
            overriding(&moved, overridden)
        }
        Event::Completed { .. } => "Completed: the candidate is the new baseline.".to_owned(),
        Event::TrafficConfirmed { weight, after, from, .. } => {
            format!(
                "Confirmed: `{}` reports {}, {} after it was asked.",
                clean(from),
                percent(weight.percent()),
                lasting(*after)
            )
        }
        Event::VerdictChanged { kind, sentence, .. } => {
            format!("Verdict {}: {}", kind.label().to_lowercase(), clean(sentence))
        }
        Event::Held { cause, .. } => format!("Held: {}.", hold_cause(cause)),
        Event::Resumed { .. } => "Resumed.".to_owned(),
        Event::RollbackOrdered { only: Some(part), .. } => format!("Rollback of a part ordered: {}.", parted(part)),
        Event::RollbackOrdered { .. } => format!("Rollback ordered: 0{NBSP}% asked of the proxy."),
        Event::RolledBack { .. } => "Rolled back: all traffic is on the baseline.".to_owned(),
        Event::RollforwardOrdered { hotfix, weight, .. } => {
            format!("Rolling forward to `{}` from {}.", hotfix.version, percent(weight.percent()))
        }
        Event::PartiallyRolledBack { summary, .. } => format!("Partially rolled back: {}", clean(summary)),
        Event::PartRolledBack { gone, weight, summary, .. } => {
            let (part, share) = (parted(gone), percent(weight.percent()));
            format!("A part went back, {part}; the rest stays at {share}: {}", clean(summary))
        }
        Event::RollbackUndone { weight, summary, .. } => {
            format!("The rollback was undone, {} asked of the proxy: {}", percent(weight.percent()), clean(summary))
        }
        Event::RolledForward { .. } => "The hotfix takes its first traffic.".to_owned(),
        Event::RollforwardEnded { undone: true, summary, .. } => {
            format!("The rollforward was undone: {}", clean(summary))
        }
        Event::RollforwardEnded { summary, .. } => format!("The hotfix is not wholly in place: {}", clean(summary)),
        Event::Frozen { .. } => "Frozen: neither forward nor back.".to_owned(),
        Event::Cancelled { .. } => "Cancelled.".to_owned(),
        Event::AutomationResumed { .. } => "Automation resumed: rules may act again.".to_owned(),
    }
}

/// What goes back alone.
fn parted(part: &[ServiceName]) -> String {
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
        Event::StageEntered { .. }
        | Event::Completed { .. }
        | Event::TrafficConfirmed { .. }
        | Event::VerdictChanged { .. }
        | Event::RolledBack { .. }
        | Event::PartiallyRolledBack { .. }
        | Event::PartRolledBack { .. }
        | Event::RollbackUndone { .. }
        | Event::RolledForward { .. }
        | Event::StartEnded { .. }
        | Event::RollforwardEnded { .. } => ("", ""),
    }
}

fn overriding(text: &str, overridden: &[String]) -> String {
    if overridden.is_empty() { text.to_owned() } else { format!("{text} Override: {}.", clean(&overridden.join(", "))) }
}

fn hold_cause(cause: &HoldCause) -> String {
    match cause {
        HoldCause::Person => "a person said so".to_owned(),
        HoldCause::NoEvidence { verdict } => format!("{}, traffic stays", verdict.label().to_lowercase()),
        HoldCause::Deadline => "not decided in time, a person decides".to_owned(),
        HoldCause::NoRoom => "the baseline has no room for all traffic".to_owned(),
        HoldCause::PartBack => "a part went back, a person decides about the rest".to_owned(),
    }
}

/// `53 s`, `3:05`, `1:02:10`.
pub(super) fn lasting(span: Span) -> String {
    if span < Span::from_secs(60) { format!("{}{NBSP}s", span.secs()) } else { span.clock() }
}

/// `stage 2 of 4`.
fn stage_of(stage: u8, stages: &[u8]) -> String {
    let number = u16::from(stage) + 1;
    if stages.is_empty() { format!("Stage {number}") } else { format!("Stage {number} of {}", stages.len()) }
}

/// `checkout 1.42.0`.
pub(super) fn name(release: &ReleaseSummary) -> String {
    clean(&format!("{} {}", release.service, release.candidate.version))
}

/// `2 of 4`, or nothing.
pub(super) fn stage(release: &ReleaseSummary) -> String {
    release.stage.map_or_else(String::new, |stage| format!("{} of {}", u16::from(stage) + 1, release.stages.len()))
}

/// Asked and seen are two things: `25 %`, `25 % asked`.
pub(super) fn traffic(release: &ReleaseSummary) -> String {
    match release.asked {
        None => String::new(),
        Some(asked) if release.confirmed => percent(asked),
        Some(asked) => format!("{}{NBSP}asked", percent(asked)),
    }
}

/// `checkout 1.42.0: running, stage 2 of 4, 25 %, pass; version 17`.
pub(super) fn standing(release: &ReleaseSummary) -> String {
    let mut parts = vec![words(&release.state)];
    parts.extend(Some(stage(release)).filter(|stage| !stage.is_empty()).map(|stage| format!("stage {stage}")));
    parts.extend(Some(traffic(release)).filter(|traffic| !traffic.is_empty()));
    parts.extend(release.verdict.as_deref().map(words));
    format!("{}: {}", name(release), parts.join(", "))
}
