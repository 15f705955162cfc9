//! Every release, sorted by need.

use super::{query, title};
use crate::api::Ask;
use crate::components::board::{board, counts};
use crate::components::icon::icon;
use crate::components::loaded::loaded;
use crate::components::notice::{notice, state};
use crate::path;
use crate::view::Icon;
use crate::view::board::{BoardFilter, BoardView};
use leptos::prelude::*;

#[component]
pub fn Board() -> impl IntoView {
    let (need, state, q) = (query("need"), query("state"), query("q"));
    let ask = move || Ask::Board { filter: BoardFilter { need: need.get(), state: state.get(), q: q.get() } };
    loaded(ask, || vec!["board".to_owned()], page)
}

fn page(view: &BoardView) -> AnyView {
    let rows = view.groups.iter().map(|group| group.rows.len()).sum::<usize>();
    let empty = view.empty.as_ref().map(state);
    let table = (rows > 0 || view.finished.is_some()).then(|| board(view));
    let more = view.finished.as_ref().and_then(|finished| finished.more.as_ref());
    let more = more.map(|more| view! { <a href=more.href.clone()>{more.text.clone()}</a> });
    let notices = (!view.notices.is_empty())
        .then(|| view! { <div class="stack notices">{view.notices.iter().map(notice).collect_view()}</div> });
    let create =
        view.can_create.then(|| view! { <a class="btn" href=path::NEW_RELEASE>{icon(Icon::Plus)}"New release"</a> });
    view! {
        {title("Releases")}
        <main class="page" id="main" tabindex="-1">
            <div class="head">
                <h1 class="board-title">"Releases"</h1>
                {counts(&view.counts)}
                <div class="head-acts">{find(view)}{create}</div>
            </div>
            {notices}
            {table}
            {empty}
            <footer class="foot">
                <p class="only-wide scripted"><kbd>"j"</kbd>" "<kbd>"k"</kbd>" move "<kbd>"Enter"</kbd>" open "<kbd>"p"</kbd>" promote "<kbd>"r"</kbd>" roll back "<kbd>"/"</kbd>" filter "<kbd>"?"</kbd>" help"</p>
                <p class="push">{more}</p>
                <p>{view.foot.clone()}</p>
            </footer>
        </main>
    }
    .into_any()
}

fn find(view: &BoardView) -> AnyView {
    let kept = |name: &'static str, value: &str| {
        (!value.is_empty()).then(|| view! { <input type="hidden" name=name value=value.to_owned()/> })
    };
    view! {
        <form class="find" role="search" method="get" action=path::BOARD>
            {icon(Icon::Search)}
            <input
                class="input"
                type="search"
                name="q"
                value=view.filter.q.clone()
                aria-label="Filter by service, version or person"
                placeholder=format!("Filter {} releases", view.total)
                aria-keyshortcuts="/"
            />
            {kept("need", &view.filter.need)}
            {kept("state", &view.filter.state)}
        </form>
    }
    .into_any()
}
