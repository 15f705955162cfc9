//! What was taken out of the database, known outside of it: a file of lines that is only added to, beside `state`.
//!
//! A backup brings texts back that were taken out after it was made. With this list they are taken out again before the
//! first request is answered. It holds no text: which entry, which texts of it, and by which entry they went. Deliberately
//! absent: what the rule of how long texts are kept took out, as that takes it out again by itself.

use crate::store::rows::RedactionRow;
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sternway_domain::audit::commitment::Field;
use sternway_domain::id::hex;
use tokio::sync::Mutex;

/// Entries whose redactions are read at once.
const PAGE: u32 = 200;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("what was redacted cannot be read from `{}`; make the file readable", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{}:{line}: this is no redaction: {text}; mend the line, or take it out if it is nothing", .path.display())]
    Line { path: PathBuf, line: usize, text: String },
    #[error("what was redacted cannot be written to `{}`; let the server add to it, or set `state` to a file beside which it can", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Texts of one entry that one other entry took out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Index of the entry the texts were of.
    pub entry: i64,
    /// Hash of that entry, hex: after a restore, another one may have its index.
    pub hash: String,
    pub fields: Vec<Field>,
    /// Index of the entry that took them out.
    pub by: i64,
}

impl From<&RedactionRow> for Line {
    fn from(row: &RedactionRow) -> Self {
        Self { entry: row.leaf_index, hash: hex(&row.leaf_hash), fields: row.fields.clone(), by: row.by_leaf }
    }
}

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// `None`: nothing is kept.
    path: Option<PathBuf>,
    /// Up to which entry the database was read.
    read: Mutex<Read>,
    /// No copy in memory or in the database's own files holds what was deleted. Nobody knows at the start.
    clean: AtomicBool,
}

#[derive(Debug)]
struct Read(i64);

impl Default for Read {
    fn default() -> Self {
        Read(-1)
    }
}

impl Ledger {
    /// Makes the file, or makes sure that it can be read and added to.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let ledger = Self(Arc::new(Inner { path: Some(path.to_owned()), ..Inner::default() }));
        ledger.lines()?;
        append(path, "").map_err(|source| LedgerError::Write { path: path.to_owned(), source })?;
        Ok(ledger)
    }

    /// All of it.
    pub fn lines(&self) -> Result<Vec<Line>, LedgerError> {
        let Some(path) = &self.0.path else { return Ok(Vec::new()) };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(LedgerError::Read { path: path.clone(), source }),
        };
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            match serde_json::from_str(line) {
                Ok(read) => lines.push(read),
                // A crash cut the last one off: the database has it, and it is written again.
                Err(_) if !line.ends_with('\n') => {}
                Err(_) if line.trim().is_empty() => {}
                Err(error) => {
                    return Err(LedgerError::Line { path: path.clone(), line: number, text: error.to_string() });
                }
            }
        }
        Ok(lines)
    }

    /// Lines of the file that the database knows nothing of, and adds to the file what only the database knows.
    pub async fn compare(&self, store: &dyn Store) -> Result<Vec<Line>, LedgerError> {
        let mut read = self.0.read.lock().await;
        let own = self.clone();
        let lines = tokio::task::spawn_blocking(move || own.lines()).await.expect("reading lines does not panic")?;
        let parts = |line: &Line| -> Vec<(String, Field)> {
            line.fields.iter().map(|field| (line.hash.clone(), *field)).collect()
        };
        let known: HashSet<(String, Field)> = lines.iter().flat_map(parts).collect();
        let mut stored: HashSet<(String, Field)> = HashSet::new();
        let (mut after, mut news) = (-1, Vec::new());
        loop {
            let rows = store.redactions(after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.by_leaf;
            for line in rows.iter().filter(|row| !row.by_rule).map(Line::from) {
                if parts(&line).iter().any(|part| !known.contains(part)) {
                    news.push(line.clone());
                }
                stored.extend(parts(&line));
            }
        }
        self.add(news).await?;
        *read = Read(after);
        Ok(lines.into_iter().filter(|line| parts(line).iter().any(|part| !stored.contains(part))).collect())
    }

    /// Adds what the database has since it was read last, and says whether there was anything.
    pub async fn feed(&self, store: &dyn Store) -> Result<bool, LedgerError> {
        let mut read = self.0.read.lock().await;
        let mut any = false;
        loop {
            let rows = store.redactions(read.0, PAGE).await?;
            let Some(last) = rows.last().map(|row| row.by_leaf) else { return Ok(any) };
            self.add(rows.iter().filter(|row| !row.by_rule).map(Line::from).collect()).await?;
            any = true;
            *read = Read(last);
        }
    }

    /// Up to which entry the database was read: it has at least so many, unless it was rewound.
    pub async fn read_up_to(&self) -> i64 {
        self.0.read.lock().await.0
    }

    /// Remembers whether copies of what was deleted are still to be looked after.
    pub(crate) fn set_clean(&self, clean: bool) {
        self.0.clean.store(clean, Ordering::Relaxed);
    }

    pub(crate) fn clean(&self) -> bool {
        self.0.clean.load(Ordering::Relaxed)
    }

    /// On the disk when this returns.
    async fn add(&self, lines: Vec<Line>) -> Result<(), LedgerError> {
        let Some(path) = self.0.path.clone().filter(|_| !lines.is_empty()) else { return Ok(()) };
        let mut text = String::new();
        for line in &lines {
            text.push_str(&crate::service::encode(line));
            text.push('\n');
        }
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || append(&to, &text)).await;
        let written = written.unwrap_or_else(|_| Err(std::io::Error::other("writing ended")));
        written.map_err(|source| LedgerError::Write { path, source })
    }
}

/// The last line is ended first, or taken away where a crash cut it off: what follows stands on its own line.
fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    end(&file, path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn end(mut file: &File, path: &Path) -> std::io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(());
    }
    let bytes = std::fs::read(path)?;
    let begins = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if serde_json::from_slice::<Line>(&bytes[begins..]).is_ok() {
        return file.write_all(b"\n");
    }
    file.set_len(begins as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: i64) -> Line {
        Line { entry, hash: hex(&[entry as u8; 32]), fields: vec![Field::Reason, Field::Ip], by: entry + 1 }
    }

    #[tokio::test]
    async fn given_a_line_that_a_crash_cut_off_then_the_others_are_read_and_it_is_written_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.redactions");
        let ledger = Ledger::open(&path).expect("nothing is there yet");
        ledger.add(vec![line(1), line(2)]).await.expect("written");
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() - 5]).expect("cut off");
        assert_eq!(Ledger::open(&path).expect("read").lines().expect("read"), [line(1)]);
        ledger.add(vec![line(2), line(3)]).await.expect("written");
        assert_eq!(ledger.lines().expect("read"), [line(1), line(2), line(3)]);
        // Whole, and only its end is missing.
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() - 1]).expect("cut off");
        ledger.add(vec![line(4)]).await.expect("written");
        assert_eq!(ledger.lines().expect("read"), [line(1), line(2), line(3), line(4)]);
    }

    #[test]
    fn given_a_file_that_cannot_be_added_to_then_nothing_starts_and_it_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("nowhere").join("state.redactions");
        let error = Ledger::open(&path).expect_err("it was taken");
        let text = error.to_string();
        assert!(text.contains("nowhere/state.redactions") && text.contains("set `state`"), "{text}");
        let path = dir.path().join("state.redactions");
        Ledger::open(&path).expect("it is made");
        assert_eq!(std::fs::read(&path).expect("there"), b"");
    }

    #[test]
    fn given_a_line_that_is_none_then_its_place_is_named_and_nothing_starts() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.redactions");
        std::fs::write(&path, "{\"entry\":1}\n").expect("written");
        let error = Ledger::open(&path).expect_err("it was taken");
        assert!(error.to_string().contains("state.redactions:1: this is no redaction"), "{error}");
    }
}
