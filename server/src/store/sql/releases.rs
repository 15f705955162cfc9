//! The folds, looked up by what the board filters.

use super::all;
use super::link::{Link, Row, args};
use crate::store::Result;
use crate::store::rows::{ReleaseFilter, ReleaseRow};
use sternway_domain::id::ReleaseId;

/// The first condition is the one an index answers.
macro_rules! list {
    ($first:literal) => {
        concat!(
            "SELECT id, version, service, state, active, created_at, updated_at, body FROM release WHERE ",
            $first,
            " AND ($1 IS NULL OR state = $1) AND ($2 IS NULL OR service = $2) AND ($3 IS NULL OR active = $3)",
            " AND ($4 IS NULL OR updated_at >= $4) AND ($5 IS NULL OR (created_at, id) < ($5, $6))",
            " ORDER BY created_at DESC, id DESC LIMIT $7"
        )
    };
}

const ACTIVE: &str = list!("active = 1");
const OF_SERVICE: &str = list!("service = $2");
const ALL: &str = list!("1 = 1");

pub(super) async fn list(link: Link<'_>, filter: &ReleaseFilter) -> Result<Vec<ReleaseRow>> {
    let (before_at, before_id) = filter.before.unzip();
    let limit = if filter.limit == 0 { 200 } else { i64::from(filter.limit) };
    let active = filter.active.map(i64::from);
    let service = filter.service.as_ref();
    let values = args![&filter.state, service, active, filter.updated_since, before_at, before_id, limit];
    let sql = match filter {
        ReleaseFilter { active: Some(true), .. } => ACTIVE,
        ReleaseFilter { service: Some(_), .. } => OF_SERVICE,
        _ => ALL,
    };
    all(&link.all(sql, values).await?, read)
}

pub(super) async fn one(link: Link<'_>, id: ReleaseId) -> Result<Option<ReleaseRow>> {
    const ONE: &str = "SELECT id, version, service, state, active, created_at, updated_at, body FROM release \
        WHERE id = $1";
    link.one(ONE, args![id]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<ReleaseRow> {
    Ok(ReleaseRow {
        id: row.parse("id")?,
        version: row.get("version")?,
        service: row.parse("service")?,
        state: row.get("state")?,
        active: row.get::<i64>("active")? != 0,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        body: row.get("body")?,
    })
}
