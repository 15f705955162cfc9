//! Commits of this process that are under way: what they write can be read before it is known here who wrote it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Whoever waits longer takes what was read for another process's: it is told once too often then.
const PATIENCE: Duration = Duration::from_secs(1);

/// By number, in the order in which they were begun.
#[derive(Debug, Default)]
pub(super) struct Commits {
    next: AtomicU64,
    open: watch::Sender<BTreeSet<u64>>,
}

/// One of them. It is over when this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    commits: Arc<Commits>,
    number: u64,
}

impl Commits {
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.send_modify(|open| _ = open.insert(number));
        UnderWay { commits: self.clone(), number }
    }

    /// Waits for all that were begun by now.
    pub(super) async fn settled(&self) {
        let next = self.next.load(Ordering::Relaxed);
        let mut open = self.open.subscribe();
        let settled = open.wait_for(|open| open.first().is_none_or(|first| *first >= next));
        let _or_late = tokio::time::timeout(PATIENCE, settled).await;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.commits.open.send_modify(|open| _ = open.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn given_commits_under_way_when_waited_then_for_those_begun_before_and_no_later_ones() {
        let commits = Arc::new(Commits::default());
        commits.settled().now_or_never().expect("there is none");
        let (first, second) = (commits.begin(), commits.begin());
        let mut waiting = std::pin::pin!(commits.settled());
        assert!(waiting.as_mut().now_or_never().is_none(), "two are under way");
        let _later = commits.begin();
        drop(second);
        assert!(waiting.as_mut().now_or_never().is_none(), "the first is under way");
        drop(first);
        waiting.now_or_never().expect("both are over");
    }
}
