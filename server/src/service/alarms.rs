//! What needed a person and who was told; and trying whether people are told.

use super::once::Once;
use super::record::Act;
use super::{Caller, DecisionBrief, Result, Service, ServiceError, decode};
use crate::alarms::{AlarmBody, message_id};
use crate::ports::{About, Message};
use crate::store::StoreError;
use crate::store::rows::{AlarmMessageRow, AlarmRow, Unit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sternway_domain::access::Action;
use sternway_domain::alarm::{AlarmKind, Severity};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{AlarmId, ReleaseId};
use sternway_domain::release::REASON_CHARS;
use utoipa::ToSchema;

/// So many of the newest are shown.
const SHOWN: u32 = 100;

/// Something that needs a person, or needed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmView {
    #[schema(format = "uuid")]
    pub id: String,
    /// `deadline`, `unconfirmed`, `rollback_begun`, `step` …
    pub kind: String,
    /// `page`: now. `notice`: should know.
    pub severity: String,
    /// What it is about; one at a time is open about the same.
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What, where and what to do.
    pub summary: String,
    #[schema(format = "date-time")]
    pub raised_at: String,
    /// When it no longer needed anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub ended_at: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    pub told: Vec<ToldView>,
}

/// One message to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToldView {
    pub channel: String,
    /// `raised` or `resolved`.
    pub about: String,
    /// `pending`, `done` or `given_up`.
    pub state: String,
    pub tries: i64,
    /// When it was taken, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub at: Option<String>,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub next_at: Option<String>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmsTried {
    pub channels: Vec<ChannelTried>,
    pub decision: DecisionBrief,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelTried {
    pub channel: String,
    /// It took both messages: that something began, and that it is over.
    pub told: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Service {
    /// The newest 100, of one release or of all; newest first.
    pub async fn recent_alarms(&self, caller: &Caller, release: Option<ReleaseId>) -> Result<Vec<AlarmView>> {
        self.authorise(caller, Action::View)?;
        let rows = self.store.alarms(release, SHOWN).await?;
        rows.into_iter().map(|(row, messages)| view(row, messages)).collect()
    }

    /// Sends a test to one channel, or to all that are told of everything: that something began, and that it is over.
    /// Asked again under the same key it is sent again, with the same ids.
    pub async fn try_alarms(
        &self,
        caller: &Caller,
        channel: Option<&str>,
        reason: &str,
        key: &str,
    ) -> Result<AlarmsTried> {
        let once = Once::new(&caller.actor.key(), key, &(channel, reason));
        let channels = channel.map_or_else(|| self.alarms.channels.clone(), |name| vec![name.to_owned()]);
        let mut act = Act::on(Action::TestAlarms, Target::Configuration { names: vec!["alarms".to_owned()] }, reason);
        act.effects.extend(channels.iter().map(|name| format!("a test message to `{name}`")));
        let decision = match self.tried_before(&once).await? {
            // It is sent again, so whoever asks again has to be allowed to, still.
            Some(decision) => match self.authorise(caller, Action::TestAlarms) {
                Ok(()) => decision,
                Err(error) => return Err(self.refuse(caller, &act, error).await),
            },
            None => match self.try_decided(caller, &act, &channels, &once).await {
                Ok(decision) => decision,
                Err(ServiceError::Store(StoreError::KeyUsed)) => {
                    self.tried_before(&once).await?.ok_or(StoreError::KeyUsed)?
                }
                Err(error @ ServiceError::Store(_)) => return Err(error),
                Err(error) => return Err(self.refuse(caller, &act, error).await),
            },
        };
        let tries = channels.iter().map(|name| self.try_one(name, AlarmId(decision.id.0)));
        Ok(AlarmsTried { channels: futures::future::join_all(tries).await, decision })
    }

    async fn try_decided(
        &self,
        caller: &Caller,
        act: &Act<'_>,
        channels: &[String],
        once: &Once,
    ) -> Result<DecisionBrief> {
        self.authorise(caller, Action::TestAlarms)?;
        let invalid = |field: &str, text: String| ServiceError::Invalid { field: field.to_owned(), text };
        if !REASON_CHARS.contains(&act.reason.trim().chars().count()) {
            return Err(invalid("reason", "say why in 3 to 2000 characters".to_owned()));
        }
        if channels.is_empty() {
            let text = "nobody is told of anything; set up `[channels.NAME]` and write `alarms = [\"NAME\"]` in `sternway.toml`";
            return Err(invalid("channel", text.to_owned()));
        }
        if let Some(text) = channels.iter().find_map(|name| self.steps.no_channel(name)) {
            return Err(invalid("channel", text));
        }
        let decision = self.decision(caller, act, Outcome::Accepted)?;
        let mut brief = DecisionBrief { id: decision.row.id, leaf_index: -1 };
        let idempotency = Some(self.remember(once, 200, &brief));
        let committed = self.commit(Unit { decision: Some(decision), idempotency, ..Unit::default() }, None).await?;
        brief.leaf_index = committed.leaf_index.unwrap_or(-1);
        Ok(brief)
    }

    async fn tried_before(&self, once: &Once) -> Result<Option<DecisionBrief>> {
        let Some(mut brief) = self.recall::<DecisionBrief>(once).await? else { return Ok(None) };
        if let Some(decision) = self.store.decision(brief.id).await? {
            brief.leaf_index = decision.leaf_index;
        }
        Ok(Some(brief))
    }

    async fn try_one(&self, channel: &str, id: AlarmId) -> ChannelTried {
        let head = self.signed_head().await.ok().flatten();
        let (key, link) = (format!("test:{id}:{channel}"), self.alarms.link(None));
        let texts = [
            (About::Raised, "raised", "A test of Sternway: whoever reads this is told when a release needs a person."),
            (About::Resolved, "resolved", "Over: it was a test of Sternway. Nobody has to do anything."),
        ];
        for (about, name, text) in texts {
            let (id, kind) = (message_id(id, name, channel), format!("alarm.{name}"));
            let message = Message {
                id: &id,
                kind: &kind,
                about,
                severity: Severity::Notice,
                key: &key,
                text,
                at: self.clock.now(),
                service: None,
                link: link.as_deref(),
                checkpoint: head.as_ref().map(|head| head.row.note.as_str()),
                data: json!({
                    "kind": AlarmKind::Test.as_str(), "severity": Severity::Notice.as_str(), "key": key, "summary": text,
                }),
            };
            if let Err(untold) = self.teller.tell(channel, &message).await {
                return ChannelTried { channel: channel.to_owned(), told: false, error: Some(untold.error) };
            }
        }
        ChannelTried { channel: channel.to_owned(), told: true, error: None }
    }
}

fn view(row: AlarmRow, messages: Vec<AlarmMessageRow>) -> Result<AlarmView> {
    let AlarmBody { summary, .. } = decode("alarm", &row.body)?;
    let told = messages.into_iter().map(|message| ToldView {
        next_at: (message.state == "pending").then(|| message.next_at.to_rfc3339()),
        channel: message.channel,
        about: message.about,
        state: message.state,
        tries: message.attempts,
        at: message.ended_at.map(|at| at.to_rfc3339()),
        error: message.last_error,
    });
    Ok(AlarmView {
        id: row.id.to_string(),
        kind: row.kind,
        severity: row.severity,
        key: row.key,
        release: row.release.map(|id| id.to_string()),
        service: row.service.map(|name| name.to_string()),
        summary,
        raised_at: row.raised_at.to_rfc3339(),
        ended_at: row.ended_at.map(|at| at.to_rfc3339()),
        ending: row.ending,
        told: told.collect(),
    })
}
