//! Tells people of a step, by channels of the server's configuration.

use crate::ports::{About, Message, Untold};
use crate::steps::channel;
use crate::steps::settings::StepSettings;
use crate::steps::wire::Wire;
use serde_json::json;
use sternway_domain::alarm::Severity;
use sternway_domain::id::{ReleaseId, SagaId};
use sternway_domain::saga::{Answer, StepId};

/// What people are told.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    pub text: &'a str,
    pub release: ReleaseId,
    pub saga: SagaId,
    pub step: StepId,
    /// The step's idempotency key; receivers recognise a repeated message by `webhook-id`.
    pub key: &'a str,
    /// The newest signed head of the decision log: who keeps the message keeps it too.
    pub checkpoint: Option<&'a str>,
    /// Where people look at it.
    pub link: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub answer: Answer,
    /// Those who surely have the message.
    pub by: Vec<String>,
}

/// Tells all of them, side by side. Only when all were told it is done; telling again those who know does no harm,
/// because the message keeps its id.
pub(super) async fn tell(wire: &Wire, settings: &StepSettings, channels: &[String], notice: &Notice<'_>) -> Told {
    let Notice { text, release, saga, step, key, checkpoint, link } = *notice;
    let message = Message {
        id: key,
        kind: "saga.notice",
        about: About::Notice,
        severity: Severity::Notice,
        key,
        text,
        at: wire.clock.now(),
        service: None,
        link,
        checkpoint,
        data: json!({"release": release, "saga": saga, "step": step, "key": key}),
    };
    let told = channels.iter().map(|name| channel::send(wire, settings, name, &message));
    let told = futures::future::join_all(told).await;
    let (mut by, mut lost, mut failed, mut retry) = (Vec::new(), Vec::new(), Vec::new(), false);
    for (name, answer) in channels.iter().zip(told) {
        match answer {
            Ok(()) => by.push(name.clone()),
            Err(Untold { error, maybe: true, .. }) => lost.push(format!("`{name}`: {error}")),
            Err(Untold { error, again, .. }) => {
                retry |= again;
                failed.push(format!("`{name}`: {error}"));
            }
        }
    }
    let answer = match (lost.is_empty(), failed.is_empty()) {
        (true, true) => Answer::Done { output: format!("told: {}", channels.join(", ")) },
        (_, false) => Answer::Failed { error: [failed, lost].concat().join("; "), again: retry },
        (false, true) => Answer::Unknown { detail: lost.join("; ") },
    };
    Told { answer, by }
}
