//! The keys, told in a dialog that `?` opens.

use super::icon::icon;
use crate::keys::Keys;
use crate::view::Icon;
use leptos::prelude::*;

const KEYS: [(&[&str], &str); 8] = [
    (&["j", "k"], "next and previous release"),
    (&["Enter"], "open the release"),
    (&["p"], "promote, after asking"),
    (&["r"], "roll back, after asking"),
    (&["/"], "filter"),
    (&["?"], "these keys"),
    (&["←", "→"], "on a chart: read earlier and later values"),
    (&["Esc"], "close, change nothing"),
];

#[component]
pub fn Help() -> impl IntoView {
    let keys = expect_context::<Keys>();
    let rows = KEYS.map(|(names, what)| {
        let names = names.iter().map(|name| view! { <kbd>{*name}</kbd>" " }).collect_view();
        view! { <dt>{names}</dt><dd>{what}</dd> }
    });
    view! {
        <dialog class="dialog dialog-small" id="help" aria-labelledby="help-h">
            <div class="dialog-head">
                <h2 class="dialog-title" id="help-h">"Keys"</h2>
                <form method="dialog"><button class="btn btn-quiet btn-icon" aria-label="Close">{icon(Icon::Close)}</button></form>
            </div>
            <div class="act-body">
                <dl class="facts facts-start keys">{rows}</dl>
                <label class="choice keys-on">
                    <input type="checkbox" prop:checked=move || keys.on() on:change=move |_| keys.toggle()/>
                    "Single keys act on this device"
                </label>
            </div>
        </dialog>
    }
}
