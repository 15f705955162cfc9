//! The model of the legal moves.

use std::collections::BTreeMap;
use sternway_domain::checklist::ItemState;
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{Command, HoldCause};
use sternway_domain::saga::Outcome;

/// Shares of traffic, stage by stage.
pub(crate) const WEIGHTS: [u8; 3] = [5, 50, 100];
/// How long a promoted release can be rolled back, in microseconds.
const WINDOW: i64 = 600_000_000;

/// What the model knows of a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    pub(crate) state: &'static str,
    pub(crate) stage: usize,
    /// Whether any stage ever was entered.
    pub(crate) entered: bool,
    /// Why it is held.
    pub(crate) cause: &'static str,
    pub(crate) open: bool,
    pub(crate) automatic: bool,
    pub(crate) back_at_deadline: bool,
    pub(crate) verdict: Option<VerdictKind>,
    pub(crate) asked: Option<(u8, bool)>,
    pub(crate) saga: bool,
    pub(crate) resumed: bool,
    pub(crate) ended: i64,
    /// Builds that a hotfix may not be: baseline and candidate. And what an undone hotfix gives back.
    pub(crate) builds: (String, String),
    pub(crate) before: Option<String>,
}

/// The README's table: acts by state.
pub(crate) fn table() -> BTreeMap<String, Vec<String>> {
    let readme = include_str!("../../../../README.md");
    let from = readme.find("### Legal moves").expect("the README has the table");
    let rows = readme[from..].lines().filter(|line| line.starts_with("| ")).skip(1);
    let rows = rows.take_while(|line| line.matches('|').count() == 3);
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (state, acts) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        (state.replace(' ', "_"), acts.split(", ").map(str::to_owned).collect())
    };
    rows.map(row).collect()
}

pub(crate) fn act(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Check { .. } => "check",
        Command::Start { .. } => "start",
        Command::Promote { .. } => "promote",
        Command::Hold { .. } => "hold",
        Command::Resume { .. } => "resume",
        Command::Rollback { .. } => "rollback",
        Command::Rollforward { .. } => "rollforward",
        Command::Freeze { .. } => "freeze",
        Command::Cancel { .. } => "cancel",
        Command::ResumeAutomation { .. } => "resume_automation",
        _ => return None,
    })
}

impl Model {
    fn judged(&self) -> bool {
        ["running", "holding", "frozen"].contains(&self.state)
    }

    fn enter(&mut self, stage: usize) {
        (self.state, self.stage, self.verdict, self.entered) = ("running", stage, None, true);
        self.asked = Some((WEIGHTS[stage], false));
    }

    fn go(&mut self, state: &'static str, now: i64) {
        self.state = state;
        self.ended = now;
    }

    /// `false` when it is refused; then nothing changes.
    pub(crate) fn take(
        &mut self,
        command: &Command,
        by_rule: bool,
        now: i64,
        table: &BTreeMap<String, Vec<String>>,
    ) -> bool {
        let before = self.clone();
        let taken = match act(command) {
            Some(act) => table[self.state].iter().any(|legal| legal == act) && self.act(command, by_rule, now),
            None => {
                self.saw(command, now);
                true
            }
        };
        if !taken {
            *self = before;
        }
        taken
    }

    fn act(&mut self, command: &Command, by_rule: bool, now: i64) -> bool {
        let pass = self.verdict == Some(VerdictKind::Pass);
        let fail = self.verdict == Some(VerdictKind::Fail);
        let heard = !matches!(
            self.verdict,
            None | Some(VerdictKind::NoData | VerdictKind::ProviderDown | VerdictKind::ConfigError)
        );
        match command {
            Command::Check { to, .. } if !by_rule => {
                self.open = matches!(to, ItemState::Open);
                self.state = if self.open { "draft" } else { "ready" };
                true
            }
            Command::Start { override_checklist, saga, .. } if !by_rule => {
                if self.state == "draft" && !override_checklist {
                    return false;
                }
                self.saga = saga.is_some();
                if self.saga {
                    self.state = "starting"
                } else {
                    self.enter(0)
                }
                true
            }
            Command::Promote { override_verdict, .. } => {
                if if by_rule { !(self.automatic && pass) } else { !(pass || *override_verdict) } {
                    return false;
                }
                if self.stage + 1 == WEIGHTS.len() && self.asked.is_none_or(|(_, confirmed)| !confirmed) {
                    return false;
                }
                if self.stage + 1 < WEIGHTS.len() {
                    self.enter(self.stage + 1)
                } else {
                    self.go("promoted", now)
                }
                true
            }
            Command::Hold { cause, .. } => {
                self.state = "holding";
                self.cause = match cause {
                    HoldCause::Person => "person",
                    HoldCause::NoEvidence { .. } => "no_evidence",
                    HoldCause::Deadline => "deadline",
                    HoldCause::NoRoom => "no_room",
                    HoldCause::PartBack => "part_back",
                };
                true
            }
            Command::Resume { .. } => {
                self.state = "running";
                true
            }
            Command::Rollback { saga, .. } => {
                if by_rule && !(self.judged() && (self.automatic && fail || self.back_at_deadline && heard)) {
                    return false;
                }
                if self.state == "promoted" && now - self.ended > WINDOW {
                    return false;
                }
                (self.state, self.saga, self.resumed) = ("rolling_back", saga.is_some(), false);
                self.asked = Some((0, false));
                true
            }
            Command::Rollforward { hotfix, saga, .. } if !by_rule => {
                let build = hotfix.version.to_string();
                if build == self.builds.0 || build == self.builds.1 {
                    return false;
                }
                let stage = if self.state == "frozen" { self.stage } else { 0 };
                self.enter(stage);
                self.before = Some(std::mem::replace(&mut self.builds.1, build));
                (self.state, self.saga) = ("rolling_forward", saga.is_some());
                true
            }
            Command::Freeze { .. } if !by_rule => {
                self.state = "frozen";
                true
            }
            Command::Cancel { .. } if !by_rule => {
                self.go("cancelled", now);
                true
            }
            // Only whole releases go back here.
            Command::ResumeAutomation { .. } if !by_rule && !self.resumed && self.state.ends_with("rolled_back") => {
                self.resumed = true;
                true
            }
            _ => false,
        }
    }

    /// What the engine saw is never refused; what does not fit changes nothing.
    fn saw(&mut self, command: &Command, now: i64) {
        match (command, self.state) {
            (Command::RecordVerdict(verdict), _) if self.judged() => self.verdict = Some(verdict.kind),
            (Command::ConfirmTraffic { weight, .. }, state) => {
                let Some((asked, confirmed)) = &mut self.asked else { return };
                if *asked != weight.percent() || *confirmed {
                    return;
                }
                *confirmed = true;
                match state {
                    "rolling_back" if !self.saga => self.go("rolled_back", now),
                    "rolling_forward" if !self.saga => (self.state, self.before) = ("running", None),
                    _ => {}
                }
            }
            (Command::EndRollback { outcome, .. }, "rolling_back") => match outcome {
                Outcome::Complete => self.go("rolled_back", now),
                Outcome::Partial | Outcome::PartlyUndone => self.go("partially_rolled_back", now),
                Outcome::Undone if !self.entered => self.state = if self.open { "draft" } else { "ready" },
                Outcome::Undone => {
                    (self.state, self.cause) = ("holding", "person");
                    self.asked = Some((WEIGHTS[self.stage], false));
                }
            },
            (Command::EndStart { outcome: Outcome::Complete, .. }, "starting") => self.enter(0),
            (Command::EndStart { .. }, "starting") => self.state = if self.open { "draft" } else { "ready" },
            (Command::EndRollforward { outcome, .. }, "rolling_forward") => {
                let before = self.before.take();
                match outcome {
                    Outcome::Complete => self.state = "running",
                    outcome => {
                        if let (Outcome::Undone, Some(build)) = (outcome, before) {
                            self.builds.1 = build;
                        }
                        (self.state, self.cause) = ("holding", "person");
                    }
                }
            }
            _ => {}
        }
    }
}
