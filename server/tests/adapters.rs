//! The adapters against the real thing: HAProxy, Prometheus, PostgreSQL, SQLite, Redis, programs, and HTTP servers that check what they are sent.

mod adapters {
    mod caches;
    mod commands;
    mod deployers;
    mod haproxy;
    mod memory;
    mod probes;
    mod prometheus;
    mod scrape;
    mod support;
    mod tls;
    mod webhook;
}
