//! Who acts: a person, a token acting for its owner, or automation under a named rule.

use crate::id::{PersonId, TokenId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the label of a rule begins.
pub const AUTOMATION: &str = "automation, rule ";

/// What somebody may do is decided by role, in [`crate::access`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    ReleaseManager,
    OnCall,
    Auditor,
    Admin,
    /// A program that evaluates flags and may do nothing else: the token that stands in an app or a web page, where
    /// anybody can read it. Only tokens have this role.
    FlagClient,
}

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Viewer, Role::ReleaseManager, Role::OnCall, Role::Auditor, Role::Admin, Role::FlagClient];

    /// The stable name, as stored and as written in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::ReleaseManager => "release_manager",
            Role::OnCall => "on_call",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
            Role::FlagClient => "flag_client",
        }
    }

    /// For people: `release manager`.
    pub fn label(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::ReleaseManager => "release manager",
            Role::OnCall => "on call",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
            Role::FlagClient => "flag client",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a role: use `viewer`, `release_manager`, `on_call`, `auditor`, `admin` or, for tokens, `flag_client`"
)]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleError(text.chars().take(40).collect()))
    }
}

/// Who acts, with the role held at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    Person {
        id: PersonId,
        name: String,
        role: Role,
    },
    /// A program with a token, on behalf of the token's owner.
    Token {
        id: TokenId,
        name: String,
        owner: PersonId,
        owner_name: String,
        role: Role,
    },
    /// Sternway itself, following a rule of the plan.
    Automation {
        rule: Rule,
    },
    /// Somebody who has not signed in.
    Anonymous,
}

impl Actor {
    /// The role at the time of the act; automation and strangers have none.
    pub fn role(&self) -> Option<Role> {
        match self {
            Actor::Person { role, .. } | Actor::Token { role, .. } => Some(*role),
            Actor::Automation { .. } | Actor::Anonymous => None,
        }
    }

    /// For people: `Maya Ortiz`, `ci-deploy for Maya Ortiz`, `automation, rule promote-on-pass`.
    pub fn label(&self) -> String {
        match self {
            Actor::Person { name, .. } => name.clone(),
            Actor::Token { name, owner_name, .. } => format!("{name} for {owner_name}"),
            Actor::Automation { rule } => format!("{AUTOMATION}{}", rule.as_str()),
            Actor::Anonymous => "somebody not signed in".to_owned(),
        }
    }

    /// The human being behind it: a token is its owner. Two signatures of one person are one.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Actor::Person { id, .. } => Some(*id),
            Actor::Token { owner, .. } => Some(*owner),
            Actor::Automation { .. } | Actor::Anonymous => None,
        }
    }

    /// A stable key: one person is one key, whatever the name shown today.
    pub fn key(&self) -> String {
        match self {
            Actor::Person { id, .. } => format!("person:{id}"),
            Actor::Token { id, .. } => format!("token:{id}"),
            Actor::Automation { rule } => format!("automation:{}", rule.as_str()),
            Actor::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// The rules under which Sternway acts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A stage has baked and every guard passes.
    PromoteOnPass,
    /// A guard or hard limit failed.
    RollBackOnFail,
    /// The verdict is neither pass nor fail when more traffic would be due.
    HoldWithoutEvidence,
    /// The cause of an automatic hold is gone.
    ResumeOnEvidence,
    /// The stage's deadline passed.
    OnDeadline,
    /// The traffic driver reports what was asked.
    ConfirmObserved,
    /// A service is taken back: its other releases wait.
    FreezeOnRollback,
    /// A flag belongs to what is taken back.
    SwitchOnRollback,
    /// Data belongs to what is taken back: reads, then writes, return to the old shape.
    MoveDataOnRollback,
    /// A rollback would be due and would lose data: nothing moves until a person decides.
    FreezePastNoReturn,
    /// A saga was ordered: its steps follow.
    CarryOut,
    /// Texts of the log are older than they are kept.
    Retention,
    /// Texts that had been taken out came back with an older database.
    RedactAgain,
    /// The server was started with other settings than before.
    Start,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::PromoteOnPass => "promote-on-pass",
            Rule::RollBackOnFail => "roll-back-on-fail",
            Rule::HoldWithoutEvidence => "hold-without-evidence",
            Rule::ResumeOnEvidence => "resume-on-evidence",
            Rule::OnDeadline => "on-deadline",
            Rule::ConfirmObserved => "confirm-observed",
            Rule::FreezeOnRollback => "freeze-on-rollback",
            Rule::SwitchOnRollback => "switch-on-rollback",
            Rule::MoveDataOnRollback => "move-data-on-rollback",
            Rule::FreezePastNoReturn => "freeze-past-no-return",
            Rule::CarryOut => "carry-out",
            Rule::Retention => "retention",
            Rule::RedactAgain => "redact-again",
            Rule::Start => "start",
        }
    }
}
