//! Zones: which moment a clock on the wall means.

use crate::time::{Span, Timestamp};
use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// From here on a day without its year could be taken for another one.
const OTHER_YEAR: Span = Span::from_secs(300 * 86_400);

/// A time zone of the IANA database, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; use a name of the IANA database such as `Europe/Berlin`, or `UTC`")]
pub struct ZoneError(String);

impl Zone {
    /// What the clock on the wall shows.
    pub(super) fn local(self, at: Timestamp) -> NaiveDateTime {
        let utc: DateTime<Utc> = DateTime::from_timestamp_micros(at.micros()).unwrap_or(DateTime::UNIX_EPOCH);
        utc.with_timezone(&self.0).naive_local()
    }

    /// The first moment at which the clock shows this; after a gap, its end.
    pub(super) fn first(self, local: NaiveDateTime) -> Timestamp {
        match self.0.from_local_datetime(&local).earliest() {
            Some(at) => Timestamp::from_micros(at.timestamp_micros()),
            None => self.after_gap(local),
        }
    }

    /// The last moment at which the clock shows this; after a gap, its end.
    pub(super) fn last(self, local: NaiveDateTime) -> Timestamp {
        match self.0.from_local_datetime(&local).latest() {
            Some(at) => Timestamp::from_micros(at.timestamp_micros()),
            None => self.after_gap(local),
        }
    }

    /// The moment at which the clock jumped over `local`. Zones change at whole seconds.
    fn after_gap(self, local: NaiveDateTime) -> Timestamp {
        let around = local.and_utc().timestamp();
        let two_days = TimeDelta::days(2).num_seconds();
        // No zone is further than a day from UTC: before, the clock shows less than `local`, afterwards more.
        let (mut before, mut after) = (around - two_days, around + two_days);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            match self.local(Timestamp::from_secs(middle)) < local {
                true => before = middle,
                false => after = middle,
            }
        }
        Timestamp::from_secs(after)
    }

    /// For people: `Mon 4 Jan 08:00`, with the year when that is far from `now`.
    pub fn words(self, at: Timestamp, now: Timestamp) -> String {
        let local = self.local(at);
        let far = at.since(now).max(now.since(at)) > OTHER_YEAR;
        let year = if far { format!(" {}", local.year()) } else { String::new() };
        let (hour, minute) = (local.hour(), local.minute());
        let second = if local.second() == 0 { String::new() } else { format!(":{:02}", local.second()) };
        format!("{} {} {}{year} {hour:02}:{minute:02}{second}", local.weekday(), local.day(), local.format("%b"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        text.parse().map(Zone).map_err(|_| ZoneError(text.chars().take(60).collect()))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
