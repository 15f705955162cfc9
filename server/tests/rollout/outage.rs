//! PostgreSQL goes away in the middle of a rollback and comes back: nothing is lost, nothing happens twice, and people are
//! told at once what they can do meanwhile.

use super::fleet::{Fleet, SERVICES};
use super::support::{Desk, maya};
use std::time::{Duration, Instant};
use sternway_domain::component::Scope;
use sternway_domain::release::State;
use sternway_peers::{Cable, Line, PostgresProcess, eventually, http_get, loopback};
use sternway_server::service::{ServiceError, Wanted};
use sternway_server::store::StoreError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and text of a POST.
async fn post(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(loopback(port)).await.ok()?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Authorization: Bearer swy_x\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok()?;
    Some((text.split_whitespace().nth(1)?.parse().ok()?, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn given_postgresql_goes_away_in_a_rollback_when_it_is_back_then_it_goes_on_and_meanwhile_people_are_told() {
    let postgres = PostgresProcess::shared();
    let database = postgres.database();
    let fleet = Fleet::over(91, Desk::on(&database).await).await;
    fleet.depot.slow_down(Duration::from_millis(500));
    let cable = Cable::to(postgres.port()).await;
    let through = database.replace(&format!(":{}/", postgres.port()), &format!(":{}/", cable.port()));
    let far = Desk::on(&through).await;
    let mut program = far.serve("one", "2s", &[]);
    let port = eventually("it listens", Duration::from_secs(20), || async { far.port() }).await;
    let id = fleet.started().await;
    let (rollback, acted) = fleet.desk.asked(id, Wanted::Rollback { scope: Scope::default() }).await;
    acted.expect("accepted");
    fleet.desk.until("it goes on", async || fleet.saga(id).await.filter(|log| log.saga.version > 12).map(|_| ())).await;

    for line in [Line::Stalled, Line::Cut] {
        cable.set(line);
        let gone = Instant::now();
        let (_, text) = eventually("people are told", Duration::from_secs(15), || async {
            let asked = tokio::time::timeout(Duration::from_secs(1), post(port, "/api/v1/releases")).await.ok()?;
            asked.filter(|(status, text)| *status == 503 && text.contains("emergency rollback"))
        })
        .await;
        println!("{line:?}: told after {:?}", gone.elapsed());
        assert!(text.contains("application/problem+json") && text.contains("etry-"), "{text}");
        let (status, page) = http_get(port, "/").await.expect("it answers");
        assert_eq!(status, 503);
        for words in
            ["Nothing can be changed now", "has not been reachable since", "sternway emergency rollback", "viewport"]
        {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(http_get(port, "/healthz").await.map(|(status, _)| status), Some(200));
        assert_eq!(http_get(port, "/readyz").await.map(|(status, _)| status), Some(503));
        // An act that gets no answer: the same key asks again later.
        let act = tokio::time::timeout(Duration::from_secs(20), far.service.act(&maya(), rollback.clone())).await;
        let failed = act.expect("an answer in time");
        assert!(
            matches!(failed, Err(ServiceError::Store(StoreError::Unavailable { .. }))),
            "neither yes nor no: {failed:?}"
        );
        cable.set(Line::Whole);
        let back = Instant::now();
        eventually("it serves again", Duration::from_secs(15), || async {
            http_get(port, "/readyz").await.filter(|(status, _)| *status == 200)?;
            http_get(port, "/signin").await.filter(|(status, _)| *status == 200)
        })
        .await;
        println!("{line:?}: serves {:?} after it is back", back.elapsed());
    }
    let acted = far.service.act(&maya(), rollback.clone()).await.expect("the answer that was lost");
    assert_eq!(acted.release.id, id.to_string());
    fleet.desk.until("over", async || (!fleet.desk.release(id).await.state.active()).then_some(())).await;
    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    let deployed = fleet.depot.deployed();
    assert_eq!(deployed.len(), SERVICES.len(), "each once: {deployed:?}");
    let decisions = fleet.desk.decisions(id).await;
    let accepted = decisions.iter().filter(|row| row.action == "rollback" && row.outcome == "accepted");
    assert_eq!(accepted.count(), 1, "{decisions:?}");
    program.kill().await.expect("the process is ours to end");
}
