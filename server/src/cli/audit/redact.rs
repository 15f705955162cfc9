//! `sternway audit redact`: texts of a decision go, and what remains is said.

use super::super::exit;
use super::super::remote::{Key, Remote, Result, wrong};
use super::super::terminal::{clean, complain, say};
use crate::service::Redacted;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct RedactCommand {
    #[command(flatten)]
    remote: Remote,
    /// The decision, by its id
    #[arg(value_name = "DECISION")]
    decision: String,
    /// Which text: `reason`, `actor.name`, `origin.ip`, `effects.0`, … Can be given several times
    #[arg(long, value_name = "FIELD")]
    field: Vec<String>,
    /// Every text of the entry
    #[arg(long, conflicts_with = "field")]
    all: bool,
    /// Why, in 3 to 2000 characters, and without what is to go; it stays in the log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    key: Key,
}

impl RedactCommand {
    pub(super) async fn run(self) -> ExitCode {
        exit::code(self.redacted().await, self.remote.json)
    }

    async fn redacted(&self) -> Result<u8> {
        if self.field.is_empty() && !self.all {
            return Err(wrong("say which texts go with `--field reason`, or all of them with `--all`"));
        }
        let client = self.remote.client()?;
        if !self.remote.json {
            complain("They cannot be brought back. The entry, its proofs and earlier backups remain.");
        }
        let body = json!({"fields": self.field, "reason": self.reason});
        let answer = client.post(&["decisions", &self.decision, "redaction"], &body, &self.key.get()).await?;
        let Redacted { removed, also_in, also_in_more, also_in_unknown, decision } = client.shape(&answer)?;
        if self.remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        say(&format!("Taken out: {}.", clean(&removed.join(", "))));
        if !also_in.is_empty() {
            let entries: Vec<String> = also_in.iter().map(ToString::to_string).collect();
            say(&format!(
                "The same text stands in other entries, each to be taken out for itself: {}{}.",
                entries.join(", "),
                if also_in_more { " and more" } else { "" },
            ));
        }
        if also_in_unknown {
            complain("Other entries with the same text were not looked for: the database did not answer in time.");
        }
        say("What remains: the entry with a salted hash of each text, its proofs, and backups made before.");
        say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
        Ok(exit::DONE)
    }
}
