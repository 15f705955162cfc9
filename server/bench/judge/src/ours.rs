//! Our judge, exactly as the engine calls it.

use crate::world::{Seen, TICK};
use sternway_domain::judge::{JudgeState, Policy, Verdict, VerdictKind, judge};
use sternway_domain::plan::{Guard, Judging, Metric, MinData, Tolerance, Weight};
use sternway_domain::signal::{ArmTick, Data, InstanceTick, SourceFailure, Tick};
use sternway_domain::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Setting {
    pub(crate) ratio: f64,
    pub(crate) plus: f64,
    pub(crate) false_alarms: f64,
    pub(crate) patience: i64,
}

impl Setting {
    /// Tolerated 1.5x; everything else as a plan has it that says nothing.
    pub(crate) const DEFAULT: Setting = Setting { ratio: 1.5, plus: 0.0, false_alarms: 0.05, patience: 30 };

    pub(crate) fn policy(self, share: f64) -> Policy {
        let tolerance = Tolerance { ratio: Some(self.ratio), plus: (self.plus > 0.0).then_some(self.plus) };
        Policy {
            guards: vec![Guard { metric: Metric::Errors, tolerance, slo: None, weight: None }],
            hard_limits: vec![],
            min_data: MinData { requests: 500, time: Span::from_secs(60) },
            window: Span::from_secs(300),
            interval: Span::from_micros((TICK * 1e6) as i64),
            judge: Judging {
                false_alarms: self.false_alarms,
                patience: Span::from_secs(self.patience),
                ..Judging::default()
            },
            weight: Weight::try_from((share * 100.0).round() as u8).expect("a share is below 100 %"),
            stage: 0,
            split: false,
        }
    }
}

pub(crate) struct Names(Vec<String>);

impl Names {
    pub(crate) fn new() -> Names {
        Names((0..40).map(|i| format!("i-{i}")).collect())
    }

    fn arm(&self, all: &[(f64, f64)], from: usize) -> ArmTick {
        let one = |(i, (requests, errors)): (usize, &(f64, f64))| InstanceTick {
            instance: self.0[(from + i) % self.0.len()].clone(),
            requests: *requests,
            errors: Some(*errors),
            ..InstanceTick::default()
        };
        ArmTick { data: Data::Complete, instances: all.iter().enumerate().map(one).collect() }
    }

    pub(crate) fn tick(&self, number: usize, seen: &Seen) -> Tick {
        let at = Timestamp::from_micros(((number + 1) as f64 * TICK * 1e6) as i64);
        let (baseline, canary) = (self.arm(&seen.baseline, 20), self.arm(&seen.canary, 0));
        let span = Span::from_micros((TICK * 1e6) as i64);
        let tick = Tick { number: number as u64 + 1, at, span, baseline, canary, failure: None, warnings: vec![] };
        if !seen.missing {
            return tick;
        }
        let missing = || ArmTick { data: Data::Missing, instances: vec![] };
        let failure = SourceFailure::Down { source_name: "prometheus".into(), detail: "made up".into() };
        Tick { span: Span::ZERO, baseline: missing(), canary: missing(), failure: Some(failure), ..tick }
    }
}

/// What the judge says of every tick until it fails (or passes, if that ends it).
pub(crate) fn verdicts<'a>(
    names: &'a Names,
    policy: &'a Policy,
    ticks: &'a [Seen],
) -> impl Iterator<Item = (usize, Verdict)> + 'a {
    let mut state = JudgeState::default();
    ticks.iter().enumerate().map(move |(i, seen)| (i, judge(&mut state, &names.tick(i, seen), policy)))
}

/// The tick in which it would roll back.
pub(crate) fn alarm(names: &Names, policy: &Policy, ticks: &[Seen]) -> Option<usize> {
    verdicts(names, policy, ticks).find(|(_, verdict)| verdict.kind == VerdictKind::Fail).map(|(i, _)| i)
}
