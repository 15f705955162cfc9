//! A control plane that knows one release and refuses nothing it is asked to show.

use super::{decided, fixture};
use async_trait::async_trait;
use sternway_app::backend::{Caller, ControlPlane};
use sternway_app::error::{AppError, Problem};
use sternway_app::view::act::{ActDone, ActForm, ActView, Verb};
use sternway_app::view::board::{BoardFilter, BoardView};
use sternway_app::view::data::DataForm;
use sternway_app::view::decision::{DecisionFilter, DecisionView, DecisionsView};
use sternway_app::view::door::{DemoPersonView, SetupView, SignInView};
use sternway_app::view::flag::{FlagRow, FlagsView};
use sternway_app::view::new_release::{NewReleaseForm, NewReleaseView, PreviewView};
use sternway_app::view::redact::{RedactForm, RedactText, RedactView};
use sternway_app::view::rehearsal::{EndView, RehearsalForm, RehearsalView};
use sternway_app::view::release::{ActButton, ChecklistForm, ChoiceForm, ReleaseView};
use sternway_app::view::runbook::{RunbookRow, RunbookView, RunbooksView};
use sternway_app::view::service::{ServiceRelease, ServiceRow, ServiceView, ServicesView};
use sternway_app::view::{CheckView, ChoiceView, FactView, Icon, LinkView, PillView, StepState, Tone};
use sternway_domain::id::{DecisionId, FlagKey, ReleaseId, RunbookName, ServiceName};

pub(crate) struct MadeUp;

fn choice(value: &str) -> ChoiceView {
    ChoiceView { value: value.into(), label: value.into(), chosen: false }
}

fn fact(name: &str, value: &str) -> FactView {
    FactView { name: name.into(), value: value.into(), href: None }
}

#[async_trait]
impl ControlPlane for MadeUp {
    async fn sign_in_page(&self, _: &Caller, next: &str) -> Result<SignInView, AppError> {
        let person = |name: &str, role: &str, may: &str| DemoPersonView {
            name: name.into(),
            role: role.into(),
            may: may.into(),
            email: format!("{}@example.com", name.to_lowercase().replace(' ', ".")),
            password: "demo".into(),
        };
        let people = vec![
            person("Maya Ortiz", "release manager", "starts, promotes, rolls back"),
            person("Jonas Weber", "on call", "holds and rolls back"),
            person("Tom Baker", "viewer", "watches"),
        ];
        Ok(SignInView { next: next.into(), people, ..SignInView::default() })
    }

    async fn setup_page(&self, _: &Caller, token: &str) -> Result<SetupView, AppError> {
        Ok(SetupView { token: token.into(), valid: true, ..SetupView::default() })
    }

    async fn board(&self, _: &Caller, _: BoardFilter) -> Result<BoardView, AppError> {
        Ok(fixture::board())
    }

    async fn release(&self, _: &Caller, id: ReleaseId, _: Option<DecisionId>) -> Result<ReleaseView, AppError> {
        Ok(fixture::release(&id.to_string()))
    }

    async fn act_page(&self, _: &Caller, id: ReleaseId, verb: Verb, _: Option<u64>) -> Result<ActView, AppError> {
        Ok(fixture::act_view(&id.to_string(), verb))
    }

    async fn act(&self, _: &Caller, _: ReleaseId, _: Verb, _: ActForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn choose(&self, _: &Caller, _: ReleaseId, _: ChoiceForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn move_data(&self, _: &Caller, _: ReleaseId, _: DataForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn flags(&self, _: &Caller, _: Option<DecisionId>) -> Result<FlagsView, AppError> {
        let act = |verb: Verb| ActButton {
            verb: verb.as_str().into(),
            label: verb.label().into(),
            icon: Some(verb.icon()),
            allowed: true,
            ..ActButton::default()
        };
        let on = FlagRow {
            key: "checkout.new-price".into(),
            purpose: "Prices with the new engine".into(),
            pill: PillView::new(Tone::Go, Icon::Switch, "On"),
            elsewhere: "off in staging".into(),
            owner: "team-pay".into(),
            expiry: "31 Dec 2026".into(),
            at: Some(fixture::when("13:38:20", "")),
            flip: "on, by Maya Ortiz".into(),
            quote: "Tried in a drill <b>".into(),
            act: act(Verb::Off),
            ..FlagRow::default()
        };
        let off = FlagRow {
            key: "search.suggestions".into(),
            purpose: "Completes what is typed".into(),
            pill: PillView::new(Tone::Plain, Icon::Switch, "Off"),
            owner: "team-search".into(),
            expiry: "expired 1 Nov 2026".into(),
            expiry_tone: Tone::Caution,
            flip: "never".into(),
            act: act(Verb::On),
            ..FlagRow::default()
        };
        Ok(FlagsView { environment: "production".into(), rows: vec![on, off], ..FlagsView::default() })
    }

    async fn flag_act_page(&self, _: &Caller, key: FlagKey, verb: Verb, _: Option<u64>) -> Result<ActView, AppError> {
        Ok(ActView { release: key.to_string(), verb, shift: vec![], ..fixture::act_view("", verb) })
    }

    async fn flag_act(&self, _: &Caller, _: FlagKey, _: Verb, _: ActForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn set_checklist_item(&self, _: &Caller, _: ReleaseId, _: ChecklistForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn new_release_page(&self, _: &Caller, form: NewReleaseForm) -> Result<NewReleaseView, AppError> {
        Ok(NewReleaseView {
            services: vec![choice("checkout"), choice("search")],
            plans: vec![choice("canary-standard")],
            checklists: vec![choice("standard")],
            yaml_example: "kind: Release\nservice: checkout\n".into(),
            can_create: true,
            typed: form,
            preview: Some(PreviewView {
                title: "checkout 1.41.3 → 1.42.0 under canary-standard".into(),
                stages: fixture::table(),
                stages_note: "On average, at 412 requests/s.".into(),
                facts: vec![fact("Mode", "automatic"), fact("Guards", "errors, p99 latency")],
                findings: vec![CheckView {
                    tone: Tone::Caution,
                    icon: Icon::Suspect,
                    text: "No kill switch is named.".into(),
                    ..CheckView::default()
                }],
                note: "Promoted 52 min after the start at the earliest.".into(),
            }),
            ..NewReleaseView::default()
        })
    }

    async fn create_release(&self, _: &Caller, _: NewReleaseForm) -> Result<ActDone, AppError> {
        Err(AppError::Refused { why: "Nothing moves in a test.".into() })
    }

    async fn decisions(&self, _: &Caller, filter: DecisionFilter) -> Result<DecisionsView, AppError> {
        Ok(DecisionsView { filter, ..decided::decisions() })
    }

    async fn decision(&self, _: &Caller, id: DecisionId) -> Result<DecisionView, AppError> {
        Ok(decided::decision(&id.to_string()))
    }

    async fn redact_page(&self, _: &Caller, id: DecisionId) -> Result<RedactView, AppError> {
        let text = |field: &str, label: &str, text: Option<&str>| RedactText {
            field: field.into(),
            label: label.into(),
            text: text.map(str::to_owned),
        };
        Ok(RedactView {
            decision: LinkView::new(format!("/decisions/{id}"), "Decision 18\u{a0}534"),
            texts: vec![
                text("reason", "The reason", Some("Errors at 3 % <b>")),
                text("origin.ip", "The address it came from", None),
            ],
            why_not: None,
            also_in: "The same text in other entries, each to be taken out for itself: 12, 14.".into(),
            typed: RedactForm::default(),
            fault: None,
        })
    }

    async fn redact(&self, _: &Caller, _: DecisionId, _: RedactForm) -> Result<(), AppError> {
        Err(AppError::Refused { why: "Nothing goes in a test.".into() })
    }

    async fn services(&self, _: &Caller) -> Result<ServicesView, AppError> {
        let row = |name: &str, release: bool| ServiceRow {
            name: name.into(),
            description: "Takes the order and the money".into(),
            version: "1.41.3".into(),
            owner: "team-shop".into(),
            source: "prometheus".into(),
            driver: "haproxy".into(),
            depends_on: vec!["pricing".into(), "payments".into()],
            release: release.then(|| LinkView::new("/releases/1", "1.42.0")),
            pill: release.then(|| PillView::new(Tone::Caution, Icon::Suspect, "Suspect")),
        };
        Ok(ServicesView { rows: vec![row("checkout", true), row("search", false)], empty: None })
    }

    async fn service(&self, _: &Caller, name: ServiceName) -> Result<ServiceView, AppError> {
        if name.as_str() == "broken" {
            return Err(AppError::Unavailable {
                what: "The database did not answer within 5 s. Releases go on; nothing was stopped.".into(),
                request_id: "7f3a21".into(),
            });
        }
        Ok(ServiceView {
            name: name.to_string(),
            description: "Takes the order and the money".into(),
            version: "1.41.3".into(),
            facts: vec![fact("Owner", "team-shop")],
            health: vec![CheckView {
                tone: Tone::Go,
                icon: Icon::Pass,
                text: "Prometheus answers in 12\u{a0}ms".into(),
                ..CheckView::default()
            }],
            depends_on: vec![
                LinkView::new("/services/pricing", "pricing"),
                LinkView::new("/services/payments", "payments"),
            ],
            depended_on_by: vec![],
            releases: vec![ServiceRelease {
                id: "1".into(),
                from: "1.41.3".into(),
                to: "1.42.0".into(),
                pill: PillView::new(Tone::Caution, Icon::Suspect, "Suspect"),
                what: "Running, stage 2 of 4".into(),
                at: fixture::when("13:40:02", ""),
                tone: Tone::Plain,
            }],
            document: "kind: Service\nname: checkout\n".into(),
            can_create: true,
        })
    }

    async fn rehearsal(&self, _: &Caller, _: ReleaseId, _: RehearsalForm) -> Result<RehearsalView, AppError> {
        let end = EndView {
            pill: PillView::new(Tone::Go, Icon::Pass, "complete"),
            summary: "5 of 5 back.".into(),
            runs: "457".into(),
            share: "91.4\u{a0}%".into(),
            example: LinkView::new("?faults=storm&runs=1&seed=1", "seed 1"),
        };
        Ok(RehearsalView {
            release: LinkView::new("/releases/1", "checkout 1.41.3 → 1.42.0"),
            typed: RehearsalForm { faults: "storms".into(), runs: "500".into(), seed: "1".into() },
            fault: Some(AppError::Invalid { problems: vec![Problem::new("faults", "`storms`: write `NAME=CHANCE`.")] }),
            count: "500 runs of 14 steps, faults: storm".into(),
            lead: String::new(),
            promise: Some(CheckView { text: "Every promise was kept in every run.".into(), ..CheckView::default() }),
            ends: vec![end],
            more: "And 3 rarer ways to end.".into(),
            facts: vec![fact("Median time", "1m20s")],
        })
    }

    async fn runbooks(&self, _: &Caller) -> Result<RunbooksView, AppError> {
        let row = RunbookRow {
            name: "rollback".into(),
            title: "Roll back a release".into(),
            purpose: "rollback".into(),
            steps: 7,
            roles: "recovery lead, communications lead".into(),
            digest: "sha256:9f2c…a41b".into(),
            changed: fixture::when("13:38:20", ""),
        };
        Ok(RunbooksView { rows: vec![row], empty: None })
    }

    async fn runbook(&self, _: &Caller, name: RunbookName, _: Option<ReleaseId>) -> Result<RunbookView, AppError> {
        Ok(RunbookView {
            name: name.to_string(),
            title: "Roll back a release".into(),
            summary: "For `recovery lead` and `on call`.".into(),
            digest: "sha256:9f2c…a41b".into(),
            release: Some(LinkView::new("/releases/1", "checkout 1.41.3 → 1.42.0")),
            steps: vec![fixture::step(StepState::Todo, "Freeze promotions", "", "auto")],
            facts: vec![fact("Roles", "recovery lead")],
            html: "<h2>When</h2><p>Errors are above what the plan tolerates.</p><ol><li>Freeze promotions</li><li>Kill switch <code>new-pricing</code> off</li></ol><table><thead><tr><th>Who</th><th>What</th></tr></thead><tbody><tr><td>Lead</td><td>Decides</td></tr></tbody></table><pre><code>sternway release rollback checkout</code></pre><blockquote><p>Do not wait.</p></blockquote>".into(),
        })
    }
}
