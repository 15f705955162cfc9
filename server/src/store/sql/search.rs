//! Looking for decisions: by what stands in clear, and by words of their texts.

use super::link::{Link, args};
use super::log::read_decision;
use super::{Dialect, all};
use crate::store::Result;
use crate::store::rows::*;

/// What [`read_decision`] reads.
macro_rules! decision_columns {
    () => {
        "leaf_index, id, at, actor_key, actor_label, action, release, service, outcome, reason, evidence"
    };
}
pub(in crate::store) use decision_columns;

/// Where to look, and the first condition, which an index answers.
macro_rules! decisions_where {
    ($from:literal, $first:literal) => {
        concat!(
            "SELECT ",
            $crate::store::sql::search::decision_columns!(),
            " FROM ",
            $from,
            " WHERE ",
            $first,
            " AND leaf_index < $8",
            " AND ($1 IS NULL OR release = $1) AND ($2 IS NULL OR actor_key = $2) AND ($3 IS NULL OR action = $3)",
            " AND ($4 IS NULL OR outcome = $4) AND ($5 IS NULL OR service = $5)",
            " AND ($6 IS NULL OR at >= $6) AND ($7 IS NULL OR at < $7)",
            " AND ($10 = 0 OR action NOT IN ('read', 'step', 'observe'))",
            " ORDER BY leaf_index DESC LIMIT $9"
        )
    };
}
pub(in crate::store) use decisions_where;

const OF_RELEASE: &str = decisions_where!("decision", "release = $1");
const OF_ACTOR: &str = decisions_where!("decision", "actor_key = $2");
const OF_ACTION: &str = decisions_where!("decision", "action = $3");
const OF_SERVICE: &str = decisions_where!("decision", "service = $5");
const ALL: &str = decisions_where!("decision", "1 = 1");

pub(super) async fn decisions(link: Link<'_>, dialect: &Dialect, filter: &DecisionFilter) -> Result<Vec<DecisionRow>> {
    let DecisionFilter { release, actor_key, action, outcome, service, text, from, to, acts, before, limit } = filter;
    let before = before.unwrap_or(i64::MAX);
    let limit = if *limit == 0 { 50 } else { i64::from(*limit) };
    let service = service.as_ref().map(ToString::to_string);
    let mut values = args![*release, actor_key, action, outcome, &service, *from, *to, before, limit, *acts];
    let sql = match (text, filter) {
        (Some(text), _) => {
            let Some(query) = (dialect.query)(&words(text)) else { return Ok(Vec::new()) };
            values.extend(args![query]);
            dialect.search
        }
        (None, DecisionFilter { release: Some(_), .. }) => OF_RELEASE,
        (None, DecisionFilter { actor_key: Some(_), .. }) => OF_ACTOR,
        (None, DecisionFilter { service: Some(_), .. }) => OF_SERVICE,
        (None, DecisionFilter { action: Some(_), .. }) => OF_ACTION,
        (None, _) => ALL,
    };
    all(&link.all(sql, values).await?, read_decision)
}

/// More are not looked for, and not more of each: nobody types them. PostgreSQL's index has no longer ones.
const MOST_WORDS: usize = 16;
const MOST_LETTERS: usize = 64;

/// What stands between signs and spaces, in lower case: only letters and digits, so that nothing in it means anything to
/// a database.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let short = |word: &str| word.to_lowercase().chars().take(MOST_LETTERS).collect();
    words.take(MOST_WORDS).map(short).collect()
}

/// The query for these words, each the beginning of one. `None` for no words, which nothing matches.
pub(in crate::store) fn query(words: &[String], quote: char, after: &str, between: &str) -> Option<String> {
    let parts: Vec<String> = words.iter().map(|word| format!("{quote}{word}{quote}{after}")).collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_what_somebody_typed_then_only_its_words_reach_the_database() {
        let query = |text: &str| query(&words(text), '"', "*", " ");
        assert_eq!(query("Errors at 3 %, ÖGÜN").as_deref(), Some("\"errors\"* \"at\"* \"3\"* \"ögün\"*"));
        assert_eq!(query("a\" OR b:c* NEAR(d)").as_deref(), Some("\"a\"* \"or\"* \"b\"* \"c\"* \"near\"* \"d\"*"));
        assert_eq!(query("%_'\";--"), None);
        assert_eq!(words(&"a ".repeat(99)).len(), MOST_WORDS);
    }
}
