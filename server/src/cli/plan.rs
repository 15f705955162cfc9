//! `sternway plan`: the plans there are, what one of them means with every default written out, and what to expect of it.

use super::exit;
use super::remote::{Remote, Result, Trouble, read_file, wrong};
use super::terminal::{clean, moment_of, say, table, text};
use crate::documents::{self, Body, effective_plan_text};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sternway_domain::judge::estimate::estimate;
use sternway_domain::plan::{Mode, Plan};
use sternway_domain::signal::stats::{Part, Sums};
use sternway_domain::time::Span;

#[derive(Debug, Args)]
pub(super) struct PlanCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the plans
    List,
    /// Show a plan as it was written, or with --effective as it will be applied
    Show(Show),
    /// When each stage would notice a worse version, and when it could go on
    Estimate(Estimate),
}

#[derive(Debug, Args)]
struct Show {
    /// The plan, by its name
    #[arg(value_name = "NAME", required_unless_present = "file")]
    name: Option<String>,
    /// A file instead of a plan of the server; needs no server (`-`: standard input)
    #[arg(long, short, value_name = "FILE", conflicts_with = "name")]
    file: Option<PathBuf>,
    /// With every default written out
    #[arg(long)]
    effective: bool,
}

/// For a service as it was seen lately, or as it is on average. Latency needs what was seen: its histogram.
#[derive(Debug, Args)]
struct Estimate {
    /// The plan, by its name
    #[arg(value_name = "NAME", required_unless_present = "file")]
    name: Option<String>,
    /// A file instead of a plan of the server; needs no server (`-`: standard input)
    #[arg(long, short, value_name = "FILE", conflicts_with = "name")]
    file: Option<PathBuf>,
    /// A service of the server: what was seen of it lately, and whether the plan would have fired then
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "requests", "errors"], required_unless_present = "requests")]
    service: Option<String>,
    /// Requests per second of the whole service
    #[arg(long, value_name = "PER_SECOND")]
    requests: Option<f64>,
    /// Share of them that fails anyway, 0 to 1
    #[arg(long, value_name = "RATIO", default_value_t = 0.001)]
    errors: f64,
}

impl PlanCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match &self.what {
            What::List => list(remote).await,
            What::Show(show) => show.run(remote).await,
            What::Estimate(estimate) => estimate.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}

async fn list(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["plans"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let mut table = table(&["plan", "version", "mode", "stages", "applied (UTC)"]);
    for item in json["items"].as_array().into_iter().flatten() {
        let word = |name: &str| clean(item[name].as_str().unwrap_or_default());
        let plan: Option<Plan> = client.shape(&item["document"]).ok();
        let (mode, stages) = plan.as_ref().map(|plan| (mode(plan.mode), stages(plan))).unwrap_or_default();
        let version = item["version"].as_i64().unwrap_or_default();
        table.add_row([
            Cell::new(word("name")),
            Cell::new(version),
            Cell::new(mode),
            Cell::new(stages),
            Cell::new(moment_of(&word("applied_at"))),
        ]);
    }
    say(if table.is_empty() { "No plans.".to_owned() } else { text(&mut table) }.as_str());
    Ok(exit::DONE)
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Manual => "manual",
        Mode::Assisted => "assisted",
        Mode::Automatic => "automatic",
    }
}

fn stages(plan: &Plan) -> String {
    plan.stages.iter().map(|stage| stage.weight.percent().to_string()).collect::<Vec<_>>().join(" → ") + "\u{a0}%"
}

impl Show {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        let (plan, source, json) = match (&self.file, &self.name) {
            (Some(path), _) => {
                let (plan, source) = in_file(path)?;
                let json = json!({"name": plan.name, "document": plan.clone().effective(), "source": source});
                (plan, source, json)
            }
            (None, name) => {
                let client = remote.client()?;
                let json: Value = client.get(&["plans", name.as_deref().unwrap_or_default()], &[]).await?;
                let plan: Plan = client.shape(&json["document"])?;
                let source = json["source"].as_str().unwrap_or_default().to_owned();
                (plan, source, json)
            }
        };
        if remote.json {
            let shown = if self.effective { Value::deserialize(&json["document"]).unwrap_or_default() } else { json };
            say(&shown.to_string());
        } else if self.effective {
            say(effective_plan_text(&plan).trim_end());
        } else {
            say(source.trim_end());
        }
        Ok(exit::DONE)
    }
}

impl Estimate {
    async fn run(&self, remote: &Remote) -> Result<u8> {
        match (&self.service, self.requests) {
            (Some(service), _) => self.as_seen(remote, service).await,
            (None, requests) => self.on_average(remote, requests.unwrap_or_default()).await,
        }
    }

    async fn as_seen(&self, remote: &Remote, service: &str) -> Result<u8> {
        let client = remote.client()?;
        let path = ["plans", self.name.as_deref().unwrap_or_default(), "expected"];
        let json = client.get(&path, &[("service", service.to_owned())]).await?;
        if remote.json {
            say(&json.to_string());
            return Ok(exit::DONE);
        }
        let sentences: Vec<String> = client.shape(&json["sentences"])?;
        sentences.iter().for_each(|sentence| say(&clean(sentence)));
        Ok(exit::DONE)
    }

    async fn on_average(&self, remote: &Remote, requests: f64) -> Result<u8> {
        if !(requests > 0.0 && requests.is_finite()) {
            return Err(wrong(format!("`--requests` is a number above 0, not {requests}")));
        }
        if !(0.0..=1.0).contains(&self.errors) {
            return Err(wrong(format!("`--errors` is a share from 0 to 1, not {}", self.errors)));
        }
        let plan: Plan = match (&self.file, &self.name) {
            (Some(path), _) => in_file(path)?.0,
            (None, name) => {
                let client = remote.client()?;
                let json = client.get(&["plans", name.as_deref().unwrap_or_default()], &[]).await?;
                client.shape(&json["document"])?
            }
        };
        let minute = 60.0 * requests;
        let errors = Some(Part { part: minute * self.errors, of: minute });
        let usual = Sums { span: Span::from_secs(60), requests: minute, errors, ..Sums::default() };
        let Some(found) = estimate(&plan, &usual, &[]) else {
            return Err(wrong("there is nothing to estimate".to_owned()));
        };
        if remote.json {
            say(&serde_json::to_string(&found).unwrap_or_default());
            return Ok(exit::DONE);
        }
        found.sentences().iter().for_each(|sentence| say(sentence));
        Ok(exit::DONE)
    }
}

/// The one plan of a file, as it was written.
pub(super) fn in_file(path: &Path) -> Result<(Plan, String)> {
    let text = read_file(path)?;
    let file = if path == Path::new("-") { "stdin.yaml".to_owned() } else { path.display().to_string() };
    let documents = documents::parse(&[(file.clone(), text)]).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Trouble::Documents(lines)
    })?;
    let mut plans = documents.into_iter().filter_map(|document| match document.body {
        Body::Plan(plan) => Some((plan, document.source)),
        _ => None,
    });
    match (plans.next(), plans.next()) {
        (Some(plan), None) => Ok(plan),
        (None, _) => Err(wrong(format!("`{}` holds no plan", clean(&file)))),
        (Some(_), Some(_)) => Err(wrong(format!("`{}` holds several plans; show one at a time", clean(&file)))),
    }
}
