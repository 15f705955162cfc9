//! Whether the next phase may be entered, and what is missing.

use super::{Condition, Migration, Phase};
use crate::plan::Weight;
use crate::time::{Span, Timestamp};

/// A condition that is not met, with what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    #[error("`{phase}` has lasted {so_far}; it must last {wanted}", phase = .phase.label())]
    TooShort { phase: Phase, so_far: Span, wanted: Span },
    #[error("the query `{0}` has not been run in this phase")]
    NotRun(String),
    #[error("the query `{query}` was run {ago} ago; run it again, at most {within} may pass")]
    TooOld { query: String, ago: Span, within: Span },
    #[error("the query `{query}` is not good: {detail}")]
    NotGood { query: String, detail: String },
    #[error("the candidate takes {found}\u{a0}%; it must take {wanted}\u{a0}%")]
    Share { found: u8, wanted: u8 },
    #[error("nobody in the role {0} has signed in this phase")]
    NotSigned(String),
}

impl Migration {
    /// What is missing before the next phase; empty when it may be entered, or when there is none. `share` is the
    /// candidate's share of traffic as observed, zero when unknown.
    pub fn missing(&self, share: Weight, now: Timestamp) -> Vec<Unmet> {
        let Some(next) = self.phase.next() else { return vec![] };
        let conditions = self.plan.enter.get(&next).map(Vec::as_slice).unwrap_or_default();
        conditions.iter().filter_map(|condition| self.unmet(condition, share, now)).collect()
    }

    fn unmet(&self, condition: &Condition, share: Weight, now: Timestamp) -> Option<Unmet> {
        match condition {
            Condition::Lasted(wanted) => {
                let so_far = now.since(self.since);
                (so_far < *wanted).then(|| Unmet::TooShort {
                    phase: self.phase,
                    so_far: whole(so_far),
                    wanted: *wanted,
                })
            }
            Condition::Validated { query, within } => self.not_validated(query, *within, now),
            Condition::CandidateShare(wanted) => {
                (share < *wanted).then(|| Unmet::Share { found: share.percent(), wanted: wanted.percent() })
            }
            Condition::SignedBy(role) => {
                let signed = self.signed.iter().any(|signature| signature.role.eq_ignore_ascii_case(role));
                (!signed).then(|| Unmet::NotSigned(role.clone()))
            }
        }
    }

    fn not_validated(&self, query: &str, within: Span, now: Timestamp) -> Option<Unmet> {
        let name = query.to_owned();
        let Some(result) = self.results.get(query).filter(|result| result.at >= self.since) else {
            return Some(Unmet::NotRun(name));
        };
        let ago = now.since(result.at);
        if !result.good {
            Some(Unmet::NotGood { query: name, detail: result.detail.clone() })
        } else if ago > within {
            Some(Unmet::TooOld { query: name, ago: whole(ago), within })
        } else {
            None
        }
    }
}

/// People need no fractions of a second.
fn whole(span: Span) -> Span {
    Span::from_secs(span.secs())
}
