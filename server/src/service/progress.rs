//! What steps under way have to say, for the pages. Lost with the replica that runs them: steps say it again.

use super::{Result, Service, act, decode, encode};
use crate::store::StoreError;
use crate::store::rows::Fence;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sternway_domain::id::SagaId;
use sternway_domain::release::Release;
use sternway_domain::saga::StepId;
use tokio::time::Instant;

/// For the pages of other replicas it is stored this often: each time is a commit.
const STORED_AGAIN: Duration = Duration::from_secs(3);

pub type Words = HashMap<StepId, String>;

/// The newest word of each step that runs here.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    said: Arc<Mutex<HashMap<SagaId, Said>>>,
}

#[derive(Debug, Default)]
struct Said {
    words: Words,
    stored_at: Option<Instant>,
}

impl Progress {
    /// Whether it was not said before; and everything said of this saga, when it is time to store it.
    fn say(&self, saga: SagaId, step: StepId, text: &str) -> (bool, Option<Words>) {
        let mut all = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = all.entry(saga).or_default();
        let new = said.words.insert(step, text.to_owned()).is_none_or(|before| before != text);
        let due = new && said.stored_at.is_none_or(|at| at.elapsed() >= STORED_AGAIN);
        let words = due.then(|| {
            said.stored_at = Some(Instant::now());
            said.words.clone()
        });
        (new, words)
    }

    fn of(&self, saga: SagaId) -> Option<Words> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).get(&saga).map(|said| said.words.clone())
    }

    /// Nothing more will be said.
    pub(crate) fn over(&self, saga: SagaId) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(&saga);
    }
}

impl Service {
    /// A word of a step that runs here. What cannot be stored stays in memory.
    pub(crate) async fn say(&self, release: &Release, (saga, step): (SagaId, StepId), text: &str, fence: &Fence) {
        let (new, words) = self.progress.say(saga, step, text);
        if new {
            self.bus.touched(act::topic(release));
        }
        let Some(words) = words else { return };
        match self.store.put_said(saga, &encode(&words), fence).await {
            // The next look ends this step: another replica says the rest.
            Ok(()) | Err(StoreError::Fenced { .. }) => {}
            Err(error) => tracing::debug!(%error, "what a step says was not stored"),
        }
    }

    /// What the steps of a saga said last, whoever runs them.
    pub async fn said(&self, saga: SagaId) -> Result<Words> {
        match self.progress.of(saga) {
            Some(words) => Ok(words),
            None => match self.store.said(saga).await? {
                Some(words) => decode("word of a step", &words),
                None => Ok(Words::new()),
            },
        }
    }
}
