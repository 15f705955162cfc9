//! The adapters against the real thing: HAProxy, Prometheus, and HTTP servers that check what they are sent.

mod adapters {
    mod haproxy;
    mod memory;
    mod prometheus;
    mod scrape;
    mod support;
    mod webhook;
}
