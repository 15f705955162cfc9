//! Change freezes where they matter: above a release, before an act, in its row, on its service's page.

use super::release::Facts;
use sternway_app::view::act::Verb;
use sternway_app::view::{CheckView, FactView, Icon, NoticeView, Tone};
use sternway_domain::change_freeze::{ChangeFreeze, Frozen, Run, frozen, warning};
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Mode;
use sternway_domain::release::{Release, State};
use sternway_domain::time::Timestamp;

/// The words that end what stands beside a box.
const LOGGED: &str = ": the log will say so.";

/// What keeps a release from going further; nothing for one that goes nowhere any more.
pub(super) fn of(freezes: &[ChangeFreeze], release: &Release, now: Timestamp) -> Option<Frozen> {
    let goes = matches!(release.state, State::Draft | State::Ready | State::Running { .. } | State::Holding { .. });
    if goes { frozen(freezes, release.concerns(), now) } else { None }
}

/// `Change freeze until Mon 4 Jan 08:00 (Europe/Berlin)`.
pub(super) fn title(frozen: &Frozen, now: Timestamp) -> String {
    format!("Change freeze {}", frozen.ends(now))
}

fn why(frozen: &Frozen) -> &str {
    frozen.description.trim().trim_end_matches('.')
}

/// Above the release: what is in force, or what it would run into.
pub(super) fn notice(facts: &Facts) -> Option<NoticeView> {
    let (release, now) = (&facts.release, facts.now);
    let Some(frozen) = of(&facts.freezes, release, now) else { return ahead(facts) };
    let then = match release.plan.mode {
        Mode::Automatic if release.state.stage().is_some() => " Rules go on by themselves afterwards.",
        _ => "",
    };
    Some(NoticeView {
        tone: Tone::Hold,
        icon: Icon::Freeze,
        title: title(&frozen, now),
        text: format!(
            "`{}`: {}. Neither started nor promoted meanwhile without an override; holding and going back stay possible.{then}",
            frozen.service,
            why(&frozen),
        ),
        acts: vec![],
    })
}

fn ahead(facts: &Facts) -> Option<NoticeView> {
    let (release, now) = (&facts.release, facts.now);
    let next = usize::from(release.state.stage()?) + 1;
    let at = now + release.bake_left(now)?;
    let text = warning(&facts.freezes, release.concerns(), &release.plan, next, at, now)?;
    let title = "A change freeze is on its way".to_owned();
    Some(NoticeView { tone: Tone::Caution, icon: Icon::Freeze, title, text, acts: vec![] })
}

/// What the box before this act has to stand for.
pub(super) fn overridden(facts: &Facts, verb: Verb) -> Option<Frozen> {
    let frozen = of(&facts.freezes, &facts.release, facts.now);
    frozen.filter(|_| matches!(verb, Verb::Start | Verb::Promote))
}

/// Beside the box, together with what else is overridden.
pub(super) fn beside(other: Option<String>, frozen: &Frozen, verb: Verb, now: Timestamp) -> String {
    let although = format!("although `{}` is frozen {} ({})", frozen.service, frozen.ends(now), why(frozen));
    match other {
        Some(other) => format!("{}, and {although}{LOGGED}", other.trim_end_matches(LOGGED)),
        None => format!("{} {although}{LOGGED}", verb.label()),
    }
}

/// What a plan that goes on as fast as it may would run into after this act.
pub(super) fn risk(facts: &Facts, verb: Verb) -> Option<CheckView> {
    let (release, now) = (&facts.release, facts.now);
    let from = match verb {
        Verb::Start => 0,
        Verb::Promote => usize::from(release.state.stage()?) + 1,
        _ => return None,
    };
    if of(&facts.freezes, release, now).is_some() {
        return None;
    }
    Some(caution(warning(&facts.freezes, release.concerns(), &release.plan, from, now, now)?))
}

pub(super) fn caution(text: String) -> CheckView {
    CheckView { tone: Tone::Caution, icon: Icon::Freeze, text, ..CheckView::default() }
}

/// On the page of a service: what is in force.
pub(super) fn check(freezes: &[ChangeFreeze], service: &ServiceName, now: Timestamp) -> Option<CheckView> {
    let frozen = frozen(freezes, [service], now)?;
    Some(CheckView {
        tone: Tone::Hold,
        icon: Icon::Freeze,
        text: title(&frozen, now),
        note: format!("{}: nothing new goes out without an override", why(&frozen)),
        meta: String::new(),
    })
}

/// On the same page: until when, or when the next one begins.
pub(super) fn fact(freezes: &[ChangeFreeze], service: &ServiceName, now: Timestamp) -> FactView {
    let next = || {
        let covering = freezes.iter().filter(|freeze| freeze.covers(service));
        let runs = covering.filter_map(|freeze| freeze.next(now).map(|run| (freeze, run)));
        let (freeze, Run { since, .. }) = runs.min_by_key(|(_, run)| run.since)?;
        Some(format!("next from {} ({}): {}", freeze.zone.words(since, now), freeze.zone, freeze.description.trim()))
    };
    let value = match frozen(freezes, [service], now) {
        Some(frozen) => frozen.ends(now),
        None => next().unwrap_or_else(|| "none".to_owned()),
    };
    FactView { name: "Change freeze".to_owned(), value, href: None }
}
