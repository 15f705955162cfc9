//! Asks what a [`Probe`] asks, within its time, and says whether the answer is good.

use crate::outbound::{Call, Outbound, parse_url, place};
use crate::sources;
use crate::steps::settings::StepSettings;
use crate::steps::wire::duration;
use sql::Database;
use std::time::Duration;
use sternway_domain::id::ConnectionName;
use sternway_domain::probe::{Ask, Expect, Probe};
use sternway_domain::saga::Answer;
use sternway_domain::service::Signals;
use sternway_domain::time::{Span, Timestamp};
use tokio::net::TcpStream;

mod sql;

/// The longest page that is searched for a text.
const MAX_BYTES: usize = 256 * 1024;
/// No probe waits longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// Why a probe is not good.
struct Bad {
    text: String,
    /// Whether asking again may help.
    again: bool,
}

impl Bad {
    fn now(text: impl Into<String>) -> Self {
        Self { text: text.into(), again: true }
    }

    fn always(text: impl Into<String>) -> Self {
        Self { text: text.into(), again: false }
    }
}

/// A probe only looks, so the answer is always [`Answer::Done`] or [`Answer::Failed`].
pub(super) async fn ask(
    outbound: &Outbound,
    settings: &StepSettings,
    probe: &Probe,
    signals: &Signals,
    now: Timestamp,
) -> Answer {
    let within = duration(probe.timeout).clamp(Duration::from_millis(1), LONGEST);
    let good = match &probe.ask {
        Ask::Http { url, status, contains } => http(outbound, url, *status, contains.as_deref(), within).await,
        Ask::Tcp { address } => tcp(outbound, address, within).await,
        Ask::Sql { connection, query, expect } => match number(outbound, settings, connection, query, within).await {
            Ok(number) => judged(number, *expect),
            Err(bad) => Err(bad),
        },
        Ask::Promql { query, expect } => match prometheus(outbound, signals, query, now, within).await {
            Ok(number) => judged(number, *expect),
            Err(bad) => Err(bad),
        },
    };
    match good {
        Ok(output) => Answer::Done { output: format!("`{}`: {output}", probe.name) },
        Err(Bad { text, again }) => Answer::Failed { error: format!("`{}`: {text}", probe.name), again },
    }
}

/// What one read-only statement gives, without a judgement. A data migration's query may take longer than a probe.
pub(super) async fn query(
    outbound: &Outbound,
    settings: &StepSettings,
    connection: &ConnectionName,
    sql: &str,
    within: Span,
) -> Result<f64, String> {
    number(outbound, settings, connection, sql, duration(within)).await.map_err(|bad| bad.text)
}

/// The number of a query at a named connection.
async fn number(
    outbound: &Outbound,
    settings: &StepSettings,
    connection: &ConnectionName,
    query: &str,
    within: Duration,
) -> Result<f64, Bad> {
    let wrong = |text: String| Bad::always(format!("connection `{connection}`: {text}"));
    let known = settings.connections.get(connection);
    let known = known.ok_or_else(|| wrong("not set up; add `[connections.NAME]` to `sternway.toml`".to_owned()))?;
    let url = outbound.secret(&known.url).await.map_err(|error| wrong(error.to_string()))?;
    let database = Database::of(&url).map_err(wrong)?;
    let number = database.number(query, within).await;
    number.map_err(|text| Bad::now(format!("connection `{connection}`: {text}")))
}

fn judged(number: f64, expect: Expect) -> Result<String, Bad> {
    let wanted = expect.words();
    if expect.met(number) {
        Ok(format!("{number}, wanted {wanted}"))
    } else {
        Err(Bad::now(format!("{number}, but wanted {wanted}")))
    }
}

async fn http(
    outbound: &Outbound,
    url: &str,
    status: u16,
    contains: Option<&str>,
    within: Duration,
) -> Result<String, Bad> {
    let url = parse_url(url).map_err(|error| Bad::always(error.to_string()))?;
    let to = place(&url);
    let answer = outbound.send(Call::get(url, within, MAX_BYTES)).await.map_err(|error| Bad::now(error.to_string()))?;
    if answer.status.as_u16() != status {
        return Err(Bad::now(format!("{to} answers {}, but wanted {status}", answer.status.as_u16())));
    }
    match contains {
        Some(text) if !String::from_utf8_lossy(&answer.body).contains(text) => {
            Err(Bad::now(format!("{to} answers {status}, but without the text {text:?}")))
        }
        _ => Ok(format!("{to} answers {status}")),
    }
}

async fn tcp(outbound: &Outbound, address: &str, within: Duration) -> Result<String, Bad> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = parts.ok_or_else(|| Bad::always(format!("{address:?} is not an address: write `host:port`")))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let connect = async {
        let to = outbound.resolve(host, port).await.map_err(|error| error.to_string())?;
        TcpStream::connect(&to[..]).await.map_err(|error| format!("`{address}` cannot be reached: {error}"))
    };
    match tokio::time::timeout(within, connect).await {
        Ok(Ok(_)) => Ok(format!("{address} accepts connections")),
        Ok(Err(text)) => Err(Bad::now(text)),
        Err(_) => Err(Bad::now(format!("`{address}` does not answer within {}\u{a0}ms", within.as_millis()))),
    }
}

async fn prometheus(
    outbound: &Outbound,
    signals: &Signals,
    query: &str,
    now: Timestamp,
    within: Duration,
) -> Result<f64, Bad> {
    let Signals::Prometheus(config) = signals else {
        return Err(Bad::always("the service does not read its signals from Prometheus, so there is nobody to ask"));
    };
    let config = sternway_domain::service::Prometheus {
        timeout: config.timeout.min(Span::from_millis(i64::try_from(within.as_millis()).unwrap_or(i64::MAX))),
        ..config.clone()
    };
    let numbers =
        sources::numbers(&config, outbound, query, now).await.map_err(|failure| Bad::now(failure.to_string()))?;
    match numbers.as_slice() {
        [number] => Ok(*number),
        [] => Err(Bad::now("the query gives no series; silence is not good")),
        more => Err(Bad::now(format!("the query gives {} series; write one that gives one number", more.len()))),
    }
}
