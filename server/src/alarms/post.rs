//! Sends messages until they are taken, channel by channel: one that is slow or away keeps no other waiting.

use super::look::AlarmBody;
use super::{LOOK, Right, Term, message_id};
use crate::ports::{About, Message, Untold};
use crate::service::outside::CHANNEL;
use crate::service::{Service, decode};
use crate::store::StoreError;
use crate::store::rows::{AlarmMark, AlarmMessageRow, AlarmRow};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::alarm::{AlarmKind, Severity};
use sternway_domain::time::{Span, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// In memory at once.
const MOST: u32 = 1_000;
/// Wait before the second try; it doubles from try to try.
const FIRST: Span = Span::from_secs(2);
/// The longest wait between two tries.
const LONGEST: Span = Span::from_secs(300);
/// A channel that wants to be left alone is left alone for so long at most.
const AT_MOST: Span = Span::from_secs(3_600);
/// Of a message that is claimed without a lease nobody else tries to send for so long.
const CLAIM: Span = Span::from_secs(30);
/// A shutdown waits for so long for messages under way.
const ENDING: Duration = Duration::from_secs(2);
/// Afterwards nobody is told any more.
pub(super) const PATIENCE: Span = Span::from_secs(86_400);

pub(super) struct Post {
    service: Service,
    term: Term,
    shutdown: CancellationToken,
}

type Due = Vec<(AlarmMessageRow, AlarmRow)>;

impl Post {
    pub(super) fn new(service: Service, term: Term, shutdown: CancellationToken) -> Self {
        Self { service, term, shutdown }
    }

    /// Until the shutdown.
    pub(super) async fn work(self, news: Arc<Notify>) {
        let post = Arc::new(self);
        let (mut under_way, mut busy) = (JoinSet::new(), HashSet::new());
        while !post.shutdown.is_cancelled() {
            tokio::select! {
                () = post.shutdown.cancelled() => break,
                Some(ended) = under_way.join_next() => match ended {
                    Ok(channel) => _ = busy.remove(&channel),
                    // A task that panicked says no name: nothing is under way any more that would have to be waited for.
                    Err(_) if under_way.is_empty() => busy.clear(),
                    Err(_) => {}
                },
                _ = tokio::time::timeout(LOOK, news.notified()) => {}
            }
            let Some(right) = post.term.right() else { continue };
            match post.due(&right).await {
                Ok(due) => {
                    for (channel, messages) in due {
                        if busy.insert(channel.clone()) {
                            let post = post.clone();
                            under_way.spawn(async move {
                                post.tell(&channel, messages).await;
                                channel
                            });
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "what is to be told could not be read")
                }
            }
        }
        let ended = async { while under_way.join_next().await.is_some() {} };
        let _ended_or_cut_off = tokio::time::timeout(ENDING, ended).await;
    }

    /// By channel. That something is over is told after that it began.
    async fn due(&self, right: &Right) -> Result<BTreeMap<String, Due>, StoreError> {
        let now = self.service.clock.now();
        let pending = self.service.store.alarm_messages(MOST).await?;
        self.service.metrics.alarms_untold(pending.iter().filter(|(message, _)| message.attempts > 0).count());
        let mut first = BTreeSet::new();
        let mut due: BTreeMap<String, Due> = BTreeMap::new();
        for (message, alarm) in pending {
            let before = !first.insert((message.alarm, message.channel.clone()));
            let mine = matches!(right, Right::Lease(..)) || alarm.kind == AlarmKind::Held.as_str();
            // A clock that was set back must not put it off any further.
            let time = message.next_at <= now || message.next_at.since(now) > AT_MOST;
            if mine && !before && time {
                due.entry(message.channel.clone()).or_default().push((message, alarm));
            }
        }
        Ok(due)
    }

    /// One after the other; the first that is not taken ends it for now.
    async fn tell(&self, channel: &str, messages: Due) {
        for (message, alarm) in messages {
            let Some(right) = self.term.right().filter(|_| !self.shutdown.is_cancelled()) else { return };
            if right.fence().is_none() && !self.claimed(&message).await {
                return;
            }
            let told = self.one(channel, &message, &alarm).await;
            let now = self.service.clock.now();
            let taken = told.is_ok();
            let mark = match told {
                Ok(()) => AlarmMark::Done { at: now },
                Err(untold) => self.again(&message, untold, now),
            };
            let result = match &mark {
                AlarmMark::Done { .. } => "done",
                AlarmMark::Again { .. } => "failed",
                AlarmMark::GivenUp { .. } => "given_up",
            };
            self.service.metrics.alarm_sent(channel, result);
            if let Err(error) = self.service.store.mark_alarm(&message, &mark, right.fence()).await {
                tracing::warn!(channel, error = &error as &dyn std::error::Error, "not written down: who was told");
                return;
            }
            if !taken {
                return;
            }
        }
    }

    async fn claimed(&self, message: &AlarmMessageRow) -> bool {
        let until = self.service.clock.now() + CLAIM;
        self.service.store.claim_alarm(message, until).await.unwrap_or(false)
    }

    async fn one(&self, channel: &str, message: &AlarmMessageRow, alarm: &AlarmRow) -> Result<(), Untold> {
        let service = &self.service;
        let unreadable = |error: crate::service::ServiceError| {
            let error = error.to_string();
            Untold { error, maybe: false, again: false, hopeless: true, rest: None }
        };
        let AlarmBody { summary, .. } = decode("alarm", &alarm.body).map_err(unreadable)?;
        let resolved = message.about == "resolved";
        let text = match alarm.ending.as_deref().filter(|_| resolved) {
            Some(ending) => format!("{ending} It was: {summary}"),
            None => summary.clone(),
        };
        let id = message_id(alarm.id, &message.about, channel);
        let head = service.signed_head().await.ok().flatten();
        let link = service.alarms.link(alarm.release);
        let name = alarm.service.as_ref().map(|name| name.as_str());
        let sent = Message {
            id: &id,
            kind: if resolved { "alarm.resolved" } else { "alarm.raised" },
            about: if resolved { About::Resolved } else { About::Raised },
            severity: if alarm.severity == Severity::Notice.as_str() { Severity::Notice } else { Severity::Page },
            key: &alarm.key,
            text: &text,
            at: if resolved { alarm.ended_at.unwrap_or(alarm.raised_at) } else { alarm.raised_at },
            service: name,
            link: link.as_deref(),
            checkpoint: head.as_ref().map(|head| head.row.note.as_str()),
            data: json!({
                "alarm": alarm.id, "kind": alarm.kind, "severity": alarm.severity, "key": alarm.key, "summary": summary,
                "release": alarm.release, "service": alarm.service,
            }),
        };
        service.teller.tell(channel, &sent).await?;
        if let Some(head) = head {
            service.left_by(CHANNEL, channel, head.row.size, head.row.note).await;
        }
        Ok(())
    }

    /// Later and later, for a day.
    fn again(&self, message: &AlarmMessageRow, untold: Untold, now: Timestamp) -> AlarmMark {
        let Untold { error, hopeless, rest, .. } = untold;
        let mut dice = [0u8; 1];
        self.service.rng.fill(&mut dice);
        let wait = wait(message.attempts, f64::from(dice[0]) / 255.0).max(rest.map_or(Span::ZERO, span));
        if hopeless || (now + wait).since(message.created_at) >= PATIENCE {
            tracing::error!(channel = message.channel, error, "people could not be told, and it is no longer tried");
            return AlarmMark::GivenUp { error, at: now };
        }
        if message.attempts == 0 {
            tracing::warn!(channel = message.channel, error, "people could not be told; it is tried again");
        }
        AlarmMark::Again { error, next_at: now + wait }
    }
}

fn span(duration: Duration) -> Span {
    Span::from_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// After so many tries before: doubles up to the longest; chance shortens it by up to half.
fn wait(tries: i64, dice: f64) -> Span {
    let doubled = FIRST.micros().saturating_mul(1 << tries.clamp(0, 20)).min(LONGEST.micros());
    Span::from_micros((doubled as f64 * (1.0 - 0.5 * dice)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_tries_in_vain_then_waits_double_up_to_five_minutes_and_chance_shortens_them_by_half_at_most() {
        let secs = |tries, dice| wait(tries, dice).secs_f64();
        assert_eq!([0, 1, 2, 7, 8, 1_000].map(|tries| secs(tries, 0.0)), [2.0, 4.0, 8.0, 256.0, 300.0, 300.0]);
        assert_eq!((secs(0, 1.0), secs(9, 1.0)), (1.0, 150.0));
    }
}
