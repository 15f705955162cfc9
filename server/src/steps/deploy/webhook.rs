//! A program of yours that deploys, told by signed requests (Standard Webhooks 1.0).
//!
//! # The wire
//!
//! Orders and questions are POSTs of JSON to one URL, signed with `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`. Redirects are never followed; an answer is read up to 64 KiB.
//!
//! ```json
//! {"type": "deploy.order", "timestamp": "2026-11-21T10:00:00Z", "data": {
//!   "service": "checkout", "version": "1.41.3", "digest": "sha256:…", "cells": [],
//!   "key": "…", "attempt": 1, "token": 7, "deadline": "2026-11-21T10:10:00Z"}}
//! {"type": "deploy.ask", "timestamp": "…", "data": {"service": "checkout", "ask": "…", "attempt": 1, "token": 8}}
//! ```
//!
//! Both are answered with 2xx and `{"status": …, "output": …}`. `output` is text for people, `again` says of `failed`
//! whether another try may help.
//!
//! | status | means |
//! |---|---|
//! | `done` | it is deployed |
//! | `running` | under way: Sternway asks every two seconds until the deadline |
//! | `failed` | it was not deployed |
//! | `refused` | it will not be: an older token than the newest seen, or a key known with another build |
//! | `never` | only to a question: nothing under this key ever came |
//!
//! The program must
//! 1. carry a key out once. The same key again, whatever its `attempt`, gets the answer of the first; after
//!    `"again": true` it is carried out anew.
//! 2. refuse tokens older than the newest it has seen, in orders and in questions.
//! 3. after `never`, refuse this key's attempts up to the one asked about: an order may still be on its way.
//!
//! Other statuses: 429 and 425 say that nothing was done and ask for another try; other 4xx, 501, 307 and 308 that
//! nothing was done and nothing will be; 5xx, 408, 301 to 303, a cut connection, no answer in time and an answer that
//! is not understood leave open whether it was done, and the program is asked. A connection that never came about did
//! nothing.

use crate::outbound::{Answer as Received, OutboundError, parse_url};
use crate::ports::{DeployOrder, DeployQuestion, Deployer};
use crate::steps::wire::{Post, Sent, Wire, duration, said};
use async_trait::async_trait;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use sternway_domain::deploy::DeployWebhook;
use sternway_domain::saga::{ASK_EVERY, Answer};
use sternway_domain::service::{Headers, Secret};
use sternway_domain::time::Timestamp;

/// One endpoint.
pub struct WebhookDeployer {
    wire: Wire,
    url: Url,
    config: DeployWebhook,
}

#[derive(Deserialize)]
struct Told {
    status: Status,
    #[serde(default)]
    output: String,
    #[serde(default)]
    again: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Done,
    Running,
    Failed,
    Refused,
    Never,
}

impl WebhookDeployer {
    pub(in crate::steps) fn new(wire: Wire, config: &DeployWebhook) -> Result<Self, OutboundError> {
        Ok(Self { wire, url: parse_url(&config.url)?, config: config.clone() })
    }

    async fn post(&self, id: &str, body: &Value, deadline: Option<Timestamp>) -> Sent {
        let most = duration(self.config.timeout);
        let Some(timeout) = deadline.map_or(Some(most), |deadline| self.wire.left(deadline, most)) else {
            return Sent::Stayed { detail: "its deadline has passed".to_owned(), again: true };
        };
        let secrets: Vec<&Secret> =
            [Some(&self.config.secret), self.config.previous_secret.as_ref()].into_iter().flatten().collect();
        let headers = &Headers::new();
        self.wire.post(&Post { url: &self.url, key: id, body, secrets: &secrets, headers, timeout }).await
    }

    fn body(&self, kind: &str, data: &Value) -> Value {
        json!({"type": kind, "timestamp": self.wire.clock.now().to_rfc3339(), "data": data})
    }
}

/// What a 2xx says. `Err` when it is not understood.
fn told(answer: &Received) -> Result<Told, String> {
    serde_json::from_slice(&answer.body)
        .map_err(|e| format!("{}: its answer is not understood ({e}): {}", answer.status, answer.gist()))
}

impl Told {
    fn answer(self) -> Answer {
        let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
        match self.status {
            Status::Done => Answer::Done { output: self.output },
            Status::Running => Answer::Running,
            Status::Failed => {
                Answer::Failed { error: or(self.output, "it says only that it failed"), again: self.again }
            }
            Status::Refused => {
                Answer::Failed { error: format!("refused: {}", or(self.output, "it does not say why")), again: false }
            }
            Status::Never => Answer::NeverArrived,
        }
    }
}

#[async_trait]
impl Deployer for WebhookDeployer {
    async fn deploy(&self, order: &DeployOrder) -> Answer {
        let DeployOrder { service, artifact, cells, key, attempt, token, deadline } = order;
        let body = self.body(
            "deploy.order",
            &json!({
                "service": service, "version": artifact.version, "digest": artifact.digest, "cells": cells,
                "key": key, "attempt": attempt, "token": token, "deadline": deadline.to_rfc3339(),
            }),
        );
        let answer = match self.post(key, &body, Some(*deadline)).await.accepted() {
            Ok(answer) => answer,
            Err(known) => return known,
        };
        match told(&answer).map(Told::answer) {
            Ok(Answer::NeverArrived) => Answer::Unknown { detail: "it answers `never` to an order".to_owned() },
            Ok(Answer::Running) => self.wait(order).await,
            Ok(answer) => answer,
            Err(detail) => Answer::Unknown { detail },
        }
    }

    async fn ask(&self, question: &DeployQuestion) -> Answer {
        let DeployQuestion { service, key, attempt, token, .. } = question;
        let data = json!({"service": service, "ask": key, "attempt": attempt, "token": token});
        let id = format!("ask-{key}-{}", self.wire.clock.now().micros());
        let answer = match self.post(&id, &self.body("deploy.ask", &data), None).await {
            Sent::Answered(answer) => answer,
            Sent::Stayed { detail, .. } | Sent::Lost(detail) => return Answer::Unknown { detail },
        };
        let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_EARLY, StatusCode::REQUEST_TIMEOUT];
        let status = answer.status;
        if status.is_success() {
            match told(&answer) {
                // It refuses the question, which says nothing about the order.
                Ok(Told { status: Status::Refused, output, .. }) => {
                    Answer::CannotTell { detail: format!("the question was refused: {output}") }
                }
                Ok(told) => told.answer(),
                Err(detail) => Answer::CannotTell { detail },
            }
        } else if passing.contains(&status) || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED) {
            Answer::Unknown { detail: said(&answer) }
        } else {
            Answer::CannotTell { detail: said(&answer) }
        }
    }

    fn fenced(&self) -> bool {
        true
    }
}

impl WebhookDeployer {
    /// Asks until it is no longer under way, or nobody waits for it any more.
    async fn wait(&self, order: &DeployOrder) -> Answer {
        let question = DeployQuestion {
            service: order.service.clone(),
            artifact: order.artifact.clone(),
            cells: order.cells.clone(),
            key: order.key.clone(),
            attempt: order.attempt,
            token: order.token,
        };
        loop {
            let Some(pause) = self.wire.left(order.deadline, duration(ASK_EVERY)) else { return Answer::Running };
            tokio::time::sleep(pause.max(Duration::from_millis(1))).await;
            match self.ask(&question).await {
                // A passing failure of the question says nothing about the deployment.
                Answer::Running | Answer::Unknown { .. } => {}
                Answer::NeverArrived => {
                    return Answer::Unknown { detail: "it said `running` first and `never` afterwards".to_owned() };
                }
                Answer::CannotTell { detail } => return Answer::Unknown { detail },
                settled => return settled,
            }
        }
    }
}
