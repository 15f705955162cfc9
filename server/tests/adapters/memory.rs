//! The adapters in memory, which other tests and the demo rely on.

use super::support::{NOW, Still, build_source, intent, outbound, service, weight};
use serde_json::json;
use std::sync::Arc;
use sternway_domain::id::ServiceName;
use sternway_domain::signal::{InstanceReading, Reading, Source, SourceFailure};
use sternway_domain::time::Span;
use sternway_server::drivers::{self, MemoryTraffic};
use sternway_server::ports::{DriverFailure, Intent};
use sternway_server::sources::{self, MemorySignals};

fn checkout() -> ServiceName {
    ServiceName::new("checkout").expect("a name")
}

#[tokio::test]
async fn given_a_table_of_signals_when_it_changes_then_the_next_look_sees_it() {
    let signals = MemorySignals::default();
    let document = service(json!("demo"), json!("memory"));
    let source = sources::build(&document, Source::First, &outbound(&[]), &signals).expect("usable");
    assert_eq!(source.read(NOW).await, Ok(Reading { at: NOW, ..Reading::default() }));

    let instance =
        InstanceReading { instance: "i".to_owned(), at: NOW - Span::from_secs(9), ..InstanceReading::default() };
    signals.set(&checkout(), Reading { canary: vec![instance.clone()], ..Reading::default() });
    assert_eq!(source.read(NOW).await, Ok(Reading { at: NOW, canary: vec![instance], ..Reading::default() }));

    let down = SourceFailure::Down { source_name: "memory".to_owned(), detail: "unplugged".to_owned() };
    signals.fail(&checkout(), down.clone());
    assert_eq!(source.read(NOW).await, Err(down));
    assert!(build_source(&document, &outbound(&[])).is_ok());
}

#[tokio::test]
async fn given_a_table_of_traffic_when_asked_then_it_moves_unless_the_token_is_stale_or_it_is_deaf_or_gone() {
    let traffic = MemoryTraffic::default();
    let document = service(json!("demo"), json!("memory"));
    let driver = drivers::build(&document, &outbound(&[]), Arc::new(Still), 7, &traffic).expect("usable");
    assert_eq!(driver.observe(NOW).await.expect("it answers").canary, weight(0));

    driver.apply(&intent(25)).await.expect("it moves");
    assert_eq!(
        (traffic.canary(&checkout()), driver.observe(NOW).await.expect("it answers").canary),
        (weight(25), weight(25))
    );
    let stale = driver.apply(&Intent { token: 2, ..intent(50) }).await;
    assert!(matches!(stale, Err(DriverFailure::Refused { .. })), "{stale:?}");

    traffic.set_deaf(&checkout(), true);
    driver.apply(&intent(50)).await.expect("it says yes");
    assert_eq!(traffic.canary(&checkout()), weight(25));
    traffic.set_deaf(&checkout(), false);

    let gone = DriverFailure::Unreachable { target_name: "router".to_owned(), detail: "unplugged".to_owned() };
    traffic.set_failure(&checkout(), Some(gone.clone()));
    assert_eq!(driver.apply(&intent(50)).await, Err(gone));
    traffic.set_failure(&checkout(), None);
    traffic.set_ready(&checkout(), Some(2), Some(0));
    assert_eq!(driver.observe(NOW).await.expect("it answers").canary_ready, Some(0));
    assert_eq!(traffic.applied(&checkout()), [intent(25)]);
}
