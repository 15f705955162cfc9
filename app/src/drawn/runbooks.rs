//! The runbooks there are.

use super::Drawn;
use crate::components::notice::state;
use crate::components::text::time;
use crate::path;
use crate::view::runbook::{RunbookRow, RunbooksView};
use leptos::prelude::*;

pub fn page(view: &RunbooksView) -> Drawn {
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
    Drawn::new(
        "Runbooks",
        view! {
            <div class="head"><div><h1>"Runbooks"</h1><p class="quiet">"What to do, step by step. A release keeps the version that was there when it started."</p></div></div>
            {table}
            {view.empty.as_ref().map(state)}
        },
    )
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
