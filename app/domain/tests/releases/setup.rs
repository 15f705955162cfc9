//! What a run begins with: a plan, a release, a candidate that is good, bad or turns bad, and what goes wrong how often.

use super::beside::{Freeze, Second};
use super::chance::Chance;
use serde_json::json;
use std::collections::BTreeMap;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::artifact::Artifact;
use sternway_domain::checklist::{Checklist, ReleaseChecklist};
use sternway_domain::component::{Component, Components, Layer, Need, Scope};
use sternway_domain::id::{Digest, PersonId, ReleaseId, SagaId, ServiceName};
use sternway_domain::plan::{Mode, Plan, Weight};
use sternway_domain::probe::{Ask, Probe};
use sternway_domain::release::{Draft, PlanRef, Release};
use sternway_domain::saga::{
    ComponentBack, ForwardOrder, RollbackOrder, SagaPlan, Settings, rollback, rollforward, start,
};
use sternway_domain::time::{Span, Timestamp};
use uuid::Uuid;

/// When every run begins. Virtual: only differences matter.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// How the candidate does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quality {
    Good,
    Bad,
    /// From this time after its first traffic on.
    Turns(Span),
}

/// How often things go wrong, each a chance 0-1 per occasion, and for how long in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Troubles {
    /// An engine dies after a commit or a message.
    pub(crate) crash: f64,
    /// It sleeps through its lease between a commit and what it was about to do.
    pub(crate) pause: f64,
    /// A commit succeeds and its answer is lost.
    pub(crate) commit_lost: f64,
    /// A replica is cut off from the store, or from what it drives, for up to a minute. Per look at the network.
    pub(crate) cut: f64,
    /// The metrics server is down, or what it says is stale, partial or no number, for up to two minutes.
    pub(crate) outage: f64,
    /// A message or a notification is lost; arrives twice; arrives up to half a minute late.
    pub(crate) lost: f64,
    /// Nobody hears that something was committed: only its own timer tells a replica. Also when all else is calm.
    pub(crate) deaf: f64,
    pub(crate) repeated: f64,
    pub(crate) late: f64,
    /// A driver is slow, refuses, says the opposite of what it did, or forgets.
    pub(crate) slow: f64,
    pub(crate) refuse: f64,
    pub(crate) lie: f64,
    pub(crate) forget: f64,
    /// A replica's clock jumps by up to an hour, either way.
    pub(crate) clock: f64,
    /// A person acts on their own.
    pub(crate) person: f64,
    /// Afterwards everything works and people are patient.
    pub(crate) last: Span,
}

impl Troubles {
    pub(crate) const NONE: Troubles = Troubles {
        crash: 0.0,
        pause: 0.0,
        commit_lost: 0.0,
        cut: 0.0,
        outage: 0.0,
        lost: 0.0,
        deaf: 0.0,
        repeated: 0.0,
        late: 0.0,
        slow: 0.0,
        refuse: 0.0,
        lie: 0.0,
        forget: 0.0,
        clock: 0.0,
        person: 0.0,
        last: Span::ZERO,
    };

    pub(crate) const STORM: Troubles = Troubles {
        crash: 0.03,
        pause: 0.03,
        commit_lost: 0.03,
        cut: 0.08,
        outage: 0.06,
        lost: 0.1,
        deaf: 0.0,
        repeated: 0.1,
        late: 0.1,
        slow: 0.05,
        refuse: 0.1,
        lie: 0.05,
        forget: 0.03,
        clock: 0.02,
        person: 0.08,
        last: Span::from_secs(240),
    };

    /// One run in five is quiet, one has outages of the metrics alone, one all but wrong clocks, the others have everything.
    fn drawn(chance: &mut Chance) -> Troubles {
        match (chance.unit() * 5.0) as u8 {
            0 => Troubles::NONE,
            1 => Troubles { outage: 0.25, last: Span::from_secs(240), ..Troubles::NONE },
            2 => Troubles { clock: 0.0, ..Troubles::STORM },
            _ => Troubles::STORM,
        }
    }
}

/// Everything that is drawn before a run.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) draft: Draft,
    pub(crate) quality: Quality,
    pub(crate) troubles: Troubles,
    /// Whether the proxy looks at fencing tokens.
    pub(crate) fenced: bool,
    /// Whether rollbacks go by steps, and candidates are deployed before they take traffic.
    pub(crate) steps: bool,
    /// Whether the metrics go down for good some time after the start.
    pub(crate) dark: Option<Span>,
    /// Whether people leave what is held as it is.
    pub(crate) hands_off: bool,
    /// When nothing new goes out.
    pub(crate) freeze: Option<Freeze>,
    /// A second source of the signals.
    pub(crate) second: Option<Second>,
}

impl Setup {
    pub(crate) fn drawn(chance: &mut Chance) -> Setup {
        let troubles = Troubles::drawn(chance);
        let quality = match (chance.unit() * 10.0) as u8 {
            0..=4 => Quality::Good,
            5..=7 => Quality::Bad,
            _ => Quality::Turns(chance.between(20_000, 120_000)),
        };
        let steps = chance.hits(0.5);
        let dark = chance.hits(0.05).then(|| chance.between(10_000, 120_000));
        let (draft, fenced) = (draft(chance, steps), chance.hits(0.5));
        Setup { draft, quality, troubles, fenced, steps, dark, hands_off: false, freeze: None, second: None }
    }
}

fn draft(chance: &mut Chance, steps: bool) -> Draft {
    let mode = chance.one(&["automatic", "automatic", "automatic", "assisted", "manual"]);
    let stages = chance.one(&[&[5u8, 25, 100][..], &[10, 100], &[50, 100], &[100]]);
    let stages: Vec<_> = stages.iter().map(|weight| json!({"weight": weight, "bake": "60s"})).collect();
    let then = if chance.hits(0.3) { "roll_back" } else { "hold" };
    let plan = json!({
        "name": "canary", "mode": mode, "interval": "10s", "window": "100s", "max_age": "25s",
        "min_data": {"requests": 200, "time": "20s"}, "rollback_window": "5m",
        "on_deadline": {"after": "90s", "then": then}, "judge": {"patience": "10s"},
        "stages": stages, "guards": [{"metric": "errors", "tolerance": {"ratio": 2.0, "plus": 0.002}}],
    });
    let plan: Plan = serde_json::from_value(plan).expect("well-formed");
    let checklist = chance.hits(0.3).then(|| {
        let item = json!({"id": "flag", "title": "Behind a flag", "evidence": "its key", "owner": "release manager"});
        let list: Checklist =
            serde_json::from_value(json!({"name": "before", "title": "Before", "items": [item]})).expect("well-formed");
        ReleaseChecklist::pin(&list, 1, Digest::of(b"list"))
    });
    Draft {
        id: ReleaseId(Uuid::from_u128(1)),
        service: name("shop"),
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        components: if steps { vec![component("shop", &["auth"]), component("auth", &[])] } else { vec![] },
        note: "a run".into(),
        plan_ref: PlanRef { name: plan.name.clone(), version: 1, digest: Digest::of(b"plan") },
        plan,
        checklist,
        known_bad: vec![],
        override_known_bad: false,
    }
}

pub(crate) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

pub(crate) fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

pub(crate) fn maya() -> Actor {
    Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }
}

fn component(called: &str, needs: &[&str]) -> Component {
    let need = |on: &&str| Need { on: name(on), accepts: None, baseline_accepts: None };
    Component {
        name: name(called),
        layer: Layer::Service,
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        needs: needs.iter().map(need).collect(),
        cells: vec![],
        features: vec![],
    }
}

pub(crate) fn automatic(release: &Release) -> bool {
    release.plan.mode == Mode::Automatic
}

/// What a release is brought forward or taken back by, as the server makes it from documents.
pub(crate) enum Way<'a> {
    Start,
    Back,
    Forward(&'a Artifact),
}

/// The steps; only one component has traffic of its own here, the judged one.
pub(crate) fn steps(release: &Release, id: SagaId, way: &Way<'_>) -> SagaPlan {
    let components = Components::new(release.components.clone(), vec![]).expect("an order");
    let weight = release.stages_entered.last().map_or(Weight::ZERO, |entry| entry.weight);
    let back = |component: &Component| {
        let ask = Ask::Tcp { address: "127.0.0.1:80".into() };
        ComponentBack {
            weight,
            beside: component.name == release.service,
            drain: Some(Span::from_secs(5)),
            deploy: true,
            probes: vec![Probe { name: "answers".into(), ask, timeout: Span::from_secs(5) }],
            ..ComponentBack::default()
        }
    };
    let known: BTreeMap<_, _> = components.iter().map(|c| (c.name.clone(), back(c))).collect();
    let settings = Settings {
        timeout: Span::from_secs(10),
        deploy_timeout: Span::from_secs(20),
        recovery_timeout: Span::from_secs(30),
        ..Settings::default()
    };
    let (scope, flags, settings) = (Scope::default(), BTreeMap::new(), &settings);
    let (components, known, release) = (&components, &known, release);
    let forward = ForwardOrder { id, release: release.id, components, known, settings };
    match way {
        Way::Start => start(&forward).expect("there is something to deploy"),
        Way::Forward(hotfix) => {
            let hotfixes = BTreeMap::from([(release.service.clone(), (*hotfix).clone())]);
            rollforward(&forward, &hotfixes).expect("another build")
        }
        Way::Back => {
            let (release, flags, scope) = (release.id, &flags, &scope);
            rollback(&RollbackOrder { id, release, components, scope, known, flags, settings }).expect("can go back")
        }
    }
}
