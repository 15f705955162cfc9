//! Channel tokens: what OpenFeature's clients put into the address of their stream, because a stream takes no headers.
//!
//! One lets whoever holds it hear that flags changed, and nothing else. It is made from the API token it stands for, so
//! every replica knows it, it dies with that token, and it stays the same within its window: clients keep their stream.

use super::{Auth, Identity, Proof, Result, secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sternway_domain::id::{TokenId, hex};
use sternway_domain::time::{Span, Timestamp};
use uuid::Uuid;

/// A channel token is good in its own window and in the next one: half an hour to an hour.
const WINDOW: Span = Span::from_secs(1_800);

/// The window a moment falls into.
pub fn window(now: Timestamp) -> i64 {
    now.secs().div_euclid(WINDOW.secs())
}

impl Auth {
    /// The channel token of an API token; `None` for whoever came otherwise.
    pub fn channel(&self, identity: &Identity) -> Option<String> {
        let Proof::Token { id, hash } = &identity.proof else { return None };
        Some(render(*id, hash, window(self.service.clock.now())))
    }

    /// Who this channel token stands for, unless it or its API token is over.
    pub async fn by_channel(&self, text: &str) -> Result<Option<Identity>> {
        let Some((id, named)) = parse(text) else { return Ok(None) };
        let now = window(self.service.clock.now());
        if named != now && named != now - 1 {
            return Ok(None);
        }
        let Some(row) = self.service.store.token(id).await? else { return Ok(None) };
        if !secret::same(render(id, &row.hash, named).as_bytes(), text.as_bytes()) {
            return Ok(None);
        }
        self.token(id, &row.hash).await
    }
}

fn render(id: TokenId, key: &[u8], window: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("sternway flag channel {} {window}", id.0).as_bytes());
    format!("{}.{window}.{}", id.0.simple(), hex(&mac.finalize().into_bytes()[..16]))
}

fn parse(text: &str) -> Option<(TokenId, i64)> {
    let mut parts = text.split('.');
    let (id, window, _) = (parts.next()?, parts.next()?, parts.next()?);
    let id = Uuid::try_parse(id).ok().filter(|_| id.len() == 32 && text.len() <= 100 && parts.next().is_none())?;
    Some((TokenId(id), window.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_channel_token_then_another_window_key_or_token_makes_another_one() {
        let (one, two) = (TokenId(Uuid::from_u128(1)), TokenId(Uuid::from_u128(2)));
        let text = render(one, b"key", 7);
        assert_eq!(parse(&text), Some((one, 7)));
        assert_eq!(text, render(one, b"key", 7));
        for other in [render(one, b"key", 8), render(one, b"other", 7), render(two, b"key", 7)] {
            assert_ne!(text.rsplit('.').next(), other.rsplit('.').next());
        }
        for wrong in ["", "..", "a.b.c", &text[1..], &format!("{text}.x"), &text.replace('.', "-")] {
            assert_eq!(parse(wrong), None, "{wrong} was read");
        }
    }
}
