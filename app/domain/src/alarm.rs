//! What needs a person, and since when it no longer does.
//!
//! Level-triggered: it is asked of a release, a saga or a data migration as it stands, and the answer is everything that is
//! open now. Whoever asks again and finds a key gone knows that the matter is over, so that a pager closes by itself.
//!
//! Not an alarm: a promotion, drift that was corrected, a hold that a person ordered, a hold without evidence before its
//! deadline. Deliberately absent: who is told, and how.

use crate::id::{ReleaseId, ServiceName};
use serde::{Deserialize, Serialize};

mod data;
mod held;
mod log;
mod release;
mod saga;
#[cfg(test)]
mod tests;

pub use data::of_data;
pub use held::{HELD_SILENT, SaidHeld, held, held_over};
pub use log::{SIGN_WITHIN, Signing, Unsigned, log_unsigned};
pub use release::{CONFIRM_WITHIN, of_release, unconfirmed_from};
pub use saga::of_saga;

/// One matter that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub kind: AlarmKind,
    pub severity: Severity,
    /// What it is about: the same for as long as the matter is open, so that nobody is told twice.
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// What, where and what to do.
    pub summary: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// Held, because nothing allowed going on before the deadline.
    Deadline,
    /// It should go back, and the baseline has no room for all traffic.
    NoRoom,
    /// Traffic was asked for, and the proxy does not report it.
    Unconfirmed,
    /// A rule takes it back.
    RollbackBegun,
    /// Some of it is back, some is not.
    PartlyBack,
    /// A rule froze it, because going back would lose data.
    Frozen,
    /// A step of a saga failed, hangs, or nobody knows whether it happened.
    Step,
    /// A step is done by hand, and its time has come.
    ByHand,
    /// A person calls another one.
    Called,
    /// Somebody wants to go back although data is lost; a second person must confirm it.
    GlassAsked,
    /// Two people go back although data is lost.
    GlassBroken,
    /// The database has come less far than is known of it, or its log is not the one that was signed: nothing is done.
    Held,
    /// The newest entries of the decision log are not signed.
    LogUnsigned,
    /// Somebody tries whether a channel works.
    Test,
}

impl AlarmKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmKind::Deadline => "deadline",
            AlarmKind::NoRoom => "no_room",
            AlarmKind::Unconfirmed => "unconfirmed",
            AlarmKind::RollbackBegun => "rollback_begun",
            AlarmKind::PartlyBack => "partly_back",
            AlarmKind::Frozen => "frozen",
            AlarmKind::Step => "step",
            AlarmKind::ByHand => "by_hand",
            AlarmKind::Called => "called",
            AlarmKind::GlassAsked => "glass_asked",
            AlarmKind::GlassBroken => "glass_broken",
            AlarmKind::Held => "held",
            AlarmKind::LogUnsigned => "log_unsigned",
            AlarmKind::Test => "test",
        }
    }
}

/// Whether somebody has to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Now.
    Page,
    /// Should know.
    Notice,
}

impl Severity {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Notice => "notice",
        }
    }
}
