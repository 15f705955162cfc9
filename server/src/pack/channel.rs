//! What is written is taken by whoever asked, in pieces, and not faster than they take it.

use std::io::{self, Write};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// So much is sent at once.
const PIECE: usize = 64 << 10;

/// Whoever takes nothing for so long gets nothing more: others wait for the place.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Piece = io::Result<Vec<u8>>;

/// For a thread that may wait.
pub(crate) struct Channel {
    to: Sender<Piece>,
    runtime: Handle,
    stop: CancellationToken,
    piece: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(to: Sender<Piece>, runtime: Handle, stop: CancellationToken) -> Self {
        Self { to, runtime, stop, piece: Vec::with_capacity(PIECE) }
    }

    /// What was sent so far is not all, and never will be: whoever takes it must not think so.
    pub(crate) fn broken(self, why: &str) {
        let _gone = self.to.blocking_send(Err(io::Error::other(why.to_owned())));
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = async {
            tokio::select! {
                sent = self.to.send_timeout(Ok(piece), PATIENCE) => sent.map_err(|_| io::ErrorKind::BrokenPipe),
                () = self.stop.cancelled() => Err(io::ErrorKind::Interrupted),
            }
        };
        // `Interrupted` would be tried again.
        self.runtime.block_on(sent).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..fits]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}
