//! Accounts, for admins.

use super::Faults;
use crate::auth::{NewPerson, Person, PersonChange};
use crate::http::Http;
use crate::http::ask::{Asker, Body, Key, Named};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sternway_domain::id::PersonId;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct People {
    items: Vec<Person>,
}

/// Everybody with an account.
#[utoipa::path(get, path = "/people", tag = "people", responses((status = 200, description = "Every account", body = People), Faults))]
pub(in crate::http) async fn list(State(http): State<Http>, Asker(caller): Asker) -> Result<Json<People>, Problem> {
    Ok(Json(People { items: http.auth.people(&caller).await? }))
}

/// Makes an account.
#[utoipa::path(post, path = "/people", tag = "people", request_body = NewPerson,
    params(("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again")),
    responses((status = 201, description = "The account as it stands", body = Person), Faults))]
pub(in crate::http) async fn create(
    State(http): State<Http>,
    Asker(caller): Asker,
    Key(key): Key,
    Body(new): Body<NewPerson>,
) -> Result<(StatusCode, Json<Person>), Problem> {
    Ok((StatusCode::CREATED, Json(http.auth.create_person(&caller, new, &key).await?)))
}

/// Changes, closes or opens an account.
#[utoipa::path(patch, path = "/people/{id}", tag = "people", request_body = PersonChange,
    params(
        ("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, description = "New for each new act; the same when asking again"),
    ),
    responses((status = 200, description = "The account as it stands", body = Person), Faults))]
pub(in crate::http) async fn change(
    State(http): State<Http>,
    Asker(caller): Asker,
    Named(id): Named<PersonId>,
    Key(key): Key,
    Body(change): Body<PersonChange>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(http.auth.change_person(&caller, id, change, &key).await?))
}
