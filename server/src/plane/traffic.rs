//! Stages, and traffic asked and observed.

use super::release::Facts;
use super::words::{lasting, percent, when};
use sternway_app::view::release::*;
use sternway_app::view::{Icon, StepState, Tone};
use sternway_domain::release::State;
use sternway_domain::time::Span;

/// Asked and confirmed: two marks with two times. Recovery has a proof of its own, not yet built.
pub(super) fn marks(facts: &Facts) -> Vec<ProgressMark> {
    let Some(asked) = &facts.release.asked else { return vec![] };
    let confirmed = match asked.confirmed_at {
        Some(at) => ProgressMark {
            state: StepState::Done,
            label: format!("Confirmed by the proxy, {} later", lasting(at.since(asked.at))),
            at: Some(when(at, facts.now)),
        },
        None => ProgressMark { state: StepState::Now, label: "Not confirmed yet".to_owned(), at: None },
    };
    let weight = percent(asked.weight.percent());
    let asked =
        ProgressMark { state: StepState::Done, label: format!("Asked {weight}"), at: Some(when(asked.at, facts.now)) };
    vec![asked, confirmed]
}

pub(super) fn track(facts: &Facts) -> TrackView {
    let release = &facts.release;
    let now = facts.now;
    let current = release.state.stage().map(usize::from);
    let passed_all = release.state == State::Promoted;
    let last = release.plan.stages.len().saturating_sub(1);
    let stages = release.plan.stages.iter().enumerate().map(|(i, stage)| {
        let entered = release.stages_entered.iter().rev().find(|entry| usize::from(entry.stage) == i);
        let left_at = release.stages_entered.iter().rev().find(|entry| usize::from(entry.stage) == i + 1).map(|e| e.at);
        let is_now = current == Some(i);
        let done = passed_all || current.is_some_and(|current| i < current);
        let baked = release.baked(now);
        let (state, note, more) = if is_now {
            let held = release.held_since.is_some();
            let left = stage.bake.saturating_sub(baked);
            let more = match (held, left > Span::ZERO) {
                (true, _) => "held".to_owned(),
                (false, true) => format!("{} left", left.clock()),
                (false, false) => "bake time over".to_owned(),
            };
            let note = format!("**{}** of {}", Span::from_secs(baked.secs()).clock(), stage.bake.clock());
            (if held { StageState::Held } else { StageState::Now }, note, more)
        } else if done {
            let at = left_at.or(release.ended_at);
            let took = entered.zip(at).map(|(entry, at)| format!("{} there", at.since(entry.at).clock()));
            let note = at.map_or_else(|| "passed".to_owned(), |at| format!("passed {}", at.clock()));
            (StageState::Done, note, took.unwrap_or_default())
        } else {
            let more = if i == last { "then promoted".to_owned() } else { String::new() };
            (StageState::Next, format!("bakes {}", stage.bake.clock()), more)
        };
        StageView {
            state,
            asked: stage.weight.percent(),
            observed: if is_now {
                facts.traffic.as_ref().and_then(|traffic| traffic.observed).map(|weight| weight.percent())
            } else {
                done.then_some(stage.weight.percent())
            },
            baked: if is_now { (baked.secs_f64() / stage.bake.secs_f64().max(1e-9)).min(1.0) } else { 0.0 },
            note,
            note_more: more,
        }
    });
    TrackView { stages: stages.collect() }
}

pub(super) fn flow(facts: &Facts) -> FlowView {
    let release = &facts.release;
    let Some(asked) = &release.asked else {
        return FlowView {
            asked: "–".to_owned(),
            observer: "Proxy reports".to_owned(),
            observed: "–".to_owned(),
            icon: Icon::Info,
            note: "Nothing has been asked of the proxy yet.".to_owned(),
            ..FlowView::default()
        };
    };
    let traffic = facts.traffic.as_ref();
    let observed = match (traffic.and_then(|traffic| traffic.observed), asked.confirmed_at) {
        (Some(weight), _) => Some(weight),
        (None, Some(_)) => Some(asked.weight),
        (None, None) => None,
    };
    let failure = traffic.and_then(|traffic| traffic.failure.clone());
    let (tone, icon, note) = match (&failure, observed) {
        (Some(_), _) => {
            (Tone::Caution, Icon::ProviderDown, "Asked, not confirmed: the proxy cannot be read.".to_owned())
        }
        (None, Some(weight)) if weight == asked.weight => {
            (Tone::Go, Icon::Pass, format!("Traffic to {} is what was asked.", release.candidate.version))
        }
        (None, Some(_)) => (Tone::Caution, Icon::Suspect, "Asked, not confirmed yet.".to_owned()),
        (None, None) => (Tone::Plain, Icon::Clock, "Asked, waiting for the proxy.".to_owned()),
    };
    let observed_at = traffic.and_then(|traffic| traffic.observed_at).or(asked.confirmed_at);
    FlowView {
        asked: percent(asked.weight.percent()),
        asked_at: Some(when(asked.at, facts.now)),
        observer: "Proxy reports".to_owned(),
        observed: observed.map_or_else(|| "–".to_owned(), |weight| percent(weight.percent())),
        observed_at: observed_at.map(|at| when(at, facts.now)),
        tone,
        icon,
        note,
    }
}
