//! Turns readings into ticks: deltas per instance, resets, staleness, absence.
//!
//! The window remembers the last sound sample of every instance and nothing else. Rules, each chosen so that silence is
//! never taken for health:
//!
//! - A sample older than `max_age`, or further ahead of this clock, is no sample. An instance without one is absent, and the arm partial, until it has
//!   been absent for longer than `max_age`; then it is forgotten, because it was scaled down.
//! - An instance contributes from its second sample. Two samples more than `max_age` apart count as a first one again,
//!   so that a long outage is never squeezed into one interval; a shorter one is bridged, its counts are not lost.
//! - A sample with the same timestamp as the one before adds nothing. When no instance has a newer one, the tick is
//!   complete and covers no time.
//! - A tick covers the same time of both arms. While one of them has nothing new, as between two scrapes, what is new of
//!   the other waits for it; otherwise an arm that was not scraped yet would look like one without requests.
//! - A counter that goes backwards makes the whole tick count for neither arm; so do bucket bounds that change.
//! - A counter that other instances of the arm have, that the instance itself had, or that the baseline has, and that an
//!   instance with requests lacks, is missing and not zero. A source that reads failures as a label of the request
//!   counter knows that none means zero, and hands over `Some(0.0)`.
//! - NaN while there were no new requests is 0/0 and adds nothing; otherwise the arm's data is not a number.

use super::histogram::Break;
use super::{Arm, ArmTick, Data, InstanceReading, InstanceTick, Kpi, Reading, SourceFailure, Tick};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is remembered of a release's signals between two readings. Starts empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SignalWindow {
    /// Ticks made so far.
    number: u64,
    /// When the samples were read that the next difference is taken from.
    since: Option<Timestamp>,
    baseline: Memory,
    canary: Memory,
}

type Memory = BTreeMap<String, Known>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The last sound sample; never contains NaN.
    sample: InstanceReading,
    /// When a fresh sample was last seen.
    fresh_at: Timestamp,
}

impl SignalWindow {
    /// Takes what a source answered at `now` and says what it amounts to. Numbers ticks from 1.
    pub fn push(&mut self, reading: Result<Reading, SourceFailure>, now: Timestamp, max_age: Span) -> Tick {
        self.number += 1;
        let missing = || ArmTick { data: Data::Missing, instances: Vec::new() };
        let reading = match reading {
            Ok(reading) => reading,
            Err(failure) => {
                return Tick {
                    number: self.number,
                    at: now,
                    span: Span::ZERO,
                    baseline: missing(),
                    canary: missing(),
                    failure: Some(failure),
                    warnings: Vec::new(),
                };
            }
        };
        let reading = self.together(reading, now, max_age);
        let baseline = Look::at(&mut self.baseline, &reading.baseline, now, max_age);
        let expected = baseline.counters.clone();
        let baseline = baseline.judge(Arm::Baseline, &BTreeSet::new(), now);
        let canary = Look::at(&mut self.canary, &reading.canary, now, max_age).judge(Arm::Canary, &expected, now);

        let moved = baseline.moved || canary.moved;
        let span = self.since.map_or(Span::ZERO, |since| if moved { now.since(since) } else { Span::ZERO });
        if moved {
            self.since = Some(now);
        }
        let warnings = baseline.warnings.into_iter().chain(canary.warnings).chain(reading.warnings).collect();
        Tick {
            number: self.number,
            at: now,
            span,
            baseline: baseline.tick,
            canary: canary.tick,
            failure: None,
            warnings,
        }
    }

    /// The reading as it stands, or without what is new of one arm while the other has nothing new.
    fn together(&self, reading: Reading, now: Timestamp, max_age: Span) -> Reading {
        let baseline = Side { memory: &self.baseline, readings: &reading.baseline, now, max_age };
        let canary = Side { memory: &self.canary, readings: &reading.canary, now, max_age };
        match (baseline.news(), canary.news()) {
            (Some(false), Some(true)) => match canary.remembered() {
                Some(canary) => Reading { canary, ..reading },
                None => reading,
            },
            (Some(true), Some(false)) => match baseline.remembered() {
                Some(baseline) => Reading { baseline, ..reading },
                None => reading,
            },
            _ => reading,
        }
    }
}

/// One arm of a reading beside what is remembered of it.
struct Side<'a> {
    memory: &'a Memory,
    readings: &'a [InstanceReading],
    now: Timestamp,
    max_age: Span,
}

impl<'a> Side<'a> {
    fn fresh(&self) -> impl Iterator<Item = &'a InstanceReading> {
        self.readings.iter().filter(|reading| of_now(reading, self.now, self.max_age))
    }

    /// Whether anything is newer than what is remembered; `None` while nothing is remembered of those that were read.
    fn news(&self) -> Option<bool> {
        let newer = |reading: &InstanceReading| {
            self.memory.get(&reading.instance).is_none_or(|known| reading.at > known.sample.at)
        };
        self.fresh().any(|reading| self.memory.contains_key(&reading.instance)).then(|| self.fresh().any(newer))
    }

    /// What is remembered of those that were read; `None` when some of it is too old to wait any longer.
    fn remembered(&self) -> Option<Vec<InstanceReading>> {
        let known = self.fresh().filter_map(|reading| Some(&self.memory.get(&reading.instance)?.sample));
        known.map(|sample| of_now(sample, self.now, self.max_age).then(|| sample.clone())).collect()
    }
}

/// Taken lately enough, and not in the future, by this clock.
fn of_now(reading: &InstanceReading, now: Timestamp, max_age: Span) -> bool {
    now.since(reading.at) <= max_age && reading.at.since(now) <= max_age
}

/// What one instance's sample amounts to.
enum Step {
    /// Nothing to compare with yet.
    First,
    /// What was added, and whether the sample is newer than the one before.
    Added(InstanceTick, bool),
    NotANumber,
    Reset,
    Bounds,
}

/// Everything seen of one arm in one reading.
struct Look {
    steps: Vec<Step>,
    /// Per fresh instance with requests: its name and the counters it has.
    served: Vec<(String, BTreeSet<String>)>,
    /// Counters any fresh instance has.
    counters: BTreeSet<String>,
    /// Counters that instances had before and lack now, by instance.
    lost: BTreeMap<String, BTreeSet<String>>,
    absent: u32,
    /// When the newest sample was taken, if there was any.
    newest: Option<Timestamp>,
    warnings: Vec<String>,
}

/// An arm's tick, and whether any sample of it was new.
struct Seen {
    tick: ArmTick,
    moved: bool,
    warnings: Vec<String>,
}

impl Look {
    fn at(memory: &mut Memory, readings: &[InstanceReading], now: Timestamp, max_age: Span) -> Look {
        let mut look = Look {
            steps: Vec::new(),
            served: Vec::new(),
            counters: BTreeSet::new(),
            lost: BTreeMap::new(),
            absent: 0,
            newest: readings.iter().map(|reading| reading.at).max(),
            warnings: Vec::new(),
        };
        let mut fresh: BTreeMap<&str, &InstanceReading> = BTreeMap::new();
        for reading in readings.iter().filter(|reading| of_now(reading, now, max_age)) {
            if fresh.contains_key(reading.instance.as_str()) {
                look.warnings.push(format!("`{}` was read twice at once; the first sample is used", reading.instance));
            } else {
                fresh.insert(&reading.instance, reading);
            }
        }
        memory.retain(|name, known| fresh.contains_key(name.as_str()) || now.since(known.fresh_at) <= max_age);
        let absent = memory.keys().filter(|name| !fresh.contains_key(name.as_str())).count();
        look.absent = u32::try_from(absent).unwrap_or(u32::MAX);
        for (name, reading) in fresh {
            let step = match settled(reading, memory.get(name).map(|known| &known.sample)) {
                Err(NotANumber) => Step::NotANumber,
                Ok(sample) => {
                    let step = look.take(memory.get(name), &sample, max_age);
                    if !matches!(step, Step::Added(_, false)) {
                        memory.insert(name.to_owned(), Known { sample, fresh_at: now });
                    }
                    step
                }
            };
            if let Some(known) = memory.get_mut(name) {
                known.fresh_at = now;
            }
            look.steps.push(step);
        }
        look
    }

    fn take(&mut self, known: Option<&Known>, sample: &InstanceReading, max_age: Span) -> Step {
        let before = known.map(|known| &known.sample);
        let has = counters(sample);
        if let Some(before) = before {
            let lost: BTreeSet<String> = counters(before).difference(&has).cloned().collect();
            if !lost.is_empty() {
                self.lost.insert(sample.instance.clone(), lost);
            }
        }
        if total(sample).is_none_or(|requests| requests > 0.0) {
            self.served.push((sample.instance.clone(), has.clone()));
        }
        self.counters.extend(has);
        match before {
            None => Step::First,
            Some(before) if sample.at.since(before.at) > max_age => Step::First,
            Some(before) if sample.at <= before.at => Step::Added(nothing_new(before), false),
            Some(before) => added(before, sample).map_or_else(
                |problem| match problem {
                    Break::Reset => Step::Reset,
                    Break::Bounds => Step::Bounds,
                },
                |tick| Step::Added(tick, true),
            ),
        }
    }

    /// The state of the arm. `elsewhere` are the counters that the other version has.
    fn judge(mut self, arm: Arm, elsewhere: &BTreeSet<String>, now: Timestamp) -> Seen {
        let fresh = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        let wanted: BTreeSet<String> = self.counters.union(elsewhere).cloned().collect();
        let mut lacking: BTreeMap<String, BTreeSet<String>> = std::mem::take(&mut self.lost);
        for (name, has) in &self.served {
            let lacks: BTreeSet<String> = wanted.difference(has).cloned().collect();
            if !lacks.is_empty() {
                lacking.entry(name.clone()).or_default().extend(lacks);
            }
        }
        for name in lacking.values().flatten().collect::<BTreeSet<_>>() {
            self.warnings.push(format!(
                "`{name}` is missing in {} of {fresh} {} instances that should report it; its instrumentation may be \
                 missing",
                lacking.values().filter(|lacks| lacks.contains(name)).count(),
                arm.label(),
            ));
        }
        let count = |matches: fn(&Step) -> bool| {
            u32::try_from(self.steps.iter().filter(|step| matches(step)).count()).unwrap_or(u32::MAX)
        };
        let resets = count(|step| matches!(step, Step::Reset));
        let lacking = u32::try_from(lacking.len()).unwrap_or(u32::MAX);
        let data = match self.newest {
            None => Data::Missing,
            Some(at) if self.steps.is_empty() && at > now => Data::Ahead { by: at.since(now) },
            Some(at) if self.steps.is_empty() => Data::Stale { age: now.since(at) },
            Some(_) if count(|step| matches!(step, Step::NotANumber)) > 0 => Data::NotANumber,
            Some(_) if resets > 0 => Data::Reset { instances: resets },
            Some(_) if count(|step| matches!(step, Step::Bounds)) > 0 => Data::BucketsChanged,
            Some(_) if self.absent > 0 || lacking > 0 => {
                Data::Partial { seen: fresh.saturating_sub(lacking), expected: fresh.saturating_add(self.absent) }
            }
            Some(_) if count(|step| matches!(step, Step::Added(..))) == 0 => Data::First,
            Some(_) => Data::Complete,
        };
        let moved = self.steps.iter().any(|step| !matches!(step, Step::NotANumber | Step::Added(_, false)));
        let steps = if data.usable() { self.steps } else { Vec::new() };
        let instances = steps.into_iter().filter_map(|step| match step {
            Step::Added(tick, _) => Some(tick),
            _ => None,
        });
        let instances = instances.collect();
        Seen { tick: ArmTick { data, instances }, moved, warnings: self.warnings }
    }
}

struct NotANumber;

/// The sample without NaN: what did not move because there were no requests keeps its value.
fn settled(reading: &InstanceReading, before: Option<&InstanceReading>) -> Result<InstanceReading, NotANumber> {
    let sound = |value: &f64| value.is_finite();
    let kpi_sound = |kpi: &Kpi| kpi.good.is_finite() && kpi.of.is_finite();
    if !reading.requests.as_ref().is_none_or(sound) {
        return Err(NotANumber);
    }
    let quiet = match (total(reading), before.and_then(total)) {
        (Some(now), Some(then)) => now == then,
        (Some(now), None) => now == 0.0,
        (None, _) => false,
    };
    let all_sound = reading.errors.as_ref().is_none_or(sound)
        && reading.saturation.as_ref().is_none_or(sound)
        && reading.latency.as_ref().is_none_or(super::Histogram::is_sound)
        && reading.kpis.values().all(kpi_sound);
    if all_sound {
        return Ok(reading.clone());
    }
    if !quiet {
        return Err(NotANumber);
    }
    let mut sample = reading.clone();
    if !sample.errors.as_ref().is_none_or(sound) {
        sample.errors = before.map_or(Some(0.0), |before| before.errors);
    }
    sample.saturation = sample.saturation.filter(sound);
    if !sample.latency.as_ref().is_none_or(super::Histogram::is_sound) {
        sample.latency = before.and_then(|before| before.latency.clone());
    }
    for (name, kpi) in &mut sample.kpis {
        if !kpi_sound(kpi) {
            *kpi = before.and_then(|b| b.kpis.get(name)).copied().unwrap_or(Kpi { good: 0.0, of: 0.0 });
        }
    }
    Ok(sample)
}

/// Requests since the instance started; the latency histogram counts them too.
fn total(sample: &InstanceReading) -> Option<f64> {
    sample.requests.or_else(|| sample.latency.as_ref().map(super::Histogram::total).filter(|total| total.is_finite()))
}

/// Names of the counters the sample has, as people know them.
fn counters(sample: &InstanceReading) -> BTreeSet<String> {
    let present = [
        ("requests", total(sample).is_some()),
        ("errors", sample.errors.is_some()),
        ("latency", sample.latency.is_some()),
    ];
    let kpis = sample.kpis.keys().map(|name| format!("kpi:{name}"));
    present.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).chain(kpis).collect()
}

/// The sample was seen already: it adds nothing.
fn nothing_new(before: &InstanceReading) -> InstanceTick {
    InstanceTick {
        instance: before.instance.clone(),
        requests: 0.0,
        errors: before.errors.map(|_| 0.0),
        latency: before.latency.as_ref().and_then(|latency| latency.since(latency).ok()),
        saturation: before.saturation,
        kpis: before.kpis.keys().map(|name| (name.clone(), Kpi { good: 0.0, of: 0.0 })).collect(),
    }
}

fn added(before: &InstanceReading, now: &InstanceReading) -> Result<InstanceTick, Break> {
    let counter = |then: f64, now: f64| if now < then { Err(Break::Reset) } else { Ok(now - then) };
    let errors = before.errors.zip(now.errors).map(|(then, now)| counter(then, now)).transpose()?;
    let requests = total(before).zip(total(now)).map(|(then, now)| counter(then, now)).transpose()?;
    let mut kpis = BTreeMap::new();
    for (name, now) in &now.kpis {
        if let Some(then) = before.kpis.get(name) {
            let kpi = Kpi { good: counter(then.good, now.good)?, of: counter(then.of, now.of)? };
            kpis.insert(name.clone(), kpi);
        }
    }
    let latency = before.latency.as_ref().zip(now.latency.as_ref()).map(|(then, now)| now.since(then)).transpose()?;
    Ok(InstanceTick {
        instance: now.instance.clone(),
        requests: requests.unwrap_or(0.0),
        errors,
        latency,
        saturation: now.saturation,
        kpis,
    })
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
