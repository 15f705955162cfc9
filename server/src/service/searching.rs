//! Searches for words read all decisions, and others need the database, too.

use super::{Result, ServiceError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// So many at once; the others wait.
const MOST: usize = 2;
/// How long words may be looked for, in a log that grows for ever.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Searches {
    turns: Arc<Semaphore>,
    longest: Duration,
}

impl Default for Searches {
    fn default() -> Self {
        Self::new(MOST, LONGEST)
    }
}

impl Searches {
    fn new(most: usize, longest: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(most)), longest }
    }

    /// What is found, or that it takes too long: the wait for a turn counts.
    pub(super) async fn run<T>(&self, search: impl Future<Output = Result<T>>) -> Result<T> {
        let in_turn = async {
            let _turn = self.turns.acquire().await;
            search.await
        };
        tokio::time::timeout(self.longest, in_turn).await.unwrap_or_else(|_| Err(self.too_long()))
    }

    fn too_long(&self) -> ServiceError {
        let seconds = self.longest.as_secs();
        let text = format!("this takes longer than {seconds} seconds; say a service, a person, an act or a time, too");
        ServiceError::Invalid { field: "q".to_owned(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn given_searches_that_do_not_end_then_no_other_begins_and_all_are_told_in_time() {
        let searches = Searches::new(2, Duration::from_millis(20));
        let begun = AtomicU32::new(0);
        let endless = || {
            searches.run(async {
                begun.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<Result<()>>().await
            })
        };
        let mut all = futures::future::join_all([endless(), endless(), endless()]);
        assert!(futures::poll!(&mut all).is_pending());
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        for answer in all.await {
            let told = answer.unwrap_err().to_string();
            assert!(told.contains("longer than 0 seconds; say a service"), "{told}");
        }
        assert!(matches!(searches.run(async { Ok(7) }).await, Ok(7)), "their turns are over");
    }
}
