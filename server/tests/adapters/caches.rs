//! Emptying a real Redis and a cache behind HTTP; telling channels.

use super::support::{connections, hands};
use sternway_domain::id::{ReleaseId, SagaId};
use sternway_domain::saga::{Answer, Cache, StepId};
use sternway_domain::service::Secret;
use sternway_peers::{Page, RedisProcess, free_port};
use sternway_server::steps::notify::Notice;
use sternway_server::steps::settings::{Channel, StepSettings};

const SECRETS: &[(&str, &str)] =
    &[("STERNWAY_SECRET_HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), ("STERNWAY_SECRET_HEADER", "the-header")];

fn redis(connection: &str, pattern: &str) -> Cache {
    Cache::Redis { connection: connection.parse().expect("a name"), pattern: pattern.to_owned() }
}

#[tokio::test]
async fn given_thousands_of_keys_when_a_pattern_is_emptied_then_exactly_these_are_gone_and_again_is_harmless() {
    let peer = RedisProcess::start().await;
    let keys: Vec<String> = (0..3_000).map(|i| format!("SET cart:{i} x\r\nSET stock:{i} x")).collect();
    peer.ask(&keys.join("\r\n")).await.expect("written");
    peer.ask("SET \"cart:odd\\r\\nkey\\x00\" x").await.expect("written");
    assert_eq!(peer.ask("DBSIZE").await.as_deref(), Some(":6001"));
    let hands = hands(connections(&[("carts", peer.url())]), &[]);
    let first = hands.empty_cache(&redis("carts", "cart:*"), "k").await;
    assert_eq!(first, Answer::Done { output: "keys deleted: 3001".to_owned() });
    assert_eq!(peer.ask("DBSIZE").await.as_deref(), Some(":3000"));
    assert_eq!(peer.ask("EXISTS stock:7").await.as_deref(), Some(":1"));
    let again = hands.empty_cache(&redis("carts", "cart:*"), "k").await;
    assert_eq!(again, Answer::Done { output: "keys deleted: 0".to_owned() });
}

#[tokio::test]
async fn given_a_redis_that_says_no_or_is_not_there_when_emptied_then_it_surely_did_not_happen() {
    let peer = RedisProcess::start().await;
    let urls = [
        ("wrong", format!("redis://:s3cret@127.0.0.1:{}/0", peer.port())),
        ("none", format!("redis://127.0.0.1:{}/0", peer.port())),
        ("gone", format!("redis://:s3cret@127.0.0.1:{}/0", free_port())),
        ("tls", "valkeys://:s3cret@127.0.0.1/0".to_owned()),
        ("roots", "redis://:s3cret@127.0.0.1/0?sslrootcert=/x".to_owned()),
        ("nothing", "rediss://:s3cret@127.0.0.1/0?sslmode=none".to_owned()),
        ("far", format!("{}9", peer.url().trim_end_matches('0').to_owned() + "9")),
    ];
    let hands = hands(connections(&urls), &[]);
    for (name, again, told) in [
        ("wrong", false, "WRONGPASS"),
        ("none", false, "NOAUTH"),
        ("gone", true, "cannot be reached"),
        ("tls", false, "`rediss://`"),
        ("roots", false, "sslrootcert"),
        ("nothing", false, "sslrootcert"),
        ("far", false, "out of range"),
        ("unknown", false, "[connections.NAME]"),
    ] {
        let answer = hands.empty_cache(&redis(name, "*"), "k").await;
        let Answer::Failed { error, again: may } = &answer else { panic!("{name}: {answer:?}") };
        assert!(error.contains(told) && *may == again && !error.contains("s3cret"), "{name}: {answer:?}");
    }
    let empty = hands.empty_cache(&redis("none", ""), "k").await;
    assert!(matches!(&empty, Answer::Failed { error, .. } if error.contains("pattern")), "{empty:?}");
}

#[tokio::test]
async fn given_something_else_than_redis_when_emptied_then_it_does_not_hang_or_grow() {
    let page = Page::start("hello").await;
    for odd in ["*99999999\r\n", "$9999999999\r\n", "hello\r\n", "*2\r\n*1\r\n*1\r\n*1\r\n", "", ":x\r\n"] {
        page.set_raw(odd.to_owned());
        let hands = hands(connections(&[("odd", format!("redis://{}/", page.address()))]), &[]);
        // The page answers once it has read an empty line, which this pattern brings.
        let answer = hands.empty_cache(&redis("odd", "\r\n\r\n"), "k").await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{odd:?}: {answer:?}");
    }
}

#[tokio::test]
async fn given_a_cache_behind_http_when_emptied_then_key_signature_and_header_go_along() {
    let page = Page::start("purged 12").await;
    let headers = [("X-Purge-Key".to_owned(), Secret::Env("STERNWAY_SECRET_HEADER".to_owned()))].into();
    let cache =
        Cache::Http { url: page.url("/purge"), secret: Some(Secret::Env("STERNWAY_SECRET_HOOK".to_owned())), headers };
    let hands = hands(StepSettings::default(), SECRETS);
    let answer = hands.empty_cache(&cache, "saga:9:do").await;
    assert_eq!(answer, Answer::Done { output: "200 OK: purged 12".to_owned() });
    let head = page.last_head().to_lowercase();
    for line in [
        "post /purge ",
        "idempotency-key: saga:9:do",
        "webhook-id: saga:9:do",
        "webhook-signature: v1,",
        "x-purge-key: the-header",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    page.set_raw("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    assert!(matches!(hands.empty_cache(&cache, "k").await, Answer::Unknown { .. }));
}

#[tokio::test]
async fn given_channels_when_told_then_each_gets_it_once_per_key_and_an_unknown_one_is_named() {
    let (ops, chat) = (Page::start("ok").await, Page::start("ok").await);
    let channel = |page: &Page, signed: bool| Channel::Webhook {
        url: Secret::Value(page.url("/hooks/s3cret")),
        secret: signed.then(|| Secret::Env("STERNWAY_SECRET_HOOK".to_owned())),
    };
    let channels = [("ops".to_owned(), channel(&ops, true)), ("chat".to_owned(), channel(&chat, false))].into();
    let hands = hands(StepSettings { channels, ..StepSettings::default() }, SECRETS);
    let id = uuid::Uuid::nil();
    let (release, saga, step, key) = (ReleaseId(id), SagaId(id), StepId(2), "saga:2:do");
    let checkpoint = Some("log\n7\nAAAA\n\n— log AAAA\n");
    let notice = Notice { text: "Rollback begins", release, saga, step, key, checkpoint, link: None };
    let both = ["ops".to_owned(), "chat".to_owned()];
    let told = hands.notify(&both, &notice).await;
    assert_eq!(told.answer, Answer::Done { output: "told: ops, chat".to_owned() });
    assert_eq!(told.by, both);
    assert!(ops.last_head().contains("webhook-signature: v1,") && !chat.last_head().contains("webhook-signature"));
    let unknown = hands.notify(&["ops".to_owned(), "pager".to_owned()], &notice).await;
    let failed = &unknown.answer;
    assert!(matches!(failed, Answer::Failed { error, again: false } if error.contains("`pager`")), "{unknown:?}");
    assert_eq!(unknown.by, ["ops"], "who surely has it");
    assert_eq!(ops.requests(), 2);
    chat.set_raw("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n".to_owned());
    let slow = hands.notify(&both, &notice).await;
    assert!(matches!(slow.answer, Answer::Failed { again: true, .. }));
    assert_eq!(slow.by, ["ops"]);
}
