//! What may be done with a release now, and by whom.

use super::release::Facts;
use super::told;
use super::words::{first_sentence, lower_first, outlook_of};
use crate::service::Caller;
use sternway_app::view::act::Verb;
use sternway_app::view::board::ActStyle;
use sternway_app::view::release::*;
use sternway_domain::access;
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{Release, ReleaseAct, State};

/// Which buttons, in which order, and why some cannot be pressed.
pub(super) fn acts(caller: &Caller, facts: &Facts) -> ActsView {
    let release = &facts.release;
    let verdict = release.current_verdict().map(|note| note.kind);
    let button = |verb: Verb, style: ActStyle| {
        let why_not = why_not(caller, release, verb);
        let long = match verb {
            Verb::Rollback => format!("Roll back to {}", release.baseline.version),
            Verb::Promote => format!("Promote {}", release.candidate.version),
            Verb::ResumeAutomation => format!("Resume automation of {}", release.service),
            _ => format!("{} {}", verb.label(), release.service),
        };
        ActButton {
            verb: verb.as_str().to_owned(),
            label: verb.label().to_owned(),
            long_label: long,
            icon: Some(verb.icon()),
            style,
            allowed: why_not.is_none(),
            why_not,
        }
    };
    let bad = matches!(verdict, Some(VerdictKind::Fail | VerdictKind::Suspect));
    let pass = verdict == Some(VerdictKind::Pass);
    let plain = ActStyle::Plain;
    let (first, more): (Vec<ActButton>, Vec<ActButton>) = match &release.state {
        State::Draft | State::Ready => (vec![button(Verb::Cancel, plain), button(Verb::Start, ActStyle::Main)], vec![]),
        State::Running { .. } | State::Holding { .. } => {
            let hold = if matches!(release.state, State::Running { .. }) { Verb::Hold } else { Verb::Resume };
            let back = button(Verb::Rollback, if bad { ActStyle::Stop } else { plain });
            let promote = button(Verb::Promote, if pass { ActStyle::Main } else { plain });
            let first =
                if bad { vec![button(hold, plain), promote, back] } else { vec![button(hold, plain), back, promote] };
            (first, vec![button(Verb::Rollforward, plain), button(Verb::Freeze, plain)])
        }
        State::Frozen { .. } => {
            (vec![button(Verb::Resume, plain), button(Verb::Rollback, plain)], vec![button(Verb::Rollforward, plain)])
        }
        State::Starting | State::Promoted | State::RollingForward => (vec![button(Verb::Rollback, plain)], vec![]),
        State::PartiallyRolledBack | State::RolledBack => {
            let back = [Verb::Rollback].into_iter().filter(|_| release.state == State::PartiallyRolledBack);
            let resume = [Verb::ResumeAutomation].into_iter().filter(|_| release.resumed.is_none());
            (back.chain(resume).map(|verb| button(verb, plain)).collect(), vec![])
        }
        State::RollingBack | State::Cancelled => (vec![], vec![]),
    };
    let (mut first, mut more) = (first, more);
    if !release.parts.is_empty() && !matches!(release.state, State::PartiallyRolledBack | State::RolledBack) {
        // A part went back: rules wait for a person there, and what stays may not be good for every act.
        first.retain(|button| !left_out(release, &button.verb));
        more.retain(|button| !left_out(release, &button.verb));
        let resume = release.possible(ReleaseAct::ResumeAutomation) && release.resumed.is_none();
        more.extend(resume.then(|| button(Verb::ResumeAutomation, plain)));
    }
    let (reach, reach_next) = match facts.verdict() {
        Some(verdict) => {
            let told = format!("{}: {}", verdict.kind.label(), lower_first(&first_sentence(&verdict.sentence)));
            let open = matches!(verdict.kind, VerdictKind::Suspect | VerdictKind::Insufficient);
            (told, if open { outlook_of(&verdict.next) } else { String::new() })
        }
        None => (release.state.label(), String::new()),
    };
    ActsView { first, more, reach, reach_next }
}

/// What the state allows and what stays of the release does not.
fn left_out(release: &Release, verb: &str) -> bool {
    ReleaseAct::ALL.into_iter().any(|act| act.as_str() == verb && !release.possible(act))
}

/// Why this person cannot do this now; `None` when they can.
pub(super) fn why_not(caller: &Caller, release: &Release, verb: Verb) -> Option<String> {
    let Some(act) = act_of(verb) else { return Some("This is asked of flags.".to_owned()) };
    if let Err(denied) = access::authorise(&caller.actor, act.action()) {
        return Some(told(&denied.to_string()));
    }
    if !release.possible(act) {
        return Some(format!("Not while {}.", release.state.label()));
    }
    if let (Verb::ResumeAutomation, Some(resumed)) = (verb, &release.resumed) {
        return Some(format!("{} resumed it at {}.", resumed.by, resumed.at.clock()));
    }
    None
}

/// What is asked of a release; `None` for what is asked of a flag.
pub(super) fn act_of(verb: Verb) -> Option<ReleaseAct> {
    Some(match verb {
        Verb::Start => ReleaseAct::Start,
        Verb::Promote => ReleaseAct::Promote,
        Verb::Hold => ReleaseAct::Hold,
        Verb::Resume => ReleaseAct::Resume,
        Verb::Rollback => ReleaseAct::Rollback,
        Verb::Rollforward => ReleaseAct::Rollforward,
        Verb::Freeze => ReleaseAct::Freeze,
        Verb::Cancel => ReleaseAct::Cancel,
        Verb::ResumeAutomation => ReleaseAct::ResumeAutomation,
        Verb::On | Verb::Off => return None,
    })
}
