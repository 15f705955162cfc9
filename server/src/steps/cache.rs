//! Empties caches. Emptying one twice is emptying it once.

use crate::outbound::parse_url;
use crate::steps::settings::StepSettings;
use crate::steps::wire::{Post, Wire};
use serde_json::json;
use std::time::Duration;
use sternway_domain::saga::{Answer, Cache};
use sternway_domain::service::Secret;

mod redis;
mod resp;
mod tls;

/// Longest wait for an HTTP cache.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn empty(wire: &Wire, settings: &StepSettings, cache: &Cache, key: &str) -> Answer {
    let wrong = |error: String| Answer::Failed { error, again: false };
    match cache {
        Cache::Http { url, secret, headers } => {
            let url = match parse_url(url) {
                Ok(url) => url,
                Err(error) => return wrong(error.to_string()),
            };
            let body = json!({
                "type": "cache.invalidate", "timestamp": wire.clock.now().to_rfc3339(), "data": {"key": key},
            });
            let secrets: Vec<&Secret> = secret.iter().collect();
            let post = Post { url: &url, key, body: &body, secrets: &secrets, headers, timeout: WITHIN };
            match wire.post(&post).await.accepted() {
                Ok(answer) => Answer::Done { output: crate::steps::wire::said(&answer) },
                Err(known) => known,
            }
        }
        Cache::Redis { connection, pattern } => {
            let Some(known) = settings.connections.get(connection) else {
                let text = "is not set up; add `[connections.NAME]` to `sternway.toml`";
                return wrong(format!("the connection `{connection}` {text}"));
            };
            if pattern.is_empty() {
                return wrong("the pattern is empty; write `*` for all keys".to_owned());
            }
            let named = |text: String| format!("connection `{connection}`: {text}");
            match wire.outbound.secret(&known.url).await {
                Err(error) => wrong(named(error.to_string())),
                Ok(url) => match redis::delete(&url, pattern).await {
                    Answer::Failed { error, again } => Answer::Failed { error: named(error), again },
                    Answer::Unknown { detail } => Answer::Unknown { detail: named(detail) },
                    answer => answer,
                },
            }
        }
    }
}
