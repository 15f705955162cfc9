//! Times as people write them: `16:00`, `2026-12-20T18:00`, `12-20 18:00`, `fri`.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Years that a document may name.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

/// Why a time was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; write it like `{example}`")]
pub struct WrittenError {
    found: String,
    what: &'static str,
    example: &'static str,
}

fn wrong(found: &str, what: &'static str, example: &'static str) -> WrittenError {
    WrittenError { found: found.chars().take(40).collect(), what, example }
}

/// A time of day, in minutes after midnight: 0 to 1,440. `24:00` is midnight at the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u16);

impl ClockTime {
    pub const END: ClockTime = ClockTime(24 * 60);

    pub(super) fn on(self, day: NaiveDate) -> NaiveDateTime {
        day.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(self.0))
    }
}

/// A day and a time on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    day: NaiveDate,
    clock: ClockTime,
}

impl LocalTime {
    pub(super) fn naive(self) -> NaiveDateTime {
        self.clock.on(self.day)
    }
}

/// A day of every year and a time on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct YearTime {
    month: u32,
    day: u32,
    clock: ClockTime,
}

impl YearTime {
    /// In this year; what the year does not have is the first moment after it.
    pub(super) fn naive(self, year: i32) -> Option<NaiveDateTime> {
        match NaiveDate::from_ymd_opt(year, self.month, self.day) {
            Some(day) => Some(self.clock.on(day)),
            // Only 29 February is taken and not in every year.
            None => Some(NaiveDate::from_ymd_opt(year, 3, 1)?.and_time(NaiveTime::MIN)),
        }
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub(super) fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Mon => Day::Mon,
            Weekday::Tue => Day::Tue,
            Weekday::Wed => Day::Wed,
            Weekday::Thu => Day::Thu,
            Weekday::Fri => Day::Fri,
            Weekday::Sat => Day::Sat,
            Weekday::Sun => Day::Sun,
        }
    }
}

/// Digits alone, exactly so many: no sign, no space.
fn digits(text: &str, many: usize) -> Option<u32> {
    let plain = text.len() == many && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn clock(text: &str) -> Option<ClockTime> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let fits = (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0);
    if fits { u16::try_from(hours * 60 + minutes).ok().map(ClockTime) } else { None }
}

impl FromStr for ClockTime {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        clock(text).ok_or_else(|| wrong(text, "a time of day from 00:00 to 24:00", "16:00"))
    }
}

impl FromStr for LocalTime {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        let read = || {
            let (date, time) = text.split_once(['T', ' '])?;
            let mut parts = date.splitn(3, '-');
            let year = i32::try_from(digits(parts.next()?, 4)?).ok().filter(|year| YEARS.contains(year))?;
            let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
            Some(LocalTime { day: NaiveDate::from_ymd_opt(year, month, day)?, clock: clock(time)? })
        };
        read().ok_or_else(|| wrong(text, "a day and time there, without an offset", "2026-12-20T18:00"))
    }
}

impl FromStr for YearTime {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        let read = || {
            let (date, time) = text.split_once(['T', ' '])?;
            let (month, day) = date.split_once('-')?;
            let (month, day) = (digits(month, 2)?, digits(day, 2)?);
            // A leap year has every day that there is.
            NaiveDate::from_ymd_opt(2024, month, day)?;
            Some(YearTime { month, day, clock: clock(time)? })
        };
        read().ok_or_else(|| wrong(text, "a day of the year and a time", "12-20 18:00"))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.day, self.clock)
    }
}

impl fmt::Display for YearTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02} {}", self.month, self.day, self.clock)
    }
}

macro_rules! as_text {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

as_text!(ClockTime, LocalTime, YearTime);
