//! `sternway alarms`: what needs a person and who was told; trying whether people are told.

use super::exit;
use super::remote::{Key, Remote, Result};
use super::terminal::{clean, moment_of, say, table, text};
use crate::service::{AlarmView, AlarmsTried, ToldView};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct AlarmsCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what needs a person or needed one, newest first, and who was told
    List(List),
    /// Send a test message to a channel, or to all that are told of everything, and say what came back
    Test(Test),
}

#[derive(Debug, Args)]
struct List {
    /// Only those of this release, by its id
    #[arg(long, value_name = "ID")]
    release: Option<String>,
}

#[derive(Debug, Args)]
struct Test {
    /// One channel of `sternway.toml`; left out: those of `alarms`
    #[arg(value_name = "CHANNEL")]
    channel: Option<String>,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT", default_value = "Trying whether people are told")]
    reason: String,
    #[command(flatten)]
    key: Key,
}

impl AlarmsCommand {
    pub(super) async fn run(self) -> ExitCode {
        let ended = match &self.what {
            What::List(list) => list.run(&self.remote).await,
            What::Test(test) => test.run(&self.remote).await,
        };
        exit::code(ended, self.remote.json)
    }
}

impl List {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let query: Vec<(&str, String)> = self.release.iter().map(|id| ("release", id.clone())).collect();
        let answer = client.get(&["alarms"], &query).await?;
        if remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        let alarms: Vec<AlarmView> = client.shape(&answer["items"])?;
        let mut table = table(&["since", "until", "what", "told"]);
        for alarm in &alarms {
            table.add_row([
                Cell::new(moment_of(&alarm.raised_at)),
                Cell::new(alarm.ended_at.as_deref().map_or_else(|| "open".to_owned(), moment_of)),
                Cell::new(clean(&alarm.summary)),
                Cell::new(told(&alarm.told)),
            ]);
        }
        say(if table.is_empty() { "Nothing needed a person.".to_owned() } else { text(&mut table) }.as_str());
        Ok(exit::DONE)
    }
}

/// Of what began; that it is over follows by itself.
fn told(messages: &[ToldView]) -> String {
    let raised = messages.iter().filter(|message| message.about == "raised");
    let lines: Vec<String> = raised
        .map(|message| {
            let channel = clean(&message.channel);
            match (message.state.as_str(), &message.at, &message.error) {
                ("done", Some(at), _) => format!("{channel} {}", moment_of(at)),
                (_, _, Some(error)) => format!("{channel} not: {}", clean(error)),
                _ => format!("{channel} not yet"),
            }
        })
        .collect();
    if lines.is_empty() { "nobody".to_owned() } else { lines.join("\n") }
}

impl Test {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let mut body = json!({"reason": self.reason});
        if let Some(channel) = &self.channel {
            body["channel"] = channel.as_str().into();
        }
        let answer = client.post(&["alarms", "test"], &body, &self.key.get()).await?;
        let AlarmsTried { channels, decision } = client.shape(&answer)?;
        if remote.json {
            say(&answer.to_string());
        } else {
            for tried in &channels {
                let name = clean(&tried.channel);
                match &tried.error {
                    Some(error) => say(&format!("`{name}` did not take it: {}.", clean(error).trim_end_matches('.'))),
                    None => say(&format!("`{name}` took it, and that it is over.")),
                }
            }
            say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
        }
        Ok(if channels.iter().all(|tried| tried.told) { exit::DONE } else { exit::FAILED })
    }
}
