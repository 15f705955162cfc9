//! Steps, checks, facts, and the three marks of an act.

use super::icon::{icon, toned};
use super::marked::marked;
use super::text::time;
use crate::view::release::ProgressMark;
use crate::view::{CheckView, FactView, Icon, StepState, StepView};
use leptos::prelude::*;

fn drawn(state: StepState) -> (&'static str, Icon) {
    match state {
        StepState::Done => ("done", Icon::StepDone),
        StepState::Now => ("now", Icon::StepNow),
        StepState::Todo => ("todo", Icon::StepTodo),
        StepState::Failed => ("failed", Icon::Fail),
        StepState::NoReturn => ("no-return", Icon::Anchor),
    }
}

pub fn steps(steps: &[StepView]) -> AnyView {
    view! { <ol class="steps">{steps.iter().map(step).collect_view()}</ol> }.into_any()
}

fn step(step: &StepView) -> AnyView {
    let (state, mark) = drawn(step.state);
    let class = (step.state == StepState::NoReturn).then_some("no-return");
    let note = (!step.note.is_empty()).then(|| view! { <span class="step-note">{marked(&step.note)}</span> });
    let meta = (!step.meta.is_empty()).then(|| view! { <span class="step-meta">{step.meta.clone()}</span> });
    view! {
        <li data-state=state class=class>
            {icon(mark)}
            <span><span class="step-name">{marked(&step.name)}</span>{note}</span>
            {meta}
        </li>
    }
    .into_any()
}

pub fn checks(checks: &[CheckView]) -> AnyView {
    view! { <ul class="checks">{checks.iter().map(check).collect_view()}</ul> }.into_any()
}

fn check(check: &CheckView) -> AnyView {
    let note = (!check.note.is_empty()).then(|| view! { <br/><small>{marked(&check.note)}</small> });
    let meta = (!check.meta.is_empty()).then(|| view! { <span class="step-meta">{check.meta.clone()}</span> });
    view! { <li>{toned(check.icon, check.tone)}<span>{marked(&check.text)}{note}</span>{meta}</li> }.into_any()
}

pub fn facts(facts: &[FactView], class: &'static str) -> AnyView {
    let rows = facts
        .iter()
        .map(|fact| {
            let value = match &fact.href {
                Some(href) => view! { <a href=href.clone()>{marked(&fact.value)}</a> }.into_any(),
                None => marked(&fact.value),
            };
            view! { <dt>{fact.name.clone()}</dt><dd>{value}</dd> }
        })
        .collect_view();
    view! { <dl class=class>{rows}</dl> }.into_any()
}

/// Asked, confirmed, recovered: on one line.
pub fn marks(marks: &[ProgressMark]) -> AnyView {
    let items = marks
        .iter()
        .map(|mark| {
            let (state, drawn) = drawn(mark.state);
            view! { <li data-state=state>{icon(drawn)}{mark.label.clone()}" "{mark.at.as_ref().map(time)}</li> }
        })
        .collect_view();
    view! { <ol class="marks">{items}</ol> }.into_any()
}

/// The same three, with room for what each took.
pub fn outcome(marks: &[ProgressMark]) -> AnyView {
    let items = marks
        .iter()
        .map(|mark| {
            let (state, drawn) = drawn(mark.state);
            let after = mark.at.as_ref().map(|at| at.ago.clone()).filter(|ago| !ago.is_empty());
            view! {
                <li data-state=state>
                    {icon(drawn)}
                    <span><b>{mark.label.clone()}</b>{mark.at.as_ref().map(time)}{after.map(|after| view! { <small>{after}</small> })}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="outcome">{items}</ol> }.into_any()
}
