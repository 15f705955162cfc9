//! Entries on their way from where they are read to the one place that needs them in order. Reading, hashing and
//! understanding them is done side by side, on as many lanes as there are cores.
//!
//! A lane is never more than two portions ahead, so memory does not grow with the log.

use super::feed::{Feed, Unread, unread};
use super::look::{Eye, Looked};
use crate::store::scan::Scan;
use std::path::Path;
use std::sync::Arc;
use sternway_domain::audit::tile::FULL;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Entries read at once from a database. From a server it is one file.
const PORTION: u64 = 1_024;
const AHEAD: usize = 2;
/// More connections than this a database or a server should not have to give to one who checks.
const LANES: usize = 8;

type Portion = Result<Vec<Looked>, Unread>;

/// Portions in the order of the log, whichever lane they come from.
pub(super) struct Belt {
    lanes: Vec<Receiver<Portion>>,
    next: usize,
    left: u64,
}

impl Belt {
    /// The first `size` entries.
    pub(super) fn over(feed: &Arc<Feed>, size: u64) -> Self {
        let portion = if matches!(**feed, Feed::Server(_)) { u64::from(FULL) } else { PORTION };
        let portions = size.div_ceil(portion);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, LANES);
        let lane = |lane: usize| {
            let (sender, receiver) = channel(AHEAD);
            let spans = (lane as u64..portions).step_by(cores);
            let spans = spans.map(move |at| (at * portion, size.min((at + 1) * portion)));
            match &**feed {
                Feed::File(_, path) => {
                    let path = path.clone();
                    drop(std::thread::spawn(move || {
                        if let Err(unread) = scan(&path, spans, &sender) {
                            // Nobody listens any more: then nobody needs to know.
                            drop(sender.blocking_send(Err(unread)));
                        }
                    }));
                }
                Feed::Server(_) | Feed::Database(_) => drop(tokio::spawn(ask(feed.clone(), spans, sender))),
            }
            receiver
        };
        Self { lanes: (0..cores).map(lane).collect(), next: 0, left: portions }
    }

    /// The next portion; `None` after the last one.
    pub(super) async fn next(&mut self) -> Option<Portion> {
        self.left = self.left.checked_sub(1)?;
        let lane = self.next;
        self.next = (lane + 1) % self.lanes.len();
        let ended = || Err(Unread::Corrupt("reading the log broke off".to_owned()));
        Some(self.lanes[lane].recv().await.unwrap_or_else(ended))
    }
}

async fn ask(feed: Arc<Feed>, spans: impl Iterator<Item = (u64, u64)>, sender: Sender<Portion>) {
    let mut eye = Eye::default();
    for (from, until) in spans {
        let portion = match feed.items(from, until).await {
            Ok(items) => eye.asked(&feed, items).await,
            Err(unread) => Err(unread),
        };
        if sender.send(portion).await.is_err() {
            return;
        }
    }
}

/// With a reader of its own.
fn scan(path: &Path, spans: impl Iterator<Item = (u64, u64)>, sender: &Sender<Portion>) -> Result<(), Unread> {
    let file = Scan::open(path).map_err(unread)?;
    let (mut reader, mut eye) = (file.reader().map_err(unread)?, Eye::default());
    for (from, until) in spans {
        let portion = eye.read(&mut reader, from, until).map_err(unread)?;
        if sender.blocking_send(Ok(portion)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
