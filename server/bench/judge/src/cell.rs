//! Outcomes of many releases under the same circumstances.

use crate::ours::Decided;
use crate::world::{Seen, TICK};

#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) runs: u64,
    early: u64,
    /// Minutes from onset to rollback.
    delays: Vec<f64>,
    /// Failed requests beyond the usual until the rollback, or all of them.
    harms: Vec<f64>,
    /// Minutes until it could have been promoted.
    promotions: Vec<f64>,
}

/// Minutes at the end of a tick.
pub(crate) fn minutes(ticks: usize) -> f64 {
    ticks as f64 * TICK / 60.0
}

impl Cell {
    pub(crate) fn add(&mut self, decided: Decided, onset: usize, ticks: &[Seen]) {
        self.runs += 1;
        match decided.back {
            Some(tick) if tick < onset => self.early += 1,
            Some(tick) => self.delays.push(minutes(tick + 1 - onset)),
            None => {}
        }
        self.promotions.extend(decided.promote.map(|tick| minutes(tick + 1)));
        let until = decided.back.map_or(ticks.len(), |tick| tick + 1).min(ticks.len());
        let extra = |seen: &Seen| seen.sums().0 - seen.usual;
        self.harms.push(ticks[..until].iter().map(extra).sum::<f64>().max(0.0));
    }

    /// With those never caught counted as so many minutes.
    pub(crate) fn mean_delay(&self, missed: f64) -> f64 {
        let caught: f64 = self.delays.iter().sum();
        (caught + (self.runs - self.delays.len() as u64) as f64 * missed) / self.runs.max(1) as f64
    }

    /// Share rolled back, with its 95 % interval.
    pub(crate) fn rate(&self) -> (f64, f64, f64) {
        wilson(self.delays.len() as u64 + self.early, self.runs)
    }

    /// Share rolled back before there was anything wrong.
    pub(crate) fn early(&self) -> f64 {
        self.early as f64 / self.runs.max(1) as f64
    }

    /// Of all delays, shortest first; infinite where nothing was noticed.
    pub(crate) fn delays(&self) -> Vec<f64> {
        filled(&self.delays, (self.runs - self.early) as usize)
    }

    pub(crate) fn promotions(&self) -> Vec<f64> {
        filled(&self.promotions, self.runs as usize)
    }

    pub(crate) fn harm(&self) -> f64 {
        at(&filled(&self.harms, 0), 0.5)
    }

    /// `1.2 / 1.8, 3.0 % missed`.
    pub(crate) fn said(&self) -> String {
        if self.runs == 0 {
            return "–".to_owned();
        }
        let early = if self.early > 0 { format!(", {:.1} % early", 100.0 * self.early()) } else { String::new() };
        said(&self.delays()) + &early
    }
}

/// Median and 95 % of times in minutes, shortest first, and how many never came.
pub(crate) fn said(all: &[f64]) -> String {
    let text = |value: f64| if value.is_finite() { format!("{value:.1}") } else { "∞".to_owned() };
    let missed = all.iter().filter(|one| one.is_infinite()).count() as f64 / all.len().max(1) as f64;
    let miss = if missed > 0.0 { format!(", {:.1} % missed", missed * 100.0) } else { String::new() };
    format!("{} / {}{miss}", text(at(all, 0.5)), text(at(all, 0.95)))
}

fn filled(found: &[f64], all: usize) -> Vec<f64> {
    let mut sorted = found.to_vec();
    sorted.resize(all.max(found.len()), f64::INFINITY);
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value at a quantile of sorted ones.
pub(crate) fn at(sorted: &[f64], q: f64) -> f64 {
    sorted.get(((sorted.len() as f64 - 1.0) * q).round() as usize).copied().unwrap_or(f64::INFINITY)
}

/// Share and its 95 % interval (Wilson 1927).
pub(crate) fn wilson(hits: u64, runs: u64) -> (f64, f64, f64) {
    if runs == 0 {
        return (0.0, 0.0, 1.0);
    }
    let (n, p, z) = (runs as f64, hits as f64 / runs as f64, 1.96_f64);
    let middle = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let below = 1.0 + z * z / n;
    (p, ((middle - half) / below).max(0.0), (middle + half) / below)
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn no_alarm_in_four_thousand_is_not_never() {
        let (rate, low, high) = wilson(0, 4000);
        assert!(rate == 0.0 && low == 0.0 && (high - 0.00096).abs() < 1e-4, "{high}");
    }
}
