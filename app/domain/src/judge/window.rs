//! The pooled window: what the latest usable ticks of a stage amount to.
//!
//! Its sums are those of its stretches, added up from the oldest one. While every stretch counts the same things in
//! whole numbers, no order of adding gives another sum: then what is new is added and what is old taken off. Gauges have
//! fractions and are added up every time, as is everything once a count has.

use crate::signal::Tick;
use crate::signal::stats::{Part, Sums};
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::OnceLock;

/// The window is kept in this many stretches, whatever its length: neighbouring ticks are summed.
const SLOTS: usize = 30;

/// Usable ticks within the window, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// Follows from the stretches; a window that was written down and read back adds them up again.
    #[serde(skip)]
    sum: OnceLock<Sum>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    from: Timestamp,
    until: Timestamp,
    canary: Sums,
    baseline: Sums,
}

/// Both arms over one stretch of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair {
    pub(super) canary: Sums,
    pub(super) baseline: Sums,
}

#[derive(Debug, Clone)]
struct Sum {
    pair: Pair,
    /// Every stretch counts what the sum counts, in whole numbers.
    exact: bool,
}

impl Window {
    /// Sums over the window.
    pub(super) fn sums(&self) -> &Pair {
        &self.sum.get_or_init(|| Sum::of(&self.slots)).pair
    }

    pub(super) fn clear(&mut self) {
        *self = Window::default();
    }

    /// Sums over the newest stretch, over the two newest, and so on.
    pub(super) fn newest(&self) -> impl Iterator<Item = Pair> {
        self.slots.iter().rev().scan(Pair::default(), |sum, slot| {
            sum.canary.add(&slot.canary);
            sum.baseline.add(&slot.baseline);
            Some(sum.clone())
        })
    }

    /// When the newest tick ended.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.slots.back().map(|slot| slot.until)
    }

    /// The baseline's sums without any trace of what has left the window.
    pub(super) fn baseline(&self) -> Sums {
        Sum::of(&self.slots).pair.baseline
    }

    /// Takes in what a tick added, if anything, and drops what is older than `length`.
    pub(super) fn slide(&mut self, tick: &Tick, added: Option<Pair>, length: Span) {
        // Kept as long as it can be moved on to the last bit.
        let mut sum = self.sum.get_mut().filter(|sum| sum.exact);
        if let Some(added) = added {
            sum = sum.filter(|sum| sum.takes(&added.canary, &added.baseline));
            if let Some(sum) = &mut sum {
                sum.add(&added);
            }
            push(&mut self.slots, tick, added, length);
        }
        // What only touches the window stays, so that a full window is never a little too short.
        let old = |slot: &Slot| tick.at.since(slot.until) >= length;
        while let Some(first) = self.slots.pop_front_if(|slot| old(slot)) {
            if let Some(sum) = &mut sum {
                sum.take_off(&first);
            }
        }
        // Clocks that went back leave what is old behind what is newer.
        if self.slots.iter().any(old) {
            self.slots.retain(|slot| !old(slot));
            sum = None;
        }
        while self.slots.len() > SLOTS + 2
            && let Some(first) = self.slots.pop_front()
        {
            if let Some(sum) = &mut sum {
                sum.take_off(&first);
            }
        }
        match sum.filter(|sum| sum.whole() && !self.slots.is_empty()) {
            Some(sum) => {
                sum.pair.canary.saturation = saturation(&self.slots, |slot| &slot.canary);
                sum.pair.baseline.saturation = saturation(&self.slots, |slot| &slot.baseline);
            }
            None => self.sum = OnceLock::new(),
        }
    }
}

fn push(slots: &mut VecDeque<Slot>, tick: &Tick, added: Pair, length: Span) {
    let (from, until) = (tick.at - tick.span, tick.at);
    let each = Span::from_micros(length.micros() / SLOTS as i64);
    match slots.back_mut() {
        Some(last) if until.since(last.from) <= each => {
            last.canary.add(&added.canary);
            last.baseline.add(&added.baseline);
            last.until = until;
        }
        _ => slots.push_back(Slot { from, until, canary: added.canary, baseline: added.baseline }),
    }
}

/// Two windows are alike when their stretches are.
impl PartialEq for Window {
    fn eq(&self, other: &Window) -> bool {
        self.slots == other.slots
    }
}

impl Sum {
    fn of(slots: &VecDeque<Slot>) -> Sum {
        let mut sum = Sum { pair: Pair::default(), exact: true };
        for slot in slots {
            sum.pair.canary.add(&slot.canary);
            sum.pair.baseline.add(&slot.baseline);
        }
        sum.exact = sum.whole() && slots.iter().all(|slot| sum.takes(&slot.canary, &slot.baseline));
        sum
    }

    fn add(&mut self, added: &Pair) {
        self.pair.canary.add(&added.canary);
        self.pair.baseline.add(&added.baseline);
    }

    fn take_off(&mut self, gone: &Slot) {
        self.pair.canary.take_off(&gone.canary);
        self.pair.baseline.take_off(&gone.baseline);
    }

    /// Whether what is added shows no order of adding.
    fn takes(&self, canary: &Sums, baseline: &Sums) -> bool {
        let fits = |sum: &Sums, one: &Sums| one.whole() && one.like(sum);
        fits(&self.pair.canary, canary) && fits(&self.pair.baseline, baseline)
    }

    fn whole(&self) -> bool {
        self.pair.canary.whole() && self.pair.baseline.whole()
    }
}

fn saturation(slots: &VecDeque<Slot>, arm: impl Fn(&Slot) -> &Sums) -> Option<Part> {
    let add = |sum: Part, more: Part| Part { part: sum.part + more.part, of: sum.of + more.of };
    let all = slots.iter().filter_map(|slot| arm(slot).saturation);
    all.fold(None, |sum, more| Some(add(sum.unwrap_or_default(), more)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::stats::Measured;
    use crate::signal::{ArmTick, Bucket, Data, Histogram, InstanceTick, Kpi};
    use proptest::prelude::*;

    /// Requests, what to divide them by, which shape they have, and how far the clock moves.
    type Step = (u32, bool, u8, i64);

    fn step() -> impl Strategy<Value = Step> {
        let moves = prop_oneof![30 => Just(10i64), 1 => Just(-60), 1 => Just(90)];
        (0u32..1000, prop::bool::weighted(0.03), prop_oneof![20 => Just(0u8), 1 => 1u8..5], moves)
    }

    fn instance((requests, fractions, shape, _): Step) -> InstanceTick {
        let count = |part: u32| f64::from(requests % part) / if fractions { 3.0 } else { 1.0 };
        let schema = if shape == 1 { 2 } else { 3 };
        let latency = match shape {
            2 => None,
            3 => Some(Histogram::Classic(vec![
                Bucket { le: 0.1, count: count(50) },
                Bucket { le: f64::INFINITY, count: count(50) + 1.0 },
            ])),
            _ => {
                let buckets =
                    (-5i32..5).filter(|i| requests % 7 != i.unsigned_abs()).map(|i| (i, count(90 + i as u32 % 5)));
                Some(Histogram::Native { schema, zero: 0.0, buckets: buckets.collect() })
            }
        };
        let kpi = (if shape == 4 { "sales" } else { "orders" }.to_owned(), Kpi { good: count(11), of: count(23) });
        InstanceTick {
            instance: "i-0".into(),
            requests: count(1000),
            errors: (shape != 2).then(|| count(5)),
            latency,
            saturation: Some(f64::from(requests) / 1000.0),
            kpis: [kpi].into(),
        }
    }

    /// All that is judged of an arm, to the last bit.
    fn bits(sums: &Sums) -> Vec<u64> {
        use crate::plan::Metric;
        let kpis = ["orders", "sales"].map(|name| Metric::Kpi(name.to_owned()));
        let metrics = [Metric::Errors, Metric::Latency(50), Metric::Latency(99), Metric::Traffic, Metric::Saturation];
        let value = |metric: &Metric| match sums.value(metric) {
            Measured::Value(value) => value,
            Measured::AtLeast(value) => -value,
            Measured::Nothing(_) => -1e9,
        };
        let of = sums.latency.as_ref().map_or(-1.0, Histogram::total);
        let above = sums.latency.as_ref().map_or(-1.0, |latency| latency.count_above(0.9));
        let values = metrics.iter().chain(&kpis).map(value);
        values.chain([sums.requests, of, above]).map(f64::to_bits).collect()
    }

    proptest! {
        #[test]
        fn given_any_ticks_then_what_is_moved_on_is_what_would_be_added_up(
            steps in prop::collection::vec(step(), 1..120), length in 1i64..6,
        ) {
            let (mut window, mut at) = (Window::default(), Timestamp::from_secs(10_000));
            for (number, step) in steps.into_iter().enumerate() {
                at = at + Span::from_micros(step.3.max(0) * 1_000_000) - Span::from_micros(-step.3.min(0) * 1_000_000);
                let arm = || ArmTick { data: Data::Complete, instances: vec![instance(step)] };
                let span = Span::from_secs(10);
                let (baseline, canary) = (arm(), arm());
                let number = number as u64;
                let tick = Tick { number, at, span, baseline, canary, failure: None, warnings: vec![] };
                let added = Pair { canary: Sums::of(&tick.canary, span), baseline: Sums::of(&tick.baseline, span) };
                window.slide(&tick, (step.0 % 50 > 0).then_some(added), Span::from_secs(length * 60));
                let anew = Sum::of(&window.slots);
                prop_assert_eq!(bits(&window.sums().canary), bits(&anew.pair.canary), "{}", at);
                prop_assert_eq!(bits(&window.sums().baseline), bits(&anew.pair.baseline));
                prop_assert!(window.slots.len() <= SLOTS + 2);
            }
        }
    }
}
