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

/// How much may come at once, in seconds of what may come steadily: after a switch all clients of a token ask at once.
const BURST: i64 = 2;

/// By the SHA-256 of a token's text.
type ByToken<T> = Arc<Mutex<HashMap<[u8; 32], T>>>;

/// Tokens that were good.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate {
    known: ByToken<(Identity, Timestamp)>,
    /// The moment up to which a token's evaluations are paid for (the generic cell rate algorithm).
    paid: ByToken<Timestamp>,
}

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
        self.pay(name, http.settings.flag_limit, now)?;
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
                self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                Err(Refused::unauthorized())
            }
            Err(AuthError::Service(ServiceError::Store(error @ StoreError::Unavailable { .. }))) => match known {
                Some((identity, at)) if now.since(at) < WITHOUT_DATABASE => {
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (identity.clone(), at));
                    Ok(identity)
                }
                _ => Err(ServiceError::from(error).into()),
            },
            Err(AuthError::Service(error)) => Err(error.into()),
            Err(_) => Err(Refused::unauthorized()),
        }
    }

    /// Counts one evaluation against the limit of its token, in evaluations a second; 0 is none.
    fn pay(&self, name: [u8; 32], limit: u32, now: Timestamp) -> Result<(), Refused> {
        if limit == 0 {
            return Ok(());
        }
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= MOST {
            paid.retain(|_, until| *until > now);
        }
        let until = paid.entry(name).or_insert(now);
        // A clock that was set back must not turn anybody away for longer than the burst.
        let ahead = until.since(now).min(Span::from_secs(BURST));
        *until = now + ahead;
        if ahead == Span::from_secs(BURST) {
            return Err(Refused::wait(1, "this token evaluates more often than `flags.limit` allows; ask again later"));
        }
        *until = *until + Span::from_micros(1_000_000 / i64::from(limit));
        Ok(())
    }

    /// As it was looked up last. Whoever finds it old looks it up for all who ask meanwhile: after a flip a thousand
    /// clients with one token ask at once.
    fn known(&self, name: &[u8; 32], now: Timestamp) -> Option<(Identity, Timestamp)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get_mut(name)?;
        let before = entry.clone();
        if now.since(entry.1) >= TRUSTED {
            entry.1 = now;
        }
        Some(before)
    }

    fn remember(&self, name: [u8; 32], identity: &Identity, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn given_a_limit_then_a_burst_is_let_in_and_after_it_what_comes_steadily_and_others_are_not_held_up() {
        let gate = Gate::default();
        let at = |millis: i64| Timestamp::from_secs(1_700_000_000) + Span::from_millis(10_000_000 + millis);
        let let_in = |token: u8, millis, asks: usize| {
            (0..asks).filter(|_| gate.pay([token; 32], 100, at(millis)).is_ok()).count()
        };
        assert_eq!(let_in(1, 0, 500), 200, "two seconds' worth at once");
        assert_eq!(let_in(1, 1_000, 500), 100, "then what a second allows");
        assert_eq!(let_in(2, 1_000, 150), 150, "another token has its own");
        assert_eq!(let_in(1, -3_600_000, 5), 0, "a clock that was set back gives nothing away");
        assert_eq!(let_in(1, -3_599_000, 500), 100, "and takes nothing for long");
        let refused = gate.pay([1; 32], 100, at(-3_599_000)).expect_err("too many");
        assert_eq!((refused.status.as_u16(), refused.wait), (429, Some(1)));
        assert!((0..10_000).all(|_| gate.pay([3; 32], 0, at(0)).is_ok()), "0 is no limit");
    }

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
