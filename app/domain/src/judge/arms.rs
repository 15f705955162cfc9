//! Arms that were recorded elsewhere: one CSV per arm, one row per instance and tick, counts of that tick.
//!
//! Columns by name: `time` (seconds), `instance`, `requests`, `errors`, then optional cumulative latency buckets
//! `le_0.005` … `le_inf` (seconds). Rows may come in any order. How far ticks are apart is how far most rows of an instance
//! are; each instance's rows are counted from its first one, so that stamps and clocks a little apart do no harm. What is empty or `NaN` is missing, never zero.

use super::{JudgeState, Policy, Verdict, VerdictKind, judge};
use crate::plan::{Plan, Weight};
use crate::signal::{ArmTick, Bucket, Data, Histogram, InstanceTick, Tick};
use crate::time::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Why recorded arms cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArmsError {
    #[error("`{file}` is empty: it needs a header `time,instance,requests,errors` and rows")]
    Empty { file: String },
    #[error("`{file}`: column `{column}` is missing; the header needs `time,instance,requests,errors`")]
    Column { file: String, column: &'static str },
    #[error("`{file}`: column `{column}` is neither known nor a bucket like `le_0.1`; buckets must ascend")]
    Unknown { file: String, column: String },
    #[error("`{file}`, line {line}: {problem}")]
    Row { file: String, line: usize, problem: String },
    #[error("the arms have no tick in common: the baseline covers {baseline} s, the canary {canary} s")]
    Apart { baseline: String, canary: String },
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    time: f64,
    instance: InstanceTick,
    /// What is wrong with it although it could be read.
    data: Data,
}

/// One arm as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded(Vec<Row>);

impl Recorded {
    /// Reads a CSV; `file` is for messages.
    pub fn parse(file: &str, text: &str) -> Result<Recorded, ArmsError> {
        let file = file.to_owned();
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
        let Some((_, header)) = lines.next() else { return Err(ArmsError::Empty { file }) };
        let names: Vec<String> = header.split(',').map(|name| unquoted(name).to_owned()).collect();
        let place = |column: &'static str| {
            let found = names.iter().position(|name| name == column);
            found.ok_or_else(|| ArmsError::Column { file: file.clone(), column })
        };
        let (time, instance, requests) = (place("time")?, place("instance")?, place("requests")?);
        let errors = place("errors")?;
        let mut bounds: Vec<(usize, f64)> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            if [time, instance, requests, errors].contains(&i) {
                continue;
            }
            let bound = name.strip_prefix("le_").and_then(|bound| match bound {
                "inf" | "+inf" | "Inf" | "+Inf" => Some(f64::INFINITY),
                _ => bound.parse().ok().filter(|bound: &f64| bound.is_finite()),
            });
            match bound {
                Some(bound) if bounds.last().is_none_or(|(_, last)| *last < bound) => bounds.push((i, bound)),
                _ => return Err(ArmsError::Unknown { file, column: name.clone() }),
            }
        }
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        for (line, text) in lines {
            let wrong = |problem: String| ArmsError::Row { file: file.clone(), line: line + 1, problem };
            let cells: Vec<&str> = text.split(',').map(unquoted).collect();
            if cells.len() != names.len() {
                return Err(wrong(format!("{} values, the header has {} columns", cells.len(), names.len())));
            }
            let at = |i: usize| number(cells[i]).map_err(|text| wrong(format!("`{text}` is not a number")));
            let Some(when) = at(time)?.filter(|when| when.is_finite()) else {
                return Err(wrong("it has no time".to_owned()));
            };
            if !seen.insert((when.to_bits(), cells[instance].to_owned())) {
                return Err(wrong(format!("`{}` has two rows for second {when}", cells[instance])));
            }
            let buckets: Vec<(f64, Option<f64>)> =
                bounds.iter().map(|(i, le)| Ok((*le, at(*i)?))).collect::<Result<_, ArmsError>>()?;
            let row = row(when, cells[instance], at(requests)?, at(errors)?, &buckets).map_err(wrong)?;
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(ArmsError::Empty { file });
        }
        rows.sort_by(|a, b| a.time.total_cmp(&b.time).then_with(|| a.instance.instance.cmp(&b.instance.instance)));
        Ok(Recorded(rows))
    }

    fn times(&self) -> Vec<f64> {
        let mut times: Vec<f64> = self.0.iter().map(|row| row.time).collect();
        times.dedup();
        times
    }

    /// How far each row is behind the one before of the same instance.
    fn gaps(&self) -> impl Iterator<Item = f64> {
        let mut last: BTreeMap<&str, f64> = BTreeMap::new();
        self.0.iter().filter_map(move |row| {
            let before = last.insert(&row.instance.instance, row.time)?;
            Some(row.time - before).filter(|gap| *gap > 0.0)
        })
    }

    /// The rows by tick.
    fn placed(&self, begin: f64, interval: f64) -> BTreeMap<i64, Vec<Row>> {
        let ticks = |secs: f64| (secs / interval).round() as i64;
        let (mut first, mut all) = (BTreeMap::new(), BTreeMap::<i64, Vec<Row>>::new());
        for row in &self.0 {
            let first = *first.entry(row.instance.instance.as_str()).or_insert(row.time);
            all.entry(ticks(first - begin) + ticks(row.time - first)).or_default().push(row.clone());
        }
        all
    }

    fn requests(&self) -> f64 {
        self.0.iter().map(|row| row.instance.requests).sum()
    }
}

fn unquoted(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

/// `None` where nothing is written; infinities and NaN are numbers that are none.
fn number(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| text.chars().take(40).collect())
}

fn row(
    time: f64,
    instance: &str,
    requests: Option<f64>,
    errors: Option<f64>,
    buckets: &[(f64, Option<f64>)],
) -> Result<Row, String> {
    let mut tick = InstanceTick { instance: instance.to_owned(), ..InstanceTick::default() };
    let backwards = requests.is_some_and(|n| n < 0.0) || errors.is_some_and(|n| n < 0.0);
    let Some(requests) = requests else {
        return Ok(Row { time, instance: tick, data: Data::Partial { seen: 0, expected: 1 } });
    };
    if backwards || buckets.iter().any(|(_, count)| count.is_some_and(|n| n < 0.0)) {
        return Ok(Row { time, instance: tick, data: Data::Reset { instances: 1 } });
    }
    let counts = buckets.iter().filter_map(|(_, count)| *count);
    let sound = requests.is_finite()
        && (errors.is_none_or(f64::is_finite) || requests == 0.0)
        && counts.clone().all(|n| n.is_finite() || requests == 0.0);
    if !sound {
        return Ok(Row { time, instance: tick, data: Data::NotANumber });
    }
    let whole = |n: f64| if n.is_finite() { n } else { 0.0 };
    tick.requests = requests;
    tick.errors = errors.map(whole);
    if tick.errors.is_some_and(|errors| errors > requests) {
        return Err(format!("{} errors of {requests} requests", tick.errors.unwrap_or_default()));
    }
    if !buckets.is_empty() && buckets.iter().all(|(_, count)| count.is_some()) {
        let mut all: Vec<Bucket> =
            buckets.iter().map(|(le, count)| Bucket { le: *le, count: whole(count.unwrap_or_default()) }).collect();
        if all.windows(2).any(|pair| pair[1].count < pair[0].count) {
            return Err("the buckets are not cumulative: one holds fewer than the one before".to_owned());
        }
        let last = all.last().copied().map_or(0.0, |bucket| bucket.count);
        if all.last().is_some_and(|bucket| bucket.le.is_finite()) {
            all.push(Bucket { le: f64::INFINITY, count: last.max(requests) });
        }
        tick.latency = Some(Histogram::Classic(all));
    }
    Ok(Row { time, instance: tick, data: Data::Complete })
}

/// The ticks of two recorded arms, and how far they lie apart.
pub fn ticks(baseline: &Recorded, canary: &Recorded, plan: &Plan) -> Result<(Vec<Tick>, Span), ArmsError> {
    let (of_baseline, of_canary) = (baseline.times(), canary.times());
    let longer = if of_baseline.len() >= of_canary.len() { &of_baseline } else { &of_canary };
    let mut gaps: Vec<f64> = baseline.gaps().chain(canary.gaps()).collect();
    gaps.sort_by(f64::total_cmp);
    let interval = gaps.get(gaps.len() / 2).copied().unwrap_or(plan.interval.secs_f64());
    let (baseline, canary) = (baseline.placed(longer[0], interval), canary.placed(longer[0], interval));
    if !baseline.keys().any(|tick| canary.contains_key(tick)) {
        let span = |times: &[f64]| format!("{} to {}", times[0], times[times.len() - 1]);
        return Err(ArmsError::Apart { baseline: span(&of_baseline), canary: span(&of_canary) });
    }
    let first = baseline.keys().chain(canary.keys()).min().copied().unwrap_or(0);
    let last = baseline.keys().chain(canary.keys()).max().copied().unwrap_or(0);
    let span = Span::from_micros((interval * 1e6) as i64);
    let patience = ((plan.max_age.secs_f64() / interval).ceil() as i64).max(1);
    let (mut known_baseline, mut known_canary) = (BTreeMap::new(), BTreeMap::new());
    // A file of a thousand years is a file with a wrong time in it; what follows is judged as silence.
    let last = last.min(first + 1_000_000);
    let ticks = (first..=last).map(|i| Tick {
        number: u64::try_from(i - first + 1).unwrap_or(1),
        at: Timestamp::from_micros(((i - first + 1) as f64 * interval * 1e6) as i64),
        span,
        baseline: arm(baseline.get(&i), &mut known_baseline, i, patience),
        canary: arm(canary.get(&i), &mut known_canary, i, patience),
        failure: None,
        warnings: Vec::new(),
    });
    Ok((ticks.collect(), span))
}

/// One arm in one tick. An instance that was there lately and is not now makes it partial.
fn arm(rows: Option<&Vec<Row>>, known: &mut BTreeMap<String, i64>, tick: i64, patience: i64) -> ArmTick {
    let nothing = |data| ArmTick { data, instances: Vec::new() };
    let Some(rows) = rows else { return nothing(Data::Missing) };
    for row in rows {
        known.insert(row.instance.instance.clone(), tick);
    }
    known.retain(|_, last| tick - *last <= patience);
    let absent = known.values().filter(|last| **last != tick).count();
    if let Some(row) = rows.iter().find(|row| matches!(row.data, Data::NotANumber | Data::Reset { .. })) {
        return nothing(row.data);
    }
    let bounds = |row: &&Row| match &row.instance.latency {
        Some(Histogram::Classic(buckets)) => Some(buckets.len()),
        _ => None,
    };
    let gaps =
        rows.iter().filter(|row| row.data != Data::Complete || bounds(row).is_none() != bounds(&&rows[0]).is_none());
    let lacking = absent + gaps.count();
    if lacking > 0 {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let expected = count(rows.len() + absent);
        return nothing(Data::Partial { seen: expected.saturating_sub(count(lacking)), expected });
    }
    ArmTick { data: Data::Complete, instances: rows.iter().map(|row| row.instance.clone()).collect() }
}

/// What a plan makes of recorded arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The first failing verdict; without one, the last.
    pub verdict: Verdict,
    /// Seconds from the first tick to the one that failed or, of a pass, that passed first; `None` when undecided.
    pub decided_at: Option<f64>,
    pub ticks: usize,
}

/// Judges recorded arms with the judge itself. The shares are taken as they are; all of it is one stage. What the
/// baseline shows before the canary's first row tells how its errors cluster.
pub fn run(baseline: &Recorded, canary: &Recorded, plan: &Plan) -> Result<Option<Outcome>, ArmsError> {
    let (ticks, span) = ticks(baseline, canary, plan)?;
    let share = 100.0 * canary.requests() / (canary.requests() + baseline.requests());
    let percent = if share.is_finite() { share.round().clamp(1.0, 99.0) as u8 } else { 1 };
    // Whole percents below 100 are weights.
    let weight = Weight::try_from(percent).unwrap_or(Weight::ZERO);
    let window = plan.window.max(span);
    let policy = Policy { interval: span, window, split: false, ..Policy::of(plan, weight, 0) };
    let before = ticks.iter().take_while(|tick| tick.canary.data == Data::Missing).count();
    let mut state = JudgeState::primed(&ticks[..before], &policy);
    let (mut passed, mut last) = (None, None);
    for (i, tick) in ticks.iter().enumerate() {
        let verdict = judge(&mut state, tick, &policy);
        let since = i as f64 * span.secs_f64();
        if verdict.kind == VerdictKind::Fail {
            return Ok(Some(Outcome { verdict, decided_at: Some(since), ticks: ticks.len() }));
        }
        if verdict.kind == VerdictKind::Pass {
            passed.get_or_insert(since);
        }
        last = Some(verdict);
    }
    Ok(last.map(|verdict| {
        let decided_at = passed.filter(|_| verdict.kind == VerdictKind::Pass);
        Outcome { verdict, decided_at, ticks: ticks.len() }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(more: serde_json::Value) -> Plan {
        let mut plan = serde_json::json!({
            "name": "recorded", "stages": [{"weight": 100, "bake": "10m"}],
            "guards": [{"metric": "errors", "tolerance": {"ratio": 1.5}}],
        });
        plan.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(plan).expect("a plan")
    }

    fn csv(ticks: usize, instances: usize, row: impl Fn(usize, usize) -> String) -> String {
        let rows = (0..ticks).flat_map(|t| (0..instances).map(move |i| (t, i)));
        let rows: Vec<String> = rows.map(|(t, i)| format!("{},i-{i},{}", t * 15, row(t, i))).collect();
        format!("time,instance,requests,errors\n{}\n", rows.join("\n"))
    }

    fn read(text: &str) -> Recorded {
        Recorded::parse("a.csv", text).expect("well-formed")
    }

    fn judged(baseline: &str, canary: &str) -> Outcome {
        run(&read(baseline), &read(canary), &plan(serde_json::json!({}))).expect("usable").expect("ticks")
    }

    #[test]
    fn given_alike_arms_then_they_pass_and_a_worse_one_fails_early() {
        let baseline = csv(240, 4, |t, i| format!("3000,{}", 2 + (t + i) % 3));
        let same = csv(240, 1, |t, _| format!("3000,{}", 2 + t % 3));
        let outcome = judged(&baseline, &same);
        assert_eq!((outcome.verdict.kind, outcome.ticks), (VerdictKind::Pass, 240), "{}", outcome.verdict.next);
        let worse = csv(240, 1, |t, _| format!("3000,{}", if t < 80 { 3 } else { 15 }));
        let outcome = judged(&baseline, &worse);
        assert_eq!(outcome.verdict.kind, VerdictKind::Fail);
        assert!(outcome.decided_at.is_some_and(|at| (80.0 * 15.0..90.0 * 15.0).contains(&at)), "{outcome:?}");
    }

    #[test]
    fn given_silence_at_the_end_then_nothing_passes_and_shifted_clocks_do_no_harm() {
        let baseline = csv(240, 2, |_, _| "3000,3".into());
        let short = csv(200, 1, |_, _| "3000,3".into());
        let outcome = judged(&baseline, &short);
        assert_eq!((outcome.verdict.kind, outcome.decided_at), (VerdictKind::NoData, None));
        let late: String = csv(240, 1, |_, _| "3000,3".into());
        let late = late.replacen("0,i-0", "4,i-0", 1).replace("15,i-0", "19,i-0");
        assert_eq!(judged(&baseline, &late).verdict.kind, VerdictKind::Pass);
    }

    #[test]
    fn given_instances_that_are_not_stamped_alike_then_their_rows_meet_in_the_same_ticks() {
        let plan = plan(serde_json::json!({}));
        for phases in [[0.0, 0.003, 0.1], [0.0, 4.0, 9.0]] {
            let arm = |instances: &[usize]| {
                let row = |tick: usize, i: usize| format!("{},i-{i},1000,1\n", 15.0 * tick as f64 + phases[i]);
                let rows = (0..40).flat_map(|tick| instances.iter().map(move |i| row(tick, *i)));
                read(&format!("time,instance,requests,errors\n{}", rows.collect::<String>()))
            };
            let (ticks, span) = ticks(&arm(&[0, 1, 2]), &arm(&[1]), &plan).expect("they can be judged");
            assert_eq!(span, Span::from_secs(15), "{phases:?}");
            let whole = ticks.iter().filter(|tick| tick.baseline.instances.len() == 3 && tick.canary.data.usable());
            assert!(whole.count() >= 39 && ticks.len() <= 41, "{phases:?}: {} ticks", ticks.len());
        }
    }

    #[test]
    fn given_a_baseline_from_before_the_canary_then_it_tells_how_errors_cluster() {
        // One instance at a time fails ten requests at once.
        let bursts = csv(240, 4, |t, i| format!("3000,{}", if (t + i) % 4 == 0 { 10 } else { 0 }));
        let worse = csv(240, 1, |t, _| format!("3000,{}", if t < 120 { 2 } else { 15 }));
        let late = worse
            .lines()
            .filter(|line| !line.split(',').next().is_some_and(|t| t.parse().is_ok_and(|t: u32| t < 1800)));
        let late = late.collect::<Vec<_>>().join("\n");
        let phi = |outcome: &Outcome| outcome.verdict.guards[0].evidence.expect("evidence").phi;
        let alone = bursts
            .lines()
            .filter(|line| !line.split(',').next().is_some_and(|t| t.parse().is_ok_and(|t: u32| t < 1800)));
        let (before, without) = (judged(&bursts, &late), judged(&alone.collect::<Vec<_>>().join("\n"), &late));
        assert_eq!((before.verdict.kind, without.verdict.kind), (VerdictKind::Fail, VerdictKind::Fail));
        assert!(phi(&before) > phi(&without), "{} is not more than {}", phi(&before), phi(&without));
    }

    #[test]
    fn given_numbers_that_are_none_then_the_tick_counts_for_nothing() {
        let baseline = csv(40, 2, |_, _| "3000,3".into());
        for bad in ["NaN,NaN", "3000,NaN", "-5,0", ","] {
            let canary = csv(40, 1, |t, _| if t == 39 { bad.into() } else { "3000,3".into() });
            assert_eq!(judged(&baseline, &canary).verdict.kind, VerdictKind::NoData, "{bad}");
        }
        let quiet = csv(40, 1, |_, _| "0,NaN".into());
        assert_ne!(judged(&baseline, &quiet).verdict.kind, VerdictKind::Pass);
    }

    #[test]
    fn given_files_that_cannot_be_read_then_they_are_refused_with_line_and_column() {
        let refused = |text: &str| Recorded::parse("a.csv", text).expect_err("unusable").to_string();
        assert!(refused("").contains("is empty"));
        assert!(refused("time,instance,requests\n0,a,1\n").contains("`errors` is missing"));
        assert!(refused("time,instance,requests,errors,le_0.5,le_0.1\n").contains("`le_0.1`"));
        assert_eq!(refused("time,instance,requests,errors\n0,a,1,x\n"), "`a.csv`, line 2: `x` is not a number");
        assert!(refused("time,instance,requests,errors\n0,a,1,2\n").contains("2 errors of 1 requests"));
        assert!(refused("time,instance,requests,errors\n0,a,1,0\n0,a,1,0\n").contains("two rows"));
        assert!(refused("time,instance,requests,errors,le_0.1,le_inf\n0,a,5,0,5,3\n").contains("not cumulative"));
        let apart = run(
            &read("time,instance,requests,errors\n0,a,1,0\n15,a,1,0\n"),
            &read("time,instance,requests,errors\n900,b,1,0\n"),
            &plan(serde_json::json!({})),
        );
        assert!(apart.expect_err("no common tick").to_string().contains("no tick in common"));
    }
}
