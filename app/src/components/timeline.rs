//! What happened, newest first.

use super::icon::toned;
use super::marked::marked;
use super::text::time;
use crate::view::ChangeView;
use leptos::prelude::*;

pub fn timeline(entries: &[ChangeView]) -> AnyView {
    view! { <ol class="timeline">{entries.iter().map(entry).collect_view()}</ol> }.into_any()
}

fn entry(entry: &ChangeView) -> AnyView {
    let quote = (!entry.quote.is_empty()).then(|| format!("“{}” ", entry.quote));
    let leaf = entry.leaf.as_ref().map(|leaf| {
        view! { <a class="leaf" href=leaf.href.clone()><span class="sr">"Decision "</span>{leaf.text.clone()}</a> }
    });
    view! {
        <li>
            {time(&entry.at)}
            {toned(entry.icon, entry.tone)}
            <p>{marked(&entry.text)}" "{quote}<span class="who-did">{entry.who.clone()}</span></p>
            {leaf}
        </li>
    }
    .into_any()
}
