//! Where a page of a list ends: opaque to the client, checked when it comes back.

use super::problem::Problem;
use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, Uri};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sternway_domain::id::ReleaseId;
use sternway_domain::time::Timestamp;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) next_cursor: Option<String>,
}

/// How many a page has when nothing is said, and at most.
pub(super) const USUAL: u32 = 50;
pub(super) const MOST: u32 = 200;

/// The page with its `Link` header (RFC 8288).
pub(super) type Paged<T> = (HeaderMap, Json<Page<T>>);

/// `limit` as asked, within bounds.
pub(super) fn size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(USUAL),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::bad_request(format!("`limit` is 1 to {MOST}."))),
    }
}

/// A page of rows of which one more than `size` was read, if there was one.
pub(super) fn page<R, T>(
    uri: &Uri,
    mut rows: Vec<R>,
    size: u32,
    cursor: impl Fn(&R) -> String,
    show: impl Fn(&R) -> T,
) -> Paged<T> {
    let size = size as usize;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(|row| URL_SAFE_NO_PAD.encode(cursor(row)));
    let mut headers = HeaderMap::new();
    if let Some(cursor) = &next_cursor
        && let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", next(uri, cursor)))
    {
        headers.insert(LINK, link);
    }
    (headers, Json(Page { items: rows.iter().map(show).collect(), next_cursor }))
}

/// The same address with another cursor.
fn next(uri: &Uri, cursor: &str) -> String {
    let kept =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let mut query: Vec<&str> = kept.collect();
    let own = format!("cursor={cursor}");
    query.push(&own);
    format!("{}?{}", uri.path(), query.join("&"))
}

pub(super) fn of_release(at: Timestamp, id: ReleaseId) -> String {
    format!("{}:{id}", at.micros())
}

pub(super) fn read_release(cursor: &str) -> Result<(Timestamp, ReleaseId), Problem> {
    let read = || {
        let text = text(cursor)?;
        let (at, id) = text.split_once(':')?;
        Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or_else(wrong)
}

pub(super) fn read_index(cursor: &str) -> Result<i64, Problem> {
    text(cursor).and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

fn text(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

fn wrong() -> Problem {
    Problem::bad_request("`cursor` is not one that was given out; begin without it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_one_row_too_many_when_paged_then_there_is_a_next_page_that_keeps_the_filter() {
        let uri: Uri = "/api/v1/decisions?actor=a%20b&cursor=old&limit=2".parse().expect("a uri");
        let (headers, Json(page)) = page(&uri, vec![9, 8, 7], 2, i64::to_string, |n| *n);
        assert_eq!(page.items, [9, 8]);
        let cursor = page.next_cursor.expect("there is more");
        assert_eq!(read_index(&cursor).ok(), Some(8));
        let link = headers.get(LINK).and_then(|link| link.to_str().ok()).expect("a link");
        assert_eq!(link, format!("</api/v1/decisions?actor=a%20b&limit=2&cursor={cursor}>; rel=\"next\""));
        assert!(read_index("%%%").is_err() && read_release(&cursor).is_err());
    }
}
