//! `sternway freezes`: change freezes, what is in force until when, and what comes next.

use super::exit;
use super::remote::{Remote, Result};
use super::terminal::{clean, say, table, text};
use crate::ports::Clock;
use crate::service::{FreezeView, RunView};
use crate::system::SystemClock;
use clap::{Args, Subcommand};
use std::process::ExitCode;
use sternway_domain::change_freeze::Zone;
use sternway_domain::time::Timestamp;

#[derive(Debug, Args)]
pub(super) struct FreezesCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List change freezes: those in force first, then those that come next
    List(List),
}

#[derive(Debug, Args)]
struct List {
    /// Only those that concern this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

impl FreezesCommand {
    pub(super) async fn run(self) -> ExitCode {
        let What::List(list) = &self.what;
        exit::code(list.run(&self.remote).await, self.remote.json)
    }
}

impl List {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let query: Vec<(&str, String)> = self.service.iter().map(|name| ("service", name.clone())).collect();
        let answer = client.get(&["change-freezes"], &query).await?;
        if remote.json {
            say(&answer.to_string());
            return Ok(exit::DONE);
        }
        let mut freezes: Vec<FreezeView> = client.shape(&answer["items"])?;
        freezes.sort_by_key(|freeze| {
            let next = freeze.next.as_ref().map(|run| run.since.clone());
            (freeze.in_force.is_none(), next.is_none(), next)
        });
        let mut table = table(&["freeze", "what for", "services", "zone", "in force", "next"]);
        let now = SystemClock.now();
        for freeze in &freezes {
            let document = &freeze.document;
            let services: Vec<&str> = document.services.iter().map(|name| name.as_str()).collect();
            let services = if services.is_empty() { "all".to_owned() } else { services.join(", ") };
            let when = |run: &RunView, next: bool| clean(&words(run, next, document.zone, now));
            let none = if document.lifted { "lifted" } else { "no" };
            table.add_row([
                clean(&freeze.name),
                clean(&document.description),
                clean(&services),
                clean(&document.zone.to_string()),
                freeze.in_force.as_ref().map_or_else(|| none.to_owned(), |run| when(run, false)),
                freeze.next.as_ref().map_or_else(|| "none".to_owned(), |run| when(run, true)),
            ]);
        }
        say(if table.is_empty() { "There is no change freeze.".to_owned() } else { text(&mut table) }.as_str());
        Ok(exit::DONE)
    }
}

/// `until Mon 4 Jan 08:00`, or `Sun 20 Dec 18:00 to Mon 4 Jan 08:00`, as its zone reads a clock on the wall.
fn words(run: &RunView, next: bool, zone: Zone, now: Timestamp) -> String {
    let word = |text: &str| text.parse().map_or_else(|_| text.to_owned(), |at: Timestamp| zone.words(at, now));
    match (next, run.until.as_deref()) {
        (false, Some(until)) => format!("until {}", word(until)),
        (false, None) => "for more than a year".to_owned(),
        (true, Some(until)) => format!("{} to {}", word(&run.since), word(until)),
        (true, None) => format!("{}, for more than a year", word(&run.since)),
    }
}
