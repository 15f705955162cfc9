//! Looking for decisions: by what stands in clear, and by words of their texts. These are read one after the other from the
//! newest on; only those leave the database that can match as far as it can tell: it makes no letters small but those of ASCII.

use super::link::{Link, args};
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

/// The first condition is the one that an index answers. `$11` is what the texts must hold if words are looked for; of all
/// letters only `İ` becomes, made small, one of ASCII with something behind it.
macro_rules! decisions_where {
    ($first:literal, $find:literal) => {
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
            " AND ($11 IS NULL OR ",
            $find,
            "(lower(replace(reason || ' ' || actor_label || ' ' || coalesce(service, ''), 'İ', 'i')), $11) > 0)",
            " ORDER BY leaf_index DESC LIMIT $9"
        )
    };
}
pub(in crate::store) use decisions_where;

/// Decisions of something, newest first. Which statement is asked is said by what is looked for.
pub(in crate::store) struct Decisions {
    pub(in crate::store) of_release: &'static str,
    pub(in crate::store) of_actor: &'static str,
    pub(in crate::store) of_service: &'static str,
    pub(in crate::store) of_action: &'static str,
    pub(in crate::store) all: &'static str,
}

/// With the function that says where in a text another one begins, 0 if nowhere.
macro_rules! decisions_with {
    ($find:literal) => {
        $crate::store::sql::search::Decisions {
            of_release: $crate::store::sql::search::decisions_where!("release = $1", $find),
            of_actor: $crate::store::sql::search::decisions_where!("actor_key = $2", $find),
            of_service: $crate::store::sql::search::decisions_where!("service = $5", $find),
            of_action: $crate::store::sql::search::decisions_where!("action = $3", $find),
            all: $crate::store::sql::search::decisions_where!("1 = 1", $find),
        }
    };
}
pub(in crate::store) use decisions_with;

/// Rows that are read at once when words are looked for.
const PORTION: i64 = 4_096;

pub(super) async fn decisions(link: Link<'_>, dialect: &Dialect, filter: &DecisionFilter) -> Result<Vec<DecisionRow>> {
    let limit = if filter.limit == 0 { 50 } else { i64::from(filter.limit) };
    let before = filter.before.unwrap_or(i64::MAX);
    let Some(text) = &filter.text else {
        return read(link, dialect, filter, None, before, limit).await;
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
        let rows = read(link, dialect, filter, Some(words.piece()), before, portion).await?;
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

async fn read(
    link: Link<'_>,
    dialect: &Dialect,
    filter: &DecisionFilter,
    piece: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<DecisionRow>> {
    let sql = match filter {
        DecisionFilter { release: Some(_), .. } => dialect.decisions.of_release,
        DecisionFilter { actor_key: Some(_), .. } => dialect.decisions.of_actor,
        DecisionFilter { service: Some(_), .. } => dialect.decisions.of_service,
        DecisionFilter { action: Some(_), .. } => dialect.decisions.of_action,
        _ => dialect.decisions.all,
    };
    let DecisionFilter { release, actor_key, action, outcome, service, from, to, acts, .. } = filter;
    let (service, piece) = (service.as_ref().map(ToString::to_string), piece.map(str::to_owned));
    let values = args![*release, actor_key, action, outcome, &service, *from, *to, before, limit, *acts, &piece];
    all(&link.all(sql, values).await?, read_decision)
}
