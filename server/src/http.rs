//! HTTP: the API, the stream of events, the pages, and what operators ask. Thin: everything is decided in `service`.

use crate::auth::Auth;
use crate::service::Service;
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::audit::retention::Retention;
use tokio_util::sync::CancellationToken;

mod ask;
pub mod assets;
mod cursor;
mod health;
mod identity;
mod log;
mod ofrep;
mod outage;
mod problem;
mod request;
mod router;
pub mod security;
mod sse;
mod unlogged;
mod v1;
mod web;

pub use identity::COOKIE;
pub use problem::{Details, FieldProblem, Problem};
pub use request::RequestContext;
pub use router::{openapi, other_routes, router};
pub use unlogged::{READ, unlogged, why_unlogged};
pub use web::Pages;

/// What every handler stands on. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    pub service: Service,
    pub auth: Auth,
    pub pages: Pages,
    pub settings: Arc<HttpSettings>,
    /// Ends the streams, which would otherwise hold up the shutdown for ever.
    pub shutdown: CancellationToken,
}

/// How requests are taken.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How often an open stream makes sure that its session still stands.
    pub recheck: Duration,
    /// How often an open stream says that it lives.
    pub beat: Duration,
    /// Whether `/metrics` answers who is not signed in.
    pub open_metrics: bool,
    /// Whether the log's files (sealed entries, hashes, checkpoints) answer who is not signed in.
    pub open_log: bool,
    /// How long texts of the log are kept.
    pub retention: Retention,
    /// Origins of web pages that may evaluate flags: `https://shop.example.org`.
    pub flag_origins: Vec<String>,
    /// Evaluations a second that one token may ask for; 0 is no limit.
    pub flag_limit: u32,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            recheck: Duration::from_secs(15),
            beat: Duration::from_secs(5),
            open_metrics: true,
            open_log: false,
            retention: Retention::default(),
            flag_origins: Vec::new(),
            flag_limit: 0,
        }
    }
}

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 1 << 20;
