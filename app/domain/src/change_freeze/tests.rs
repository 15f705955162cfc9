//! When it is frozen, what is said of it, and what makes no sense.

use super::*;
use crate::plan::Plan;
use proptest::prelude::*;
use serde_json::{Value, json};

mod clocks;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn freeze(zone: &str, windows: Value) -> ChangeFreeze {
    named("quiet", zone, windows)
}

fn named(name: &str, zone: &str, windows: Value) -> ChangeFreeze {
    let document = json!({"name": name, "description": "Quiet time", "zone": zone, "windows": windows});
    serde_json::from_value(document).expect("a freeze")
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("a name")
}

fn weekly(days: &[&str], from: &str, to: &str) -> Value {
    json!({"weekly": {"days": days, "from": from, "to": to}})
}

fn once(from: &str, to: &str) -> Value {
    json!({"once": {"from": from, "to": to}})
}

fn yearly(from: &str, to: &str) -> Value {
    json!({"yearly": {"from": from, "to": to}})
}

#[test]
fn given_every_day_of_the_week_then_it_has_no_end_that_is_worth_telling() {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let always = freeze("Asia/Kathmandu", json!([weekly(&days, "00:00", "24:00")]));
    let now = at("2026-11-22T04:00:00Z");
    assert_eq!(always.active(now).map(|run| run.until), Some(None));
    assert_eq!(always.next(now), None);
    assert_eq!(lint(&always, now).len(), 1);
    let frozen = frozen(std::slice::from_ref(&always), [&service("checkout")], now).expect("is frozen");
    assert_eq!(frozen.ends(now), "for more than a year");
}

#[test]
fn given_a_leap_day_only_then_the_next_one_may_be_eight_years_away() {
    let leap = freeze("UTC", json!([yearly("02-29 00:00", "02-29 24:00")]));
    let next = leap.next(at("2096-03-01T00:00:00Z")).expect("there is one");
    assert_eq!(next, Run { since: at("2104-02-29T00:00:00Z"), until: Some(at("2104-03-01T00:00:00Z")) });
}

#[test]
fn given_what_is_over_or_lifted_then_nothing_is_frozen_and_the_linter_says_so() {
    let mut over = freeze("UTC", json!([once("2026-01-01T00:00", "2026-01-02T00:00")]));
    let now = at("2026-01-01T12:00:00Z");
    assert!(over.active(now).is_some() && lint(&over, now).is_empty());
    assert_eq!(lint(&over, at("2026-01-03T00:00:00Z")).len(), 1);
    over.lifted = true;
    assert_eq!((over.active(now), over.next(at("2025-01-01T00:00:00Z"))), (None, None));
    assert!(lint(&over, now).is_empty());
}

#[test]
fn given_several_freezes_then_each_service_hears_of_those_that_cover_it_as_one() {
    let mut weekend = named("weekend", "UTC", json!([weekly(&["sat", "sun"], "00:00", "24:00")]));
    weekend.services = vec![service("checkout"), service("orders")];
    let mut audit = named("audit", "Europe/Berlin", json!([once("2026-11-22T12:00", "2026-11-24T12:00")]));
    audit.services = vec![service("orders")];
    let freezes = [weekend, audit];
    let now = at("2026-11-22T14:00:00Z");
    let of = |names: &[&str]| {
        let names: Vec<ServiceName> = names.iter().map(|name| service(name)).collect();
        frozen(&freezes, &names, now)
    };
    let said = |names: &[&str]| of(names).map(|frozen| format!("{} {}", frozen.service, frozen.ends(now)));
    assert_eq!(said(&["search"]), None);
    assert_eq!(said(&["checkout"]).as_deref(), Some("checkout until Mon 23 Nov 00:00 (UTC)"));
    // What lasts longest names it; it began with the weekend.
    assert_eq!(said(&["checkout", "orders"]).as_deref(), Some("orders until Tue 24 Nov 12:00 (Europe/Berlin)"));
    assert_eq!(of(&["orders"]).map(|frozen| frozen.since), Some(at("2026-11-21T00:00:00Z")));
}

#[test]
fn given_a_freeze_in_force_then_the_refusal_says_until_when_and_why_and_an_override_is_worded_for_the_log() {
    let christmas = freeze("Europe/Berlin", json!([yearly("12-20 18:00", "01-04 08:00")]));
    let now = at("2026-12-21T10:00:00Z");
    let found = || frozen(std::slice::from_ref(&christmas), [&service("checkout")], now);
    let refused = permit(found(), false, now).expect_err("is frozen");
    assert_eq!(
        refused.to_string(),
        "`checkout` is frozen until Mon 4 Jan 08:00 (Europe/Berlin): Quiet time. Wait until then, or go on with an \
         override of the change freeze and a reason"
    );
    let overridden = permit(found(), true, now).expect("overridden");
    assert_eq!(overridden.as_deref(), Some("change freeze `quiet` of `checkout` until 2027-01-04T07:00:00Z"));
    assert_eq!(permit(None, true, now), Ok(None), "nothing to override");
}

#[test]
fn given_a_plan_then_its_first_stage_within_a_freeze_is_told() {
    let plan: Plan = serde_json::from_value(json!({
        "name": "slow", "guards": [{"metric": "errors"}],
        "stages": [{"weight": 5, "bake": "30m"}, {"weight": 50, "bake": "30m"}, {"weight": 100, "bake": "10m"}],
    }))
    .expect("a plan");
    let friday = [freeze("Europe/Berlin", json!([weekly(&["fri"], "16:00", "24:00")]))];
    let told = |text: &str| warning(&friday, [&service("checkout")], &plan, 0, at(text), at(text));
    assert_eq!(told("2026-11-20T13:00:00Z"), None);
    assert_eq!(
        told("2026-11-20T14:45:00Z").as_deref(),
        Some(
            "It would reach 50\u{a0}% in the change freeze of `checkout` that begins Fri 20 Nov 16:00 (Europe/Berlin): \
             Quiet time. It would stay at 5\u{a0}% until Sat 21 Nov 00:00 (Europe/Berlin)."
        )
    );
    assert!(told("2026-11-20T15:00:00Z").is_some_and(|text| text.contains("is frozen until Sat 21 Nov 00:00")));
}

#[test]
fn given_times_that_are_none_then_they_are_refused_with_an_example() {
    let wrong = |windows: Value| {
        let document = json!({"name": "quiet", "description": "Quiet", "zone": "UTC", "windows": windows});
        serde_json::from_value::<ChangeFreeze>(document).expect_err("is wrong").to_string()
    };
    for (from, example) in [("16.00", "16:00"), ("24:01", "16:00"), ("+4:00", "16:00"), ("6:00", "16:00")] {
        assert!(wrong(json!([weekly(&["fri"], from, "08:00")])).contains(example), "{from}");
    }
    for from in ["2026-02-29T00:00", "2026-12-20", "2026-12-20T18:00Z", "2026-12-20T18:00+01:00", "12-20T18:00"] {
        assert!(wrong(json!([once(from, "2027-01-04T08:00")])).contains("2026-12-20T18:00"), "{from}");
    }
    for from in ["02-30 00:00", "2026-12-20 18:00", "13-01 00:00"] {
        assert!(wrong(json!([yearly(from, "01-04 08:00")])).contains("12-20 18:00"), "{from}");
    }
    assert!("Europe/Berlln".parse::<Zone>().is_err_and(|error| error.to_string().contains("`Europe/Berlin`")));
}

#[test]
fn given_a_freeze_that_makes_no_sense_then_each_problem_has_its_field() {
    let fields = |windows: Value| {
        let freeze = freeze("UTC", windows);
        problems(&freeze).into_iter().map(|problem| problem.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(json!([])), ["windows"]);
    let windows = json!([
        once("2026-01-02T00:00", "2026-01-02T00:00"),
        weekly(&[], "08:00", "16:00"),
        weekly(&["mon"], "24:00", "08:00"),
        weekly(&["mon"], "08:00", "08:00"),
        yearly("12-20 18:00", "12-20 18:00"),
    ]);
    let expected = [
        "windows[0].once.to",
        "windows[1].weekly.days",
        "windows[2].weekly.from",
        "windows[3].weekly.to",
        "windows[4].yearly.to",
    ];
    assert_eq!(fields(windows), expected);
}

#[test]
fn given_what_is_written_then_it_reads_back_as_the_same() {
    let windows = json!([once("2026-12-20 18:00", "2027-01-04T24:00"), yearly("12-20T18:00", "01-04 08:00")]);
    let freeze = freeze("America/Argentina/Buenos_Aires", windows);
    let text = serde_json::to_string(&freeze).expect("json");
    assert!(text.contains("2026-12-20T18:00") && text.contains("12-20 18:00") && !text.contains("lifted"), "{text}");
    assert_eq!(serde_json::from_str::<ChangeFreeze>(&text).expect("a freeze"), freeze);
}

proptest! {
    /// Where clocks never jump, a weekly window is what the wall says, and nothing else.
    #[test]
    fn given_no_jumps_then_a_week_is_what_the_wall_says(
        days in proptest::collection::btree_set(0usize..7, 1..4),
        from in 0u32..1440,
        lasts in 1u32..1440,
        minute in 0i64..20_160,
    ) {
        const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let named: Vec<&str> = days.iter().map(|day| NAMES[*day]).collect();
        let freeze = freeze("Asia/Kolkata", json!([weekly(&named, &clock(from), &clock((from + lasts) % 1440))]));
        // Monday, 5 January 2026, 00:00 in India.
        let monday = at("2026-01-04T18:30:00Z");
        let now = monday + Span::from_secs(minute * 60);
        let into_week = u32::try_from(minute % 10_080).expect("is small");
        let within = |day: &usize| {
            let begin = u32::try_from(*day).expect("is small") * 1440 + from;
            (into_week + 10_080 - begin) % 10_080 < lasts
        };
        prop_assert_eq!(freeze.active(now).is_some(), days.iter().any(within));
    }

    /// Wherever and whenever: it is frozen until its end, free at it, and what comes next begins later.
    #[test]
    fn given_any_freeze_then_it_ends_when_it_says(
        zone in proptest::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]),
        hours in (0u32..24, 0u32..24),
        day in proptest::sample::select(vec!["thu", "fri", "sat", "sun", "mon"]),
        secs in 1_300_000_000i64..1_900_000_000,
    ) {
        prop_assume!(hours.0 != hours.1);
        let (from, to) = (format!("{:02}:30", hours.0), format!("{:02}:30", hours.1));
        let freeze = freeze(zone, json!([weekly(&[day, "sat"], &from, &to), yearly("03-28 02:30", "03-30 02:30")]));
        let (now, micro) = (Timestamp::from_secs(secs), Span::from_micros(1));
        let next = freeze.next(now).expect("comes again");
        let runs = [freeze.active(now), Some(next)];
        for run in runs.into_iter().flatten() {
            let until = run.until.expect("ends");
            prop_assert!(run.since < until);
            prop_assert_eq!(freeze.active(run.since), Some(run));
            prop_assert_eq!(freeze.active(until - micro), Some(run));
            prop_assert_eq!(freeze.active(run.since - micro), None);
            prop_assert_eq!(freeze.active(until), None);
        }
        prop_assert!(next.since >= now);
        let gap = freeze.active(now).and_then(|run| run.until).unwrap_or(now);
        let middle = Timestamp::from_micros(i64::midpoint(gap.micros(), next.since.micros()));
        prop_assert_eq!(freeze.active(middle).is_some(), middle == next.since);
    }
}
