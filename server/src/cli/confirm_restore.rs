//! `sternway confirm-restore`: what the database has less of, and going on.

use super::exit;
use super::remote::{Key, Remote, Result};
use super::terminal::{clean, say};
use crate::service::{Confirmed, RestoreView};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ConfirmRestore {
    #[command(flatten)]
    remote: Remote,
    /// What you looked at, in 3 to 2000 characters; it goes into the decision log. Left out: only says how it stands
    #[arg(long, short, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    key: Key,
}

impl ConfirmRestore {
    pub(super) async fn run(self) -> ExitCode {
        exit::code(self.confirmed().await, self.remote.json)
    }

    async fn confirmed(&self) -> Result<u8> {
        let client = self.remote.client()?;
        let Some(reason) = &self.reason else {
            let answer = client.get(&["restore"], &[]).await?;
            let RestoreView { held, why, .. } = client.shape(&answer)?;
            if self.remote.json {
                say(&answer.to_string());
            } else if held {
                say(&format!("Held: {}.", clean(&why.unwrap_or_default())));
                say("Look at the proxies and at what runs, then confirm with `--reason`.");
            } else {
                say("Nothing is held.");
            }
            return Ok(exit::DONE);
        };
        let answer = client.post(&["restore"], &json!({"reason": reason}), &self.key.get()).await?;
        let Confirmed { token, decision, .. } = client.shape(&answer)?;
        if self.remote.json {
            say(&answer.to_string());
        } else {
            say(&format!("Confirmed; fencing tokens go on above {token}."));
            say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
        }
        Ok(exit::DONE)
    }
}
