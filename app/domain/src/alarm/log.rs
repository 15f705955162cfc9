//! That the log is not signed: what is written down meanwhile could be changed without a trace.

use super::{Alarm, AlarmKind, Severity};
use crate::time::{Span, Timestamp};

/// An entry that nobody has signed for so long shows that nobody signs. Whoever takes over needs some seconds, and reads a
/// long log from its beginning first.
pub const SIGN_WITHIN: Span = Span::from_secs(60);

/// `since`: when the first entry was written that is not signed. `why`: as far as whoever asks knows.
pub fn log_unsigned(since: Option<Timestamp>, why: Option<&str>, now: Timestamp) -> Option<Alarm> {
    since.filter(|since| now.since(*since) > SIGN_WITHIN)?;
    let why = why.map(|why| format!(" Why: {}.", why.trim_end_matches('.'))).unwrap_or_default();
    Some(Alarm {
        kind: AlarmKind::LogUnsigned,
        severity: Severity::Page,
        key: "log_unsigned".to_owned(),
        release: None,
        service: None,
        summary: format!(
            "The decision log is not signed: for more than {} nobody has signed its newest entries, which could be changed \
             without a trace meanwhile.{why} Look at `sternway audit status`, and at the log of each replica.",
            SIGN_WITHIN.words()
        ),
    })
}
