//! Making a release: by form or by pasted YAML, with what the plan would do.

use super::{query, title};
use crate::api::Ask;
use crate::components::form::{Field, hidden};
use crate::components::icon::icon;
use crate::components::loaded::loaded;
use crate::components::marked::marked;
use crate::components::notice::{form_fault, state};
use crate::components::steps::{checks, facts};
use crate::components::table::table;
use crate::path;
use crate::view::new_release::{NewReleaseView, PreviewView};
use crate::view::{ChoiceView, Icon, StateView};
use leptos::prelude::*;

#[component]
pub fn NewRelease() -> impl IntoView {
    let service = query("service");
    loaded(move || Ask::NewRelease { service: service.get() }, Vec::new, page)
}

fn page(view: &NewReleaseView) -> AnyView {
    let content = if view.can_create {
        form(view)
    } else {
        state(&StateView {
            icon: Icon::Lock,
            title: "You may watch, not start".to_owned(),
            text: view.why_not.clone().unwrap_or_else(|| "Making a release needs the role release manager.".to_owned()),
            ..StateView::default()
        })
    };
    view! {
        {title("New release")}
        <main class="page page-form" id="main" tabindex="-1">
            <div class="head">
                <div>
                    <p class="crumb"><a href=path::BOARD>"Releases"</a></p>
                    <h1>"New release"</h1>
                    <p class="quiet">"Nothing moves until it is started. Look at what the plan would do first."</p>
                </div>
            </div>
            {content}
        </main>
    }
    .into_any()
}

fn form(view: &NewReleaseView) -> AnyView {
    let yaml = view.typed.how == "yaml";
    let fault = view.fault.as_ref().map(|fault| form_fault(fault, "Nothing was made."));
    view! {
        <div class=if view.preview.is_some() { "split split-even" } else { "split" }>
            <div class="split-main">
                {fault}
                <details class="how" open=!yaml name="how"><summary>{icon(Icon::Right)}<h2>"By form"</h2></summary>{by_form(view)}</details>
                <details class="how" open=yaml name="how"><summary>{icon(Icon::Right)}<h2>"Paste YAML"</h2></summary>{by_yaml(view)}</details>
            </div>
            <div class="split-side">
                <section class="panel" aria-labelledby="preview-h">
                    <div class="panel-head"><h2 id="preview-h">"What would happen"</h2></div>
                    {preview(view.preview.as_ref())}
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn chosen(choices: &[ChoiceView], value: &str) -> Vec<ChoiceView> {
    let chosen = |choice: &ChoiceView| if value.is_empty() { choice.chosen } else { choice.value == value };
    choices.iter().map(|choice| ChoiceView { chosen: chosen(choice), ..choice.clone() }).collect()
}

fn by_form(view: &NewReleaseView) -> AnyView {
    let typed = &view.typed;
    let fault = |field: &str| view.fault.as_ref().and_then(|fault| fault.problem(field)).map(str::to_owned);
    let text = |name: &'static str, label: &'static str, value: &str| Field {
        name,
        label,
        need: "(required)",
        value: value.to_owned(),
        fault: fault(name),
        prefix: "n-",
        ..Field::default()
    };
    let version = Field { placeholder: "1.42.0", mono: true, ..text("version", "Version", &typed.version) };
    let digest = Field {
        placeholder: "sha256:…",
        hint: "By digest, so that what runs is what was built.",
        mono: true,
        ..text("digest", "Digest of the candidate", &typed.digest)
    };
    let baseline = Field {
        need: "(first release only)",
        placeholder: "1.41.3",
        hint: "Later releases know it from the one before.",
        mono: true,
        ..text("baseline_version", "Runs now", &typed.baseline_version)
    };
    let baseline_digest = Field {
        need: "(first release only)",
        placeholder: "sha256:…",
        mono: true,
        ..text("baseline_digest", "Its digest", &typed.baseline_digest)
    };
    let checklist = Field { need: "", ..text("checklist", "Checklist", "") };
    let reason = Field {
        hint: "Kept in the decision log under your name.",
        ..text("reason", "Why this release", &typed.reason)
    };
    view! {
        <form class="stack new-release" method="post" action=path::NEW_RELEASE>
            {hidden("how", "form")}
            {hidden("idempotency_key", &typed.idempotency_key)}
            <div class="pair">
                {text("service", "Service", "").select(&chosen(&view.services, &typed.service))}
                {version.input()}
            </div>
            {digest.input()}
            <div class="pair">{baseline.input()}{baseline_digest.input()}</div>
            <div class="pair">
                {text("plan", "Plan", "").select(&chosen(&view.plans, &typed.plan))}
                {checklist.select(&chosen(&view.checklists, &typed.checklist))}
            </div>
            {reason.textarea()}
            {overriding(view)}
            {buttons(view)}
        </form>
    }
    .into_any()
}

/// Shown once the candidate is known to be bad.
fn overriding(view: &NewReleaseView) -> AnyView {
    let Some(words) = &view.known_bad else { return ().into_any() };
    view! {
        <label class="choice">
            <input type="checkbox" name="override_known_bad" value="on" checked=view.typed.override_known_bad == "on"/>
            <span>{marked(words)}</span>
        </label>
    }
    .into_any()
}

fn by_yaml(view: &NewReleaseView) -> AnyView {
    let typed = &view.typed;
    let value = if typed.yaml.is_empty() { view.yaml_example.clone() } else { typed.yaml.clone() };
    let field = Field {
        name: "yaml",
        label: "Release as YAML",
        need: "(required)",
        value,
        hint: "The same document `sternway release create -f` takes.",
        fault: view.fault.as_ref().and_then(|fault| fault.problem("yaml")).map(str::to_owned),
        prefix: "n-",
        rows: 14,
        mono: true,
        ..Field::default()
    };
    view! {
        <form class="stack new-release" method="post" action=path::NEW_RELEASE>
            {hidden("how", "yaml")}
            {hidden("idempotency_key", &typed.idempotency_key)}
            {field.textarea()}
            {buttons(view)}
        </form>
    }
    .into_any()
}

fn buttons(view: &NewReleaseView) -> AnyView {
    let seen = view.preview.is_some();
    let (first, second) =
        if seen { ("btn btn-large", "btn btn-main btn-large") } else { ("btn btn-main btn-large", "btn btn-large") };
    view! {
        <div class="row">
            <button class=first name="intent" value="preview">"Show what would happen"</button>
            <button class=second name="intent" value="create">"Make the release"</button>
        </div>
    }
    .into_any()
}

fn preview(preview: Option<&PreviewView>) -> AnyView {
    let Some(preview) = preview else {
        return state(&StateView {
            icon: Icon::Promote,
            title: "Not asked yet".to_owned(),
            text: "Fill in the form and look at what would happen: stages with times, guards, limits, and what the linter says.".to_owned(),
            ..StateView::default()
        });
    };
    let findings = (!preview.findings.is_empty()).then(|| checks(&preview.findings));
    view! {
        <div class="stack">
            <p><b>{preview.title.clone()}</b></p>
            {findings}
            {table(&preview.stages)}
            <p class="quiet">{preview.note.clone()}" "{preview.stages_note.clone()}</p>
            {facts(&preview.facts, "facts facts-start facts-wide")}
        </div>
    }
    .into_any()
}
