//! `sternway release list` and `show`.

use super::find::{self, Seen, short};
use crate::cli::exit;
use crate::cli::remote::{Client, Remote, Result};
use crate::cli::terminal::{clean, moment, moment_of, percent, say, table, text, toned, words};
use crate::cli::words;
use crate::service::{ReleaseSummary, SourceSummary, TrafficStatus};
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};
use sternway_domain::checklist::{ItemState, ReleaseChecklist};
use sternway_domain::release::Event;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only those in this state: draft, ready, running, holding, promoted, rolling_back, rolled_back, …
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only those that are under way
    #[arg(long)]
    active: bool,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

impl List {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let mut query = Vec::new();
        query.extend(self.service.map(|service| ("service", service)));
        query.extend(self.state.map(|state| ("state", state.replace(['-', ' '], "_"))));
        query.extend(self.active.then(|| ("active", "true".to_owned())));
        let rows = client.list(&["releases"], &query, self.limit).await?;
        if remote.json {
            say(&json!({"items": rows}).to_string());
            return Ok(exit::DONE);
        }
        let releases = rows.iter().map(|row| client.shape(row)).collect::<Result<Vec<ReleaseSummary>>>()?;
        if releases.is_empty() {
            say("No releases.");
            return Ok(exit::DONE);
        }
        let length = short(releases.iter().map(|release| release.id.as_str()));
        let mut table = table(&["id", "service", "candidate", "state", "stage", "traffic", "verdict", "created (UTC)"]);
        for release in &releases {
            table.add_row([
                Cell::new(clean(release.id.get(..length).unwrap_or(&release.id))),
                Cell::new(clean(&release.service)),
                Cell::new(clean(&release.candidate.version)),
                toned(&words(&release.state)),
                Cell::new(words::stage(release)),
                Cell::new(words::traffic(release)),
                toned(&words(release.verdict.as_deref().unwrap_or_default())),
                Cell::new(moment_of(&release.created_at)),
            ]);
        }
        say(&text(&mut table));
        Ok(exit::DONE)
    }
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The release: its id, the beginning of its id, or a service (its active release, or its last one)
    #[arg(value_name = "RELEASE")]
    release: String,
    /// All that happened, not only the last few events
    #[arg(long)]
    history: bool,
}

/// One event of the history, as the server shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Happened {
    pub(super) version: i64,
    pub(super) event: Value,
}

impl Show {
    /// Events shown when nothing is said.
    const FEW: usize = 6;

    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let seen = find_any(&client, &self.release).await?;
        let events = history(&client, &seen.release.id, 0).await?;
        if remote.json {
            let mut json = seen.json;
            if self.history {
                json["history"] = events.into_iter().map(|(_, raw)| raw).collect();
            }
            say(&json.to_string());
            return Ok(exit::DONE);
        }
        say(&facts(&seen));
        if let Some(list) = seen.json.get("checklist").and_then(|list| ReleaseChecklist::deserialize(list).ok()) {
            say(&format!("\n{}", checklist(&list)));
        }
        let hidden = if self.history { 0 } else { events.len().saturating_sub(Self::FEW) };
        say(if hidden > 0 { "\nThe last events (--history shows all):" } else { "\nEvents:" });
        for (event, _) in &events[hidden..] {
            say(&format!("  {}", line(event, &seen.release)));
        }
        Ok(exit::DONE)
    }
}

/// By id or service; of a service without an active release, its newest.
pub(super) async fn find_any(client: &Client, named: &str) -> Result<Seen> {
    if let Ok(service) = sternway_domain::id::ServiceName::new(named.trim().to_owned()) {
        let of = |extra: Option<(&'static str, String)>| {
            let mut query = vec![("service", service.to_string())];
            query.extend(extra);
            query
        };
        let active = client.list(&["releases"], &of(Some(("active", "true".to_owned()))), 1).await?;
        let row = match active.into_iter().next() {
            Some(row) => Some(row),
            None => client.list(&["releases"], &of(None), 1).await?.into_iter().next(),
        };
        if let Some(row) = row {
            let release: ReleaseSummary = client.shape(&row)?;
            return find::by_id(client, &release.id).await;
        }
    }
    find::release(client, named, &[]).await
}

/// The events after a version, oldest first, each also as it came.
pub(super) async fn history(client: &Client, id: &str, after: i64) -> Result<Vec<(Happened, Value)>> {
    let json = client.get(&["releases", id, "history"], &[("after", after.to_string())]).await?;
    let items = json.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    items.into_iter().map(|raw| Ok((client.shape(&raw)?, raw))).collect()
}

/// `2026-11-19 14:03:10 UTC  Held: …`. What this version of the command line does not know is named only.
pub(super) fn line(happened: &Happened, release: &ReleaseSummary) -> String {
    match Event::deserialize(&happened.event) {
        Ok(event) => format!("{} UTC  {}", moment(event.at()), words::event(&event, &release.stages)),
        Err(_) => words(happened.event.get("event").and_then(Value::as_str).unwrap_or("something new")),
    }
}

fn facts(seen: &Seen) -> String {
    let release = &seen.release;
    let mut table = table(&[]);
    let mut row = |name: &str, value: Cell| {
        table.add_row([Cell::new(name), value]);
    };
    let plain = |text: String| Cell::new(clean(&text));
    row("release", plain(format!("{} → {}", words::name(release), release.id)).clone());
    row("state", toned(&words(&release.state)));
    if release.stage.is_some() {
        let weights: Vec<String> = release.stages.iter().map(|weight| percent(*weight)).collect();
        row("stage", plain(format!("{} ({})", words::stage(release), weights.join(", "))));
    }
    if let Some(asked) = release.asked {
        row("traffic", plain(asked_and_seen(asked, seen)));
    }
    if let Some(verdict) = &release.verdict {
        row("verdict", toned(&words(verdict)));
        row("", plain(release.verdict_sentence.clone().unwrap_or_default()));
    }
    let sources = seen.json.get("sources").and_then(|list| Vec::<SourceSummary>::deserialize(list).ok());
    for source in sources.unwrap_or_default() {
        let rules = if source.rules { ", rules" } else { "" };
        let said = format!("{}: {}{rules}. {}", source.name, words(&source.verdict), source.sentence);
        row(&format!("{} source", source.source), plain(said));
    }
    row("baseline", plain(format!("{} {}", release.baseline.version, release.baseline.digest)));
    row("candidate", plain(format!("{} {}", release.candidate.version, release.candidate.digest)));
    row("plan", plain(format!("{}, {}", release.plan, release.mode)));
    row("for", plain(release.note.clone()));
    row("created", plain(format!("{} UTC by {}", moment_of(&release.created_at), release.created_by)));
    if let Some(ended) = &release.ended_at {
        row("ended", plain(format!("{} UTC", moment_of(ended))));
    }
    for part in seen.json.get("went_back").and_then(Value::as_array).into_iter().flatten() {
        row("went back", plain(gone(part)));
    }
    if let Some(recovery) = seen.json.pointer("/recovery/sentence").and_then(Value::as_str) {
        row("way back", plain(recovery.to_owned()));
    }
    if let Some(since) = seen.json.pointer("/automation_hold/since").and_then(Value::as_str) {
        row("automation", plain(held(since, seen)));
    }
    if let Some(freeze) = seen.json.get("change_freeze").filter(|freeze| freeze.is_object()) {
        row("change freeze", plain(frozen(freeze)));
    }
    row("version", plain(release.version.to_string()));
    let acts = if seen.acts.is_empty() { "none".to_owned() } else { seen.acts.join(", ") };
    row("possible", plain(acts));
    text(&mut table)
}

/// `auth, at 14:03 by Maya Ortiz: errors in sign-in`.
fn gone(part: &Value) -> String {
    let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
    let services: Vec<&str> =
        part.get("services").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let services = if services.is_empty() { "only flags".to_owned() } else { services.join(", ") };
    format!("{services}, {} UTC by {}: {}", moment_of(text("at")), text("by"), text("reason"))
}

/// `checkout until 2027-01-04 07:00:00 UTC: Christmas; start and promote need --override-freeze`
fn frozen(freeze: &Value) -> String {
    let text = |name: &str| freeze.get(name).and_then(Value::as_str).unwrap_or_default();
    let until = match text("until") {
        "" => "for more than a year".to_owned(),
        until => format!("until {} UTC", moment_of(until)),
    };
    let (service, why) = (text("service"), text("description"));
    format!("{service} {until}: {why}; `start` and `promote` need --override-freeze")
}

/// Which release rules wait for, and how to let them act again.
fn held(since: &str, seen: &Seen) -> String {
    let of = |name: &str| seen.json.pointer(&format!("/automation_hold/{name}")).and_then(Value::as_str).unwrap_or("");
    format!(
        "off since {} UTC: `{}` was rolled back ({}); resume with `sternway release resume-automation {}`",
        moment_of(since),
        of("service"),
        of("why"),
        of("release")
    )
}

/// Asked and observed are two things.
fn asked_and_seen(asked: u8, seen: &Seen) -> String {
    let status = seen.json.get("traffic").and_then(|status| TrafficStatus::deserialize(status).ok());
    let observed = match status.and_then(|status| Some((status.observed?, status.observed_at, status.from))) {
        Some((weight, at, from)) => {
            let at = at.map(|at| format!(", {} UTC", moment(at))).unwrap_or_default();
            format!("{} observed at `{from}`{at}", percent(weight.percent()))
        }
        None => "nothing observed yet".to_owned(),
    };
    let sure = if seen.release.confirmed { "confirmed" } else { "not confirmed" };
    format!("{} asked, {sure}; {observed}", percent(asked))
}

fn checklist(list: &ReleaseChecklist) -> String {
    let open = list.items.iter().filter(|item| item.state == ItemState::Open).count();
    let mut table = table(&["item", "state", "", "owner"]);
    for item in &list.items {
        let (state, proof) = match &item.state {
            ItemState::Open => ("open", item.item.title.clone()),
            ItemState::Done { evidence } => ("done", evidence.clone()),
            ItemState::NotApplicable { reason } => ("not applicable", reason.clone()),
        };
        table.add_row([
            Cell::new(clean(item.item.id.as_str())),
            toned(state),
            Cell::new(clean(&proof)),
            Cell::new(clean(&item.item.owner)),
        ]);
    }
    let name = clean(list.name.as_str());
    format!("Checklist `{name}`: {open} of {} open.\n{}", list.items.len(), text(&mut table))
}
