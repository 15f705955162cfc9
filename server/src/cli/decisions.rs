//! `sternway decisions`: who decided what, when, why, and what they saw.

use super::exit;
use super::release::find;
use super::remote::{Client, Remote, Result, wrong};
use super::terminal::{clean, moment_of, say, table, text, toned, words};
use crate::ports::Clock;
use crate::system::SystemClock;
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;
use sternway_domain::id::DecisionId;
use sternway_domain::time::{Span, Timestamp};

#[derive(Debug, Args)]
pub(super) struct Decisions {
    #[command(flatten)]
    remote: Remote,
    /// One decision, by its id; left out: a list, newest first
    #[arg(value_name = "DECISION", conflicts_with_all = ["release", "actor", "action", "outcome", "search", "from", "to"])]
    decision: Option<String>,
    /// With a decision: what was seen when it was made
    #[arg(long, requires = "decision")]
    evidence: bool,
    /// Only about this release: its id, the beginning of its id, or a service (its active release)
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Only by this actor: `person:…`, `token:…`, `automation:…`
    #[arg(long, value_name = "KEY")]
    actor: Option<String>,
    /// Only of this kind: create, start, promote, rollback, apply, sign_in, …
    #[arg(long, value_name = "ACT")]
    action: Option<String>,
    /// Only `accepted` or only `refused`
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only with these words, or beginnings of words, in reason, actor or service
    #[arg(long, visible_alias = "text", value_name = "WORDS")]
    search: Option<String>,
    /// Not before this time: `2026-11-19T14:00:00Z`, or `2h` for two hours ago
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

/// One row, as the API shows it.
#[derive(Debug, Deserialize)]
struct Decision {
    id: String,
    leaf_index: i64,
    at: String,
    actor_key: String,
    actor: String,
    action: String,
    release: Option<String>,
    service: Option<String>,
    outcome: String,
    reason: String,
    evidence: Option<String>,
    #[serde(default)]
    entry: Value,
}

impl Decisions {
    pub(super) async fn run(self) -> ExitCode {
        let json = self.remote.json;
        exit::code(self.asked().await, json)
    }

    async fn asked(self) -> Result<u8> {
        let client = self.remote.client()?;
        match &self.decision {
            Some(id) => self.one(&client, id).await?,
            None => self.list(&client).await?,
        }
        Ok(exit::DONE)
    }

    async fn list(&self, client: &Client) -> Result<()> {
        let mut query = Vec::new();
        if let Some(release) = &self.release {
            query.push(("release", find::release(client, release, &["promoted", "rolled_back"]).await?.release.id));
        }
        let given = [("actor", &self.actor), ("action", &self.action), ("outcome", &self.outcome), ("q", &self.search)];
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            if let Some(value) = value {
                query.push((name, time(name, value)?));
            }
        }
        let rows = client.list(&["decisions"], &query, self.limit).await?;
        if self.remote.json {
            say(&json!({"items": rows}).to_string());
            return Ok(());
        }
        if rows.is_empty() {
            say("No decisions.");
            return Ok(());
        }
        let mut table = table(&["number", "time (UTC)", "who", "act", "outcome", "on", "reason", "id"]);
        for row in &rows {
            let decision: Decision = client.shape(row)?;
            table.add_row([
                Cell::new(decision.leaf_index),
                Cell::new(moment_of(&decision.at)),
                Cell::new(clean(&decision.actor)),
                Cell::new(words(&decision.action)),
                toned(&words(&decision.outcome)),
                Cell::new(clean(decision.service.as_deref().unwrap_or_default())),
                Cell::new(clean(&decision.reason)),
                Cell::new(clean(&decision.id)),
            ]);
        }
        say(&text(&mut table));
        Ok(())
    }

    async fn one(&self, client: &Client, id: &str) -> Result<()> {
        if id.parse::<DecisionId>().is_err() {
            return Err(wrong(format!("`{}` is not the id of a decision; `sternway decisions` lists them", clean(id))));
        }
        let json = client.get(&["decisions", id], &[]).await?;
        let decision: Decision = client.shape(&json)?;
        let evidence = match (&decision.evidence, self.evidence) {
            (Some(digest), true) => Some(client.get(&["evidence", digest], &[]).await?),
            _ => None,
        };
        if self.remote.json {
            let mut json = json;
            if let Some(evidence) = evidence {
                json["evidence_body"] = evidence;
            }
            say(&json.to_string());
            return Ok(());
        }
        let mut table = table(&[]);
        let mut row = |name: &str, value: Cell| {
            table.add_row([Cell::new(name), value]);
        };
        row("decision", Cell::new(clean(&decision.id)));
        row("number", Cell::new(decision.leaf_index));
        row("time", Cell::new(format!("{} UTC", moment_of(&decision.at))));
        row("who", Cell::new(clean(&format!("{} ({})", decision.actor, decision.actor_key))));
        row("act", Cell::new(words(&decision.action)));
        row("outcome", toned(&words(&decision.outcome)));
        if let Some(why) = decision.entry.pointer("/outcome/why").and_then(Value::as_str) {
            row("refused", Cell::new(clean(why)));
        }
        row("reason", Cell::new(clean(&decision.reason)));
        if decision.entry.is_null() {
            row("entry", Cell::new("cannot be read: `sternway audit verify` says why"));
        }
        for (name, value) in
            [("service", &decision.service), ("release", &decision.release), ("evidence", &decision.evidence)]
        {
            if let Some(value) = value {
                row(name, Cell::new(clean(value)));
            }
        }
        let texts = |name: &str| {
            let all = decision.entry.get(name).and_then(Value::as_array).into_iter().flatten();
            clean(&all.filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
        };
        for (name, value) in [("overridden", texts("overridden")), ("effects", texts("effects"))] {
            if !value.is_empty() {
                row(name, Cell::new(value));
            }
        }
        say(&text(&mut table));
        if let Some(evidence) = evidence {
            say(&serde_json::to_string_pretty(&evidence).unwrap_or_default());
        }
        Ok(())
    }
}

/// RFC 3339, or how long ago.
pub(super) fn time(name: &str, value: &str) -> Result<String> {
    if let Ok(at) = value.parse::<Timestamp>() {
        return Ok(at.to_rfc3339());
    }
    match value.parse::<Span>() {
        Ok(ago) => Ok((SystemClock.now() - ago).to_rfc3339()),
        Err(_) => Err(wrong(format!(
            "`--{name}`: `{}` is neither a time like `2026-11-19T14:00:00Z` nor one ago like `2h`",
            clean(value)
        ))),
    }
}
