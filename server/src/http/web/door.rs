//! Coming in and going out, by plain forms.

use super::{Http, asker, place, private};
use crate::auth::{AuthError, SignedIn};
use crate::http::identity::{no_cookie, session_cookie};
use crate::service::{Caller, ServiceError};
use axum::Form;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sternway_app::backend::FormReturn;
use sternway_app::error::{AppError, Problem};
use sternway_app::path;
use sternway_app::view::Theme;
use sternway_app::view::door::{SetupForm, SignInForm};
use sternway_domain::audit::Origin;

/// The parts of the request and its form, or the answer to one that cannot be read.
pub(super) async fn form<T: DeserializeOwned>(request: Request, http: &Http) -> Result<(request::Parts, T), Response> {
    let (parts, body) = request.into_parts();
    let again = Request::from_parts(parts.clone(), body);
    match Form::<T>::from_request(again, http).await {
        Ok(Form(form)) => Ok((parts, form)),
        Err(rejection) => Err(private(rejection.into_response())),
    }
}

pub(super) async fn sign_in(State(http): State<Http>, request: Request) -> Response {
    let (parts, form) = match form::<SignInForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let next = place::local(&form.next);
    match http.auth.sign_in(&origin(&parts), agent(&parts.headers), &form.email, &form.password).await {
        Ok(signed_in) => {
            // The session of before, if there was one, ends with the new one's beginning.
            if let Err(error) = http.auth.sign_out(&asker(&parts), &origin(&parts)).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an earlier session could not be ended");
            }
            entered(&signed_in, &next)
        }
        Err(refusal) => {
            let (status, retry_after) = (status(&refusal), retry_after(&refusal));
            let error = worded(&parts, refusal, "password");
            let form = FormReturn::SignIn { email: form.email, next, error };
            with(http.render(&parts, Some(form)).await, status, retry_after)
        }
    }
}

pub(super) async fn sign_out(State(http): State<Http>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if let Err(refusal) = http.auth.sign_out(&asker(&parts), &origin(&parts)).await {
        let status = status(&refusal);
        tracing::error!(error = &refusal as &dyn std::error::Error, "a session could not be ended");
        return with(private("You are still signed in; try again.\n".into_response()), status, None);
    }
    let mut response = Redirect::to(path::SIGN_IN).into_response();
    set_cookie(&mut response, &no_cookie());
    let storage = HeaderValue::from_static("\"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), storage);
    private(response)
}

pub(super) async fn set_up(State(http): State<Http>, Path(link): Path<String>, request: Request) -> Response {
    let (parts, form) = match form::<SetupForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let SetupForm { name, email, password } = form;
    match http.auth.set_up(&origin(&parts), agent(&parts.headers), &link, &name, &email, &password).await {
        Ok(signed_in) => entered(&signed_in, path::BOARD),
        Err(refusal) => {
            let (status, retry_after) = (status(&refusal), retry_after(&refusal));
            let error = worded(&parts, refusal, "");
            with(http.render(&parts, Some(FormReturn::Setup { name, email, error })).await, status, retry_after)
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ThemeForm {
    #[serde(default)]
    theme: String,
}

/// Also before signing in. Remembered by the browser alone.
pub(super) async fn theme(State(http): State<Http>, request: Request) -> Response {
    const YEAR: u32 = 31_536_000;
    let (parts, form) = match form::<ThemeForm>(request, &http).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let theme = Theme::read(&form.theme).as_str();
    let mut response = Redirect::to(&place::sent_from(&parts.headers)).into_response();
    set_cookie(&mut response, &format!("{}={theme}; Path=/; Max-Age={YEAR}; SameSite=Lax", Theme::COOKIE));
    private(response)
}

fn entered(signed_in: &SignedIn, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, &session_cookie(&signed_in.cookie));
    private(response)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn origin(parts: &request::Parts) -> Origin {
    parts.extensions.get::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default()
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

fn status(refusal: &AuthError) -> StatusCode {
    match refusal {
        AuthError::Wrong => StatusCode::UNAUTHORIZED,
        AuthError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        AuthError::Link => StatusCode::NOT_FOUND,
        AuthError::Service(ServiceError::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
        AuthError::Service(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AuthError::Hash(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn retry_after(refusal: &AuthError) -> Option<u64> {
    match refusal {
        AuthError::TooMany { retry_after } => Some((*retry_after).max(1)),
        _ => None,
    }
}

/// `field`: the one at which a wrong password is told.
fn worded(parts: &request::Parts, refusal: AuthError, field: &str) -> AppError {
    let text = refusal.to_string();
    match refusal {
        AuthError::Wrong => AppError::Invalid { problems: vec![Problem::new(field, text)] },
        AuthError::TooMany { .. } | AuthError::Link => AppError::Refused { why: text },
        // The form calls it `email`.
        AuthError::Service(ServiceError::Invalid { field, text }) if field == "login" => {
            AppError::Invalid { problems: vec![Problem::new("email", text)] }
        }
        AuthError::Service(error) => crate::plane::worded(&super::page_caller(parts), error),
        AuthError::Hash(detail) => {
            tracing::error!(detail, "a password could not be hashed or read");
            let what = "Sternway could not check the password. Releases go on.".to_owned();
            AppError::Unavailable { what, request_id: super::page_caller(parts).request_id }
        }
    }
}

fn with(mut response: Response, status: StatusCode, retry_after: Option<u64>) -> Response {
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
