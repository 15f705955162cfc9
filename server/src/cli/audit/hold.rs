//! `sternway audit hold` and `sternway audit retention`: what is kept, and for how long.

use super::super::exit;
use super::super::remote::{Key, Remote, Result};
use super::super::terminal::{clean, moment_of, say, table, text};
use crate::service::{HoldDone, HoldView};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct HoldCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Place a hold: texts of the entries it covers are not taken out while it stands
    Create(Create),
    /// List the holds, also those that were released
    List,
    /// Release a hold, by its id
    Release(Release),
}

#[derive(Debug, Args)]
struct Create {
    /// Entries about this release, by its id
    #[arg(long, value_name = "RELEASE", required_unless_present_any = ["service", "from", "to"])]
    release: Option<String>,
    /// Entries about this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Entries from here on, like 2026-11-19T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Entries before this, like 2026-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
struct Release {
    #[arg(value_name = "HOLD")]
    id: String,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    key: Key,
}

impl HoldCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match self.what {
            What::Create(create) => create.run(remote).await,
            What::List => list(remote).await,
            What::Release(release) => release.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}

impl Create {
    async fn run(self, remote: &Remote) -> Result<u8> {
        let given = [
            ("release", self.release),
            ("service", self.service),
            ("from", self.from),
            ("to", self.to),
            ("reason", Some(self.reason)),
        ];
        let body: Map<String, Value> =
            given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
        let client = remote.client()?;
        let answer = client.post(&["log", "holds"], &Value::Object(body), &self.key.get()).await?;
        let HoldDone { hold, decision } = client.shape(&answer)?;
        if remote.json {
            say(&answer.to_string());
        } else {
            say(&format!("Hold {} stands; nothing it covers is taken out until it is released.", clean(&hold)));
            say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
        }
        Ok(exit::DONE)
    }
}

impl Release {
    async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let body = json!({"reason": self.reason});
        let answer = client.post(&["log", "holds", &self.id, "release"], &body, &self.key.get()).await?;
        let HoldDone { hold, decision } = client.shape(&answer)?;
        if remote.json {
            say(&answer.to_string());
        } else {
            say(&format!("Hold {} is released.", clean(&hold)));
            say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
        }
        Ok(exit::DONE)
    }
}

async fn list(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["log", "holds"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let holds: Vec<HoldView> = client.shape(&json["items"])?;
    let mut table = table(&["hold", "covers", "since (UTC)", "released (UTC)", "by", "why"]);
    for hold in &holds {
        table.add_row([
            clean(&hold.id),
            clean(&covers(hold)),
            moment_of(&hold.placed_at),
            hold.released_at.as_deref().map(moment_of).unwrap_or_default(),
            clean(&hold.by),
            clean(&hold.reason),
        ]);
    }
    say(if table.is_empty() { "No legal holds.".to_owned() } else { text(&mut table) }.as_str());
    Ok(exit::DONE)
}

fn covers(hold: &HoldView) -> String {
    let parts = [
        hold.release.as_ref().map(|id| format!("release {id}")),
        hold.service.as_ref().map(|name| format!("service {name}")),
        hold.from.as_deref().map(|at| format!("from {}", moment_of(at))),
        hold.to.as_deref().map(|at| format!("until {}", moment_of(at))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Args)]
pub(super) struct RetentionCommand {
    #[command(flatten)]
    remote: Remote,
}

/// As the API shows it.
#[derive(Deserialize)]
struct Kept {
    addresses: Option<String>,
    names: Option<String>,
    texts: Option<String>,
}

impl RetentionCommand {
    pub(super) async fn run(self) -> ExitCode {
        exit::code(self.told().await, self.remote.json)
    }

    async fn told(&self) -> Result<u8> {
        let client = self.remote.client()?;
        let json = client.get(&["log", "retention"], &[]).await?;
        if self.remote.json {
            say(&json.to_string());
            return Ok(exit::DONE);
        }
        let Kept { addresses, names, texts } = client.shape(&json)?;
        for (what, kept) in
            [("Addresses and browsers", addresses), ("Names of people", names), ("Reasons and other texts", texts)]
        {
            say(&format!("{what}: {}.", kept.map_or_else(|| "kept for ever".to_owned(), |span| clean(&span))));
        }
        Ok(exit::DONE)
    }
}
