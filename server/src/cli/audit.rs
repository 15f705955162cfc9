//! `sternway audit`: is the decision log the one that was signed? Asks a server or reads a database, and trusts neither.

use super::exit;
use super::remote::{Remote, Result, read_file, wrong};
use super::terminal::{clean, say};
use check::Report;
use clap::{Args, Subcommand};
use feed::{Feed, Unread};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sternway_domain::audit::checkpoint::{Checkpoint, Trust};
use sternway_domain::audit::note::{Note, VerifierKey};
use sternway_domain::plan::grouped;

mod check;
mod feed;
mod pin;

/// Something in the log is not as it was signed.
const BAD: u8 = 1;

const HELP: &str = "\
Exit codes:
  0   the log is good; of `pin`: and it extends the one that was pinned
  1   it is not: the message names the first bad entry, or what else is wrong
  3   it cannot be checked: the server or the database cannot be reached, or a value is not usable
  64  the command line itself is wrong";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Recompute the whole log, entry by entry, and hold it against its checkpoints
    #[command(after_long_help = HELP)]
    Verify(Verify),
    /// Keep the server's newest checkpoint in a file; refused if it does not extend the one that is there
    #[command(after_long_help = HELP)]
    Pin(pin::PinCommand),
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    remote: Remote,
    /// Read this database instead of asking a server: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "ADDRESS")]
    database: Option<String>,
    /// A checkpoint that was kept elsewhere: the log must still begin with what it signed. Can be given several times
    #[arg(long, value_name = "FILE")]
    pin: Vec<PathBuf>,
    /// The log's key as you were told it elsewhere, or a file that holds it. Left out: what the server says, on trust
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl AuditCommand {
    pub(super) async fn run(self) -> ExitCode {
        match self.what {
            What::Verify(verify) => {
                let json = verify.remote.json;
                exit::code(verify.verified().await, json)
            }
            What::Pin(pin) => pin.run().await,
        }
    }
}

impl Verify {
    async fn verified(self) -> Result<u8> {
        let key = self.key.as_deref().map(given_key).transpose()?;
        let pins: Vec<(String, Vec<u8>)> = self.pin.iter().map(|path| pinned(path)).collect::<Result<_>>()?;
        let (report, key) = match self.read(key, &pins).await {
            Ok(read) => read,
            Err(Unread::Corrupt(problem)) => (Report::bad(problem, None), None),
            Err(Unread::Trouble(trouble)) => return Err(trouble),
        };
        self.told(&report, key.as_ref());
        Ok(if report.good() { exit::DONE } else { BAD })
    }

    async fn read(
        &self,
        key: Option<VerifierKey>,
        pins: &[(String, Vec<u8>)],
    ) -> std::result::Result<(Report, Option<VerifierKey>), Unread> {
        let feed = match &self.database {
            Some(address) => Feed::database(address).await?,
            None => Feed::Server(self.remote.client()?),
        };
        let key = if key.is_some() { key } else { feed.key().await? };
        let newest = feed.checkpoint().await?.map(|note| ("the newest checkpoint".to_owned(), note));
        let any = newest.is_some();
        let heads = pins.iter().cloned().chain(newest).map(|(what, note)| head(&note, key.as_ref(), &what));
        let report = match heads.collect::<std::result::Result<Vec<_>, String>>() {
            Ok(heads) => {
                let signed = heads.last().filter(|_| any).map_or(0, |head| head.size);
                check::check(&feed, heads, signed).await?
            }
            Err(problem) => Report::bad(problem, None),
        };
        Ok((report, key))
    }

    fn told(&self, report: &Report, key: Option<&VerifierKey>) {
        let signed = key.map(ToString::to_string);
        if self.remote.json {
            let entries = report.verified.as_ref().map(|verified| verified.entries);
            let answer = json!({
                "good": report.good(),
                "problem": report.problem,
                "entry": report.entry,
                "entries": entries,
                "signed_entries": report.verified.as_ref().map(|verified| verified.vouched),
                "root": report.verified.as_ref().map(|verified| verified.root.to_string()),
                "checkpoints": report.verified.as_ref().map(|verified| verified.heads),
                "key": signed,
                "redacted": report.redacted,
                "clock_back": report.verified.as_ref().and_then(|verified| verified.clock_back),
            });
            say(&answer.to_string());
            return;
        }
        if let Some(problem) = &report.problem {
            say(&format!("BAD: {}.", clean(problem)));
            return;
        }
        let Some(verified) = &report.verified else { return };
        say(&format!("Good: {} entries, root {}.", grouped(verified.entries as i64), verified.root));
        match &signed {
            Some(key) => say(&format!("Signed: {} of them, with {key}.", grouped(verified.vouched as i64))),
            None => say("Signatures were not checked: give the log's key with `--key`."),
        }
        if report.redacted > 0 {
            say(&format!("Redacted: {} texts, each with an entry that says so.", report.redacted));
        }
        if let Some(index) = verified.clock_back {
            say(&format!("Note: entry {index} is dated before the one before it; the clock was set back."));
        }
    }
}

/// What was kept, and where.
fn pinned(path: &Path) -> Result<(String, Vec<u8>)> {
    Ok((format!("`{}`", path.display()), read_file(path)?.into_bytes()))
}

/// A key as it is written, or the file it is in.
fn given_key(given: &str) -> Result<VerifierKey> {
    let text = if given.contains('+') { given.to_owned() } else { read_file(Path::new(given))? };
    text.trim().parse().map_err(|error| wrong(format!("`--key`: {error}")))
}

/// What a checkpoint says, its signature checked if there is a key to check it with.
fn head(bytes: &[u8], key: Option<&VerifierKey>, what: &str) -> std::result::Result<Checkpoint, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{what}: {error}");
    match key {
        Some(key) => {
            let trusted = Trust::one(key.name(), key.clone()).open(bytes).map_err(|error| wrong(&error))?;
            Ok(trusted.checkpoint)
        }
        None => Note::parse(bytes).map_err(|error| wrong(&error))?.text().parse().map_err(|error| wrong(&error)),
    }
}
