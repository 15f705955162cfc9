//! Server-sent events, as far as Sternway sends them: `id`, `data`, comments, a hint when to come back.

use super::trouble::{Result, Trouble};
use std::collections::VecDeque;
use std::time::Duration;

/// The server says at least every few seconds that it lives; after this long it does not.
const SILENCE: Duration = Duration::from_secs(30);
/// More than this without the end of a line is nothing of ours.
const LONGEST: usize = 1 << 16;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::cli) struct Told {
    /// To be named when coming back.
    pub(in crate::cli) id: Option<String>,
    pub(in crate::cli) data: String,
}

/// An open stream of events.
pub(in crate::cli) struct Stream {
    response: reqwest::Response,
    server: String,
    reader: Reader,
}

impl Stream {
    pub(super) fn new(response: reqwest::Response, server: String) -> Self {
        Self { response, server, reader: Reader::default() }
    }

    /// The next event. Any failure means: come back. May be dropped while waiting without losing anything.
    pub(in crate::cli) async fn next(&mut self) -> Result<Told> {
        loop {
            if let Some(told) = self.reader.ready.pop_front() {
                return Ok(told);
            }
            match tokio::time::timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) if self.reader.take(&bytes) => {}
                Ok(_) => return Err(Trouble::Broken { server: self.server.clone() }),
                Err(_) => return Err(Trouble::Silent { server: self.server.clone() }),
            }
        }
    }
}

/// Lines into events.
#[derive(Debug, Default)]
struct Reader {
    bytes: Vec<u8>,
    event: Told,
    ready: VecDeque<Told>,
}

impl Reader {
    /// `false` when this cannot be a stream of events.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.bytes.extend_from_slice(bytes);
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']));
        }
        self.bytes.len() <= LONGEST && self.event.data.len() <= LONGEST
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if !event.data.is_empty() {
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, names of events and hints change nothing here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_events_in_pieces_when_read_then_each_is_whole() {
        let text =
            "retry: 2000\n\n:\n\nid: 7\ndata: {\"topic\":\"board\"}\n\ndata: a\r\ndata: b\r\n\r\ndata: never ends";
        for size in 1..text.len() {
            let mut reader = Reader::default();
            for piece in text.as_bytes().chunks(size) {
                assert!(reader.take(piece));
            }
            let first = Told { id: Some("7".into()), data: "{\"topic\":\"board\"}".into() };
            assert_eq!(reader.ready, [first, Told { id: None, data: "a\nb".into() }], "pieces of {size}");
        }
    }

    #[test]
    fn given_a_line_without_end_when_read_then_it_is_given_up() {
        let mut reader = Reader::default();
        assert!(!reader.take(&vec![b'x'; LONGEST + 1]));
    }
}
