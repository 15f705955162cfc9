//! One line of one guard as a pair of bets, toward rolling back and toward promoting, on the same counts.

use super::chance::Shown;
use super::number::{exp, ln};
use super::process::{Grid, Pace, Process, Showing, Temper};
use super::recent::Recent;
use super::spread::{Spread, clip, sum};
use serde::{Deserialize, Serialize};

/// What one tick showed of one line, by instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    pub canary: Vec<Shown>,
    /// Empty when nothing is compared with: then only `d` counts.
    pub baseline: Vec<Shown>,
    /// The canary's events as they count for promoting, where they differ: a limit between two buckets.
    pub promote: Option<Vec<Shown>>,
    /// Tolerated: `r` times the baseline's rate and `d` on top.
    pub r: f64,
    pub d: f64,
    /// For promoting, where the tolerated rate is itself uncertain.
    pub promote_d: Option<f64>,
    /// Which events are bad.
    pub bad: Bad,
}

/// Whether the counted events are bad ones, or good ones of which fewer are worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    #[default]
    More,
    /// Bad events, but differences are small: business ratios seen from their failures.
    LittleMore,
    Fewer,
}

impl Bad {
    /// The alternatives bet on toward rolling back, and toward promoting.
    fn grids(self) -> (&'static Grid, &'static Grid) {
        match self {
            Bad::More => (&Grid::MORE, &Grid::FEWER),
            Bad::LittleMore => (&Grid::LITTLE_MORE, &Grid::LITTLE_FEWER),
            Bad::Fewer => (&Grid::LITTLE_FEWER, &Grid::LITTLE_MORE),
        }
    }
}

/// Odds at which an alternative stops counting, toward rolling back and toward promoting.
const CEILING: (f64, f64) = (1e4, 1e3);
/// How far the anchor follows rising evidence within the time that evidence may need to the line, nats.
const DRIFT: f64 = 0.5;
/// How near to the line a change may come within the patience, in logarithms. The rest is for what comes after it by
/// chance: a few errors more must not complete what a blip began.
const SHORT: f64 = 0.75;

/// At most so many times is the dispersion stretched for a margin.
const MARGIN: f64 = 4.0;
/// How many events the rate of before the release is worth.
const BEFORE: f64 = 20.0;

/// Evidence on one line, 128 bytes. Serialises; goes from stage to stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    back: Process,
    promote: Process,
    spread: Spread,
    /// What the running version showed before the release.
    #[serde(default)]
    before: Before,
    /// Since the stage began, `x, m, y, n`: what the estimate and its band rest on.
    tally: [f32; 4],
    /// Nats per second lately: toward rolling back, toward promoting.
    pace: (f32, f32),
    /// Where evidence toward rolling back lay before it rose.
    anchor: f32,
    /// What the last ticks added to it.
    #[serde(default)]
    recent: Recent,
}

/// What history says of a line beside its spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Before {
    /// Events per trial of the baseline; 0 when unknown.
    pub(super) usual: f32,
    /// Evidence toward rolling back is divided by this, so that no instance of the running version would have come near.
    pub(super) calm: f32,
    /// Times the baseline's rate that an instance of the running version may show for good; 0 when they are all alike.
    pub(super) own: f32,
}

impl Default for Before {
    fn default() -> Before {
        Before { usual: 0.0, calm: 1.0, own: 0.0 }
    }
}

/// Counts since the stage began, clipped nowhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tally {
    pub x: f64,
    pub m: f64,
    pub y: f64,
    pub n: f64,
}

/// What tempers and times a tick's evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Length of the tick, seconds.
    pub secs: f64,
    /// Odds that roll back.
    pub needed: f64,
    /// Evidence may reach them from where it lay in no less than this, seconds.
    pub within: f64,
    /// Stake placed with this tick, and that of the latest minute.
    pub stake: f64,
    pub latest: f64,
    /// Stakes not placed at all so far, this tick's already taken off.
    pub kept: f64,
}

/// The dispersion of a canary that is as bad as tolerated. Where instances have rates of their own it grows with the rate,
/// and a margin tolerates a rate at which the baseline was never seen: nothing must rest on the baseline's calm.
fn spread_at(phi: f64, counts: &Counts, usual: f64) -> f64 {
    let (seen, margin) = (counts.r * usual, counts.d.max(0.0));
    let times = if seen > 0.0 { (1.0 + margin / seen).min(MARGIN) } else { 1.0 };
    1.0 + (phi - 1.0) * times
}

impl Stream {
    pub fn new(bad: Bad) -> Stream {
        let (back, promote) = bad.grids();
        Stream {
            back: Process::new(back, Pace::START),
            promote: Process::new(promote, Pace::START),
            spread: Spread::default(),
            before: Before::default(),
            tally: [0.0; 4],
            pace: (0.0, 0.0),
            anchor: Pace::START as f32,
            recent: Recent::default(),
        }
    }

    /// Begins with what the running version showed before; no evidence is in it.
    pub(super) fn primed(bad: Bad, spread: Spread, before: Before) -> Stream {
        Stream { spread, before, ..Stream::new(bad) }
    }

    pub(super) fn spread_as(&mut self, known: &Stream) {
        self.spread = known.spread;
    }

    /// Another share of traffic: evidence stays, the estimate begins anew.
    pub fn stage(&mut self) {
        self.tally = [0.0; 4];
    }

    /// Settles one tick.
    pub fn take(&mut self, counts: &Counts, measure: Measure) {
        let (m_events, m) = sum(counts.canary.iter().copied());
        let (n_events, n) = sum(counts.baseline.iter().copied());
        if !(m > 0.0 && (counts.r == 0.0 || n > 0.0)) {
            return;
        }
        let usual = self.rate().unwrap_or(if n > 0.0 { n_events / n } else { 0.0 });
        let rate = counts.r * usual + counts.d.max(0.0);
        let served = counts.canary.iter().filter(|one| one.trials > 0.0).count().max(1);
        let beside = m / served as f64;
        let clipped = |one: &Shown| Shown { events: one.events.min(clip(one.trials, beside, rate)), ..*one };
        let (canary, baseline) = (counts.canary.iter().map(clipped), counts.baseline.iter().map(clipped));
        let (x, y) = (sum(canary).0, sum(baseline.clone()).0);
        let phi = spread_at(self.spread.phi(), counts, usual);
        let seen = Showing { x, m, y, n, r: counts.r, d: counts.d };
        // A good event that is missing cannot be clipped; rare failures can.
        let raw = counts.bad == Bad::Fewer;
        let seen = if raw { Showing { x: m_events, y: n_events, ..seen } } else { seen };
        let (up, down) = counts.bad.grids();
        let past = ((measure.within / measure.secs).ceil() - 1.0).max(0.0) as usize;
        let cap = self.cap(measure, past);
        let before = (self.back.won() + measure.kept + measure.stake, self.promote.won());
        let calmed = phi * f64::from(self.before.calm);
        let tolerated = Showing { r: self.tolerated(counts, usual), ..seen };
        self.back.settle(up, tolerated, Temper { phi: calmed, cap, stake: measure.stake, ceiling: CEILING.0 });
        let added = ln((self.back.won() / (before.0 - measure.kept).max(f64::MIN_POSITIVE)).max(1.0));
        self.recent.add(added, past);
        let all = counts.promote.as_deref().map_or(m_events, |canary| sum(canary.iter().copied()).0);
        let seen = Showing { x: all, d: counts.promote_d.unwrap_or(counts.d), ..seen };
        let looser = Temper { phi, cap: f64::INFINITY, stake: measure.stake, ceiling: CEILING.1 };
        self.promote.settle(down, seen, looser);
        self.hurry(before, measure);
        if raw {
            self.spread.take(counts.baseline.iter().copied())
        } else {
            self.spread.take(baseline)
        }
        for (sum, more) in self.tally.iter_mut().zip([m_events, m, n_events, n]) {
            *sum += more as f32;
        }
    }

    /// The most a tick may add to each alternative: what is over within the plan's patience does not reach the line from
    /// at most the stake that evidence began with. Where it had fallen lower, more may be added, so that what comes late is
    /// caught as quickly. The cap is known before the tick, so it only lowers the odds.
    ///
    /// Errors come one by one or in heaps: a tick that shows much may add all that is allowed when the `past` ticks before
    /// it, those that lie within the patience too, were quiet.
    fn cap(&mut self, measure: Measure, past: usize) -> f64 {
        let (anchor, now) = (f64::from(self.anchor), self.back.won() + measure.stake);
        let drifted = anchor * exp(DRIFT * measure.secs / measure.within);
        let anchor = now.min(drifted).clamp(measure.latest, Pace::START);
        self.anchor = anchor as f32;
        let allowed = SHORT * ln(measure.needed / anchor).max(1.0);
        (allowed.min(Recent::MOST) - self.recent.added(past)).max(0.0)
    }

    /// What is tolerated toward rolling back, times the baseline's rate: what the plan says, and never less than what an
    /// instance of the running version may show. It is known before the tick, and whatever the plan tolerates is tolerated
    /// then as well: the odds do not grow on average under either. Promoting keeps to the plan.
    fn tolerated(&self, counts: &Counts, usual: f64) -> f64 {
        let own = self.own();
        if own > 0.0 && counts.r > 0.0 && usual > 0.0 { counts.r.max(own - counts.d / usual) } else { counts.r }
    }

    /// Moves the pace toward what this tick added; half of it is forgotten in about a minute.
    fn hurry(&mut self, before: (f64, f64), measure: Measure) {
        let weight = (measure.secs / 60.0).clamp(0.0, 1.0);
        let moved = |pace: f32, before: f64, now: f64| {
            let added = ln(now.max(1e-30)) - ln(before.max(1e-30));
            (f64::from(pace) * (1.0 - weight) + added / measure.secs.max(0.1) * weight) as f32
        };
        let now = (self.back.won() + measure.kept, self.promote.won());
        self.pace = (moved(self.pace.0, before.0, now.0), moved(self.pace.1, before.1, now.1));
    }

    /// The baseline's rate so far in this stage, steadied by what it was before the release.
    fn rate(&self) -> Option<f64> {
        let (Tally { y, n, .. }, usual) = (self.tally(), f64::from(self.before.usual));
        let (y, n) = if usual > 0.0 { (y + BEFORE, n + BEFORE / usual) } else { (y, n) };
        (n > 0.0).then(|| y / n)
    }

    /// Odds against "no worse than tolerated"; `kept` are the stakes not placed.
    pub fn back(&self, kept: f64) -> f64 {
        self.back.won() + kept
    }

    /// Odds against "worse than tolerated".
    pub fn promote(&self) -> f64 {
        self.promote.won()
    }

    pub fn phi(&self) -> f64 {
        self.spread.phi()
    }

    /// Times the baseline's rate that an instance of the running version may show for good; 0 when they are all alike.
    pub(super) fn own(&self) -> f64 {
        f64::from(self.before.own)
    }

    pub fn tally(&self) -> Tally {
        let [x, m, y, n] = self.tally.map(f64::from);
        Tally { x, m, y, n }
    }

    /// Nats per second: toward rolling back, toward promoting.
    pub fn pace(&self) -> (f64, f64) {
        (f64::from(self.pace.0), f64::from(self.pace.1))
    }
}
