//! What came out, as a Markdown table.

use crate::world::{Seen, TICK};
use std::fmt::Write as _;
use std::path::Path;

/// Outcomes of many runs of one cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    runs: u64,
    early: u64,
    /// Minutes from onset to rollback.
    delays: Vec<f64>,
    /// Failed requests beyond the usual until the rollback, or all of them.
    harms: Vec<f64>,
}

impl Cell {
    pub(crate) fn add(&mut self, alarm: Option<usize>, onset: usize, ticks: &[Seen]) {
        self.runs += 1;
        match alarm {
            Some(tick) if tick < onset => self.early += 1,
            Some(tick) => self.delays.push((tick + 1 - onset) as f64 * TICK / 60.0),
            None => {}
        }
        let until = alarm.map_or(ticks.len(), |tick| tick + 1);
        let extra = |seen: &Seen| seen.sums().0 - seen.usual;
        self.harms.push(ticks[..until].iter().map(extra).sum::<f64>().max(0.0));
    }

    /// With those never caught counted as so many minutes.
    pub(crate) fn mean_delay(&self, missed: f64) -> f64 {
        let caught: f64 = self.delays.iter().sum();
        (caught + (self.runs - self.delays.len() as u64) as f64 * missed) / self.runs.max(1) as f64
    }

    fn rate(&self) -> (f64, f64, f64) {
        wilson(self.delays.len() as u64 + self.early, self.runs)
    }

    fn delay(&self) -> String {
        if self.runs == 0 {
            return "–".to_owned();
        }
        let mut all = self.delays.clone();
        let regular = self.runs - self.early;
        all.resize(usize::try_from(regular).unwrap_or(0).max(all.len()), f64::INFINITY);
        all.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let value = all.get(((all.len() as f64 - 1.0) * q).round() as usize).copied().unwrap_or(f64::INFINITY);
            if value.is_finite() { format!("{value:.1}") } else { "∞".to_owned() }
        };
        let missed = all.iter().filter(|delay| delay.is_infinite()).count() as f64 / all.len().max(1) as f64;
        let early = if self.early > 0 {
            format!(", {:.1} % early", 100.0 * self.early as f64 / self.runs as f64)
        } else {
            String::new()
        };
        let miss = if missed > 0.0 { format!(", {:.1} % missed", missed * 100.0) } else { String::new() };
        format!("{} / {}{miss}{early}", at(0.5), at(0.95))
    }

    fn harm(&self) -> String {
        let mut all = self.harms.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).map_or("–".to_owned(), |harm| format!("{harm:.0}"))
    }
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

pub(crate) struct Report {
    runs: u64,
    sections: Vec<(String, Vec<Vec<String>>)>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(runs: u64) -> Report {
        Report { runs, sections: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn note(&mut self, title: &str, text: String) {
        self.notes.push(format!("{title}: {text}"));
    }

    pub(crate) fn row(&mut self, title: &str, name: String, same: Cell, cells: Vec<(&str, Cell)>) {
        let (rate, low, high) = same.rate();
        let alarms = if same.runs == 0 {
            "–".to_owned()
        } else {
            format!("{:.2} % ({:.2}–{:.2})", rate * 100.0, low * 100.0, high * 100.0)
        };
        let mut row = vec![name, alarms];
        for (effect, cell) in &cells {
            row.push(if effect.starts_with("blip") { format!("{:.1} %", cell.rate().0 * 100.0) } else { cell.delay() });
        }
        row.resize(7, "–".to_owned());
        row.push(cells.first().map_or("–".to_owned(), |(_, cell)| cell.harm()));
        if self.sections.last().is_none_or(|(last, _)| last != title) {
            self.sections.push((title.to_owned(), Vec::new()));
        }
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(row);
        }
    }

    fn text(&self) -> String {
        let mut out = format!(
            "Delay: minutes from the beginning of the fault to the rollback, median / 95 %. {} releases of an hour without a \
             fault and {} per fault (Kayenta an eighth and a sixteenth). False alarms with their 95 % interval.\n",
            self.runs,
            self.runs / 4
        );
        for (title, rows) in &self.sections {
            let _ = write!(
                out,
                "\n### {title}\n\n| rule | false alarms | x5 | x2 | x5 at 20 min | x1 to x5 in 30 min | rolled back by a 30 s blip | harm of x5 |\n|---|---|---|---|---|---|---|---|\n"
            );
            for row in rows {
                let _ = writeln!(out, "| {} |", row.join(" | "));
            }
        }
        for note in &self.notes {
            let _ = writeln!(out, "\n{note}");
        }
        out
    }

    pub(crate) fn write(&self, folder: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
        match folder {
            None => print!("{}", self.text()),
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                std::fs::write(folder.join("measured.md"), self.text())?;
            }
        }
        Ok(())
    }
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
