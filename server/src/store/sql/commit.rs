//! One unit of work: everything a decision changes, in one transaction.

use super::leases::hold_fence;
use super::link::{Back, Leaf, args};
use super::tx::{Tx, Unmet};
use super::{Dialect, flags, follow, keys, migrations, moving, people, privacy, redact, sagas, stream, tree};
use crate::store::rows::*;
use crate::store::{Result, StoreError};
use sternway_domain::id::DecisionId;
use sternway_domain::time::Timestamp;

/// Refuses a unit that no caller should have made, before anything is touched.
pub(super) fn check(unit: &Unit) -> Result<()> {
    let wrong = |what, detail| Err(StoreError::Corrupt { what, detail });
    if let Some(write) = &unit.saga {
        stream::check("saga", write.expected, &write.events, write.row.version)?;
    }
    if let Some(write) = &unit.release {
        stream::check("release", write.expected, &write.events, write.row.version)?;
    }
    for write in &unit.flags {
        stream::check("flag", write.expected, &write.events, write.row.version)?;
    }
    for write in &unit.migrations {
        stream::check("migration", write.expected, &write.events, write.row.version)?;
    }
    if unit.decision.is_none() && (!unit.redactions.is_empty() || unit.hold.is_some()) {
        return wrong("redaction or hold", "no decision goes with it".to_owned());
    }
    if unit.log_key.is_some() && unit.decision.is_none() {
        return wrong("key of the log", "no decision goes with it".to_owned());
    }
    if let Some(decision) = &unit.decision
        && decision.entry.len() > 65_535
    {
        return wrong("entry", format!("{} bytes are more than 65,535", decision.entry.len()));
    }
    Ok(())
}

pub(super) async fn commit(mut tx: Tx, dialect: &Dialect, unit: &Unit) -> Result<Committed> {
    if let Some(record) = &unit.idempotency {
        claim_key(&mut tx, record);
    }
    if let Some(fence) = &unit.fence {
        hold_fence(&mut tx, dialect, fence).await?;
    }
    if let Some(write) = &unit.release {
        put_release(&mut tx, write).await?;
    }
    if let Some(write) = &unit.saga {
        sagas::put(&mut tx, write);
    }
    for write in &unit.flags {
        flags::claim(&mut tx, write);
    }
    for write in &unit.migrations {
        migrations::claim(&mut tx, write);
    }

    let events = unit.release.as_ref().map_or(0, |write| write.events.len() as i64);
    let of_saga = unit.saga.as_ref().map_or(0, |write| write.events.len() as i64);
    let of_flags: i64 = unit.flags.iter().map(|write| write.events.len() as i64).sum();
    let of_data: i64 = unit.migrations.iter().map(|write| write.events.len() as i64).sum();
    let all = events + of_saga + of_flags + of_data;
    let leaves = i64::from(unit.decision.is_some());
    tx.advance(all, leaves);
    if of_saga + of_flags + of_data > 0 {
        // Their rows are there before they get their places.
        tx.head().await?;
    }

    for (digest, body) in &unit.evidence {
        tx.later(
            "INSERT INTO evidence (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
            args![digest, body],
        );
    }
    if let Some(decision) = &unit.decision {
        put_decision(&mut tx, dialect, decision);
        let mut gone = Vec::new();
        for redaction in &unit.redactions {
            gone.extend(redact::put(&mut tx, redaction).await?);
        }
        redact::answers(&mut tx, &unit.redactions, gone).await?;
        if let Some(key) = &unit.log_key {
            keys::put(&mut tx, key).await?;
        }
        if let Some(hold) = &unit.hold {
            privacy::put_hold(&mut tx, hold, &decision.row).await?;
        }
    }
    if let Some(write) = &unit.release {
        let decision = unit.decision.as_ref().map(|decision| decision.row.id);
        put_events(&mut tx, write, all, decision);
    }
    if let Some(write) = &unit.saga {
        let decision = unit.decision.as_ref().map(|decision| decision.row.id);
        sagas::put_events(&mut tx, write, of_data + of_flags + of_saga, decision);
    }
    if !unit.flags.is_empty() {
        let decision = unit.decision.as_ref().map(|decision| decision.row.id);
        flags::put(&mut tx, &unit.flags, of_data + of_flags, decision);
    }
    if !unit.migrations.is_empty() {
        let decision = unit.decision.as_ref().map(|decision| decision.row.id);
        migrations::put(&mut tx, &unit.migrations, of_data, decision);
    }
    for message in &unit.outbox {
        put_message(&mut tx, message);
    }
    for document in &unit.documents {
        people::put_document(&mut tx, document).await?;
    }
    for person in &unit.people {
        people::put(&mut tx, person).await?;
    }
    if !unit.end_sessions.is_empty() {
        let at = moment(&mut tx, dialect, unit).await?;
        for person in &unit.end_sessions {
            people::end_all(&mut tx, *person, at).await?;
        }
    }
    if let Some(hash) = &unit.end_session {
        tx.run(people::END_SESSION, args![hash.as_slice()]).await?;
    }
    for token in &unit.tokens {
        people::put_token(&mut tx, token).await?;
    }
    if let Some(restored) = &unit.restored {
        follow::put_restored(&mut tx, restored).await?;
    }
    let news = unit.decision.is_some() || all > 0;
    if let Some(notify) = dialect.notify.filter(|_| news && !unit.quiet) {
        tx.later(notify, vec![]);
    }
    let head = match tx.at_once().await? {
        Some(head) => head,
        None => {
            let head = tx.head().await?;
            if leaves > 0 {
                tree::put_nodes(&mut tx, head.leaves - 1).await?;
            }
            tx.commit().await?;
            head
        }
    };
    let leaf_index = (leaves > 0).then_some(head.leaves - 1);
    Ok(Committed { leaf_index, events: all, position: head.position })
}

/// First of all, so that of two equal requests at once the second waits here and then finds the record.
fn claim_key(tx: &mut Tx, record: &IdempotencyRow) {
    const CLAIM: &str = "INSERT INTO idempotency (actor, key, request, status, response, at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (actor, key) DO NOTHING";
    let IdempotencyRow { actor, key, request, status, response, at } = record;
    tx.one_later(CLAIM, args![actor, key, request, i64::from(*status), response, *at], None, Unmet::Key);
}

/// Compares the version and takes the row in one statement; whoever comes second waits, then sees the newer version.
async fn put_release(tx: &mut Tx, write: &ReleaseWrite) -> Result<()> {
    const CREATE: &str = "INSERT INTO release (id, version, service, state, active, created_at, updated_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    // Without what never changes: SQLite would write the indexes over it anew.
    const UPDATE: &str = "UPDATE release SET version = $2, state = $3, active = $4, updated_at = $5, body = $6 \
        WHERE id = $1 AND version = $7";
    let ReleaseRow { id, version, service, state, active, created_at, updated_at, body } = &write.row;
    if !write.takes.is_empty() {
        check_version(tx, write).await?;
        moving::take(tx, write).await?;
    }
    let (sql, values) = match write.expected {
        0 => (CREATE, args![*id, *version, service, state, *active, *created_at, *updated_at, body]),
        expected => (UPDATE, args![*id, *version, state, *active, *updated_at, body, expected]),
    };
    let unmet = Unmet::Version { version: VERSION, of: args![*id], expected: write.expected };
    tx.one_later(sql, values, Some(ACTIVE_RELEASE.to_owned()), unmet);
    moving::give_back(tx, write);
    Ok(())
}

const VERSION: &str = "SELECT version FROM release WHERE id = $1";

/// Refuses what was decided upon another version.
async fn check_version(tx: &mut Tx, write: &ReleaseWrite) -> Result<()> {
    let row = tx.one(VERSION, args![write.row.id]).await?;
    let actual = row.map_or(Ok(0), |row| row.get("version"))?;
    if actual == write.expected { Ok(()) } else { Err(StoreError::Conflict { expected: write.expected, actual }) }
}

fn put_decision(tx: &mut Tx, dialect: &Dialect, decision: &DecisionWrite) {
    const DECISION: &str = "INSERT INTO decision (leaf_index, id, at, actor_key, actor_label, action, release, service, \
        outcome, reason, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    const LEAF: &str =
        "INSERT INTO audit_leaf (leaf_index, decision, entry, leaf_hash, at) VALUES ($1, $2, $3, $4, $5)";
    let row = &decision.row;
    let (service, evidence) = (row.service.as_ref(), row.evidence.as_ref());
    let values = args![
        Leaf,
        row.id,
        row.at,
        &row.actor_key,
        &row.actor_label,
        &row.action,
        row.release,
        service,
        &row.outcome,
        &row.reason,
        evidence,
    ];
    tx.add_later(DECISION, values, format!("decision `{}`", row.id));
    let leaf = args![Leaf, row.id, decision.entry.as_slice(), decision.leaf_hash.as_slice(), row.at];
    tx.add_later(LEAF, leaf, format!("the entry of decision `{}`", row.id));
    tree::put_texts(tx, dialect, decision);
}

/// Numbers and writes the events, which are the first of the `last` newest ones.
fn put_events(tx: &mut Tx, write: &ReleaseWrite, last: i64, decision: Option<DecisionId>) {
    const EVENT: &str = "INSERT INTO events (position, release, version, kind, at, body, decision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for (n, event) in (1..).zip(&write.events) {
        let (release, version) = (write.row.id, write.expected + n);
        let values = args![Back(last - n), release, version, event.kind, event.at, &event.body, decision];
        tx.add_later(EVENT, values, format!("version {version} of release `{release}`"));
    }
}

fn put_message(tx: &mut Tx, message: &OutboxWrite) {
    const MESSAGE: &str = "INSERT INTO outbox (id, key, release, service, kind, body, created_at, state, attempts) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0)";
    let OutboxWrite { id, key, release, service, kind, body, created_at } = message;
    let values = args![*id, key, *release, service, kind, body, *created_at];
    tx.add_later(MESSAGE, values, format!("message `{key}`"));
}

/// When this unit happened: its decision knows, otherwise the database does.
async fn moment(tx: &mut Tx, dialect: &Dialect, unit: &Unit) -> Result<Timestamp> {
    match &unit.decision {
        Some(decision) => Ok(decision.row.at),
        None => tx.the(dialect.now, vec![]).await?.time("now"),
    }
}
