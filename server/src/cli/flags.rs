//! `sternway flags`: which there are, how one stands, and switching it.

use super::exit;
use super::remote::{Client, Key, Remote, Result, wrong};
use super::terminal::{clean, complain, moment_of, say, table, text, toned};
use crate::service::{FlagSummary, Flipped};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct FlagsCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the flags as they stand
    List,
    /// Show one flag: what it is for, who answers for it, what happened to it
    Show(Named),
    /// Switch it on
    On(Switch),
    /// Switch it off: everybody gets its `off` variant
    Off(Switch),
    /// Give shares of people other variants; the rest gets what the flag serves
    Split(Split),
    /// Nothing asks for it any more: clients get their own defaults from then on
    Retire(Retire),
}

#[derive(Debug, Args)]
struct Named {
    /// The flag, by its key
    #[arg(value_name = "KEY")]
    flag: String,
}

#[derive(Debug, Args)]
struct Switch {
    #[command(flatten)]
    named: Named,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    /// Another environment than the server's own
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Act only if this is still its version; without it the flag is read first and shown as it was seen
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
struct Split {
    #[command(flatten)]
    named: Named,
    /// A variant and the percentage of people who get it; may be repeated. Left out: everybody gets the same
    #[arg(long = "share", value_name = "VARIANT=PERCENT", value_parser = share)]
    shares: Vec<(String, f64)>,
    #[command(flatten)]
    seen: Seen,
    /// Another environment than the server's own
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

#[derive(Debug, Args)]
struct Retire {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    seen: Seen,
}

#[derive(Debug, Args)]
struct Seen {
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    /// Act only if this is still its version; without it the flag is read first and shown as it was seen
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    key: Key,
}

fn share(text: &str) -> std::result::Result<(String, f64), String> {
    let read = text.split_once('=').and_then(|(variant, percent)| Some((variant.to_owned(), percent.parse().ok()?)));
    read.ok_or_else(|| "write `VARIANT=PERCENT`, like `on=12.5`".to_owned())
}

impl FlagsCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match &self.what {
            What::List => list(remote).await,
            What::Show(named) => show(remote, &named.flag).await,
            What::On(switch) => switch.run(remote, true).await,
            What::Off(switch) => switch.run(remote, false).await,
            What::Split(split) => split.run(remote).await,
            What::Retire(retire) => retire.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}

async fn list(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["flags"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let flags: Vec<FlagSummary> = client.shape(&json["items"])?;
    let mut table = table(&["flag", "state", "owner", "expires", "last switched", "purpose"]);
    for flag in &flags {
        table.add_row([
            Cell::new(clean(&flag.key)),
            toned(state(flag)),
            Cell::new(clean(&flag.owner)),
            Cell::new(expiry(flag)),
            Cell::new(flag.last_flip.as_ref().map_or_else(|| "never".to_owned(), |flip| moment_of(&flip.at))),
            Cell::new(clean(&flag.purpose)),
        ]);
    }
    say(if table.is_empty() { "No flags.".to_owned() } else { text(&mut table) }.as_str());
    Ok(exit::DONE)
}

async fn show(remote: &Remote, flag: &str) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["flags", flag], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let flag: FlagSummary = client.shape(&json)?;
    say(&format!("{} in {}; version {}.", standing(&flag), clean(&flag.environment), flag.version));
    say(&format!("{} Owner: {}. Expires: {}.", sentence(&flag.purpose), clean(&flag.owner), expiry(&flag)));
    flag.findings.iter().for_each(|finding| say(&format!("Note: {}.", clean(finding))));
    for happened in json["history"].as_array().into_iter().flatten() {
        say(&format!("{}  {}", moment_of(happened["at"].as_str().unwrap_or_default()), what(&happened["event"])));
    }
    Ok(exit::DONE)
}

impl Switch {
    async fn run(&self, remote: &Remote, enabled: bool) -> Result<u8> {
        let client = remote.client()?;
        let (flag, given) = (&self.named.flag, (self.expected_version, &self.key));
        let version = seen(&client, remote, flag, given).await?;
        let mut body = json!({"enabled": enabled, "reason": self.reason, "expected_version": version});
        if let Some(environment) = &self.environment {
            body["environment"] = environment.as_str().into();
        }
        let answer = client.put(&["flags", flag], &body, &self.key.get()).await?;
        told(&client, remote, &answer, |flag| {
            let word = if enabled { "on" } else { "off" };
            format!("{word} in {}", clean(self.environment.as_deref().unwrap_or(&flag.environment)))
        })
    }
}

impl Split {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (flag, given) = (&self.named.flag, (self.seen.expected_version, &self.seen.key));
        let version = seen(&client, remote, flag, given).await?;
        let shares = self.shares.iter().map(|(variant, percent)| json!({"variant": variant, "percent": percent}));
        let split: Vec<Value> = shares.collect();
        let mut body = json!({"split": split, "reason": self.seen.reason, "expected_version": version});
        if let Some(environment) = &self.environment {
            body["environment"] = environment.as_str().into();
        }
        let answer = client.put(&["flags", flag, "split"], &body, &self.seen.key.get()).await?;
        told(&client, remote, &answer, |flag| {
            let shares: Vec<String> =
                self.shares.iter().map(|(variant, percent)| format!("{percent}\u{a0}% `{}`", clean(variant))).collect();
            let shares = if shares.is_empty() { "the same for everybody".to_owned() } else { shares.join(", ") };
            format!("{shares} in {}", clean(self.environment.as_deref().unwrap_or(&flag.environment)))
        })
    }
}

impl Retire {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (flag, given) = (&self.named.flag, (self.seen.expected_version, &self.seen.key));
        let version = seen(&client, remote, flag, given).await?;
        let body = json!({"reason": self.seen.reason, "expected_version": version});
        let answer = client.post(&["flags", flag, "retire"], &body, &self.seen.key.get()).await?;
        told(&client, remote, &answer, |_| "retired: clients get their own defaults".to_owned())
    }
}

/// What an act brought about, and where it stands in the log.
fn told(client: &Client, remote: &Remote, answer: &Value, now: impl Fn(&FlagSummary) -> String) -> Result<u8> {
    let Flipped { flag, decision } = client.shape(answer)?;
    if remote.json {
        say(&answer.to_string());
    } else {
        say(&format!("`{}` is {}; version {}.", clean(&flag.key), now(&flag), flag.version));
        say(&format!("Decision {}, number {} in the log.", decision.id, decision.leaf_index));
    }
    Ok(exit::DONE)
}

/// The version to act on: the one given, else the flag's own, shown as it was seen.
async fn seen(client: &Client, remote: &Remote, flag: &str, (given, key): (Option<i64>, &Key)) -> Result<i64> {
    if let Some(version) = given {
        return Ok(version);
    }
    if key.given() {
        return Err(wrong("`--idempotency-key` needs `--expected-version` beside it: asking again must ask the same"));
    }
    let flag: FlagSummary = client.shape(&client.get(&["flags", flag], &[]).await?)?;
    if !remote.json {
        complain(&format!("Seen: {}; version {}.", standing(&flag), flag.version));
    }
    Ok(flag.version)
}

fn state(flag: &FlagSummary) -> &'static str {
    if flag.retired.is_some() {
        return "retired";
    }
    if flag.enabled { "on" } else { "off" }
}

/// `` `pay.new` is off since 2026-11-19 14:03 (Maya Ortiz: “too many errors”) ``
fn standing(flag: &FlagSummary) -> String {
    if let Some(retired) = &flag.retired {
        let (at, by, reason) = (moment_of(&retired.at), clean(&retired.by), clean(&retired.reason));
        return format!("`{}` is retired since {at} ({by}: “{reason}”)", clean(&flag.key));
    }
    let flip = flag.last_flip.as_ref().filter(|flip| flip.environment == flag.environment);
    let since =
        flip.map(|flip| format!(" since {} ({}: “{}”)", moment_of(&flip.at), clean(&flip.by), clean(&flip.reason)));
    format!("`{}` is {}{}", clean(&flag.key), state(flag), since.unwrap_or_default())
}

fn expiry(flag: &FlagSummary) -> String {
    match &flag.expires {
        Some(_) if flag.expired => "expired".to_owned(),
        Some(at) => at.chars().take(10).collect(),
        None => "never".to_owned(),
    }
}

fn what(event: &Value) -> String {
    let word = |value: &Value| clean(value.as_str().unwrap_or_default());
    match event["event"].as_str() {
        Some("flipped") => {
            let flip = &event["flip"];
            let to = if flip["enabled"] == true { "on" } else { "off" };
            format!(
                "Switched {to} in {}. “{}” ({})",
                word(&flip["environment"]),
                word(&flip["reason"]),
                word(&flip["by"])
            )
        }
        Some("retired") => {
            let retired = &event["retired"];
            format!("Retired. “{}” ({})", word(&retired["reason"]), word(&retired["by"]))
        }
        Some("defined") => format!("Written. “{}” ({})", word(&event["reason"]), word(&event["by"])),
        _ => format!("{} “{}” ({})", word(&event["event"]), word(&event["reason"]), word(&event["by"])),
    }
}

fn sentence(text: &str) -> String {
    let text = clean(text.trim());
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}
