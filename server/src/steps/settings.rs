//! What the server's own configuration allows documents to name: programs, connections, channels.

use std::collections::BTreeMap;
use std::fmt;
use sternway_domain::id::ConnectionName;
use sternway_domain::service::Secret;

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct StepSettings {
    /// Programs that documents may have run, by absolute path.
    pub commands: Vec<String>,
    pub connections: BTreeMap<ConnectionName, Connection>,
    pub channels: BTreeMap<String, Channel>,
}

/// A database or a cache of the user's. Its address may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub url: Secret,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("url", &shown(&self.url)).finish()
    }
}

/// Where people are told.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// Receives signed POSTs. Chat systems put their secret into this address, so it is never shown whole.
    pub webhook: Secret,
    pub secret: Option<Secret>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shows = f.debug_struct("Channel");
        shows.field("webhook", &shown(&self.webhook)).field("secret", &self.secret.as_ref().map(shown)).finish()
    }
}

/// Where a secret is, never the secret.
pub fn shown(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("${name}"),
        Secret::File(path) => format!("in {path}"),
        Secret::Value(_) => "hidden".to_owned(),
    }
}
