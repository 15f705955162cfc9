//! `sternway audit status`, `rotate-key` and `new-key`: who has seen the log, and another key for it.

use super::super::exit;
use super::super::remote::{Key, Remote, Result, wrong};
use super::super::terminal::{clean, say};
use crate::service::{KeyChanged, LogStatus};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use sternway_domain::plan::grouped;

#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(super) struct ChangeCommand {
    #[command(flatten)]
    remote: Remote,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
pub(super) struct MakeKeyCommand {
    /// What the log is called: the part of its key before the first `+`, at `/log/key`
    #[arg(value_name = "LOG")]
    name: String,
}

impl MakeKeyCommand {
    pub(super) fn run(self) -> ExitCode {
        let made = crate::notary::fresh(&self.name, &crate::system::SystemRng);
        let made = made.map_err(|error| wrong(error.to_string()));
        exit::code(made.map(|key| say(&key.to_secret_text())).map(|()| exit::DONE), false)
    }
}

impl StatusCommand {
    pub(super) async fn run(self) -> ExitCode {
        exit::code(self.shown().await, self.remote.json)
    }

    async fn shown(&self) -> Result<u8> {
        let client = self.remote.client()?;
        let answer = client.get(&["log", "status"], &[]).await?;
        if self.remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        let status: LogStatus = client.shape(&answer)?;
        match &status.checkpoint {
            Some(head) => say(&format!(
                "{} entries, {} of them signed at {}: root {}.",
                grouped(status.entries),
                grouped(head.entries),
                head.at,
                head.root
            )),
            None => say(&format!("{} entries, none of them signed yet.", grouped(status.entries))),
        }
        if let Some(why) = &status.unsigned {
            say(&format!("Not signed here: {}.", clean(why)));
        }
        for key in &status.keys {
            let until = key.until.map_or_else(|| "on".to_owned(), |until| format!("to {}", grouped(until as i64)));
            let how = match key.change.as_str() {
                "rotated" => ", the key before vouches for it",
                "lost" => ", the key before was lost and does not vouch for it",
                _ => "",
            };
            say(&format!("Key from {} entries {until}{how}: {}", grouped(key.from as i64), clean(&key.key)));
        }
        match &status.confirmed {
            Some(last) => {
                let (way, who, size) = (&last.way, clean(&last.who), grouped(last.entries));
                say(&format!("Last confirmed outside at {} by {way} `{who}`: {size} entries.", last.at));
            }
            None => say("Not confirmed outside yet: set up `[[log.witnesses]]`, or pin it with `sternway audit pin`."),
        }
        for witness in status.witnesses.iter() {
            if let Some(trouble) = &witness.trouble {
                say(&format!("Witness `{}`: {}.", clean(&witness.name), clean(trouble)));
            }
        }
        if status.witnesses_confirming < status.witnesses_wanted {
            let (confirming, wanted) = (status.witnesses_confirming, status.witnesses_wanted);
            say(&format!("Only {confirming} of the {wanted} wanted witnesses have confirmed it lately."));
        }
        Ok(exit::DONE)
    }
}

impl ChangeCommand {
    pub(super) async fn run(self, lost: bool) -> ExitCode {
        exit::code(self.changed(lost).await, self.remote.json)
    }

    async fn changed(&self, lost: bool) -> Result<u8> {
        let client = self.remote.client()?;
        let body = json!({"reason": self.reason, "lost": lost});
        let answer = client.post(&["log", "key"], &body, &self.key.get()).await?;
        if self.remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        let changed: KeyChanged = client.shape(&answer)?;
        say(&format!("From {} entries on the log is signed with {}.", grouped(changed.from), clean(&changed.key)));
        if changed.rotated {
            say("The key before signs that checkpoint too, and nothing later. Copy the key file to other replicas.");
        } else {
            say(
                "The key before does not vouch for it, and that stays visible. Tell those who check the log the new key.",
            );
        }
        say(&format!("Decision {}, number {} in the log.", changed.decision.id, changed.decision.leaf_index));
        Ok(exit::DONE)
    }
}
