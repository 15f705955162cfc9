//! `sternway release watch`: follows a release by the stream of events until it ends.
//!
//! The stream says that something changed, never what; what it is now is read again. So nothing is lost when the line
//! breaks: it comes back and reads.

use super::find::{self, Seen};
use super::look::{find_any, history, line};
use crate::cli::exit;
use crate::cli::remote::{Client, Remote, Result, Trouble};
use crate::cli::terminal::{complain, is_terminal, say, width};
use crate::cli::words;
use crate::service::ReleaseSummary;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;
use sternway_domain::time::Span;
use tokio::time::{Instant, sleep, timeout_at};

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The release: its id, the beginning of its id, or a service (its active release, or its last one)
    #[arg(value_name = "RELEASE")]
    release: String,
    #[command(flatten)]
    patience: Patience,
}

/// How long a release is followed.
#[derive(Debug, Clone, Args)]
pub(super) struct Patience {
    /// Stop following after this long (`90s`, `45m`, `2h`) with exit code 4; the release goes on
    #[arg(long, value_name = "TIME", help_heading = "Watching")]
    timeout: Option<Span>,
    /// Give up when the server has not answered for this long
    #[arg(long, value_name = "TIME", default_value = "5m", help_heading = "Watching")]
    lost_after: Span,
    /// Follow on when a person has to look, until the release ends
    #[arg(long, help_heading = "Watching")]
    until_ended: bool,
}

impl Watch {
    pub(super) async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let seen = find_any(&client, &self.release).await?;
        Follow::new(&client, remote, seen.release.id, self.patience).end().await
    }
}

/// How it ended, as far as it has.
fn outcome(release: &ReleaseSummary, hold: Option<&str>, until_ended: bool) -> Option<(u8, &'static str)> {
    match release.state.as_str() {
        "promoted" => Some((exit::DONE, "Promoted")),
        "rolled_back" => Some((exit::ROLLED_BACK, "Rolled back")),
        "partially_rolled_back" => Some((exit::ROLLED_BACK, "Rolled back only in part: a person has to look")),
        "cancelled" => Some((exit::NEEDS_A_PERSON, "Cancelled")),
        _ if until_ended => None,
        "frozen" => Some((exit::NEEDS_A_PERSON, "Frozen: a person has to look")),
        "holding" if hold == Some("deadline") => {
            Some((exit::NEEDS_A_PERSON, "Not decided in time: a person has to look"))
        }
        _ => None,
    }
}

/// One release being followed.
pub(super) struct Follow<'a> {
    client: &'a Client,
    json: bool,
    id: String,
    patience: Patience,
    since: Instant,
    /// Version up to which events were told.
    told: i64,
    /// Why it was held last.
    hold: Option<String>,
    /// The last `id` of the stream.
    cursor: Option<String>,
    /// When the server last answered.
    answered: Instant,
    status: Status,
}

impl<'a> Follow<'a> {
    /// Without a signal it is looked anyway: a lost one costs time, nothing else.
    const ANYWAY: Duration = Duration::from_secs(15);
    const LONGEST_PAUSE: Duration = Duration::from_secs(10);

    pub(super) fn new(client: &'a Client, remote: &Remote, id: String, patience: Patience) -> Self {
        let now = Instant::now();
        let status = Status { shown: is_terminal() && !remote.json, last: String::new() };
        Self {
            client,
            json: remote.json,
            id,
            patience,
            since: now,
            told: 0,
            hold: None,
            cursor: None,
            answered: now,
            status,
        }
    }

    /// Follows to the end; the exit code.
    pub(super) async fn end(mut self) -> Result<u8> {
        let limit = self.patience.timeout.map(|limit| self.since + duration(limit));
        let followed = async {
            match limit {
                None => Some(self.follow().await),
                Some(limit) => timeout_at(limit, self.follow()).await.ok(),
            }
        };
        let ended = followed.await;
        self.status.clear();
        match ended {
            Some(ended) => ended,
            None => {
                let lasted = words::lasting(self.patience.timeout.unwrap_or_default());
                let text = format!("The release has not ended after {lasted}; it goes on without being watched.");
                self.last(&text, exit::TIMED_OUT, Value::Null);
                Ok(exit::TIMED_OUT)
            }
        }
    }

    async fn follow(&mut self) -> Result<u8> {
        let mut pause = Duration::from_secs(1);
        loop {
            let broken = match self.session(&mut pause).await {
                Ok(code) => return Ok(code),
                Err(trouble) if !trouble.passing() => return Err(trouble),
                Err(trouble) => trouble,
            };
            if self.told == 0 || self.answered.elapsed() > duration(self.patience.lost_after) {
                return Err(broken);
            }
            self.status.clear();
            if !matches!(broken, Trouble::Broken { .. }) {
                complain(&format!("{}; trying again", broken.text()));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Self::LONGEST_PAUSE);
        }
    }

    /// One connection. Ends with the release, or with what broke it.
    async fn session(&mut self, pause: &mut Duration) -> Result<u8> {
        // Heard before looking, so that nothing falls in between.
        let stream = self.client.events(self.cursor.as_deref()).await;
        if let Some(code) = self.look().await? {
            return Ok(code);
        }
        let mut stream = stream?;
        *pause = Duration::from_secs(1);
        let topic = format!("release:{}", self.id);
        let mut looked = Instant::now();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            let told = tokio::select! {
                told = stream.next() => told?,
                _ = second.tick(), if self.status.shown => {
                    self.status.show(self.since.elapsed());
                    continue;
                }
            };
            self.answered = Instant::now();
            self.cursor = told.id.or(self.cursor.take());
            let about = serde_json::from_str::<Value>(&told.data).unwrap_or_default();
            let about = about.get("topic").and_then(Value::as_str).unwrap_or("resync");
            if about == topic || about == "resync" || looked.elapsed() > Self::ANYWAY {
                if let Some(code) = self.look().await? {
                    return Ok(code);
                }
                looked = Instant::now();
            }
        }
    }

    /// Reads how it stands and tells what is new; the exit code if it has ended.
    async fn look(&mut self) -> Result<Option<u8>> {
        let Seen { release, json, .. } = find::by_id(self.client, &self.id).await?;
        if release.version > self.told {
            let first = self.told == 0;
            for (happened, raw) in history(self.client, &self.id, self.told).await? {
                self.told = happened.version;
                if happened.event.get("event").and_then(Value::as_str) == Some("held") {
                    let cause = happened.event.pointer("/cause/cause").and_then(Value::as_str);
                    self.hold = cause.map(str::to_owned);
                }
                if self.json {
                    say(&raw.to_string());
                } else if !first || release.version - happened.version < 4 {
                    self.status.above(&line(&happened, &release));
                }
            }
        }
        self.answered = Instant::now();
        self.status.last = words::standing(&release);
        self.status.show(self.since.elapsed());
        let Some((code, text)) = outcome(&release, self.hold.as_deref(), self.patience.until_ended) else {
            return Ok(None);
        };
        self.status.clear();
        self.last(&format!("{}. {}", text, words::standing(&release)), code, json);
        Ok(Some(code))
    }

    fn last(&self, text: &str, code: u8, release: Value) {
        if self.json {
            say(&json!({"exit_code": code, "outcome": text, "release": release}).to_string());
        } else {
            say(&format!("{text} (exit code {code})"));
        }
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_micros(span.micros().unsigned_abs())
}

/// The one line at the bottom that is written over, on terminals only.
struct Status {
    shown: bool,
    last: String,
}

impl Status {
    fn show(&self, since: Duration) {
        if self.shown {
            let watched = Span::from_secs(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)).clock();
            let line = format!("{} · watched for {watched}", self.last);
            let line: String = line.chars().take(width().unwrap_or(80).saturating_sub(1)).collect();
            self.write(&format!("\r\u{1b}[2K{line}"));
        }
    }

    /// A line that stays.
    fn above(&self, line: &str) {
        self.clear();
        say(line);
    }

    fn clear(&self) {
        if self.shown {
            self.write("\r\u{1b}[2K");
        }
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _gone = write!(out, "{text}").and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(state: &str) -> ReleaseSummary {
        serde_json::from_value(json!({
            "id": "x", "version": 3, "service": "checkout", "state": state, "stage": null, "stages": [5, 100],
            "baseline": {"version": "1", "digest": "a"}, "candidate": {"version": "2", "digest": "b"}, "plan": "p",
            "mode": "automatic", "note": "", "asked": null, "confirmed": false, "verdict": null,
            "verdict_sentence": null, "created_at": "2026-11-19T14:03:10Z", "created_by": "Maya", "ended_at": null,
        }))
        .expect("a release")
    }

    #[test]
    fn the_exit_code_says_how_it_ended() {
        let code =
            |state: &str, hold: Option<&str>, until: bool| outcome(&release(state), hold, until).map(|(code, _)| code);
        assert_eq!(code("promoted", None, false), Some(0));
        assert_eq!(code("rolled_back", None, false), Some(1));
        assert_eq!(code("partially_rolled_back", None, true), Some(1));
        assert_eq!(code("cancelled", None, true), Some(2));
        assert_eq!((code("frozen", None, false), code("frozen", None, true)), (Some(2), None));
        assert_eq!(code("holding", Some("deadline"), false), Some(2));
        for (state, hold) in [
            ("holding", Some("person")),
            ("holding", Some("no_evidence")),
            ("running", None),
            ("ready", None),
            ("rolling_back", None),
        ] {
            assert_eq!(code(state, hold, false), None, "{state}");
        }
    }
}
