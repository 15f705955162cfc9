//! Which texts of a decision go, and what remains.

use super::Drawn;
use crate::components::form::{Field, hidden};
use crate::components::marked::marked;
use crate::components::notice::form_fault;
use crate::components::text::link;
use crate::view::redact::{RedactForm, RedactText, RedactView};
use leptos::prelude::*;

pub fn page(view: &RedactView) -> Drawn {
    let there = view.texts.iter().any(|text| text.text.is_some());
    let form = (there && view.why_not.is_none()).then(|| form(view));
    let why_not = view.why_not.as_ref().map(|why| view! { <p class="lead">{marked(why)}</p> });
    let nothing = (!there && view.why_not.is_none())
        .then(|| view! { <p class="lead">"Every text of this decision was taken out."</p> });
    Drawn::new(
        format!("Take texts out, {}", view.decision.text),
        view! {
            <div class="head">
                <div>
                    <p class="crumb">{link(&view.decision)}</p>
                    <h1 class="title">"Take texts out of this decision"</h1>
                    <p class="quiet">"They go from the database, its pages, events, answers kept for being asked twice and evidence, and cannot be brought back."</p>
                </div>
            </div>
            {view.fault.as_ref().map(|fault| form_fault(fault, "Nothing was taken out."))}
            <div class="split">
                <div class="split-main">{why_not}{nothing}{texts(view)}{form}</div>
                <div class="split-side">{remains(view)}</div>
            </div>
        },
    )
}

fn texts(view: &RedactView) -> AnyView {
    view! {
        <section class="panel" aria-labelledby="texts-h">
            <div class="panel-head"><h2 id="texts-h">"Its texts"</h2></div>
            <table class="table list" aria-labelledby="texts-h">
                <thead><tr><th scope="col">"What"</th><th scope="col">"Text"</th></tr></thead>
                <tbody>{view.texts.iter().map(row).collect_view()}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn row(text: &RedactText) -> AnyView {
    let shown = match &text.text {
        Some(text) => view! { <span>{text.clone()}</span> }.into_any(),
        None => view! { <span class="quiet">"taken out"</span> }.into_any(),
    };
    view! { <tr><th scope="row">{text.label.clone()}" "<code>{text.field.clone()}</code></th><td class="wraps" data-name="Text">{shown}</td></tr> }
        .into_any()
}

fn form(view: &RedactView) -> AnyView {
    let fault = |name: &str| view.fault.as_ref().and_then(|fault| fault.problem(name)).map(str::to_owned);
    let boxes = view
        .texts
        .iter()
        .filter(|text| text.text.is_some())
        .map(|text| {
            let name = format!("{}{}", RedactForm::TAKE, text.field);
            let chosen = view.typed.chosen.contains_key(&name);
            view! { <label class="row"><input type="checkbox" name=name value="yes" checked=chosen/>{text.label.clone()}</label> }
        })
        .collect_view();
    let missing = fault("fields").map(|fault| view! { <p class="field-fault">{fault}</p> });
    let reason = Field {
        name: "reason",
        label: "Why",
        need: "(required)",
        value: view.typed.reason.clone(),
        hint: "3 to 2000 characters, without what is to go. It stays in the log.",
        fault: fault("reason"),
        required: true,
        rows: 2,
        ..Field::default()
    };
    view! {
        <section class="panel" aria-labelledby="take-h">
            <div class="panel-head"><h2 id="take-h">"What goes"</h2></div>
            <form class="stack" method="post">
                {hidden("idempotency_key", &view.typed.idempotency_key)}
                <fieldset class="stack"><legend class="field-label">"Texts"</legend>{boxes}{missing}</fieldset>
                {reason.textarea()}
                <div class="row"><button class="btn btn-stop">"Take out for good"</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn remains(view: &RedactView) -> AnyView {
    let also = (!view.also_in.is_empty()).then(|| view! { <li>{view.also_in.clone()}</li> });
    view! {
        <section class="panel" aria-labelledby="remains-h">
            <div class="panel-head"><h2 id="remains-h">"What remains"</h2></div>
            <ul class="stack">
                <li>"The entry as it was hashed: ids, role, act, target, times, outcome, digests, and a salted hash of each text. Every proof of it holds."</li>
                <li>"An entry that says who took what out, and why."</li>
                {also}
                <li>"The accounts of people and tokens, with their names."</li>
                <li>"Backups made before, and what was already sent to channels and webhooks. From a restored backup Sternway takes the texts out again."</li>
            </ul>
        </section>
    }
    .into_any()
}
