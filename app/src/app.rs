//! The app: what stands around every page, and which page stands at which address.

use crate::components::demo_bar::demo_bar;
use crate::components::dialog::{ActDialog, Dialogs};
use crate::components::header::Header;
use crate::components::help::Help;
use crate::components::icon::icon;
use crate::keys::{Keys, arrive};
use crate::live::Live;
use crate::packed::unpack;
use crate::pages::act::Act;
use crate::pages::board::Board;
use crate::pages::drawn::{Decision, Decisions, Redact, Rehearsal, Runbook, Runbooks, Service, Services};
use crate::pages::flags::Flags;
use crate::pages::new_release::NewRelease;
use crate::pages::not_found::NotFound;
use crate::pages::release::Release;
use crate::pages::setup::Setup;
use crate::pages::sign_in::SignIn;
use crate::view::{ChromeView, Icon};
use leptos::prelude::*;
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;

#[component]
pub fn App() -> impl IntoView {
    leptos_meta::provide_meta_context();
    let live = Live::new();
    let (dialogs, keys) = (Dialogs::new(), Keys::new());
    let chrome = SharedValue::new(packed_chrome).into_inner();
    // What does not fit comes from another version of the server: a bar without a person, until the page is loaded again.
    let chrome: ChromeView = unpack(&chrome).unwrap_or_default();
    let (signed_in, position) = (chrome.person.is_some(), chrome.position);
    provide_context(live);
    provide_context(dialogs);
    provide_context(keys);
    provide_context(StoredValue::new(chrome.clone()));
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            awake(live, dialogs, keys, signed_in.then_some(position));
        }
    });
    // Written once the page has loaded all it needs: pages without scripts hold everything too.
    view! {
        <Router>
            <Around chrome/>
            <div class:is-stale=move || live.lost()>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Board ssr=SsrMode::Async/>
                    <Route path=path!("/signin") view=SignIn ssr=SsrMode::Async/>
                    <Route path=path!("/setup/:token") view=Setup ssr=SsrMode::Async/>
                    <Route path=path!("/releases/new") view=NewRelease ssr=SsrMode::Async/>
                    <Route path=path!("/releases/:id") view=Release ssr=SsrMode::Async/>
                    <Route path=path!("/releases/:id/checklist") view=Release ssr=SsrMode::Async/>
                    <Route path=path!("/releases/:id/rehearsal") view=Rehearsal ssr=SsrMode::Async/>
                    <Route path=path!("/releases/:id/act/:verb") view=Act ssr=SsrMode::Async/>
                    <Route path=path!("/decisions") view=Decisions ssr=SsrMode::Async/>
                    <Route path=path!("/decisions/:id") view=Decision ssr=SsrMode::Async/>
                    <Route path=path!("/decisions/:id/redact") view=Redact ssr=SsrMode::Async/>
                    <Route path=path!("/flags") view=Flags ssr=SsrMode::Async/>
                    <Route path=path!("/flags/:id/:verb") view=Act ssr=SsrMode::Async/>
                    <Route path=path!("/services") view=Services ssr=SsrMode::Async/>
                    <Route path=path!("/services/:name") view=Service ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks") view=Runbooks ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:name") view=Runbook ssr=SsrMode::Async/>
                </Routes>
            </div>
            <ActDialog/>
            <Help/>
        </Router>
    }
}

#[cfg(feature = "ssr")]
fn packed_chrome() -> String {
    crate::packed::pack(&use_context::<ChromeView>().unwrap_or_default()).unwrap_or_default()
}

/// In the browser it is always in the page; without it there is none.
#[cfg(not(feature = "ssr"))]
fn packed_chrome() -> String {
    String::new()
}

/// Header, demo bar, and the notice that what stands below is old.
#[component]
fn Around(chrome: ChromeView) -> impl IntoView {
    let live = expect_context::<Live>();
    let location = use_location();
    let here = Signal::derive(move || {
        format!(
            "{}{}",
            location.pathname.get(),
            location.search.with(|search| { if search.is_empty() { String::new() } else { format!("?{search}") } })
        )
    });
    Effect::new(move |before: Option<String>| {
        let now = location.pathname.get();
        if before.is_some_and(|before| before != now) {
            arrive();
        }
        now
    });
    let demo = chrome.demo.as_ref().map(|demo| demo_bar(demo, here));
    let header = chrome.person.clone().map(|person| view! { <Header chrome=chrome.clone() person/> });
    let lost = move || {
        live.lost().then(|| {
            view! {
                <div class="notice notice-caution notice-live">
                    {icon(Icon::Suspect)}
                    <div class="notice-text">
                        <b>"Not live: what stands below is kept and greyed"</b>
                        <p>{move || live.lost_for()}" old. You can act; Sternway checks the newest state before it does."</p>
                    </div>
                    <a class="btn" href=move || here.get() rel="external">"Try now"</a>
                </div>
            }
        })
    };
    let said = move || if live.lost() { "Not live. Retrying." } else { "" };
    view! { {header}{demo}{lost}<p class="sr" role="status">{said}</p> }
}

/// After hydration: the stream, the keys, and the mark tests wait for. `position`: of the page; `None` before signing in.
#[cfg(feature = "hydrate")]
fn awake(live: Live, dialogs: Dialogs, keys: Keys, position: Option<u64>) {
    if let Some(position) = position {
        live.listen(position);
    }
    keys.listen(dialogs);
    if let Some(root) = web_sys::window().and_then(|window| window.document()).and_then(|page| page.document_element())
    {
        // A document without attributes does not exist.
        let _marked = root.set_attribute("data-hydrated", "");
    }
}

#[cfg(not(feature = "hydrate"))]
fn awake(_live: Live, _dialogs: Dialogs, _keys: Keys, _position: Option<u64>) {}
