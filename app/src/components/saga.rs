//! How a release goes back, step by step, and what a person may choose where a step needs one.

use super::form::{hidden, inside_textarea};
use super::marked::{marked, plain};
use super::notice::form_fault;
use super::steps::steps;
use crate::path;
use crate::view::release::{NeedView, SagaPanel};
use leptos::prelude::*;

pub fn saga(release: &str, panel: &SagaPanel) -> AnyView {
    let fault = panel.fault.as_ref().map(|fault| form_fault(&fault.error, "Nothing was chosen."));
    let needs = panel.needs.iter().map(|need| choose(release, panel, need)).collect_view();
    view! {
        <section class="panel saga" aria-labelledby="saga-h">
            <div class="panel-head"><h2 id="saga-h">{panel.title.clone()}</h2><span>{panel.count.clone()}</span><span class="panel-age">{panel.age.clone()}</span></div>
            <p class="saga-says">{marked(&panel.sentence)}</p>
            {fault}
            {needs}
            {steps(&panel.steps)}
        </section>
    }
    .into_any()
}

fn choose(release: &str, panel: &SagaPanel, need: &NeedView) -> AnyView {
    let came_back = panel.fault.as_ref().filter(|fault| fault.typed.step == need.step);
    let typed = came_back.map(|fault| fault.typed.reason.clone()).unwrap_or_default();
    let buttons = need
        .choices
        .iter()
        .map(|(value, label)| {
            let title = plain(&need.title);
            view! { <button class="btn" name="choice" value=value.clone()>{label.clone()}<span class="sr">{format!(": {title}")}</span></button> }
        })
        .collect_view();
    let form = (!need.choices.is_empty()).then(|| {
        view! {
            <form class="stack" method="post" action=path::saga(release)>
                {hidden("step", &need.step)}
                {hidden("undo", need.undo)}
                {hidden("expected_version", panel.version)}
                {hidden("idempotency_key", &need.idempotency_key)}
                <label class="field">
                    <span class="field-label">"Why"</span>
                    <textarea class="input" name="reason" rows="2" required minlength="3" maxlength="2000">{inside_textarea(&typed)}</textarea>
                </label>
                <div class="row">{buttons}</div>
            </form>
        }
    });
    view! {
        <div class="saga-need">
            <h3>{marked(&need.title)}</h3>
            <p>{need.why.clone()}</p>
            {form}
            <p class="small quiet">{need.note.clone()}</p>
        </div>
    }
    .into_any()
}
