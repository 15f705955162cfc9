//! A conclusion in words, with what explains it: estimates, how long it may still take, what is needed.

use super::compare::Gap;
use super::conclude::{Cause, Conclusion};
use super::finding::{Finding, enough_next};
use super::missing::{Said, said_unrouted};
use super::view::View;
use super::{GuardFinding, JUDGE_VERSION, Verdict, VerdictKind, words};
use crate::plan::Guard;

impl Conclusion<'_> {
    /// The whole verdict.
    pub fn verdict(&self) -> Verdict {
        let Said { sentence, next } = self.said();
        let view = &self.view;
        let limits = view.policy.hard_limits.iter().zip(&self.limits);
        Verdict {
            kind: self.kind,
            at: view.tick.at,
            tick: view.tick.number,
            guards: self.found(&sentence),
            limits: limits.map(|(limit, limited)| limited.told(limit)).collect(),
            sentence,
            next,
            decided_by: self.decided_by().cloned(),
            evidence: (!(self.silent() && view.policy.guards.is_empty())).then(|| view.scale.weighed()),
            pair: None,
            judge_version: JUDGE_VERSION.to_owned(),
        }
    }

    fn silent(&self) -> bool {
        matches!(self.cause, Cause::Silent(_))
    }

    fn found(&self, sentence: &str) -> Vec<GuardFinding> {
        let guards = &self.view.policy.guards;
        if self.silent() {
            return guards.iter().map(|guard| unseen(guard, self.kind, sentence)).collect();
        }
        (0..guards.len()).map(|i| self.finding(i).told()).collect()
    }

    fn finding(&self, index: usize) -> Finding<'_> {
        let view = &self.view;
        Finding { guard: &view.policy.guards[index], index, judged: &self.guards[index], view }
    }

    fn said(&self) -> Said {
        let view = &self.view;
        let limit = |i: usize| (&view.policy.hard_limits[i], &self.limits[i]);
        match &self.cause {
            Cause::Silent(silence) => silence.said(view.state, view.tick),
            Cause::Limit(i) => {
                let (limit, limited) = limit(*i);
                Said { sentence: limited.sentence(limit), next: limited.next() }
            }
            Cause::Unreported(i) => {
                let metric = &limit(*i).0.metric;
                Said {
                    sentence: format!(
                        "The hard limit on {} cannot be judged: no instance reports `{metric}`.",
                        metric.label()
                    ),
                    next: "Fix the limit or the service's signals; until then nothing is promoted.".into(),
                }
            }
            Cause::Blind(i) => {
                let (limit, limited) = limit(*i);
                let reason = match limited.gap() {
                    Some(Gap::Short { have, need }) => {
                        format!("{} of {} requests in the window", words::whole(have), words::whole(need))
                    }
                    _ => "it lies beyond the last latency bucket".to_owned(),
                };
                let metric = limit.metric.label();
                let sentence = format!("The hard limit on {metric} cannot be judged yet: {reason}.");
                Said { sentence, next: "Nothing is promoted.".into() }
            }
            Cause::Guard(i) => {
                let finding = self.finding(*i);
                let next = if self.kind == VerdictKind::Pass { self.passed() } else { finding.next() };
                Said { sentence: finding.sentence(), next }
            }
            Cause::Unrouted => said_unrouted(view.state, view.policy),
            Cause::Misrouted { more } => misrouted(view, *more),
            Cause::Short => Said { sentence: "Too little seen so far.".to_owned(), next: enough_next(view) },
            Cause::Quiet => Said {
                sentence: format!("No canary request for {}.", view.seen.silent.clock()),
                next: "Passes with the next requests.".into(),
            },
            Cause::Clear => Said { sentence: "No hard limit is broken.".into(), next: self.passed() },
        }
    }

    /// `All 3 guards pass, 18 300 requests.`
    fn passed(&self) -> String {
        let requests = words::whole(self.view.pool.canary.requests);
        match (self.guards.len(), self.limits.len()) {
            (0, 1) => format!("The hard limit is kept, {requests} requests."),
            (0, all) => format!("All {all} hard limits are kept, {requests} requests."),
            (1, _) => format!("The guard passes, {requests} requests."),
            (all, _) => format!("All {all} guards pass, {requests} requests."),
        }
    }
}

/// A guard on a tick that says nothing. It carries no numbers: none is of now.
fn unseen(guard: &Guard, kind: VerdictKind, sentence: &str) -> GuardFinding {
    GuardFinding {
        metric: guard.metric.clone(),
        kind,
        canary: None,
        baseline: None,
        tolerated: None,
        requests: (0.0, 0.0),
        sentence: sentence.to_owned(),
        evidence: None,
    }
}

/// The canary takes another share of traffic than was asked.
fn misrouted(view: &View, more: bool) -> Said {
    let share = view.pool.canary.requests / (view.pool.canary.requests + view.pool.baseline.requests);
    let word = if more { "more" } else { "less" };
    Said {
        sentence: format!(
            "The canary takes {word} than its share: {:.1}\u{a0}% of requests, asked are {}\u{a0}%.",
            share * 100.0,
            view.policy.weight.percent()
        ),
        next: "The versions may serve different requests and are not comparable. Check the routing.".into(),
    }
}
