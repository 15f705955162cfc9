//! The page before an act. Works without scripts; with them the same opens as a dialog.

use super::{param, query, title};
use crate::api::Ask;
use crate::components::act_form::{act_form, facts_line};
use crate::components::loaded::loaded;
use crate::path;
use crate::view::act::ActView;
use leptos::prelude::*;

#[component]
pub fn Act() -> impl IntoView {
    let (id, verb, seen) = (param("id"), param("verb"), query("seen"));
    let ask = move || Ask::Act { id: id.get(), verb: verb.get(), seen: seen.get().parse().ok() };
    // Not read again by itself: what is being typed and what is being read stay put. The server checks the version.
    loaded(ask, Vec::new, page)
}

fn page(view: &ActView) -> AnyView {
    view! {
        {title(view.title.clone())}
        <main class="page page-act" id="main" tabindex="-1">
            <div class="head">
                <div>
                    <p class="crumb"><a href=path::acted_on(&view.release, view.verb)>{view.crumb.clone()}</a></p>
                    <h1>{view.title.clone()}</h1>
                    <p class="quiet">{facts_line(view)}</p>
                </div>
            </div>
            {act_form(view, false)}
        </main>
    }
    .into_any()
}
