//! The sections before an act, the same as a page and as a dialog: what will happen, what is known, what could go
//! wrong, the reason, the button that says what it does.

use super::form::{Field, field_fault, hidden};
use super::icon::{icon, small};
use super::marked::marked;
use super::notice::{changed, form_fault};
use super::steps::{checks, steps};
use super::table::table;
use super::text::{pill, time_and_age};
use crate::error::AppError;
use crate::path;
use crate::view::Icon;
use crate::view::act::{ActView, ShiftView};
use leptos::prelude::*;

/// `Facts as of 14:03:09, 1 s ago. Release version 17.`
pub fn facts_line(view: &ActView) -> AnyView {
    view! { "Facts as of "{time_and_age(&view.at)}{format!(". {} version {}.", if view.verb.of_flag() { "Flag" } else { "Release" }, view.version)} }.into_any()
}

/// `dialog` is whether it stands in one: ids get a prefix, headings one level less, and the way out closes it.
pub fn act_form(view: &ActView, dialog: bool) -> AnyView {
    let id = if dialog { "d-" } else { "p-" };
    let fault = view.fault.as_ref().filter(|fault| !matches!(fault, AppError::Conflict { .. }));
    let fault = fault.map(|fault| form_fault(fault, "Nothing was changed."));
    let changes = (!view.changes.is_empty()).then(|| changed(&view.changes, view.verb.what()));
    let will = (!view.shift.is_empty() || !view.steps.is_empty() || !view.told.is_empty())
        .then(|| part(dialog, format!("{id}will"), "What will happen", what_will(view)));
    let wrong = (!view.risks.is_empty())
        .then(|| part(dialog, format!("{id}wrong"), "What could go wrong", checks(&view.risks)));
    let deciding = if view.allowed {
        view! { {hotfix(view, dialog)}{overriding(view)}{reason(view, dialog)} }.into_any()
    } else {
        let instead = view
            .instead
            .iter()
            .map(|link| view! { <a class="btn" rel="external" href=link.href.clone()>{link.text.clone()}</a> });
        let instead = (!view.instead.is_empty()).then(|| view! { <div class="row">{instead.collect_view()}</div> });
        let why = view.why_not.clone().unwrap_or_else(|| "This cannot be done now.".to_owned());
        part(
            dialog,
            format!("{id}why-not"),
            "Not now",
            view! { <div class="stack"><p class="why-not">{icon(Icon::Lock)}" "{marked(&why)}</p>{instead}</div> }
                .into_any(),
        )
    };
    view! {
        <form class=if dialog { "act" } else { "act act-page" } method="post" action=path::act(&view.release, view.verb) data-needs-reason="" novalidate>
            <div class="act-body">
                {hidden("expected_version", view.version)}
                {hidden("idempotency_key", &view.idempotency_key)}
                {hidden("evidence", &view.evidence)}
                {changes}
                {fault}
                {will}
                {part(dialog, format!("{id}known"), "What is known", what_is_known(view))}
                {wrong}
                {deciding}
            </div>
            {foot(view, dialog)}
        </form>
    }
    .into_any()
}

fn part(dialog: bool, id: String, title: &'static str, content: AnyView) -> AnyView {
    let heading = heading(dialog, Some(id.clone()), title);
    view! { <section class="act-part" aria-labelledby=id>{heading}{content}</section> }.into_any()
}

fn heading(dialog: bool, id: Option<String>, title: &'static str) -> AnyView {
    if dialog { view! { <h3 id=id>{title}</h3> }.into_any() } else { view! { <h2 id=id>{title}</h2> }.into_any() }
}

fn what_will(view: &ActView) -> AnyView {
    let moved = (!view.shift.is_empty()).then(|| {
        view! { <div class="shift" role="group" aria-label="Traffic now and after">{view.shift.iter().map(shift).collect_view()}</div> }
    });
    let listed = (!view.steps.is_empty()).then(|| steps(&view.steps));
    let told = (!view.told.is_empty()).then(|| view! { <p class="small quiet">{marked(&view.told)}</p> });
    view! { <div class="stack">{moved}{listed}{told}</div> }.into_any()
}

/// Two bars to scale: what stays is filled, what comes or goes is dashed.
fn shift(shift: &ShiftView) -> AnyView {
    let kept = shift.now.min(shift.after);
    let (now, after) = (format!("{}\u{a0}%", shift.now), format!("{}\u{a0}%", shift.after));
    let fill = if shift.canary { shift.now } else { kept };
    let class = if shift.canary { "shift-now" } else { "shift-after" };
    let solid = (fill > 0).then(|| view! { <rect class=class width=format!("{fill}%") height="12" rx="2"></rect> });
    let gained = (shift.after > fill).then(|| {
        let width = f64::from(shift.after - fill) - 0.2;
        view! { <rect class="shift-gone" x=format!("{fill}%") y="0.5" width=format!("{width:.1}%") height="11" rx="2"></rect> }
    });
    view! {
        <span>{shift.version.clone()}</span>
        <svg class=if shift.canary { "shift-bar shift-canary" } else { "shift-bar" } aria-hidden="true">
            <rect class="shift-room" width="100%" height="12" rx="2"></rect>
            {solid}
            {gained}
        </svg>
        <span class="num">{now}</span>
        {small(Icon::Right)}
        <b class="num">{after}</b>
    }
    .into_any()
}

fn what_is_known(view: &ActView) -> AnyView {
    view! {
        <div class="stack">
            <p>{view.known_pill.as_ref().map(pill)}" "{marked(&view.known)}</p>
            {table(&view.known_table)}
        </div>
    }
    .into_any()
}

fn hotfix(view: &ActView, dialog: bool) -> AnyView {
    if !view.asks_hotfix {
        return ().into_any();
    }
    let fault = |field: &str| view.fault.as_ref().and_then(|fault| fault.problem(field)).map(str::to_owned);
    let version = Field {
        name: "hotfix_version",
        label: "Version",
        need: "(required)",
        value: view.typed.hotfix_version.clone(),
        fault: fault("hotfix_version"),
        placeholder: "1.42.1",
        prefix: if dialog { "d-" } else { "p-" },
        mono: true,
        ..Field::default()
    };
    let digest = Field {
        name: "hotfix_digest",
        label: "Digest",
        need: "(required)",
        value: view.typed.hotfix_digest.clone(),
        fault: fault("hotfix_digest"),
        hint: "By digest, so that what is rolled out is what was built.",
        placeholder: "sha256:…",
        prefix: if dialog { "d-" } else { "p-" },
        mono: true,
        ..Field::default()
    };
    let fields = view! { <div class="stack">{version.input()}{digest.input()}</div> }.into_any();
    part(dialog, format!("{}hotfix", if dialog { "d-" } else { "p-" }), "Hotfix", fields)
}

fn overriding(view: &ActView) -> AnyView {
    let Some(words) = &view.needs_override else { return ().into_any() };
    let fault = view.fault.as_ref().and_then(|fault| fault.problem("override")).map(str::to_owned);
    view! {
        <div class="act-part act-override">
            <b>"Override"</b>
            <div>
                <label class="choice">
                    <input type="checkbox" name="override" value="on" checked=view.typed.overridden == "on"/>
                    <span>{marked(words)}</span>
                </label>
                {fault.map(|fault| field_fault("override-fault".to_owned(), fault))}
            </div>
        </div>
    }
    .into_any()
}

fn reason(view: &ActView, dialog: bool) -> AnyView {
    let choices = view.reasons.iter().map(|reason| {
        let chosen = view.typed.why == reason.label;
        view! {
            <label class="choice"><input type="radio" name="why" value=reason.label.clone() checked=chosen/>{reason.label.clone()}</label>
        }
    });
    let choices = (!view.reasons.is_empty()).then(|| view! { <div class="choices">{choices.collect_view()}</div> });
    let field = Field {
        name: "reason",
        label: "In your words",
        need: if view.reasons.is_empty() { "(required)" } else { "(required, or pick one above)" },
        value: view.typed.reason.clone(),
        hint: "Kept in the decision log under your name, with what this page shows now.",
        fault: view.fault.as_ref().and_then(|fault| fault.problem("reason")).map(str::to_owned),
        prefix: if dialog { "d-" } else { "p-" },
        ..Field::default()
    };
    view! {
        <fieldset class="act-part">
            <legend class="sr">"Reason"</legend>
            <div class="act-part-name" aria-hidden="true">"Reason"</div>
            <div>{choices}{field.textarea()}</div>
        </fieldset>
    }
    .into_any()
}

fn foot(view: &ActView, dialog: bool) -> AnyView {
    let back = path::acted_on(&view.release, view.verb);
    let confirm = view.allowed.then(|| {
        view! {
            <button class=format!("{} btn-large", view.confirm_style.class())>{icon(view.verb.icon())}{view.confirm.clone()}</button>
        }
    });
    view! {
        <div class="act-foot">
            <p class="small">{format!("Nothing happens until you confirm. If the {} changes first, you are asked again.", view.verb.what())}</p>
            <a class="btn btn-large" href=back data-close=dialog.then_some("") rel=dialog.then_some("external")>{view.cancel.clone()}</a>
            {confirm}
        </div>
    }
    .into_any()
}
