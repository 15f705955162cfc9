//! The pages that the server draws whole, see `crate::drawn`: where each stands, and what it follows.

use super::{param, query, title};
use crate::api::Ask;
use crate::components::loaded::loaded;
use crate::view::Drawn;
use leptos::prelude::*;

#[component]
pub fn Services() -> impl IntoView {
    loaded(|| Ask::Services, || vec!["board".to_owned()], page)
}

#[component]
pub fn Service() -> impl IntoView {
    let name = param("name");
    loaded(move || Ask::Service { name: name.get() }, || vec!["board".to_owned()], page)
}

#[component]
pub fn Runbooks() -> impl IntoView {
    loaded(|| Ask::Runbooks, Vec::new, page)
}

#[component]
pub fn Runbook() -> impl IntoView {
    let (name, release) = (param("name"), query("release"));
    loaded(move || Ask::Runbook { name: name.get(), release: release.get() }, Vec::new, page)
}

#[component]
pub fn Rehearsal() -> impl IntoView {
    let (id, faults, runs, seed) = (param("id"), query("faults"), query("runs"), query("seed"));
    let ask = move || Ask::Rehearsal { id: id.get(), faults: faults.get(), runs: runs.get(), seed: seed.get() };
    loaded(ask, Vec::new, page)
}

fn page(view: &Drawn) -> AnyView {
    view! {
        {title(view.title.clone())}
        <main class="page" id="main" tabindex="-1" inner_html=view.html.clone()></main>
    }
    .into_any()
}
