//! What belongs to a service when it is taken back, beyond its traffic.

use super::Service;
use super::check::{Found, check_secret, check_timeout, check_url};
use crate::component::{Accepts, Layer};
use crate::id::{CellName, ConnectionName, FlagKey, ServiceName};
use crate::plan::Weight;
use crate::probe::{Ask, Expect, Probe, check_query};
use crate::recovery::RecoveryPolicy;
use crate::saga::Cache;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a service goes back: in which order, after what wait, and when that is proven. Nothing in it is needed for a
/// service that goes back by traffic alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GoingBack {
    /// What it is, for people; the order follows `depends_on`.
    #[serde(default)]
    pub layer: Layer,
    /// Where it runs, if it can be taken back cell by cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellName>,
    /// Versions of what it depends on that it works with; a rollback of only a part asks for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub works_with: BTreeMap<ServiceName, Accepts>,
    /// Flags that are switched off before anything is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill_switches: Vec<FlagKey>,
    /// Growing parts of the candidate's traffic that the baseline takes back one after the other, the last is 100; all at
    /// once when left out. Larger steps than forward: `[33, 66, 100]`.
    #[serde(default, rename = "return", skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Weight>,
    /// How long each part but the last must stand, as the proxy reports it, before the next; 10s when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_each: Option<Span>,
    /// Longest wait for requests in flight on the candidate; no wait when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Span>,
    /// Asked after it is back, and until recovery is proven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Asked of its data until recovery is proven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub integrity: Vec<Integrity>,
    /// Emptied after it is back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<Cache>,
    /// When recovery counts as proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryPolicy>,
    /// Channels that are told at the beginning and at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tell: Vec<String>,
}

/// One read-only question to the service's data, answered by a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// What people call it, unique within its list: `no order without a payment`.
    pub name: String,
    pub connection: ConnectionName,
    /// One `SELECT` that gives one row with one number.
    pub query: String,
    pub expect: Expect,
    /// Longest wait for the answer.
    #[serde(default = "Integrity::default_timeout")]
    pub timeout: Span,
}

impl Integrity {
    fn default_timeout() -> Span {
        Span::from_secs(5)
    }

    /// As it is asked.
    pub fn probe(&self) -> Probe {
        let ask = Ask::Sql { connection: self.connection.clone(), query: self.query.clone(), expect: self.expect };
        Probe { name: self.name.clone(), ask, timeout: self.timeout }
    }
}

impl GoingBack {
    /// How long each part of traffic that comes back stands before the next.
    pub fn return_each(&self) -> Span {
        self.return_each.unwrap_or(Span::from_secs(10))
    }
}

/// The longest time anything may be waited for.
const MOST_WAIT: Span = Span::from_secs(24 * 3600);

pub(super) fn check(service: &Service, back: &GoingBack, found: &mut Found) {
    let at = "rollback";
    for (i, cell) in back.cells.iter().enumerate() {
        if back.cells[..i].contains(cell) {
            found.add(format!("{at}.cells[{i}]"), format!("`{cell}` is named twice"));
        }
    }
    for other in back.works_with.keys().filter(|other| !service.depends_on.contains(other)) {
        found.add(format!("{at}.works_with.{other}"), format!("name `{other}` in `depends_on` too"));
    }
    let growing = back.returns.windows(2).all(|pair| pair[0] < pair[1]) && back.returns.first() != Some(&Weight::ZERO);
    if !back.returns.is_empty() && (!growing || back.returns.last() != Some(&Weight::FULL)) {
        found.add(format!("{at}.return"), "parts grow from above 0 and end with 100");
    }
    // An incident is no time for long waits on a version that is known to be bad.
    if back.return_each.is_some_and(|each| each < Span::ZERO || each > Span::from_secs(600)) {
        found.add(format!("{at}.return_each"), "at most 10m");
    }
    if back.return_each.is_some() && back.returns.is_empty() {
        found.add(format!("{at}.return_each"), "say in which parts traffic comes back too: `return: [33, 66, 100]`");
    }
    if back.drain.is_some_and(|drain| drain <= Span::ZERO || drain > MOST_WAIT) {
        found.add(format!("{at}.drain"), "a wait is longer than nothing and at most 24h");
    }
    for (i, probe) in back.probes.iter().enumerate() {
        let at = format!("{at}.probes[{i}]");
        if probe.name.trim().is_empty() || back.probes[..i].iter().any(|other| other.name == probe.name) {
            found.add(format!("{at}.name"), "each probe has a name of its own");
        }
        check_timeout(&format!("{at}.timeout"), probe.timeout, found);
        match &probe.ask {
            Ask::Http { url, status, .. } => {
                check_url(&format!("{at}.ask.http.url"), url, found);
                if !(100..=599).contains(status) {
                    found.add(format!("{at}.ask.http.status"), "a status is 100 to 599");
                }
            }
            Ask::Sql { query, .. } => {
                if let Err(error) = check_query(query) {
                    found.add(format!("{at}.ask.sql.query"), error.to_string());
                }
            }
            Ask::Tcp { .. } | Ask::Promql { .. } => {}
        }
    }
    for (i, question) in back.integrity.iter().enumerate() {
        let at = format!("{at}.integrity[{i}]");
        if question.name.trim().is_empty() || back.integrity[..i].iter().any(|other| other.name == question.name) {
            found.add(format!("{at}.name"), "each question has a name of its own");
        }
        check_timeout(&format!("{at}.timeout"), question.timeout, found);
        if let Err(error) = check_query(&question.query) {
            found.add(format!("{at}.query"), error.to_string());
        }
    }
    for (i, cache) in back.caches.iter().enumerate() {
        if let Cache::Http { url, secret, .. } = cache {
            let at = format!("{at}.caches[{i}].http");
            check_url(&format!("{at}.url"), url, found);
            if let Some(secret) = secret {
                check_secret(&format!("{at}.secret"), secret, true, found);
            }
        }
    }
    if let Some(recovery) = &back.recovery {
        check_recovery(recovery, &format!("{at}.recovery"), found);
    }
}

fn check_recovery(policy: &RecoveryPolicy, at: &str, found: &mut Found) {
    if policy.steady < Span::ZERO || policy.steady > MOST_WAIT {
        found.add(format!("{at}.steady"), "at most 24h");
    }
    if policy.max_age <= Span::ZERO || policy.max_age > MOST_WAIT {
        found.add(format!("{at}.max_age"), "longer than nothing and at most 24h");
    }
    // All traffic is back before recovery is proven.
    if policy.returns != [Weight::FULL] {
        found.add(
            format!("{at}.returns"),
            "in which parts traffic comes back is said by `rollback.return`; leave this out",
        );
    }
}
