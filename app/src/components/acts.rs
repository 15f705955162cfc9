//! Buttons for what may be done. Each is a link to the page of its act; scripts open the same as a dialog.

use super::icon::icon;
use crate::path;
use crate::view::Icon;
use crate::view::act::Verb;
use crate::view::release::{ActButton, ActsView};
use leptos::prelude::*;

/// In the title line.
pub fn acts(release: &str, view: &ActsView) -> AnyView {
    let first = view.first.iter().map(|act| button(release, act, false)).collect_view();
    view! { <div class="head-acts only-wide">{more(release, &view.more, "drop")}{first}</div> }.into_any()
}

/// Within reach of the thumb: the recommended act, one other, and the rest.
pub fn reach(release: &str, view: &ActsView) -> AnyView {
    let Some((main, others)) = view.first.split_last() else { return ().into_any() };
    let other = others.iter().rev().find(|act| act.allowed).map(|act| button(release, act, false));
    let kept: Vec<ActButton> =
        others.iter().rev().skip_while(|act| !act.allowed).skip(1).chain(&view.more).cloned().collect();
    view! {
        <div class="reach only-narrow">
            <p class="reach-why"><span>{view.reach.clone()}</span><span class="nowrap">{view.reach_next.clone()}</span></p>
            <div class="reach-acts">{button(release, main, true)}{other}{more(release, &kept, "drop drop-up")}</div>
        </div>
    }
    .into_any()
}

/// `release`: or a flag.
pub fn button(release: &str, act: &ActButton, long: bool) -> AnyView {
    let Some(verb) = Verb::read(&act.verb) else { return ().into_any() };
    let label = if long && !act.long_label.is_empty() { &act.long_label } else { &act.label };
    let why = act.why_not.clone().filter(|_| !act.allowed);
    let why_shown = why.clone().map(|why| view! { <span class="sr">{format!(". {why}")}</span> });
    view! {
        <a
            class=act.style.class()
            href=path::act(release, verb)
            data-act=act.verb.clone()
            data-of=release.to_owned()
            rel="external"
            aria-disabled=(!act.allowed).then_some("true")
            title=why
        >
            {act.icon.map(icon)}{label.clone()}{why_shown}
        </a>
    }
    .into_any()
}

fn more(release: &str, acts: &[ActButton], class: &'static str) -> AnyView {
    if acts.is_empty() {
        return ().into_any();
    }
    let items = acts
        .iter()
        .filter_map(|act| {
            let verb = Verb::read(&act.verb)?;
            let why = act.why_not.clone().filter(|_| !act.allowed).map(|why| view! { <small>{why}</small> });
            Some(view! {
                <li>
                    <a href=path::act(release, verb) data-act=act.verb.clone() data-of=release.to_owned() rel="external" aria-disabled=(!act.allowed).then_some("true")>
                        {act.icon.map(icon)}<span>{act.label.clone()}{why}</span>
                    </a>
                </li>
            })
        })
        .collect_view();
    view! {
        <details class=class>
            <summary class="btn btn-icon" aria-label="More acts" title="More acts">{icon(Icon::Down)}</summary>
            <ul>{items}</ul>
        </details>
    }
    .into_any()
}
