//! What makes a service unusable. Each problem names its field, so that an editor can point at it.

use super::{ARM, Haproxy, Headers, Preset, Prometheus, Queries, Scrape, Secret, Service, Signals, Traffic, Webhook};
use crate::plan::Metric;
use crate::time::Span;
use std::collections::BTreeSet;

/// One thing wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProblem {
    /// Path of the field, `traffic.haproxy.canary[0]`.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything wrong with the service; empty when it can be used.
pub fn problems(service: &Service) -> Vec<ServiceProblem> {
    let mut found = Found(Vec::new());
    for (i, other) in service.depends_on.iter().enumerate() {
        if *other == service.name {
            found.add(format!("depends_on[{i}]"), "a service cannot depend on itself");
        } else if service.depends_on[..i].contains(other) {
            found.add(format!("depends_on[{i}]"), format!("`{other}` is named twice"));
        }
    }
    for (i, owner) in service.owners.iter().enumerate() {
        if owner.trim().is_empty() {
            found.add(format!("owners[{i}]"), "an owner has a name");
        }
    }
    match &service.traffic {
        Traffic::Memory => {}
        Traffic::Haproxy(haproxy) => check_haproxy(haproxy, &mut found),
        Traffic::Webhook(webhook) => check_webhook(webhook, &mut found),
    }
    check_signals(&service.signals, &mut found);
    if let Some(second) = &service.second_signals {
        check_second(&service.signals, second, &mut found);
    }
    if let Some(deploy) = &service.deploy {
        found.0.extend(crate::deploy::problems(deploy, "deploy"));
    }
    if let Some(back) = &service.rollback {
        super::going_back::check(service, back, &mut found);
    }
    found.0
}

fn check_signals(signals: &Signals, found: &mut Found) {
    match signals {
        Signals::Memory => {}
        Signals::Scrape(scrape) => check_scrape(scrape, found),
        Signals::Prometheus(prometheus) => check_prometheus(prometheus, found),
    }
}

/// Is checked like the first, below its own name; and it must be able to disagree.
fn check_second(first: &Signals, second: &Signals, found: &mut Found) {
    let mut own = Found(Vec::new());
    check_signals(second, &mut own);
    found.0.extend(
        own.0.into_iter().map(|problem| ServiceProblem { field: format!("second_{}", problem.field), ..problem }),
    );
    if first.same_place(second) {
        let text = "the second source asks the same of the same place as `signals`, so the two could never disagree; name another one, or leave it out";
        found.add("second_signals", text);
    }
}

pub(crate) struct Found(pub(crate) Vec<ServiceProblem>);

impl Found {
    pub(crate) fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.0.push(ServiceProblem { field: field.into(), text: text.into() });
    }
}

fn check_haproxy(haproxy: &Haproxy, found: &mut Found) {
    let at = "traffic.haproxy";
    check_haproxy_name(&format!("{at}.backend"), &haproxy.backend, found);
    let mut seen = BTreeSet::new();
    for (arm, servers) in [("baseline", &haproxy.baseline), ("canary", &haproxy.canary)] {
        if servers.is_empty() {
            found.add(format!("{at}.{arm}"), "name at least one server of the backend");
        }
        for (i, server) in servers.iter().enumerate() {
            check_haproxy_name(&format!("{at}.{arm}[{i}]"), server, found);
            if !seen.insert(server) {
                found.add(format!("{at}.{arm}[{i}]"), format!("`{server}` is named twice; a server has one arm"));
            }
        }
    }
    if let Some(path) = &haproxy.state_file
        && (!path.starts_with('/')
            || !path.ends_with(".state")
            || path.split('/').any(|part| part == "..")
            || path.contains(char::is_control))
    {
        found.add(format!("{at}.state_file"), "use an absolute path without `..` that ends in `.state`");
    }
    check_timeout(&format!("{at}.timeout"), haproxy.timeout, found);
}

/// A name becomes part of a command, so it holds nothing that could end one.
fn check_haproxy_name(field: &str, name: &str, found: &mut Found) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
    if !(1..=128).contains(&name.len()) || !name.chars().all(plain) {
        let shown: String = name.chars().take(80).collect();
        found.add(
            field,
            format!("{shown:?} is not a name HAProxy takes: use 1 to 128 of letters, digits, `_`, `.`, `:` and `-`"),
        );
    }
}

fn check_webhook(webhook: &Webhook, found: &mut Found) {
    let at = "traffic.webhook";
    check_url(&format!("{at}.url"), &webhook.url, found);
    check_url(&format!("{at}.observe_url"), &webhook.observe_url, found);
    check_secret(&format!("{at}.secret"), &webhook.secret, true, found);
    if let Some(previous) = &webhook.previous_secret {
        check_secret(&format!("{at}.previous_secret"), previous, true, found);
    }
    if !(1..=10).contains(&webhook.attempts) {
        found.add(format!("{at}.attempts"), "use 1 to 10");
    }
    check_timeout(&format!("{at}.timeout"), webhook.timeout, found);
}

fn check_scrape(scrape: &Scrape, found: &mut Found) {
    let at = "signals.scrape";
    let mut seen = BTreeSet::new();
    for (arm, urls) in [("baseline", &scrape.baseline), ("canary", &scrape.canary)] {
        if urls.is_empty() {
            found.add(format!("{at}.{arm}"), "name the `/metrics` of at least one instance");
        }
        for (i, url) in urls.iter().enumerate() {
            check_url(&format!("{at}.{arm}[{i}]"), url, found);
            if !seen.insert(url) {
                found.add(format!("{at}.{arm}[{i}]"), format!("`{url}` is named twice; an instance has one arm"));
            }
        }
    }
    if matches!(scrape.preset, Preset::Haproxy | Preset::Envoy) {
        let text =
            "a proxy's exporter holds both arms on one page; read it through `prometheus`, which can tell them apart";
        found.add(format!("{at}.preset"), text);
    }
    check_queries(at, &scrape.queries, scrape.preset, found);
    check_timeout(&format!("{at}.timeout"), scrape.timeout, found);
}

fn check_prometheus(prometheus: &Prometheus, found: &mut Found) {
    let at = "signals.prometheus";
    check_url(&format!("{at}.url"), &prometheus.url, found);
    for (arm, matchers) in [("baseline", &prometheus.baseline), ("canary", &prometheus.canary)] {
        if matchers.trim().is_empty() || matchers.contains(['{', '}', '\n']) {
            let text = "write label matchers without braces, such as `job=\"checkout\",track=\"canary\"`";
            found.add(format!("{at}.{arm}"), text);
        }
    }
    if prometheus.baseline.trim() == prometheus.canary.trim() {
        found.add(format!("{at}.canary"), "both arms have the same matchers; the versions could not be told apart");
    }
    for (field, text) in prometheus.queries.each() {
        if !text.contains(ARM) {
            let text = format!("put `{ARM}` where the arm's matchers go, or both arms would be the same numbers");
            found.add(format!("{at}.queries.{field}"), text);
        }
    }
    check_queries(at, &prometheus.queries, prometheus.preset, found);
    for (i, label) in prometheus.instance_labels.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if label.is_empty() || !label.chars().all(plain) || label.starts_with(|c: char| c.is_ascii_digit()) {
            found.add(format!("{at}.instance_labels[{i}]"), format!("`{label}` is not the name of a label"));
        }
    }
    if let Some(bearer) = &prometheus.bearer {
        check_secret(&format!("{at}.bearer"), bearer, true, found);
    }
    check_headers(&format!("{at}.headers"), &prometheus.headers, found);
    check_timeout(&format!("{at}.timeout"), prometheus.timeout, found);
}

fn check_queries(at: &str, queries: &Queries, preset: Preset, found: &mut Found) {
    if queries.over(preset).requests.is_none() {
        found.add(format!("{at}.queries.requests"), "say how requests are counted, or choose a `preset`");
    }
    for (field, text) in queries.each() {
        let gauge = field == "saturation";
        let turned = ["rate(", "increase(", "delta(", "histogram_quantile("].into_iter().find(|f| text.contains(f));
        if let (false, Some(function)) = (gauge, turned) {
            let text =
                format!("ask for the raw counter: Sternway works out differences itself; take `{function}…)` away");
            found.add(format!("{at}.queries.{field}"), text);
        }
    }
    for name in queries.kpis.keys() {
        if format!("kpi:{name}").parse::<Metric>().is_err() {
            let text = "a KPI's name is 1 to 40 of `a-z`, `0-9`, `_` and `-`";
            found.add(format!("{at}.queries.kpis.{name}"), text);
        }
    }
}

pub(crate) fn check_url(field: &str, url: &str, found: &mut Found) {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match host {
        Some(host) if !host.is_empty() && !url.contains(odd) && url.len() <= 2_000 => {
            if host.contains('@') {
                found.add(field, "a URL here holds no user or password; use `bearer` or `headers`");
            }
        }
        _ => {
            let shown: String = url.chars().take(80).collect();
            found.add(field, format!("{shown:?} is not a URL: begin with `http://` or `https://` and a host"));
        }
    }
}

pub(crate) fn check_secret(field: &str, secret: &Secret, really_secret: bool, found: &mut Found) {
    match secret {
        Secret::Env(name) if name.strip_prefix("STERNWAY_SECRET_").is_none_or(str::is_empty) => {
            found.add(
                field,
                "the variable's name must begin with `STERNWAY_SECRET_`, so that nothing else can be sent out",
            );
        }
        Secret::File(path) if !path.starts_with('/') => found.add(field, "use an absolute path"),
        Secret::Value(_) if really_secret => {
            found.add(field, "a secret does not belong in a document: use `env: STERNWAY_SECRET_…` or `file: /…`");
        }
        _ => {}
    }
}

fn check_headers(at: &str, headers: &Headers, found: &mut Found) {
    for (name, value) in headers {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            found.add(format!("{at}.{name}"), "not the name of an HTTP header");
        }
        if let Secret::Value(text) = value
            && text.contains(char::is_control)
        {
            found.add(format!("{at}.{name}"), "a header's value is one line");
        }
        check_secret(&format!("{at}.{name}"), value, false, found);
    }
}

pub(crate) fn check_timeout(field: &str, timeout: Span, found: &mut Found) {
    if timeout < Span::from_millis(50) || timeout > Span::from_secs(60) {
        found.add(field, "use 50ms to 60s");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(traffic: Value, signals: Value) -> Vec<String> {
        let service = json!({"name": "checkout", "traffic": traffic, "signals": signals});
        let service: Service = serde_json::from_value(service).expect("the service of the test is well-formed");
        problems(&service).into_iter().map(|p| p.field).collect()
    }

    #[test]
    fn a_name_that_could_end_a_command_is_refused() {
        for hostile in ["a;b", "a\nb", "a b", "", "a/b", "a\u{0}", "ä"] {
            let traffic = json!({"haproxy": {"address": "unix:/run/h.sock", "backend": hostile, "baseline": ["s"], "canary": [hostile]}});
            assert_eq!(
                fields(traffic, json!("memory")),
                ["traffic.haproxy.backend", "traffic.haproxy.canary[0]"],
                "{hostile:?}"
            );
        }
    }

    #[test]
    fn a_server_has_one_arm_and_the_state_file_a_plain_place() {
        let traffic = json!({"haproxy": {"address": "unix:/run/h.sock", "backend": "b", "baseline": ["s"], "canary": ["s"],
            "state_file": "/var/../etc/passwd"}});
        assert_eq!(fields(traffic, json!("memory")), ["traffic.haproxy.canary[0]", "traffic.haproxy.state_file"]);
    }

    #[test]
    fn urls_and_secrets_of_a_webhook_are_checked() {
        let traffic = json!({"webhook": {"url": "file:///etc/passwd", "observe_url": "http://user:pw@h/", "secret": {"env": "DATABASE_URL"},
            "previous_secret": {"value": "whsec_x"}, "attempts": 0, "timeout": "2m"}});
        let found = fields(traffic, json!("memory"));
        let expected = ["url", "observe_url", "secret", "previous_secret", "attempts", "timeout"];
        assert_eq!(found, expected.map(|field| format!("traffic.webhook.{field}")));
    }

    #[test]
    fn a_header_that_would_be_two_is_refused() {
        let headers = json!({
            "X-Scope": {"value": "a\r\nx: 1"}, "X-Line": {"value": "a\nb"}, "X-Nul": {"value": "a\u{0}"},
            "a\r\nb": {"value": "1"}, "X-Fine": {"value": "1"},
        });
        let signals = json!({"prometheus": {"url": "http://p:9090", "baseline": "a=\"1\"", "canary": "a=\"2\"", "headers": headers}});
        let expected =
            ["X-Line", "X-Nul", "X-Scope", "a\r\nb"].map(|name| format!("signals.prometheus.headers.{name}"));
        assert_eq!(fields(json!("memory"), signals), expected);
    }

    #[test]
    fn a_query_without_the_arm_or_with_a_rate_is_refused() {
        let signals = json!({"prometheus": {"url": "http://p:9090", "preset": "custom", "baseline": "a=\"1\"", "canary": "a=\"2\"",
            "queries": {"errors": "sum(bad)", "requests": "rate(all{ {{arm}} }[1m])", "kpis": {"A b": {"good": "g{ {{arm}} }", "of": "o{ {{arm}} }"}}}}});
        assert_eq!(
            fields(json!("memory"), signals),
            ["queries.errors", "queries.requests", "queries.kpis.A b"].map(|f| format!("signals.prometheus.{f}"))
        );
    }

    #[test]
    fn arms_that_could_not_be_told_apart_are_refused() {
        let same = json!({"prometheus": {"url": "http://p:9090", "baseline": "a=\"1\"", "canary": " a=\"1\""}});
        assert_eq!(fields(json!("memory"), same), ["signals.prometheus.canary"]);
        let twice = json!({"scrape": {"baseline": ["http://a/metrics"], "canary": ["http://a/metrics"]}});
        assert_eq!(fields(json!("memory"), twice), ["signals.scrape.canary[0]"]);
        let proxy = json!({"scrape": {"baseline": [], "canary": ["http://a/metrics"], "preset": "haproxy"}});
        assert_eq!(fields(json!("memory"), proxy), ["signals.scrape.baseline", "signals.scrape.preset"]);
    }

    #[test]
    fn a_custom_source_must_say_how_requests_are_counted() {
        let silent = json!({"scrape": {"baseline": ["http://a/m"], "canary": ["http://b/m"], "preset": "custom"}});
        assert_eq!(fields(json!("memory"), silent), ["signals.scrape.queries.requests"]);
    }

    #[test]
    fn a_second_source_is_checked_below_its_own_name_and_must_not_be_the_first_once_more() {
        let of = |first: Value, second: Value| {
            let service = json!({"name": "checkout", "traffic": "memory", "signals": first, "second_signals": second});
            let service: Service = serde_json::from_value(service).expect("the service of the test is well-formed");
            problems(&service).into_iter().map(|p| p.field).collect::<Vec<_>>()
        };
        let prometheus = |url: &str| json!({"prometheus": {"url": url, "baseline": "a=\"1\"", "canary": "a=\"2\""}});
        let scrape = |one: &str| json!({"scrape": {"baseline": [one, "http://b/m"], "canary": ["http://c/m"]}});
        for (first, second) in [
            (json!("memory"), json!("memory")),
            (prometheus("http://a:9090"), prometheus("http://A:9090/")),
            (
                scrape("http://a/m"),
                json!({"scrape": {"baseline": ["http://b/m", "http://a/m"], "canary": ["http://c/m"], "timeout": "1s"}}),
            ),
        ] {
            assert_eq!(of(first.clone(), second), ["second_signals"], "{first}");
        }
        let none: [&str; 0] = [];
        assert_eq!(of(prometheus("http://a:9090"), prometheus("http://b:9090")), none);
        assert_eq!(of(prometheus("http://a:9090"), scrape("http://a/m")), none);
        assert_eq!(of(scrape("http://a/m"), scrape("http://d/m")), none);
        let other = json!({"prometheus": {"url": "http://a:9090", "baseline": "a=\"1\"", "canary": "a=\"3\""}});
        assert_eq!(of(prometheus("http://a:9090"), other), none);
        assert_eq!(of(json!("memory"), prometheus("ftp://a")), ["second_signals.prometheus.url"]);
    }
}
