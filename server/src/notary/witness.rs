//! Asks witnesses to confirm heads of the log (C2SP `tlog-witness`, `add-checkpoint`).
//!
//! Each witness is asked by itself, beside the signing: one that hangs keeps neither commits nor checkpoints nor the other
//! witnesses waiting. Of several replicas one asks. What a witness has signed is kept, and shown with the checkpoint.
//!
//! Deliberately absent: believing a witness that the log has changed. Whoever answers by its address may say anything; it
//! is shown and logged, and a person looks.

use crate::outbound::{Answer, Call, Outbound, place};
use crate::service::outside::WITNESS;
use crate::service::{Service, SignedHead};
use crate::store::StoreError;
use reqwest::{Method, StatusCode, Url};
use std::time::Duration;
use sternway_domain::audit::checkpoint::witness::{AddCheckpoint, seen};
use sternway_domain::audit::note::VerifierKey;
use sternway_domain::time::Span;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether there is a newer checkpoint.
const LOOK: Duration = Duration::from_secs(1);
/// The longest answer that is read: signature lines.
const MAX_BYTES: usize = 64 * 1024;
/// Without news a witness is asked again after so many times the usual pause, so that it says it is still there.
const IDLE: u32 = 10;
const LEASE_NAME: &str = "log-witnesses";

/// Somebody who signs heads of logs after having checked that they only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// `add-checkpoint` lies below it.
    pub url: Url,
    pub key: VerifierKey,
}

/// Who is asked, how often at most, and how many should confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnesses {
    pub list: Vec<Witness>,
    pub wanted: usize,
    pub every: Duration,
    /// For one answer.
    pub within: Duration,
}

impl Default for Witnesses {
    fn default() -> Self {
        Self { list: Vec::new(), wanted: 0, every: Duration::from_secs(60), within: Self::WITHIN }
    }
}

impl Witnesses {
    /// The usual patience.
    pub const WITHIN: Duration = Duration::from_secs(10);

    /// A confirmation is not old for so long.
    pub(crate) fn fresh(&self) -> Span {
        Span::from_micros(i64::try_from((self.every * 3).as_micros()).unwrap_or(i64::MAX))
    }

    fn lease(&self) -> Span {
        self.fresh().max(Span::from_secs(30))
    }
}

/// Works until the shutdown.
pub async fn run(service: Service, outbound: Outbound, holder: String, shutdown: CancellationToken) {
    let settings = service.witnesses.clone();
    let asking = settings.list.iter().map(|witness| {
        let asker = Asker::new(service.clone(), outbound.clone(), holder.clone(), witness.clone());
        asker.work()
    });
    tokio::select! {
        () = shutdown.cancelled() => {}
        _ = futures::future::join_all(asking) => {}
    }
}

/// Asks one witness.
pub struct Asker {
    service: Service,
    outbound: Outbound,
    holder: String,
    witness: Witness,
    asked: Option<Instant>,
}

/// Why a witness did not confirm.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It has seen this size; the proof should start there.
    #[error("it has seen {0} entries")]
    Seen(u64),
    #[error("{0}")]
    Other(String),
}

impl Asker {
    pub fn new(service: Service, outbound: Outbound, holder: String, witness: Witness) -> Self {
        Self { service, outbound, holder, witness, asked: None }
    }

    async fn work(mut self) {
        loop {
            if let Err(error) = self.turn().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "witnesses were not asked");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks if there is a newer checkpoint and the last time is long enough ago.
    pub async fn turn(&mut self) -> Result<(), StoreError> {
        let every = self.service.witnesses.every;
        let since = self.asked.map(|at| at.elapsed());
        if since.is_some_and(|since| since < every) {
            return Ok(());
        }
        let Ok(Some(head)) = self.service.signed_head().await else { return Ok(()) };
        let name = self.witness.key.name();
        let rows = self.service.store.outside().await?;
        let before = rows.iter().find(|row| row.way == WITNESS && row.who == name);
        let size = head.checkpoint.size;
        let idle = before.is_some_and(|row| row.size as u64 == size);
        if idle && since.is_some_and(|since| since < every * IDLE) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        let lease = self.service.witnesses.lease();
        if self.service.store.lease(LEASE_NAME, &self.holder, lease).await?.is_none() {
            return Ok(());
        }
        let old = before.map_or(0, |row| row.size as u64);
        match self.confirm(&head, if old <= size { old } else { 0 }).await {
            Ok(note) => {
                self.service.left_by(WITNESS, name, head.row.size, note).await;
                self.service.notary.set_witness(name, None);
            }
            Err(trouble) => {
                if self.service.notary.witness_troubles().get(name) != Some(&trouble) {
                    tracing::warn!(witness = name, trouble, "the witness did not confirm the log");
                }
                self.service.notary.set_witness(name, Some(trouble));
            }
        }
        Ok(())
    }

    /// The checkpoint with the witness's signature. It may remember another size than we do: then once more from there.
    async fn confirm(&self, head: &SignedHead, old: u64) -> Result<String, String> {
        let size = head.checkpoint.size;
        match self.ask(head, old).await {
            Err(Refused::Seen(seen)) if seen > size => Err(format!(
                "it has seen {seen} entries of this log, which has {size} now: entries were removed, an old copy was put \
                 in place, or another log bears this name"
            )),
            Err(Refused::Seen(seen)) if seen != old => {
                self.ask(head, seen).await.map_err(|refused| refused.to_string())
            }
            other => other.map_err(|refused| refused.to_string()),
        }
    }

    async fn ask(&self, head: &SignedHead, old: u64) -> Result<String, Refused> {
        let other = |text: String| Refused::Other(text);
        let proof = self.service.growth(old, head.checkpoint.size).await;
        let proof = proof.map_err(|error| other(format!("the proof for it cannot be made: {error}")))?;
        let request = AddCheckpoint { old, proof, checkpoint: head.note.clone() };
        let mut url = self.witness.url.clone();
        url.set_path(&format!("{}/add-checkpoint", url.path().trim_end_matches('/')));
        let to = place(&url);
        let call = Call {
            method: Method::POST,
            body: request.to_string().into_bytes(),
            ..Call::get(url, self.service.witnesses.within, MAX_BYTES)
        };
        let answer = self.outbound.send(call).await.map_err(|error| other(error.to_string()))?;
        match answer.status {
            StatusCode::OK => {
                let mut note = head.note.clone();
                let before = note.signatures().len();
                let taken = note.take(&answer.body, std::slice::from_ref(&self.witness.key));
                taken.map_err(|error| other(format!("`{to}` answers with something else than signatures: {error}")))?;
                match note.signatures().len() > before {
                    true => Ok(note.to_string()),
                    false => {
                        Err(other(format!("`{to}` answers without the signature of `{}`", self.witness.key.name())))
                    }
                }
            }
            StatusCode::CONFLICT => match seen(&answer.body) {
                Some(size) => Err(Refused::Seen(size)),
                None => Err(other(said(&to, &answer, "it has seen another size, and does not say which"))),
            },
            StatusCode::FORBIDDEN => {
                Err(other(said(&to, &answer, "it knows no key that signed this; tell it the log's key")))
            }
            StatusCode::NOT_FOUND => {
                Err(other(said(&to, &answer, "it does not know this log; register its name and key there")))
            }
            StatusCode::UNPROCESSABLE_ENTITY => Err(other(said(
                &to,
                &answer,
                "it finds that this log does not extend the one it saw; keep its checkpoint, it is evidence",
            ))),
            _ => Err(other(said(&to, &answer, "it did not confirm"))),
        }
    }
}

fn said(to: &str, answer: &Answer, meaning: &str) -> String {
    let status = answer.status.as_u16();
    match answer.gist() {
        gist if gist.is_empty() => format!("`{to}` answers {status}: {meaning}"),
        gist => format!("`{to}` answers {status}: {meaning} ({gist})"),
    }
}
