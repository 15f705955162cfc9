//! What a rollback leaves behind, said where it matters: rules keep their hands off until a person resumes them.

use super::release::Facts;
use super::words::when;
use sternway_app::path;
use sternway_app::view::{CheckView, FactView, Icon, LinkView, NoticeView, Tone};
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
    let went_back = matches!(release.state, State::RolledBack | State::PartiallyRolledBack);
    if went_back && facts.keeps_off {
        return Some(NoticeView {
            tone: Tone::Hold,
            icon: Icon::Hold,
            title: format!("Automation of `{}` waits for a person", release.service),
            text:
                "No rule acts on its releases until somebody resumes automation here. The build that was taken back is \
                   known bad: it is not started again without an override."
                    .to_owned(),
            acts: vec![],
        });
    }
    None
}

/// How long it took, beside the objective.
pub(super) fn times(facts: &Facts) -> Option<NoticeView> {
    let back = facts.back.as_ref()?;
    let kept = back.times.spent(back.objective, facts.now).kept;
    let (tone, icon) = match (back.ended, kept) {
        (Ended::Partial, _) | (_, Some(false)) => (Tone::Caution, Icon::Suspect),
        (Ended::NotYet, _) => (Tone::Accent, Icon::Rollback),
        (Ended::Proven, _) => (Tone::Go, Icon::Pass),
        (Ended::TrafficOnly, _) => (Tone::Plain, Icon::Info),
    };
    let title = match back.ended {
        Ended::NotYet => "Going back",
        Ended::Proven => "Recovered",
        Ended::TrafficOnly => "Traffic is back",
        Ended::Partial => "Partly back",
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
