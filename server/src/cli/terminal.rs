//! What people see in a terminal: tables that fit it, colour only there and never the only sign, times in UTC.

use comfy_table::{Cell, Color, ContentArrangement, Table};
use std::io::{IsTerminal, Write};
use sternway_domain::time::Timestamp;

/// No-break space: between a number and its unit.
pub(super) const NBSP: char = '\u{a0}';

/// One line (or several) on standard output. A reader that has gone away is no failure.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line (or several) on standard error.
pub(super) fn complain(text: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// Without what would move the cursor, change colours or turn the direction of reading: names and reasons come from
/// other people.
pub(super) fn clean(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                ' '
            } else if unseen(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Whether standard output is a terminal.
pub(super) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether colours are wanted there: <https://no-color.org>.
pub(super) fn coloured() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal, if it is one.
pub(super) fn width() -> Option<usize> {
    Table::new().width().map(usize::from)
}

/// A table without lines, as wide as the terminal at most; elsewhere as wide as it needs.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !coloured() {
        table.force_no_tty();
        if let Some(width) = width() {
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
    }
    if !header.is_empty() {
        table.set_header(header.iter().map(|text| Cell::new(text).add_attribute(comfy_table::Attribute::Bold)));
    }
    table
}

/// The table as text, without spaces at the ends of lines.
pub(super) fn text(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// A word with the colour it has on the pages; the word says it alone, too.
pub(super) fn toned(word: &str) -> Cell {
    let colour = match word {
        "pass" | "promoted" | "accepted" | "done" => Color::Green,
        "fail" | "rolling back" | "partially rolled back" | "refused" => Color::Red,
        "suspect" | "holding" | "frozen" | "no data" | "provider down" | "config error" => Color::Yellow,
        "running" | "rolling forward" => Color::Cyan,
        _ => return Cell::new(word),
    };
    Cell::new(word).fg(colour)
}

/// `rolling_back` as `rolling back`.
pub(super) fn words(name: &str) -> String {
    clean(name).replace('_', " ")
}

/// `2026-11-19 14:03:10`, UTC.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{} {}", at.date(), at.clock())
}

/// The same from RFC 3339; what is none is shown as it is.
pub(super) fn moment_of(text: &str) -> String {
    text.parse().map_or_else(|_| clean(text), moment)
}

/// `25 %`.
pub(super) fn percent(value: u8) -> String {
    format!("{value}{NBSP}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_text_that_would_move_the_cursor_when_cleaned_then_it_only_shows() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd"), "a\u{fffd}[2Jb\u{fffd}c d");
        assert_eq!(clean("Größe 25\u{a0}% → 50\u{a0}%"), "Größe 25\u{a0}% → 50\u{a0}%");
    }

    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(moment_of("2026-11-19T16:03:10.5+02:00"), "2026-11-19 14:03:10");
        assert_eq!(moment_of("soon"), "soon");
    }
}
