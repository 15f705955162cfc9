//! Several engines on one PostgreSQL: each hears of everything, and whoever is cut off stops before another begins.

use super::fleet::{Fleet, SERVICES};
use super::support::{Desk, maya};
use std::time::{Duration, Instant};
use sternway_domain::component::Scope;
use sternway_domain::release::State;
use sternway_domain::time::Span;
use sternway_peers::{Cable, Line, PostgresProcess, eventually};
use sternway_server::live::{self, Topic};
use sternway_server::service::Wanted;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn given_two_replicas_when_one_carries_a_rollback_on_then_the_pages_of_the_other_hear_of_each_step() {
    let database = PostgresProcess::shared().database();
    let fleet = Fleet::over(81, Desk::on(&database).await).await;
    let other = Desk::on(&database).await;
    let stop = CancellationToken::new();
    let following = tokio::spawn(live::follow(other.service.clone(), "other".into(), stop.clone()));
    let own = tokio::spawn(live::follow(fleet.desk.service.clone(), "one".into(), stop.clone()));
    let engine = fleet.desk.engine("one", Span::from_secs(5));
    let id = fleet.started().await;
    let mut heard = other.service.bus.subscribe();
    let mut here = fleet.desk.service.bus.subscribe();
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");

    // Each look of the other at the saga happens because it was told, and sees every step that was begun.
    let (mut versions, mut decisions) = (Vec::new(), 0);
    let hearing = async {
        loop {
            match heard.recv().await.expect("nothing is missed") {
                change if change.topic == Topic::Decisions => decisions += 1,
                change if matches!(&change.topic, Topic::Release { id: told, .. } if *told == id) => {
                    let Some(log) = other.service.newest_saga(&maya(), id).await.expect("readable") else { continue };
                    versions.push(log.saga.version);
                    if log.saga.ended() {
                        return log.saga.plan.id;
                    }
                }
                _ => {}
            }
        }
    };
    let saga = tokio::time::timeout(Duration::from_secs(60), hearing).await.expect("it is told of the end");
    versions.dedup();
    assert!(versions.len() >= 10, "it was told of few of the steps: {versions:?}");
    assert!(decisions >= 1, "of the decision too");
    let said = other.service.store.said(saga).await.expect("readable").unwrap_or_default();
    assert!(said.contains("ot yet well"), "what the gate says is there for the pages of the other: {said}");
    let mut positions = Vec::new();
    while let Ok(change) = here.try_recv() {
        if matches!(change.topic, Topic::Decisions) {
            positions.push(change.version);
        }
    }
    let all = positions.len();
    positions.dedup();
    assert_eq!(positions.len(), all, "what was done here is not told here a second time");
    engine.stop().await;
    stop.cancel();
    following.await.expect("ends");
    own.await.expect("ends");
}

/// Lines that are cut and mended in turn.
const CUTS: usize = 6;
const LEASE: Span = Span::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn given_a_replica_that_is_cut_off_when_the_other_takes_over_then_nothing_happens_twice_or_late() {
    let postgres = PostgresProcess::shared();
    let database = postgres.database();
    let fleet = Fleet::over(83, Desk::on(&database).await).await;
    fleet.depot.slow_down(Duration::from_millis(600));
    let cables = [Cable::to(postgres.port()).await, Cable::to(postgres.port()).await];
    let through = |cable: &Cable| database.replace(&format!(":{}/", postgres.port()), &format!(":{}/", cable.port()));
    let desks = [Desk::on(&through(&cables[0])).await, Desk::on(&through(&cables[1])).await];
    let engines = [desks[0].engine("0", LEASE), desks[1].engine("1", LEASE)];
    let id = fleet.started().await;
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");

    let (mut takeovers, mut stale_after) = (Vec::new(), Vec::new());
    let mut seen = 0;
    for cut in 0..CUTS {
        let log = fleet
            .desk
            .until("it goes on", async || {
                let log = fleet.saga(id).await.filter(|log| Fleet::holder(log).is_some())?;
                (log.saga.ended() || log.saga.version > seen + 3).then_some(log)
            })
            .await;
        if log.saga.ended() {
            break;
        }
        let (holder, token) = Fleet::holder(&log).expect("somebody has it");
        let cable = &cables[holder.parse::<usize>().expect("a number")];
        cable.set(if cut % 2 == 0 { Line::Stalled } else { Line::Cut });
        let since = Instant::now();
        let taken = eventually("taken over", Duration::from_secs(10), || async {
            let log = fleet.saga(id).await?;
            (log.saga.token > token || log.saga.ended()).then_some(log.saga.version)
        })
        .await;
        takeovers.push(since.elapsed());
        stale_after.push((token, Instant::now()));
        seen = taken;
        cable.set(Line::Whole);
    }
    fleet.desk.until("over", async || (!fleet.desk.release(id).await.state.active()).then_some(())).await;

    println!("taken over after {takeovers:?}");
    assert!(takeovers.len() >= 4, "only {takeovers:?}");
    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    assert_eq!(fleet.candidates().await, [0; 5]);
    let deployed = fleet.depot.deployed();
    assert_eq!(deployed.len(), SERVICES.len(), "each once: {deployed:?}");
    for (token, taken) in stale_after {
        let late: Vec<_> =
            fleet.depot.came().into_iter().filter(|came| came.token <= token && came.at > taken).collect();
        assert!(late.is_empty(), "whoever was cut off had stopped before: {late:?}");
    }
    for engine in engines {
        engine.stop().await;
    }
}

/// HAProxy cannot refuse an old token: what a replica that was taken over writes late is seen and corrected.
#[tokio::test(flavor = "multi_thread")]
async fn given_a_stale_write_to_haproxy_when_a_rollback_has_moved_traffic_then_it_is_set_right_and_logged_as_drift() {
    const POLL: Duration = Duration::from_millis(500);
    let fleet = Fleet::start(87).await;
    let mut program = fleet.desk.serve("one", "5s", &[]);
    let id = fleet.started().await;
    fleet.depot.slow_down(Duration::from_secs(3));
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    fleet.desk.until("all traffic is back", async || (fleet.candidates().await == [0; 5]).then_some(())).await;
    // The proxy has been looked at since, by whoever works.
    tokio::time::sleep(2 * POLL).await;
    for service in ["cache", "shop"] {
        let late = format!("set server {service}/{service}-canary weight 50");
        assert_eq!(fleet.haproxy.command(&late).await.as_deref().map(str::trim), Some(""), "HAProxy takes it");
        let since = Instant::now();
        fleet.desk.until("set right", async || (fleet.candidates().await == [0; 5]).then_some(())).await;
        assert!(since.elapsed() < 2 * POLL + Duration::from_millis(500), "{service}: after {:?}", since.elapsed());
    }
    let log = fleet.desk.log();
    for service in ["cache", "shop"] {
        let drift = log.lines().find(|line| line.contains("drifted") && line.contains(service));
        assert!(drift.is_some(), "{service}: {log}");
    }
    fleet.desk.until("over", async || (!fleet.desk.release(id).await.state.active()).then_some(())).await;
    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    program.kill().await.expect("the process is ours to end");
}
