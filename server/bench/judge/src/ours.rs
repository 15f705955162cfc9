//! Our judge, exactly as the engine calls it but for the words.

use crate::world::{Seen, TICK};
use sternway_domain::judge::{JudgeState, Policy, VerdictKind, conclude};
use sternway_domain::plan::{Guard, Judging, Metric, MinData, Tolerance, Weight};
use sternway_domain::signal::{ArmTick, Data, InstanceTick, SourceFailure, Tick};
use sternway_domain::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Setting {
    pub(crate) ratio: f64,
    pub(crate) plus: f64,
    /// The chance per release that a plan allows.
    pub(crate) false_alarms: f64,
    /// Seconds.
    pub(crate) patience: i64,
    /// The judge is told of the hour before the release.
    pub(crate) history: bool,
}

impl Setting {
    /// Tolerated 1.5x; everything else as a plan has it that says nothing.
    pub(crate) const DEFAULT: Setting =
        Setting { ratio: 1.5, plus: 0.0, false_alarms: 0.05, patience: 30, history: true };

    /// What may be tuned with hindsight: what a plan says, and whether there is a history.
    pub(crate) fn family() -> Vec<Setting> {
        let mut all = Vec::new();
        for ratio in [1.1, 1.2, 1.5] {
            for false_alarms in [0.05, 0.1, 0.2] {
                for patience in [0, 30] {
                    for history in [true, false] {
                        all.push(Setting { ratio, false_alarms, patience, history, ..Setting::DEFAULT });
                    }
                }
            }
        }
        all
    }

    pub(crate) fn name(self) -> String {
        let plus = if self.plus > 0.0 { format!(" + {} %", self.plus * 100.0) } else { String::new() };
        let chance = if self.false_alarms == Self::DEFAULT.false_alarms {
            String::new()
        } else {
            format!(", {} % allowed", self.false_alarms * 100.0)
        };
        let patience = if self.patience == Self::DEFAULT.patience { "" } else { ", no patience" };
        let history = if self.history { "" } else { ", no history" };
        format!("Sternway {}x{plus}{chance}{patience}{history}", self.ratio)
    }

    pub(crate) fn policy(self, share: f64) -> Policy {
        let tolerance = Tolerance { ratio: Some(self.ratio), plus: (self.plus > 0.0).then_some(self.plus) };
        let guards = vec![Guard { metric: Metric::Errors, tolerance, slo: None, weight: None }];
        let policy = policy(guards, share, self.patience);
        Policy { judge: Judging { false_alarms: self.false_alarms, ..policy.judge }, ..policy }
    }
}

/// As a plan has it that names nothing but these guards.
pub(crate) fn policy(guards: Vec<Guard>, share: f64, patience: i64) -> Policy {
    Policy {
        guards,
        hard_limits: vec![],
        min_data: MinData { requests: 500, time: Span::from_secs(60) },
        window: Span::from_secs(300),
        interval: Span::from_micros((TICK * 1e6) as i64),
        judge: Judging { patience: Span::from_secs(patience), ..Judging::default() },
        weight: Weight::try_from((share * 100.0).round() as u8).expect("a share is below 100 %"),
        stage: 0,
        split: false,
    }
}

/// A tick with complete data of the instances given.
pub(crate) fn tick(number: usize, baseline: Vec<InstanceTick>, canary: Vec<InstanceTick>) -> Tick {
    let at = Timestamp::from_micros(((number + 1) as f64 * TICK * 1e6) as i64);
    let arm = |instances| ArmTick { data: Data::Complete, instances };
    let span = Span::from_micros((TICK * 1e6) as i64);
    let (baseline, canary) = (arm(baseline), arm(canary));
    Tick { number: number as u64 + 1, at, span, baseline, canary, failure: None, warnings: vec![] }
}

/// The same tick when the source could not be reached.
pub(crate) fn down(tick: Tick) -> Tick {
    let missing = || ArmTick { data: Data::Missing, instances: vec![] };
    let failure = SourceFailure::Down { source_name: "prometheus".into(), detail: "made up".into() };
    Tick { span: Span::ZERO, baseline: missing(), canary: missing(), failure: Some(failure), ..tick }
}

pub(crate) fn of_seen(number: usize, seen: &Seen) -> Tick {
    let arm = |all: &[(f64, f64)], arm: &str| -> Vec<InstanceTick> {
        let one = |(i, (requests, errors)): (usize, &(f64, f64))| InstanceTick {
            instance: format!("{arm}-{i}"),
            requests: *requests,
            errors: Some(*errors),
            ..InstanceTick::default()
        };
        all.iter().enumerate().map(one).collect()
    };
    let tick = tick(number, arm(&seen.baseline, "b"), arm(&seen.canary, "c"));
    if seen.missing { down(tick) } else { tick }
}

pub(crate) fn ticks(seen: &[Seen]) -> Vec<Tick> {
    seen.iter().enumerate().map(|(i, seen)| of_seen(i, seen)).collect()
}

/// What came of a release: the ticks in which it was rolled back, or first could have been promoted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Decided {
    pub(crate) back: Option<usize>,
    pub(crate) promote: Option<usize>,
}

/// Judges until it rolls back.
pub(crate) fn decide(history: &[Tick], policy: &Policy, ticks: &[Tick]) -> Decided {
    decide_from(JudgeState::primed(history, policy), policy, ticks.iter())
}

/// The same from a state that is there already.
pub(crate) fn decide_from<T: std::borrow::Borrow<Tick>>(
    mut state: JudgeState,
    policy: &Policy,
    ticks: impl Iterator<Item = T>,
) -> Decided {
    let mut decided = Decided::default();
    for (i, tick) in ticks.enumerate() {
        match conclude(&mut state, tick.borrow(), policy).kind {
            VerdictKind::Fail => return Decided { back: Some(i), ..decided },
            VerdictKind::Pass => decided.promote = decided.promote.or(Some(i)),
            _ => {}
        }
    }
    decided
}
