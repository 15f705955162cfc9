//! Two sources of the same signals: each is judged by itself, with the same plan, and the worse verdict rules.
//!
//! So only what both pass is promoted, and what one of them shows to be bad goes back whatever the other says. Silence of
//! one never rolls back and never promotes: it is worse than `suspect`, `insufficient` and `pass`, and better than
//! `fail`.
//!
//! Deliberately absent: any mixing of what the two counted. Each source has the whole budget of false alarms, so that
//! with two of them a false rollback is at most twice as likely.

use super::guard::severity;
use super::{JudgeState, Policy, Verdict, VerdictKind, judge};
use crate::signal::{Source, Tick};
use serde::{Deserialize, Serialize};

/// Version of a verdict of two sources: that of the judge, and of the rule by which one of them rules.
pub const PAIR_VERSION: &str = "sequential-4+worse-1";

/// What two sources are called, as pages and logs have it: `Prometheus prom-b:9090`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub first: String,
    pub second: String,
}

impl Names {
    pub fn of(&self, source: Source) -> &str {
        match source {
            Source::First => &self.first,
            Source::Second => &self.second,
        }
    }

    /// `Second source (Prometheus prom-b:9090)`.
    pub fn full(&self, source: Source) -> String {
        format!("{} ({})", source.label(), self.of(source))
    }
}

/// Stands with a verdict that rules over another one: what both sources said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Whose verdict rules. Findings and evidence beside this are its own.
    pub rules: Source,
    pub names: Names,
    /// What the one that rules said, without the other.
    pub sentence: String,
    /// What the other one says.
    pub other: Verdict,
}

/// Judges what two sources read in one tick, each with what it has shown before, and lets the worse verdict rule.
pub fn judge_both(
    first: (&mut JudgeState, &Tick),
    second: (&mut JudgeState, &Tick),
    names: &Names,
    policy: &Policy,
) -> Verdict {
    let said = judge(first.0, first.1, policy);
    worse_of(said, judge(second.0, second.1, policy), names)
}

/// Which verdict rules: fail > config_error > provider_down > no_data > suspect > insufficient > pass; of equal ones the
/// first source's.
///
/// The order is that in which a single source is judged: what is shown to be bad goes back, then what cannot be trusted
/// holds, then the rest. What a person has to mend (a wrong question) comes before what may mend itself.
pub fn ruling(first: VerdictKind, second: VerdictKind) -> Source {
    if severity(second) > severity(first) { Source::Second } else { Source::First }
}

/// The verdict that rules, with the other one beside it and in its sentence.
pub fn worse_of(first: Verdict, second: Verdict, names: &Names) -> Verdict {
    let rules = ruling(first.kind, second.kind);
    let (at, tick) = (first.at, first.tick);
    let (mut verdict, other) = match rules {
        Source::First => (first, second),
        Source::Second => (second, first),
    };
    let (beside, word) = (names.full(rules.other()), other.kind.label().to_lowercase());
    let said = if verdict.kind == other.kind {
        format!("{} {beside} says so too: {word}.", verdict.sentence)
    } else {
        format!("{}: {} {beside}: {word}. The worse rules.", names.full(rules), verdict.sentence)
    };
    let sentence = std::mem::replace(&mut verdict.sentence, said);
    let pair = Pair { rules, names: names.clone(), sentence, other };
    Verdict { at, tick, pair: Some(Box::new(pair)), judge_version: PAIR_VERSION.to_owned(), ..verdict }
}

impl Verdict {
    /// Which of two sources rules; the first where one is read.
    pub fn rules(&self) -> Source {
        self.pair.as_ref().map_or(Source::First, |pair| pair.rules)
    }

    /// The sentence of the source that rules, without the other's.
    pub fn own_sentence(&self) -> &str {
        self.pair.as_ref().map_or(&self.sentence, |pair| &pair.sentence)
    }

    /// What one of two sources said by itself, under the number of the first one's tick. Where only one is read, that is
    /// the first.
    pub fn of(&self, source: Source) -> Option<Verdict> {
        match &self.pair {
            None => (source == Source::First).then(|| self.clone()),
            Some(pair) if pair.rules == source => {
                let (sentence, judge_version) = (pair.sentence.clone(), pair.other.judge_version.clone());
                Some(Verdict { sentence, judge_version, pair: None, ..self.clone() })
            }
            Some(pair) => Some(pair.other.clone()),
        }
    }
}
