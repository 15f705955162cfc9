//! Counting decisions.

use super::link::{Link, args};
use crate::store::Result;
use crate::store::rows::{Tally, TallyFilter};

pub(super) async fn tally(link: Link<'_>, of: &TallyFilter) -> Result<Tally> {
    const TALLY: &str = "SELECT count(*) AS many, min(leaf_index) AS first, max(leaf_index) AS last FROM decision \
        WHERE leaf_index < $1 AND ($2 IS NULL OR release = $2) AND ($3 IS NULL OR service = $3) \
        AND ($4 IS NULL OR at >= $4) AND ($5 IS NULL OR at < $5)";
    let TallyFilter { release, service, from, to, before } = of;
    let service = service.as_ref().map(ToString::to_string);
    let values = args![before.unwrap_or(i64::MAX), *release, &service, *from, *to];
    let Some(row) = link.one(TALLY, values).await? else { return Ok(Tally::default()) };
    let (first, last): (Option<i64>, Option<i64>) = (row.get("first")?, row.get("last")?);
    Ok(Tally { count: row.get("many")?, span: first.zip(last) })
}
