//! Finds out who asks: by a token for programs, by a cookie for browsers.

use super::Http;
use super::problem::Problem;
use super::request::RequestContext;
use crate::auth::{Identity, LIFETIME, Proof};
use crate::service::Caller;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use sternway_domain::audit::Origin;

/// The session's cookie. The prefix makes browsers insist on `Secure`, on `Path=/` and on this host alone.
pub const COOKIE: &str = "__Host-sternway";

/// What the command line calls itself.
const CLI_AGENT: &str = "sternway-cli/";

/// Puts the [`Identity`] and the [`Caller`] into the request. A token that is not good is refused here, and only tells
/// that; a cookie that is not good is no cookie.
pub(super) async fn identify(State(http): State<Http>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let identity = match found(&http, &parts).await {
        Ok(identity) => identity,
        Err(problem) => return problem.into_response(),
    };
    let caller = Caller { actor: identity.actor.clone(), origin: origin(&parts, &identity) };
    parts.extensions.insert(identity);
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// Turns away who has not signed in.
pub(super) async fn required(request: Request, next: Next) -> Response {
    if request.extensions().get::<Identity>().is_some_and(Identity::signed_in) {
        return next.run(request).await;
    }
    Problem::unauthorized().into_response()
}

async fn found(http: &Http, parts: &request::Parts) -> Result<Identity, Problem> {
    // Pages know only the cookie, so that a token in a link or a form is of no use.
    if takes_tokens(parts.uri.path()) {
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        if let Some(first) = headers.next() {
            let token = first.to_str().ok().and_then(bearer).filter(|_| headers.next().is_none());
            let identity = match token {
                Some(token) => http.auth.by_token(token).await?,
                None => None,
            };
            return identity.ok_or_else(Problem::unauthorized);
        }
    }
    match cookie(&parts.headers) {
        Some(value) => Ok(http.auth.by_cookie(&value).await?.unwrap_or_else(Identity::nobody)),
        None => Ok(Identity::nobody()),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A cookie sent twice is nobody's: one of the two was planted.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let mut values = jar.iter().filter(|cookie| cookie.name() == COOKIE);
    let value = values.next()?.value().to_owned();
    values.next().is_none().then_some(value)
}

fn origin(parts: &request::Parts, identity: &Identity) -> Origin {
    let context = parts.extensions.get::<RequestContext>();
    let agent = agent(&parts.headers);
    let transport = match &identity.proof {
        _ if agent.as_ref().is_some_and(|agent| agent.starts_with(CLI_AGENT)) => "cli",
        Proof::Token { .. } => "api",
        Proof::Nothing if parts.uri.path().starts_with("/api/") => "api",
        Proof::Session { .. } | Proof::Nothing => "browser",
    };
    Origin {
        transport: transport.to_owned(),
        request_id: context.map(|context| context.request_id.clone()),
        trace_id: context.map(|context| context.trace_id.clone()),
        ip: context.and_then(|context| context.ip).map(|ip| ip.to_string()),
        user_agent: agent,
    }
}

/// What the program calls itself: at most 200 characters, none that does not show.
pub(super) fn agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect()).filter(|text: &String| !text.is_empty())
}

/// The header that gives the browser its new session.
pub(super) fn session_cookie(value: &str) -> String {
    set_cookie(value, LIFETIME.secs())
}

/// The header that takes the session's cookie away.
pub(super) fn no_cookie() -> String {
    set_cookie("", 0)
}

fn set_cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE}={value}; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age={seconds}")
}

fn takes_tokens(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with(super::log::PREFIX) || path == "/metrics"
}
