//! Proofs from the decision log. Its files are at `/log/`.
#![expect(unused_qualifications, reason = "the macro of the documentation writes `self::` before query types")]

use super::Faults;
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named, Params};
use crate::http::problem::Problem;
use crate::service::{RedactRequest, Redacted};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sternway_domain::audit::commitment::{Field, Opening};
use sternway_domain::id::DecisionId;
use utoipa::{IntoParams, ToSchema};

/// That a decision's entry is in the log, as a file (C2SP `tlog-proof`): with the entry's bytes and the key at
/// `/log/key` it is checked without network.
#[utoipa::path(get, path = "/decisions/{id}/proof", tag = "log", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "A `.tlog-proof`", body = String, content_type = "text/plain"), Faults))]
pub(in crate::http) async fn inclusion(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<DecisionId>,
) -> Result<Response, Problem> {
    let proof = http.service.inclusion(&caller, id).await?;
    let proof = proof.ok_or_else(|| Problem::unavailable("The entry is not signed yet; ask again in a second."))?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], proof.to_string()).into_response())
}

/// A record as it was hashed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SealedView {
    /// Place in the log, counted from 0.
    index: i64,
    /// The bytes that were hashed, as text: canonical JSON. The leaf is `SHA-256(0x00 ‖ entry)`.
    entry: String,
    /// The texts that are still there, each with what shows that it is the one committed to.
    texts: Vec<SealedText>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SealedText {
    /// `reason`, `actor.name`, …
    field: String,
    /// 32 bytes in base64. The commitment is `SHA-256("sternway/commitment/v1" ‖ 0 ‖ field ‖ 0 ‖ salt ‖ text)`.
    salt: String,
    text: String,
}

/// What the proof of a decision is about: its record, and the texts of which it holds commitments.
#[utoipa::path(get, path = "/decisions/{id}/entry", tag = "log", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The record, its salts and its texts", body = SealedView), Faults))]
pub(in crate::http) async fn entry(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<DecisionId>,
) -> Result<Json<SealedView>, Problem> {
    let sealed = http.service.sealed(&caller, id).await?;
    let text = |opening: Opening| SealedText {
        field: opening.field.to_string(),
        salt: opening.salt.to_string(),
        text: opening.text,
    };
    let texts = sealed.openings.into_iter().map(text).collect();
    Ok(Json(SealedView { index: sealed.index, entry: sealed.entry, texts }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ConsistencyQuery {
    /// How many entries the older log has.
    from: u64,
    /// How many the newer one has; the newest signed one when left out.
    to: Option<u64>,
}

/// That one log begins with another one.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ConsistencyView {
    from: u64,
    to: u64,
    /// RFC 6962, section 2.1.2; each 32 bytes in base64.
    hashes: Vec<String>,
}

/// A consistency proof between two sizes of the log.
#[utoipa::path(get, path = "/log/consistency", tag = "log", params(ConsistencyQuery),
    responses((status = 200, description = "The proof", body = ConsistencyView), Faults))]
pub(in crate::http) async fn consistency(
    State(http): State<Http>,
    Asker(caller): Asker,
    Params(query): Params<ConsistencyQuery>,
) -> Result<Json<ConsistencyView>, Problem> {
    let (to, hashes) = http.service.consistency(&caller, query.from, query.to).await?;
    Ok(Json(ConsistencyView { from: query.from, to, hashes: hashes.iter().map(ToString::to_string).collect() }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RedactBody {
    /// `reason`, `actor.name`, `origin.ip`, …; all texts of the entry when empty.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    fields: Vec<Field>,
    /// Why, in 3 to 2000 characters, and without what is to go.
    #[serde(default)]
    #[schema(required, min_length = 3, max_length = 2000)]
    reason: String,
}

/// Takes texts of a decision out of everything that is stored. Its entry stays, and every proof of it holds.
#[utoipa::path(post, path = "/decisions/{id}/redaction", tag = "log", request_body = RedactBody,
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 200, description = "What is gone", body = Redacted), Faults))]
pub(in crate::http) async fn redact(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(decision): Named<DecisionId>,
    Key(key): Key,
    Body(body): Body<RedactBody>,
) -> Result<Json<Redacted>, Problem> {
    let request = RedactRequest { decision, fields: body.fields, reason: body.reason };
    Ok(Json(http.service.redact(&caller, &request, &key).await?))
}
