//! Entries on their way from where they are read to the one place that needs them in order. Reading, hashing and
//! understanding them is done side by side, on as many lanes as there are cores.
//!
//! A lane is never more than two portions ahead, so memory does not grow with the log.

use super::aside::Found;
use super::feed::{Feed, Item, Unread, read, reader};
use std::sync::Arc;
use sternway_domain::audit::merkle::TreeHash;
use sternway_domain::audit::tile::FULL;
use sternway_domain::audit::verify::{Depth, Examined};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How much is asked of an entry.
pub(super) const DEPTH: Depth = Depth::Meaning;

/// Entries read at once from a database. From a server it is one file.
const PORTION: u64 = 1_024;
const AHEAD: usize = 2;
/// More connections than this a database or a server should not have to give to one who checks.
const LANES: usize = 8;

/// An entry, and all that can be said of it without the others.
pub(super) struct Looked {
    pub(super) index: u64,
    pub(super) entry: Examined,
    pub(super) remembered: Option<TreeHash>,
    /// What stands beside it, where something does.
    pub(super) found: Option<Found>,
}

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
                    drop(std::thread::spawn(move || match reader(&path) {
                        Ok(scan) => {
                            for (from, until) in spans {
                                if sender.blocking_send(read(&scan, from, until).map(looked)).is_err() {
                                    return;
                                }
                            }
                        }
                        // Nobody listens any more: then nobody needs to know.
                        Err(unread) => drop(sender.blocking_send(Err(unread))),
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
    for (from, until) in spans {
        let portion = feed.items(from, until).await.map(looked);
        if sender.send(portion).await.is_err() {
            return;
        }
    }
}

fn looked(items: Vec<Item>) -> Vec<Looked> {
    let look = |Item { index, bytes, hash, beside }: Item| {
        let entry = Examined::of(&bytes, DEPTH);
        let found = beside.map(|beside| Found::of(index, entry.leaf(), &beside));
        Looked { index, entry, remembered: hash, found }
    };
    items.into_iter().map(look).collect()
}
