//! Probes against real databases, sockets and pages; draining against the table in memory.

use super::support::{connections, hands, service};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sternway_domain::id::ServiceName;
use sternway_domain::probe::Probe;
use sternway_domain::saga::Answer;
use sternway_domain::service::Signals;
use sternway_domain::time::Span;
use sternway_peers::{Page, PostgresProcess, free_port};
use sternway_server::drivers::MemoryTraffic;
use sternway_server::ports::Clock;
use sternway_server::steps::Hands;
use sternway_server::steps::settings::StepSettings;
use sternway_server::system::SystemClock;

const TABLE: &str = "CREATE TABLE orders (id integer, total double precision)";
const ROWS: &str = "INSERT INTO orders VALUES (1, 10.0), (2, -1.0)";

async fn ask(hands: &Hands, ask: Value, timeout: &str) -> Answer {
    let probe: Probe =
        serde_json::from_value(json!({"name": "check", "ask": ask, "timeout": timeout})).expect("a probe");
    hands.probe(&probe, &Signals::Memory, SystemClock.now()).await
}

async fn sql(hands: &Hands, connection: &str, query: &str, expect: Value, timeout: &str) -> Answer {
    ask(hands, json!({"sql": {"connection": connection, "query": query, "expect": expect}}), timeout).await
}

/// Both databases with the same rows.
async fn databases() -> (Hands, tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = format!("sqlite:{}", dir.path().join("orders.db").display());
    let options: sqlx::sqlite::SqliteConnectOptions = file.parse().expect("an address");
    let mut sqlite = sqlx::SqliteConnection::connect_with(&options.create_if_missing(true)).await.expect("opened");
    let url = PostgresProcess::shared().database();
    let mut postgres = sqlx::PgConnection::connect(&url).await.expect("connected");
    for statement in [TABLE, ROWS] {
        sqlx::query(statement).execute(&mut sqlite).await.expect("run");
        sqlx::query(statement).execute(&mut postgres).await.expect("run");
    }
    sqlite.close().await.expect("closed");
    let hands = hands(connections(&[("orders", file), ("orders-pg", url.clone())]), &[]);
    (hands, dir, url)
}

fn error(answer: &Answer) -> &str {
    match answer {
        Answer::Failed { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn given_a_number_when_asked_of_either_database_then_it_is_judged() {
    let (hands, _dir, _url) = databases().await;
    for connection in ["orders", "orders-pg"] {
        let query = "SELECT count(*) FROM orders WHERE total < 0 -- the comment stays\n;";
        let good = sql(&hands, connection, query, json!({"at_most": 1.0}), "5s").await;
        assert_eq!(good, Answer::Done { output: "`check`: 1, wanted at most 1".to_owned() });
        let bad = sql(&hands, connection, query, json!({"equals": 0.0}), "5s").await;
        assert_eq!(bad, Answer::Failed { error: "`check`: 1, but wanted exactly 0".to_owned(), again: true });
        for (query, wanted) in [
            ("SELECT sum(id) FROM orders", 3.0),
            ("SELECT avg(total) FROM orders", 4.5),
            ("WITH n AS (SELECT 7 AS x) SELECT x FROM n", 7.0),
        ] {
            let answer = sql(&hands, connection, query, json!({"equals": wanted}), "5s").await;
            assert!(matches!(answer, Answer::Done { .. }), "{connection} {query}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn given_what_is_no_number_when_asked_then_it_is_bad_and_says_why() {
    let (hands, _dir, _url) = databases().await;
    for connection in ["orders", "orders-pg"] {
        for (query, told) in [
            ("SELECT total FROM orders", "more than one row"),
            ("SELECT total FROM orders WHERE id = 99", "no row"),
            ("SELECT id, total FROM orders WHERE id = 1", "2 columns"),
            ("SELECT max(total) FROM orders WHERE id = 99", "NULL"),
            ("SELECT nothing FROM orders", "nothing"),
            ("SELECT", ""),
            ("SELECT 1) AS probe(number); DELETE FROM orders WHERE (1 = 1", "more than one statement"),
        ] {
            let answer = sql(&hands, connection, query, json!({"at_least": -1e9}), "5s").await;
            assert!(error(&answer).contains(told), "{connection} {query}: {answer:?}");
        }
    }
    let nobody = sql(&hands, "stock", "SELECT 1", json!({"equals": 1.0}), "5s").await;
    assert!(
        matches!(&nobody, Answer::Failed { error, again: false } if error.contains("[connections.NAME]")),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn given_a_query_that_writes_when_asked_then_nothing_changes() {
    let (hands, _dir, url) = databases().await;
    let mut postgres = sqlx::PgConnection::connect(&url).await.expect("connected");
    for statement in [
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'",
        "CREATE SEQUENCE numbers",
    ] {
        sqlx::query(statement).execute(&mut postgres).await.expect("run");
    }
    for query in [
        "SELECT wipe()",
        "SELECT nextval('numbers')",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone",
        "SELECT set_config('transaction_read_only', 'off', false)",
    ] {
        let answer = sql(&hands, "orders-pg", query, json!({"at_least": 0.0}), "5s").await;
        assert!(!matches!(answer, Answer::Done { .. }), "{query}: {answer:?}");
    }
    for query in ["WITH x AS (SELECT 1) DELETE FROM orders", "WITH x AS (SELECT 1) INSERT INTO orders SELECT 3, 3"] {
        let answer = sql(&hands, "orders", query, json!({"at_least": 0.0}), "5s").await;
        assert!(!matches!(answer, Answer::Done { .. }), "{query}: {answer:?}");
    }
    for connection in ["orders", "orders-pg"] {
        let rows = sql(&hands, connection, "SELECT count(*) FROM orders", json!({"equals": 2.0}), "5s").await;
        assert!(matches!(rows, Answer::Done { .. }), "{connection}: {rows:?}");
    }
}

#[tokio::test]
async fn given_a_query_that_never_ends_when_its_time_is_over_then_the_database_stops_working_on_it() {
    let (hands, _dir, url) = databases().await;
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    for (connection, query) in [("orders", endless), ("orders-pg", "SELECT count(*) FROM pg_sleep(60)")] {
        let begun = Instant::now();
        let answer = sql(&hands, connection, query, json!({"at_least": 0.0}), "300ms").await;
        // Each database's own word, not ours for not waiting any longer.
        let told = if connection == "orders" { "ended after 300" } else { "statement timeout" };
        assert!(error(&answer).contains(told), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{connection}: {:?}", begun.elapsed());
    }
    let mut postgres = sqlx::PgConnection::connect(&url).await.expect("connected");
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()";
    let left: i64 = sqlx::query_scalar(busy).fetch_one(&mut postgres).await.expect("asked");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn given_a_page_when_asked_then_status_text_and_time_count() {
    let page = Page::start("ready: yes").await;
    let hands = hands(StepSettings::default(), &[]);
    let url = page.url("/health");
    let good = ask(&hands, json!({"http": {"url": url, "contains": "yes"}}), "2s").await;
    assert!(matches!(good, Answer::Done { .. }), "{good:?}");
    for (probe, told) in [
        (json!({"http": {"url": url, "contains": "no"}}), "without the text"),
        (json!({"http": {"url": url, "status": 204}}), "wanted 204"),
        (json!({"http": {"url": format!("http://127.0.0.1:{}/", free_port())}}), "cannot be reached"),
        (json!({"http": {"url": "http://169.254.169.254/"}}), "not allowed"),
        (json!({"tcp": {"address": format!("127.0.0.1:{}", free_port())}}), "cannot be reached"),
        (json!({"tcp": {"address": "169.254.169.254:80"}}), "not allowed"),
        (json!({"tcp": {"address": "nothing"}}), "host:port"),
        (json!({"promql": {"query": "up", "expect": {"equals": 1.0}}}), "nobody to ask"),
    ] {
        let answer = ask(&hands, probe.clone(), "2s").await;
        assert!(error(&answer).contains(told), "{probe}: {answer:?}");
    }
    let open = ask(&hands, json!({"tcp": {"address": page.address().to_string()}}), "2s").await;
    assert!(matches!(open, Answer::Done { .. }), "{open:?}");
    page.set_raw("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".to_owned());
    let elsewhere = ask(&hands, json!({"http": {"url": url}}), "2s").await;
    assert!(error(&elsewhere).contains("answers 302"), "{elsewhere:?}");
}

#[tokio::test]
async fn given_prometheus_when_asked_then_one_number_is_judged_and_silence_is_bad() {
    let prometheus = Page::start("").await;
    let answers = |result: &str| {
        prometheus.set(&format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#))
    };
    let hands = hands(StepSettings::default(), &[]);
    let signals = json!({"prometheus": {"url": prometheus.url(""), "baseline": "a=\"1\"", "canary": "a=\"2\""}});
    let signals = service(json!("memory"), signals).signals;
    let probe =
        json!({"name": "lag", "ask": {"promql": {"query": "sum(replication_lag)", "expect": {"at_most": 5.0}}}});
    let probe: Probe = serde_json::from_value(probe).expect("a probe");
    for (result, good) in [
        (r#"[{"metric":{},"value":[1,"4"]}]"#, true),
        (r#"[{"metric":{},"value":[1,"6"]}]"#, false),
        (r#"[{"metric":{},"value":[1,"NaN"]}]"#, false),
        ("[]", false),
        (r#"[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"1"]}]"#, false),
    ] {
        answers(result);
        let answer = hands.probe(&probe, &signals, SystemClock.now()).await;
        assert_eq!(matches!(answer, Answer::Done { .. }), good, "{result}: {answer:?}");
    }
}

#[tokio::test]
async fn given_work_in_flight_when_drained_then_it_waits_for_none_or_the_limit() {
    let (traffic, name) = (MemoryTraffic::default(), ServiceName::new("checkout").expect("a name"));
    let driver = Arc::new(traffic.driver(name.clone()));
    let hands = hands(StepSettings::default(), &[]);
    traffic.set_in_flight(&name, Some(3));
    let waiting = {
        let (hands, driver) = (hands.clone(), driver.clone());
        tokio::spawn(async move { hands.drain(driver.as_ref(), Span::from_secs(60)).await })
    };
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!waiting.is_finished());
    traffic.set_in_flight(&name, Some(0));
    let Answer::Done { output } = waiting.await.expect("ends") else { panic!("drained") };
    assert!(output.starts_with("nothing in flight after"), "{output}");

    traffic.set_in_flight(&name, Some(3));
    let Answer::Done { output } = hands.drain(driver.as_ref(), Span::from_millis(400)).await else { panic!("goes on") };
    assert!(output.contains("still in flight: 3"), "{output}");
    traffic.set_in_flight(&name, None);
    let begun = Instant::now();
    let Answer::Done { output } = hands.drain(driver.as_ref(), Span::from_millis(400)).await else { panic!("goes on") };
    assert!(output.contains("cannot say") && begun.elapsed() >= Duration::from_millis(400), "{output}");
}
