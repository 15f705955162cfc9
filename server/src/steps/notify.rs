//! Tells people, by signed POSTs to channels of the server's configuration (Standard Webhooks 1.0).

use crate::outbound::parse_url;
use crate::steps::settings::StepSettings;
use crate::steps::wire::{Post, Wire};
use serde_json::json;
use std::time::Duration;
use sternway_domain::id::{ReleaseId, SagaId};
use sternway_domain::saga::{Answer, StepId};
use sternway_domain::service::{Headers, Secret};

/// Longest wait for one channel.
const WITHIN: Duration = Duration::from_secs(15);

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
    let unknown: Vec<String> =
        channels.iter().filter(|name| !settings.channels.contains_key(*name)).map(|name| format!("`{name}`")).collect();
    let told = futures::future::join_all(channels.iter().map(|name| one(wire, settings, name, notice))).await;
    let (mut by, mut lost, mut failed, mut retry) = (Vec::new(), Vec::new(), Vec::new(), false);
    for (name, answer) in channels.iter().zip(told) {
        match answer {
            Ok(()) => by.push(name.clone()),
            Err(Answer::Failed { error, again }) => {
                retry |= again;
                failed.push(format!("`{name}`: {error}"));
            }
            Err(Answer::Unknown { detail }) => lost.push(format!("`{name}`: {detail}")),
            Err(_) => lost.push(format!("`{name}`: no answer")),
        }
    }
    if !unknown.is_empty() && unknown.len() == failed.len() {
        retry = false;
    }
    let answer = match (lost.is_empty(), failed.is_empty()) {
        (true, true) => Answer::Done { output: format!("told: {}", channels.join(", ")) },
        (_, false) => Answer::Failed { error: [failed, lost].concat().join("; "), again: retry },
        (false, true) => Answer::Unknown { detail: lost.join("; ") },
    };
    Told { answer, by }
}

async fn one(wire: &Wire, settings: &StepSettings, name: &str, notice: &Notice<'_>) -> Result<(), Answer> {
    let wrong = |error: String| Answer::Failed { error, again: false };
    let Some(channel) = settings.channels.get(name) else {
        return Err(wrong(
            "there is no such channel; add `[channels.NAME]` with `webhook` to `sternway.toml`".to_owned(),
        ));
    };
    let url = wire.outbound.secret(&channel.webhook).await.map_err(|error| wrong(error.to_string()))?;
    let url = parse_url(&url).map_err(|_| wrong("its `webhook` is not a URL".to_owned()))?;
    let Notice { text, release, saga, step, key, checkpoint } = notice;
    let mut body = json!({
        "type": "saga.notice", "timestamp": wire.clock.now().to_rfc3339(), "text": text,
        "data": {"text": text, "release": release, "saga": saga, "step": step, "channel": name, "key": key},
    });
    if let Some(checkpoint) = checkpoint {
        body["log_checkpoint"] = json!(checkpoint);
    }
    let secrets: Vec<&Secret> = channel.secret.iter().collect();
    let headers = &Headers::new();
    let post = Post { url: &url, key, body: &body, secrets: &secrets, headers, timeout: WITHIN };
    wire.post(&post).await.accepted().map(|_| ())
}
