//! The log of decisions. The URL is the filter.

use super::{query, title};
use crate::api::Ask;
use crate::components::form::Field;
use crate::components::icon::icon;
use crate::components::loaded::loaded;
use crate::components::log::log;
use crate::components::notice::state;
use crate::path;
use crate::view::Icon;
use crate::view::decision::{DecisionFilter, DecisionsView};
use leptos::prelude::*;

#[component]
pub fn Decisions() -> impl IntoView {
    let (release, actor, act) = (query("release"), query("actor"), query("act"));
    let (from, to, cursor) = (query("from"), query("to"), query("cursor"));
    let ask = move || Ask::Decisions {
        filter: DecisionFilter {
            release: release.get(),
            actor: actor.get(),
            act: act.get(),
            from: from.get(),
            to: to.get(),
            cursor: cursor.get(),
        },
    };
    // Older pages do not change.
    loaded(ask, move || if cursor.get().is_empty() { vec!["decisions".to_owned()] } else { Vec::new() }, page)
}

fn page(view: &DecisionsView) -> AnyView {
    let table = (!view.days.is_empty()).then(|| log(&view.days));
    let export = view.export.as_ref().map(|export| {
        view! { <a class="btn" href=export.href.clone() rel="external" download="">{icon(Icon::External)}{export.text.clone()}</a> }
    });
    let older = view.older.clone().map(|older| view! { <p><a href=older>"Older decisions"</a></p> });
    let newest = view.newest.clone().map(|newest| view! { <p><a href=newest>"Newest decisions"</a></p> });
    view! {
        {title("Decisions")}
        <main class="page" id="main" tabindex="-1">
            <div class="head">
                <div>
                    <h1>"Decisions"</h1>
                    <p class="quiet">"Every act, ordered or refused, by people and by rules. Nothing here can be changed."</p>
                </div>
                <div class="head-acts">{export}</div>
            </div>
            {filters(view)}
            {table}
            {view.empty.as_ref().map(state)}
            <footer class="foot">{newest}{older}<p class="push">{view.foot.clone()}</p></footer>
        </main>
    }
    .into_any()
}

fn filters(view: &DecisionsView) -> AnyView {
    let fault = |field: &str| view.problems.iter().find(|p| p.field == field).map(|p| p.text.clone());
    let text = |name: &'static str, label: &'static str, value: &str, placeholder: &'static str| Field {
        name,
        label,
        value: value.to_owned(),
        placeholder,
        fault: fault(name),
        prefix: "f-",
        ..Field::default()
    };
    let day = |name, label, value: &str| text(name, label, value, "yyyy-mm-dd");
    view! {
        <form class="filters" method="get" action=path::DECISIONS aria-label="Filter decisions">
            {text("release", "Release or service", &view.filter.release, "any").input()}
            {Field { name: "actor", label: "Actor", prefix: "f-", ..Field::default() }.select(&view.actors)}
            {Field { name: "act", label: "Act", prefix: "f-", ..Field::default() }.select(&view.acts)}
            {day("from", "From", &view.filter.from).input()}
            {day("to", "To", &view.filter.to).input()}
            <button class="btn">"Show"</button>
        </form>
    }
    .into_any()
}
