//! The flags: how each stands, who answers for it, and the switch.

use super::{query, title};
use crate::api::Ask;
use crate::components::acts::button;
use crate::components::loaded::loaded;
use crate::components::notice::{state, toast};
use crate::components::text::{pill, time};
use crate::view::flag::{FlagRow, FlagsView};
use leptos::prelude::*;

#[component]
pub fn Flags() -> impl IntoView {
    let done = query("done");
    loaded(move || Ask::Flags { done: done.get() }, || vec!["flags".to_owned()], page)
}

fn page(view: &FlagsView) -> AnyView {
    let table = (!view.rows.is_empty()).then(|| {
        view! {
            <table class="table list" aria-label="Flags">
                <thead>
                    <tr>
                        <th scope="col">"Flag"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Owner"</th>
                        <th scope="col">"Expires"</th>
                        <th scope="col">"Last switched"</th>
                        <th scope="col">"Switch"</th>
                    </tr>
                </thead>
                <tbody>{view.rows.iter().map(row).collect_view()}</tbody>
            </table>
        }
    });
    view! {
        {title("Flags")}
        <main class="page" id="main" tabindex="-1">
            {view.toast.as_ref().map(toast)}
            <div class="head"><div><h1>"Flags"</h1><p class="quiet">{format!("Kill switches, as they stand in {}. A switch reaches every connected client at once.", view.environment)}</p></div></div>
            {table}
            {view.empty.as_ref().map(state)}
        </main>
    }
    .into_any()
}

fn row(row: &FlagRow) -> AnyView {
    let quote = (!row.quote.is_empty()).then(|| view! { <small>{format!("“{}”", row.quote)}</small> });
    view! {
        <tr>
            <th scope="row"><span class="list-name">{row.key.clone()}</span><small>{row.purpose.clone()}</small></th>
            <td data-name="State"><span>{pill(&row.pill)}<small>{row.elsewhere.clone()}</small></span></td>
            <td data-name="Owner">{row.owner.clone()}</td>
            <td data-name="Expires"><span class=row.expiry_tone.is()>{row.expiry.clone()}</span></td>
            <td data-name="Last switched"><span>{row.at.as_ref().map(time)}" "{row.flip.clone()}{quote}</span></td>
            <td data-name="Switch">{button(&row.key, &row.act, false)}</td>
        </tr>
    }
    .into_any()
}
