//! Who somebody is: people, passwords, sessions, tokens. What they may do is decided in `sternway_domain::access`.
//!
//! Secrets are random, shown once and stored as SHA-256; passwords as argon2id. Signing in and out, and every change of
//! a person or a token, is a decision in the log. Deliberately absent: signing in through somebody else (OIDC).

use crate::service::{Service, ServiceError};
use crate::store::StoreError;
use crate::store::rows::PersonRow;
use std::future::Future;
use std::time::Duration;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::id::TokenId;
use sternway_domain::time::Timestamp;

mod channel;
mod common;
mod doors;
mod password;
mod people;
mod secret;
mod session;
mod setup;
mod token;

pub use channel::window;
pub use doors::{Doors, DoorsConfig};
pub use password::Hasher;
pub use people::{NewPerson, Person, PersonChange};
pub use session::{IDLE, LIFETIME, SignedIn};
pub use setup::setup_open;
pub use token::{NewToken, Token, TokenMade};

/// People, sessions and tokens over the application service. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    service: Service,
    hasher: Hasher,
    doors: Doors,
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// One text for an unknown name, a wrong password and a disabled account.
    #[error("This name and password do not belong together, or the account is closed.")]
    Wrong,
    #[error("Too many attempts. Try again in {}\u{a0}s.", .retry_after.max(&1))]
    TooMany {
        /// Whole seconds, at least 1.
        retry_after: u64,
    },
    /// The one-time link was used, replaced or never given out.
    #[error("This link was used before or is not the newest one.")]
    Link,
    #[error("a stored password cannot be read or made: {0}")]
    Hash(String),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

pub type Result<T, E = AuthError> = std::result::Result<T, E>;

/// How a request proved who it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    Nothing,
    /// SHA-256 of the cookie's value.
    Session {
        hash: Vec<u8>,
    },
    Token {
        id: TokenId,
        hash: Vec<u8>,
    },
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub actor: Actor,
    pub proof: Proof,
    /// When the session began or the token was made.
    pub since: Option<Timestamp>,
}

impl Identity {
    pub fn nobody() -> Self {
        Self { actor: Actor::Anonymous, proof: Proof::Nothing, since: None }
    }

    pub fn signed_in(&self) -> bool {
        self.actor != Actor::Anonymous
    }

    /// What names the session in records; never a secret.
    pub fn session_name(&self) -> Option<String> {
        match &self.proof {
            Proof::Nothing => None,
            Proof::Session { hash } => hash.get(..6).map(sternway_domain::id::hex),
            Proof::Token { id, .. } => Some(id.to_string()),
        }
    }
}

impl Auth {
    pub fn new(service: Service, hasher: Hasher, doors: Doors) -> Self {
        Self { service, hasher, doors }
    }

    /// Whether the session or token still stands: for streams, which outlive the request's own look.
    pub async fn still_stands(&self, identity: &Identity) -> Result<bool> {
        let again = match &identity.proof {
            Proof::Nothing => None,
            Proof::Session { hash } => self.session(hash).await?,
            Proof::Token { id, hash } => self.token(*id, hash).await?,
        };
        Ok(again.is_some_and(|again| again.actor.role() == identity.actor.role()))
    }
}

/// Longest wait for what is only noted beside the request: whoever reads does not wait for a database that is locked.
const ASIDE: Duration = Duration::from_millis(250);

/// Notes when a session or token was last used, or that it is over. Nothing of the answer follows from it: while the
/// database takes no writes it comes later or never.
async fn note(writing: impl Future<Output = Result<(), StoreError>> + Send + 'static) {
    let writing = tokio::spawn(async move {
        if let Err(error) = writing.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "not noted: when a session or token was used");
        }
    });
    // Usually it is there before the answer is. Later it goes on by itself.
    let _ = tokio::time::timeout(ASIDE, writing).await;
}

/// The person as an actor, unless the account is closed.
fn actor_of(person: &PersonRow) -> Option<Actor> {
    let role: Role = person.role.parse().ok()?;
    let open = person.disabled_at.is_none();
    open.then(|| Actor::Person { id: person.id, name: person.name.clone(), role })
}
