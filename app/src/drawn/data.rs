//! How far the data of a release is, and moving it. Drawn on the server only.

use crate::components::form::{hidden, inside_textarea};
use crate::components::icon::icon;
use crate::components::marked::marked;
use crate::components::notice::form_fault;
use crate::components::steps::steps;
use crate::path;
use crate::view::Icon;
use crate::view::data::{DataPanel, DataParts, QueryView};
use leptos::prelude::*;

impl DataPanel {
    /// Draws both halves.
    pub fn drawn(parts: DataParts) -> Self {
        let drawn = |view: AnyView| view.to_html().replace("<!>", "");
        Self { facts: drawn(facts(&parts)), form: drawn(form(&parts)), parts: Box::new(parts) }
    }
}

fn facts(parts: &DataParts) -> AnyView {
    let safety = if parts.lost { "data-safety data-lost" } else { "data-safety" };
    let sign = if parts.lost { Icon::Lock } else { Icon::Anchor };
    let missing = (!parts.missing.is_empty()).then(|| {
        let lines = parts.missing.iter().map(|line| view! { <li>{marked(line)}</li> }).collect_view();
        view! { <div><h4>"Missing before the next phase"</h4><ul class="data-list">{lines}</ul></div> }
    });
    let queries = (!parts.queries.is_empty()).then(|| {
        let lines = parts.queries.iter().map(query).collect_view();
        view! { <div><h4>"What the data says"</h4><ul class="data-list">{lines}</ul></div> }
    });
    let notes = parts.notes.iter().map(|note| view! { <p class="small">{marked(note)}</p> }).collect_view();
    view! {
        <h3><code>{parts.name.clone()}</code></h3>
        <p class="quiet">{marked(&parts.description)}</p>
        <p class=safety>{icon(sign)}<span>{marked(&parts.safety)}</span></p>
        <div class="data-facts">{steps(&parts.phases)}<div class="stack">{queries}{missing}{notes}</div></div>
    }
    .into_any()
}

fn query(query: &QueryView) -> AnyView {
    let (class, mark) = match query.good {
        Some(true) => ("is-go", Icon::Pass),
        Some(false) => ("is-stop", Icon::Fail),
        None => ("", Icon::NoData),
    };
    let found = match query.good {
        Some(_) => format!("{}. {}", query.detail, query.at),
        None => format!("not run yet, wanted {}", query.wanted),
    };
    view! {
        <li>
            <span class=class>{icon(mark)}</span>
            <span><code title=query.sql.clone()>{query.name.clone()}</code>" "{found}<code class="data-sql">{query.sql.clone()}</code></span>
        </li>
    }
    .into_any()
}

fn form(parts: &DataParts) -> AnyView {
    let instead = (!parts.instead.is_empty()).then(|| {
        let links = parts
            .instead
            .iter()
            .map(|link| view! { <a class="btn" href=link.href.clone()>{link.text.clone()}</a> })
            .collect_view();
        view! { <div class="data-instead"><h4>"What remains"</h4><div class="row">{links}</div></div> }
    });
    if parts.acts.is_empty() {
        let why_not = (!parts.why_not.is_empty()).then(|| view! { <p class="small quiet">{parts.why_not.clone()}</p> });
        return view! { {instead}{why_not} }.into_any();
    }
    let fault = parts.fault.as_ref().map(|fault| form_fault(fault, "No data was moved."));
    let overriding = parts.overriding.clone().map(|words| {
        view! {
            <label class="choice">
                <input type="checkbox" name="override" value="on" checked=parts.typed.overridden == "on"/>
                <span>{words}</span>
            </label>
        }
    });
    // Looking needs no reason; everything else does.
    let buttons = parts
        .acts
        .iter()
        .map(|(value, label)| {
            let looks = value.starts_with("validate:");
            let stop = value.ends_with("_glass");
            let class = if stop { "btn btn-stop" } else { "btn" };
            view! { <button class=class name="act" value=value.clone() formnovalidate=looks>{label.clone()}<span class="sr">{format!(", {}", parts.name)}</span></button> }
        })
        .collect_view();
    let id = format!("data-why-{}", parts.name);
    view! {
        {instead}
        <form class="stack data-form" method="post" action=path::data(&parts.release)>
            {hidden("migration", &parts.name)}
            {hidden("expected_version", parts.version)}
            {hidden("idempotency_key", &parts.idempotency_key)}
            {fault}
            <div class="field">
                <label class="field-label" for=id.clone()>"Why"</label>
                <textarea class="input" id=id name="reason" rows="2" required minlength="3" maxlength="2000">{inside_textarea(&parts.typed.reason)}</textarea>
            </div>
            {overriding}
            <div class="row">{buttons}</div>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::data::DataForm;

    #[test]
    fn given_markup_in_what_people_wrote_then_it_stays_text() {
        let parts = DataParts {
            name: "orders".into(),
            description: "<script>".into(),
            safety: "<i>".into(),
            missing: vec!["<b>".into()],
            acts: vec![("back".into(), "<u>".into())],
            typed: DataForm { reason: "</textarea><script>".into(), ..DataForm::default() },
            ..DataParts::default()
        };
        let drawn = DataPanel::drawn(parts);
        for tag in ["<script>", "<i>", "<b>", "<u>"] {
            assert!(!drawn.facts.contains(tag) && !drawn.form.contains(tag), "{tag}: {drawn:?}");
        }
    }
}
