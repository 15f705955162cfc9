//! That the log is not signed: what is written down meanwhile could be changed without a trace.

use super::{Alarm, AlarmKind, Severity};
use crate::time::{Span, Timestamp};

/// An entry that stays unsigned for so long shows that nobody signs. Whoever takes over needs some seconds, and reads a long
/// log from its beginning first.
pub const SIGN_WITHIN: Span = Span::from_secs(60);

/// The first entry that is not signed, and since when whoever watches has seen that it is this one: how old it is says
/// nothing, for nobody may have been there to sign it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsigned(Option<(i64, Timestamp)>);

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// All is signed, or more than at the look before.
    Goes,
    /// So long the same entry is the first one that is not signed.
    Stands(Span),
}

impl Unsigned {
    /// `first`: that entry; `None` if all are signed.
    pub fn look(&mut self, first: Option<i64>, now: Timestamp) -> Signing {
        let before = self.0;
        let since = match (before, first) {
            (Some((known, since)), Some(first)) if known == first => since,
            _ => now,
        };
        self.0 = first.map(|first| (first, since));
        match (before, first) {
            (_, None) => Signing::Goes,
            (Some((known, _)), Some(first)) if first > known => Signing::Goes,
            _ => Signing::Stands(now.since(since)),
        }
    }
}

/// `why`: as far as whoever asks knows.
pub fn log_unsigned(signing: Signing, why: Option<&str>) -> Option<Alarm> {
    if !matches!(signing, Signing::Stands(lasting) if lasting > SIGN_WITHIN) {
        return None;
    }
    let why = why.map(|why| format!(" Why: {}.", why.trim_end_matches('.'))).unwrap_or_default();
    Some(Alarm {
        kind: AlarmKind::LogUnsigned,
        severity: Severity::Page,
        key: "log_unsigned".to_owned(),
        release: None,
        service: None,
        summary: format!(
            "The decision log is not signed: for more than {} nobody has signed its newest entries with a key that is known \
             here, and they could be changed without a trace meanwhile.{why} Look at `sternway audit status`, and at the log of \
             each replica.",
            SIGN_WITHIN.words()
        ),
    })
}
