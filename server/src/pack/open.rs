//! A zip from somebody else, read without believing what it says of itself: only names that belong into a pack, none
//! twice, no bytes shared by two files, no more than was said, and nothing is held but names.

use super::check::{Bad, Failed};
use super::*;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// More files than any pack has.
const MOST_FILES: usize = 500_000;

/// What is larger than a mebibyte does not shrink so far by honest means.
const MOST_RATIO: u64 = 200;
const MIB: u64 = 1 << 20;

/// The longest line of a file of entries: an entry of 64 KiB, escaped, and its texts.
const LONGEST_LINE: usize = 8 << 20;

pub(super) struct Pack {
    archive: ZipArchive<FileReader>,
    places: BTreeMap<String, Place>,
}

#[derive(Clone, Copy)]
struct Place {
    at: ZipArchiveEntryWayfinder,
    size: u64,
    stored: bool,
}

/// How large a file of this name may be; `None`: no file of a pack has this name.
fn most(name: &str) -> Option<u64> {
    let safe = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    let (folder, file) = name.split_once('/').unwrap_or(("", name));
    let plain = safe && !file.is_empty() && !file.starts_with('.') && !file.contains('/');
    match (folder, name) {
        _ if !plain => None,
        ("", CHECKPOINT | KEY | README | STRETCH | CONSISTENCY) => Some(256 << 10),
        ("", MANIFEST) => Some(256 * MIB),
        ("", REPORT) => Some(256 * MIB),
        ("", DECISIONS | SHEET) => Some(64 << 30),
        ("entries", _) if file.ends_with(".jsonl") => Some(512 * MIB),
        ("proofs", _) if file.ends_with(".tlog-proof") => Some(MIB),
        ("evidence", _) if file.ends_with(".json") => Some(32 * MIB),
        _ => None,
    }
}

/// As it may be shown.
fn quoted(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(100).collect()
}

fn broken(error: impl std::fmt::Display) -> Failed {
    Bad { file: None, entry: None, text: format!("the pack is no whole zip: {error}") }.into()
}

impl Pack {
    pub(super) fn open(file: File) -> Result<Self, Failed> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
        let mut places = BTreeMap::new();
        let mut used: Vec<(u64, u64, String)> = Vec::new();
        let mut local = vec![0; 4096];
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            let path = entry.file_path();
            let raw: &[u8] = path.as_ref();
            let shown = quoted(raw);
            let Some((name, most)) =
                std::str::from_utf8(raw).ok().and_then(|name| Some((name.to_owned(), most(name)?)))
            else {
                return Err(Bad::file(&shown, "no file of a pack has this name; nothing was read").into());
            };
            let (size, packed) = (entry.uncompressed_size_hint(), entry.compressed_size_hint());
            if size > most {
                return Err(Bad::file(&name, format!("it has {size} bytes, at most {most} are read")).into());
            }
            if size > MIB && size / packed.max(1) > MOST_RATIO {
                let text = format!("{packed} bytes that become {size} are no file of a pack; nothing was read");
                return Err(Bad::file(&name, text).into());
            }
            let stored = match entry.compression_method() {
                CompressionMethod::STORE => true,
                CompressionMethod::DEFLATE => false,
                _ => return Err(Bad::file(&name, "it is packed in a way that is not read here").into()),
            };
            let at = entry.wayfinder();
            let inside = archive.get_entry(at).map_err(|error| Bad::file(&name, error.to_string()))?;
            let header = inside.local_header(&mut local).map_err(|error| Bad::file(&name, error.to_string()))?;
            let other = header.file_path();
            let other: &[u8] = other.as_ref();
            if other != name.as_bytes() {
                let text = format!("the zip calls it `{}` in another place", quoted(other));
                return Err(Bad::file(&name, text).into());
            }
            let (from, to) = inside.compressed_data_range();
            used.push((from, to, name.clone()));
            if places.insert(name.clone(), Place { at, size, stored }).is_some() {
                return Err(Bad::file(&name, "it is there twice").into());
            }
            if places.len() > MOST_FILES {
                return Err(broken(format!("it has more than {MOST_FILES} files")));
            }
        }
        if places.len() as u64 != archive.entries_hint() {
            return Err(broken(format!("it says {} files and has {}", archive.entries_hint(), places.len())));
        }
        used.sort();
        if let Some([_, (_, _, second)]) = used.windows(2).find(|pair| pair[1].0 < pair[0].1) {
            return Err(Bad::file(second, "it shares bytes of the zip with another file").into());
        }
        Ok(Self { archive, places })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// `None`: it is not there.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.places.get(name).map(|place| place.size)
    }

    pub(super) fn reader(&self, name: &str) -> Result<Box<dyn Read + '_>, Failed> {
        let place = self.places.get(name).ok_or_else(|| Bad::file(name, "it is missing"))?;
        let entry = self.archive.get_entry(place.at).map_err(|error| Bad::file(name, error.to_string()))?;
        let left = place.size;
        Ok(if place.stored {
            Box::new(Bounded { inner: entry.verifying_reader(entry.reader()), left })
        } else {
            Box::new(Bounded { inner: entry.verifying_reader(DeflateDecoder::new(entry.reader())), left })
        })
    }

    /// A file that is small enough to be held, as all but the lists are.
    pub(super) fn whole(&self, name: &str) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        self.reader(name)?.read_to_end(&mut bytes).map_err(|error| Bad::file(name, error.to_string()))?;
        Ok(bytes)
    }
}

/// Not a byte more than was said.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // The end is where the checksum is compared.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other("it has more bytes than the zip says")),
            };
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::other("it has fewer bytes than the zip says"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// A file of lines, one at a time.
pub(super) struct Lines<'a> {
    name: String,
    reader: BufReader<Box<dyn Read + 'a>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(pack: &'a Pack, name: &str) -> Result<Self, Failed> {
        Ok(Self { name: name.to_owned(), reader: BufReader::with_capacity(64 << 10, pack.reader(name)?) })
    }

    /// Without its line break. `None`: that was all.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Failed> {
        let mut line = Vec::new();
        let bad = |text: String| Bad::file(&self.name, text);
        let mut most = (&mut self.reader).take(LONGEST_LINE as u64 + 1);
        most.read_until(b'\n', &mut line).map_err(|error| bad(error.to_string()))?;
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) if line.len() >= LONGEST_LINE => {
                Err(bad(format!("a line has more than {LONGEST_LINE} bytes")).into())
            }
            Some(_) => Err(bad("its last line has no end".to_owned()).into()),
        }
    }
}
