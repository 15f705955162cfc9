//! Twenty times at which clocks on the wall do what they like: set forward and back, days left out, leap days, midnight, years' ends.

use super::*;

/// Zone, windows, and what is frozen: from the first moment to the last one before it ends.
struct Row {
    what: &'static str,
    zone: &'static str,
    windows: Value,
    /// Begin and end of each time that is frozen.
    frozen: &'static [(&'static str, &'static str)],
    /// Moments at which nothing is.
    free: &'static [&'static str],
}

fn table() -> Vec<Row> {
    let row = |what, zone, windows: Vec<Value>, frozen, free| Row { what, zone, windows: json!(windows), frozen, free };
    let (berlin, new_york, lord_howe) = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
    let (apia, utc) = ("Pacific/Apia", "UTC");
    vec![
        row(
            "a night an hour shorter",
            berlin,
            vec![weekly(&["sat"], "20:00", "08:00")],
            &[("2026-03-28T19:00:00Z", "2026-03-29T06:00:00Z")],
            &["2026-03-29T20:00:00Z"],
        ),
        row(
            "a night an hour longer",
            berlin,
            vec![weekly(&["sat"], "20:00", "08:00")],
            &[("2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z")],
            &["2026-10-25T18:00:00Z"],
        ),
        row(
            "it begins in an hour that is skipped",
            berlin,
            vec![once("2026-03-29T02:30", "2026-03-29T05:00")],
            &[("2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z")],
            &["2026-03-29T00:30:00Z"],
        ),
        row(
            "it ends in an hour that is skipped",
            berlin,
            vec![once("2026-03-28T22:00", "2026-03-29T02:30")],
            &[("2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z")],
            &["2026-03-29T01:15:00Z"],
        ),
        row(
            "all of it is skipped",
            berlin,
            vec![once("2026-03-29T02:15", "2026-03-29T02:45")],
            &[],
            &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
        ),
        row(
            "it begins in an hour that comes twice: at the first",
            berlin,
            vec![once("2026-10-25T02:30", "2026-10-25T05:00")],
            &[("2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z")],
            &[],
        ),
        row(
            "it ends in an hour that comes twice: at the second",
            berlin,
            vec![once("2026-10-24T22:00", "2026-10-25T02:30")],
            &[("2026-10-24T20:00:00Z", "2026-10-25T01:30:00Z")],
            &[],
        ),
        row(
            "New York sets its clocks three weeks earlier",
            new_york,
            vec![weekly(&["sun"], "01:30", "03:30")],
            &[("2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z"), ("2026-03-01T06:30:00Z", "2026-03-01T08:30:00Z")],
            &["2026-03-08T08:00:00Z"],
        ),
        row(
            "New York, fifteen minutes of a clock that last an hour and a quarter",
            new_york,
            vec![weekly(&["sun"], "01:30", "01:45")],
            &[("2026-11-01T05:30:00Z", "2026-11-01T06:45:00Z"), ("2026-11-08T06:30:00Z", "2026-11-08T06:45:00Z")],
            &["2026-11-01T07:00:00Z"],
        ),
        row(
            "Lord Howe skips half an hour",
            lord_howe,
            vec![once("2026-10-04T02:10", "2026-10-04T03:00")],
            &[("2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z")],
            &["2026-10-03T15:20:00Z"],
        ),
        row(
            "Lord Howe repeats half an hour",
            lord_howe,
            vec![once("2026-04-05T01:45", "2026-04-05T01:50")],
            &[("2026-04-04T14:45:00Z", "2026-04-04T15:20:00Z")],
            &[],
        ),
        row(
            "Samoa had no 30 December 2011, a Friday",
            apia,
            vec![weekly(&["fri"], "08:00", "18:00")],
            &[("2011-12-23T18:00:00Z", "2011-12-24T04:00:00Z"), ("2012-01-05T18:00:00Z", "2012-01-06T04:00:00Z")],
            &["2011-12-29T18:00:00Z", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "2011-12-30T18:00:00Z"],
        ),
        row(
            "Samoa, a night into the day that was left out",
            apia,
            vec![weekly(&["thu"], "22:00", "06:00")],
            &[("2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z")],
            &["2011-12-30T16:00:00Z"],
        ),
        row(
            "a leap day, and none",
            utc,
            vec![yearly("02-29 08:00", "02-29 18:00")],
            &[("2028-02-29T08:00:00Z", "2028-02-29T18:00:00Z")],
            &["2027-02-28T12:00:00Z", "2027-03-01T00:00:00Z", "2027-03-01T12:00:00Z"],
        ),
        row(
            "it ends on a leap day, or with the day before",
            utc,
            vec![yearly("02-28 18:00", "02-29 12:00")],
            &[("2027-02-28T18:00:00Z", "2027-03-01T00:00:00Z"), ("2028-02-28T18:00:00Z", "2028-02-29T12:00:00Z")],
            &["2027-03-01T06:00:00Z"],
        ),
        row(
            "it begins on a leap day, or with the day after",
            berlin,
            vec![yearly("02-29 08:00", "03-02 08:00")],
            &[("2027-02-28T23:00:00Z", "2027-03-02T07:00:00Z"), ("2028-02-29T07:00:00Z", "2028-03-02T07:00:00Z")],
            &["2028-02-28T23:30:00Z"],
        ),
        row(
            "past midnight it belongs to the day it began on",
            berlin,
            vec![weekly(&["fri"], "16:00", "08:00")],
            &[("2026-11-20T15:00:00Z", "2026-11-21T07:00:00Z")],
            &["2026-11-20T06:00:00Z", "2026-11-21T15:30:00Z"],
        ),
        row(
            "over the end of the year, every year",
            berlin,
            vec![yearly("12-20 18:00", "01-04 08:00")],
            &[("2026-12-20T17:00:00Z", "2027-01-04T07:00:00Z"), ("2027-12-20T17:00:00Z", "2028-01-04T07:00:00Z")],
            &["2027-07-01T00:00:00Z"],
        ),
        row(
            "windows that touch are one, over a day of 23 hours",
            berlin,
            vec![
                weekly(&["mon"], "00:00", "08:00"),
                weekly(&["sat", "sun"], "00:00", "24:00"),
                weekly(&["fri"], "16:00", "24:00"),
            ],
            &[("2026-03-27T15:00:00Z", "2026-03-30T06:00:00Z"), ("2026-10-23T14:00:00Z", "2026-10-26T07:00:00Z")],
            &["2026-03-30T12:00:00Z"],
        ),
        row(
            "windows that overlap are one, whatever their kind",
            berlin,
            vec![once("2026-12-20T18:00", "2027-01-04T08:00"), yearly("01-03 00:00", "01-05 00:00")],
            &[("2026-12-20T17:00:00Z", "2027-01-04T23:00:00Z")],
            &["2025-12-25T12:00:00Z"],
        ),
    ]
}

/// C5: each row at its first moment, in between, at its last microsecond and right outside.
#[test]
fn given_clocks_that_jump_then_it_is_frozen_exactly_as_long_as_the_wall_says() {
    let table = table();
    assert_eq!(table.len(), 20);
    let micro = Span::from_micros(1);
    for Row { what, zone, windows, frozen, free } in table {
        let freeze = freeze(zone, windows);
        assert_eq!(problems(&freeze), [], "{what}");
        for (begin, end) in frozen {
            let (begin, end) = (at(begin), at(end));
            let run = Some(Run { since: begin, until: Some(end) });
            let middle = Timestamp::from_micros(i64::midpoint(begin.micros(), end.micros()));
            for inside in [begin, begin + micro, middle, end - micro] {
                assert_eq!(freeze.active(inside), run, "{what}: {inside}");
            }
            assert_eq!(freeze.active(begin - micro), None, "{what}: before {begin}");
            assert_eq!(freeze.active(end), None, "{what}: at {end}");
            assert_eq!(freeze.next(begin - Span::from_secs(3_600)), run, "{what}: next");
        }
        for free in free {
            assert_eq!(freeze.active(at(free)), None, "{what}: {free}");
        }
    }
}
