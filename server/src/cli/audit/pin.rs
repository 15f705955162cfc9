//! `sternway audit pin`: what somebody outside remembers of the log.

use super::super::exit;
use super::super::remote::{Remote, Result, wrong};
use super::super::terminal::say;
use super::BAD;
use super::feed::{Feed, Unread};
use super::keys::{self, Keys};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::pin::Pin;

#[derive(Debug, Args)]
pub(super) struct PinCommand {
    #[command(flatten)]
    remote: Remote,
    /// Where the checkpoint is kept. If there is one already, the log must extend it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log's key as you were told it elsewhere, or a file that holds it. Left out: what the server says, on trust
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Consistency {
    hashes: Vec<String>,
}

impl PinCommand {
    pub(super) async fn run(self) -> ExitCode {
        let json = self.remote.json;
        exit::code(self.pinned().await, json)
    }

    async fn pinned(self) -> Result<u8> {
        let client = self.remote.client()?;
        let given = self.key.as_deref().map(keys::given).transpose()?;
        let bytes = client.file(&["log", "checkpoint"]).await?;
        let feed = Feed::Server(client);
        let keys = match Keys::of(&feed, given).await {
            Ok(keys) => keys,
            Err(Unread::Corrupt(text)) => return Err(wrong(text)),
            Err(Unread::Trouble(trouble)) => return Err(trouble),
        };
        let Feed::Server(client) = &feed else { return Ok(exit::FAILED) };
        let Some(trust) = &keys.trust else { return Err(wrong("the server shows no key".to_owned())) };
        let trusted = match keys.open(&bytes, "The server's checkpoint") {
            Ok(Some(trusted)) => trusted,
            Ok(None) => return Err(wrong("the server shows no key".to_owned())),
            Err(error) => return Ok(self.told(false, &format!("{error}."), None)),
        };
        let key = trusted.signed_by.last().map(ToString::to_string).unwrap_or_default();
        let now = Pin::new(trusted);
        let size = now.size;
        let said = match std::fs::read(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                format!("Pinned: {size} entries, signed with {key}. Compare the key with somebody else's.")
            }
            Err(error) => return Err(wrong(format!("`{}` cannot be read: {error}", self.file.display()))),
            Ok(before) => {
                let before = Pin::read(&before, trust);
                let before = before.map_err(|error| wrong(format!("`{}`: {error}", self.file.display())))?;
                let mut hashes: Vec<TreeHash> = Vec::new();
                if before.size < size {
                    let query = [("from", before.size.to_string()), ("to", size.to_string())];
                    let answer: Consistency = client.shape(&client.get(&["log", "consistency"], &query).await?)?;
                    for hash in answer.hashes {
                        hashes.push(hash.parse().map_err(|error| wrong(format!("the server's proof: {error}")))?);
                    }
                }
                let head = now.note.text().parse();
                let head = head.map_err(|error| wrong(format!("the server's checkpoint: {error}")))?;
                let standing = before.compare(&head, &hashes);
                if !standing.good() {
                    return Ok(self.told(false, &standing.to_string(), Some(size)));
                }
                standing.to_string()
            }
        };
        let kept = crate::memory::write(&self.file, &String::from_utf8_lossy(&bytes));
        kept.map_err(|error| wrong(format!("`{}` cannot be written: {error}", self.file.display())))?;
        Ok(self.told(true, &said, Some(size)))
    }

    fn told(&self, good: bool, text: &str, size: Option<u64>) -> u8 {
        if self.remote.json {
            say(&json!({"good": good, "text": text, "entries": size}).to_string());
        } else {
            say(text);
        }
        if good { exit::DONE } else { BAD }
    }
}
