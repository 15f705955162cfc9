//! The real program, ended without warning at any moment of a rollout: it goes on where it was, and nothing that was
//! ordered before is brought about a second time.

use super::support::Desk;
use super::yard::{Yard, plan};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use sternway_domain::id::ReleaseId;
use sternway_domain::release::{Release, State};
use sternway_domain::time::Span;
use sternway_peers::{Chance, eventually, signal};
use tokio::process::Child;
use tokio::task::JoinSet;

/// Moments of a rollout at which the program is killed, one rollout each.
const KILLS: usize = 20;
/// Rollouts at the same time.
const AT_ONCE: usize = 5;
const SEED: u64 = 67;

/// One service with a database and a program of its own.
struct Site {
    desk: Desk,
    service: String,
    id: ReleaseId,
}

impl Site {
    async fn started(yard: &Yard, service: String) -> Site {
        let desk = Desk::new().await;
        desk.apply(plan("automatic"), yard.document(&service)).await;
        let id = desk.started(&service, "quick").await;
        Site { desk, service, id }
    }

    /// `sternway serve` on this database, ready for orders.
    async fn serve(&self, lease: &str) -> Child {
        self.desk.serve("", lease, &[])
    }

    async fn promoted(&self, program: &mut Child) -> Release {
        let what = format!("{} promoted", self.service);
        eventually(&what, Duration::from_secs(60), || {
            let ended = program.try_wait().expect("the process is ours");
            assert!(ended.is_none(), "{}: the program ended with {ended:?}: {}", self.service, self.desk.log());
            async {
                let release = self.desk.release(self.id).await;
                assert!(!release.state.ended() || release.state == State::Promoted, "{:?}", release.state);
                (release.state == State::Promoted).then_some(release)
            }
        })
        .await
    }

    /// What must hold however often the program was killed.
    async fn assert_like(&self, actions: &[String], yard: &Yard) {
        let name = &self.service;
        assert_eq!(self.desk.actions(self.id).await, actions, "{name}: the same decisions in the same order");
        let site = yard.site(name);
        assert_eq!(yard.weights(name), [5, 25, 100], "{name}: each weight brought about once: {site:?}");
        assert!(site.refused.is_empty(), "{name}: {site:?}");
        let keys: HashSet<&str> = site.applied.iter().map(|order| order.key.as_str()).collect();
        assert_eq!(keys.len(), site.applied.len(), "{name}: an effect for each key");
        let tokens: Vec<i64> = site.applied.iter().map(|order| order.token).collect();
        assert!(tokens.is_sorted(), "{name}: {tokens:?}");
        let release = self.desk.release(self.id).await;
        assert_eq!(Release::fold(&self.desk.history(self.id).await).as_ref(), Some(&release), "{name}");
        for decision in self.desk.decisions(self.id).await {
            let leaves = self.desk.service.store.leaves(decision.leaf_index, 1).await.expect("the database answers");
            assert_eq!(leaves.len(), 1, "{name}: every decision has its entry");
        }
    }
}

#[tokio::test]
async fn given_the_program_is_killed_at_any_moment_when_started_again_then_the_rollout_ends_as_if_nothing_had_been() {
    println!("seed {SEED}");
    let yard = std::sync::Arc::new(Yard::start().await);
    let unkilled = Site::started(&yard, "unkilled".into()).await;
    let began = Instant::now();
    let mut program = unkilled.serve("2s").await;
    unkilled.promoted(&mut program).await;
    let whole = began.elapsed();
    program.kill().await.expect("the process is ours to end");
    let actions = unkilled.desk.actions(unkilled.id).await;
    let rule = "promote automation, rule promote-on-pass";
    assert_eq!(actions, ["create Maya Ortiz", "start Maya Ortiz", rule, rule, rule]);
    unkilled.assert_like(&actions, &yard).await;
    println!("without a kill: {whole:?}");

    // One moment in each twentieth of a rollout.
    let mut chance = Chance::new(SEED);
    let part = whole / u32::try_from(KILLS).expect("few");
    let mut moments: Vec<(usize, Duration)> = (0..KILLS)
        .map(|i| {
            let within = chance.below(u64::try_from(part.as_micros()).expect("short") + 1);
            (i, part * u32::try_from(i).expect("few") + Duration::from_micros(within))
        })
        .collect();
    let mut running = JoinSet::new();
    let mut midway = 0;
    while !moments.is_empty() || !running.is_empty() {
        while running.len() < AT_ONCE
            && let Some((i, moment)) = moments.pop()
        {
            running.spawn(killed_once(yard.clone(), i, moment, actions.clone()));
        }
        match running.join_next().await.expect("something runs") {
            Ok(unfinished) => midway += usize::from(unfinished),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
    assert!(midway >= KILLS / 2, "only {midway} of {KILLS} kills came in the middle of a rollout");
}

/// Whether the kill came in the middle of the rollout.
async fn killed_once(yard: std::sync::Arc<Yard>, i: usize, moment: Duration, actions: Vec<String>) -> bool {
    let site = Site::started(&yard, format!("killed-{i:02}")).await;
    let mut program = site.serve("2s").await;
    // The moment is the input of this test, not something to wait for.
    tokio::time::sleep(moment).await;
    program.kill().await.expect("the process is ours to end");
    let orders = yard.site(&site.service);
    let state = site.desk.release(site.id).await.state;
    println!("{}: killed after {moment:?}, {state:?}, {:?} ordered", site.service, yard.weights(&site.service));
    let mut program = site.serve("2s").await;
    site.promoted(&mut program).await;
    site.assert_like(&actions, &yard).await;
    assert!(yard.site(&site.service).applied.starts_with(&orders.applied));
    program.kill().await.expect("the process is ours to end");
    state != State::Promoted
}

#[tokio::test]
async fn given_the_program_is_asked_to_end_when_another_waits_then_it_ends_in_time_and_the_other_goes_on_at_once() {
    let yard = Yard::start().await;
    let site = Site::started(&yard, "checkout".into()).await;
    // Far longer than the test: only a lease that is given back can be taken.
    let mut program = site.serve("5m").await;
    eventually("25 %", Duration::from_secs(60), async || {
        let release = site.desk.release(site.id).await;
        (release.state == State::Running { stage: 1 } && release.confirmed()).then_some(())
    })
    .await;
    let asked = Instant::now();
    signal(&program, "TERM").await;
    let ended = program.wait().await.expect("the process is ours");
    assert!(ended.success(), "{ended}: {}", site.desk.log());
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    let since = site.desk.now();
    let other = site.desk.engine("other", Span::from_secs(10));
    let taken = site
        .desk
        .until("a reading by the other", async || {
            let ticks = site.desk.service.tick_bodies(site.id, since).await.expect("the database answers");
            ticks.first().map(|tick| tick.tick.at)
        })
        .await;
    assert!(taken.since(since) < Span::from_secs(2), "taken over after {}", taken.since(since));
    site.desk.until_release(site.id, "promoted", |release| release.state == State::Promoted).await;
    assert_eq!(yard.weights("checkout"), [5, 25, 100]);
    other.stop().await;
}
