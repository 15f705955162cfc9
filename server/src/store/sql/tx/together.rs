//! The text of several statements as one message: a script for SQLite, one query for PostgreSQL.

use super::{BEGIN, COMMIT, Unmet};
use crate::store::sql::link::{Back, Leaf, Value};
use crate::store::sql::tree::WIDTH;
use std::fmt::Write as _;

/// Takes `$1` numbers for events and `$2` for entries, and keeps the row until the commit: from here on commits go one by
/// one.
pub(super) const ADVANCE: &str = "UPDATE log_head SET position = position + $1, leaves = leaves + $2 WHERE one = 1";
const NUMBERS: &str = " RETURNING position, leaves";

/// A statement that nobody needs an answer of before the next one goes out.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) sql: &'static str,
    /// Its parameters, from `$1` on.
    pub(super) values: Vec<Value>,
    /// What people call the row, should it be there already.
    pub(super) what: Option<String>,
    /// What it means that no row was written.
    pub(super) unmet: Option<Unmet>,
}

impl Part {
    pub(super) fn plain(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, what: None, unmet: None }
    }

    /// Whether it writes to this table.
    pub(super) fn is_of(&self, table: &str) -> bool {
        let mut words = self.sql.split_whitespace();
        let of = match words.next() {
            Some("INSERT" | "DELETE") => words.nth(1),
            Some("UPDATE") => words.next(),
            _ => None,
        };
        of == Some(table)
    }

    /// Whether it takes the next numbers.
    pub(super) fn numbers(&self) -> bool {
        self.sql == ADVANCE
    }

    fn adds_an_entry(&self) -> bool {
        self.numbers() && self.values.get(1) == Some(&Value::from(1))
    }
}

/// What stands in a script, one statement after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Begin,
    Part(usize),
    /// Fails if that part wrote no row.
    Met(usize),
    /// Fails if the entry ends a tile of the log.
    Within,
    Commit,
}

/// For SQLite: the parts one after the other, with the parameters of all counted through. What has to write a row and does not
/// ends the script.
///
/// At once: all of the transaction, with its end; then an entry must not end a tile: more is to be written with that one.
pub(super) fn script(parts: &[Part], begins: bool, at_once: bool) -> (String, Vec<Place>) {
    let mut places = Vec::from_iter(begins.then_some(Place::Begin));
    for (n, part) in parts.iter().enumerate() {
        places.push(Place::Part(n));
        places.extend(part.unmet.is_some().then_some(Place::Met(n)));
        places.extend((at_once && part.adds_an_entry()).then_some(Place::Within));
    }
    places.extend(at_once.then_some(Place::Commit));
    let (mut text, mut before) = (String::new(), 0);
    for place in &places {
        match place {
            Place::Begin => text.push_str(BEGIN),
            Place::Part(n) => {
                before = shifted(&mut text, &parts[*n], "log_head", before);
                text.push_str(if parts[*n].numbers() { NUMBERS } else { "" });
            }
            Place::Met(_) => {
                let _ = write!(text, "SELECT 1 WHERE {}", not_zero("changes()"));
            }
            Place::Within => {
                let _ = write!(text, "SELECT 1 FROM log_head WHERE {}", not_zero(&format!("leaves % {WIDTH}")));
            }
            Place::Commit => text.push_str(COMMIT),
        }
        text.push_str(";\n");
    }
    (text, places)
}

/// A condition that never holds, and fails if that is 0: the smallest number has no absolute value. SQLite has no other way to
/// fail on purpose that would not need something of the schema, which somebody may have changed.
fn not_zero(what: &str) -> String {
    format!("abs({what} + {}) < 0", i64::MIN)
}

/// Whether that is how it failed.
pub(super) fn is_zero(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message() == "integer overflow")
}

/// One row: for each statement how many rows it wrote, as `w0`, `w1` and so on; then `position` and `leaves`, if one of the
/// statements takes numbers. The others may have these among their parameters.
///
/// All counts are read, one after the other: PostgreSQL runs such parts when they are first read (and those that nobody reads
/// at the end, the last one first), so that rows are locked and numbered in the order given. Before numbers are taken every
/// statement before has to have done what is asked of it, else `refuse_unmet` ends the whole, with its place.
///
/// At once: all of the transaction; then an entry must not end a tile, else the place is -1: more is to be written with that one.
pub(super) fn query(parts: &[Part], at_once: bool) -> String {
    let (mut text, mut reads, mut before) = (String::new(), Vec::new(), 0);
    for (n, part) in parts.iter().enumerate() {
        text.push_str(if n == 0 { "WITH " } else { ", " });
        let name = if part.numbers() { "head".to_owned() } else { format!("w{n}") };
        let _ = write!(text, "{name} AS (");
        before = shifted(&mut text, part, "head", before);
        if part.numbers() {
            for (n, _) in parts[..n].iter().enumerate().filter(|(_, part)| part.unmet.is_some()) {
                refuse(&mut text, &format!("(SELECT count(*) FROM w{n}) = 0"), n as i64);
            }
            if at_once && part.adds_an_entry() {
                refuse(&mut text, &format!("(leaves + 1) % {WIDTH} = 0"), -1);
            }
            text.push_str(NUMBERS);
            reads.push("(SELECT position FROM head) AS position, (SELECT leaves FROM head) AS leaves".to_owned());
        } else {
            text.push_str(if part.sql.starts_with("SELECT") { "" } else { " RETURNING 1" });
            reads.push(format!("(SELECT count(*) FROM {name}) AS {name}"));
        }
        text.push(')');
    }
    let _ = write!(text, " SELECT {}", reads.join(", "));
    text
}

fn refuse(into: &mut String, when: &str, place: i64) {
    let _ = write!(into, " AND CASE WHEN {when} THEN refuse_unmet({place}) ELSE true END");
}

/// Writes a statement with its parameters counted on from `before`, and in the places of numbers where they are found. Gives the
/// number of its last parameter.
fn shifted(into: &mut String, part: &Part, head: &str, before: usize) -> usize {
    let mut pieces = part.sql.split('$');
    into.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let number = piece[..digits].parse::<usize>().ok();
        match number.and_then(|number| part.values.get(..number)) {
            Some([.., Value::Numbered(number)]) => {
                let _ = match number {
                    Leaf => write!(into, "((SELECT leaves FROM {head}) - 1)"),
                    Back(many) => write!(into, "((SELECT position FROM {head}) - {many})"),
                };
            }
            Some(values) => {
                let _ = write!(into, "${}", before + sent(values));
            }
            None => {
                into.push('$');
                into.push_str(&piece[..digits]);
            }
        }
        into.push_str(&piece[digits..]);
    }
    before + sent(&part.values)
}

/// How many of them go to the database beside the text.
fn sent(values: &[Value]) -> usize {
    values.iter().filter(|value| !matches!(value, Value::Numbered(_))).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::link::args;

    fn parts() -> Vec<Part> {
        let add = Part::plain("INSERT INTO a (x, y) VALUES ($1, $2)", args![1, 2]);
        let change = "UPDATE b SET x = $2 WHERE id = $1 AND y ->> '$.z' = '$'";
        let change = Part { unmet: Some(Unmet::Key), ..Part::plain(change, args![1, 2]) };
        let head = Part::plain(ADVANCE, args![3, 1]);
        let leaf = Part::plain("INSERT INTO c (x, y, z) VALUES ($1, $2, $3)", args![Leaf, "y", Back(2)]);
        vec![add, change, head, leaf, Part::plain("SELECT d('e', $1)", args!["f"])]
    }

    #[test]
    fn one_script_counts_parameters_through_and_leaves_other_dollars_alone() {
        let (script, places) = script(&parts(), true, true);
        assert_eq!(
            script,
            "BEGIN IMMEDIATE;\n\
             INSERT INTO a (x, y) VALUES ($1, $2);\n\
             UPDATE b SET x = $4 WHERE id = $3 AND y ->> '$.z' = '$';\n\
             SELECT 1 WHERE abs(changes() + -9223372036854775808) < 0;\n\
             UPDATE log_head SET position = position + $5, leaves = leaves + $6 WHERE one = 1 RETURNING position, leaves;\n\
             SELECT 1 FROM log_head WHERE abs(leaves % 256 + -9223372036854775808) < 0;\n\
             INSERT INTO c (x, y, z) VALUES (((SELECT leaves FROM log_head) - 1), $7, \
             ((SELECT position FROM log_head) - 2));\n\
             SELECT d('e', $8);\n\
             COMMIT;\n"
        );
        use Place::{Begin, Commit, Met, Part, Within};
        assert_eq!(places, [Begin, Part(0), Part(1), Met(1), Part(2), Within, Part(3), Part(4), Commit]);
    }

    #[test]
    fn what_goes_on_neither_commits_nor_minds_where_a_tile_ends() {
        let (script, _) = script(&parts(), false, false);
        assert!(!script.contains("BEGIN") && !script.contains("256") && script.contains("changes()"), "{script}");
        assert!(!script.contains("COMMIT"), "{script}");
        let query = query(&parts(), false);
        assert!(!query.contains("256") && query.contains("refuse_unmet(1)"), "{query}");
    }

    #[test]
    fn one_query_counts_in_order_and_refuses_before_numbers_are_taken() {
        assert_eq!(
            query(&parts(), true),
            "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2) RETURNING 1), \
             w1 AS (UPDATE b SET x = $4 WHERE id = $3 AND y ->> '$.z' = '$' RETURNING 1), \
             head AS (UPDATE log_head SET position = position + $5, leaves = leaves + $6 WHERE one = 1 \
             AND CASE WHEN (SELECT count(*) FROM w1) = 0 THEN refuse_unmet(1) ELSE true END \
             AND CASE WHEN (leaves + 1) % 256 = 0 THEN refuse_unmet(-1) ELSE true END RETURNING position, leaves), \
             w3 AS (INSERT INTO c (x, y, z) VALUES (((SELECT leaves FROM head) - 1), $7, ((SELECT position FROM head) - 2)) \
             RETURNING 1), w4 AS (SELECT d('e', $8)) \
             SELECT (SELECT count(*) FROM w0) AS w0, (SELECT count(*) FROM w1) AS w1, \
             (SELECT position FROM head) AS position, (SELECT leaves FROM head) AS leaves, \
             (SELECT count(*) FROM w3) AS w3, (SELECT count(*) FROM w4) AS w4"
        );
        let none = query(&[Part::plain(ADVANCE, args![1, 0])], true);
        assert!(!none.contains("refuse_unmet"), "{none}");
    }

    #[test]
    fn a_statement_knows_its_table() {
        let [add, change, ..] = &parts()[..] else { panic!("there are two") };
        assert!(add.is_of("a") && change.is_of("b") && !change.is_of("a"));
    }
}
