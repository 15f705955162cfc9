//! The services Sternway knows.

use super::Drawn;
use crate::components::notice::state;
use crate::components::text::{link, pill};
use crate::path;
use crate::view::service::{ServiceRow, ServicesView};
use leptos::prelude::*;

pub fn page(view: &ServicesView) -> Drawn {
    let rows = view.rows.iter().map(row).collect_view();
    let table = (!view.rows.is_empty()).then(|| {
        view! {
            <table class="table list" aria-label="Services">
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col">"Runs now"</th>
                        <th scope="col">"Release in progress"</th>
                        <th scope="col">"Signals from"</th>
                        <th scope="col">"Traffic by"</th>
                        <th scope="col">"Depends on"</th>
                        <th scope="col">"Owner"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    Drawn::new(
        "Services",
        view! {
            <div class="head"><div><h1>"Services"</h1><p class="quiet">"What is deployed on its own: where its signals come from and who moves its traffic."</p></div></div>
            {table}
            {view.empty.as_ref().map(state)}
        },
    )
}

fn row(row: &ServiceRow) -> AnyView {
    let description = (!row.description.is_empty()).then(|| view! { <small>{row.description.clone()}</small> });
    let release = match (&row.release, &row.pill) {
        (Some(release), shown) => view! { {link(release)}" "{shown.as_ref().map(pill)} }.into_any(),
        (None, _) => view! { <span class="faint">"none"</span> }.into_any(),
    };
    let depends = if row.depends_on.is_empty() { "–".to_owned() } else { row.depends_on.join(", ") };
    view! {
        <tr>
            <th scope="row"><a class="list-name" href=path::service(&row.name)>{row.name.clone()}</a>{description}</th>
            <td data-name="Runs now"><code>{row.version.clone()}</code></td>
            <td data-name="Release"><span>{release}</span></td>
            <td data-name="Signals from">{row.source.clone()}</td>
            <td data-name="Traffic by">{row.driver.clone()}</td>
            <td data-name="Depends on">{depends}</td>
            <td data-name="Owner">{row.owner.clone()}</td>
        </tr>
    }
    .into_any()
}
