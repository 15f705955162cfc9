//! A rollback of five services, carried on by real processes that are ended before and after every step of it, and where
//! something was done of which they do not know yet: the same end as without, and nothing happens twice. The services
//! themselves count.

use super::fleet::{Fleet, SERVICES};
use super::support::Desk;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use sternway_domain::component::Scope;
use sternway_domain::id::ReleaseId;
use sternway_domain::release::State;
use sternway_domain::saga::{Event, Saga, Side, StandingKind, Status, StepAct, StepId};
use sternway_peers::{PostgresProcess, signal};
use sternway_server::service::{SagaLog, Wanted};
use tokio::process::Child;

/// As long as this nobody else may take over; then at once.
const LEASE: &str = "1s";
/// Of one step, which is under way for ten times as long at least.
const GLANCE: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(240);

/// Of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Its order is written down.
    Ordered(StepId),
    /// It has happened, and the answer is on its way.
    Happened(StepId),
    /// Its answer is written down.
    Answered(StepId),
}

/// What was ended when.
#[derive(Default)]
struct Ends {
    /// Moments that were the newest when a process was ended.
    at: BTreeSet<Moment>,
    seen: BTreeSet<Moment>,
    /// Steps that were under way then.
    midway: BTreeSet<StepId>,
    count: usize,
}

/// `deployed` was looked at before the log.
fn moments(deployed: &[String], log: &SagaLog) -> BTreeSet<Moment> {
    let moment = |event: &Event| match event {
        Event::Begun { step, side: Side::Do, .. } => Some(Moment::Ordered(*step)),
        Event::Succeeded { step, side: Side::Do, .. } => Some(Moment::Answered(*step)),
        _ => None,
    };
    let mut all: BTreeSet<Moment> = log.events.iter().filter_map(moment).collect();
    let happened = deploys(&log.saga).filter(|(_, line)| deployed.contains(line)).map(|(step, _)| step);
    let unheard: Vec<StepId> = happened.filter(|step| !all.contains(&Moment::Answered(*step))).collect();
    all.extend(unheard.into_iter().map(Moment::Happened));
    all
}

/// Steps that deploy, with the line the depot keeps of them.
fn deploys(saga: &Saga) -> impl Iterator<Item = (StepId, String)> {
    saga.plan.steps.iter().filter_map(|step| match &step.act {
        StepAct::Deploy { service, artifact, .. } => Some((step.id, format!("{service} {}", artifact.version))),
        _ => None,
    })
}

impl Ends {
    /// Waits for the next moment at which nothing was ended yet. `None` when all is over.
    async fn next(&mut self, fleet: &Fleet, id: ReleaseId) -> Option<SagaLog> {
        let end = Instant::now() + PATIENCE;
        loop {
            let deployed = fleet.depot.deployed();
            let log = fleet.saga(id).await.expect("a saga");
            if log.saga.ended() {
                return None;
            }
            let all = moments(&deployed, &log);
            let new: Vec<Moment> = all.difference(&self.seen).copied().collect();
            if !new.is_empty() {
                self.at.extend(new);
                self.seen.extend(all);
                return Some(log);
            }
            let standing = log.saga.standing();
            assert!(standing.kind != StandingKind::Partial, "{}: {}", standing.sentence, fleet.desk.log());
            assert!(Instant::now() < end, "it does not go on: {}: {}", standing.sentence, fleet.desk.log());
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn ended(&mut self, fleet: &Fleet, id: ReleaseId) {
        let saga = fleet.saga(id).await.expect("a saga").saga;
        self.count += 1;
        self.midway.extend(under_way(&saga));
    }

    /// Whoever is at work is ended, and nobody has taken over: what happens meanwhile nobody hears of.
    fn unheard(&mut self, all: BTreeSet<Moment>) {
        let happened: Vec<Moment> = all.into_iter().filter(|moment| matches!(moment, Moment::Happened(_))).collect();
        self.at.extend(happened.iter().copied());
        self.seen.extend(happened);
    }

    fn assert_everywhere(&self, saga: &Saga) {
        let steps = saga.plan.steps.len();
        let (unheard, told): (BTreeSet<Moment>, BTreeSet<Moment>) =
            self.at.iter().partition(|moment| matches!(moment, Moment::Happened(_)));
        println!(
            "ended {} times: at {} of {} moments, {} times between a deployment and its answer, in the middle of {} of \
             {steps} steps",
            self.count,
            told.len(),
            2 * steps,
            unheard.len(),
            self.midway.len()
        );
        assert_eq!(told.len(), 2 * steps - 1, "before and after every step but after the last: {told:?}");
        let each: BTreeSet<Moment> = deploys(saga).map(|(step, _)| Moment::Happened(step)).collect();
        assert_eq!(
            (unheard, each.len()),
            (each, SERVICES.len()),
            "each service was deployed and nobody had heard of it"
        );
        assert!(self.count >= steps / 2 && self.midway.len() >= steps / 2, "{} times, {:?}", self.count, self.midway);
    }
}

fn under_way(saga: &Saga) -> impl Iterator<Item = StepId> {
    let open = saga.plan.steps.iter().zip(&saga.tracks).filter(|(_, tracks)| tracks.does.status == Status::Running);
    open.map(|(step, _)| step.id)
}

/// All as it would be without.
async fn assert_as_without(fleet: &Fleet, id: ReleaseId) -> Saga {
    fleet.desk.until("everything is back", async || (!fleet.desk.release(id).await.state.active()).then_some(())).await;
    assert_eq!(fleet.desk.release(id).await.state, State::RolledBack);
    assert_eq!(fleet.candidates().await, [0; 5]);
    assert_eq!(fleet.depot.clashes(), Vec::<String>::new(), "a key has one effect");
    let mut deployed = fleet.depot.deployed();
    let place = |service: &str| deployed.iter().position(|line| line.starts_with(service));
    for (before, after) in [("shop", "auth"), ("shop", "cart"), ("auth", "cache"), ("cart", "storage")] {
        assert!(place(before) < place(after), "{before} before {after}: {deployed:?}");
    }
    deployed.sort();
    let mut once: Vec<String> = SERVICES.iter().map(|service| format!("{service} 1.41.3")).collect();
    once.sort();
    assert_eq!(deployed, once, "each service once, as the depot counts");
    let SagaLog { saga, events } = fleet.saga(id).await.expect("a saga");
    let mut done = BTreeMap::<StepId, usize>::new();
    for event in &events {
        if let Event::Succeeded { step, side: Side::Do, .. } = event {
            *done.entry(*step).or_default() += 1;
        }
    }
    assert!(done.len() == saga.plan.steps.len() && done.values().all(|count| *count == 1), "{done:?}");
    assert_eq!(Saga::fold(&events), Some(saga.clone()));
    let actions = fleet.desk.actions(id).await;
    let mut acts: Vec<&str> = actions.iter().filter_map(|action| action.split(' ').next()).collect();
    acts.dedup();
    assert_eq!(acts, ["create", "start", "rollback"], "the same decisions: {actions:?}");
    // Each step, try and end has its entry, committed with it; only who works on it has none.
    let rows = fleet.desk.service.store.saga_events(saga.plan.id).await.expect("the database answers");
    let silent = rows.iter().zip(&events).filter(|(row, _)| row.decision.is_none());
    let silent: Vec<&str> = silent.map(|(_, event)| event.kind()).filter(|kind| *kind != "taken").collect();
    assert_eq!(silent, Vec::<&str>::new());
    saga
}

async fn ordered(fleet: &Fleet) -> ReleaseId {
    let id = fleet.started().await;
    fleet.depot.slow_down(Duration::from_millis(300));
    fleet.desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_program_is_killed_before_and_after_every_step_when_started_again_then_it_ends_as_without() {
    let fleet = Fleet::start(71).await;
    let mut program = fleet.desk.serve("", LEASE, &[]);
    let id = ordered(&fleet).await;
    let mut ends = Ends::default();
    while ends.next(&fleet, id).await.is_some() {
        program.kill().await.expect("the process is ours to end");
        ends.ended(&fleet, id).await;
        program = fleet.desk.serve("", LEASE, &[]);
    }
    let saga = assert_as_without(&fleet, id).await;
    ends.assert_everywhere(&saga);
    assert!(fleet.depot.came().iter().all(|came| !came.refused));
    program.kill().await.expect("the process is ours to end");
}

/// Two processes on one PostgreSQL; whoever carries the rollback on is killed, or sleeps for longer than its lease and
/// wakes when the other has taken over.
#[tokio::test(flavor = "multi_thread")]
async fn given_two_replicas_on_postgresql_when_the_one_at_work_is_killed_or_sleeps_then_the_other_ends_it_as_without() {
    let fleet = Fleet::over(73, Desk::on(&PostgresProcess::shared().database()).await).await;
    let names = ["one", "two"];
    let mut programs: BTreeMap<&str, Child> = names.map(|name| (name, fleet.desk.serve(name, LEASE, &[]))).into();
    let id = ordered(&fleet).await;
    let (mut ends, mut takeovers, mut slept) = (Ends::default(), Vec::new(), 0);
    while let Some(log) = ends.next(&fleet, id).await {
        let (holder, token) = Fleet::holder(&log).expect("somebody begins a step");
        let name = names.into_iter().find(|name| *name == holder).expect("one of the two");
        let sleeps = ends.count % 3 == 2;
        let program = programs.get_mut(name).expect("both are there");
        if sleeps {
            signal(program, "STOP").await;
            slept += 1;
        } else {
            program.kill().await.expect("the process is ours to end");
        }
        ends.ended(&fleet, id).await;
        let since = Instant::now();
        loop {
            let deployed = fleet.depot.deployed();
            let log = fleet.saga(id).await.expect("a saga");
            if log.saga.token != token || log.saga.ended() {
                break;
            }
            ends.unheard(moments(&deployed, &log));
            assert!(since.elapsed() < Duration::from_secs(10), "nobody took over: {}", fleet.desk.log());
            tokio::time::sleep(GLANCE).await;
        }
        takeovers.push(since.elapsed());
        if sleeps {
            signal(&programs[name], "CONT").await;
        } else {
            programs.insert(name, fleet.desk.serve(name, LEASE, &[]));
        }
    }
    let saga = assert_as_without(&fleet, id).await;
    ends.assert_everywhere(&saga);
    takeovers.sort();
    println!("{} takeovers, {slept} after a sleep: {takeovers:?}", takeovers.len());
    assert!(slept >= 3, "{slept}");
    for mut program in programs.into_values() {
        program.kill().await.expect("the process is ours to end");
    }
}
