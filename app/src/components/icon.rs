//! Icons: always beside a word, so always hidden from those who listen.

use crate::view::{Icon, Tone};
use leptos::prelude::*;

pub fn icon(icon: Icon) -> AnyView {
    with_class(icon, "icon")
}

/// In the colour of what it means.
pub fn toned(icon: Icon, tone: Tone) -> AnyView {
    match tone {
        Tone::Plain | Tone::Back => with_class(icon, "icon"),
        Tone::Go => with_class(icon, "icon is-go"),
        Tone::Caution => with_class(icon, "icon is-caution"),
        Tone::Stop => with_class(icon, "icon is-stop"),
        Tone::Hold => with_class(icon, "icon is-hold"),
        Tone::Accent => with_class(icon, "icon is-accent"),
    }
}

pub fn small(icon: Icon) -> AnyView {
    with_class(icon, "icon icon-s")
}

pub fn with_class(icon: Icon, class: &'static str) -> AnyView {
    view! {
        <svg class=class aria-hidden="true">
            <use_ href=icon.href()></use_>
        </svg>
    }
    .into_any()
}
