//! What is known of a request before anything is asked: its id, its trace, where it comes from.

use super::Http;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use sternway_domain::id::hex;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Made anew for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// For the person to quote and the operator to find.
    pub request_id: String,
    /// 32 hexadecimal digits, from `traceparent` or made here.
    pub trace_id: String,
    /// The nearest address that is not a trusted proxy.
    pub ip: Option<IpAddr>,
}

/// Gives the request its context, a span, a line in the log and its place in the metrics.
pub(super) async fn begin(State(http): State<Http>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let mut random = [0u8; 24];
    http.service.rng.fill(&mut random);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let context = RequestContext {
        request_id: hex(&random[..8]),
        trace_id: trace_id(request.headers()).unwrap_or_else(|| hex(&random[8..])),
        ip: nearest(peer, request.headers(), &http.settings.trusted_proxies),
    };
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        request_id = context.request_id,
        trace_id = context.trace_id,
        method,
        route,
        ip = context.ip.map(tracing::field::display),
    );
    let id = HeaderValue::from_str(&context.request_id).expect("hexadecimal digits are header characters");
    let parent = format!("00-{}-{}-01", context.trace_id, context.request_id);
    request.extensions_mut().insert(context);
    let answered = async {
        let response = crate::outbound::traced(parent, next.run(request)).await;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        http.service.metrics.answered(method, &route, status, took);
        let took_ms = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) as f64 / 1000.0;
        if matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics") || route.starts_with("/assets") {
            tracing::debug!(status, took_ms, "answered");
        } else {
            tracing::info!(status, took_ms, "answered");
        }
        response
    };
    let mut response = answered.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// From a fixed set, so that nobody can fill the metrics with invented methods.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// W3C trace context, version 00 and what extends it.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let digits = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let fits = version.len() == 2 && version != "ff" && digits(version) && trace.len() == 32 && digits(trace);
    (fits && trace.bytes().any(|b| b != b'0')).then(|| trace.to_owned())
}

/// The nearest address that is not one of ours. Without trusted proxies nobody's word about it counts.
fn nearest(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let ours = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let peer = peer?;
    if !ours(peer) {
        return Some(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut last = peer;
    for hop in hops.into_iter().rev() {
        let Ok(ip) = hop.parse::<IpAddr>() else { return Some(last) };
        last = ip;
        if !ours(ip) {
            break;
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header value"));
        headers
    }

    #[test]
    fn given_a_forwarded_address_when_the_peer_is_not_trusted_then_it_is_not_believed() {
        let spoofed = headers("x-forwarded-for", "1.2.3.4");
        let (peer, proxy) = ("192.0.2.7".parse().ok(), "10.0.0.1".parse().ok());
        let trusted = ["10.0.0.0/8".parse().expect("a net")];
        assert_eq!(nearest(peer, &spoofed, &trusted), peer);
        assert_eq!(nearest(proxy, &spoofed, &trusted), "1.2.3.4".parse().ok());
        let chain = headers("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2");
        assert_eq!(nearest(proxy, &chain, &trusted), "1.2.3.4".parse().ok());
    }

    #[test]
    fn given_a_malformed_traceparent_when_read_then_it_is_left_aside() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(&headers("traceparent", good)).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for wrong in ["", "00", "00-00000000000000000000000000000000-1-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-1-1"] {
            assert_eq!(trace_id(&headers("traceparent", wrong)), None, "{wrong}");
        }
    }
}
