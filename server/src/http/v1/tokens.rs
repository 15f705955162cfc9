//! One's own API tokens.

use super::Faults;
use crate::auth::{NewToken, Token, TokenMade};
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sternway_domain::id::TokenId;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Tokens {
    items: Vec<Token>,
}

/// One's own tokens, also those that are over.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, description = "Your tokens, those that are over too", body = Tokens), Faults))]
pub(in crate::http) async fn list(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<Tokens>, Problem> {
    Ok(Json(Tokens { items: http.auth.tokens(&caller).await? }))
}

/// Makes a token for oneself. Its secret is shown in this answer and never again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 201, description = "The token, shown this once", body = TokenMade), Faults))]
pub(in crate::http) async fn create(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    Ok((StatusCode::CREATED, Json(http.auth.create_token(&caller, new, &key).await?)))
}

/// Revokes a token: one's own, or for an admin anybody's. Revoking twice is revoking once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(
        ("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "The token, now revoked", body = Token), Faults))]
pub(in crate::http) async fn revoke(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<TokenId>,
    Key(_key): Key,
) -> Result<Json<Token>, Problem> {
    Ok(Json(http.auth.revoke_token(&caller, id).await?))
}
