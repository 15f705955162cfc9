//! Which role may do what. One table, deny by default; every transport asks through the application service.

use crate::actor::{Actor, Role};
use serde::{Deserialize, Serialize};

/// Everything that can be asked of Sternway, as far as permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Read releases, services, runbooks and the decision log.
    View,
    Create,
    /// Tick off or edit an item of a release's checklist.
    Check,
    Start,
    Promote,
    Hold,
    Resume,
    Rollback,
    Rollforward,
    Freeze,
    Cancel,
    /// Let rules act again on what was taken back.
    ResumeAutomation,
    /// Choose how a saga goes on: retry, skip, undo, call somebody, sign off.
    Steer,
    /// Change services, plans, checklists, runbooks, flags, migrations and change freezes.
    Apply,
    /// Move data of a release forward or back, run its queries, sign.
    MoveData,
    /// Ask for, or confirm, going back although data is lost.
    BreakGlass,
    /// Switch a flag on or off.
    Flip,
    /// Ask what flags give.
    Evaluate,
    /// Create and revoke one's own API tokens.
    ManageTokens,
    /// Create people, change roles, disable accounts.
    ManagePeople,
    /// Take personal or free text out of what is stored; its entry of the log stays.
    Redact,
    /// Put another key in the place of the one that signs the log.
    ChangeKey,
    /// Take decisions out as an evidence pack.
    Export,
    /// Send a message to see whether people are told.
    TestAlarms,
    /// Inject faults into the demo world.
    Inject,
    SignIn,
    SignOut,
    /// See everybody's accounts.
    ViewPeople,
    /// Read the decision log: written down, because it holds names and what people wrote.
    Read,
    /// Place and release legal holds on texts of the decision log.
    LegalHold,
    /// Start the server with other settings. No role may: whoever can write its file does it, outside of Sternway.
    Configure,
    /// Carry out a step of a saga. No role may: it follows from what was ordered.
    Step,
    /// Take note of what was observed. No role may.
    Observe,
}

impl Action {
    pub const ALL: [Action; 33] = [
        Action::View,
        Action::Create,
        Action::Check,
        Action::Start,
        Action::Promote,
        Action::Hold,
        Action::Resume,
        Action::Rollback,
        Action::Rollforward,
        Action::Freeze,
        Action::Cancel,
        Action::ResumeAutomation,
        Action::Steer,
        Action::MoveData,
        Action::BreakGlass,
        Action::Apply,
        Action::Flip,
        Action::Evaluate,
        Action::ManageTokens,
        Action::ManagePeople,
        Action::Redact,
        Action::ChangeKey,
        Action::Export,
        Action::TestAlarms,
        Action::Inject,
        Action::SignIn,
        Action::SignOut,
        Action::ViewPeople,
        Action::Read,
        Action::LegalHold,
        Action::Configure,
        Action::Step,
        Action::Observe,
    ];

    /// What is written down without anybody having decided: lists of decisions leave these out unless asked for them.
    pub const RECORDS: [Action; 3] = [Action::Read, Action::Step, Action::Observe];

    /// The stable name, as in paths and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::View => "view",
            Action::Create => "create",
            Action::Check => "check",
            Action::Start => "start",
            Action::Promote => "promote",
            Action::Hold => "hold",
            Action::Resume => "resume",
            Action::Rollback => "rollback",
            Action::Rollforward => "rollforward",
            Action::Freeze => "freeze",
            Action::Cancel => "cancel",
            Action::ResumeAutomation => "resume_automation",
            Action::Steer => "steer",
            Action::MoveData => "move_data",
            Action::BreakGlass => "break_glass",
            Action::Apply => "apply",
            Action::Flip => "flip",
            Action::Evaluate => "evaluate",
            Action::ManageTokens => "manage_tokens",
            Action::ManagePeople => "manage_people",
            Action::Redact => "redact",
            Action::ChangeKey => "change_key",
            Action::Export => "export",
            Action::TestAlarms => "test_alarms",
            Action::Inject => "inject",
            Action::SignIn => "sign_in",
            Action::SignOut => "sign_out",
            Action::ViewPeople => "view_people",
            Action::Read => "read",
            Action::LegalHold => "legal_hold",
            Action::Configure => "configure",
            Action::Step => "step",
            Action::Observe => "observe",
        }
    }

    /// For people, after "may not": `roll back`.
    pub fn label(self) -> &'static str {
        match self {
            Action::View => "look",
            Action::Create => "create releases",
            Action::Check => "edit the checklist",
            Action::Start => "start",
            Action::Promote => "promote",
            Action::Hold => "hold",
            Action::Resume => "resume",
            Action::Rollback => "roll back",
            Action::Rollforward => "roll forward",
            Action::Freeze => "freeze",
            Action::Cancel => "cancel",
            Action::ResumeAutomation => "resume automation",
            Action::Steer => "choose how it goes on",
            Action::MoveData => "move data",
            Action::BreakGlass => "break the glass",
            Action::Apply => "change configuration",
            Action::Flip => "switch flags",
            Action::Evaluate => "evaluate flags",
            Action::ManageTokens => "manage tokens",
            Action::ManagePeople => "manage people",
            Action::Redact => "redact texts",
            Action::ChangeKey => "change the log's key",
            Action::Export => "export decisions",
            Action::TestAlarms => "send test messages",
            Action::Inject => "inject faults",
            Action::SignIn => "sign in",
            Action::SignOut => "sign out",
            Action::ViewPeople => "see everybody's accounts",
            Action::Read => "read the decision log",
            Action::LegalHold => "place or release legal holds",
            Action::Configure => "configure the server",
            Action::Step => "carry out steps by hand",
            Action::Observe => "say what was observed",
        }
    }
}

/// Whether a role may do this. The one table of permissions.
pub fn may(role: Role, action: Action) -> bool {
    use Action::*;
    match action {
        Evaluate => true,
        View | Read | Export | ManageTokens | SignIn | SignOut => role != Role::FlagClient,
        Create | Check | Start | Promote | Cancel | Apply => matches!(role, Role::ReleaseManager | Role::Admin),
        Hold | Resume | ResumeAutomation | Rollback | Rollforward | Freeze | Steer | MoveData | BreakGlass | Flip => {
            matches!(role, Role::ReleaseManager | Role::OnCall | Role::Admin)
        }
        Inject | TestAlarms => matches!(role, Role::ReleaseManager | Role::OnCall | Role::Admin),
        ViewPeople => matches!(role, Role::Auditor | Role::Admin),
        ManagePeople | Redact | LegalHold | ChangeKey => role == Role::Admin,
        Configure | Step | Observe => false,
    }
}

/// Why an actor was turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("sign in first")]
    NotSignedIn,
    #[error("the role {} may not {}; ask somebody who is {}", .role.label(), .action.label(), who_may(*.action))]
    Role { role: Role, action: Action },
}

/// Whether this actor may do this. Automation may do what its rule says and nothing else.
pub fn authorise(actor: &Actor, action: Action) -> Result<(), Denied> {
    match actor {
        Actor::Automation { .. } => Ok(()),
        Actor::Anonymous if action == Action::SignIn => Ok(()),
        Actor::Anonymous => Err(Denied::NotSignedIn),
        Actor::Person { role, .. } | Actor::Token { role, .. } if may(*role, action) => Ok(()),
        Actor::Person { role, .. } | Actor::Token { role, .. } => Err(Denied::Role { role: *role, action }),
    }
}

/// `release manager, on call or admin`.
fn who_may(action: Action) -> String {
    let roles: Vec<&str> = Role::ALL.into_iter().filter(|role| may(*role, action)).map(Role::label).collect();
    match roles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PersonId;

    #[test]
    fn the_table_of_permissions() {
        let row = |action| Role::ALL.map(|role| if may(role, action) { 'x' } else { '.' }).iter().collect::<String>();
        let table: Vec<(Action, String)> = Action::ALL.into_iter().map(|action| (action, row(action))).collect();
        let expected = [
            "xxxxx.", ".x..x.", ".x..x.", ".x..x.", ".x..x.", ".xx.x.", ".xx.x.", ".xx.x.", ".xx.x.", ".xx.x.",
            ".x..x.", ".xx.x.", ".xx.x.", ".xx.x.", ".xx.x.", ".x..x.", ".xx.x.", "xxxxxx", "xxxxx.", "....x.",
            "....x.", "....x.", "xxxxx.", ".xx.x.", ".xx.x.", "xxxxx.", "xxxxx.", "...xx.", "xxxxx.", "....x.",
            "......", "......", "......",
        ];
        assert_eq!(table.len(), expected.len());
        for ((action, row), expected) in table.iter().zip(expected) {
            assert_eq!(row, expected, "viewer, release manager, on call, auditor, admin, flag client for {action:?}");
        }
    }

    /// Reads everything there is to read, and changes nothing but its own tokens.
    #[test]
    fn an_auditor_reads_everything_and_changes_nothing() {
        use Action::{Evaluate, Export, ManageTokens, Read, SignIn, SignOut, View, ViewPeople};
        let may_do: Vec<Action> = Action::ALL.into_iter().filter(|action| may(Role::Auditor, *action)).collect();
        assert_eq!(may_do, [View, Evaluate, ManageTokens, Export, SignIn, SignOut, ViewPeople, Read]);
    }

    #[test]
    fn a_refusal_says_whom_to_ask() {
        let viewer = Actor::Person { id: PersonId(uuid::Uuid::nil()), name: "Vic".into(), role: Role::Viewer };
        let denied = authorise(&viewer, Action::Rollback).expect_err("viewers look");
        assert_eq!(
            denied.to_string(),
            "the role viewer may not roll back; ask somebody who is release manager, on call or admin"
        );
        assert_eq!(authorise(&Actor::Anonymous, Action::View), Err(Denied::NotSignedIn));
    }
}
