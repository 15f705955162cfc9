//! The pages that the server draws whole, see `crate::drawn`: where each stands, and what it follows.

use super::{param, query, title};
use crate::api::Ask;
use crate::components::loaded::loaded;
use crate::view::Drawn;
use crate::view::decision::DecisionFilter;
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

/// The log of decisions. The URL is the filter.
#[component]
pub fn Decisions() -> impl IntoView {
    let [q, release, actor, act] = ["q", "release", "actor", "act"].map(query);
    let [outcome, from, to, cursor] = ["outcome", "from", "to", "cursor"].map(query);
    let ask = move || Ask::Decisions {
        filter: DecisionFilter {
            q: q.get(),
            release: release.get(),
            actor: actor.get(),
            act: act.get(),
            outcome: outcome.get(),
            from: from.get(),
            to: to.get(),
            cursor: cursor.get(),
        },
    };
    // Older pages do not change.
    loaded(ask, move || if cursor.get().is_empty() { vec!["decisions".to_owned()] } else { Vec::new() }, page)
}

/// One decision. Effects are confirmed after the page was made, and later entries may point back; the record itself does
/// not change.
#[component]
pub fn Decision() -> impl IntoView {
    let id = param("id");
    loaded(move || Ask::Decision { id: id.get() }, || vec!["decisions".to_owned()], page)
}

#[component]
pub fn Redact() -> impl IntoView {
    let id = param("id");
    loaded(move || Ask::Redact { id: id.get() }, Vec::new, page)
}

#[component]
pub fn Rehearsal() -> impl IntoView {
    let (id, faults, runs, seed) = (param("id"), query("faults"), query("runs"), query("seed"));
    let ask = move || Ask::Rehearsal { id: id.get(), faults: faults.get(), runs: runs.get(), seed: seed.get() };
    loaded(ask, Vec::new, page)
}

fn page(view: &Drawn) -> AnyView {
    #[cfg(feature = "hydrate")]
    unfolded::keep(&view.title);
    view! {
        {title(view.title.clone())}
        <main class="page" id="main" tabindex="-1" data-drawn=view.title.clone() inner_html=view.html.clone()></main>
    }
    .into_any()
}

/// What somebody unfolded stays so when the page is drawn anew under their eyes.
#[cfg(feature = "hydrate")]
mod unfolded {
    use leptos::prelude::{document, request_animation_frame};
    use leptos::wasm_bindgen::JsCast;
    use web_sys::Element;

    /// Remembers it of the page with this title, and unfolds it again before the next picture.
    pub(super) fn keep(title: &str) {
        let before = folds(title);
        let open: Vec<bool> = before.iter().map(|fold| fold.has_attribute("open")).collect();
        if !open.contains(&true) {
            return;
        }
        let title = title.to_owned();
        request_animation_frame(move || {
            let after = folds(&title);
            if after.len() == open.len() {
                after.iter().zip(open).filter(|(_, open)| *open).for_each(|(fold, _)| {
                    let _ = fold.set_attribute("open", "");
                });
            }
        });
    }

    fn folds(title: &str) -> Vec<Element> {
        let main = document().query_selector("main[data-drawn]").ok().flatten();
        let main = main.filter(|main| main.get_attribute("data-drawn").as_deref() == Some(title));
        let found = main.and_then(|main| main.query_selector_all("details").ok());
        let found = found.iter().flat_map(|list| (0..list.length()).filter_map(|at| list.item(at)));
        found.filter_map(|node| node.dyn_into().ok()).collect()
    }
}
