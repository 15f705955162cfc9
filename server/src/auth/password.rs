//! Passwords: what is accepted, and slow hashes that cannot slow the rest down.

use super::common::common;
use super::{AuthError, Result, secret};
use crate::ports::Rng;
use crate::service::ServiceError;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Shortest and longest password, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Memory in KiB, passes, lanes: the least that OWASP advises for argon2id.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// Longest wait for a turn before the person is asked to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes passwords, a few at a time. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    rng: Arc<dyn Rng>,
    turns: Arc<Semaphore>,
    /// Verified against when there is no such person, so that both take the same time.
    dummy: Arc<str>,
}

impl Hasher {
    /// `at_once` hashes run at the same time, each taking 19 MiB.
    pub fn new(rng: Arc<dyn Rng>, at_once: usize) -> Result<Self> {
        let nobody = secret::text(&secret::random(rng.as_ref()));
        let dummy = hash(rng.as_ref(), &nobody)?.into();
        Ok(Self { rng, turns: Arc::new(Semaphore::new(at_once.max(1))), dummy })
    }

    /// A PHC string.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let (rng, password) = (self.rng.clone(), password.to_owned());
        self.in_turn(move || hash(rng.as_ref(), &password)).await
    }

    /// Takes as long without a stored hash as with one.
    pub(super) async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.dummy).to_owned();
        // Longer ones were never accepted; what is hashed stays bounded.
        let fits = password.chars().count() <= *LENGTH.end();
        let password: String = password.chars().take(*LENGTH.end()).collect();
        let right = self.in_turn(move || verify(&password, &stored)).await?;
        Ok(right && known && fits)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(AuthError::TooMany { retry_after: PATIENCE.as_secs() }) };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| AuthError::Hash(error.to_string()))?
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params =
        Params::new(memory, passes, lanes, None).expect("19,456 KiB, 2 passes, 1 lane are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(rng: &dyn Rng, password: &str) -> Result<String> {
    let mut salt = [0u8; 16];
    rng.fill(&mut salt);
    let hashed = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| AuthError::Hash(error.to_string()))
}

fn verify(password: &str, stored: &str) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(|error| AuthError::Hash(error.to_string()))?;
    Ok(argon2().verify_password(password.as_bytes(), &stored).is_ok())
}

/// Whether a new password is accepted. Length and the usual suspects count; composition does not.
pub(super) fn acceptable(password: &str, login: &str, name: &str) -> std::result::Result<(), ServiceError> {
    let chars = password.chars().count();
    let lower = password.to_lowercase();
    let own = |text: &str| !text.is_empty() && lower == text.to_lowercase();
    let text = if !LENGTH.contains(&chars) {
        format!("The password has {chars} characters; use {} to {}.", LENGTH.start(), LENGTH.end())
    } else if common(password) {
        "This password is among the first that are tried; use another, such as a few words.".to_owned()
    } else if own(login) || own(name) || login.split('@').next().is_some_and(own) {
        "The password must not be your name; use another, such as a few words.".to_owned()
    } else {
        return Ok(());
    };
    Err(ServiceError::Invalid { field: "password".into(), text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRng;

    #[tokio::test]
    async fn given_a_hash_when_verified_then_only_its_own_password_fits() {
        let hasher = Hasher::new(Arc::new(SystemRng), 2).expect("argon2 works");
        let stored = hasher.hash("slow tides at noon").await.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.verify("slow tides at noon", Some(&stored)).await.expect("verified"));
        assert!(!hasher.verify("slow tides at noo", Some(&stored)).await.expect("verified"));
        assert!(!hasher.verify("slow tides at noon", None).await.expect("verified"));
    }

    #[test]
    fn given_a_short_common_or_own_password_when_chosen_then_it_is_refused() {
        for wrong in ["short", "password1", "maya@example.org", "MAYA ORTIZ", &"x y".repeat(50)] {
            assert!(acceptable(wrong, "maya@example.org", "Maya Ortiz").is_err(), "{wrong} was taken");
        }
        assert!(acceptable("slow tides at noon", "maya@example.org", "Maya Ortiz").is_ok());
    }
}
