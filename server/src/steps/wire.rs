//! One signed POST and exactly what is known afterwards: it surely had no effect, or nobody can say, or this is the answer.

use crate::outbound::sign::{self, Key};
use crate::outbound::{Answer as Received, Call, Outbound, OutboundError};
use crate::ports::Clock;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::saga::Answer;
use sternway_domain::service::{Headers, Secret};
use sternway_domain::time::{Span, Timestamp};

/// The longest answer that is read.
const MAX_BYTES: usize = 64 * 1024;

/// What sends requests.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) outbound: Outbound,
    pub(super) clock: Arc<dyn Clock>,
}

/// One POST of JSON.
pub(super) struct Post<'a> {
    pub(super) url: &'a Url,
    /// Stands in `webhook-id` when signed, and in `Idempotency-Key`.
    pub(super) key: &'a str,
    pub(super) body: &'a Value,
    /// Signed with each of these.
    pub(super) secrets: &'a [&'a Secret],
    pub(super) headers: &'a Headers,
    pub(super) timeout: Duration,
}

/// What became of a request.
pub(super) enum Sent {
    Answered(Received),
    /// Nothing of it left.
    Stayed {
        detail: String,
        again: bool,
    },
    /// It left, or may have, and no whole answer came back.
    Lost(String),
}

impl Wire {
    pub(super) async fn post(&self, post: &Post<'_>) -> Sent {
        let headers = match self.headers(post).await {
            Ok(headers) => headers,
            Err(detail) => return Sent::Stayed { detail, again: false },
        };
        let body = post.body.to_string().into_bytes();
        let call = Call { method: Method::POST, headers, body, ..Call::get(post.url.clone(), post.timeout, MAX_BYTES) };
        match self.outbound.send(call).await {
            Ok(answer) => Sent::Answered(answer),
            Err(error) => match error {
                OutboundError::Unreachable { sent: false, .. } | OutboundError::TimedOut { sent: false, .. } => {
                    Sent::Stayed { detail: error.to_string(), again: true }
                }
                OutboundError::Blocked { .. } | OutboundError::Url { .. } | OutboundError::Client(_) => {
                    Sent::Stayed { detail: error.to_string(), again: false }
                }
                _ => Sent::Lost(error.to_string()),
            },
        }
    }

    async fn headers(&self, post: &Post<'_>) -> Result<HeaderMap, String> {
        let odd = |name: &str| format!("the header `{name}` cannot be sent: it holds odd characters");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut keys = Vec::new();
        for secret in post.secrets {
            let text = self.outbound.secret(secret).await.map_err(|e| e.to_string())?;
            keys.push(Key::parse(&text).map_err(|e| e.to_string())?);
        }
        if !keys.is_empty() {
            let body = post.body.to_string();
            headers = sign::headers(&keys, post.key, self.clock.now().secs(), body.as_bytes()).map_err(odd)?;
        }
        let key = HeaderValue::try_from(post.key).map_err(|_| odd("idempotency-key"))?;
        headers.insert(HeaderName::from_static("idempotency-key"), key);
        for (name, secret) in post.headers {
            let text = self.outbound.secret(secret).await.map_err(|e| e.to_string())?;
            let mut value = HeaderValue::try_from(text).map_err(|_| odd(name))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::try_from(name.as_str()).map_err(|_| odd(name))?, value);
        }
        Ok(headers)
    }

    /// What is left until `deadline`, at most `most`; nothing when it has passed.
    pub(super) fn left(&self, deadline: Timestamp, most: Duration) -> Option<Duration> {
        let left = deadline.since(self.clock.now());
        (left > Span::ZERO).then(|| duration(left).min(most))
    }
}

pub(super) fn duration(span: Span) -> Duration {
    Duration::from_micros(span.micros().max(0).unsigned_abs())
}

impl Sent {
    /// The answer of a 2xx; everything else is what a step is told.
    ///
    /// A server's error may come after the work was done, and so may a redirect that says "see over there". What
    /// refuses a request for itself has done nothing.
    pub(super) fn accepted(self) -> Result<Received, Answer> {
        let answer = match self {
            Sent::Answered(answer) => answer,
            Sent::Stayed { detail, again } => return Err(Answer::Failed { error: detail, again }),
            Sent::Lost(detail) => return Err(Answer::Unknown { detail }),
        };
        let status = answer.status;
        if status.is_success() {
            return Ok(answer);
        }
        let said = said(&answer);
        Err(match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER | StatusCode::REQUEST_TIMEOUT => {
                Answer::Unknown { detail: said }
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => Answer::Failed { error: said, again: true },
            StatusCode::NOT_IMPLEMENTED => Answer::Failed { error: said, again: false },
            _ if status.is_server_error() => Answer::Unknown { detail: said },
            _ => Answer::Failed { error: said, again: false },
        })
    }
}

/// The status and the first line, for people.
pub(super) fn said(answer: &Received) -> String {
    let status = answer.status;
    if status.is_redirection() {
        return format!("{status}: redirects are not followed; write the final URL");
    }
    match answer.gist() {
        gist if gist.is_empty() => status.to_string(),
        gist => format!("{status}: {gist}"),
    }
}
