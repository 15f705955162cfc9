//! Windows: once, every week, every year.

use super::{ClockTime, Day, LocalTime, YearTime, Zone};
use crate::time::{Span, Timestamp};
use chrono::{Datelike, Days, NaiveDateTime};
use serde::{Deserialize, Serialize};

/// A weekly window comes again within this time, whatever the clocks do.
const WEEK_AND_MORE: Span = Span::from_secs(10 * 86_400);
/// The same of a yearly one; the longest time between two leap years.
const YEARS: Span = Span::from_secs(9 * 366 * 86_400);

/// When it freezes, in the local time of the document's zone. `to` is the first moment that is free again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FreezeWindow))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Window {
    /// One time only.
    Once(Once),
    /// Every week.
    Weekly(Weekly),
    /// Every year.
    Yearly(Yearly),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FreezeOnce))]
#[serde(deny_unknown_fields)]
pub struct Once {
    pub from: LocalTime,
    pub to: LocalTime,
}

/// On these days. When `to` is not later than `from` it ends on the next day; it belongs to the day it begins on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FreezeWeekly))]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    pub days: Vec<Day>,
    pub from: ClockTime,
    pub to: ClockTime,
}

/// When `to` is earlier than `from` it ends in the next year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FreezeYearly))]
#[serde(deny_unknown_fields)]
pub struct Yearly {
    pub from: YearTime,
    pub to: YearTime,
}

/// One time that a window freezes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) begin: Timestamp,
    pub(super) end: Timestamp,
}

impl Window {
    /// Every time of it that overlaps or touches the time from `from` to `to`.
    pub(super) fn stretches(&self, zone: Zone, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
        let stretch =
            |(begin, end): (NaiveDateTime, NaiveDateTime)| Stretch { begin: zone.first(begin), end: zone.last(end) };
        let near = |s: &Stretch| s.begin < s.end && s.begin <= to && s.end >= from;
        self.locals(zone.local(from), zone.local(to)).into_iter().map(stretch).filter(near).collect()
    }

    /// The same by the clock on the wall, and some around it.
    fn locals(&self, from: NaiveDateTime, to: NaiveDateTime) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        match self {
            Window::Once(Once { from, to }) => vec![(from.naive(), to.naive())],
            Window::Weekly(Weekly { days, from: begin, to: end }) => {
                // It lasts a day at most, and a day may be left out of a calendar.
                let first = from.date().checked_sub_days(Days::new(3)).unwrap_or(from.date());
                let last = to.date().checked_add_days(Days::new(2)).unwrap_or(to.date());
                let on = first.iter_days().take_while(|day| *day <= last);
                let on = on.filter(|day| days.contains(&Day::of(day.weekday())));
                on.filter_map(|day| {
                    let until = if end <= begin { day.checked_add_days(Days::new(1))? } else { day };
                    Some((begin.on(day), end.on(until)))
                })
                .collect()
            }
            Window::Yearly(Yearly { from: begin, to: end }) => (from.year() - 1..=to.year() + 1)
                .filter_map(|year| {
                    let until = if end <= begin { year + 1 } else { year };
                    Some((begin.naive(year)?, end.naive(until)?))
                })
                .collect(),
        }
    }

    /// When it next begins after `at`.
    pub(super) fn next(&self, zone: Zone, at: Timestamp) -> Option<Timestamp> {
        let ahead = match self {
            Window::Once(Once { from, .. }) => zone.first(from.naive()).since(at),
            Window::Weekly(_) => WEEK_AND_MORE,
            Window::Yearly(_) => YEARS,
        };
        let stretches = self.stretches(zone, at, at + ahead);
        stretches.iter().map(|stretch| stretch.begin).filter(|begin| *begin >= at).min()
    }
}
