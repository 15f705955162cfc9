//! What came out of the races, as Markdown.

use crate::cell::{Cell, said};
use crate::race::{EFFECTS, Race, Row};
use std::fmt::Write as _;

pub(crate) fn text<'a>(races: impl IntoIterator<Item = &'a Race>) -> String {
    let mut out = String::new();
    for race in races {
        let effects: Vec<&str> = EFFECTS.iter().map(|(name, _)| *name).collect();
        let _ = write!(
            out,
            "\n### {}\n\n| rule | false alarms | {} | harm of x5 | promoted after |\n|---|---|{}---|---|\n",
            race.title(),
            effects.join(" | "),
            "---|".repeat(effects.len())
        );
        for row in &race.rows {
            let _ = writeln!(out, "| {} |", of(row).join(" | "));
        }
        if !race.none.is_empty() {
            let _ = writeln!(out, "\nNo setting keeps 1 %: {}.", race.none.join(", "));
        }
    }
    out
}

fn of(row: &Row) -> Vec<String> {
    let mut all = vec![row.who.name(), alarms(&row.same)];
    for ((name, _), cell) in EFFECTS.iter().zip(&row.worse) {
        all.push(if name.starts_with("blip") { format!("{:.1} %", cell.rate().0 * 100.0) } else { cell.said() });
    }
    all.push(row.worse.first().map_or("–".to_owned(), |cell| format!("{:.0}", cell.harm())));
    let promotions = row.same.promotions();
    let any = promotions.iter().any(|minutes| minutes.is_finite());
    all.push(if any { said(&promotions) } else { "–".to_owned() });
    all
}

/// `0.02 % (0.01–0.14)`.
pub(crate) fn alarms(cell: &Cell) -> String {
    let (rate, low, high) = cell.rate();
    format!("{:.2} % ({:.2}–{:.2})", rate * 100.0, low * 100.0, high * 100.0)
}
