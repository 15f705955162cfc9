//! Asking twice with the same key is asking once, for answers of any shape.

use super::{Result, Service, ServiceError, decode, encode};
use crate::store::rows::IdempotencyRow;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sternway_domain::id::Digest;

/// One request under its idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) actor: String,
    pub(crate) key: String,
    /// Digest of what was asked.
    pub(crate) request: Digest,
}

impl Once {
    pub(crate) fn new(actor: &str, key: &str, request: &impl Serialize) -> Self {
        Self { actor: actor.to_owned(), key: key.to_owned(), request: Digest::of(encode(request).as_bytes()) }
    }
}

impl Service {
    /// The answer given before under this key, if there was one.
    pub(crate) async fn recall<T: DeserializeOwned>(&self, once: &Once) -> Result<Option<T>> {
        let Some(row) = self.store.idempotency(&once.actor, &once.key).await? else { return Ok(None) };
        if row.request != once.request {
            return Err(ServiceError::KeyReused(once.key.clone()));
        }
        decode("answer", &row.response).map(Some)
    }

    /// The record to be committed with the answer. It must hold no secret.
    pub(crate) fn remember(&self, once: &Once, status: u16, answer: &impl Serialize) -> IdempotencyRow {
        IdempotencyRow {
            actor: once.actor.clone(),
            key: once.key.clone(),
            request: once.request.clone(),
            status,
            response: encode(answer),
            at: self.clock.now(),
        }
    }
}
