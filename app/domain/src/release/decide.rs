//! What would happen: commands in, events or a refusal out.

use super::{Command, Draft, Event, Release, ReleaseAct, StageEntry, State, table};
use crate::actor::{Actor, Rule};
use crate::artifact::Artifact;
use crate::checklist::ItemState;
use crate::id::{SagaId, ServiceName};
use crate::judge::{Verdict, VerdictKind};
use crate::plan::{self, DeadlineAct, Mode, Weight};
use crate::recovery::{self, KnownBad, check_candidate};
use crate::saga::Outcome;
use crate::time::{Span, Timestamp};

/// Shortest and longest reason, in characters after trimming.
pub const REASON_CHARS: std::ops::RangeInclusive<usize> = 3..=2000;

/// Why not, in words for a person, with a way on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a release that is {state} cannot be asked to {}; {}", .act.label(), next_step(.state))]
    NotNow { act: ReleaseAct, state: String },
    #[error("the reason has {0} characters; say why in 3 to 2000")]
    Reason(usize),
    #[error("{open} of {total} checklist items are open; complete them, or start with an override and a reason")]
    Checklist { open: usize, total: usize },
    #[error("there is no `pass` for this stage ({0}); wait for one, or override it with a reason")]
    NoPass(String),
    #[error("the proxy has not reported {0}\u{a0}% yet; wait until it does, or roll back")]
    NotSeen(u8),
    #[error("the plan cannot be used: `{field}`: {text}")]
    Plan { field: String, text: String },
    #[error("baseline and candidate are the same build, {0}; nothing would change")]
    SameArtifact(String),
    #[error(
        "the release was promoted {ago} ago, its rollback window of {window} is over; start a release of the earlier version instead"
    )]
    WindowOver { ago: Span, window: Span },
    #[error("the release has no component `{0}` to put a hotfix into")]
    NoComponent(ServiceName),
    #[error("the checklist has no item `{0}`")]
    NoSuchItem(String),
    #[error("{0}")]
    Item(String),
    /// An automatic act without the evidence that its rule asks for.
    #[error("automation may not {} now: {why}", .act.label())]
    Automation { act: ReleaseAct, why: &'static str },
    /// What follows from an earlier rollback is in the way.
    #[error(transparent)]
    Aftermath(#[from] recovery::Refusal),
    #[error("rules may act already: automation was resumed by {by} at {at}")]
    NotHeld { by: String, at: Timestamp },
    #[error("nothing of this release went back, so no rule waits because of it")]
    NothingBack,
    #[error("`{0}`, whose signals are judged, went back already; roll back the rest too")]
    NotJudged(ServiceName),
    #[error("nobody knows that the rest of a release that is {0} stands where it stood; roll all of it back")]
    WholeOnly(String),
}

/// Whether a verdict rests on readings at all. Silence never rolls back.
fn seen(kind: VerdictKind) -> bool {
    !matches!(kind, VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError)
}

fn next_step(state: &str) -> &'static str {
    match state {
        "draft" | "ready" => "start it first",
        "running" => "it is not held",
        "rolling back" => "it is on its way back already",
        "rolled back" | "cancelled" => "create a new release",
        "promoted" => "it can only be rolled back",
        _ => "look at the release for what is possible",
    }
}

type Decided = Result<Vec<Event>, Refusal>;

impl Release {
    /// The first event of a new stream.
    pub fn create(draft: Draft, by: &Actor, now: Timestamp) -> Decided {
        if let Some(problem) = plan::problems(&draft.plan).into_iter().next() {
            return Err(Refusal::Plan { field: problem.field, text: problem.text });
        }
        if draft.baseline.digest == draft.candidate.digest {
            return Err(Refusal::SameArtifact(draft.candidate.digest.short()));
        }
        let mut moves = vec![(&draft.service, &draft.candidate)];
        moves.extend(draft.components.iter().map(|component| (&component.name, &component.candidate)));
        moves.dedup_by_key(|(name, _)| *name);
        let reason = draft.override_known_bad.then_some(draft.note.as_str());
        let overridden = accepted(&moves, &draft.known_bad, reason, by)?;
        Ok(vec![Event::Created {
            id: draft.id,
            service: draft.service,
            baseline: draft.baseline,
            candidate: draft.candidate,
            components: draft.components,
            note: draft.note,
            plan: Box::new(draft.plan.effective()),
            plan_ref: draft.plan_ref,
            checklist: draft.checklist.map(Box::new),
            overridden,
            by: by.label(),
            at: now,
        }])
    }

    /// What would happen. Refuses with a reason a person can read; never panics, never reads a clock.
    pub fn decide(&self, command: Command, by: &Actor, now: Timestamp) -> Decided {
        if let Some(act) = command.act() {
            self.check_act(act, &command, by)?;
        }
        match command {
            Command::Check { item, to } => self.check_item(item, to, by, now),
            Command::Start { runbooks, override_checklist, saga, known_bad, reason } => {
                let overridden = self.start_overrides(override_checklist, &known_bad, &reason, by)?;
                self.start(Event::Started { runbooks, overridden, saga, by: by.label(), reason, at: now }, saga, now)
            }
            Command::Promote { override_verdict, reason } => self.promote(override_verdict, reason, by, now),
            Command::Hold { cause, reason } => Ok(vec![Event::Held { cause, by: by.label(), reason, at: now }]),
            Command::Resume { reason } => Ok(vec![Event::Resumed { by: by.label(), reason, at: now }]),
            Command::Rollback { saga, only, reason } => {
                self.check_part(only.as_deref())?;
                self.roll_back(saga, only, reason, by, now)
            }
            Command::Rollforward { hotfix, component, saga, known_bad, override_known_bad, reason } => {
                let service = component.as_ref().unwrap_or(&self.service);
                let why = override_known_bad.then_some(reason.as_str());
                let overridden = accepted(&[(service, &hotfix)], &known_bad, why, by)?;
                self.roll_forward(hotfix, component, saga, overridden, reason, by, now)
            }
            Command::Freeze { reason } => Ok(vec![Event::Frozen { by: by.label(), reason, at: now }]),
            Command::Cancel { reason } => Ok(vec![Event::Cancelled { by: by.label(), reason, at: now }]),
            Command::ResumeAutomation { reason } => self.resume_automation(reason, by, now),
            Command::RecordVerdict(verdict) => Ok(self.record(*verdict)),
            Command::ConfirmTraffic { weight, from } => Ok(self.confirm(weight, from, now)),
            Command::EndRollback { outcome, summary } => Ok(self.end_rollback(outcome, summary, now)),
            Command::EndStart { outcome, summary } => self.end_start(outcome, summary, now),
            Command::EndRollforward { outcome, summary } => Ok(self.end_rollforward(outcome, summary, now)),
        }
    }

    fn check_act(&self, act: ReleaseAct, command: &Command, by: &Actor) -> Result<(), Refusal> {
        if !table::allowed(&self.state, act) {
            return Err(Refusal::NotNow { act, state: self.state.label() });
        }
        self.check_rest(act)?;
        let chars = command.reason().trim().chars().count();
        if act != ReleaseAct::Check && !REASON_CHARS.contains(&chars) {
            return Err(Refusal::Reason(chars));
        }
        if let Actor::Automation { rule } = by {
            self.check_automation(act, *rule)?;
        }
        Ok(())
    }

    /// Invariants 1 and 2: automation promotes only on `pass`, and rolls back only on `fail` or at a deadline that says so.
    /// Where its rollback would lose data it freezes instead.
    fn check_automation(&self, act: ReleaseAct, rule: Rule) -> Result<(), Refusal> {
        let verdict = self.current_verdict().map(|note| note.kind);
        let refuse = |why| Err(Refusal::Automation { act, why });
        match act {
            ReleaseAct::Promote if self.plan.mode != Mode::Automatic => refuse("the plan leaves promoting to people"),
            ReleaseAct::Promote if verdict != Some(VerdictKind::Pass) => refuse("there is no `pass` for this stage"),
            ReleaseAct::Rollback if self.plan.mode == Mode::Automatic && verdict == Some(VerdictKind::Fail) => Ok(()),
            ReleaseAct::Rollback
                if self.plan.on_deadline.then == DeadlineAct::RollBack && verdict.is_some_and(seen) =>
            {
                Ok(())
            }
            ReleaseAct::Rollback => {
                refuse("there is no `fail` for this stage, or the plan leaves rolling back to people")
            }
            ReleaseAct::Freeze if rule == Rule::FreezePastNoReturn => self.check_automation(ReleaseAct::Rollback, rule),
            ReleaseAct::Start
            | ReleaseAct::Cancel
            | ReleaseAct::Freeze
            | ReleaseAct::Rollforward
            | ReleaseAct::ResumeAutomation
            | ReleaseAct::Check => refuse("only people may"),
            ReleaseAct::Promote | ReleaseAct::Hold | ReleaseAct::Resume => Ok(()),
        }
    }

    fn check_item(&self, item: String, to: ItemState, by: &Actor, now: Timestamp) -> Decided {
        let Some(checklist) = &self.checklist else { return Err(Refusal::NoSuchItem(item)) };
        checklist.check(&item, &to).map_err(|problem| Refusal::Item(problem.to_string()))?;
        Ok(vec![Event::ChecklistItemSet { item, to, by: by.label(), at: now }])
    }

    /// What of it nobody has accepted yet: who created the release knowing what was known said why.
    pub fn news(&self, known_bad: &[KnownBad]) -> Vec<KnownBad> {
        let new = |bad: &&KnownBad| self.overridden.is_empty() || bad.at > self.created_at;
        known_bad.iter().filter(new).cloned().collect()
    }

    fn start_overrides(
        &self,
        forced: bool,
        known_bad: &[KnownBad],
        reason: &str,
        by: &Actor,
    ) -> Result<Vec<String>, Refusal> {
        let mut overridden = accepted(&self.moves(), &self.news(known_bad), forced.then_some(reason), by)?;
        if let (State::Draft, Some(checklist)) = (&self.state, &self.checklist) {
            let (open, total) = (checklist.open(), checklist.items.len());
            if !forced {
                return Err(Refusal::Checklist { open, total });
            }
            overridden.push(format!("checklist: {open} of {total} items open"));
        }
        Ok(overridden)
    }

    /// With a saga the candidates are deployed before the first stage is entered.
    fn start(&self, started: Event, saga: Option<SagaId>, now: Timestamp) -> Decided {
        let first = self.first_stage(2, now)?;
        Ok(if saga.is_some() { vec![started] } else { vec![started, first] })
    }

    fn first_stage(&self, ahead: i64, now: Timestamp) -> Result<Event, Refusal> {
        let Some(stage) = self.plan.stage(0) else {
            return Err(Refusal::Plan { field: "stages".into(), text: "there is none".into() });
        };
        Ok(Event::StageEntered { stage: 0, weight: stage.weight, key: self.traffic_key(ahead), at: now })
    }

    /// Traffic comes only to what is in place as a whole; otherwise it can be started again.
    fn end_start(&self, outcome: Outcome, summary: String, now: Timestamp) -> Decided {
        if self.state != State::Starting {
            return Ok(vec![]);
        }
        match outcome {
            Outcome::Complete => Ok(vec![self.first_stage(1, now)?]),
            Outcome::Partial | Outcome::Undone | Outcome::PartlyUndone => {
                Ok(vec![Event::StartEnded { summary, at: now }])
            }
        }
    }

    fn promote(&self, forced: bool, reason: String, by: &Actor, now: Timestamp) -> Decided {
        let Some(from) = self.state.stage() else {
            return Err(Refusal::NotNow { act: ReleaseAct::Promote, state: self.state.label() });
        };
        let verdict = self.current_verdict().map(|note| note.kind);
        let mut overridden = Vec::new();
        if verdict != Some(VerdictKind::Pass) {
            let found = verdict.map_or("nothing has been judged yet", VerdictKind::as_str);
            if !forced {
                return Err(Refusal::NoPass(found.to_owned()));
            }
            overridden.push(format!("verdict: {found}"));
        }
        // Nobody looks after the proxy once a release is over: the end is only reached where it has been seen.
        if let (None, Some(asked)) = (self.plan.stage(from + 1), &self.asked)
            && asked.confirmed_at.is_none()
        {
            return Err(Refusal::NotSeen(asked.weight.percent()));
        }
        let promoted = Event::Promoted { from, overridden, by: by.label(), reason, at: now };
        let next = match self.plan.stage(from + 1) {
            Some(stage) => {
                Event::StageEntered { stage: from + 1, weight: stage.weight, key: self.traffic_key(2), at: now }
            }
            None => Event::Completed { at: now },
        };
        Ok(vec![promoted, next])
    }

    fn roll_back(
        &self,
        saga: Option<SagaId>,
        only: Option<Vec<ServiceName>>,
        reason: String,
        by: &Actor,
        now: Timestamp,
    ) -> Decided {
        if let (State::Promoted, Some(ended)) = (&self.state, self.ended_at) {
            let (ago, window) = (now.since(ended), self.plan.rollback_window);
            if ago > window {
                return Err(Refusal::WindowOver { ago: Span::from_secs(ago.secs()), window });
            }
        }
        Ok(vec![Event::RollbackOrdered { key: self.traffic_key(1), saga, only, by: by.label(), reason, at: now }])
    }

    /// Only a change is worth an event; every tick is kept elsewhere.
    fn record(&self, verdict: Verdict) -> Vec<Event> {
        let Some(stage) = self.state.stage() else { return vec![] };
        if self.current_verdict().is_some_and(|note| note.kind == verdict.kind) {
            return vec![];
        }
        let Verdict { kind, at, tick, sentence, .. } = verdict;
        vec![Event::VerdictChanged { kind, stage, tick, sentence, at }]
    }

    fn confirm(&self, weight: Weight, from: String, now: Timestamp) -> Vec<Event> {
        let Some(asked) = self.asked.as_ref().filter(|asked| asked.weight == weight && asked.confirmed_at.is_none())
        else {
            return vec![];
        };
        let mut events = vec![Event::TrafficConfirmed { weight, after: now.since(asked.at), from, at: now }];
        match self.state {
            State::RollingBack if self.saga.is_none() => events.push(Event::RolledBack { at: now }),
            State::RollingForward if self.saga.is_none() => events.push(Event::RolledForward { at: now }),
            _ => {}
        }
        events
    }

    /// What was undone stands where it stood before, and waits for a person.
    fn end_rollback(&self, outcome: Outcome, summary: String, now: Timestamp) -> Vec<Event> {
        if self.state != State::RollingBack {
            return vec![];
        }
        if let Some(ended) = self.end_part(outcome, &summary, now) {
            return vec![ended];
        }
        let whole = self.back.as_ref().is_none_or(|back| back.only.is_none());
        vec![match outcome {
            Outcome::Complete if whole => Event::RolledBack { at: now },
            Outcome::Complete | Outcome::Partial | Outcome::PartlyUndone => {
                Event::PartiallyRolledBack { summary, at: now }
            }
            Outcome::Undone => match self.stages_entered.last() {
                Some(StageEntry { stage, weight, .. }) => {
                    let (stage, weight) = (*stage, *weight);
                    Event::RollbackUndone { stage, weight, key: self.traffic_key(1), summary, at: now }
                }
                // It never took traffic: there is no stage to stand in, it can be started again.
                None => Event::StartEnded { summary, at: now },
            },
        }]
    }

    /// Deployed and probed it goes on; what is only half in place waits for a person.
    fn end_rollforward(&self, outcome: Outcome, summary: String, now: Timestamp) -> Vec<Event> {
        if self.state != State::RollingForward {
            return vec![];
        }
        vec![match outcome {
            Outcome::Complete => Event::RolledForward { at: now },
            outcome => Event::RollforwardEnded { undone: outcome == Outcome::Undone, summary, at: now },
        }]
    }

    /// Idempotency key of the effect asked for by the event `ahead` of the present version: stream, version, purpose.
    pub(super) fn traffic_key(&self, ahead: i64) -> String {
        format!("{}:{}:traffic", self.id, self.version + ahead)
    }
}

/// What of these is known bad and was accepted all the same.
fn accepted(
    moves: &[(&ServiceName, &Artifact)],
    known: &[KnownBad],
    reason: Option<&str>,
    by: &Actor,
) -> Result<Vec<String>, Refusal> {
    let mut accepted = Vec::new();
    for (service, candidate) in moves {
        accepted.extend(check_candidate(service, candidate, known, reason, by)?);
    }
    Ok(accepted)
}
