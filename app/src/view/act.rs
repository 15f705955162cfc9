//! The page before an act; also its dialog.

use super::board::ActStyle;
use super::chart::TableView;
use super::{ChangeView, CheckView, ChoiceView, FormFault, Icon, LinkView, PillView, StepView, When};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person can ask of a release, or of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Start,
    Promote,
    Hold,
    Resume,
    Rollback,
    Rollforward,
    Freeze,
    Cancel,
    ResumeAutomation,
    /// Of a flag.
    On,
    /// Of a flag.
    Off,
}

impl Verb {
    pub const ALL: [Verb; 11] = [
        Verb::Start,
        Verb::Promote,
        Verb::Hold,
        Verb::Resume,
        Verb::Rollback,
        Verb::Rollforward,
        Verb::Freeze,
        Verb::Cancel,
        Verb::ResumeAutomation,
        Verb::On,
        Verb::Off,
    ];

    /// As in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Promote => "promote",
            Verb::Hold => "hold",
            Verb::Resume => "resume",
            Verb::Rollback => "rollback",
            Verb::Rollforward => "rollforward",
            Verb::Freeze => "freeze",
            Verb::Cancel => "cancel",
            Verb::ResumeAutomation => "resume_automation",
            Verb::On => "on",
            Verb::Off => "off",
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == text)
    }

    /// Whether it is asked of a flag, and not of a release.
    pub fn of_flag(self) -> bool {
        matches!(self, Verb::On | Verb::Off)
    }

    /// What it is asked of, in a word.
    pub fn what(self) -> &'static str {
        if self.of_flag() { "flag" } else { "release" }
    }

    /// `Roll back`.
    pub fn label(self) -> &'static str {
        match self {
            Verb::Start => "Start",
            Verb::Promote => "Promote",
            Verb::Hold => "Hold",
            Verb::Resume => "Resume",
            Verb::Rollback => "Roll back",
            Verb::Rollforward => "Roll forward",
            Verb::Freeze => "Freeze",
            Verb::Cancel => "Cancel",
            Verb::ResumeAutomation => "Resume automation",
            Verb::On => "Switch on",
            Verb::Off => "Switch off",
        }
    }

    pub fn icon(self) -> Icon {
        match self {
            Verb::Start | Verb::Promote | Verb::Resume | Verb::ResumeAutomation => Icon::Promote,
            Verb::Hold => Icon::Hold,
            Verb::Rollback => Icon::Rollback,
            Verb::Rollforward => Icon::Rollforward,
            Verb::Freeze => Icon::Freeze,
            Verb::Cancel => Icon::Close,
            Verb::On | Verb::Off => Icon::Switch,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything a person should see before confirming, in this order: what will happen, what is known, what could go
/// wrong, the reason, the button.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActView {
    /// Id of the release, or key of the flag.
    pub release: String,
    pub verb: Verb,
    /// `Roll back checkout to 1.41.3`.
    pub title: String,
    /// `checkout 1.41.3 → 1.42.0`.
    pub crumb: String,
    /// The facts are as of this second.
    pub at: When,
    /// The release's version these facts belong to; goes back as `expected_version`.
    pub version: u64,
    /// Minted by the server; goes back with the form.
    pub idempotency_key: String,
    /// What was shown, as the server knows it again; goes back with the form.
    pub evidence: String,
    /// Traffic now and after. Empty when traffic does not move.
    pub shift: Vec<ShiftView>,
    pub steps: Vec<StepView>,
    /// Who is told, how long the last took. Marked. May be empty.
    pub told: String,
    pub known_pill: Option<PillView>,
    /// Marked: `since 14:02:10. Errors 0.31 % against 0.10 %.`
    pub known: String,
    pub known_table: TableView,
    /// What could go wrong: data, dependents, capacity.
    pub risks: Vec<CheckView>,
    /// Reasons to pick from; the label is what is written down.
    pub reasons: Vec<ChoiceView>,
    /// Set when the act needs an override: the words beside the box, which must be ticked.
    pub needs_override: Option<String>,
    /// Ask for the version and digest of the hotfix (roll forward).
    pub asks_hotfix: bool,
    /// `Roll back checkout to 1.41.3`.
    pub confirm: String,
    pub confirm_style: ActStyle,
    /// `Keep watching`.
    pub cancel: String,
    pub allowed: bool,
    /// Shown instead of the button when not allowed.
    pub why_not: Option<String>,
    /// Where else to go when it is not allowed.
    pub instead: Vec<LinkView>,
    /// The release changed since the version the person saw: what happened, oldest first. Asks again.
    pub changes: Vec<ChangeView>,
    /// What was typed before, when the form comes back.
    pub typed: ActForm,
    pub fault: Option<FormFault>,
}

/// Traffic of one version, in percent, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShiftView {
    pub version: String,
    pub canary: bool,
    pub now: u8,
    pub after: u8,
}

/// Posted to `/releases/{id}/act/{verb}` and `/flags/{key}/{verb}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ActForm {
    /// In the person's words. May be empty when `why` is not.
    pub reason: String,
    /// The reason picked, in words.
    pub why: String,
    pub expected_version: u64,
    pub idempotency_key: String,
    /// What was shown, as the server knows it again.
    pub evidence: String,
    /// `on` when ticked, else empty.
    #[serde(rename = "override")]
    pub overridden: String,
    pub hotfix_version: String,
    pub hotfix_digest: String,
}

impl ActForm {
    /// The reason to be written down: the one picked, the one typed, or both. Not yet checked for length.
    pub fn full_reason(&self) -> String {
        match (self.why.trim(), self.reason.trim()) {
            ("", typed) => typed.to_owned(),
            (picked, "") => picked.to_owned(),
            (picked, typed) => format!("{picked}. {typed}"),
        }
    }
}

/// The act was taken: the page it leads to says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActDone {
    pub release: String,
    pub version: u64,
    pub decision: String,
    pub leaf_index: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_picked_and_a_typed_reason_when_written_down_then_both_are_kept() {
        let mut form = ActForm { why: "Errors 3.2x baseline".into(), ..ActForm::default() };
        assert_eq!(form.full_reason(), "Errors 3.2x baseline");
        form.reason = " Two tickets. ".into();
        assert_eq!(form.full_reason(), "Errors 3.2x baseline. Two tickets.");
        form.why.clear();
        assert_eq!(form.full_reason(), "Two tickets.");
    }

    #[test]
    fn every_verb_is_read_back_from_its_address() {
        for verb in Verb::ALL {
            assert_eq!(Verb::read(verb.as_str()), Some(verb));
        }
        assert_eq!(Verb::read("roll-back"), None);
    }
}
