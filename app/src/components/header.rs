//! The bar: brand, places, whether this is live, who is looking.

use super::brand::brand;
use super::icon::icon;
use crate::live::Live;
use crate::path;
use crate::view::{ChromeView, Icon, PersonView, Theme};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

const PLACES: [(&str, &str); 5] = [
    (path::BOARD, "Releases"),
    (path::DECISIONS, "Decisions"),
    (path::FLAGS, "Flags"),
    (path::RUNBOOKS, "Runbooks"),
    (path::SERVICES, "Services"),
];

/// Under which place an address stands.
fn place_of(pathname: &str) -> &'static str {
    PLACES[1..].iter().find(|(place, _)| pathname.starts_with(place)).map_or(path::BOARD, |(place, _)| place)
}

#[component]
pub fn Header(chrome: ChromeView, person: PersonView) -> impl IntoView {
    let pathname = use_location().pathname;
    let places = move || {
        PLACES.map(|(href, name)| {
            let current = move || (place_of(&pathname.get()) == href).then_some("page");
            view! { <li><a href=href aria-current=current>{name}</a></li> }
        })
    };
    let title = move || PLACES.iter().find(|(href, _)| *href == place_of(&pathname.get())).map(|(_, name)| *name);
    view! {
        <a class="skip" href="#main" rel="external">"Skip to content"</a>
        <header class="bar">
            <div class="bar-in">
                <a class="brand" href=path::BOARD aria-label="Sternway, releases">{brand()}</a>
                <nav class="nav" aria-label="Main"><ul>{places()}</ul></nav>
                <span class="bar-title only-narrow">{title}</span>
                <div class="bar-end">
                    <LiveState chrome=chrome.clone()/>
                    <button class="who only-wide" type="button" popovertarget="account">
                        <span>{person.name.clone()}<span class="who-role">{format!(", {}", person.role)}</span></span>
                        {icon(Icon::Down)}
                    </button>
                    <button class="btn btn-quiet btn-icon only-narrow" type="button" popovertarget="account" aria-label="Menu">{icon(Icon::Menu)}</button>
                </div>
            </div>
            <div class="menu" id="account" popover="auto">
                <p class="menu-who"><b>{person.name.clone()}</b><br/><small class="quiet">{format!("{}, {}", person.role, person.since)}</small></p>
                <nav class="only-narrow" aria-label="Places"><ul>{places()}</ul></nav>
                <hr class="only-narrow"/>
                {theme(chrome.theme, "theme")}
                <hr/>
                <button class="menu-item only-wide scripted" type="button" data-help="">"Keys"</button>
                <form method="post" action=path::SIGN_OUT><button class="menu-item">"Sign out"</button></form>
                <p class="menu-build small faint">{chrome.build.clone()}</p>
            </div>
        </header>
    }
}

/// Kept in a cookie, so that the first paint is right. Without scripts the button sends it.
pub fn theme(chosen: Theme, class: &'static str) -> AnyView {
    let choices = [(Theme::Auto, "Auto"), (Theme::Light, "Light"), (Theme::Dark, "Dark")].map(|(theme, label)| {
        view! {
            <label><input type="radio" name="theme" value=theme.as_str() checked=theme == chosen on:change=move |_| keep_theme(theme)/>{label}</label>
        }
    });
    view! {
        <form method="post" action=path::THEME>
            <fieldset class=class>
                <legend>"Theme"</legend>
                {choices}
                <button class="btn btn-quiet unscripted">"Set"</button>
            </fieldset>
        </form>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
fn keep_theme(theme: Theme) {
    use wasm_bindgen::JsCast;
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    if let Some(root) = document.document_element() {
        // A browser without attributes does not exist; nothing depends on the answer.
        let _kept = match theme {
            Theme::Auto => root.remove_attribute("data-theme"),
            Theme::Light | Theme::Dark => root.set_attribute("data-theme", theme.as_str()),
        };
    }
    if let Some(document) = document.dyn_ref::<web_sys::HtmlDocument>() {
        let cookie = format!("{}={}; Path=/; Max-Age=31536000; SameSite=Lax", Theme::COOKIE, theme.as_str());
        // Refused cookies leave the theme for this page only.
        let _kept = document.set_cookie(&cookie);
    }
}

#[cfg(not(feature = "hydrate"))]
fn keep_theme(_theme: Theme) {}

/// `Live, 1 s ago`; `Paused at …`; `Not live since … - retrying`. Without scripts: when the page was made.
#[component]
fn LiveState(chrome: ChromeView) -> impl IntoView {
    let live = expect_context::<Live>();
    let made = chrome.now.shown.clone();
    let words = move || live.words(&made);
    let shown = move || {
        let (strong, rest) = words();
        view! { <b>{strong}</b>{rest} }
    };
    let lost = move || live.lost().then(|| icon(Icon::Suspect));
    let dot = move || (!live.lost()).then(|| view! { <span class="live-dot"></span> });
    let paused = move || if live.paused() { "true" } else { "false" };
    let label = move || if live.paused() { "Go on with live updates" } else { "Pause live updates" };
    view! {
        <p class="live" data-state=move || live.name()>{lost}{dot}<span>{shown}</span></p>
        <button class="btn btn-quiet btn-icon only-wide scripted" type="button" aria-pressed=paused aria-label=label title=label on:click=move |_| live.toggle()>
            {icon(Icon::Hold)}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_stands_under_one_place() {
        for (address, place) in [
            ("/", "/"),
            ("/releases/1/act/hold", "/"),
            ("/decisions/7", "/decisions"),
            ("/services/a", "/services"),
            ("/flags/a.b/off", "/flags"),
            ("/runbooks", "/runbooks"),
        ] {
            assert_eq!(place_of(address), place, "{address}");
        }
    }
}
