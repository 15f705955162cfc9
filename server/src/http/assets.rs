//! The browser's files, embedded: names carry their hash, so each may be kept for ever.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::collections::BTreeMap;
use sternway_app::shell::Assets;

/// `dist`, as the bundler left it.
#[derive(RustEmbed)]
#[folder = "../dist"]
struct Dist;

/// Where the files are served.
pub const PREFIX: &str = "/assets";

/// The addresses of the files, from the bundler's manifest. All empty when the server was built without them.
pub fn addresses() -> Assets {
    let Some(manifest) = Dist::get("manifest.json") else { return Assets::default() };
    let names: BTreeMap<String, String> = serde_json::from_slice(&manifest.data).unwrap_or_default();
    let address = |role: &str| names.get(role).map(|name| format!("{PREFIX}/{name}")).unwrap_or_default();
    Assets { css: address("css"), js: address("js"), wasm: address("wasm"), favicon: address("favicon") }
}

/// Whether the browser's files are in this program.
pub fn built() -> bool {
    !addresses().css.is_empty()
}

/// One file, compressed as the browser likes it.
pub(super) async fn file(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let Some(kind) = content_type(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = ["br", "gzip"].into_iter().find_map(|encoding| {
        let end = if encoding == "br" { "br" } else { "gz" };
        accepts(accepted, encoding)
            .then(|| Dist::get(&format!("{name}.{end}")))?
            .map(|file| (file.data, Some(encoding)))
    });
    let Some((data, encoding)) = found.or_else(|| Dist::get(&name).map(|file| (file.data, None))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Only the kinds of files that the bundler makes; its own lists and compressed copies are not addresses.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "wasm" => Some("application/wasm"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Whether an `Accept-Encoding` allows this one: named, and not with a weight of zero (RFC 9110, 12.5.3).
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = pieces.any(|piece| piece.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_used_only_when_it_is_wanted() {
        assert!(accepts("gzip, deflate, br;q=0.9", "br"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "gzip"));
    }

    #[tokio::test]
    async fn what_is_not_an_asset_is_not_served() {
        for name in ["manifest.json", "../Cargo.toml", "none.css", "x.css.br", ""] {
            let response = file(Path(name.to_owned()), HeaderMap::new()).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }

    #[tokio::test]
    async fn every_address_of_the_manifest_leads_to_a_file() {
        let Assets { css, js, wasm, favicon } = addresses();
        for address in [css, js, wasm, favicon].into_iter().filter(|address| !address.is_empty()) {
            let name = address.trim_start_matches("/assets/").to_owned();
            let response = file(Path(name), HeaderMap::new()).await;
            assert_eq!(response.status(), StatusCode::OK, "{address}");
            assert!(response.headers()[header::CACHE_CONTROL].to_str().is_ok_and(|v| v.contains("immutable")));
        }
    }
}
