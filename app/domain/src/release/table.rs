//! The table of legal moves.

use super::{ReleaseAct, State};

/// Whether an act is legal in a state. The one place that says so.
pub fn allowed(state: &State, act: ReleaseAct) -> bool {
    use ReleaseAct::*;
    match state {
        State::Draft | State::Ready => matches!(act, Check | Start | Cancel),
        State::Starting => matches!(act, Rollback),
        State::Running { .. } => matches!(act, Promote | Hold | Rollback | Rollforward | Freeze | ResumeAutomation),
        State::Holding { .. } => {
            matches!(act, Promote | Hold | Resume | Rollback | Rollforward | Freeze | ResumeAutomation)
        }
        State::Promoted => matches!(act, Rollback | ResumeAutomation),
        State::RollingForward => matches!(act, Rollback),
        State::Frozen { .. } => matches!(act, Resume | Rollback | Rollforward | ResumeAutomation),
        State::PartiallyRolledBack => matches!(act, Rollback | ResumeAutomation),
        State::RolledBack => matches!(act, ResumeAutomation),
        State::RollingBack | State::Cancelled => false,
    }
}

/// The table as text, one row per state, for the README.
pub fn markdown() -> String {
    use super::HoldCause;
    let states = [
        State::Draft,
        State::Ready,
        State::Starting,
        State::Running { stage: 0 },
        State::Holding { stage: 0, cause: HoldCause::Person },
        State::Promoted,
        State::RollingBack,
        State::RolledBack,
        State::PartiallyRolledBack,
        State::RollingForward,
        State::Frozen { stage: 0 },
        State::Cancelled,
    ];
    let mut out = String::from("| state | acts |\n|---|---|\n");
    for state in states {
        let acts: Vec<&str> =
            ReleaseAct::ALL.into_iter().filter(|act| allowed(&state, *act)).map(ReleaseAct::as_str).collect();
        let acts = if acts.is_empty() { "none".to_owned() } else { acts.join(", ") };
        out.push_str(&format!("| {} | {acts} |\n", state.label()));
    }
    out
}
