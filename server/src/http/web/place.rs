//! Where to go next: only places on this origin.

use axum::http::Uri;
use axum::http::header::{HeaderMap, REFERER};
use sternway_app::path;
use url::Url;
use url::form_urlencoded::parse;

/// The place itself if it is a path on this origin, otherwise the board. The door is never a place to go on to.
pub(super) fn local(next: &str) -> String {
    let plain = next.len() <= 2_000 && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let here = "http://here";
    // What a browser makes of it decides, not how it looks.
    let stays = Url::parse(here).and_then(|base| base.join(next)).is_ok_and(|url| {
        url.origin().ascii_serialization() == here && ![path::SIGN_IN, path::SIGN_OUT].contains(&url.path())
    });
    let fits = plain && stays && next.starts_with('/') && !next.starts_with("//");
    if fits { next.to_owned() } else { path::BOARD.to_owned() }
}

/// `next` from the query of the door.
pub(super) fn next_of(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let next = parse(query.as_bytes()).find(|(name, _)| name == "next");
    local(next.map(|(_, value)| value.into_owned()).as_deref().unwrap_or(path::BOARD))
}

/// The page a form was sent from, as far as the browser tells.
pub(super) fn sent_from(headers: &HeaderMap) -> String {
    let referer = headers.get(REFERER).and_then(|referer| referer.to_str().ok()).and_then(|text| Url::parse(text).ok());
    let path = referer.map(|url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    });
    match path {
        // The door may be reloaded, but not through `local`.
        Some(path) if path == path::SIGN_IN => path,
        Some(path) => local(&path),
        None => path::BOARD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_place_elsewhere_when_asked_to_go_there_then_it_is_the_board() {
        for wrong in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil",
            "/\t/evil",
            "/\n/evil",
            "\\\\evil",
            "/signin",
            "/signout?x",
            "/signin?next=/signin",
            "http:evil",
            "/%0d%0aSet-Cookie:x y",
        ] {
            assert_eq!(local(wrong), "/", "{wrong:?} was taken");
        }
        for fine in ["/", "/releases/1?done=2#timeline", "/decisions?release=%2F%2Fevil"] {
            assert_eq!(local(fine), fine);
        }
    }

    #[test]
    fn given_a_form_without_a_referer_when_sent_then_it_goes_to_the_board() {
        let mut headers = HeaderMap::new();
        assert_eq!(sent_from(&headers), "/");
        headers.insert(REFERER, "https://x.example/decisions?q=1".parse().expect("a header"));
        assert_eq!(sent_from(&headers), "/decisions?q=1");
    }
}
