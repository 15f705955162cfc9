//! `sternway audit export`: decisions as an evidence pack, in one zip.

use super::super::decisions::time;
use super::super::exit;
use super::super::release::find;
use super::super::remote::{Remote, Result, read_file, wrong};
use super::super::terminal::{NBSP, clean, say};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::note::Note;
use sternway_domain::id::DecisionId;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("asked").required(true).args(["release", "decision", "from"]))]
pub(super) struct ExportCommand {
    #[command(flatten)]
    remote: Remote,
    /// Everything decided about this release: its id, the beginning of its id, or a service (its active release)
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// This decision alone, by its id
    #[arg(long, value_name = "DECISION")]
    decision: Option<String>,
    /// Everything written down from this time on: `2026-11-19T14:00:00Z`, or `720h` for 30 days ago
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// With a period: only what is about this service
    #[arg(long, value_name = "SERVICE", requires = "from")]
    service: Option<String>,
    /// A checkpoint that was kept: the pack then shows that the log still begins with what it signed
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    /// Where the pack goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl ExportCommand {
    pub(super) async fn run(self) -> ExitCode {
        let json = self.remote.json;
        exit::code(self.exported().await, json)
    }

    async fn exported(self) -> Result<u8> {
        let client = self.remote.client()?;
        let mut query = Vec::new();
        if let Some(release) = &self.release {
            let ended = ["promoted", "rolled_back", "partially_rolled_back", "cancelled"];
            query.push(("release", find::release(&client, release, &ended).await?.release.id));
        }
        if let Some(id) = &self.decision {
            if id.parse::<DecisionId>().is_err() {
                return Err(wrong(format!(
                    "`{}` is not the id of a decision; `sternway decisions` lists them",
                    clean(id)
                )));
            }
            query.push(("decision", id.clone()));
        }
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            if let Some(value) = value {
                query.push((name, time(name, value)?));
            }
        }
        query.extend(self.service.clone().map(|service| ("service", service)));
        if let Some(path) = &self.pin {
            let text = read_file(path)?;
            let bad = |error: &dyn std::fmt::Display| wrong(format!("`{}`: {error}", path.display()));
            let note = Note::parse(text.as_bytes()).map_err(|error| bad(&error))?;
            let head: Checkpoint = note.text().parse().map_err(|error| bad(&error))?;
            query.push(("pin", head.size.to_string()));
        }
        let size = client.download(&["evidence-pack"], &query, &self.out).await?;
        let out = self.out.display().to_string();
        if self.remote.json {
            say(&json!({"file": out, "bytes": size}).to_string());
        } else {
            let kilobytes = size.div_ceil(1024);
            say(&format!("Saved: {}, {kilobytes}{NBSP}KiB.", clean(&out)));
            say(&format!("Check it, without network: sternway audit verify {} --key KEY", clean(&out)));
        }
        Ok(exit::DONE)
    }
}
