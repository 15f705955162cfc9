//! What the running version showed before the release: how its events cluster and how often they come.
//!
//! Both only temper and never count as evidence: a state that was primed holds the same odds as an empty one. Besides
//! the spread between instances in the same tick there is what lasts longer than a tick, such as an instance that is ill
//! for a minute. It is found by letting instances play the canary against the others: evidence is calmed until none of
//! them would have come further than three quarters of the way to the line, and then by half as much again (in
//! logarithms), because the next spell may last longer than those that were seen. And there is what lasts for good: where
//! instances differ, none of them is rolled back for being one of them.

use super::bet::measure;
use super::chance::Shown;
use super::compare::Line;
use super::counts::{Known, counts};
use super::number::ln;
use super::process::Pace;
use super::spread::{Spread, clip};
use super::stream::{Bad, Before, Counts, Stream};
use super::track::{Track, lines};
use super::{JudgeState, Policy};
use crate::plan::{Guard, Metric};
use crate::signal::stats::Sums;
use crate::signal::{ArmTick, Data, Tick};
use crate::time::Span;
use std::collections::BTreeMap;

/// So many of the latest ticks are looked at.
const TICKS: usize = 1_000;
/// So many instances play the canary at most: those with most requests.
const PLAYERS: usize = 20;
/// How far an instance of the running version may come, of the way to the line.
const BEARABLE: f64 = 0.75;
/// Evidence is calmed by no more than this: one instance that was broken for long must not make the judge blind.
const CALMEST: f64 = 12.0;
/// A canary may differ by so many standard deviations from the instances there are ...
const ODD: f64 = 3.0;
/// ... but not be tolerated at more than so many times their rate.
const OWN: f64 = 2.0;
/// Instances count as different when their rates spread wider than chance alone would make them by so many of its standard
/// deviations.
const SURE: f64 = 2.0;

impl JudgeState {
    /// A state for a release of which nothing was seen yet, with what the running version showed before: the baseline
    /// arms of past ticks, oldest first. Ticks without usable baseline data are passed over; the canary arms of earlier
    /// releases do not count.
    pub fn primed(history: &[Tick], policy: &Policy) -> JudgeState {
        let usable = |tick: &&Tick| tick.failure.is_none() && tick.span > Span::ZERO && tick.baseline.data.usable();
        let mut past: Vec<&Tick> = history.iter().rev().filter(usable).take(TICKS).collect();
        past.reverse();
        let mut sums = Sums::default();
        past.iter().for_each(|tick| sums.add(&Sums::of(&tick.baseline, tick.span)));
        let known = Known { baseline: Some(&sums), alone: false };
        let counted = |metric: &Metric| !matches!(metric, Metric::Traffic | Metric::Saturation);
        let guards = policy.guards.iter().filter(|guard| counted(&guard.metric));
        let learned = guards.filter_map(|guard| {
            let streams: Vec<Option<Stream>> =
                lines(guard).map(|line| learned(&moments(guard, line, &past, &known), policy)).collect();
            streams.iter().any(Option::is_some).then(|| (guard.metric.clone(), Track::Counted(streams)))
        });
        JudgeState::holding(learned.collect(), (sums.requests > 0.0).then_some(sums.clone()))
    }
}

impl JudgeState {
    /// Takes how events cluster from another state, wherever that one knows it.
    pub(super) fn spread_as(&mut self, known: &JudgeState) {
        for (metric, track) in &mut self.evidence {
            if let Some(known) = known.evidence.get(metric) {
                track.spread_as(known);
            }
        }
    }
}

/// One instance in one tick, as it counts in the canary's place and in the baseline.
struct Instance<'a> {
    name: &'a str,
    canary: Shown,
    baseline: Shown,
}

/// One line of a guard in one tick, instances by name.
struct Moment<'a> {
    secs: f64,
    all: Vec<Instance<'a>>,
    r: f64,
    d: f64,
    bad: Bad,
}

fn moments<'a>(guard: &Guard, line: Line, past: &[&'a Tick], known: &Known) -> Vec<Moment<'a>> {
    let moment = |tick: &&'a Tick| {
        let mut found = Moment { secs: tick.span.secs_f64(), all: Vec::new(), r: 0.0, d: 0.0, bad: Bad::More };
        for instance in &tick.baseline.instances {
            let arm = || ArmTick { data: Data::Complete, instances: vec![instance.clone()] };
            let one = Tick { baseline: arm(), canary: arm(), failure: None, warnings: Vec::new(), ..**tick };
            let Some(counts) = counts(&guard.metric, line, &one, known) else { continue };
            let (Some(canary), Some(baseline)) = (counts.canary.first(), counts.baseline.first()) else { continue };
            (found.r, found.d, found.bad) = (counts.r, counts.d, counts.bad);
            found.all.push(Instance { name: &instance.instance, canary: *canary, baseline: *baseline });
        }
        // The order in which a source lists instances must not decide the last bit of a sum.
        found.all.sort_by(|a, b| a.name.cmp(b.name));
        (!found.all.is_empty()).then_some(found)
    };
    past.iter().filter_map(moment).collect()
}

/// What a line begins with; `None` when nothing was seen of it.
fn learned(past: &[Moment], policy: &Policy) -> Option<Stream> {
    let first = past.first()?;
    let all = || past.iter().flat_map(|moment| &moment.all).map(|instance| instance.baseline);
    let (events, trials) = all().fold((0.0, 0.0), |sum, one| (sum.0 + one.events, sum.1 + one.trials));
    let served = all().filter(|one| one.trials > 0.0).count();
    if served == 0 {
        return None;
    }
    let usual = events / trials;
    let (beside, rate) = (trials / served as f64, first.r * usual + first.d.max(0.0));
    let most = |one: Shown| if first.bad == Bad::Fewer { one.events } else { clip(one.trials, beside, rate) };
    let reduced = |one: Shown| Shown { events: one.events.min(most(one)), trials: one.trials };
    let mut spread = Spread::default();
    for moment in past {
        spread.take(moment.all.iter().map(|instance| reduced(instance.baseline)));
    }
    let own = if first.bad == Bad::Fewer { 0.0 } else { own(past, reduced, spread.phi()) };
    let before = |calm: f64| Before { usual: usual as f32, calm: calm as f32, own: own as f32 };
    let with = |calm: f64| Stream::primed(first.bad, spread.past(), before(calm));
    // An absolute limit is no comparison: what broke it before is no reason to let it be broken.
    let players = if first.r > 0.0 { players(past) } else { Vec::new() };
    let bearable = BEARABLE * ln(1.0 / policy.judge.false_alarms);
    let mut calm: f64 = 1.0;
    while calm < CALMEST {
        let stream = with(calm);
        let furthest = players.iter().map(|name| furthest(stream, name, past, policy)).fold(0.0, f64::max);
        if furthest <= bearable {
            break;
        }
        calm *= (furthest / bearable).clamp(1.2, 2.0);
    }
    Some(with((calm * calm.sqrt()).min(CALMEST)))
}

/// Times the rate of all that an instance in the canary's place may show for good, 0 when they differ by no more than chance
/// makes them. Over all of the past instances of one rate have events with variance `phi·e` around the expected `e`; where
/// rates differ by the coefficient of variation `v` it is `phi·e + (v·e)²`.
fn own(past: &[Moment], reduced: impl Fn(Shown) -> Shown, phi: f64) -> f64 {
    let mut sums: BTreeMap<&str, [f64; 3]> = BTreeMap::new();
    for instance in past.iter().flat_map(|moment| &moment.all) {
        let more = [reduced(instance.canary).events, reduced(instance.baseline).events, instance.baseline.trials];
        sums.entry(instance.name).or_default().iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    sums.retain(|_, [.., trials]| *trials > 0.0);
    let all = sums.values().fold([0.0; 3], |all, one| std::array::from_fn(|i| all[i] + one[i]));
    let ([canary, baseline, trials], degrees) = (all, sums.len() as f64 - 1.0);
    if degrees < 1.0 || canary <= 0.0 || baseline <= 0.0 {
        return 0.0;
    }
    let off = |[events, _, its]: &[f64; 3]| {
        let expected = its * canary / trials;
        (events - expected).powi(2) / expected
    };
    let spread = sums.values().map(off).sum::<f64>() / degrees;
    if spread <= phi * (1.0 + SURE * (2.0 / degrees).sqrt()) {
        return 0.0;
    }
    let differ = ((spread - phi) * (degrees + 1.0) / canary).sqrt();
    canary / baseline * (1.0 + ODD * differ).min(OWN)
}

/// The instances with most requests; none when there are not two to compare.
fn players<'a>(past: &[Moment<'a>]) -> Vec<&'a str> {
    let mut trials: BTreeMap<&str, f64> = BTreeMap::new();
    for instance in past.iter().flat_map(|moment| &moment.all) {
        *trials.entry(instance.name).or_default() += instance.baseline.trials;
    }
    let mut busiest: Vec<(&str, f64)> = trials.into_iter().filter(|(_, trials)| *trials > 0.0).collect();
    busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    busiest.truncate(if busiest.len() < 2 { 0 } else { PLAYERS });
    busiest.into_iter().map(|(name, _)| name).collect()
}

/// The most evidence, in nats, that there would have been against an instance in the canary's place.
fn furthest(mut stream: Stream, player: &str, past: &[Moment], policy: &Policy) -> f64 {
    let (mut pace, mut most) = (Pace::default(), 1.0_f64);
    let mut counts = Counts::default();
    for moment in past {
        counts.canary.clear();
        counts.baseline.clear();
        for instance in &moment.all {
            if instance.name == player {
                counts.canary.push(instance.canary);
            } else {
                counts.baseline.push(instance.baseline);
            }
        }
        (counts.r, counts.d, counts.bad) = (moment.r, moment.d, moment.bad);
        let secs = moment.secs.min(2.0 * policy.interval.secs_f64());
        let stake = pace.step(secs);
        stream.take(&counts, measure(policy, secs, stake, &pace));
        most = most.max(stream.back(pace.kept()));
    }
    ln(most)
}
