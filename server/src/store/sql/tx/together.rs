//! The text of several statements as one message: a script for SQLite, one query for PostgreSQL.

use std::fmt::Write as _;

/// A statement with parameters of its own, from `$1` to `$values`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) sql: &'static str,
    pub(super) values: usize,
}

impl Part {
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
}

/// One after the other, with the parameters of all counted through.
pub(super) fn script<'a>(parts: impl Iterator<Item = &'a Part>) -> String {
    let (mut text, mut before) = (String::new(), 0);
    for part in parts {
        if !text.is_empty() {
            text.push_str(";\n");
        }
        shifted(&mut text, part.sql, before);
        before += part.values;
    }
    text
}

/// One row: how many rows each statement that waited wrote, then the columns of the last one.
///
/// All counts are read, one after the other and before the last one: PostgreSQL runs such parts when they are first read
/// (and those that nobody reads at the end, the last one first), so that rows are locked and numbered in the order given.
pub(super) fn query(waiting: &[Part], last: Option<&Part>) -> String {
    let (mut text, mut counts, mut before) = (String::new(), Vec::new(), 0);
    for (n, part) in waiting.iter().enumerate() {
        text.push_str(if n == 0 { "WITH " } else { ", " });
        let _ = write!(text, "w{n} AS (");
        shifted(&mut text, part.sql, before);
        text.push_str(" RETURNING 1)");
        counts.push(format!("(SELECT count(*) FROM w{n}) AS w{n}"));
        before += part.values;
    }
    let counts = counts.join(", ");
    let Some(last) = last else {
        let _ = write!(text, " SELECT {counts}");
        return text;
    };
    text.push_str(", answer AS (");
    shifted(&mut text, last.sql, before);
    // Without `OFFSET` the counts would be read together with the answer.
    let _ = write!(text, ") SELECT c.*, answer.* FROM (SELECT {counts} OFFSET 0) AS c LEFT JOIN answer ON true");
    text
}

/// Writes a statement with its parameters counted on from `before`.
fn shifted(into: &mut String, sql: &str, before: usize) {
    let mut pieces = sql.split('$');
    into.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        into.push('$');
        match piece[..digits].parse::<usize>() {
            Ok(number) => {
                let _ = write!(into, "{}", number + before);
            }
            Err(_) => into.push_str(&piece[..digits]),
        }
        into.push_str(&piece[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: Part = Part { sql: "INSERT INTO a (x, y) VALUES ($1, $2)", values: 2 };
    const MOVE: Part = Part { sql: "UPDATE b SET x = $2 WHERE id = $1 AND y ->> '$.z' = '$'", values: 2 };
    const HEAD: Part = Part { sql: "UPDATE head SET n = n + $1 RETURNING n", values: 1 };

    #[test]
    fn parameters_are_counted_through_and_other_dollars_left_alone() {
        assert_eq!(
            script([ADD, MOVE, HEAD].iter()),
            "INSERT INTO a (x, y) VALUES ($1, $2);\n\
             UPDATE b SET x = $4 WHERE id = $3 AND y ->> '$.z' = '$';\n\
             UPDATE head SET n = n + $5 RETURNING n"
        );
    }

    #[test]
    fn one_query_counts_before_it_answers() {
        assert_eq!(
            query(&[ADD, MOVE], Some(&HEAD)),
            "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2) RETURNING 1), \
             w1 AS (UPDATE b SET x = $4 WHERE id = $3 AND y ->> '$.z' = '$' RETURNING 1), \
             answer AS (UPDATE head SET n = n + $5 RETURNING n) \
             SELECT c.*, answer.* FROM (SELECT (SELECT count(*) FROM w0) AS w0, (SELECT count(*) FROM w1) AS w1 OFFSET 0) \
             AS c LEFT JOIN answer ON true"
        );
        assert_eq!(
            query(&[ADD], None),
            "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2) RETURNING 1) SELECT (SELECT count(*) FROM w0) AS w0"
        );
    }

    #[test]
    fn a_statement_knows_its_table() {
        assert!(ADD.is_of("a") && MOVE.is_of("b") && !MOVE.is_of("a"));
    }
}
