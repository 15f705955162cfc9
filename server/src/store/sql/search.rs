//! Looking for decisions: by what stands in clear, and by words of their texts. These are read one after the other from the
//! newest on, and only those that can match leave the database.

use super::link::{Link, Value, args};
use super::log::read_decision;
use super::{Dialect, all};
use crate::store::Result;
use crate::store::rows::*;
use sternway_domain::audit::words::Words;

/// What [`read_decision`] reads.
macro_rules! decision_columns {
    () => {
        "leaf_index, id, at, actor_key, actor_label, action, release, service, outcome, reason, evidence"
    };
}
pub(in crate::store) use decision_columns;

/// The first condition is the one that an index answers, or that leaves few.
macro_rules! decisions_where {
    ($first:literal) => {
        concat!(
            "SELECT ",
            $crate::store::sql::search::decision_columns!(),
            " FROM decision WHERE ",
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

const OF_RELEASE: &str = decisions_where!("release = $1");
const OF_ACTOR: &str = decisions_where!("actor_key = $2");
const OF_ACTION: &str = decisions_where!("action = $3");
const OF_SERVICE: &str = decisions_where!("service = $5");
const ALL: &str = decisions_where!("1 = 1");

/// Rows that are read at once when words are looked for.
const PORTION: i64 = 4_096;

pub(super) async fn decisions(link: Link<'_>, dialect: &Dialect, filter: &DecisionFilter) -> Result<Vec<DecisionRow>> {
    let limit = if filter.limit == 0 { 50 } else { i64::from(filter.limit) };
    let before = filter.before.unwrap_or(i64::MAX);
    let Some(text) = &filter.text else {
        let (sql, values) = (indexed(filter).unwrap_or(ALL), values(filter, before, limit));
        return all(&link.all(sql, values).await?, read_decision);
    };
    match Words::typed(text) {
        Some(words) => matching(link, dialect, filter, &words, before, limit).await,
        None => Ok(Vec::new()),
    }
}

/// From the newest on, portion by portion: mostly the first one has as many as are wanted.
async fn matching(
    link: Link<'_>,
    dialect: &Dialect,
    filter: &DecisionFilter,
    words: &Words,
    mut before: i64,
    limit: i64,
) -> Result<Vec<DecisionRow>> {
    let (mut found, mut portion) = (Vec::new(), limit.min(PORTION));
    loop {
        let mut values = values(filter, before, portion);
        let sql = indexed(filter).unwrap_or_else(|| {
            values.extend(args![words.piece()]);
            dialect.search
        });
        let rows = all(&link.all(sql, values).await?, read_decision)?;
        let more = rows.last().map(|last| last.leaf_index).filter(|_| rows.len() as i64 == portion);
        let says = |row: &DecisionRow| {
            let service = row.service.as_ref().map_or("", |name| name.as_str());
            words.are_in(&[&row.reason, &row.actor_label, service])
        };
        found.extend(rows.into_iter().filter(says).take(limit as usize - found.len()));
        match more.filter(|_| (found.len() as i64) < limit) {
            Some(last) => before = last,
            None => return Ok(found),
        }
        portion = (portion * 2).min(PORTION);
    }
}

/// The statement that an index answers.
fn indexed(filter: &DecisionFilter) -> Option<&'static str> {
    match filter {
        DecisionFilter { release: Some(_), .. } => Some(OF_RELEASE),
        DecisionFilter { actor_key: Some(_), .. } => Some(OF_ACTOR),
        DecisionFilter { service: Some(_), .. } => Some(OF_SERVICE),
        DecisionFilter { action: Some(_), .. } => Some(OF_ACTION),
        _ => None,
    }
}

fn values(filter: &DecisionFilter, before: i64, limit: i64) -> Vec<Value> {
    let DecisionFilter { release, actor_key, action, outcome, service, from, to, acts, .. } = filter;
    let service = service.as_ref().map(ToString::to_string);
    args![*release, actor_key, action, outcome, &service, *from, *to, before, limit, *acts]
}
