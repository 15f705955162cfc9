//! What was done in an emergency, one file per run, one signed line per act: JSON whose canonical bytes are signed. Each
//! line names the digest of the line before it, so none can be taken out of the middle or put in another order.

use super::key::{Registered, SecretKey};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use sternway_domain::audit::canonical_json;
use sternway_domain::id::{Digest, ServiceName};
use sternway_domain::time::Timestamp;
use uuid::Uuid;

/// A longer file is nothing this program wrote.
pub(super) const MOST_BYTES: u64 = 1024 * 1024;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub v: u8,
    pub id: Uuid,
    /// The same for all lines of a file.
    pub run: Uuid,
    /// Digest of the line before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// By the clock of the machine that acted.
    pub occurred: Timestamp,
    /// Sign-in name of the key's owner.
    pub owner: String,
    pub service: ServiceName,
    pub reason: String,
    /// What the server's `/readyz` said, and whether that was overridden.
    pub server: String,
    pub forced: bool,
    /// What was known of data that would be lost; none: that nothing would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    pub said: Said,
}

/// Whether going back loses data, as far as could be known without the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Loss {
    /// There was no copy that could tell.
    Unknown,
    /// It does, and was done all the same.
    Accepted { why: String },
}

/// How far it had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Said {
    /// Written before anything was asked of the proxy.
    Begun,
    /// What the proxy reported before and afterwards, in percent for the canary.
    Ended { before: Option<u8>, after: Option<u8>, from: String, done: bool, detail: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    record: Record,
    /// The public half, `ed25519:…`.
    key: String,
    /// Over the canonical bytes of `record`.
    signature: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the spool `{}` cannot be written; name a folder that can with `--spool`", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` cannot be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("line {line}: {text}")]
    Line { line: usize, text: String },
}

/// A file that is being written.
pub struct Spool {
    file: File,
    pub path: PathBuf,
    last: Option<Digest>,
}

impl Spool {
    /// A new file, for its owner and the group that may read it.
    pub fn create(folder: &Path, run: Uuid, at: Timestamp) -> Result<Self, SpoolError> {
        let failed = |path: &Path, source| SpoolError::Write { path: path.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let stamp: String = at.to_rfc3339().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        let path = folder.join(format!("{stamp}Z-{run}.jsonl"));
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let file = options.open(&path).map_err(|source| failed(&path, source))?;
        // The name itself must survive a crash too.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| failed(folder, source))?;
        Ok(Self { file, path, last: None })
    }

    /// Adds a line; it is on the disk when this returns.
    pub fn add(&mut self, mut record: Record, key: &SecretKey) -> Result<(), SpoolError> {
        record.previous = self.last.clone();
        let signature = key.sign(canonical(&record).as_bytes());
        let line = Line { record, key: key.public().public(), signature };
        let text = serde_json::to_string(&line).expect("a line holds only strings, integers and lists");
        let written = self.file.write_all(format!("{text}\n").as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|source| SpoolError::Write { path: self.path.clone(), source })?;
        self.last = Some(Digest::of(text.as_bytes()));
        Ok(())
    }
}

fn canonical(record: &Record) -> String {
    canonical_json(&serde_json::to_value(record).expect("a record holds only strings, integers and lists"))
}

/// What a file holds, if it is one that this program could have written: no link, no pipe, and not too long.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, SpoolError> {
    let failed = |source| SpoolError::Read { path: path.to_owned(), source };
    let length = std::fs::symlink_metadata(path).map_err(failed)?;
    if !length.is_file() || length.len() > MOST_BYTES {
        return Err(SpoolError::Line { line: 1, text: "not a file of at most 1 MiB".to_owned() });
    }
    let mut found = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut found)).map_err(failed)?;
    Ok(found)
}

/// Every record of a file, each checked against the registered keys. A last line that was cut off by a crash counts as
/// not written.
pub fn read(path: &Path, keys: &[Registered]) -> Result<Vec<Record>, SpoolError> {
    let text =
        String::from_utf8(bytes(path)?).map_err(|_| SpoolError::Line { line: 1, text: "not text".to_owned() })?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut records, mut last) = (Vec::<Record>::new(), None);
    for (i, line) in whole.lines().enumerate() {
        let wrong = |text: &str| SpoolError::Line { line: i + 1, text: text.to_owned() };
        let read: Line = serde_json::from_str(line).map_err(|error| wrong(&format!("not a spooled act ({error})")))?;
        let known = keys.iter().find(|key| key.public() == read.key && key.owner == read.record.owner);
        let known = known.ok_or_else(|| wrong("its key is not registered for its owner under `emergency.keys`"))?;
        if !known.signed(canonical(&read.record).as_bytes(), &read.signature) {
            return Err(wrong("its signature is wrong"));
        }
        if read.record.v != 1 || read.record.previous != last {
            return Err(wrong("it does not follow the line before it"));
        }
        if records.first().is_some_and(|first| first.run != read.record.run) {
            return Err(wrong("it belongs to another run"));
        }
        last = Some(Digest::of(line.as_bytes()));
        records.push(read.record);
    }
    Ok(records)
}
