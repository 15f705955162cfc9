//! That Sternway is held: known to each replica by itself, and kept in the database so that all of them find the same.

use super::{Alarm, AlarmKind, Severity};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// When no replica has said for so long that it is held, none is that runs.
pub const HELD_SILENT: Span = Span::from_secs(600);

/// What a replica that is held says of it, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidHeld {
    pub at: Timestamp,
    /// How often the database was confirmed, as far as is known: one confirmation more ends it.
    pub epoch: i64,
}

/// Nothing is done by any engine that knows of it, until a person confirms what is observed.
pub fn held(why: &str) -> Alarm {
    let why = why.trim_end_matches('.');
    Alarm {
        kind: AlarmKind::Held,
        severity: Severity::Page,
        key: "held".to_owned(),
        release: None,
        service: None,
        summary: format!(
            "Sternway is held: {why}. No release is moved, not even back. Look at what the proxies report, then confirm with \
             `sternway confirm-restore`; until then `sternway emergency rollback --force` moves traffic."
        ),
    }
}

/// Why it is over, if it is. `said` was said last by any replica; `epoch` is how often the database was confirmed by now.
/// Whether the replica that asks is held itself says nothing about the others.
pub fn held_over(said: &SaidHeld, epoch: i64, now: Timestamp) -> Option<String> {
    if epoch > said.epoch {
        return Some("Sternway is no longer held: somebody confirmed what is observed.".to_owned());
    }
    (now.since(said.at) > HELD_SILENT)
        .then(|| format!("Sternway is no longer held: for {} no replica has said that it is.", HELD_SILENT.words()))
}
