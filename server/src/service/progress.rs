//! What steps under way have to say, for the page of the replica that runs them. Lost with it: steps say it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sternway_domain::id::SagaId;
use sternway_domain::saga::StepId;

/// The newest word of each step.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    said: Arc<Mutex<HashMap<SagaId, HashMap<StepId, String>>>>,
}

impl Progress {
    pub(crate) fn say(&self, saga: SagaId, step: StepId, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.entry(saga).or_default().insert(step, text.to_owned());
    }

    pub(crate) fn of(&self, saga: SagaId, step: StepId) -> Option<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).get(&saga)?.get(&step).cloned()
    }

    /// Nothing more will be said.
    pub(crate) fn over(&self, saga: SagaId) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(&saga);
    }
}
