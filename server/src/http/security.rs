//! Headers that every answer carries, and the one-time number that lets our own script run.

use crate::ports::Rng;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// A number used once: the only script that runs is the one that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CspNonce(pub String);

/// The headers that are the same everywhere.
const FIXED: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Makes the nonce for whoever renders a page, and sets every security header that is not set yet.
pub async fn secure(State(rng): State<Arc<dyn Rng>>, mut request: Request, next: Next) -> Response {
    let mut random = [0u8; 16];
    rng.fill(&mut random);
    let nonce = CspNonce(STANDARD.encode(random));
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Nothing from elsewhere, no inline style, no script but ours.
fn policy(CspNonce(nonce): &CspNonce) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use axum::{Extension, Router};
    use tower::ServiceExt;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Rng for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    async fn answer(router: &Router) -> (String, String) {
        let request = Request::get("/").body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.expect("a body");
        (policy, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn the_page_and_the_policy_carry_the_same_number_and_never_twice() {
        let rng: Arc<dyn Rng> = Arc::new(Counting(std::sync::atomic::AtomicU8::new(1)));
        let page = get(|Extension(CspNonce(nonce)): Extension<CspNonce>| async move { nonce });
        let router = Router::new().route("/", page).layer(from_fn_with_state(rng, secure));
        let (first, nonce) = answer(&router).await;
        assert!(first.contains(&format!("'nonce-{nonce}'")), "{first}");
        assert!(!first.contains("unsafe-inline"));
        let (second, _) = answer(&router).await;
        assert_ne!(first, second);
    }
}
