//! Many rehearsals beside each other: what could happen.

use super::{Faults, Report, rehearse};
use crate::saga::{Outcome, SagaPlan};
use crate::time::Span;
use std::collections::BTreeMap;

/// What was counted. The order of the seeds decides what it says, not which run was quicker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    pub runs: u32,
    /// Runs that needed a person.
    pub with_people: u32,
    pub crashes: u64,
    pub takeovers: u64,
    /// Orders and records of an older token that were turned away.
    pub stale_refused: u64,
    /// Writes of an older token that an unfenced driver took; corrected by the reconciler.
    pub stale_taken: u64,
    /// Seeds of runs that broke a promise, with the promise.
    pub broken: Vec<(u64, String)>,
    ends: BTreeMap<(usize, String), (u32, u64)>,
    took: Vec<Span>,
}

/// One way to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `None` for runs that did not end, which is a broken promise.
    pub outcome: Option<Outcome>,
    /// In words.
    pub summary: String,
    pub runs: u32,
    /// The first seed that ended so.
    pub seed: u64,
}

/// The best end first.
const ORDER: [Option<Outcome>; 5] =
    [Some(Outcome::Complete), Some(Outcome::Partial), Some(Outcome::Undone), Some(Outcome::PartlyUndone), None];

impl Overview {
    pub fn add(&mut self, report: Report) {
        let order = ORDER.iter().position(|outcome| *outcome == report.outcome).unwrap_or(ORDER.len());
        self.ends.entry((order, report.summary)).or_insert((0, report.seed)).0 += 1;
        self.runs += 1;
        self.took.push(report.took);
        self.with_people += u32::from(report.people > 0);
        self.crashes += u64::from(report.crashes);
        self.takeovers += u64::from(report.takeovers);
        self.stale_refused += u64::from(report.stale_refused);
        self.stale_taken += u64::from(report.stale_taken);
        self.broken.extend(report.broken.map(|promise| (report.seed, promise)));
    }

    /// Both together; `later` holds larger seeds.
    pub fn join(mut self, later: Self) -> Self {
        for (end, (count, seed)) in later.ends {
            self.ends.entry(end).or_insert((0, seed)).0 += count;
        }
        self.runs += later.runs;
        self.took.extend(later.took);
        self.with_people += later.with_people;
        self.crashes += later.crashes;
        self.takeovers += later.takeovers;
        self.stale_refused += later.stale_refused;
        self.stale_taken += later.stale_taken;
        self.broken.extend(later.broken);
        self
    }

    /// The best first, and of each kind the most frequent.
    pub fn ends(&self) -> Vec<End> {
        let mut ends: Vec<_> = self.ends.iter().collect();
        ends.sort_by_key(|((order, _), (count, _))| (*order, std::cmp::Reverse(*count)));
        let end = |((order, summary), (runs, seed)): (&(usize, String), &(u32, u64))| End {
            outcome: ORDER.get(*order).copied().flatten(),
            summary: summary.clone(),
            runs: *runs,
            seed: *seed,
        };
        ends.into_iter().map(end).collect()
    }

    /// Median, and what 19 of 20 do not exceed, in whole seconds.
    pub fn times(&self) -> (Span, Span) {
        let mut took = self.took.clone();
        took.sort();
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).copied();
        let whole = |span: Option<Span>| Span::from_secs(span.unwrap_or_default().secs());
        (whole(at(50)), whole(at(95)))
    }
}

/// One run for each seed from `first`, up to `end` without it.
pub fn overview(plan: &SagaPlan, faults: &Faults, first: u64, end: u64) -> Overview {
    let mut seen = Overview::default();
    (first..end).for_each(|seed| seen.add(rehearse(plan, faults, seed).report));
    seen
}
