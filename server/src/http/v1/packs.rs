//! Evidence packs: a stretch of the log in one zip, streamed.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Params};
use crate::http::problem::Problem;
use crate::service::ExportRequest;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sternway_domain::access::Action;
use sternway_domain::audit::pack::Asked;
use sternway_domain::id::{DecisionId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

/// The media type.
pub(in crate::http) const ZIP: &str = "application/zip";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PackQuery {
    /// Everything decided about this release.
    #[param(value_type = Option<String>, format = "uuid")]
    release: Option<ReleaseId>,
    /// This decision alone.
    #[param(value_type = Option<String>, format = "uuid")]
    decision: Option<DecisionId>,
    /// Everything written down from this moment on (RFC 3339) …
    from: Option<String>,
    /// … and before this one.
    to: Option<String>,
    /// With a period: only what is about this service.
    #[param(value_type = Option<String>)]
    service: Option<ServiceName>,
    /// How many entries the log had when you last kept its checkpoint: the pack then shows that it still begins with them.
    pin: Option<u64>,
}

/// An evidence pack: decisions as PDF, CSV and JSON, their sealed entries, the evidence, and the proofs. `sternway audit
/// verify` checks it without network. Asking for it is a decision in the log.
#[utoipa::path(get, path = "/evidence-pack", tag = "log", params(PackQuery),
    responses((status = 200, description = "A zip", body = [u8], content_type = "application/zip"), Faults))]
pub(in crate::http) async fn pack(
    State(http): State<Http>,
    Asker(caller): Asker,
    Params(query): Params<PackQuery>,
) -> Result<Response, Problem> {
    let pin = query.pin;
    let asked = match query.asked() {
        Ok(asked) => asked,
        Err(problem) => {
            // Who may not ask is not told how.
            http.service.authorise(&caller, Action::Export)?;
            return Err(problem);
        }
    };
    let request = ExportRequest { asked, pin };
    let exported = http.service.export(&caller, &request, http.shutdown.clone()).await?;
    let pieces = ReceiverStream::new(exported.pieces).map(|piece| piece.map(Bytes::from));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(ZIP));
    // Names of services, ids and dates are letters, digits, dots and hyphens.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", exported.name)) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

impl PackQuery {
    fn asked(self) -> Result<Asked, Problem> {
        let time = |field: &str, text: &str| {
            text.parse::<Timestamp>()
                .map_err(|_| Problem::bad_request(format!("`{field}` is a time like `2026-11-19T14:03:10Z`.")))
        };
        match self {
            PackQuery { release: Some(id), decision: None, from: None, to: None, service: None, .. } => {
                Ok(Asked::Release { id })
            }
            PackQuery { decision: Some(id), release: None, from: None, to: None, service: None, .. } => {
                Ok(Asked::Decision { id })
            }
            PackQuery { release: None, decision: None, from: Some(from), to: Some(to), service, .. } => {
                Ok(Asked::Period { from: time("from", &from)?, to: time("to", &to)?, service })
            }
            _ => Err(Problem::bad_request(
                "Ask for one thing: `?release=ID`, `?decision=ID`, or `?from=TIME&to=TIME`, which may have `&service=NAME`.",
            )),
        }
    }
}
