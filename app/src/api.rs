//! The one server function: a page asks, the [`ControlPlane`](crate::backend::ControlPlane) answers. It only reads; acts
//! go by plain forms. One function and one packed text instead of twelve types keep the WebAssembly small.

use crate::error::AppError;
use crate::packed::unpack;
use crate::view::board::BoardFilter;
use crate::view::decision::DecisionFilter;
use leptos::prelude::{FromServerFnError, ServerFnErrorErr, server};
use leptos::server_fn::codec::{Json, JsonEncoding};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
mod answer;

/// What a page wants to show. Ids and names come from the address and are checked by the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Board {
        filter: BoardFilter,
    },
    /// `done` is the decision just made; empty for none.
    Release {
        id: String,
        done: String,
    },
    /// The texts of a decision that can be taken out.
    Redact {
        id: String,
    },
    /// Of a release or a flag. `seen` is the version the person last saw.
    Act {
        id: String,
        verb: String,
        seen: Option<u64>,
    },
    NewRelease {
        service: String,
    },
    Decisions {
        filter: DecisionFilter,
    },
    Decision {
        id: String,
    },
    /// `done` as with a release.
    Flags {
        done: String,
    },
    Services,
    Service {
        name: String,
    },
    Runbooks,
    /// What could happen if a release went back now. As typed; empty for the usual.
    Rehearsal {
        id: String,
        faults: String,
        runs: String,
        seed: String,
    },
    /// `release` is empty for the runbook as it stands today.
    Runbook {
        name: String,
        release: String,
    },
    SignIn {
        next: String,
    },
    Setup {
        token: String,
    },
}

/// Answers with a packed view, or with a packed error and its status.
#[server(prefix = "/ui", endpoint = "page", input = Json)]
pub async fn page(ask: Ask) -> Result<String, Lost> {
    let (plane, caller) = answer::asked()?;
    answer::answer(plane, caller, ask).await
}

/// No view: a packed [`AppError`], or nothing when the call itself failed. An error of the call, because Leptos takes any
/// answer with the status of a refusal for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("Sternway did not answer.")]
pub struct Lost {
    pub told: String,
}

/// The texts of transport failures stay inside: they may quote what a proxy or a disk said.
impl FromServerFnError for Lost {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(_error: ServerFnErrorErr) -> Self {
        Lost::default()
    }
}

/// What a packed answer holds.
pub fn read<T: DeserializeOwned>(answer: &Result<String, Lost>) -> Result<T, AppError> {
    let unread = |what: &str| AppError::Unavailable { what: what.to_owned(), request_id: "unknown".to_owned() };
    let older = || unread("This page is older than the server. Load it again.");
    match answer {
        Ok(packed) => unpack(packed).map_err(|_| older()),
        Err(Lost { told }) if told.is_empty() => {
            Err(unread("Sternway did not answer. Releases go on; nothing was changed by this page."))
        }
        Err(Lost { told }) => Err(unpack(told).unwrap_or_else(|_| older())),
    }
}
