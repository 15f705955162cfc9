//! What handlers take from a request, with refusals worded as problems.

use super::Http;
use super::problem::{FieldProblem, Problem, pointer};
use crate::service::Caller;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, request};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// Who asks.
pub(super) struct Asker(pub(super) Caller);

impl FromRequestParts<Http> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &Http) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().map(Asker).ok_or_else(Problem::unauthorized)
    }
}

/// The `Idempotency-Key` of a mutation.
pub(super) struct Key(pub(super) String);

const KEY: &str = "idempotency-key";

impl FromRequestParts<Http> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &Http) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(KEY).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            let detail = "Send the header `Idempotency-Key` once: a new random text for each new act, the same text when asking again.";
            return Err(Problem::bad_request(detail));
        };
        let text = value.to_str().unwrap_or_default();
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Key(text.to_owned()))
        } else {
            Err(Problem::bad_request("The header `Idempotency-Key` has 1 to 200 visible ASCII characters, no spaces."))
        }
    }
}

/// A JSON body: of the right type, within the limit, without fields nobody knows.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Http> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, http: &Http) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            let detail = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Not JSON", detail));
        }
        let bytes = Bytes::from_request(request, http).await.map_err(|rejection| {
            let status = rejection.into_response_status();
            let detail = "The body has more than 1\u{a0}MiB, or was cut off.";
            Problem::new(status, "body", "The body cannot be read", detail)
        })?;
        read(&bytes).map(Body)
    }
}

trait Status {
    fn into_response_status(self) -> StatusCode;
}

impl<R: axum::response::IntoResponse> Status for R {
    fn into_response_status(self) -> StatusCode {
        self.into_response().status()
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = match error.path().to_string() {
            whole if whole == "." => String::new(),
            path => path,
        };
        wrong(&path, error.inner())
    })?;
    json.end().map_err(|error| wrong("", &error))?;
    Ok(read)
}

fn wrong(path: &str, error: &serde_json::Error) -> Problem {
    let text: String = error.to_string().chars().take(300).collect();
    if !error.is_data() {
        return Problem::bad_request(format!("The body is not JSON: {text}."));
    }
    let named = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    let field = named("unknown field `").or_else(|| named("missing field `"));
    let path = match field {
        Some(field) if !path.ends_with(field) => {
            [path, field].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".")
        }
        _ => path.to_owned(),
    };
    let path = path.replace('[', ".").replace(']', "");
    let pointer = pointer(&path);
    let detail = format!("{}{text}.", if pointer.is_empty() { String::new() } else { format!("`{pointer}`: ") });
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not accepted", detail)
        .with_errors(vec![FieldProblem { pointer, detail: text }])
}

/// The query of an address, without parameters nobody knows.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Http> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, http: &Http) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, http).await;
        let Query(query) = query.map_err(|rejection| {
            let text: String = rejection.body_text().chars().take(300).collect();
            Problem::bad_request(format!("{text}."))
        })?;
        Ok(Params(query))
    }
}

/// The one part of the path that names something. What cannot be such a name does not exist.
pub(super) struct Named<T>(pub(super) T);

impl<T: FromStr + Send> FromRequestParts<Http> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, http: &Http) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, http).await;
        let Path(text) = path.map_err(|_| Problem::bad_request("The path cannot be read."))?;
        text.parse().map(Named).map_err(|_| Problem::not_found("such thing as", &text))
    }
}
