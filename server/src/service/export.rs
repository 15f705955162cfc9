//! Evidence packs: who may have one, what is in it, and the entry that says that it was taken out.

use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError, SignedHead};
use crate::pack::{About, Channel, Fault, Job, Piece, asked_words};
use crate::store::StoreError;
use crate::store::rows::{Tally, TallyFilter, Unit};
use std::io;
use std::time::Duration;
use sternway_domain::access::Action;
use sternway_domain::audit::pack::Asked;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::time::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

/// So many packs are made at a time.
pub const MOST_EXPORTS: usize = 2;

/// The log is signed once a second; so long the newest entries are waited for.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);

/// So many pieces wait to be taken.
const AHEAD: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    pub asked: Asked,
    /// The size of a log that whoever asks remembers: the pack then shows that this one begins with it.
    pub pin: Option<u64>,
}

/// A pack on its way.
#[derive(Debug)]
pub struct Exported {
    /// Of the file: `sternway-checkout-018f….zip`.
    pub name: String,
    /// The entry that says who asked.
    pub decision: DecisionBrief,
    /// A failure on the way is an error here: what was sent by then is no pack.
    pub pieces: mpsc::Receiver<Piece>,
}

/// Where the pack lies in the log.
struct Reach {
    head: SignedHead,
    /// From, and to before.
    stretch: (u64, u64),
    decisions: u64,
    unsigned: u64,
    name: String,
}

impl Service {
    /// A pack, as a stream. `stop` ends it when the server does.
    pub async fn export(&self, caller: &Caller, request: &ExportRequest, stop: CancellationToken) -> Result<Exported> {
        let words = asked_words(&request.asked);
        let reason = format!("Evidence pack: {words}");
        let mut act = Act::on(Action::Export, Target::Configuration { names: vec![words] }, &reason);
        match self.export_once(caller, request, &mut act, stop).await {
            Ok(exported) => Ok(exported),
            Err(error @ ServiceError::Store(_)) => Err(error),
            Err(error) => Err(self.refuse(caller, &act, error).await),
        }
    }

    async fn export_once(
        &self,
        caller: &Caller,
        request: &ExportRequest,
        act: &mut Act<'_>,
        stop: CancellationToken,
    ) -> Result<Exported> {
        self.authorise(caller, Action::Export)?;
        if let Asked::Period { from, to, .. } = &request.asked
            && from >= to
        {
            return Err(ServiceError::Invalid { field: "to".into(), text: "it is not after `from`".into() });
        }
        let permit = self.exporting.clone().try_acquire_owned().map_err(|_| ServiceError::Exporting)?;
        let Reach { head, stretch: (from, to), decisions, unsigned, name } = self.reach(&request.asked).await?;
        let unsigned_head =
            || StoreError::Corrupt { what: "log", detail: "it is signed, and no key is known".to_owned() };
        let keys = self.log_keys().await?.ok_or_else(unsigned_head)?;
        let size = head.checkpoint.size;
        if let Some(pin) = request.pin.filter(|pin| *pin > size) {
            let text = format!("the signed log has {size} entries, fewer than the {pin} you remember");
            return Err(ServiceError::Invalid { field: "pin".into(), text });
        }
        act.effects = vec![format!("{decisions} decisions, entries {from} to before {to} of {size}")];
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let mut brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let made_at = decision.row.at.to_rfc3339();
        let committed = self.commit(Unit { decision: Some(decision), ..Unit::default() }, None).await?;
        brief.leaf_index = committed.leaf_index.unwrap_or(-1);
        let about =
            About::new(request.asked.clone(), (made_at, brief.id), &head.checkpoint, (from, to), (decisions, unsigned));
        let job = Job { service: self.clone(), head, keys, about, pin: request.pin };
        Ok(Exported { name, decision: brief, pieces: start(job, permit, stop) })
    }

    async fn reach(&self, asked: &Asked) -> Result<Reach> {
        match asked {
            Asked::Decision { id } => {
                let row = self.store.decision(*id).await?;
                let row = row.ok_or_else(|| ServiceError::NotFound { what: "decision", name: id.to_string() })?;
                let head = self.signed_past(Some(row.leaf_index)).await?;
                let index = row.leaf_index as u64;
                if index >= head.checkpoint.size {
                    return Err(ServiceError::NotSigned);
                }
                let name = format!("sternway-decision-{id}.zip");
                Ok(Reach { head, stretch: (index, index + 1), decisions: 1, unsigned: 0, name })
            }
            Asked::Release { id } => {
                let service = self.load(*id).await?.service;
                let (head, found, unsigned) =
                    self.found(TallyFilter { release: Some(*id), ..TallyFilter::default() }).await?;
                let (first, last) = found.span.ok_or(ServiceError::NotSigned)?;
                let stretch = (first as u64, last as u64 + 1);
                let name = format!("sternway-{service}-{id}.zip");
                Ok(Reach { head, stretch, decisions: found.count as u64, unsigned, name })
            }
            Asked::Period { from, to, service } => {
                let within = TallyFilter { from: Some(*from), to: Some(*to), ..TallyFilter::default() };
                let asked = TallyFilter { service: service.clone(), ..within.clone() };
                let (head, found, unsigned) = self.found(asked).await?;
                let stretch = self.around(within, head.checkpoint.size).await?;
                let of = service.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
                let name = format!("sternway-{}-to-{}{of}.zip", from.date(), to.date());
                Ok(Reach { head, stretch, decisions: found.count as u64, unsigned, name })
            }
        }
    }

    /// The signed decisions of this kind, the head under which they are, and how many are not signed yet.
    async fn found(&self, of: TallyFilter) -> Result<(SignedHead, Tally, u64)> {
        let all = self.store.tally(&of).await?;
        let head = self.signed_past(all.span.map(|(_, last)| last)).await?;
        let signed = TallyFilter { before: Some(head.checkpoint.size as i64), ..of };
        let found = self.store.tally(&signed).await?;
        let unsigned = all.count.saturating_sub(found.count).max(0) as u64;
        Ok((head, found, unsigned))
    }

    /// The newest head; one that reaches past this entry, if there is one soon.
    async fn signed_past(&self, index: Option<i64>) -> Result<SignedHead> {
        let patience = tokio::time::Instant::now() + PATIENCE;
        loop {
            let head = self.signed_head().await?;
            let enough = head.as_ref().is_some_and(|head| index.is_none_or(|index| index < head.row.size));
            if enough || tokio::time::Instant::now() >= patience {
                return head.ok_or(ServiceError::NotSigned);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The entries of a period, and one on either side that shows that there are no more. Where the clock was set back,
    /// as many as it takes.
    async fn around(&self, within: TallyFilter, size: u64) -> Result<(u64, u64)> {
        let (Some(begin), Some(end)) = (within.from, within.to) else { return Ok((0, size)) };
        let tally = |filter: TallyFilter| async move {
            let signed = TallyFilter { before: Some(size as i64), ..filter };
            Ok::<_, ServiceError>(self.store.tally(&signed).await?.span)
        };
        let (mut from, mut to) = match tally(within).await? {
            Some((first, last)) => (first as u64, last as u64 + 1),
            None => {
                let earlier = TallyFilter { to: Some(begin), ..TallyFilter::default() };
                let next = tally(earlier).await?.map_or(0, |(_, last)| last as u64 + 1);
                (next, next)
            }
        };
        while from > 0 {
            from -= 1;
            if self.dated(from).await?.is_none_or(|at| at < begin) {
                break;
            }
        }
        while to < size {
            to += 1;
            if self.dated(to - 1).await?.is_none_or(|at| at >= end) {
                break;
            }
        }
        Ok((from, to))
    }

    async fn dated(&self, index: u64) -> Result<Option<Timestamp>> {
        Ok(self.store.leaves(index as i64, 1).await?.first().map(|row| row.at))
    }
}

/// On a thread of its own: it waits for the store and for whoever takes the pieces.
fn start(job: Job, permit: OwnedSemaphorePermit, stop: CancellationToken) -> mpsc::Receiver<Piece> {
    let (to, pieces) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut out = Channel::new(to, runtime.clone(), stop);
        match job.write(&runtime, &mut out) {
            Ok(()) => {}
            Err(Fault::Written(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                tracing::info!("an evidence pack was not taken to its end");
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "an evidence pack could not be made");
                out.broken(&fault.to_string());
            }
        }
    });
    pieces
}
