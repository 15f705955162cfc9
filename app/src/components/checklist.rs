//! The checklist of a release: each item with its owner, its state, its evidence, and who said so.

use super::form::{Field, hidden};
use super::icon::{icon, toned};
use super::marked::{marked, plain};
use super::notice::form_fault;
use crate::path;
use crate::view::release::{ChecklistItemView, ChecklistPanel, ChecklistState};
use crate::view::{Icon, Tone};
use leptos::prelude::*;

pub fn checklist(release: &str, panel: &ChecklistPanel) -> AnyView {
    let items = panel.items.iter().map(|entry| item(release, panel, entry)).collect_view();
    let why = panel.why_not.clone().map(|why| view! { <p class="small quiet">{why}</p> });
    view! { <ul class="checks checklist">{items}</ul>{why} }.into_any()
}

fn item(release: &str, panel: &ChecklistPanel, item: &ChecklistItemView) -> AnyView {
    let (mark, tone, said) = match item.state {
        ChecklistState::Done => (Icon::Pass, Tone::Go, "done"),
        ChecklistState::NotApplicable => (Icon::Close, Tone::Plain, "not applicable"),
        ChecklistState::Open => (Icon::StepTodo, Tone::Plain, "open"),
    };
    let who = match (item.by.is_empty(), item.owner.is_empty()) {
        (false, _) => item.by.clone(),
        (true, false) => format!("owner: {}", item.owner),
        (true, true) => String::new(),
    };
    let small = (!who.is_empty()).then(|| view! { <br/><small>{who}</small> });
    view! {
        <li>
            {toned(mark, tone)}
            <span><span class="sr">{format!("{said}: ")}</span>{marked(&item.title)}{small}</span>
            <span class="step-meta">{evidence(&item.evidence)}</span>
            {item.can_change.then(|| change(release, panel, item))}
        </li>
    }
    .into_any()
}

/// A link when it is one.
fn evidence(text: &str) -> AnyView {
    if text.starts_with("https://") || text.starts_with("http://") {
        view! { <a href=text.to_owned() rel="external noopener noreferrer">"evidence"</a> }.into_any()
    } else {
        ().into_any()
    }
}

fn change(release: &str, panel: &ChecklistPanel, item: &ChecklistItemView) -> AnyView {
    let came_back = panel.fault.as_ref().filter(|fault| fault.typed.item == item.key);
    let fault = came_back.map(|fault| form_fault(&fault.error, "Nothing was changed."));
    let written = came_back.map_or_else(|| item.evidence.clone(), |fault| fault.typed.evidence.clone());
    let field = Field {
        name: "evidence",
        label: "Evidence",
        hint: "A link, or a few words. Needed for done and for not applicable.",
        value: written,
        ..Field::default()
    };
    let button = |value: &'static str, label: &'static str, class: &'static str| {
        view! { <button class=class name="state" value=value>{label}<span class="sr">{format!(": {}", plain(&item.title))}</span></button> }
    };
    let done = (item.state != ChecklistState::Done).then(|| button("done", "Done", "btn btn-main"));
    let not = (item.state != ChecklistState::NotApplicable).then(|| button("not_applicable", "Not applicable", "btn"));
    let open = (item.state != ChecklistState::Open).then(|| button("open", "Open again", "btn"));
    view! {
        <details class="more checklist-change" open=came_back.is_some()>
            <summary>{icon(Icon::Right)}"Change"<span class="sr">{format!(": {}", plain(&item.title))}</span></summary>
            <form class="stack" method="post" action=path::checklist(release)>
                {fault}
                {hidden("item", &item.key)}
                {hidden("expected_version", panel.version)}
                {hidden("idempotency_key", &item.idempotency_key)}
                {with_own_id(field, &item.key)}
                <div class="row">{done}{not}{open}</div>
            </form>
        </details>
    }
    .into_any()
}

/// Items share one form shape; the label wraps its field, so that no two ids are the same.
fn with_own_id(field: Field, key: &str) -> AnyView {
    let hint_id = format!("evidence-{key}-hint");
    view! {
        <label class="field">
            <span class="field-label">{field.label}</span>
            <input class="input" name=field.name value=field.value aria-describedby=hint_id.clone()/>
            <span class="field-hint" id=hint_id>{field.hint}</span>
        </label>
    }
    .into_any()
}
