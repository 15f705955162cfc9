//! The service as its metrics show it: requests split by the weight that the proxy really has, and what the metrics
//! server makes of it.

use super::chance::Chance;
use super::setup::{Quality, START};
use sternway_domain::plan::Weight;
use sternway_domain::signal::{InstanceReading, Reading, SourceFailure};
use sternway_domain::time::{Span, Timestamp};

/// Requests a second, both versions together.
const RATE: f64 = 1_000.0;
/// What always fails.
const USUAL: f64 = 0.001;
/// What fails of a bad candidate.
const BAD: f64 = 0.1;

/// What is wrong with the metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ill {
    Down,
    Misconfigured,
    /// The newest sample is of the moment it began.
    Stale,
    /// One instance is missing.
    Partial,
    NotANumber,
}

impl Ill {
    pub(crate) const ALL: [Ill; 5] = [Ill::Down, Ill::Misconfigured, Ill::Stale, Ill::Partial, Ill::NotANumber];
}

#[derive(Debug)]
pub(crate) struct Signals {
    quality: Quality,
    at: Timestamp,
    /// When the candidate took its first traffic.
    first: Option<Timestamp>,
    /// A hotfix runs in its place.
    mended: bool,
    /// As many fail as on average, without chance.
    pub(crate) even: bool,
    /// Requests and errors: two instances of the baseline, one of the candidate.
    counters: [(f64, f64); 3],
    pub(crate) ill: Option<(Ill, Timestamp, Timestamp)>,
    frozen: Option<Reading>,
}

impl Signals {
    pub(crate) fn new(quality: Quality) -> Self {
        let counters = [(1e6, 1e3), (1e6, 1e3), (10.0, 0.0)];
        Self { quality, at: START, first: None, mended: false, even: false, counters, ill: None, frozen: None }
    }

    pub(crate) fn mend(&mut self) {
        self.mended = true;
    }

    /// Since when the candidate has been bad, if it is: as long as it has had traffic.
    pub(crate) fn bad_since(&self) -> Option<Timestamp> {
        let first = self.first.filter(|_| !self.mended)?;
        match self.quality {
            Quality::Good => None,
            Quality::Bad => Some(first),
            Quality::Turns(after) => Some(first + after),
        }
    }

    /// Requests arrive up to this moment, under the weight that stood since the last.
    pub(crate) fn advance(&mut self, now: Timestamp, weight: Weight, chance: &mut Chance) {
        let span = now.since(self.at).secs_f64();
        if span <= 0.0 {
            return;
        }
        let bad = self.bad_since().is_some_and(|since| since <= now);
        self.at = now;
        let share = weight.ratio();
        if share > 0.0 {
            self.first.get_or_insert(now);
        }
        let shares =
            [(0.5 * (1.0 - share), USUAL), (0.5 * (1.0 - share), USUAL), (share, if bad { BAD } else { USUAL })];
        for ((requests, errors), (share, fails)) in self.counters.iter_mut().zip(shares) {
            let came = (RATE * span * share).floor();
            let mean = came * fails;
            *requests += came;
            let off = if self.even { 0.0 } else { mean.sqrt() * noise(chance) };
            *errors += (mean + off).round().clamp(0.0, came);
        }
    }

    /// A restart of the candidate's instance.
    pub(crate) fn restart(&mut self) {
        self.counters[2] = (0.0, 0.0);
    }

    /// What the source answers to whoever asks with this clock.
    pub(crate) fn read(&mut self, asked: Timestamp) -> Result<Reading, SourceFailure> {
        let ill = self.ill.filter(|(_, from, until)| (*from..*until).contains(&self.at)).map(|(ill, ..)| ill);
        let source_name = "metrics".to_owned();
        match ill {
            Some(Ill::Down) => return Err(SourceFailure::Down { source_name, detail: "refused".into() }),
            Some(Ill::Misconfigured) => {
                return Err(SourceFailure::Misconfigured { source_name, detail: "unknown metric".into() });
            }
            Some(Ill::Stale) => {
                let reading = self.reading(asked);
                return Ok(Reading { at: asked, ..self.frozen.get_or_insert(reading).clone() });
            }
            _ => self.frozen = None,
        }
        let mut reading = self.reading(asked);
        match ill {
            Some(Ill::Partial) => drop(reading.baseline.pop()),
            Some(Ill::NotANumber) => reading.canary[0].errors = Some(f64::NAN),
            _ => {}
        }
        Ok(reading)
    }

    fn reading(&self, asked: Timestamp) -> Reading {
        let at = self.at;
        let instance = |name: &str, (requests, errors): (f64, f64)| InstanceReading {
            instance: name.into(),
            at,
            requests: Some(requests),
            errors: Some(errors),
            ..InstanceReading::default()
        };
        let [one, two, canary] = self.counters;
        let baseline = vec![instance("b1", one), instance("b2", two)];
        Reading { at: asked, baseline, canary: vec![instance("c1", canary)], warnings: vec![] }
    }

    /// Something goes wrong with the metrics for a while.
    pub(crate) fn fall_ill(&mut self, now: Timestamp, how: Ill, last: Span) {
        if self.ill.is_none_or(|(.., until)| until <= now) {
            self.ill = Some((how, now, now + last));
            self.frozen = None;
        }
    }
}

/// About normal, around 0 with a deviation of 1.
fn noise(chance: &mut Chance) -> f64 {
    ((0..4).map(|_| chance.unit()).sum::<f64>() - 2.0) * 3f64.sqrt()
}
