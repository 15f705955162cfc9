//! Acts on a release: each names its reason and the version that was seen.

use super::find::{self, Seen};
use crate::cli::exit;
use crate::cli::remote::{Client, Key, Remote, Result, wrong};
use crate::cli::terminal::{complain, say};
use crate::cli::words;
use crate::service::{Acted, ReleaseSummary};
use clap::Args;
use serde_json::{Value, json};

/// Which release, and which version of it was seen.
#[derive(Debug, Args)]
pub(super) struct On {
    /// The release: its id, the beginning of its id, or a service (its active release)
    #[arg(value_name = "RELEASE")]
    release: String,
    /// Act only if this is still its version; without it the release is read first and shown as it was seen
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    pub(super) key: Key,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    pub(super) reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Plain {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(super) struct Start {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    why: Why,
    /// Although the checklist is not complete or a candidate has become known bad; the decision shows it
    #[arg(long = "override")]
    overriding: bool,
    /// Although a change freeze is in force; the decision shows it
    #[arg(long)]
    override_freeze: bool,
    /// The candidates run already: move traffic, deploy nothing
    #[arg(long)]
    deployed: bool,
}

#[derive(Debug, Args)]
pub(super) struct Promote {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    why: Why,
    /// Although there is no `pass` for this stage; the decision shows it
    #[arg(long = "override")]
    overriding: bool,
    /// Although a change freeze is in force; the decision shows it
    #[arg(long)]
    override_freeze: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    on: On,
    /// The item, by its id in the checklist
    item: String,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct To {
    /// It is true; a link or a sentence that proves it
    #[arg(long, value_name = "EVIDENCE")]
    done: Option<String>,
    /// It does not apply here; why
    #[arg(long, value_name = "WHY")]
    not_applicable: Option<String>,
    /// It is open again
    #[arg(long)]
    open: bool,
}

impl Plain {
    pub(super) async fn run(self, remote: &Remote, verb: &str) -> Result<u8> {
        act(remote, &self.on, verb, json!({"reason": self.why.reason})).await
    }
}

impl Start {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let Self { on, why, overriding, override_freeze, deployed } = self;
        let mut body = json!({"reason": why.reason, "override": overriding, "deployed": deployed});
        if override_freeze {
            body["override_freeze"] = true.into();
        }
        act(remote, &on, "start", body).await
    }
}

impl Promote {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let mut body = json!({"reason": self.why.reason, "override": self.overriding});
        if self.override_freeze {
            body["override_freeze"] = true.into();
        }
        act(remote, &self.on, "promote", body).await
    }
}

impl Check {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let (state, evidence) = match (self.to.done, self.to.not_applicable) {
            (Some(evidence), _) => ("done", evidence),
            (None, Some(why)) => ("not_applicable", why),
            (None, None) => ("open", String::new()),
        };
        let client = remote.client()?;
        let (id, version) = self.on.seen(&client, remote, "check").await?;
        let body = json!({"state": state, "evidence": evidence, "expected_version": version});
        let acted = client.post(&["releases", &id, "checklist", &self.item], &body, &self.on.key.get()).await?;
        told(&client, remote, &acted, "check")?;
        Ok(exit::DONE)
    }
}

impl On {
    /// The id, and the version to act on.
    pub(super) async fn seen(&self, client: &Client, remote: &Remote, verb: &str) -> Result<(String, i64)> {
        if self.key.given() && self.expected_version.is_none() {
            return Err(wrong(
                "`--idempotency-key` needs `--expected-version` beside it: asking again must ask the same",
            ));
        }
        if let Some(version) = self.expected_version
            && self.release.parse::<sternway_domain::id::ReleaseId>().is_ok()
        {
            return Ok((self.release.clone(), version));
        }
        let Seen { release, .. } = find::release(client, &self.release, fitting(verb)).await?;
        let version = self.expected_version.unwrap_or(release.version);
        if !remote.json {
            complain(&format!("Seen: {}; version {}.", words::standing(&release), release.version));
        }
        Ok((release.id, version))
    }
}

/// States of a release without traffic in motion that this act can be meant for.
fn fitting(verb: &str) -> &'static [&'static str] {
    match verb {
        "start" | "cancel" | "check" => &["draft", "ready"],
        "rollback" => &["promoted"],
        "resume_automation" => &["rolled_back", "partially_rolled_back"],
        _ => &[],
    }
}

pub(super) async fn act(remote: &Remote, on: &On, verb: &str, mut body: Value) -> Result<u8> {
    let client = remote.client()?;
    let (id, version) = on.seen(&client, remote, verb).await?;
    body["expected_version"] = version.into();
    post(&client, remote, &id, verb, &body, &on.key.get()).await?;
    Ok(exit::DONE)
}

/// Acts, and tells what came of it.
pub(super) async fn post(
    client: &Client,
    remote: &Remote,
    id: &str,
    verb: &str,
    body: &Value,
    key: &str,
) -> Result<ReleaseSummary> {
    let acted = client.post(&["releases", id, "actions", verb], body, key).await?;
    told(client, remote, &acted, verb)
}

/// Prints what an act came to.
pub(super) fn told(client: &Client, remote: &Remote, acted: &Value, verb: &str) -> Result<ReleaseSummary> {
    let Acted { release, decision } = client.shape(acted)?;
    if remote.json {
        say(&acted.to_string());
    } else {
        say(&format!("{}. {}; version {}.", past(verb), words::standing(&release), release.version));
        let place = if decision.leaf_index < 0 {
            String::new()
        } else {
            format!(", number {} in the log", decision.leaf_index)
        };
        say(&format!("Release {}, decision {}{place}.", release.id, decision.id));
    }
    Ok(release)
}

fn past(verb: &str) -> &str {
    match verb {
        "create" => "Created",
        "start" => "Started",
        "promote" => "Promoted",
        "hold" => "Held",
        "resume" => "Resumed",
        "rollback" => "Rollback ordered",
        "rollforward" => "Rollforward ordered",
        "freeze" => "Frozen",
        "cancel" => "Cancelled",
        "resume_automation" => "Automation resumed",
        "check" => "Checklist changed",
        other => other,
    }
}
