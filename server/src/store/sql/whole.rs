//! Whether the events are all there: each number once, each stream without gaps and as long as its row says, each
//! decision with its entry. Whether their text is the one that was written cannot be told from here.

use super::link::{Link, args};
use crate::store::Result;

const NEWEST: &str = "SELECT position FROM log_head WHERE one = 1";

/// So many events below and at the newest number.
const COUNT: &str = "SELECT (SELECT count(*) FROM events WHERE position <= $1) \
    + (SELECT count(*) FROM saga_event WHERE position <= $1) + (SELECT count(*) FROM flag_event WHERE position <= $1) \
    + (SELECT count(*) FROM data_event WHERE position <= $1) AS many";

/// Every number at which somebody begins to be missing, and those that are there twice.
const NUMBERS: &str = "WITH numbers AS (SELECT position FROM events UNION ALL SELECT position FROM saga_event \
    UNION ALL SELECT position FROM flag_event UNION ALL SELECT position FROM data_event UNION ALL SELECT 0 AS position) \
    SELECT position, followed, twice FROM (SELECT position, LEAD(position) OVER (ORDER BY position) AS followed, \
    count(*) OVER (PARTITION BY position) AS twice FROM numbers) AS n \
    WHERE position < $1 AND (twice > 1 OR followed IS NULL OR followed > position + 1) ORDER BY position LIMIT 1";

/// Streams that miss an event or have one too many: versions are unique, so as many as the row says, up to the one it
/// says, are all of them.
macro_rules! streams {
    ($table:literal, $name:literal, $events:literal, $of:literal) => {
        concat!(
            "SELECT stream, version, many FROM (SELECT r.",
            $name,
            " AS stream, r.version AS version,",
            " (SELECT count(*) FROM ",
            $events,
            " e WHERE ",
            $of,
            ") AS many,",
            " (SELECT COALESCE(MAX(e.version), 0) FROM ",
            $events,
            " e WHERE ",
            $of,
            ") AS newest",
            " FROM ",
            $table,
            " r) AS s WHERE version <> many OR version <> newest ORDER BY stream LIMIT 1"
        )
    };
}

const STREAMS: [(&str, &str); 4] = [
    ("release", streams!("release", "id", "events", "e.release = r.id")),
    ("saga", streams!("saga", "id", "saga_event", "e.saga = r.id")),
    ("flag", streams!("flag", "key", "flag_event", "e.flag = r.key")),
    ("data migration", streams!("data_migration", "name", "data_event", "e.release = r.release AND e.name = r.name")),
];

macro_rules! beyond {
    ($where:literal) => {
        concat!(
            "SELECT d.leaf_index AS leaf_index, d.id AS id FROM decision d WHERE ",
            $where,
            " AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.leaf_index = d.leaf_index)"
        )
    };
}

/// Events of acts that were never decided.
const STRANGERS: &str = "SELECT position, decision FROM (SELECT position, decision FROM events \
    UNION ALL SELECT position, decision FROM saga_event UNION ALL SELECT position, decision FROM flag_event \
    UNION ALL SELECT position, decision FROM data_event) AS e WHERE decision IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.id = e.decision) ORDER BY position LIMIT 1";

/// Decisions that have a place in the log where the log has no entry. Two halves, so that neither reads all decisions.
const DECISIONS: &str = concat!(
    "SELECT leaf_index, id FROM (",
    beyond!("d.leaf_index < 0"),
    " UNION ALL ",
    beyond!("d.leaf_index >= $1"),
    ") AS d ORDER BY leaf_index LIMIT 1"
);

pub(super) async fn gap(link: Link<'_>, leaves: i64) -> Result<Option<String>> {
    let Some(row) = link.one(NEWEST, vec![]).await? else {
        return Ok(Some("the row of `log_head`, which counts events and entries, is missing".to_owned()));
    };
    let newest: i64 = row.get("position")?;
    let many: i64 = match link.one(COUNT, args![newest]).await? {
        Some(row) => row.get("many")?,
        None => 0,
    };
    if many != newest
        && let Some(row) = link.one(NUMBERS, args![newest]).await?
    {
        let (position, twice): (i64, i64) = (row.get("position")?, row.get("twice")?);
        return Ok(Some(match twice {
            1 => format!("event {} is missing: {many} of {newest} events are there", position + 1),
            _ => format!("event {position} is there {twice} times"),
        }));
    }
    for (what, sql) in STREAMS {
        if let Some(row) = link.one(sql, vec![]).await? {
            let (stream, version, many): (String, i64, i64) =
                (row.get("stream")?, row.get("version")?, row.get("many")?);
            return Ok(Some(format!(
                "{what} `{stream}` is at version {version} and has {many} events: one was removed, put in or renumbered"
            )));
        }
    }
    if let Some(row) = link.one(STRANGERS, vec![]).await? {
        let (position, decision): (i64, String) = (row.get("position")?, row.get("decision")?);
        return Ok(Some(format!("event {position} belongs to decision `{decision}`, which is not there")));
    }
    if let Some(row) = link.one(DECISIONS, args![leaves]).await? {
        let (index, id): (i64, String) = (row.get("leaf_index")?, row.get("id")?);
        return Ok(Some(format!("decision `{id}` claims the place {index} of the log, where there is no entry")));
    }
    Ok(None)
}
