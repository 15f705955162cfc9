//! `sternway judge`: the judge on recorded arms, and a recorded verdict once more.

use super::exit;
use super::plan::in_file;
use super::remote::{Remote, Result, Trouble, read_file, wrong};
use super::terminal::{clean, say};
use crate::service::{self, judge_again};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sternway_domain::id::{DecisionId, Digest};
use sternway_domain::judge::arms::{Outcome, Recorded, run};
use sternway_domain::judge::{GuardFinding, JUDGE_VERSION, VerdictKind, odds};

/// Of `judge run`: not decided.
const UNDECIDED: u8 = 2;

const HELP: &str = "\
Exit codes of `run`:
  0   pass
  1   fail
  2   undecided
  3   the input is not usable; the message says why
  64  the command line itself is wrong
Exit codes of `replay`:
  0   the recorded verdict was found again, to the last bit
  1   another one was, or the evidence is not the one that was recorded
  3   the server cannot be reached, or nothing was recorded that could be recomputed";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(super) struct JudgeCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Judge two recorded arms; needs no server
    Run(Run),
    /// Recompute the verdict that a decision rests on
    Replay(Replay),
}

/// One row per instance and tick with the counts of that tick: `time` (seconds), `instance`, `requests`, `errors`, then
/// cumulative latency buckets `le_0.005` … `le_inf` if there are any.
#[derive(Debug, Args)]
struct Run {
    /// CSV of the version that runs now
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// CSV of the version that should
    #[arg(long, value_name = "FILE")]
    canary: PathBuf,
    /// The plan whose guards and limits apply
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    remote: Remote,
    /// The decision, by its id
    #[arg(value_name = "DECISION")]
    decision: String,
}

impl JudgeCommand {
    pub(super) async fn run(self) -> ExitCode {
        match self.what {
            What::Run(run) => {
                let json = run.json;
                exit::code(run.judged(), json)
            }
            What::Replay(replay) => {
                let json = replay.remote.json;
                exit::code(replay.again().await, json)
            }
        }
    }
}

impl Run {
    fn judged(&self) -> Result<u8> {
        let (plan, _) = in_file(&self.plan)?;
        let arm = |path: &Path| {
            let text = read_file(path)?;
            Recorded::parse(&clean(&path.display().to_string()), &text).map_err(|error| wrong(error.to_string()))
        };
        let (baseline, canary) = (arm(&self.baseline)?, arm(&self.canary)?);
        let outcome = run(&baseline, &canary, &plan).map_err(|error| wrong(error.to_string()))?;
        let Some(outcome) = outcome else { return Err(wrong("the files hold no tick".to_owned())) };
        say(&if self.json { as_json(&outcome).to_string() } else { as_text(&outcome) });
        Ok(match outcome.verdict.kind {
            VerdictKind::Pass => exit::DONE,
            VerdictKind::Fail => 1,
            _ => UNDECIDED,
        })
    }
}

fn as_json(outcome: &Outcome) -> Value {
    let metric = |finding: &GuardFinding| {
        let value = json!({
            "verdict": finding.kind.as_str(),
            "canary": finding.canary,
            "baseline": finding.baseline,
            "tolerated": finding.tolerated,
            "evidence": finding.evidence,
            "sentence": finding.sentence,
        });
        (finding.metric.to_string(), value)
    };
    let verdict = &outcome.verdict;
    json!({
        "verdict": verdict.kind.as_str(),
        "decided_at": outcome.decided_at,
        "ticks": outcome.ticks,
        "by_metric": verdict.guards.iter().map(metric).collect::<serde_json::Map<_, _>>(),
        "limits": verdict.limits,
        "evidence": verdict.evidence,
        "sentence": verdict.sentence,
        "next": verdict.next,
        "judge_version": verdict.judge_version,
    })
}

fn as_text(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    let when = outcome.decided_at.map_or_else(String::new, |at| format!(" after {at} s"));
    let mut lines = vec![
        format!("{}{when}, {} ticks. {}", verdict.kind.label(), outcome.ticks, verdict.sentence),
        verdict.next.clone(),
    ];
    for finding in &verdict.guards {
        let evidence = finding.evidence.map_or_else(String::new, |evidence| {
            let promote =
                evidence.promote.map_or_else(String::new, |value| format!(", {} toward promoting", odds(value)));
            format!(" Evidence {} toward rolling back{promote}.", odds(evidence.back))
        });
        lines.push(format!("  {}: {}{evidence}", finding.kind.label(), finding.sentence));
    }
    lines.push(format!("Judge {}.", verdict.judge_version));
    lines.iter().filter(|line| !line.is_empty()).map(|line| clean(line)).collect::<Vec<_>>().join("\n")
}

impl Replay {
    async fn again(&self) -> Result<u8> {
        let id = &self.decision;
        if id.parse::<DecisionId>().is_err() {
            return Err(wrong(format!("`{}` is not the id of a decision; `sternway decisions` lists them", clean(id))));
        }
        let client = self.remote.client()?;
        let decision = client.get(&["decisions", id], &[]).await?;
        let Some(digest) = decision["evidence"].as_str() else {
            return Err(wrong("the decision rests on no evidence".to_owned()));
        };
        let body = client.raw(&["evidence", digest]).await?;
        let intact = Digest::of(&body).as_str() == digest;
        let (recorded, again) = match client.read(&body).and_then(|evidence| judge_again(&evidence).map_err(unjudged)) {
            Ok(both) => both,
            // What was altered is no evidence of anything, whatever is wrong with it besides.
            Err(_) if !intact => (Value::Null, Value::Null),
            Err(error) => return Err(error),
        };
        let same = intact && again == recorded;
        if self.remote.json {
            say(&json!({"same": same, "evidence_intact": intact, "recorded": recorded, "again": again, "judge_version": JUDGE_VERSION})
                .to_string());
        } else if same {
            say(&format!("The same to the last bit: {}", clean(recorded["sentence"].as_str().unwrap_or_default())));
        } else {
            let altered = if intact { "" } else { " The evidence does not have the digest that the decision names." };
            say(&format!("Not the same.{altered}"));
            if !recorded.is_null() {
                say(&format!("Recorded: {}\nNow:      {}", clean(&recorded.to_string()), clean(&again.to_string())));
            }
        }
        Ok(u8::from(!same))
    }
}

fn unjudged(why: service::Replay) -> Trouble {
    match why {
        service::Replay::Version(version) => wrong(format!(
            "the verdict was made by judge `{}`, this program has `{JUDGE_VERSION}`: replay it with the program of then",
            clean(&version)
        )),
        _ => wrong("no verdict was recorded with its inputs: nothing had been judged".to_owned()),
    }
}
