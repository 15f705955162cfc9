//! Going back: what it would do, where it stands, what is chosen on the way.

use super::act::{On, Why, post};
use super::data::broken;
use super::look::find_any;
use crate::cli::exit;
use crate::cli::remote::{Client, Key, Remote, Result, wrong};
use crate::cli::terminal::{clean, complain, say, table, text, toned, words};
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};
use sternway_domain::preview::Preview;
use sternway_domain::saga::{Choice, Standing};

/// Take it back to the baseline.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    on: On,
    /// Why, in 3 to 2000 characters; it goes into the decision log
    #[arg(long, short, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Only these components, with commas between them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    components: Option<Vec<String>>,
    /// Only in these cells
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    cells: Option<Vec<String>>,
    /// Only these flags are switched off, instead of those of the components
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// Although the baseline has no room for all traffic; the decision shows it
    #[arg(long)]
    override_capacity: bool,
    /// The worst fit that is taken between what goes back and what stays: undeclared or breaks; the decision shows it
    #[arg(long, value_name = "FIT", value_parser = ["undeclared", "breaks"])]
    accept: Option<String>,
    /// Say what would happen, and do nothing; ends with 3 when something forbids it
    #[arg(long)]
    dry_run: bool,
}

/// Where the way back of a release stands.
#[derive(Debug, Args)]
pub(super) struct Steps {
    /// The release: its id, the beginning of its id, or a service
    #[arg(value_name = "RELEASE")]
    release: String,
}

/// Choose how it goes on where a step needs a person.
#[derive(Debug, Args)]
pub(super) struct Choose {
    /// The release: its id, the beginning of its id, or a service
    #[arg(value_name = "RELEASE")]
    release: String,
    /// retry, skip, sign_off, compensate, escalate or stop
    #[arg(value_parser = choice)]
    choice: &'static str,
    /// The step, by its number; not for compensate and stop
    #[arg(long, value_name = "NUMBER")]
    step: Option<u16>,
    /// Who is called instead of the step's role; for escalate
    #[arg(long, value_name = "ROLE")]
    to: Option<String>,
    /// Choose only if this is still the version of the saga
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    key: Key,
}

/// As the server shows it; the rest is printed as it came.
#[derive(Deserialize)]
struct Shape {
    version: i64,
    standing: Standing,
    steps: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    id: u16,
    title: String,
    status: String,
    said: String,
}

impl Rollback {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        if self.dry_run {
            return self.preview(remote).await;
        }
        let client = remote.client()?;
        let (id, version) = self.on.seen(&client, remote, "rollback").await?;
        let mut body = json!({"reason": self.reason, "expected_version": version});
        if self.override_capacity {
            body["override_capacity"] = true.into();
        }
        if let Some(accept) = &self.accept {
            body["accept"] = json!(accept);
        }
        if let Some(scope) = self.scope() {
            body["scope"] = scope;
        }
        for notice in broken(&client, &id).await? {
            complain(&notice);
        }
        post(&client, remote, &id, "rollback", &body, &self.on.key.get()).await?;
        Ok(exit::DONE)
    }

    fn scope(&self) -> Option<Value> {
        let named = [("components", &self.components), ("cells", &self.cells), ("features", &self.features)];
        let given = named.into_iter().filter_map(|(name, list)| Some((name.to_owned(), json!(list.as_ref()?))));
        let scope: serde_json::Map<String, Value> = given.collect();
        (!scope.is_empty()).then_some(Value::Object(scope))
    }

    async fn preview(&self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (id, _) = self.on.seen(&client, remote, "rollback").await?;
        let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(","));
        let query: Vec<(&str, String)> =
            [("components", list(&self.components)), ("cells", list(&self.cells)), ("features", list(&self.features))]
                .into_iter()
                .filter_map(|(name, list)| Some((name, list?)))
                .collect();
        let answer = client.get(&["releases", &id, "preview", "rollback"], &query).await?;
        if remote.json {
            say(&answer.to_string());
        }
        let Some(preview) = client.shape::<Option<Preview>>(&answer)? else {
            if !remote.json {
                say("Traffic is all there is to take back: 0 % is asked of the proxy.");
            }
            return Ok(exit::DONE);
        };
        if !remote.json {
            foreseen(&preview);
        }
        Ok(if preview.may_start() { exit::DONE } else { exit::FAILED })
    }
}

pub(super) fn foreseen(preview: &Preview) {
    let mut steps = table(&["", "step", "after", "expected", "at most"]);
    for step in &preview.steps {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        let expected = step.expected.map_or_else(|| "not known".to_owned(), |span| span.to_string());
        steps.add_row([step.id.to_string(), clean(&step.title), after.join(" "), expected, step.timeout.to_string()]);
    }
    say(&text(&mut steps));
    let expected = preview.expected.map_or_else(|| "not known yet".to_owned(), |span| span.to_string());
    say(&format!(
        "Expected in all: {expected}; the steps have {} together before one counts as late.",
        preview.at_most
    ));
    for change in &preview.migrations {
        let (from, to) = (change.from.label(), change.to.label());
        say(&format!("Data of `{}`: `{}` goes back from {from} to {to}.", change.service, change.migration));
    }
    for change in &preview.flags {
        say(&format!("Flag `{}` is switched {}.", change.flag, if change.after { "on" } else { "off" }));
    }
    if !preview.told.is_empty() {
        say(&format!("Told: {}.", clean(&preview.told.join(", "))));
    }
    for warning in &preview.warnings {
        complain(&format!("Mind: {}", clean(warning)));
    }
    for blocker in &preview.blockers {
        complain(&format!("Forbids it: {}", clean(blocker)));
    }
}

impl Steps {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let (_, answer) = saga(&client, &self.release).await?;
        if remote.json {
            say(&answer.to_string());
        } else {
            let shape: Shape = client.shape(&answer)?;
            told(&shape);
        }
        Ok(exit::DONE)
    }
}

impl Choose {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        if self.key.given() && self.expected_version.is_none() {
            return Err(wrong(
                "`--idempotency-key` needs `--expected-version` beside it: asking again must ask the same",
            ));
        }
        let client = remote.client()?;
        let (id, answer) = saga(&client, &self.release).await?;
        let shape: Shape = client.shape(&answer)?;
        let version = self.expected_version.unwrap_or(shape.version);
        let mut body = json!({"reason": self.why.reason, "expected_version": version});
        if let Some(step) = self.step {
            let undo = shape.standing.needs.iter().any(|need| need.step.0 == step && need.side.as_str() == "undo");
            body["step"] = step.into();
            body["undo"] = undo.into();
        }
        if let Some(to) = &self.to {
            body["to"] = to.as_str().into();
        }
        let chosen = client.post(&["releases", &id, "saga", self.choice], &body, &self.key.get()).await?;
        if remote.json {
            say(&chosen.to_string());
        } else {
            let sentence = chosen.pointer("/standing/sentence").and_then(Value::as_str).unwrap_or_default();
            say(&format!("Chosen: {}. {}", words(self.choice), clean(sentence)));
        }
        Ok(exit::DONE)
    }
}

async fn saga(client: &Client, release: &str) -> Result<(String, Value)> {
    let seen = find_any(client, release).await?;
    let answer = client.get(&["releases", &seen.release.id, "saga"], &[]).await?;
    Ok((seen.release.id, answer))
}

fn told(shape: &Shape) {
    say(&clean(&shape.standing.sentence));
    let mut steps = table(&["", "step", "status", ""]);
    for line in &shape.steps {
        let cell = |text: &str| Cell::new(clean(text));
        steps.add_row([Cell::new(line.id), cell(&line.title), toned(&words(&line.status)), cell(&line.said)]);
    }
    say(&text(&mut steps));
    for need in &shape.standing.needs {
        let choices: Vec<&str> = need.choices.iter().map(|choice| choice.as_str()).collect();
        complain(&format!(
            "Step {} needs {}: {}. Choose one of: {}.",
            need.step,
            clean(&need.role),
            clean(&need.why),
            choices.join(", ")
        ));
    }
}

fn choice(text: &str) -> std::result::Result<&'static str, String> {
    let text = text.replace('-', "_");
    let found = Choice::ALL.into_iter().map(Choice::as_str).find(|name| *name == text);
    found.ok_or_else(|| "write retry, skip, sign_off, compensate, escalate or stop".to_owned())
}
