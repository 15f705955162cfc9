//! Listening in the browser. Works on what is on the page: rows carry `data-release`, links of acts `data-act`.

use super::Keys;
use crate::components::dialog::Dialogs;
use crate::view::act::Verb;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{
    Document, Element, HtmlDialogElement, HtmlElement, HtmlFormElement, KeyboardEvent, MouseEvent, SubmitEvent,
};

const KEPT: &str = "sternway_keys";

impl Keys {
    pub fn toggle(self) {
        let on = !self.0.get_untracked();
        self.0.set(on);
        if let Some(storage) = storage() {
            // A full or forbidden storage keeps the choice for this page only.
            let _kept = storage.set_item(KEPT, if on { "on" } else { "off" });
        }
    }

    /// Called once, after hydration.
    pub fn listen(self, dialogs: Dialogs) {
        if storage().and_then(|storage| storage.get_item(KEPT).ok().flatten()).as_deref() == Some("off") {
            self.0.set(false);
        }
        let keys = window_event_listener(ev::keydown, move |event| on_key(self, dialogs, &event));
        let clicks = window_event_listener(ev::click, move |event| on_click(dialogs, &event));
        let submits = window_event_listener(ev::submit, move |event| on_submit(&event));
        // They live as long as the tab.
        std::mem::forget((keys, clicks, submits));
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

fn on_key(keys: Keys, dialogs: Dialogs, event: &KeyboardEvent) {
    let Some(document) = document() else { return };
    let typing = event.target().and_then(|target| target.dyn_into::<Element>().ok()).is_some_and(|target| {
        matches!(target.closest("input, textarea, select, dialog[open], [role=img]"), Ok(Some(_)))
    });
    let chord = event.ctrl_key() || event.meta_key() || event.alt_key();
    if (typing && event.key() != "Escape") || chord || event.default_prevented() || !keys.0.get_untracked() {
        return;
    }
    let done = match event.key().as_str() {
        "j" => step(&document, 1),
        "k" => step(&document, -1),
        "p" => act(&document, dialogs, Verb::Promote),
        "r" => act(&document, dialogs, Verb::Rollback),
        "/" => focus(&document, "[role=search] input"),
        "?" => help(&document),
        "Escape" => {
            close_menus(None);
            false
        }
        _ => false,
    };
    if done {
        event.prevent_default();
    }
}

fn focus(document: &Document, selector: &str) -> bool {
    let found = document.query_selector(selector).ok().flatten().and_then(|found| found.dyn_into::<HtmlElement>().ok());
    found.is_some_and(|found| found.focus().is_ok())
}

/// The release whose row holds the focus.
fn current(document: &Document) -> Option<Element> {
    document.active_element()?.closest("[data-release]").ok().flatten()
}

/// To the row after or before.
fn step(document: &Document, by: i32) -> bool {
    let Ok(rows) = document.query_selector_all("tr[data-release]") else { return false };
    let rows: Vec<Element> = (0..rows.length()).filter_map(|at| rows.item(at)?.dyn_into().ok()).collect();
    let here = current(document).and_then(|row| rows.iter().position(|other| *other == row));
    let next = match here {
        Some(here) => here.saturating_add_signed(by as isize).min(rows.len().saturating_sub(1)),
        None => 0,
    };
    let link = rows.get(next).and_then(|row| row.query_selector("a").ok().flatten());
    let link = link.and_then(|link| link.dyn_into::<HtmlElement>().ok());
    link.is_some_and(|link| link.focus().is_ok())
}

/// For the row with the focus, or for the page of one release.
fn act(document: &Document, dialogs: Dialogs, verb: Verb) -> bool {
    let row = current(document).or_else(|| document.query_selector("main[data-release]").ok().flatten());
    let Some(release) = row.and_then(|row| row.get_attribute("data-release")) else { return false };
    dialogs.open(release, verb);
    true
}

fn help(document: &Document) -> bool {
    let dialog = document.get_element_by_id("help").and_then(|help| help.dyn_into::<HtmlDialogElement>().ok());
    dialog.is_some_and(|dialog| dialog.show_modal().is_ok())
}

/// Links of acts open the dialog; `data-close` closes it. A click meant for a new tab stays one.
fn on_click(dialogs: Dialogs, event: &MouseEvent) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let near = |selector: &str| target.closest(selector).ok().flatten();
    if event.button() != 0 || event.ctrl_key() || event.meta_key() || event.shift_key() {
        return;
    }
    close_menus(near("details.drop").as_ref());
    if let Some(link) = near("a[data-act][data-of]") {
        let verb = link.get_attribute("data-act").as_deref().and_then(Verb::read);
        if let (Some(verb), Some(release)) = (verb, link.get_attribute("data-of")) {
            event.prevent_default();
            if let Ok(Some(menu)) = link.closest("details") {
                // A menu that cannot be closed stays open; nothing else depends on it.
                let _closed = menu.remove_attribute("open");
            }
            dialogs.open(release, verb);
        }
    } else if near("[data-close]").is_some() {
        event.prevent_default();
        dialogs.close();
    } else if near("[data-help]").is_some()
        && let Some(document) = document()
    {
        help(&document);
    } else if near("[data-print]").is_some()
        && let Some(window) = web_sys::window()
    {
        // A browser that cannot print says so itself.
        let _printed = window.print();
    }
}

/// Menus of acts close when the click is elsewhere.
fn close_menus(kept: Option<&Element>) {
    let Some(open) = document().and_then(|page| page.query_selector_all("details.drop[open]").ok()) else { return };
    for menu in (0..open.length()).filter_map(|at| open.item(at)?.dyn_into::<Element>().ok()) {
        if Some(&menu) != kept {
            // A menu that cannot be closed stays open; nothing else depends on it.
            let _closed = menu.remove_attribute("open");
        }
    }
}

/// After a page has given way to another: whoever reads with keys or ears begins at its top.
pub(crate) fn arrive() {
    for after in [100, 800] {
        gloo_timers::callback::Timeout::new(after, || {
            if let Some(page) = document()
                && page.active_element().is_none_or(|active| active.tag_name() == "BODY")
            {
                focus(&page, "#main");
            }
        })
        .forget();
    }
}

/// An act without a reason is not sent: the focus goes where the reason belongs. Sent, it says so and cannot be sent twice.
fn on_submit(event: &SubmitEvent) {
    let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
    let Some(form) = form.filter(|form| form.has_attribute("data-needs-reason")) else { return };
    let field = form.query_selector("textarea[name=reason]").ok().flatten();
    let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlTextAreaElement>().ok()) else { return };
    let picked = matches!(form.query_selector("input[name=why]:checked"), Ok(Some(_)));
    if !picked && field.value().trim().is_empty() {
        event.prevent_default();
        let _marked = field.set_attribute("aria-invalid", "true");
        let _placed = field.set_attribute("placeholder", "Say why in a few words");
        let _focused = field.focus();
    } else if let Ok(Some(button)) = form.query_selector(".act-foot button") {
        if button.has_attribute("aria-busy") {
            event.prevent_default();
        }
        let _busy = button.set_attribute("aria-busy", "true");
    }
}
