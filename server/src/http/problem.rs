//! What went wrong, as RFC 9457 has it: for programs, with words for people.

use super::request::RequestContext;
use crate::auth::AuthError;
use crate::documents::DocumentProblem;
use crate::service::ServiceError;
use crate::store::StoreError;
use axum::Json;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sternway_domain::access::Denied;
use sternway_domain::flag;
use sternway_domain::migration::{self, OtherWay};
use sternway_domain::recovery;
use sternway_domain::release::Refusal;
use utoipa::ToSchema;

/// A refusal on its way out.
#[derive(Debug, Clone)]
pub struct Problem(Box<Details>);

/// RFC 9457 problem details.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Details {
    /// `urn:sternway:problem:` and a stable code: `stale`, `refused`, `invalid`, …
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// What happened and what to do, for people.
    detail: String,
    /// The path that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Which parts of the request need another value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// To be quoted when asking for help. Left out where every answer must be the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Of a stale act: the version that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_version: Option<i64>,
    /// Of a stale act: the version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_version: Option<i64>,
    /// Of a stale act: the events since, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    since: Option<Vec<Value>>,
    /// Of a rollback that would lose data: what would be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_loss: Option<String>,
    /// Of the same: the two other ways, `freeze` and `roll_forward`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    instead: Vec<OtherWay>,
    /// Of what a change freeze keeps from going out: when it ends. Absent when that is more than a year away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    frozen_until: Option<String>,
    /// Of refused documents: every problem with its file, line and field.
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<DocumentProblem>>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// One part of the request that needs another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// RFC 6901, into the body: `/candidate/digest`. Empty for the body as a whole.
    pub pointer: String,
    pub detail: String,
}

/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: format!("urn:sternway:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            request_id: None,
            expected_version: None,
            actual_version: None,
            since: None,
            data_loss: None,
            instead: Vec::new(),
            frozen_until: None,
            documents: None,
            retry_after: None,
        }))
    }

    /// The same for whatever was wrong with the token: missing, cut, expired, revoked or somebody else's.
    pub(super) fn unauthorized() -> Self {
        let detail = "Sign in, or send a valid API token as `Authorization: Bearer swy_…`.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in", detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read", detail)
    }

    pub(super) fn not_found(what: &str, name: &str) -> Self {
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("There is no {what} `{name}`."))
    }

    /// One field is wrong.
    pub(super) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let whole = if pointer.is_empty() { detail.clone() } else { format!("`{pointer}`: {detail}") };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not accepted", whole)
            .with_errors(vec![FieldProblem { pointer, detail }])
    }

    pub(super) fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "No answer now", detail);
        problem.0.retry_after = Some(5);
        problem
    }

    fn internal() -> Self {
        let detail = "Sternway could not answer; whether it was done is not known: read again. The server's log names this request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Sternway failed", detail)
    }

    /// For what the framework itself refused.
    fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not-found", "There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "This address does not take this method."),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The body has more than 1\u{a0}MiB."),
            StatusCode::FORBIDDEN => ("cross-site", "The request comes from another site."),
            _ => ("refused", "The request was refused."),
        };
        Self::new(status, code, status.canonical_reason().unwrap_or("Refused"), detail)
    }

    fn respond(&self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sternway\""));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives problems their place and request id, and words to what the framework refused by itself. For `/api` only.
pub(super) async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let id = request.extensions().get::<RequestContext>().map(|context| context.request_id.clone());
    let mut response = next.run(request).await;
    if !path.starts_with("/api/") {
        return response;
    }
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>();
    let Some(mut problem) = problem.or_else(|| status.is_client_error().then(|| Problem::of_status(status))) else {
        return response;
    };
    problem.0.instance = Some(path.chars().take(200).collect());
    problem.0.request_id = id.filter(|_| status != StatusCode::UNAUTHORIZED);
    let mut finished = problem.respond();
    if let Some(allow) = response.headers().get(ALLOW) {
        finished.headers_mut().insert(ALLOW, allow.clone());
    }
    finished
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let text = error.to_string();
        match error {
            ServiceError::Denied(Denied::NotSignedIn) => Problem::unauthorized(),
            ServiceError::Denied(Denied::Role { .. }) => {
                Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", sentence(&text))
            }
            ServiceError::NotFound { what, name } => Problem::not_found(what, &name),
            ServiceError::Stale { expected, actual, since, .. } => {
                stale("The release has changed", &text, (expected, actual), &since)
            }
            ServiceError::FlagStale { expected, actual, since, .. } => {
                stale("The flag has changed", &text, (expected, actual), &since)
            }
            ServiceError::StaleSaga { expected, actual } => {
                moved_on("The saga has moved on", &text, (expected, actual))
            }
            ServiceError::DataStale { expected, actual } => {
                moved_on("The migration has moved on", &text, (expected, actual))
            }
            ServiceError::DataMoved => Problem::new(StatusCode::CONFLICT, "stale", "Data has moved", sentence(&text)),
            ServiceError::PastNoReturn(refused) => {
                let title = "Going back would lose data";
                let mut problem = Problem::new(StatusCode::CONFLICT, "past-no-return", title, sentence(&text));
                problem.0.data_loss = Some(refused.data_loss);
                problem.0.instead = refused.instead.to_vec();
                problem
            }
            ServiceError::Frozen(frozen) => {
                let mut problem = Problem::new(StatusCode::CONFLICT, "change-freeze", "Change freeze", sentence(&text));
                problem.0.frozen_until = frozen.frozen.until.map(|until| until.to_rfc3339());
                problem
            }
            ServiceError::DataRefused(refusal) => not_now(data_field(&refusal), &text),
            ServiceError::Refused(refusal) => refused(&refusal, &text),
            ServiceError::Step(_) | ServiceError::Rollback(_) => not_now("", &text),
            ServiceError::FlagRefused(flag::Refusal::Reason(_)) => not_now("/reason", &text),
            ServiceError::FlagRefused(_) => not_now("", &text),
            ServiceError::Busy { .. } => Problem::new(StatusCode::CONFLICT, "busy", "Another release", sentence(&text)),
            ServiceError::Held { .. } => Problem::new(StatusCode::CONFLICT, "held", "Legal hold", sentence(&text)),
            ServiceError::KeyReused(_) => {
                let title = "The key belongs to another request";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", title, sentence(&text))
            }
            ServiceError::Invalid { field, text } => Problem::invalid(pointer(&field), text),
            ServiceError::Documents(problems) => {
                let title = "The documents cannot be applied";
                let mut problem =
                    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "documents", title, "Nothing was applied.");
                problem.0.documents = Some(problems);
                problem
            }
            ServiceError::Exporting => {
                let mut problem =
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many exports", sentence(&text));
                problem.0.retry_after = Some(10);
                problem
            }
            ServiceError::NotSigned => Problem::unavailable(&sentence(&text)),
            ServiceError::Store(error) => stored(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let text = error.to_string();
        match error {
            AuthError::Wrong | AuthError::Link => Problem::unauthorized(),
            AuthError::TooMany { retry_after } => {
                let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many attempts", text);
                problem.0.retry_after = Some(retry_after.max(1));
                problem
            }
            AuthError::Hash(detail) => {
                tracing::error!(detail, "a password could not be hashed or read");
                Problem::internal()
            }
            AuthError::Service(error) => error.into(),
        }
    }
}

/// The same without the events since.
fn moved_on(title: &'static str, text: &str, (expected, actual): (i64, i64)) -> Problem {
    let mut problem = Problem::new(StatusCode::CONFLICT, "stale", title, sentence(text));
    problem.0.expected_version = Some(expected);
    problem.0.actual_version = Some(actual);
    problem
}

fn data_field(refusal: &migration::Refusal) -> &'static str {
    match refusal {
        migration::Refusal::Reason(_) => "/reason",
        migration::Refusal::NotNext { .. } | migration::Refusal::NotBack { .. } => "/to",
        migration::Refusal::Conditions { .. } => "/override",
        migration::Refusal::NoSuchQuery(_) => "/query",
        _ => "",
    }
}

/// Somebody acted in between: the versions named and found, and the events since.
fn stale(title: &'static str, text: &str, (expected, actual): (i64, i64), since: &[impl Serialize]) -> Problem {
    let mut problem = Problem::new(StatusCode::CONFLICT, "stale", title, sentence(text));
    problem.0.expected_version = Some(expected);
    problem.0.actual_version = Some(actual);
    problem.0.since = Some(since.iter().filter_map(|event| serde_json::to_value(event).ok()).collect());
    problem
}

fn refused(refusal: &Refusal, text: &str) -> Problem {
    if let Refusal::Aftermath(recovery::Refusal::KnownBad(_)) = refusal {
        return Problem::new(StatusCode::CONFLICT, "known-bad", "Known bad", sentence(text));
    }
    let field = match refusal {
        Refusal::Reason(_) => "/reason",
        Refusal::SameArtifact(_) => "/candidate/digest",
        Refusal::NoComponent(_) => "/component",
        Refusal::Plan { .. } => "/plan",
        Refusal::NoSuchItem(_) | Refusal::Item(_) => "/state",
        Refusal::Checklist { .. } | Refusal::NoPass(_) => "/override",
        Refusal::Aftermath(recovery::Refusal::Reason(_)) => "/reason",
        Refusal::NotNow { .. }
        | Refusal::WindowOver { .. }
        | Refusal::NotSeen(_)
        | Refusal::Automation { .. }
        | Refusal::Aftermath(_)
        | Refusal::NotHeld { .. }
        | Refusal::NothingBack
        | Refusal::NotJudged(_) => "",
        Refusal::WholeOnly(_) => "/scope",
    };
    not_now(field, text)
}

fn not_now(field: &str, text: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "Not possible now", sentence(text));
    if field.is_empty() {
        return problem;
    }
    problem.with_errors(vec![FieldProblem { pointer: field.to_owned(), detail: text.to_owned() }])
}

/// Logged here, where it is handled; what it says stays inside.
fn stored(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable { .. } => {
            tracing::error!(error = error as &dyn std::error::Error, "the database did not answer");
            Problem::unavailable("The database did not answer; as far as is known nothing was changed. Try again.")
        }
        StoreError::Conflict { .. }
        | StoreError::KeyUsed
        | StoreError::Exists { .. }
        | StoreError::Moving { .. }
        | StoreError::Held { .. } => {
            Problem::new(StatusCode::CONFLICT, "conflict", "Somebody else was quicker", "Read again, then try again.")
        }
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "the store failed");
            Problem::internal()
        }
    }
}

/// `candidate.digest` as an RFC 6901 pointer.
pub(super) fn pointer(field: &str) -> String {
    let mut pointer = String::new();
    for part in field.split('.').filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

#[cfg(test)]
mod tests;
