//! `sternway audit`: is the decision log the one that was signed? Asks a server or reads a database, and trusts neither.

use super::exit;
use super::remote::{Remote, Result, read_file};
use super::terminal::{clean, say};
use crate::pack::Known;
use crate::ports::Clock;
use crate::system::SystemClock;
use check::Report;
use clap::{Args, Subcommand};
use feed::{Feed, Unread};
use keys::Keys;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::note::{Note, VerifierKey};
use sternway_domain::plan::grouped;
use sternway_domain::time::Span;

mod aside;
mod belt;
mod change;
mod check;
mod export;
mod feed;
mod hold;
mod kept;
mod keys;
mod look;
mod packed;
mod pin;
mod redact;

/// Something in the log is not as it was signed.
const BAD: u8 = 1;

const HELP: &str = "\
Exit codes:
  0   the log is good; of `pin`: and it extends the one that was pinned
  1   it is not: the message names the first bad entry, or what else is wrong; of a pack, the file too
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
    /// Recompute the whole log, entry by entry, and hold it against its checkpoints; or check an evidence pack
    #[command(after_long_help = HELP)]
    Verify(Verify),
    /// Take decisions out as an evidence pack: one zip of texts, sealed entries, evidence and proofs
    #[command(after_long_help = super::exit::HELP)]
    Export(export::ExportCommand),
    /// Keep the server's newest checkpoint in a file; refused if it does not extend the one that is there
    #[command(after_long_help = HELP)]
    Pin(pin::PinCommand),
    /// How the log stands: what is signed with which key, and who outside has seen it
    Status(change::StatusCommand),
    /// Put a new key in the place of the one that signs the log; both vouch for each other
    RotateKey(change::ChangeCommand),
    /// Go on under a new key because the old one is lost for good; that stays visible
    NewKey(change::ChangeCommand),
    /// Print a new secret key, to be put before the one in use in `STERNWAY_LOG_KEY`; then use `rotate-key`
    MakeKey(change::MakeKeyCommand),
    /// Take texts of a decision out of everything the server stores; its entry stays
    Redact(redact::RedactCommand),
    /// Legal holds: what must not be taken out, by people or by the rule of retention
    Hold(hold::HoldCommand),
    /// How long the server keeps texts of the log
    Retention(hold::RetentionCommand),
    /// Print which addresses leave no entry in the log, and why
    Unlogged,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    remote: Remote,
    /// Check this evidence pack instead of asking a server; needs no network
    #[arg(value_name = "PACK", conflicts_with = "database")]
    pack: Option<PathBuf>,
    /// Read this database instead of asking a server: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "ADDRESS")]
    database: Option<String>,
    /// A checkpoint that was kept elsewhere: the log must still begin with what it signed. Can be given several times
    #[arg(long, value_name = "FILE")]
    pin: Vec<PathBuf>,
    /// The log's key as you were told it elsewhere, or a file with it or with all keys there were, as at `/log/key`. Keys
    /// that it vouches for count too. Left out: what the server says, on trust
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
            What::Export(export) => export.run().await,
            What::Pin(pin) => pin.run().await,
            What::Status(status) => status.run().await,
            What::RotateKey(change) => change.run(false).await,
            What::NewKey(change) => change.run(true).await,
            What::MakeKey(make) => make.run(),
            What::Redact(redact) => redact.run().await,
            What::Hold(hold) => hold.run().await,
            What::Retention(retention) => retention.run().await,
            What::Unlogged => {
                say(crate::http::unlogged().trim_end());
                ExitCode::SUCCESS
            }
        }
    }
}

impl Verify {
    async fn verified(self) -> Result<u8> {
        let given = self.key.as_deref().map(keys::given).transpose()?;
        let pins: Vec<(String, Vec<u8>)> = self.pin.iter().map(|path| pinned(path)).collect::<Result<_>>()?;
        if let Some(path) = &self.pack {
            return packed::verified(path, Known { keys: given, pins }, self.remote.json);
        }
        let (report, signed) = match self.read(given, &pins).await {
            Ok(read) => read,
            Err(Unread::Corrupt(problem)) => (Report::bad(problem, None), Signed::default()),
            Err(Unread::Trouble(trouble)) => return Err(trouble),
        };
        self.told(&report, &signed);
        Ok(if report.good() { exit::DONE } else { BAD })
    }

    async fn read(
        &self,
        given: Option<Vec<VerifierKey>>,
        pins: &[(String, Vec<u8>)],
    ) -> std::result::Result<(Report, Signed), Unread> {
        let feed = match &self.database {
            Some(address) => Feed::database(address).await?,
            None => Feed::Server(self.remote.client()?),
        };
        let keys = Keys::of(&feed, given).await?;
        let newest = feed.checkpoint().await?.map(|note| ("the newest checkpoint".to_owned(), note));
        let any = newest.is_some();
        // What the server or the database says by itself is another matter: it may not have signed anything yet.
        if !any && self.key.is_some() && feed.size(0).await? > 0 {
            let problem = "no checkpoint is there: nothing of the log is signed with the key that you gave";
            return Ok((Report::bad(problem.to_owned(), None), Signed::default()));
        }
        let mut signed = Signed { key: None, breaks: keys.breaks() };
        let heads = pins.iter().cloned().chain(newest).map(|(what, note)| head(&note, &keys, &what, &mut signed));
        let report = match heads.collect::<std::result::Result<Vec<_>, String>>() {
            Ok(heads) => {
                let size = heads.last().filter(|_| any).map_or(0, |head| head.size);
                check::check(feed, &keys, heads, size).await?
            }
            Err(problem) => Report::bad(problem, None),
        };
        Ok((report, signed))
    }

    fn told(&self, report: &Report, signed: &Signed) {
        let Signed { key: signed, breaks } = signed;
        let newest = report.verified.as_ref().and_then(|verified| verified.newest);
        // Clocks differ by a little.
        let future = newest.filter(|(at, _)| *at > SystemClock.now() + Span::from_secs(300));
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
                "key_breaks": breaks,
                "redacted": report.redacted,
                "verdicts_replayed": report.replayed,
                "beside_checked": self.database.is_some(),
                "clock_back": report.verified.as_ref().and_then(|verified| verified.clock_back),
                "future": future.map(|(_, index)| index),
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
        for from in breaks {
            say(&format!(
                "Note: from {from} entries on another key signs, for which the one before does not vouch: it was lost. \
                 Entry {} says so.",
                from - 1
            ));
        }
        if let Some((at, index)) = future {
            let at = at.to_rfc3339();
            say(&format!("Note: entry {index} is dated {at}, which has not come yet; somebody's clock is wrong."));
        }
        if report.replayed > 0 {
            say(&format!("Evidence: {} verdicts found again to the last bit.", report.replayed));
        }
        if self.database.is_none() {
            say(
                "Not checked over the network: the texts, acts and evidence beside the entries. `--database` on the server's \
                 machine checks them, and so does an evidence pack.",
            );
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

/// With which key, and where nothing leads from one to the next.
#[derive(Default)]
struct Signed {
    key: Option<String>,
    breaks: Vec<u64>,
}

/// What a checkpoint says, its signature checked if there is a key to check it with.
fn head(bytes: &[u8], keys: &Keys, what: &str, signed: &mut Signed) -> std::result::Result<Checkpoint, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{what}: {error}");
    match keys.open(bytes, what)? {
        Some(trusted) => {
            signed.key = trusted.signed_by.last().map(ToString::to_string);
            Ok(trusted.checkpoint)
        }
        None => Note::parse(bytes).map_err(|error| wrong(&error))?.text().parse().map_err(|error| wrong(&error)),
    }
}
