//! Which crate may stand on which, under what licence.

use crate::{cargo, licence, root};
use serde_json::Value;
use std::collections::BTreeSet;

/// Why none of these: one TLS stack (rustls with ring), and YAML with limits.
const BANNED: [&str; 4] = ["aws-lc-sys", "native-tls", "openssl-sys", "serde_yaml"];

/// What the rules may never stand on: IO, clocks, randomness, async, pages.
const NOT_IN_DOMAIN: &[&str] = &[
    "async-trait",
    "axum",
    "futures",
    "getrandom",
    "hyper",
    "leptos",
    "rand",
    "reqwest",
    "sqlx",
    "sternway-app",
    "sternway-server",
    "tokio",
];

/// What pages may never stand on, even on the server.
const NOT_IN_APP: &[&str] =
    &["argon2", "plotters", "prometheus-client", "reqwest", "rustls", "sqlx", "sqlx-core", "sternway-server"];

/// What may never be sent to a browser.
const NOT_IN_BROWSER: &[&str] = &["axum", "hyper", "leptos_axum", "rand", "tokio"];

/// Names of all crates that `arguments` pull in at run time, the asked one left out.
fn below(package: &str, arguments: &[&str]) -> BTreeSet<String> {
    let common = ["tree", "--locked", "--offline", "-p", package, "-e", "normal,no-proc-macro", "--prefix", "none"];
    let tree = cargo(&[&common[..], arguments].concat());
    let names = tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    names.filter(|name| name != package).collect()
}

fn assert_without(crates: &BTreeSet<String>, forbidden: &[&str], who: &str) {
    let found: Vec<_> = forbidden.iter().filter(|name| crates.contains(**name)).collect();
    assert!(found.is_empty(), "{who} stands on {found:?}; find the way with `cargo tree -i`");
}

#[test]
fn given_the_rules_then_they_stand_on_nothing_of_the_outside() {
    let crates = below("sternway-domain", &[]);
    assert!(crates.contains("serde"), "the tree is read: {crates:?}");
    assert_without(&crates, NOT_IN_DOMAIN, "sternway-domain");
}

#[test]
fn given_the_pages_then_they_never_see_a_database_or_an_http_client() {
    let server = below("sternway-app", &["--features", "ssr"]);
    assert!(server.contains("sternway-domain") && server.contains("leptos_axum"), "the tree is read: {server:?}");
    assert_without(&server, NOT_IN_APP, "sternway-app on the server");
    let browser = below("sternway-app", &["--features", "hydrate", "--target", "wasm32-unknown-unknown"]);
    assert!(browser.contains("web-sys"), "the tree is read: {browser:?}");
    assert_without(&browser, &[NOT_IN_APP, NOT_IN_BROWSER].concat(), "sternway-app in the browser");
}

fn packages() -> Vec<Value> {
    let text = cargo(&["metadata", "--format-version", "1", "--locked", "--offline"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("format version 1 has packages").clone()
}

#[test]
fn given_every_crate_in_the_lock_then_its_licence_is_allowed_and_it_is_not_banned() {
    let packages = packages();
    assert!(packages.len() > 300, "the lock is read: {}", packages.len());
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let text = package["license"].as_str().unwrap_or("none");
        if !licence::allowed(text) {
            wrong.push(format!("`{name}`: licence `{text}` is not on the list"));
        }
        if BANNED.contains(&name) {
            wrong.push(format!("`{name}` is banned; find who brings it with `cargo tree -i {name}`"));
        }
        let registry = package["source"].as_str().is_none_or(|source| source.starts_with("registry+"));
        if !registry {
            wrong.push(format!("`{name}` comes from somewhere else than the registry"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn given_the_settings_of_cargo_deny_then_they_hold_the_same_lists() {
    let text = std::fs::read_to_string(root().join(".deny.toml")).expect("the file is in the tree");
    let deny: toml::Table = toml::from_str(&text).expect("it is TOML");
    let strings = |value: &toml::Value, key: Option<&str>| -> Vec<String> {
        let items = value.as_array().expect("a list").iter();
        let item = |item: &toml::Value| key.map_or(item.clone(), |key| item[key].clone());
        items.map(|value| item(value).as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(strings(&deny["licenses"]["allow"], None), licence::ALLOWED);
    assert_eq!(strings(&deny["bans"]["deny"], Some("crate")), BANNED);
}
