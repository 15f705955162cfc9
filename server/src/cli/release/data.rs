//! Data that changes shape with a release: how far it is, moving it, asking it, and going back all the same.

use super::act::Why;
use super::look::find_any;
use crate::cli::exit;
use crate::cli::remote::{Client, Key, Remote, Result, wrong};
use crate::cli::terminal::{clean, complain, moment_of, say, table, text, toned, words};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(super) struct Data {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How far the data is, what is missing, and whether it may still go back
    Show(Show),
    /// Enter the next phase
    Move(Move),
    /// Reads or writes go back to the old data, one step
    Back(Plain),
    /// Run a query and keep what it gave
    Validate(Validate),
    /// Sign in a role that a phase asks for
    Sign(Sign),
    /// Past the point of no return: ask a second person to allow going back although data is lost
    AskGlass(Plain),
    /// As the second person: allow it
    BreakGlass(Plain),
}

#[derive(Debug, Args)]
struct Show {
    /// The release: its id, the beginning of its id, or a service
    #[arg(value_name = "RELEASE")]
    release: String,
    /// Only this migration
    #[arg(value_name = "MIGRATION")]
    migration: Option<String>,
}

/// Which migration of which release.
#[derive(Debug, Args)]
struct Which {
    /// The release: its id, the beginning of its id, or a service
    #[arg(value_name = "RELEASE")]
    release: String,
    /// The migration; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    migration: Option<String>,
    /// Act only if this is still the version of the migration
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
struct Plain {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
struct Move {
    #[command(flatten)]
    which: Which,
    /// expand, dual_write, backfill, switch_reads or contract
    #[arg(long, value_name = "PHASE")]
    to: String,
    /// Although conditions are not met; the decision shows which
    #[arg(long = "override")]
    overriding: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
struct Validate {
    #[command(flatten)]
    which: Which,
    /// The query, by its name in the document
    #[arg(long, value_name = "NAME")]
    query: String,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
struct Sign {
    #[command(flatten)]
    which: Which,
    /// `data owner`, say
    #[arg(long, value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    why: Why,
}

/// As the server shows it; the rest is printed as it came.
#[derive(Deserialize)]
struct Shape {
    name: String,
    description: String,
    version: i64,
    phase: String,
    safety: String,
    next: Option<Next>,
    moves: Vec<Moved>,
    queries: Vec<Query>,
    glass_asked: Option<Value>,
}

#[derive(Deserialize)]
struct Next {
    phase: String,
    missing: Vec<String>,
}

#[derive(Deserialize)]
struct Moved {
    to: String,
    by: String,
    reason: String,
    at: String,
}

#[derive(Deserialize)]
struct Query {
    name: String,
    wanted: String,
    result: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
    good: bool,
    detail: String,
    at: String,
}

impl Data {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        match self.what {
            What::Show(show) => show.run(remote).await,
            What::Move(Move { which, to, overriding, why }) => {
                let to = to.replace('-', "_");
                which.act(remote, "move", json!({"reason": why.reason, "to": to, "override": overriding})).await
            }
            What::Back(Plain { which, why }) => which.act(remote, "back", json!({"reason": why.reason})).await,
            What::Validate(Validate { which, query, why }) => {
                which.act(remote, "validate", json!({"reason": why.reason, "query": query})).await
            }
            What::Sign(Sign { which, role, why }) => {
                which.act(remote, "sign", json!({"reason": why.reason, "role": role})).await
            }
            What::AskGlass(Plain { which, why }) => which.act(remote, "ask_glass", json!({"reason": why.reason})).await,
            What::BreakGlass(Plain { which, why }) => {
                which.act(remote, "break_glass", json!({"reason": why.reason})).await
            }
        }
    }
}

impl Show {
    async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (_, mut items) = all(&client, &self.release).await?;
        if let Some(name) = &self.migration {
            let has = names(&items);
            items.retain(|item| item["name"] == name.as_str());
            if items.is_empty() {
                return Err(wrong(format!("the release has no migration `{name}`; {has}")));
            }
        }
        if remote.json {
            say(&json!({"items": items}).to_string());
            return Ok(exit::DONE);
        }
        if items.is_empty() {
            say("This release moves no data.");
        }
        for item in &items {
            shown(&client.shape(item)?);
        }
        Ok(exit::DONE)
    }
}

impl Which {
    async fn act(self, remote: &Remote, act: &str, mut body: Value) -> Result<u8> {
        if self.key.given() && self.expected_version.is_none() {
            return Err(wrong(
                "`--idempotency-key` needs `--expected-version` beside it: asking again must ask the same",
            ));
        }
        let client = remote.client()?;
        let (id, items) = all(&client, &self.release).await?;
        let found =
            items.iter().filter(|item| self.migration.as_ref().is_none_or(|name| item["name"] == name.as_str()));
        let found: Vec<Shape> = found.map(|item| client.shape(item)).collect::<Result<_>>()?;
        let [only] = found.as_slice() else {
            return Err(wrong(match &self.migration {
                Some(name) => format!("the release has no migration `{name}`; {}", names(&items)),
                None if items.is_empty() => "this release moves no data; name migrations when it is created".to_owned(),
                None => format!("name one with `--migration`; {}", names(&items)),
            }));
        };
        body["expected_version"] = self.expected_version.unwrap_or(only.version).into();
        let acted = client.post(&["releases", &id, "migrations", &only.name, act], &body, &self.key.get()).await?;
        if remote.json {
            say(&acted.to_string());
        } else {
            let said = acted["said"].as_str().unwrap_or_default();
            say(&format!("`{}` {}.", only.name, clean(said.trim_end_matches('.'))));
        }
        Ok(exit::DONE)
    }
}

fn names(items: &[Value]) -> String {
    let names: Vec<String> = items.iter().filter_map(|item| Some(format!("`{}`", item["name"].as_str()?))).collect();
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}

/// What two people took upon them, if they did: said wherever a rollback is asked for.
pub(super) async fn broken(client: &Client, id: &str) -> Result<Vec<String>> {
    let answer = client.get(&["releases", id, "migrations"], &[]).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    Ok(items.iter().filter_map(|item| item["glass_broken"].as_str().map(clean)).collect())
}

async fn all(client: &Client, release: &str) -> Result<(String, Vec<Value>)> {
    let seen = find_any(client, release).await?;
    let answer = client.get(&["releases", &seen.release.id, "migrations"], &[]).await?;
    Ok((seen.release.id, answer["items"].as_array().cloned().unwrap_or_default()))
}

fn shown(shape: &Shape) {
    say(&format!("{}: {}", shape.name, clean(&shape.description)));
    say(&clean(&shape.safety));
    let mut phases = table(&["phase", "entered", "by", "why"]);
    for moved in &shape.moves {
        let here = if moved.to == shape.phase { format!("{} (now)", words(&moved.to)) } else { words(&moved.to) };
        phases.add_row([here, moment_of(&moved.at), clean(&moved.by), clean(&moved.reason)]);
    }
    if !shape.moves.is_empty() {
        say(&text(&mut phases));
    }
    let mut queries = table(&["query", "", "gave", "run"]);
    for query in &shape.queries {
        let (state, gave, at) = match &query.result {
            Some(found) => (if found.good { "good" } else { "bad" }, clean(&found.detail), moment_of(&found.at)),
            None => ("not run", format!("wanted {}", query.wanted), String::new()),
        };
        queries.add_row([Cell::new(&query.name), toned(state), Cell::new(gave), Cell::new(at)]);
    }
    if !shape.queries.is_empty() {
        say(&text(&mut queries));
    }
    if let Some(next) = &shape.next {
        for missing in &next.missing {
            complain(&format!("Missing before {}: {}", words(&next.phase), clean(missing)));
        }
    }
    if let Some(by) = shape.glass_asked.as_ref().and_then(|asked| asked["by"].as_str()) {
        complain(&format!(
            "{} asks for a second person to break the glass: `sternway release data break-glass`",
            clean(by)
        ));
    }
}
