//! How long it took to notice, decide, act and recover, beside the objective.

use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The moments, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// When it began to go wrong, from the signals; often only known afterwards.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// The first `fail` or `suspect`, or the call of a person.
    #[serde(default)]
    pub detected: Option<Timestamp>,
    /// The order to roll back.
    #[serde(default)]
    pub decided: Option<Timestamp>,
    /// The first effect that was observed.
    #[serde(default)]
    pub acted: Option<Timestamp>,
    /// Recovery was proven.
    #[serde(default)]
    pub recovered: Option<Timestamp>,
}

/// The stretches between them. `None` where an end is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub detect: Option<Span>,
    pub decide: Option<Span>,
    pub act: Option<Span>,
    pub recover: Option<Span>,
    /// From the first known moment to recovery, or to now.
    pub total: Option<Span>,
    /// Whether the objective is kept; `None` without one. Before recovery only a miss is certain.
    pub kept: Option<bool>,
}

impl Times {
    /// The stretches, and whether the recovery time objective is kept.
    pub fn spent(&self, objective: Option<Span>, now: Timestamp) -> Spent {
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| from.zip(to).map(|(from, to)| to.since(from));
        let first = self.began.or(self.detected).or(self.decided);
        let total = first.map(|first| self.recovered.unwrap_or(now).since(first));
        let kept = objective.zip(total).and_then(|(objective, total)| match self.recovered {
            Some(_) => Some(total <= objective),
            None => (total > objective).then_some(false),
        });
        Spent {
            detect: between(self.began, self.detected),
            decide: between(self.detected, self.decided),
            act: between(self.decided, self.acted),
            recover: between(self.acted, self.recovered),
            total,
            kept,
        }
    }

    /// One line for a page and for the log.
    pub fn sentence(&self, objective: Option<Span>, now: Timestamp) -> String {
        let spent = self.spent(objective, now);
        let parts: Vec<String> =
            [("noticed", spent.detect), ("decided", spent.decide), ("acted", spent.act), ("recovered", spent.recover)]
                .into_iter()
                .filter_map(|(what, span)| span.map(|span| format!("{what} after {}", span.words())))
                .collect();
        let Some(total) = spent.total.map(Span::words) else { return "Nothing is known of the times yet.".to_owned() };
        let done = if self.recovered.is_some() { "in all" } else { "so far" };
        let beside = match (objective, spent.kept) {
            (None, _) => "; the service states no objective".to_owned(),
            (Some(objective), Some(true)) => format!(", within the objective of {}", objective.words()),
            (Some(objective), Some(false)) => format!(", longer than the objective of {}", objective.words()),
            (Some(objective), None) => format!(" of {}", objective.words()),
        };
        let list = parts.join(", ");
        let list =
            if list.is_empty() { String::new() } else { format!("{}{}: ", list[..1].to_uppercase(), &list[1..]) };
        format!("{list}{total} {done}{beside}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Option<Timestamp> {
        Some(Timestamp::from_secs(1_700_000_000 + secs))
    }

    #[test]
    fn given_all_moments_then_the_stretches_stand_beside_the_objective() {
        let times = Times { began: at(0), detected: at(40), decided: at(60), acted: at(63), recovered: at(193) };
        let now = at(500).expect("a moment");
        assert_eq!(
            times.sentence(Some(Span::from_secs(900)), now),
            "Noticed after 40\u{a0}s, decided after 20\u{a0}s, acted after 3.0\u{a0}s, recovered after 2\u{a0}min 10\u{a0}s: \
             3\u{a0}min 13\u{a0}s in all, within the objective of 15\u{a0}min."
        );
        assert_eq!(times.spent(Some(Span::from_secs(100)), now).kept, Some(false));
    }

    #[test]
    fn given_no_recovery_yet_then_only_a_miss_is_certain() {
        let times = Times { detected: at(0), decided: at(20), ..Times::default() };
        assert_eq!(times.spent(Some(Span::from_secs(900)), at(60).expect("a moment")).kept, None);
        assert_eq!(times.spent(Some(Span::from_secs(900)), at(901).expect("a moment")).kept, Some(false));
        assert_eq!(
            times.sentence(Some(Span::from_secs(900)), at(60).expect("a moment")),
            "Decided after 20\u{a0}s: 1\u{a0}min so far of 15\u{a0}min."
        );
        assert_eq!(Times::default().sentence(None, at(0).expect("a moment")), "Nothing is known of the times yet.");
    }

    #[test]
    fn given_clocks_that_disagree_then_no_stretch_is_negative() {
        let times = Times { began: at(50), detected: at(40), ..Times::default() };
        assert_eq!(times.spent(None, at(60).expect("a moment")).detect, Some(Span::ZERO));
    }
}
