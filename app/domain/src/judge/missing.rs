//! Ticks that say nothing: they neither promote nor roll back, whatever came before.

use super::state::{JudgeState, alone};
use super::{Policy, VerdictKind, words};
use crate::plan::Weight;
use crate::signal::{Arm, Data, SourceFailure, Tick};
use crate::time::Span;

/// Requests the canary should have had without having one, before its routing is called broken: chance `e^-10`.
const AWAITED: f64 = 10.0;

const HELD: &str = "Nothing is promoted or rolled back on silence; timers and minimum data stand still.";

/// Why a tick cannot be judged.
#[derive(Debug)]
pub(super) enum Silence<'a> {
    /// The plan has neither a guard nor a hard limit.
    NoRule,
    Source(&'a SourceFailure),
    /// No traffic is asked for the canary.
    NoShare,
    Arm(Arm, Data),
}

/// A verdict in words: what is so, and what comes of it.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) sentence: String,
    pub(super) next: String,
}

/// Why the tick cannot be judged; `None` when it can.
pub(super) fn silence<'a>(tick: &'a Tick, policy: &Policy) -> Option<Silence<'a>> {
    if let Some(failure) = &tick.failure {
        return Some(Silence::Source(failure));
    }
    if policy.weight == Weight::ZERO {
        return Some(Silence::NoShare);
    }
    let arms = if alone(policy) { &[Arm::Canary][..] } else { &[Arm::Canary, Arm::Baseline][..] };
    let unusable = arms.iter().map(|arm| (*arm, tick.arm(*arm).data)).filter(|(_, data)| !data.usable());
    let (arm, data) = unusable.min_by_key(|(_, data)| rank(*data))?;
    Some(Silence::Arm(arm, data))
}

impl Silence<'_> {
    /// `begun`: the release was judged before. Then a first reading comes after a gap, which it does not close: a difference
    /// does.
    pub(super) fn kind(&self, begun: bool) -> VerdictKind {
        match self {
            Silence::NoRule | Silence::Source(SourceFailure::Misconfigured { .. }) => VerdictKind::ConfigError,
            Silence::Source(SourceFailure::Down { .. }) => VerdictKind::ProviderDown,
            Silence::NoShare => VerdictKind::Insufficient,
            Silence::Arm(_, Data::First) if !begun => VerdictKind::Insufficient,
            Silence::Arm(..) => VerdictKind::NoData,
        }
    }

    pub(super) fn said(&self, state: &JudgeState, tick: &Tick) -> Said {
        let lasting = state.unheard(tick.at);
        match self {
            Silence::NoRule => Said {
                sentence: "The plan has neither a guard nor a hard limit: nothing could be concluded.".into(),
                next: "Add a guard to the plan; start with `errors`, `p99` and `traffic`.".into(),
            },
            Silence::Source(SourceFailure::Down { source_name, detail }) => Said {
                sentence: format!("No data from `{source_name}`{}: {}.", since(lasting), brief(detail)),
                next: format!("Goes on when it answers. {HELD}"),
            },
            Silence::Source(SourceFailure::Misconfigured { source_name, detail }) => Said {
                sentence: format!("`{source_name}` refuses the question: {}.", brief(detail)),
                next: "Fix the service's signals; until then nothing is promoted or rolled back.".into(),
            },
            Silence::NoShare => Said {
                sentence: "No traffic is asked for the canary.".into(),
                next: "Watched as soon as it takes a share of traffic.".into(),
            },
            Silence::Arm(arm, data) => of_arm(state, *arm, *data, tick, lasting),
        }
    }
}

/// The canary takes no part of traffic although it should.
pub(super) fn unrouted(state: &JudgeState) -> bool {
    state.seen.awaited >= AWAITED
}

/// What is said of a canary that is [`unrouted`].
pub(super) fn said_unrouted(state: &JudgeState, policy: &Policy) -> Said {
    Said {
        sentence: format!(
            "No request reached the canary for {}, although {}\u{a0}% of traffic is asked for it: about {} were expected.",
            state.seen.silent.clock(),
            policy.weight.percent(),
            words::whole(state.seen.awaited),
        ),
        next: "Check the routing. Nothing is promoted or rolled back on silence.".into(),
    }
}

/// The most telling state first.
fn rank(data: Data) -> u8 {
    match data {
        Data::Missing => 0,
        Data::Stale { .. } | Data::Ahead { .. } => 1,
        Data::NotANumber => 2,
        Data::Partial { .. } => 3,
        Data::Reset { .. } => 4,
        Data::BucketsChanged => 5,
        Data::First => 6,
        Data::Complete => 7,
    }
}

fn of_arm(state: &JudgeState, arm: Arm, data: Data, tick: &Tick, lasting: Span) -> Said {
    let name = arm.label();
    let neither = "This reading counts for neither version.";
    let sentence = match data {
        Data::Missing => format!("No {name} instance has been seen{}.", since(lasting)),
        Data::Stale { age } => format!("The newest {name} sample is {} old.", age.clock()),
        Data::Ahead { by } => format!(
            "The newest {name} sample is from {} in the future: the clocks of the source and of Sternway disagree.",
            by.clock()
        ),
        Data::NotANumber => format!("A {name} value is not a number although there were requests."),
        Data::Partial { seen, expected } => {
            // The window's own words about what is lacking come first.
            let lacking =
                tick.warnings.first().filter(|text| text.contains(name)).map(|text| format!(": {}", brief(text)));
            format!(
                "Only {seen} of {expected} {name} instances could be read in full{}.",
                lacking.as_deref().unwrap_or_default()
            )
        }
        Data::Reset { instances } => {
            let (canary, baseline) = state.seen.restarts;
            let all = if arm == Arm::Canary { canary } else { baseline };
            let so_far = if all > instances { format!(", {all} restarts in this stage") } else { String::new() };
            let plural = if instances == 1 { "instance" } else { "instances" };
            format!("{instances} {name} {plural} restarted{so_far}. {neither}")
        }
        Data::BucketsChanged => format!("The latency buckets of the {name} changed. {neither}"),
        Data::First | Data::Complete => format!("First reading of the {name}: differences come with the next one."),
    };
    let next = if data == Data::First { "Counts from the next reading." } else { HELD };
    Said { sentence, next: next.into() }
}

fn since(lasting: Span) -> String {
    if lasting.secs() > 0 { format!(" for {}", lasting.clock()) } else { String::new() }
}

/// What a source said, short enough for a sentence.
fn brief(detail: &str) -> String {
    let one_line: String = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = one_line.trim_end_matches('.').chars().take(160).collect();
    if cut.is_empty() { "no reason given".into() } else { cut }
}
