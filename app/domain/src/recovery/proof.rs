//! The proof itself: what was expected, what was seen, and what is not yet well.

use super::RecoveryPolicy;
use crate::id::ServiceName;
use crate::plan::{Metric, Weight};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One thing that must be well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Check {
    pub kind: CheckKind,
    pub service: ServiceName,
    /// The probe, the metric, or the query.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The driver reports that the candidate takes nothing.
    Traffic,
    Probe,
    /// A metric is within its tolerance.
    Signal,
    /// A query to the data is good.
    Integrity,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            CheckKind::Traffic => return write!(f, "traffic of `{}`", self.service),
            CheckKind::Probe => "probe",
            CheckKind::Signal => "signal",
            CheckKind::Integrity => "data check",
        };
        write!(f, "{what} `{}` of `{}`", self.name, self.service)
    }
}

/// One look at one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `None` when there was nothing to see: no data, no answer from the source.
    pub good: Option<bool>,
    /// For people: the value beside what is tolerated, or the error.
    pub detail: String,
    /// When it was true: the sample's own time.
    pub at: Timestamp,
}

impl Seen {
    /// A metric beside what is tolerated, both in the metric's unit. NaN and nothing are no data.
    pub fn signal(metric: &Metric, value: Option<f64>, tolerated: f64, at: Timestamp) -> Self {
        let Some(value) = value.filter(|value| value.is_finite() && tolerated.is_finite()) else {
            return Self { good: None, detail: format!("no data for `{metric}`"), at };
        };
        let less = metric.less_is_worse();
        let good = if less { value >= tolerated } else { value <= tolerated };
        let bound = if less { "at least" } else { "at most" };
        Self {
            good: Some(good),
            detail: format!(
                "{} {}, tolerated is {bound} {}",
                metric.label(),
                metric.show(value),
                metric.show(tolerated)
            ),
            at,
        }
    }
}

/// What is known so far. Built up by [`Proof::see`], read by [`Proof::assess`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    policy: RecoveryPolicy,
    checks: BTreeMap<Check, State>,
    /// Position in `policy.returns`.
    level: usize,
    level_since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct State {
    last: Option<Seen>,
    /// Without a break, at least since then.
    well_since: Option<Timestamp>,
    /// Why there was nothing to see, if the last look found nothing.
    silent: Option<String>,
}

/// What is not yet well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotYet {
    pub check: Check,
    /// For people: ``probe `login` of `api`: answered 503``.
    pub text: String,
}

/// Where the proof stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Everything was well for the stated time at full traffic. Only then may anyone say "recovered".
    pub proven: bool,
    /// The share of its usual traffic that the service takes now.
    pub share: Weight,
    /// The share to move to now; absent while there is something to wait for.
    pub next_share: Option<Weight>,
    pub not_yet: Vec<NotYet>,
    /// How long everything has been well at this share.
    pub well_for: Span,
    pub sentence: String,
}

impl Proof {
    /// Begins to wait for these checks. Without any check nothing can be proven, and it never is.
    pub fn begin(policy: RecoveryPolicy, checks: impl IntoIterator<Item = Check>, now: Timestamp) -> Self {
        let checks = checks.into_iter().map(|check| (check, State::default())).collect();
        Self { policy, checks, level: 0, level_since: now }
    }

    /// The proof after one more look. A check that was not expected and a look older than the last change nothing.
    pub fn see(mut self, check: &Check, seen: Seen) -> Self {
        let max_age = self.policy.max_age;
        let Some(state) = self.checks.get_mut(check) else { return self };
        let Some(good) = seen.good else {
            state.silent = Some(seen.detail);
            return self;
        };
        if let Some(last) = &state.last {
            if seen.at < last.at {
                return self;
            }
            if seen.at.since(last.at) > max_age {
                state.well_since = None;
            }
        }
        state.well_since = if good { state.well_since.or(Some(seen.at)) } else { None };
        state.silent = None;
        state.last = Some(seen);
        self
    }

    /// The next share of traffic has been observed.
    pub fn returned(mut self, now: Timestamp) -> Self {
        self.level = (self.level + 1).min(self.policy.returns.len().saturating_sub(1));
        self.level_since = now;
        self
    }

    /// Where it stands.
    pub fn assess(&self, now: Timestamp) -> Assessment {
        let mut not_yet = Vec::new();
        let mut since = self.level_since;
        for (check, state) in &self.checks {
            match self.wrong(state, now) {
                Some(why) => not_yet.push(NotYet { check: check.clone(), text: format!("{check}: {why}") }),
                None => since = since.max(state.well_since.unwrap_or(now)),
            }
        }
        let well = not_yet.is_empty() && !self.checks.is_empty();
        let well_for = if well { Span::from_secs(now.since(since).secs()) } else { Span::ZERO };
        let passed = well && now.since(since) >= self.policy.steady;
        let next = self.policy.returns.get(self.level + 1).copied();
        let share = self.policy.returns.get(self.level).copied().unwrap_or(Weight::FULL);
        let proven = passed && next.is_none();
        let next_share = next.filter(|_| passed);
        let sentence = self.sentence(&not_yet, share, next_share, proven, well_for);
        Assessment { proven, share, next_share, not_yet, well_for, sentence }
    }

    fn wrong(&self, state: &State, now: Timestamp) -> Option<String> {
        let silent = || state.silent.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let Some(last) = &state.last else { return Some(format!("not seen yet{}", silent())) };
        let age = now.since(last.at);
        if age > self.policy.max_age {
            return Some(format!("nothing fresh for {}{}", Span::from_secs(age.secs()), silent()));
        }
        (last.good != Some(true)).then(|| last.detail.clone())
    }

    fn sentence(
        &self,
        not_yet: &[NotYet],
        share: Weight,
        next: Option<Weight>,
        proven: bool,
        well_for: Span,
    ) -> String {
        let (percent, steady) = (share.percent(), self.policy.steady);
        if self.checks.is_empty() {
            return "Nothing is checked, so recovery cannot be proven; name a probe, a signal or a query.".to_owned();
        }
        if !not_yet.is_empty() {
            let all: Vec<&str> = not_yet.iter().map(|what| what.text.as_str()).collect();
            return format!("Not yet well: {}.", all.join("; "));
        }
        if proven {
            let checks = match self.checks.len() {
                1 => "1 check was".to_owned(),
                many => format!("{many} checks were"),
            };
            return format!("Recovered: {checks} well for {well_for} at {percent}\u{a0}% of usual traffic.");
        }
        match next {
            Some(next) => format!(
                "Well for {well_for} at {percent}\u{a0}%: {}\u{a0}% of usual traffic may return.",
                next.percent()
            ),
            None => format!("Well for {well_for} of {steady} at {percent}\u{a0}% of usual traffic."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    fn check(kind: CheckKind, name: &str) -> Check {
        Check { kind, service: ServiceName::new("api").expect("plain"), name: name.to_owned() }
    }

    fn policy(returns: &[u8]) -> RecoveryPolicy {
        let returns = returns.iter().map(|r| Weight::try_from(*r).expect("a weight")).collect();
        RecoveryPolicy { steady: Span::from_secs(60), max_age: Span::from_secs(20), returns }
    }

    fn seen(good: Option<bool>, now: i64) -> Seen {
        Seen { good, detail: "answered 503".into(), at: at(now) }
    }

    /// A look every ten seconds, `from` to `to`.
    fn looks(proof: Proof, check: &Check, good: Option<bool>, from: i64, to: i64) -> Proof {
        (from..=to).step_by(10).fold(proof, |proof, now| proof.see(check, seen(good, now)))
    }

    #[test]
    fn given_checks_that_are_well_for_the_stated_time_then_and_only_then_it_is_proven() {
        let probe = check(CheckKind::Probe, "login");
        let proof = Proof::begin(policy(&[100]), [probe.clone()], at(0));
        let proof = looks(proof, &probe, Some(true), 0, 50);
        assert!(!proof.assess(at(59)).proven);
        let proof = looks(proof, &probe, Some(true), 60, 60);
        assert!(proof.assess(at(60)).proven);
        assert_eq!(proof.assess(at(60)).sentence, "Recovered: 1 check was well for 1m at 100\u{a0}% of usual traffic.");
    }

    #[test]
    fn given_one_bad_look_then_the_time_begins_again_and_the_page_says_what_is_wrong() {
        let probe = check(CheckKind::Probe, "login");
        let proof = looks(Proof::begin(policy(&[100]), [probe.clone()], at(0)), &probe, Some(true), 0, 50);
        let proof = proof.see(&probe, seen(Some(false), 55));
        assert_eq!(proof.assess(at(56)).sentence, "Not yet well: probe `login` of `api`: answered 503.");
        let proof = looks(proof, &probe, Some(true), 60, 110);
        assert!(!proof.assess(at(115)).proven);
        assert!(looks(proof, &probe, Some(true), 120, 120).assess(at(120)).proven);
    }

    #[test]
    fn given_silence_then_nothing_is_proven_and_a_gap_breaks_the_stretch() {
        let signal = check(CheckKind::Signal, "errors");
        let proof = Proof::begin(policy(&[100]), [signal.clone()], at(0));
        let proof = looks(proof, &signal, None, 0, 300);
        assert!(proof.assess(at(300)).sentence.contains("not seen yet (answered 503)"));
        let proof = looks(proof, &signal, Some(true), 300, 340);
        let proof = looks(proof, &signal, None, 350, 370);
        assert!(proof.assess(at(370)).sentence.contains("nothing fresh for 30s"));
        let proof = looks(proof, &signal, Some(true), 380, 400);
        assert_eq!(proof.assess(at(400)).well_for, Span::from_secs(20));
    }

    #[test]
    fn given_no_check_then_nothing_is_ever_proven() {
        let proof = Proof::begin(policy(&[100]), [], at(0));
        assert!(!proof.assess(at(9_999)).proven);
        assert!(proof.assess(at(9_999)).sentence.starts_with("Nothing is checked"));
    }

    #[test]
    fn given_a_gradual_return_then_each_share_must_be_steady_on_its_own() {
        let probe = check(CheckKind::Probe, "login");
        let proof = looks(Proof::begin(policy(&[33, 100]), [probe.clone()], at(0)), &probe, Some(true), 0, 60);
        let assessed = proof.assess(at(60));
        assert_eq!((assessed.proven, assessed.next_share), (false, Some(Weight::FULL)));
        let proof = looks(proof.returned(at(65)), &probe, Some(true), 70, 120);
        assert!(!proof.assess(at(124)).proven);
        assert!(proof.assess(at(125)).proven);
    }

    #[test]
    fn given_a_signal_then_nan_is_no_data_and_less_may_be_worse() {
        let now = at(0);
        assert_eq!(Seen::signal(&Metric::Errors, Some(0.002), 0.001, now).good, Some(false));
        assert_eq!(Seen::signal(&Metric::Errors, Some(f64::NAN), 0.001, now).good, None);
        assert_eq!(Seen::signal(&Metric::Errors, None, 0.001, now).good, None);
        assert_eq!(Seen::signal(&Metric::Traffic, Some(90.0), 100.0, now).good, Some(false));
    }
}
