//! Time as data: microseconds since the Unix epoch, UTC. Nothing here reads a clock.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// A moment, in microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long ago `earlier` was, seen from `self`; zero if `earlier` lies ahead (clocks disagree).
    pub fn since(self, earlier: Timestamp) -> Span {
        Span::from_micros((self.0 - earlier.0).max(0))
    }

    /// `2026-11-19T14:03:01Z`, with as many fraction digits as are not zero (0, 3 or 6).
    pub fn to_rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// `14:03:01`, UTC.
    pub fn clock(self) -> String {
        self.utc().format("%H:%M:%S").to_string()
    }

    /// `2026-11-19`, UTC.
    pub fn date(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(DateTime::parse_from_rfc3339(text)?.timestamp_micros()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;

    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

/// A length of time in microseconds, never negative. Written `90s`, `10m`, `1h30m`, `250ms` in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    pub const ZERO: Span = Span(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis * 1_000)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self::from_micros(secs * 1_000_000)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn secs(self) -> i64 {
        self.0 / 1_000_000
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// For people: `0:53`, `10:00`, `1:02:10`.
    pub fn clock(self) -> String {
        let secs = self.secs();
        let (h, m, s) = (secs / 3600, secs / 60 % 60, secs % 60);
        if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
    }

    /// For people: `0.2 s`, `40 s`, `2 min 10 s`, `1 h 5 min`.
    pub fn words(self) -> String {
        const NBSP: char = '\u{a0}';
        let (secs, tenths) = (self.secs(), self.micros() / 100_000);
        match secs {
            ..=9 => format!("{}.{}{NBSP}s", tenths / 10, tenths % 10),
            10..=59 => format!("{secs}{NBSP}s"),
            60..=3599 if secs % 60 == 0 => format!("{}{NBSP}min", secs / 60),
            60..=3599 => format!("{}{NBSP}min {}{NBSP}s", secs / 60, secs % 60),
            _ => format!("{}{NBSP}h {}{NBSP}min", secs / 3600, secs / 60 % 60),
        }
    }

    pub fn saturating_sub(self, other: Span) -> Span {
        Span::from_micros(self.0 - other.0)
    }
}

impl Add for Span {
    type Output = Span;

    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 1_000_000 != 0 {
            return if self.0 % 1_000 == 0 { write!(f, "{}ms", self.0 / 1_000) } else { write!(f, "{}us", self.0) };
        }
        let secs = self.secs();
        if secs == 0 {
            return f.write_str("0s");
        }
        for (amount, unit) in [(secs / 3600, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")] {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time; write it like `90s`, `10m`, `1h30m` or `250ms`")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError(text.chars().take(40).collect());
        let mut rest = text.trim();
        let mut total: i64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let amount: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit: i64 = match &rest[..letters] {
                "us" => 1,
                "ms" => 1_000,
                "s" => 1_000_000,
                "m" => 60_000_000,
                "h" => 3_600_000_000,
                "d" => 86_400_000_000,
                _ => return Err(wrong()),
            };
            rest = &rest[letters..];
            total = amount.checked_mul(unit).and_then(|a| total.checked_add(a)).ok_or_else(wrong)?;
        }
        Ok(Span(total))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_as_people_write_them() {
        assert_eq!("1h30m".parse(), Ok(Span::from_secs(5400)));
        assert_eq!("250ms".parse(), Ok(Span::from_millis(250)));
        for wrong in ["", "10", "m", "10 m", "-5s", "1w", "9999999999999999999s"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn clock_counts_hours_only_when_there_are_any() {
        assert_eq!(Span::from_secs(53).clock(), "0:53");
        assert_eq!(Span::from_secs(3730).clock(), "1:02:10");
    }

    proptest! {
        #[test]
        fn a_span_survives_being_written_and_read(micros in 0i64..10_000_000_000_000) {
            let span = Span::from_micros(micros);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }
}
