//! A program of yours that moves traffic, told by signed requests (Standard Webhooks 1.0).
//!
//! The body carries the idempotency key and the fencing token, so the program can take each intent once and refuse one
//! from a lease that was lost. Redirects are never followed. Retries within one call are few: the engine asks again
//! anyway, until what is observed is what was asked.

use crate::outbound::sign::{self, Key};
use crate::outbound::{Answer, Call, Outbound, OutboundError, parse_url, place};
use crate::ports::{Clock, DriverFailure, Intent, Observation, TrafficDriver};
use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sternway_domain::id::ServiceName;
use sternway_domain::plan::Weight;
use sternway_domain::service::Webhook;
use sternway_domain::time::{Span, Timestamp};

/// The longest answer that is read.
const MAX_BYTES: usize = 64 * 1024;
/// The wait before the second attempt; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A longer `Retry-After` is not waited for within a call: later calls answer at once until it has passed.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// No `Retry-After` keeps a way back closed for longer.
const LONGEST_SILENCE: Span = Span::from_secs(60);

/// One endpoint.
pub struct WebhookDriver {
    service: ServiceName,
    config: Webhook,
    url: Url,
    observe_url: Url,
    timeout: Duration,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// For people.
    name: String,
}

struct State {
    jitter: StdRng,
    /// Asked not to be asked before.
    not_before: Timestamp,
    /// Answered 410: not to be asked again until the document changes.
    gone: bool,
}

/// Why one request did not succeed.
enum Failed {
    Again { detail: String, after: Option<Duration> },
    No(String),
    Gone,
}

/// What the endpoint says it does now.
#[derive(Deserialize)]
struct Observed {
    /// Percent, 0-100.
    canary: f64,
    #[serde(default)]
    baseline_ready: Option<u32>,
    #[serde(default)]
    canary_ready: Option<u32>,
    #[serde(default)]
    baseline_total: Option<u32>,
    #[serde(default)]
    canary_total: Option<u32>,
    #[serde(default)]
    canary_in_flight: Option<u64>,
}

impl WebhookDriver {
    /// `Err` is the field that is wrong and why. `seed` decides the jitter between attempts.
    pub(super) fn new(
        service: ServiceName,
        config: &Webhook,
        outbound: Outbound,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, (String, String)> {
        let url = parse_url(&config.url).map_err(|e| ("url".to_owned(), e.to_string()))?;
        let observe_url = parse_url(&config.observe_url).map_err(|e| ("observe_url".to_owned(), e.to_string()))?;
        let state = State { jitter: StdRng::seed_from_u64(seed), not_before: Timestamp::default(), gone: false };
        Ok(Self {
            service,
            config: config.clone(),
            name: format!("webhook {}", place(&url)),
            url,
            observe_url,
            timeout: Duration::from_micros(config.timeout.micros().unsigned_abs()),
            outbound,
            clock,
            state: Mutex::new(state),
        })
    }

    fn refused(&self, detail: impl Into<String>) -> DriverFailure {
        DriverFailure::Refused { target_name: self.name.clone(), detail: detail.into() }
    }

    fn unreachable(&self, detail: impl Into<String>) -> DriverFailure {
        DriverFailure::Unreachable { target_name: self.name.clone(), detail: detail.into() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn keys(&self) -> Result<Vec<Key>, String> {
        let mut keys = Vec::new();
        for secret in [Some(&self.config.secret), self.config.previous_secret.as_ref()].into_iter().flatten() {
            let text = self.outbound.secret(secret).await.map_err(|e| e.to_string())?;
            keys.push(Key::parse(&text).map_err(|e| e.to_string())?);
        }
        Ok(keys)
    }

    /// One signed request.
    async fn request(&self, method: Method, url: &Url, id: &str, body: Vec<u8>) -> Result<Answer, Failed> {
        let keys = self.keys().await.map_err(Failed::No)?;
        let timestamp = self.clock.now().secs();
        let headers = sign::headers(&keys, id, timestamp, &body);
        let headers = headers.map_err(|name| Failed::No(format!("`{name}` cannot be a header")))?;
        let call = Call { method, headers, body, ..Call::get(url.clone(), self.timeout, MAX_BYTES) };
        let answer = self.outbound.send(call).await.map_err(|e| match e {
            OutboundError::Unreachable { .. } | OutboundError::TimedOut { .. } => {
                Failed::Again { detail: e.to_string(), after: None }
            }
            _ => Failed::No(e.to_string()),
        })?;
        self.classify(answer)
    }

    fn classify(&self, answer: Answer) -> Result<Answer, Failed> {
        let status = answer.status;
        if status.is_success() {
            return Ok(answer);
        }
        let said = format!("{status}: {}", answer.gist());
        let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY];
        if status == StatusCode::GONE {
            Err(Failed::Gone)
        } else if status.is_redirection() {
            Err(Failed::No(format!("{status}: redirects are not followed; write the final URL into the document")))
        } else if status == StatusCode::CONFLICT {
            Err(Failed::No(format!("{said} (it has seen a newer fencing token, or this key with another weight)")))
        } else if status.is_server_error() || passing.contains(&status) {
            Err(Failed::Again { detail: said, after: retry_after(&answer, self.clock.now()) })
        } else {
            Err(Failed::No(said))
        }
    }

    /// Whether it may be told now. Looking is always allowed: what it does must stay visible.
    fn open(&self) -> Result<(), DriverFailure> {
        let now = self.clock.now();
        let (not_before, gone) = self.with(|state| (state.not_before, state.gone));
        if gone {
            return Err(self.gone());
        }
        if now < not_before {
            let secs = not_before.since(now).secs_f64().ceil();
            return Err(self.unreachable(format!("it asks not to be asked for another {secs:.0}\u{a0}s")));
        }
        Ok(())
    }

    fn gone(&self) -> DriverFailure {
        self.refused("410 Gone: it is not asked again until the service's document is applied anew")
    }

    /// The wait before the next attempt: half of it certain, half of it chance.
    fn wait(&self, attempt: u8) -> Duration {
        let whole = FIRST_WAIT * 2u32.saturating_pow(attempt.into());
        whole.min(LONGEST_WAIT).mul_f64(self.with(|state| state.jitter.random_range(0.5..1.0)))
    }

    /// Remembers what the endpoint asked for, and says it.
    fn settle(&self, failed: Failed) -> DriverFailure {
        match &failed {
            Failed::Gone => self.with(|state| state.gone = true),
            Failed::Again { after: Some(after), .. } => {
                let silence = Span::from_micros(i64::try_from(after.as_micros()).unwrap_or(i64::MAX));
                let until = self.clock.now() + silence.min(LONGEST_SILENCE);
                self.with(|state| state.not_before = until);
            }
            Failed::Again { after: None, .. } | Failed::No(_) => {}
        }
        self.failure(failed)
    }

    fn failure(&self, failed: Failed) -> DriverFailure {
        match failed {
            Failed::Gone => self.gone(),
            Failed::No(detail) => self.refused(detail),
            Failed::Again { detail, .. } => self.unreachable(detail),
        }
    }
}

/// In whole seconds or as an HTTP date.
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    let wait = Timestamp::from_micros(date.timestamp_micros()).since(now);
    Some(Duration::from_micros(wait.micros().unsigned_abs()))
}

#[async_trait]
impl TrafficDriver for WebhookDriver {
    async fn apply(&self, intent: &Intent) -> Result<(), DriverFailure> {
        self.open()?;
        let canary = intent.canary.percent();
        let body = json!({
            "type": "traffic.shift",
            "timestamp": self.clock.now().to_rfc3339(),
            "data": {
                "service": intent.service, "canary": canary, "baseline": 100 - canary,
                "idempotency_key": intent.key, "fencing_token": intent.token,
            },
        });
        let body = body.to_string().into_bytes();
        let mut attempt = 0;
        loop {
            let failed = match self.request(Method::POST, &self.url, &intent.key, body.clone()).await {
                Ok(_) => return Ok(()),
                Err(failed) => failed,
            };
            attempt += 1;
            let wait = match &failed {
                Failed::Again { after, .. } if attempt < self.config.attempts => {
                    after.map_or_else(|| self.wait(attempt - 1), |after| after.max(self.wait(attempt - 1)))
                }
                _ => return Err(self.settle(failed)),
            };
            if wait > LONGEST_WAIT {
                return Err(self.settle(failed));
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn observe(&self, now: Timestamp) -> Result<Observation, DriverFailure> {
        let id = format!("observe-{}-{}", self.service, now.micros());
        let answer = self.request(Method::GET, &self.observe_url, &id, Vec::new()).await;
        let answer = answer.map_err(|failed| self.failure(failed))?;
        let seen: Observed = serde_json::from_slice(&answer.body)
            .map_err(|e| self.refused(format!("`{}`: not the answer expected ({e})", place(&self.observe_url))))?;
        let canary = percent(seen.canary)
            .ok_or_else(|| self.refused(format!("it reports a canary share of {}, not 0 to 100", seen.canary)))?;
        Ok(Observation {
            canary,
            at: now,
            baseline_ready: seen.baseline_ready,
            canary_ready: seen.canary_ready,
            baseline_total: seen.baseline_total,
            canary_total: seen.canary_total,
            canary_in_flight: seen.canary_in_flight,
            from: self.name.clone(),
        })
    }

    fn fenced(&self) -> bool {
        true
    }
}

/// Whole percent. Something is never rounded to nothing, nor a part to everything.
fn percent(share: f64) -> Option<Weight> {
    let rounded = match share {
        0.0 | 100.0 => share,
        s if s > 0.0 && s < 100.0 => s.round().clamp(1.0, 99.0),
        _ => return None,
    };
    Weight::try_from(rounded as u8).ok()
}
