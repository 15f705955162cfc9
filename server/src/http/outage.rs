//! While the database cannot be reached: nobody waits for it, and everybody is told what can be done without it.

use super::Http;
use super::problem::Problem;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use sternway_domain::time::Timestamp;

/// Answers at once instead of what needs the database.
pub(super) async fn tell(State(http): State<Http>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let without = ["/healthz", "/readyz", "/metrics"].contains(&path) || path.starts_with(super::assets::PREFIX);
    let Some(since) = http.service.outage.since().filter(|_| !without) else { return next.run(request).await };
    if path.starts_with("/api/") {
        return Problem::unavailable(&words(since)).into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Html(page(since, &http.pages.assets.css))).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn words(since: Timestamp) -> String {
    format!(
        "The database has not been reachable since {} UTC; nothing can be changed, traffic stays as it is, and Sternway goes on by \
         itself once the database answers. To take a canary's traffic away now: `sternway emergency rollback --service NAME \
         --reason TEXT --key FILE`.",
        since.clock()
    )
}

/// Without scripts, and without a person: who asks stands in the database too.
fn page(since: Timestamp, css: &str) -> String {
    let (clock, iso) = (since.clock(), since.to_rfc3339());
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="refresh" content="5"/>
<title>Database away · Sternway</title>
<link rel="stylesheet" href="{css}"/>
</head>
<body>
<main class="page page-act" id="main">
<div class="head"><h1 class="title">Nothing can be changed now</h1></div>
<div class="stack">
<p role="status">The database has not been reachable since <time datetime="{iso}">{clock}</time> UTC.</p>
<p>Traffic stays as it is. Sternway goes on where it was as soon as the database answers; this page looks again every 5&nbsp;s.</p>
<p>To take a canary’s traffic away now, on a machine with an emergency key:</p>
<p class="cmd"><code>sternway emergency rollback --service NAME --reason "TEXT" --key FILE</code></p>
</div>
</main>
</body>
</html>
"#
    )
}
