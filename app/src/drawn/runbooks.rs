//! The runbooks there are.

use super::title;
use crate::api::Ask;
use crate::components::loaded::loaded;
use crate::components::notice::state;
use crate::components::text::time;
use crate::path;
use crate::view::runbook::{RunbookRow, RunbooksView};
use leptos::prelude::*;

#[component]
pub fn Runbooks() -> impl IntoView {
    loaded(|| Ask::Runbooks, Vec::new, page)
}

fn page(view: &RunbooksView) -> AnyView {
    let rows = view.rows.iter().map(row).collect_view();
    let table = (!view.rows.is_empty()).then(|| {
        view! {
            <table class="table list" aria-label="Runbooks">
                <thead>
                    <tr>
                        <th scope="col">"Runbook"</th>
                        <th scope="col">"For"</th>
                        <th scope="col" class="num">"Steps"</th>
                        <th scope="col">"Roles"</th>
                        <th scope="col">"Version"</th>
                        <th scope="col" class="num">"Changed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    view! {
        {title("Runbooks")}
        <main class="page" id="main" tabindex="-1">
            <div class="head"><div><h1>"Runbooks"</h1><p class="quiet">"What to do, step by step. A release keeps the version that was there when it started."</p></div></div>
            {table}
            {view.empty.as_ref().map(state)}
        </main>
    }
    .into_any()
}

fn row(row: &RunbookRow) -> AnyView {
    view! {
        <tr>
            <th scope="row"><a class="list-name" href=path::runbook(&row.name)>{row.title.clone()}</a></th>
            <td data-name="For">{row.purpose.clone()}</td>
            <td data-name="Steps" class="num">{row.steps}</td>
            <td data-name="Roles">{row.roles.clone()}</td>
            <td data-name="Version"><code>{row.digest.clone()}</code></td>
            <td data-name="Changed" class="num">{time(&row.changed)}</td>
        </tr>
    }
    .into_any()
}
