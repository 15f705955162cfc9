//! Files into a zip that is never held as a whole: each is hashed, compressed and handed on as it comes.

use super::manifest::FileView;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use sternway_domain::id::hex;

pub(super) struct Writer<W: Write> {
    zip: rawzip::ZipArchiveWriter<W>,
    files: Vec<FileView>,
}

/// Counts and hashes what passes.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    sha: Sha256,
    size: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.sha.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { zip: rawzip::ZipArchiveWriter::new(out), files: Vec::new() }
    }

    /// A file of which everything is written by `fill`.
    pub(super) fn file<E: From<io::Error>>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut entry, config) =
            self.zip.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE).start().map_err(failed)?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::new(4)));
        let mut hashed = Hashed { out: &mut data, sha: Sha256::new(), size: 0 };
        fill(&mut hashed)?;
        let Hashed { sha, size, .. } = hashed;
        let (encoder, descriptor) = data.finish().map_err(failed)?;
        encoder.finish()?;
        entry.finish(descriptor).map_err(failed)?;
        self.files.push(FileView { name: name.to_owned(), size, sha256: hex(&sha.finalize()) });
        Ok(())
    }

    pub(super) fn whole<E: From<io::Error>>(&mut self, name: &str, bytes: &[u8]) -> Result<(), E> {
        self.file(name, |out| Ok(out.write_all(bytes)?))
    }

    /// What was written so far.
    pub(super) fn files(&self) -> &[FileView] {
        &self.files
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.zip.finish().map_err(failed)?.flush()
    }
}

fn failed(error: rawzip::Error) -> io::Error {
    io::Error::other(error)
}
