//! The log of decisions. The URL is the filter.

use super::Drawn;
use crate::components::form::Field;
use crate::components::icon::icon;
use crate::components::log::log;
use crate::components::notice::state;
use crate::path;
use crate::view::Icon;
use crate::view::decision::DecisionsView;
use leptos::prelude::*;

pub fn page(view: &DecisionsView) -> Drawn {
    let table = (!view.days.is_empty()).then(|| log(&view.days));
    let export = view.export.as_ref().map(|export| {
        view! { <a class="btn" href=export.href.clone() rel="external" download="">{icon(Icon::External)}{export.text.clone()}</a> }
    });
    let older = view.older.clone().map(|older| view! { <p><a href=older>"Older decisions"</a></p> });
    let newest = view.newest.clone().map(|newest| view! { <p><a href=newest>"Newest decisions"</a></p> });
    let head = view.signed.then(|| {
        view! {
            <section class="panel log-head" aria-labelledby="log-head-h">
                <h2 class="sr" id="log-head-h">"The log"</h2>
                <log-proof class="proof">
                    <p class="proof-said" data-said="" data-state="waiting">{icon(Icon::Clock)}"Not checked here yet"</p>
                    <div class="proof-body" data-body="">
                        <p class="small quiet">"The browser checks the signed head by itself when scripts run; by hand: sternway audit verify."</p>
                    </div>
                </log-proof>
            </section>
        }
    });
    Drawn::new(
        "Decisions",
        view! {
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
            {head}
        },
    )
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
            {text("q", "Words", &view.filter.q, "in reason, actor or service").input()}
            {text("release", "Release or service", &view.filter.release, "any").input()}
            {Field { name: "actor", label: "Actor", prefix: "f-", ..Field::default() }.select(&view.actors)}
            {Field { name: "act", label: "Act", prefix: "f-", ..Field::default() }.select(&view.acts)}
            {Field { name: "outcome", label: "Outcome", prefix: "f-", ..Field::default() }.select(&view.outcomes)}
            {day("from", "From", &view.filter.from).input()}
            {day("to", "To", &view.filter.to).input()}
            <button class="btn">"Show"</button>
        </form>
    }
    .into_any()
}
