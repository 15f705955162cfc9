//! From what happened to what needs a person: what began, what is over.

use crate::service::{Service, ServiceError, decode, encode};
use crate::store::StoreError;
use crate::store::rows::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use sternway_domain::alarm::{
    Alarm, AlarmKind, SaidHeld, Signing, Unsigned, held, held_over, log_unsigned, of_data, of_release, of_saga,
    unconfirmed_from,
};
use sternway_domain::id::{AlarmId, ReleaseId};
use sternway_domain::migration::Migration;
use sternway_domain::release::{Event, Release};
use sternway_domain::time::{Span, Timestamp};
use tokio::time::Instant;

/// What is open is looked at so often, whether or not something moved: time ends some of it.
const OPEN_AGAIN: Duration = Duration::from_secs(5);
/// How far events were read is written down at least so often while some come; with an alarm at once.
const NOTED: Duration = Duration::from_secs(60);
/// A replica that is held says so this often.
const SAID_AGAIN: Duration = Duration::from_secs(60);
/// What ended longer ago is kept by the log alone.
const KEPT: Span = Span::from_secs(90 * 86_400);
/// Whether something is older is looked at so often.
const FORGET_AGAIN: Duration = Duration::from_secs(3_600);
/// So many old ones go at once.
const FORGET: u32 = 500;

#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What is stored of an alarm beside its columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AlarmBody {
    pub summary: String,
    /// Of what only some replicas know: what they said of it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidHeld>,
}

/// What the replica that looks remembers between two looks.
#[derive(Default)]
pub(super) struct Lookout {
    seen: Option<Seen>,
    /// When this replica said last that it is held.
    said: Option<Instant>,
}

struct Seen {
    generation: u64,
    /// Up to here events were read.
    position: i64,
    noted: Instant,
    /// When somebody has to be told that traffic is not confirmed.
    waits: HashMap<ReleaseId, Timestamp>,
    unsigned: Unsigned,
    open_at: Instant,
    /// When old ones are removed next.
    forget_at: Instant,
}

/// A release with everything that is open, or was since it was looked at last.
struct Found {
    release: Release,
    open: Vec<Alarm>,
    passing: Vec<Alarm>,
}

impl Lookout {
    /// Another replica looks now.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// What only this replica may know: the database is not the one it knew. Needs no lease: it may be the only one. That
    /// it is not held ends nothing: another one may be.
    pub(super) async fn own(&mut self, service: &Service) -> Result<bool, LookError> {
        let Some(rewound) = service.memory.rewound() else {
            self.said = None;
            return Ok(false);
        };
        if self.said.is_some_and(|said| said.elapsed() < SAID_AGAIN) {
            return Ok(false);
        }
        let (alarm, now) = (held(&rewound.why), service.clock.now());
        let mut said = SaidHeld { at: now, epoch: rewound.known_epoch };
        let mut write = AlarmsWrite::default();
        match service.store.open_alarms().await?.into_iter().find(|row| row.key == alarm.key) {
            Some(row) => {
                let mut body: AlarmBody = decode("alarm", &row.body)?;
                said.epoch = body.said.map_or(said.epoch, |before| before.epoch.max(said.epoch));
                body.said = Some(said);
                write.say.push(AlarmSaid { key: row.key, body: encode(&body) });
            }
            None => {
                let body = AlarmBody { summary: alarm.summary.clone(), said: Some(said) };
                let mut raise = raise(service, alarm, &[], now);
                raise.row.body = encode(&body);
                write.raise.push(raise);
            }
        }
        service.store.put_alarms(&write, None).await?;
        self.said = Some(Instant::now());
        Ok(!write.raise.is_empty())
    }

    /// Looks at everything that moved, and at what time alone changes. Says whether something was written.
    pub(super) async fn turn(&mut self, service: &Service, fence: &Fence) -> Result<bool, LookError> {
        let (store, now) = (service.store.as_ref(), service.clock.now());
        let generation = service.memory.generation();
        let head = store.head().await?;
        let stands = |seen: &Seen| seen.generation == generation && seen.position <= head.position;
        let mut seen = match self.seen.take().filter(stands) {
            Some(seen) => seen,
            None => Seen::begin(service, generation, head.position).await?,
        };
        let mut due: BTreeSet<ReleaseId> = BTreeSet::new();
        if head.position > seen.position {
            due.extend(store.moved(seen.position).await?.into_iter().map(|row| row.release));
        }
        due.extend(seen.waits.iter().filter(|(_, from)| **from <= now).map(|(id, _)| *id));
        let open_due = seen.open_at <= Instant::now();
        let open = if open_due || !due.is_empty() { store.open_alarms().await? } else { Vec::new() };
        let mut write = AlarmsWrite::default();
        if open_due {
            seen.open_at = Instant::now() + OPEN_AGAIN;
            due.extend(open.iter().filter_map(|row| row.release));
            service.metrics.alarms_open(open.len());
            write.end.extend(no_longer_held(service, &open, now).await?);
            signing(service, &mut seen.unsigned, &open, now, &mut write).await?;
        }
        for id in due {
            let found = find(service, id, seen.position, now).await?;
            match unconfirmed_from(&found.release).filter(|from| *from > now) {
                Some(from) => seen.waits.insert(id, from),
                None => seen.waits.remove(&id),
            };
            compare(service, &found, &open, now, &mut write).await?;
        }
        let news = !(write.raise.is_empty() && write.end.is_empty());
        if news || (head.position > seen.position && seen.noted.elapsed() >= NOTED) {
            write.position = Some(head.position);
            store.put_alarms(&write, Some(fence)).await?;
            seen.noted = Instant::now();
            for alarm in &write.raise {
                service.metrics.alarm_raised(&alarm.row.kind);
                tracing::warn!(kind = alarm.row.kind, key = alarm.row.key, "something needs a person");
            }
            seen.open_at = Instant::now();
        }
        seen.position = head.position;
        if seen.forget_at <= Instant::now() {
            let more = match store.forget_alarms(now - KEPT, FORGET, fence).await {
                Ok(gone) => gone >= u64::from(FORGET),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old alarms were not removed");
                    false
                }
            };
            if !more {
                seen.forget_at = Instant::now() + FORGET_AGAIN;
            }
        }
        self.seen = Some(seen);
        Ok(news)
    }
}

impl Seen {
    /// Where the replica before this one stopped.
    async fn begin(service: &Service, generation: u64, head: i64) -> Result<Seen, LookError> {
        let filter = ReleaseFilter { active: Some(true), limit: 10_000, ..ReleaseFilter::default() };
        let mut waits = HashMap::new();
        for row in service.store.releases(&filter).await? {
            let release: Release = decode("release", &row.body)?;
            waits.extend(unconfirmed_from(&release).map(|from| (release.id, from)));
        }
        // A database that was restored may have been read further than it has come.
        let position = service.store.alarms_read().await?.min(head);
        let now = Instant::now();
        Ok(Seen {
            generation,
            position,
            noted: now,
            waits,
            unsigned: Unsigned::default(),
            open_at: now,
            forget_at: now,
        })
    }
}

/// Goes through what happened after `position`, event by event: what came and went meanwhile is told, too.
async fn find(service: &Service, id: ReleaseId, position: i64, now: Timestamp) -> Result<Found, LookError> {
    let (mut release, mut last): (Option<Release>, Option<Event>) = (None, None);
    let mut passing: Vec<Alarm> = Vec::new();
    for row in service.store.events(id, 0).await? {
        let event: Event = decode("event", &row.body)?;
        let after = match release.take() {
            Some(release) => Some(release.evolve(&event)),
            None => Release::fold([&event]),
        };
        if event.decides() {
            last = Some(event.clone());
        }
        if let Some(release) = after.as_ref().filter(|_| row.position > position) {
            passing.extend(of_release(release, last.as_ref(), event.at()));
        }
        release = after;
    }
    let release = release.ok_or_else(|| ServiceError::NotFound { what: "release", name: id.to_string() })?;
    let mut open = of_release(&release, last.as_ref(), now);
    for row in service.store.sagas(id).await?.into_iter().filter(|row| row.active) {
        let log = service.saga(row.id).await?;
        open.extend(of_saga(&log.saga, &log.events, &release.service));
    }
    for row in service.store.migrations(id).await? {
        let migration: Migration = decode("migration", &row.body)?;
        open.extend(of_data(&migration, &release.service, now));
    }
    Ok(Found { release, open, passing })
}

/// That Sternway is held is open as long as any replica says so, whichever looks.
async fn no_longer_held(service: &Service, open: &[AlarmRow], now: Timestamp) -> Result<Option<AlarmEnd>, LookError> {
    let Some(row) = open.iter().find(|row| row.kind == AlarmKind::Held.as_str()) else { return Ok(None) };
    let body: AlarmBody = decode("alarm", &row.body)?;
    let said = body.said.unwrap_or(SaidHeld { at: row.raised_at, epoch: 0 });
    let ending = held_over(&said, service.memory.epoch().await, now);
    Ok(ending.map(|ending| AlarmEnd { key: row.key.clone(), at: now, ending }))
}

/// Whether somebody signs the log, whichever replica does.
async fn signing(
    service: &Service,
    unsigned: &mut Unsigned,
    open: &[AlarmRow],
    now: Timestamp,
    write: &mut AlarmsWrite,
) -> Result<(), LookError> {
    let why = service.notary.unsigned().map(|why| why.to_string());
    let signing = unsigned.look(service.first_unsigned().await?, now);
    match (log_unsigned(signing, why.as_deref()), open.iter().find(|row| row.kind == AlarmKind::LogUnsigned.as_str())) {
        (Some(alarm), None) => write.raise.push(raise(service, alarm, &[], now)),
        (None, Some(row)) if signing == Signing::Goes => {
            let ending = "Over: the decision log is signed again.".to_owned();
            write.end.push(AlarmEnd { key: row.key.clone(), at: now, ending });
        }
        _ => {}
    }
    Ok(())
}

/// What is new is raised, what is open no longer is over.
async fn compare(
    service: &Service,
    found: &Found,
    open: &[AlarmRow],
    now: Timestamp,
    write: &mut AlarmsWrite,
) -> Result<(), LookError> {
    let Found { release, open: needs, passing } = found;
    let own = || open.iter().filter(|row| row.release == Some(release.id));
    let mut more: Option<Vec<String>> = None;
    let mut over: BTreeSet<&str> = own().map(|row| row.key.as_str()).collect();
    let mut raised: BTreeSet<&str> = over.clone();
    for alarm in needs.iter().chain(passing) {
        if !raised.insert(&alarm.key) {
            continue;
        }
        if more.is_none() {
            let document = service.service_document(&release.service).await?;
            more = Some(document.map(|document| document.alarms).unwrap_or_default());
        }
        write.raise.push(raise(service, alarm.clone(), more.as_deref().unwrap_or_default(), now));
        over.insert(&alarm.key);
    }
    for alarm in needs {
        over.remove(alarm.key.as_str());
    }
    let (name, version) = (&release.service, &release.candidate.version);
    let ending = format!("Over: `{name}` {version} is {}.", release.state.label());
    write.end.extend(over.into_iter().map(|key| AlarmEnd { key: key.to_owned(), at: now, ending: ending.clone() }));
    Ok(())
}

fn raise(service: &Service, alarm: Alarm, more: &[String], now: Timestamp) -> AlarmRaise {
    let mut channels = service.alarms.channels.clone();
    channels.extend(more.iter().filter(|name| !service.alarms.channels.contains(name)).cloned());
    channels.dedup();
    let row = AlarmRow {
        id: AlarmId(service.new_id()),
        kind: alarm.kind.as_str().to_owned(),
        severity: alarm.severity.as_str().to_owned(),
        release: alarm.release,
        service: alarm.service,
        raised_at: now,
        ended_at: None,
        body: encode(&AlarmBody { summary: alarm.summary, said: None }),
        ending: None,
        key: alarm.key,
    };
    AlarmRaise { row, channels }
}
