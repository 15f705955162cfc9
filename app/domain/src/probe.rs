//! A question whose answer says whether something works: asked by a saga's step and by the proof of recovery.
//!
//! Here are only what is asked and which answer is good; asking is the server's work.

use crate::id::ConnectionName;
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// What people call it, unique within its list: `login works`.
    pub name: String,
    pub ask: Ask,
    /// Longest wait for the answer.
    #[serde(default = "Probe::default_timeout")]
    pub timeout: Span,
}

impl Probe {
    fn default_timeout() -> Span {
        Span::from_secs(5)
    }
}

/// How it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// A GET; good when the answer has this status and, if asked for, this text in the first 256 KiB of its body.
    Http {
        url: String,
        #[serde(default = "ok")]
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
    },
    /// `host:port`; good when it accepts a connection.
    Tcp { address: String },
    /// One read-only statement that gives one row with one number.
    Sql { connection: ConnectionName, query: String, expect: Expect },
    /// An instant query at the service's own source that gives one number.
    Promql { query: String, expect: Expect },
}

fn ok() -> u16 {
    200
}

/// Which number is good. The unit is that of the query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    Equals(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Expect {
    /// Whether this number is good. NaN never is.
    pub fn met(self, value: f64) -> bool {
        match self {
            Expect::Equals(wanted) => value == wanted,
            Expect::AtMost(most) => value <= most,
            Expect::AtLeast(least) => value >= least,
        }
    }

    /// For people: `at most 0`.
    pub fn words(self) -> String {
        match self {
            Expect::Equals(wanted) => format!("exactly {wanted}"),
            Expect::AtMost(most) => format!("at most {most}"),
            Expect::AtLeast(least) => format!("at least {least}"),
        }
    }
}

/// Why a statement is not run. The database's own read-only transaction stands behind this check, not instead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("the query is empty; write one `SELECT`")]
    Empty,
    #[error("the query has more than one statement; write one `SELECT` without `;` inside")]
    Several,
    #[error("the query does not begin with `SELECT` or `WITH`; a validation only reads")]
    NotReading,
    #[error("the query has more than 10,000 characters")]
    TooLong,
}

/// Whether a text looks like one reading statement. A `;` inside quotes is taken for a separator too: rather refuse.
pub fn check_query(query: &str) -> Result<(), QueryError> {
    let text = query.trim().trim_end_matches(';').trim_end();
    if text.is_empty() {
        return Err(QueryError::Empty);
    }
    if text.chars().count() > 10_000 {
        return Err(QueryError::TooLong);
    }
    if text.contains(';') {
        return Err(QueryError::Several);
    }
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    if first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with") {
        Ok(())
    } else {
        Err(QueryError::NotReading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_reading_statement_is_taken() {
        assert_eq!(check_query(" select count(*) from orders where total < 0 ; "), Ok(()));
        assert_eq!(check_query("WITH x AS (SELECT 1) SELECT * FROM x"), Ok(()));
        let wrong = [
            ("", QueryError::Empty),
            (";", QueryError::Empty),
            ("SELECT 1; DROP TABLE orders", QueryError::Several),
            ("DELETE FROM orders", QueryError::NotReading),
            ("-- hi\nSELECT 1", QueryError::NotReading),
            ("selection", QueryError::NotReading),
        ];
        for (query, why) in wrong {
            assert_eq!(check_query(query), Err(why), "{query}");
        }
    }

    #[test]
    fn a_number_that_is_none_meets_nothing() {
        for expect in [Expect::Equals(f64::NAN), Expect::AtMost(1.0), Expect::AtLeast(0.0)] {
            assert!(!expect.met(f64::NAN), "{expect:?}");
        }
        assert!(Expect::AtMost(0.0).met(0.0) && !Expect::AtMost(0.0).met(0.1));
    }
}
