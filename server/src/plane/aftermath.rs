//! What a rollback leaves behind, said where it matters: rules keep their hands off until a person resumes them.

use super::release::Facts;
use super::words::{percent, when};
use std::collections::BTreeSet;
use sternway_app::path;
use sternway_app::view::{CheckView, FactView, Icon, LinkView, NoticeView, Tone};
use sternway_domain::component::named;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::recovery::{AutomationHold, Ended};
use sternway_domain::release::State;
use sternway_domain::time::Timestamp;

/// Above the release: that rules do nothing here, or that they wait because of it.
pub(super) fn notice(facts: &Facts) -> Option<NoticeView> {
    let release = &facts.release;
    if let Some(hold) = facts.hold.as_ref().filter(|_| !release.state.ended()) {
        return Some(NoticeView {
            tone: Tone::Hold,
            icon: Icon::Hold,
            title: format!("Automation is off for `{}`", hold.service),
            text: format!(
                "It was rolled back at {} ({}). No rule promotes, holds or rolls back this release until a person resumes \
                 automation there; people may do everything.",
                when(hold.since, facts.now).shown,
                hold.why
            ),
            acts: vec![link(hold)],
        });
    }
    if release.went_back() && facts.keeps_off {
        let parts = release.parts.iter().filter(|part| part.resumed.is_none()).flat_map(|part| &part.components);
        let whole =
            [&release.service].into_iter().filter(|_| release.state.ended() && release.state != State::Promoted);
        let names: BTreeSet<&ServiceName> = parts.map(|component| &component.name).chain(whole).collect();
        let names = named(&names.into_iter().collect::<Vec<_>>());
        return Some(NoticeView {
            tone: Tone::Hold,
            icon: Icon::Hold,
            title: format!("Automation of {names} waits for a person"),
            text:
                "No rule acts on its releases until somebody resumes automation here. The build that was taken back is \
                   known bad: it is not started again without an override."
                    .to_owned(),
            acts: vec![],
        });
    }
    None
}

/// What went back and what stayed, as long as something did.
pub(super) fn part(facts: &Facts) -> Option<NoticeView> {
    let release = &facts.release;
    let part = release.parts.last().filter(|_| release.state.stage().is_some() || release.state == State::Promoted)?;
    let gone: Vec<&ServiceName> = release.parts.iter().flat_map(|part| &part.components).map(|one| &one.name).collect();
    let stays: Vec<&ServiceName> = release.moves().into_iter().map(|(name, _)| name).collect();
    let what =
        if gone.is_empty() { "Only flags were switched off".to_owned() } else { format!("{} went back", named(&gone)) };
    let share = release.asked.as_ref().map_or(Weight::ZERO, |asked| asked.weight).percent();
    let next = match (&release.state, release.judged()) {
        (State::Holding { .. }, true) => " Roll back the rest, or resume.",
        (_, false) => " Nothing is judged any more: roll back the rest.",
        _ => "",
    };
    Some(NoticeView {
        tone: Tone::Hold,
        icon: Icon::Rollback,
        title: "Only a part went back".to_owned(),
        text: format!(
            "{what} ({}, {}: {}). {} at **{}**.{next}",
            part.by,
            when(part.at, facts.now).shown,
            part.reason.trim_end_matches('.'),
            if stays.len() == 1 {
                format!("{} stays with its candidate", named(&stays))
            } else {
                format!("{} stay with their candidates", named(&stays))
            },
            percent(share),
        ),
        acts: vec![],
    })
}

/// How long it took, beside the objective.
pub(super) fn times(facts: &Facts) -> Option<NoticeView> {
    let back = facts.back.as_ref()?;
    let kept = back.times.spent(back.objective, facts.now).kept;
    let (tone, icon) = match (back.ended, kept) {
        (Ended::Partial | Ended::Part, _) | (_, Some(false)) => (Tone::Caution, Icon::Suspect),
        (Ended::NotYet, _) => (Tone::Accent, Icon::Rollback),
        (Ended::Proven, _) => (Tone::Go, Icon::Pass),
        (Ended::TrafficOnly, _) => (Tone::Plain, Icon::Info),
    };
    let title = match back.ended {
        Ended::NotYet => "Going back",
        Ended::Proven => "Recovered",
        Ended::TrafficOnly => "Traffic is back",
        Ended::Partial => "Partly back",
        Ended::Part => "A part is back",
    };
    Some(NoticeView { tone, icon, title: title.to_owned(), text: back.sentence(facts.now), acts: vec![] })
}

/// On the page of the service: first what source and driver say, then this.
pub(super) fn check(hold: &AutomationHold, now: Timestamp) -> CheckView {
    CheckView {
        tone: Tone::Hold,
        icon: Icon::Hold,
        text: "Automation is off: no rule promotes, holds or rolls back".to_owned(),
        note: format!("Rolled back, {}", hold.why),
        meta: when(hold.since, now).ago,
    }
}

pub(super) fn fact(hold: Option<&AutomationHold>) -> FactView {
    let (value, href) = match hold {
        Some(hold) => ("off, resume at the release".to_owned(), Some(path::release(&hold.release.to_string()))),
        None => ("as plans say".to_owned(), None),
    };
    FactView { name: "Automation".to_owned(), value, href }
}

fn link(hold: &AutomationHold) -> LinkView {
    LinkView::new(path::release(&hold.release.to_string()), "The release that was rolled back")
}
