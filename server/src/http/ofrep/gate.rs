//! Who may evaluate: API tokens, looked up in the database now and then instead of at each question.

use super::Refused;
use crate::auth::{AuthError, Identity};
use crate::http::Http;
use crate::service::{Caller, ServiceError};
use crate::store::StoreError;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::access::Action;
use sternway_domain::audit::Origin;
use sternway_domain::time::{Span, Timestamp};

/// A token that was good is good for so long; a revoked one no longer.
const TRUSTED: Span = Span::from_secs(15);
/// While the database is away, a token that was good stays good for so long: clients keep their flags.
const WITHOUT_DATABASE: Span = Span::from_secs(3_600);
/// Tokens that are remembered at most.
const MOST: usize = 10_000;

/// Tokens that were good, by the SHA-256 of their text.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<HashMap<[u8; 32], (Identity, Timestamp)>>>);

impl Gate {
    /// Lets in who brings one good token that may evaluate.
    pub(super) async fn enter(&self, http: &Http, headers: &HeaderMap) -> Result<Identity, Refused> {
        let token = token(headers).ok_or_else(Refused::unauthorized)?;
        let name: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let now = http.service.clock.now();
        let known = self.known(&name, now);
        let identity = match known {
            Some((identity, at)) if now.since(at) < TRUSTED => identity,
            known => {
                // To its end, even if who asked is gone: others trust meanwhile that it is looked up.
                let (gate, http, token) = (self.clone(), http.clone(), token.to_owned());
                let looked = tokio::spawn(async move { gate.look_up(&http, &token, name, known, now).await });
                looked.await.unwrap_or_else(|_| Err(Refused::unauthorized()))?
            }
        };
        may_evaluate(http, &identity)?;
        Ok(identity)
    }

    async fn look_up(
        &self,
        http: &Http,
        token: &str,
        name: [u8; 32],
        known: Option<(Identity, Timestamp)>,
        now: Timestamp,
    ) -> Result<Identity, Refused> {
        match http.auth.by_token(token).await {
            Ok(Some(identity)) => {
                self.remember(name, &identity, now);
                Ok(identity)
            }
            Ok(None) => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                Err(Refused::unauthorized())
            }
            Err(AuthError::Service(ServiceError::Store(error @ StoreError::Unavailable { .. }))) => match known {
                Some((identity, at)) if now.since(at) < WITHOUT_DATABASE => {
                    self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (identity.clone(), at));
                    Ok(identity)
                }
                _ => Err(ServiceError::from(error).into()),
            },
            Err(AuthError::Service(error)) => Err(error.into()),
            Err(_) => Err(Refused::unauthorized()),
        }
    }

    /// As it was looked up last. Whoever finds it old looks it up for all who ask meanwhile: after a flip a thousand
    /// clients with one token ask at once.
    fn known(&self, name: &[u8; 32], now: Timestamp) -> Option<(Identity, Timestamp)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get_mut(name)?;
        let before = entry.clone();
        if now.since(entry.1) >= TRUSTED {
            entry.1 = now;
        }
        Some(before)
    }

    fn remember(&self, name: [u8; 32], identity: &Identity, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, at)| now.since(*at) < TRUSTED);
        }
        if known.len() < MOST {
            known.insert(name, (identity.clone(), now));
        }
    }
}

pub(super) fn may_evaluate(http: &Http, identity: &Identity) -> Result<(), Refused> {
    let caller = Caller { actor: identity.actor.clone(), origin: Origin::default() };
    Ok(http.service.authorise(&caller, Action::Evaluate)?)
}

/// The one token of a request. Two that differ are none: who asks must be clear.
fn token(headers: &HeaderMap) -> Option<&str> {
    let bearers = headers.get_all(AUTHORIZATION).iter().map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let keys = headers.get_all("x-api-key").iter().map(|value| Some(value.to_str().ok()?.trim()));
    let mut given = bearers.chain(keys);
    let first = given.next()??;
    given.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_headers_then_one_token_is_found_or_none() {
        let found = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            headers.iter().for_each(|(name, value)| {
                map.append(*name, value.parse().expect("a header value"));
            });
            token(&map).map(str::to_owned)
        };
        for good in [
            &[("authorization", "Bearer a")][..],
            &[("authorization", "bearer  a")],
            &[("x-api-key", "a")],
            &[("x-api-key", "a"), ("authorization", "Bearer a")],
        ] {
            assert_eq!(found(good).as_deref(), Some("a"), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("authorization", "a")],
            &[("authorization", "Basic a")],
            &[("x-api-key", "a"), ("authorization", "Bearer b")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
        ] {
            assert_eq!(found(bad), None, "{bad:?}");
        }
    }
}
