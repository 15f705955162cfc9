//! The pages: rendered here, hydrated in the browser, and whole without it.
//!
//! Everything a page shows comes from the [`ControlPlane`](sternway_app::backend::ControlPlane); who asks comes from the
//! session. The only module that knows Leptos.

use super::Http;
use super::request::RequestContext;
use super::security::CspNonce;
use crate::auth::{Identity, Proof};
use crate::demo::stage::Stage;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method, StatusCode, request};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use leptos::nonce::Nonce;
use leptos::prelude::provide_context;
use leptos_axum::{generate_route_list, handle_server_fns_with_context, render_app_async_with_context};
use std::sync::{Arc, OnceLock};
use sternway_app::App;
use sternway_app::backend::{Caller, FormReturn, Plane};
use sternway_app::path;
use sternway_app::shell::{Assets, Notice, shell};
use sternway_app::view::{ChromeView, PersonView, Theme, When};
use sternway_domain::access::{Action, may};

mod acts;
mod demo;
mod door;
mod place;
mod redact;

/// What the pages stand on. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    pub plane: Plane,
    /// Where the built files are.
    pub assets: Assets,
    /// What a visitor may break; `None` outside of the demo.
    pub demo: Option<Arc<Stage>>,
}

impl Pages {
    pub fn new(plane: Plane, assets: Assets) -> Self {
        Self { plane, assets, demo: None }
    }
}

/// Forms that the pages post, beside the pages' own addresses and the server functions.
pub(super) const FORMS: &[&str] = &[
    path::SIGN_IN,
    path::SIGN_OUT,
    path::THEME,
    "/setup/{token}",
    path::NEW_RELEASE,
    "/releases/{id}/act/{verb}",
    "/releases/{id}/checklist",
    "/releases/{id}/saga",
    "/releases/{id}/data",
    "/flags/{id}/{verb}",
    "/decisions/{id}/redact",
    path::DEMO_INJECT,
    path::DEMO_RELEASE,
];

/// Addresses of pages, as the app itself lists them. Listed once per process: while Leptos lists routes, no resource of
/// any thread loads, and a page that is rendered meanwhile would wait forever.
pub(super) fn page_paths() -> Vec<String> {
    static PATHS: OnceLock<Vec<String>> = OnceLock::new();
    let listed = || generate_route_list(App).iter().map(|route| route.path().to_owned()).collect();
    PATHS.get_or_init(listed).clone()
}

/// Addresses of the server functions. All take POST.
pub(super) fn function_paths() -> Vec<String> {
    leptos::server_fn::axum::server_fn_paths()
        .filter(|(_, method)| *method == Method::POST)
        .map(|(path, _)| path.to_owned())
        .collect()
}

pub(super) fn routes() -> Router<Http> {
    let pages = page_paths().into_iter().fold(Router::new(), |router, path| router.route(&path, get(page)));
    let both = function_paths().into_iter().fold(pages, |router, path| router.route(&path, post(function)));
    both.route(path::SIGN_IN, post(door::sign_in))
        .route(path::SIGN_OUT, post(door::sign_out))
        .route(path::THEME, post(door::theme))
        .route("/setup/{token}", post(door::set_up))
        .route(path::NEW_RELEASE, post(acts::create))
        .route("/releases/{id}/act/{verb}", post(acts::act))
        .route("/releases/{id}/checklist", post(acts::set_item))
        .route("/releases/{id}/saga", post(acts::choose))
        .route("/releases/{id}/data", post(acts::data))
        .route("/flags/{id}/{verb}", post(acts::switch))
        .route("/decisions/{id}/redact", post(redact::redact))
        .route(path::DEMO_INJECT, post(demo::inject))
        .route(path::DEMO_RELEASE, post(demo::release))
        .fallback(nothing)
}

/// A page, for those who have signed in; the door for the others.
async fn page(State(http): State<Http>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (signed_in, here) = (asker(&parts).signed_in(), parts.uri.path());
    let door = here == path::SIGN_IN;
    if door && signed_in {
        return Redirect::to(&place::next_of(&parts.uri)).into_response();
    }
    if !signed_in && !door && !here.starts_with("/setup/") {
        return to_the_door(&parts);
    }
    http.render(&parts, None).await
}

/// An address that leads nowhere, said on a page.
async fn nothing(State(http): State<Http>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.uri.path().starts_with("/api/") || !matches!(parts.method, Method::GET | Method::HEAD) {
        return StatusCode::NOT_FOUND.into_response();
    }
    http.render(&parts, None).await
}

/// A server function: reads for the page in the browser. Each authorises for itself.
async fn function(State(http): State<Http>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let context = http.context(&parts, None, 0);
    let answer = handle_server_fns_with_context(context, Request::from_parts(parts, body)).await;
    let mut answer = answer.into_response();
    // Ours set their own status. What is left are arguments of another shape: an older page's, or nobody's.
    if answer.status() == StatusCode::INTERNAL_SERVER_ERROR {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    private(answer)
}

fn to_the_door(parts: &request::Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let door = match wanted {
        "/" => path::SIGN_IN.to_owned(),
        wanted => format!("{}?next={}", path::SIGN_IN, path::escaped(wanted)),
    };
    private(Redirect::to(&door).into_response())
}

fn asker(parts: &request::Parts) -> Identity {
    parts.extensions.get::<Identity>().cloned().unwrap_or_else(Identity::nobody)
}

/// What belongs to one person is kept by no cache.
fn private(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

impl Http {
    /// The page at the request's address, whatever its method. `form`: it comes back with this.
    async fn render(&self, parts: &request::Parts, form: Option<FormReturn>) -> Response {
        // Read before anything else of the page: what changes later is told to the tab as later.
        let position = self.service.store.last_position().await.unwrap_or_default();
        let context = self.context(parts, form, u64::try_from(position).unwrap_or_default());
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        private(render_app_async_with_context(context, shell)(request).await)
    }

    fn context(
        &self,
        parts: &request::Parts,
        form: Option<FormReturn>,
        position: u64,
    ) -> impl Fn() + Clone + Send + Sync + 'static {
        let pages = self.pages.clone();
        let caller = page_caller(parts);
        let chrome = self.chrome(parts, position);
        let unsigned = || {
            self.service.notary.unsigned()?;
            let what = "Decisions are written down, but this Sternway cannot sign their log";
            Some(format!("{what}: sternway audit status says why"))
        };
        let held = self.service.memory.rewound().map(|rewound| {
            format!(
                "Held since {} UTC: {}. Sternway does nothing until somebody confirms what is observed: sternway \
                 confirm-restore --reason TEXT. Rollbacks are written down, but not carried out; to take traffic away now: \
                 sternway emergency rollback --service NAME --reason TEXT --key FILE --force",
                rewound.since.clock(),
                rewound.why
            )
        });
        let notice = Notice(held.or_else(unsigned));
        let nonce = parts.extensions.get::<CspNonce>().map(|nonce| Nonce::from_value(nonce.0.as_str()));
        move || {
            // Leptos makes one of its own before this; only the one in the header lets the script run.
            if let Some(nonce) = &nonce {
                provide_context(nonce.clone());
            }
            provide_context(pages.plane.clone());
            provide_context(pages.assets.clone());
            provide_context(caller.clone());
            provide_context(chrome.clone());
            provide_context(notice.clone());
            if let Some(form) = &form {
                provide_context(form.clone());
            }
        }
    }

    fn chrome(&self, parts: &request::Parts, position: u64) -> ChromeView {
        let identity = asker(parts);
        let signed_in_at = identity.since.map(|since| since.clock());
        let person = identity.actor.role().map(|role| PersonView {
            name: identity.actor.label(),
            role: role.label().to_owned(),
            since: signed_in_at.map(|at| format!("signed in {}", &at[..5])).unwrap_or_default(),
        });
        let may_break = identity.actor.role().is_some_and(|role| may(role, Action::Inject));
        let jar = CookieJar::from_headers(&parts.headers);
        let now = self.service.clock.now();
        ChromeView {
            demo: self.pages.demo.as_ref().filter(|_| may_break).map(|stage| stage.bar()),
            person,
            theme: jar.get(Theme::COOKIE).map_or(Theme::Auto, |cookie| Theme::read(cookie.value())),
            now: When { iso: now.to_rfc3339(), shown: now.clock(), ago: String::new() },
            position,
            build: concat!("Sternway ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

fn page_caller(parts: &request::Parts) -> Caller {
    let identity = asker(parts);
    let context = parts.extensions.get::<RequestContext>();
    Caller {
        request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
        trace_id: context.map(|context| context.trace_id.clone()).unwrap_or_default(),
        ip: context.and_then(|context| context.ip),
        user_agent: super::identity::agent(&parts.headers),
        session: match &identity.proof {
            Proof::Session { .. } => identity.session_name(),
            Proof::Token { .. } | Proof::Nothing => None,
        },
        actor: identity.actor,
    }
}
