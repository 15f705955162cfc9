//! A program on this machine that deploys: named by its absolute path, listed in `deploy.commands`, never a shell.
//!
//! It sees no environment but the variables its document lists, `STERNWAY_KEY`, `STERNWAY_FENCING_TOKEN` and
//! `STERNWAY_ATTEMPT`. Its exit code is its answer: 0 done, 75 (`EX_TEMPFAIL`) failed and worth another try, anything
//! else failed. Asked about a key, 0 says done, 1 never, 2 failed, 75 still under way; anything else that it cannot
//! tell. At the deadline, or when nobody waits any more, its whole process group ends; then nobody knows what it did.
//!
//! Nobody keeps it from acting for an engine that lost its lease, so it is unfenced.

use crate::ports::{Clock, DeployOrder, DeployQuestion, Deployer};
use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::artifact::Artifact;
use sternway_domain::deploy::{DeployCommand, PLACEHOLDERS};
use sternway_domain::id::{CellName, ServiceName};
use sternway_domain::saga::Answer;
use sternway_domain::time::{Span, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// "Try again later", of sysexits.h.
const EX_TEMPFAIL: i32 = 75;
/// Bytes kept of each of its outputs: the last ones, where programs say why they failed.
const KEPT: usize = 8 * 1024;
/// Between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(2);
/// How long outputs are read after the program has ended: something it started may still hold them.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Longest time of a question.
const ASKING: Duration = Duration::from_secs(30);

/// One service's commands.
pub struct CommandDeployer {
    config: DeployCommand,
    clock: Arc<dyn Clock>,
}

/// What is filled into the arguments.
struct Values<'a> {
    service: &'a ServiceName,
    artifact: &'a Artifact,
    cells: &'a [CellName],
    key: &'a str,
    attempt: u32,
    token: u64,
}

/// How a run ended.
enum Ended {
    Exit {
        code: i32,
        output: String,
    },
    /// By a signal that is not ours.
    Killed {
        output: String,
    },
    TooLate {
        output: String,
    },
    NotStarted(String),
}

impl CommandDeployer {
    pub(in crate::steps) fn new(config: &DeployCommand, clock: Arc<dyn Clock>) -> Self {
        Self { config: config.clone(), clock }
    }

    async fn run(&self, words: &[String], values: &Values<'_>, within: Duration) -> Ended {
        let words = match fill(words, values) {
            Ok(words) => words,
            Err(text) => return Ended::NotStarted(text),
        };
        let Some((program, arguments)) = words.split_first() else {
            return Ended::NotStarted("the document names no program".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in &self.config.environment {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("STERNWAY_KEY", values.key);
        command.env("STERNWAY_FENCING_TOKEN", values.token.to_string());
        command.env("STERNWAY_ATTEMPT", values.attempt.to_string());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Ended::NotStarted(format!("`{program}` cannot be started: {error}")),
        };
        let mut group = Group::of(&child);
        let out = tokio::spawn(tail(child.stdout.take()));
        let err = tokio::spawn(tail(child.stderr.take()));
        let status = match tokio::time::timeout(within, child.wait()).await {
            Ok(status) => {
                // Its number may belong to somebody else from now on.
                group.0 = None;
                Some(status)
            }
            Err(_) => {
                group.end(&mut child).await;
                None
            }
        };
        let output = join(words_of(out).await, words_of(err).await);
        match status {
            None => Ended::TooLate { output },
            Some(Ok(status)) => exit(status, output),
            Some(Err(error)) => Ended::Killed { output: format!("it cannot be waited for: {error}") },
        }
    }
}

fn exit(status: ExitStatus, output: String) -> Ended {
    match status.code() {
        Some(code) => Ended::Exit { code, output },
        None => Ended::Killed { output: format!("{status}; {output}") },
    }
}

/// The process group of a child; ended when this is dropped, because then nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // Fails when all of it has ended already.
            let _ended = kill_process_group(pid, signal);
        }
    }

    /// Asks all of it to end, then ends it. The child is waited for only afterwards, so that its number stays its own.
    async fn end(&mut self, child: &mut Child) {
        self.signal(Signal::TERM);
        tokio::time::sleep(GRACE).await;
        self.signal(Signal::KILL);
        self.0 = None;
        if let Err(error) = child.wait().await {
            tracing::warn!(%error, "a deploying program was ended and cannot be waited for");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Reads to the end, keeping the last bytes.
async fn tail(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut part = vec![0; 4_096];
    let end = tokio::time::Instant::now() + Duration::from_secs(24 * 3_600);
    while let Ok(Ok(n @ 1..)) = tokio::time::timeout_at(end, from.read(&mut part)).await {
        kept.extend_from_slice(&part[..n]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    kept.drain(..kept.len().saturating_sub(KEPT));
    kept
}

async fn words_of(mut reading: tokio::task::JoinHandle<Vec<u8>>) -> String {
    let Ok(Ok(bytes)) = tokio::time::timeout(LAST_WORDS, &mut reading).await else {
        reading.abort();
        return String::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn join(out: String, err: String) -> String {
    match (out.is_empty(), err.is_empty()) {
        (_, true) => out,
        (true, false) => err,
        (false, false) => format!("{out}\n{err}"),
    }
}

/// Fills the placeholders. What is filled in never becomes an option of its own: an argument that begins with `-` only
/// then is refused.
fn fill(words: &[String], values: &Values<'_>) -> Result<Vec<String>, String> {
    let cells: Vec<&str> = values.cells.iter().map(CellName::as_str).collect();
    let (cells, token) = (cells.join(","), values.token.to_string());
    let value = |name: &str| match name {
        "service" => values.service.as_str(),
        "version" => values.artifact.version.as_str(),
        "digest" => values.artifact.digest.as_str(),
        "key" => values.key,
        "token" => &token,
        _ => &cells,
    };
    let mut filled = Vec::with_capacity(words.len());
    for (i, word) in words.iter().enumerate() {
        // The program itself is never filled in.
        let text = if i == 0 { word.clone() } else { replaced(word, value) };
        if text.starts_with('-') && !word.starts_with('-') {
            return Err(format!("the argument `{word}` would become the option `{text}`; write it as `--name={word}`"));
        }
        filled.push(text);
    }
    Ok(filled)
}

/// In one pass, so that nothing that was filled in is filled in again.
fn replaced<'a>(word: &str, value: impl Fn(&str) -> &'a str) -> String {
    let (mut text, mut rest) = (String::new(), word);
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let known =
            PLACEHOLDERS.iter().find(|name| rest[1..].strip_prefix(**name).is_some_and(|after| after.starts_with('}')));
        match known {
            Some(name) => {
                text.push_str(value(name));
                rest = &rest[name.len() + 2..];
            }
            None => {
                text.push('{');
                rest = &rest[1..];
            }
        }
    }
    text + rest
}

#[async_trait]
impl Deployer for CommandDeployer {
    async fn deploy(&self, order: &DeployOrder) -> Answer {
        let DeployOrder { service, artifact, cells, key, attempt, token, deadline } = order;
        let values = Values { service, artifact, cells, key, attempt: *attempt, token: *token };
        let Some(within) = left(*deadline, self.clock.now()) else {
            return Answer::Failed { error: "its deadline has passed".to_owned(), again: true };
        };
        match self.run(&self.config.run, &values, within).await {
            Ended::Exit { code: 0, output } => Answer::Done { output },
            Ended::Exit { code, output } => {
                Answer::Failed { error: format!("exit code {code}: {output}"), again: code == EX_TEMPFAIL }
            }
            Ended::Killed { output } => Answer::Unknown { detail: format!("it was ended from outside: {output}") },
            Ended::TooLate { output } => {
                let within = Span::from_micros(i64::try_from(within.as_micros()).unwrap_or(i64::MAX));
                Answer::Unknown { detail: format!("it did not end within {within} and was ended: {output}") }
            }
            Ended::NotStarted(error) => Answer::Failed { error, again: false },
        }
    }

    async fn ask(&self, question: &DeployQuestion) -> Answer {
        let DeployQuestion { service, artifact, cells, key, attempt, token } = question;
        let Some(words) = &self.config.ask else {
            return Answer::CannotTell { detail: "its document has no `ask`".to_owned() };
        };
        let values = Values { service, artifact, cells, key, attempt: *attempt, token: *token };
        match self.run(words, &values, ASKING).await {
            Ended::Exit { code: 0, output } => Answer::Done { output },
            Ended::Exit { code: 1, .. } => Answer::NeverArrived,
            Ended::Exit { code: 2, output } => Answer::Failed { error: output, again: false },
            Ended::Exit { code: EX_TEMPFAIL, .. } => Answer::Running,
            Ended::Exit { code, output } => Answer::CannotTell { detail: format!("exit code {code}: {output}") },
            Ended::Killed { output: detail } | Ended::NotStarted(detail) => Answer::CannotTell { detail },
            Ended::TooLate { .. } => Answer::Unknown { detail: "the question was not answered in time".to_owned() },
        }
    }

    fn fenced(&self) -> bool {
        false
    }
}

fn left(deadline: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = deadline.since(now);
    (left > Span::ZERO).then(|| crate::steps::wire::duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_stays_within_its_argument_and_is_not_filled_in_again() {
        let artifact = |version: &str| Artifact {
            version: version.to_owned().try_into().expect("a version"),
            digest: sternway_domain::id::Digest::of(b"x"),
        };
        let (service, old) = (ServiceName::new("checkout").expect("a name"), artifact("1.41.3"));
        let cells = ["eu", "us"].map(|name| CellName::new(name).expect("a name"));
        let values =
            Values { service: &service, artifact: &old, cells: &cells, key: "{service}", attempt: 1, token: 7 };
        let words =
            ["/bin/{service}", "--to={service}:{version}", "{cell}", "{token}{", "{key}", "{\"a\"}"].map(str::to_owned);
        let filled = fill(&words, &values).expect("nothing becomes an option");
        assert_eq!(filled, ["/bin/{service}", "--to=checkout:1.41.3", "eu,us", "7{", "{service}", "{\"a\"}"]);
        let odd = artifact("--force");
        let values = Values { artifact: &odd, ..values };
        assert!(fill(&["/bin/x".to_owned(), "{version}".to_owned()], &values).is_err());
        assert!(fill(&["/bin/x".to_owned(), "--v={version}".to_owned()], &values).is_ok());
    }
}
