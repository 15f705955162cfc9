//! Every page rendered as the server renders it, over a made-up control plane. `STERNWAY_PREVIEW=1` keeps the pages under
//! `target/preview/`, to be looked at.
#![cfg(feature = "ssr")]

mod decided;
mod fixture;
mod made_up;
mod plane;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use leptos::prelude::provide_context;
use plane::MadeUp;
use std::sync::{Arc, Once};
use std::time::Duration;
use sternway_app::backend::{Caller, FormReturn, Plane};
use sternway_app::error::{AppError, Problem};
use sternway_app::shell::{Assets, shell};
use sternway_app::view::act::ActForm;
use sternway_app::view::{ChromeView, Theme};
use sternway_domain::actor::Actor;
use tokio::task::JoinSet;

const RELEASE: &str = "0192d3a0-0000-7000-8000-000000000017";
const DECISION: &str = "0192d3a0-0000-7000-8000-000000000019";

struct Page {
    status: u16,
    html: String,
}

async fn render(path: &str, chrome: ChromeView, back: Option<FormReturn>) -> Page {
    let context = move || {
        provide_context::<Plane>(Arc::new(MadeUp));
        provide_context(chrome.clone());
        provide_context(Caller {
            actor: Actor::Anonymous,
            request_id: "7f3a21".into(),
            trace_id: String::new(),
            ip: None,
            user_agent: None,
            session: None,
        });
        provide_context(Assets {
            css: "preview.css".into(),
            js: String::new(),
            wasm: String::new(),
            favicon: "favicon.svg".into(),
        });
        if let Some(back) = back.clone() {
            provide_context(back);
        }
    };
    // The routes must be known; this also starts the executor. Once, as in the server: while Leptos lists routes no
    // resource of any thread loads.
    static ROUTES: Once = Once::new();
    ROUTES.call_once(|| drop(leptos_axum::generate_route_list(sternway_app::App)));
    let handler = leptos_axum::render_app_async_with_context(context, shell);
    let request = Request::get(path).body(Body::empty()).expect("a path made of plain letters");
    let response = handler(request).await;
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 8_000_000).await.expect("a body of less than 8 MB");
    Page { status, html: String::from_utf8(bytes.to_vec()).expect("UTF-8") }
}

fn keep(name: &str, page: &Page) {
    if std::env::var_os("STERNWAY_PREVIEW").is_none() {
        return;
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/preview");
    std::fs::create_dir_all(folder).expect("a folder under target");
    for theme in [Theme::Light, Theme::Dark] {
        let html =
            page.html.replace("<html lang=\"en\"", &format!("<html lang=\"en\" data-theme=\"{}\"", theme.as_str()));
        std::fs::write(format!("{folder}/{name}-{}.html", theme.as_str()), html).expect("written");
    }
    let mut css = String::new();
    let style = concat!(env!("CARGO_MANIFEST_DIR"), "/../style");
    let main = std::fs::read_to_string(format!("{style}/main.css")).expect("the list of stylesheets");
    for name in main.split("@import \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        css.push_str(&std::fs::read_to_string(format!("{style}/{name}")).expect("a stylesheet"));
    }
    std::fs::write(format!("{folder}/preview.css"), css).expect("written");
}

/// What holds for every page.
fn check(name: &str, page: &Page) {
    let html = &page.html.replace("<!>", "");
    assert!(!html.contains(" style="), "{name}: an inline style, which the policy blocks");
    assert_eq!(html.matches("<main").count(), 1, "{name}: one main");
    assert_eq!(html.matches("<h1").count(), 1, "{name}: one h1");
    assert_eq!(html.matches("<table").count(), html.matches("</tbody></table").count(), "{name}: rows outside a tbody");
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{name}: an id stands twice");
    for refers in [" aria-labelledby=\"", " aria-describedby=\"", " for=\""] {
        for named in html.split(refers).skip(1).filter_map(|rest| rest.split('"').next()) {
            for id in named.split(' ') {
                assert!(ids.contains(&id), "{name}:{refers}{id}\" leads nowhere");
            }
        }
    }
}

#[tokio::test]
async fn given_each_address_when_rendered_then_it_is_whole_and_well_made() {
    for (name, path, status) in [
        ("board", "/".to_owned(), 200),
        ("release", format!("/releases/{RELEASE}"), 200),
        ("act", format!("/releases/{RELEASE}/act/rollback"), 200),
        ("act-refused", format!("/releases/{RELEASE}/act/promote"), 200),
        ("act-forward", format!("/releases/{RELEASE}/act/rollforward"), 200),
        ("new-release", "/releases/new".to_owned(), 200),
        ("decisions", "/decisions".to_owned(), 200),
        ("decision", format!("/decisions/{DECISION}"), 200),
        ("redact", format!("/decisions/{DECISION}/redact"), 200),
        ("rehearsal", format!("/releases/{RELEASE}/rehearsal"), 422),
        ("services", "/services".to_owned(), 200),
        ("service", "/services/checkout".to_owned(), 200),
        ("flags", "/flags".to_owned(), 200),
        ("flag-off", "/flags/checkout.new-price/off".to_owned(), 200),
        ("runbooks", "/runbooks".to_owned(), 200),
        ("runbook", "/runbooks/rollback".to_owned(), 200),
        ("not-found", "/nowhere".to_owned(), 404),
        ("no-release", "/releases/none".to_owned(), 404),
        ("unavailable", "/services/broken".to_owned(), 503),
    ] {
        let page = render(&path, fixture::chrome(), None).await;
        keep(name, &page);
        assert_eq!(page.status, status, "{name}");
        check(name, &page);
    }
}

#[tokio::test]
async fn given_nobody_signed_in_when_at_the_door_then_there_is_no_bar() {
    for (name, path) in [("sign-in", "/signin?next=/decisions"), ("setup", "/setup/abc")] {
        let page = render(path, ChromeView::default(), None).await;
        keep(name, &page);
        check(name, &page);
        assert!(!page.html.contains("class=\"bar\""), "{name}");
    }
}

#[tokio::test]
async fn given_an_act_without_a_reason_when_it_comes_back_then_what_was_typed_is_kept() {
    let typed = ActForm { reason: "</textarea><b>x&y".into(), expected_version: 17, ..ActForm::default() };
    let error = AppError::Invalid { problems: vec![Problem::new("reason", "Say why in 3 to 2 000 characters.")] };
    let back = FormReturn::Act { typed, error };
    let page = render(&format!("/releases/{RELEASE}/act/rollback"), fixture::chrome(), Some(back)).await;
    keep("act-fault", &page);
    check("act-fault", &page);
    assert_eq!(page.status, 422);
    assert!(page.html.contains("&lt;/textarea>&lt;b>x&amp;y</textarea>"), "the reason is gone");
    assert!(page.html.contains("Say why in 3 to 2 000 characters."));
    assert!(page.html.contains("aria-invalid=\"true\""));
}

#[tokio::test]
async fn given_the_release_moved_on_when_an_act_comes_back_then_it_says_what_changed() {
    let typed = ActForm { reason: "Errors".into(), expected_version: 16, ..ActForm::default() };
    let error = AppError::Conflict { version: 17, changes: fixture::changes() };
    let back = FormReturn::Act { typed, error };
    let page = render(&format!("/releases/{RELEASE}/act/rollback"), fixture::chrome(), Some(back)).await;
    keep("act-conflict", &page);
    check("act-conflict", &page);
    assert_eq!(page.status, 409);
    assert!(page.html.contains("The release changed while this was open"));
    assert!(page.html.contains("Promoted 5 → 25\u{a0}%"));
    assert!(page.html.contains("name=\"expected_version\" value=\"17\""), "the next try must expect what is shown");
}

#[tokio::test]
async fn given_scripts_in_what_people_wrote_when_shown_then_they_stay_text() {
    let page = render(&format!("/decisions/{DECISION}"), fixture::chrome(), None).await;
    let before_data = page.html.split("__INCOMPLETE_CHUNKS").next().unwrap_or_default();
    assert!(!before_data.contains("<img src=x"), "a reason became markup");
    assert!(page.html.contains("&lt;img src=x"));
    // An element with `data-field` holds one text of the record and nothing else: the browser holds it against that.
    let html = page.html.replace("<!>", "");
    for whole in
        ["<span data-field=\"actor.name\">Maya Ortiz</span>", "<span data-field=\"overridden.0\">no verdict yet</span>"]
    {
        assert!(html.contains(whole), "{whole}");
    }
    assert!(html.contains("data-removed=\"origin.ip\""));
}

#[tokio::test]
async fn given_settings_of_a_start_when_shown_then_those_that_changed_are_marked_and_empty_ones_are_named() {
    let html = render(&format!("/decisions/{DECISION}"), fixture::chrome(), None).await.html.replace("<!>", "");
    let row =
        |key: &str| html.split("<tr>").find(|row| row.contains(&format!("<code>{key}</code>"))).unwrap_or_default();
    let (changed, empty) = (row("log.retention.texts"), row("public_url"));
    assert!(
        changed.contains(">changed<") && changed.contains("<td class=\"wraps\">&lt;b&gt;730d&lt;/b&gt;</td>"),
        "{changed}"
    );
    assert!(!empty.contains(">changed<") && empty.contains(">not set<"), "{empty}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn given_many_ask_at_once_when_rendered_then_nobody_waits_forever() {
    let mut pages = JoinSet::new();
    for _ in 0..200 {
        pages.spawn(render("/", ChromeView::default(), None));
    }
    let all = tokio::time::timeout(Duration::from_secs(60), pages.join_all()).await.expect("every page is rendered");
    assert!(all.iter().all(|page| page.status == 200));
}
