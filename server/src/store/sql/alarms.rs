//! What needs a person, and who was told.

use super::leases::hold_fence;
use super::link::{Row, args};
use super::tx::Tx;
use super::{Backend, all};
use crate::store::rows::*;
use crate::store::{AlarmStore, Result};
use async_trait::async_trait;
use sternway_domain::id::ReleaseId;
use sternway_domain::time::Timestamp;

#[async_trait]
impl<B: Backend> AlarmStore for B {
    async fn alarms_read(&self) -> Result<i64> {
        const READ: &str = "SELECT position FROM alarm_cursor WHERE one = 1";
        let row = self.reads("read how far alarms have come").one(READ, vec![]).await?;
        row.map_or(Ok(0), |row| row.get("position"))
    }

    async fn put_alarms(&self, write: &AlarmsWrite, fence: Option<&Fence>) -> Result<()> {
        let mut tx = self.begin("write alarms down").await?;
        if let Some(fence) = fence {
            hold_fence(&mut tx, self.dialect(), fence).await?;
        }
        for raise in &write.raise {
            put(&mut tx, raise).await?;
        }
        for said in &write.say {
            const SAY: &str = "UPDATE alarm SET body = $2 WHERE key = $1 AND ended_at IS NULL";
            tx.run(SAY, args![&said.key, &said.body]).await?;
        }
        for over in &write.end {
            end(&mut tx, over).await?;
        }
        if let Some(position) = write.position {
            const READ: &str = "UPDATE alarm_cursor SET position = $1 WHERE one = 1";
            tx.run(READ, args![position]).await?;
        }
        tx.commit().await
    }

    async fn open_alarms(&self) -> Result<Vec<AlarmRow>> {
        const OPEN: &str = "SELECT id, key, kind, severity, release, service, raised_at, ended_at, body, ending FROM alarm \
            WHERE ended_at IS NULL ORDER BY raised_at, id";
        all(&self.reads("read open alarms").all(OPEN, vec![]).await?, alarm)
    }

    async fn alarms(&self, release: Option<ReleaseId>, limit: u32) -> Result<Vec<(AlarmRow, Vec<AlarmMessageRow>)>> {
        const ALARMS: &str = "SELECT id, key, kind, severity, release, service, raised_at, ended_at, body, ending FROM alarm \
            WHERE $1 IS NULL OR release = $1 ORDER BY raised_at DESC, id DESC LIMIT $2";
        const MESSAGES: &str = "SELECT alarm, about, channel, created_at, state, attempts, next_at, last_error, \
            ended_at AS sent_at FROM alarm_message WHERE alarm IN (SELECT id FROM alarm WHERE $1 IS NULL OR release = $1 \
            ORDER BY raised_at DESC, id DESC LIMIT $2) ORDER BY about, channel";
        let link = self.reads("read alarms");
        let limit = i64::from(limit);
        let rows = all(&link.all(ALARMS, args![release, limit]).await?, alarm)?;
        let link = self.reads("read who was told");
        let messages = all(&link.all(MESSAGES, args![release, limit]).await?, message)?;
        let of = |row: &AlarmRow| messages.iter().filter(|message| message.alarm == row.id).cloned().collect();
        Ok(rows.into_iter().map(|row| (row.clone(), of(&row))).collect())
    }

    async fn alarm_messages(&self, limit: u32) -> Result<Vec<(AlarmMessageRow, AlarmRow)>> {
        const PENDING: &str = "SELECT m.alarm, m.about, m.channel, m.created_at, m.state, m.attempts, m.next_at, m.last_error, \
            m.ended_at AS sent_at, a.id, a.key, a.kind, a.severity, a.release, a.service, a.raised_at, a.ended_at, a.body, \
            a.ending FROM alarm_message m JOIN alarm a ON a.id = m.alarm WHERE m.state = 'pending' \
            ORDER BY m.created_at, m.alarm, m.about, m.channel LIMIT $1";
        let rows = self.reads("read what is to be told").all(PENDING, args![i64::from(limit)]).await?;
        all(&rows, |row| Ok((message(row)?, alarm(row)?)))
    }

    async fn untold(&self, since: Timestamp) -> Result<Vec<AlarmMessageRow>> {
        const UNTOLD: &str = "SELECT alarm, about, channel, created_at, state, attempts, next_at, last_error, \
            ended_at AS sent_at FROM alarm_message WHERE (state = 'pending' AND attempts > 0) \
            OR (state = 'given_up' AND ended_at >= $1) ORDER BY created_at, alarm, about, channel LIMIT 1000";
        all(&self.reads("read who could not be told").all(UNTOLD, args![since]).await?, message)
    }

    async fn mark_alarm(&self, message: &AlarmMessageRow, mark: &AlarmMark, fence: Option<&Fence>) -> Result<()> {
        const DONE: &str = "UPDATE alarm_message SET state = 'done', attempts = attempts + 1, ended_at = $4 \
            WHERE alarm = $1 AND about = $2 AND channel = $3 AND state = 'pending'";
        const AGAIN: &str = "UPDATE alarm_message SET attempts = attempts + 1, last_error = $4, next_at = $5 \
            WHERE alarm = $1 AND about = $2 AND channel = $3 AND state = 'pending'";
        const GIVEN_UP: &str = "UPDATE alarm_message SET state = 'given_up', attempts = attempts + 1, last_error = $4, \
            ended_at = $5 WHERE alarm = $1 AND about = $2 AND channel = $3 AND state = 'pending'";
        let AlarmMessageRow { alarm, about, channel, .. } = message;
        let mut tx = self.begin("write down who was told").await?;
        if let Some(fence) = fence {
            hold_fence(&mut tx, self.dialect(), fence).await?;
        }
        match mark {
            AlarmMark::Done { at } => tx.run(DONE, args![*alarm, about, channel, *at]).await?,
            AlarmMark::Again { error, next_at } => {
                tx.run(AGAIN, args![*alarm, about, channel, error, *next_at]).await?
            }
            AlarmMark::GivenUp { error, at } => tx.run(GIVEN_UP, args![*alarm, about, channel, error, *at]).await?,
        };
        tx.commit().await
    }

    async fn claim_alarm(&self, message: &AlarmMessageRow, until: Timestamp) -> Result<bool> {
        const CLAIM: &str = "UPDATE alarm_message SET next_at = $4 \
            WHERE alarm = $1 AND about = $2 AND channel = $3 AND state = 'pending' AND next_at = $5";
        let AlarmMessageRow { alarm, about, channel, next_at, .. } = message;
        let values = args![*alarm, about, channel, until, *next_at];
        Ok(self.writes("claim a message").run(CLAIM, values).await? == 1)
    }

    async fn forget_alarms(&self, before: Timestamp, limit: u32, fence: &Fence) -> Result<u64> {
        const MESSAGES: &str = "DELETE FROM alarm_message WHERE alarm IN (SELECT a.id FROM alarm a \
            WHERE a.raised_at < $1 AND a.ended_at < $1 AND NOT EXISTS \
            (SELECT 1 FROM alarm_message m WHERE m.alarm = a.id AND m.state = 'pending') \
            ORDER BY a.raised_at, a.id LIMIT $2)";
        const ALARMS: &str = "DELETE FROM alarm WHERE id IN (SELECT a.id FROM alarm a \
            WHERE a.raised_at < $1 AND a.ended_at < $1 AND NOT EXISTS \
            (SELECT 1 FROM alarm_message m WHERE m.alarm = a.id) ORDER BY a.raised_at, a.id LIMIT $2)";
        let mut tx = self.begin("remove old alarms").await?;
        hold_fence(&mut tx, self.dialect(), fence).await?;
        tx.run(MESSAGES, args![before, i64::from(limit)]).await?;
        let gone = tx.run(ALARMS, args![before, i64::from(limit)]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

async fn put(tx: &mut Tx, raise: &AlarmRaise) -> Result<()> {
    const RAISE: &str = "INSERT INTO alarm (id, key, kind, severity, release, service, raised_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) WHERE ended_at IS NULL DO NOTHING";
    const TELL: &str = "INSERT INTO alarm_message (alarm, about, channel, created_at, state, attempts, next_at) \
        VALUES ($1, 'raised', $2, $3, 'pending', 0, $3)";
    let AlarmRow { id, key, kind, severity, release, service, raised_at, body, .. } = &raise.row;
    let service = service.as_ref().map(|name| name.to_string());
    let values = args![*id, key, kind, severity, *release, &service, *raised_at, body];
    if tx.run(RAISE, values).await? == 0 {
        return Ok(());
    }
    for channel in &raise.channels {
        tx.run(TELL, args![*id, channel, *raised_at]).await?;
    }
    Ok(())
}

async fn end(tx: &mut Tx, over: &AlarmEnd) -> Result<()> {
    const TELL: &str = "INSERT INTO alarm_message (alarm, about, channel, created_at, state, attempts, next_at) \
        SELECT m.alarm, 'resolved', m.channel, $2, 'pending', 0, $2 FROM alarm_message m JOIN alarm a ON a.id = m.alarm \
        WHERE a.key = $1 AND a.ended_at IS NULL AND m.about = 'raised' AND m.state <> 'given_up'";
    const END: &str = "UPDATE alarm SET ended_at = $2, ending = $3 WHERE key = $1 AND ended_at IS NULL";
    let AlarmEnd { key, at, ending } = over;
    tx.run(TELL, args![key, *at]).await?;
    tx.run(END, args![key, *at, ending]).await?;
    Ok(())
}

fn alarm(row: &Row) -> Result<AlarmRow> {
    Ok(AlarmRow {
        id: row.parse("id")?,
        key: row.get("key")?,
        kind: row.get("kind")?,
        severity: row.get("severity")?,
        release: row.opt_parse("release")?,
        service: row.opt_parse("service")?,
        raised_at: row.time("raised_at")?,
        ended_at: row.opt_time("ended_at")?,
        body: row.get("body")?,
        ending: row.get("ending")?,
    })
}

fn message(row: &Row) -> Result<AlarmMessageRow> {
    Ok(AlarmMessageRow {
        alarm: row.parse("alarm")?,
        about: row.get("about")?,
        channel: row.get("channel")?,
        created_at: row.time("created_at")?,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        next_at: row.time("next_at")?,
        last_error: row.get("last_error")?,
        ended_at: row.opt_time("sent_at")?,
    })
}
