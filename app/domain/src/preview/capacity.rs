//! Whether the side that receives traffic can carry it: instances that are ready, and their saturation.
//!
//! Load is counted in full instances: `saturation × ready instances`. All of it stays the same when traffic moves, so the
//! receiving side will be saturated to `(load of both sides) × its share / its ready instances`. That takes both versions
//! to need the same for the same request; the linear guess is why `refuse` lies below 1.

use crate::id::ServiceName;
use crate::plan::Weight;
use serde::{Deserialize, Serialize};

/// One side of a service's traffic, as observed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Side {
    /// Instances that take traffic; `None` when it could not be read.
    pub ready: Option<u32>,
    /// Instances that should.
    pub total: Option<u32>,
    /// How full the fullest resource is on average, 0-1.
    pub saturation: Option<f64>,
}

/// Both sides.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Load {
    /// The candidate's share as the driver reports it.
    pub candidate_share: Option<Weight>,
    pub baseline: Side,
    pub candidate: Side,
}

/// Limits on the saturation that is foreseen, 0-1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headroom {
    pub warn: f64,
    pub refuse: f64,
    /// Without a saturation, the least part of a side's instances that must be ready, 0-1.
    pub least_ready: f64,
}

impl Default for Headroom {
    fn default() -> Self {
        Self { warn: 0.75, refuse: 0.95, least_ready: 0.5 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    Fits,
    Tight,
    /// It cannot be told; a person takes it upon themselves.
    Unknown,
    /// No instance is ready, or those that are would be overrun.
    Refused,
}

/// The answer for one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    pub capacity: Capacity,
    /// Foreseen saturation of the receiving side, 0 and up.
    pub foreseen: Option<f64>,
    /// For people, with the numbers.
    pub sentence: String,
}

/// Why traffic is not moved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} Override the capacity with a reason if it has to be", .0.join(" "))]
pub struct NoRoom(pub Vec<String>);

/// Whether a person may order it. Overridden, the result says what was.
pub fn permit(rooms: &[Room], overridden: bool) -> Result<Vec<String>, NoRoom> {
    let refused = rooms.iter().filter(|room| room.capacity == Capacity::Refused);
    let why: Vec<String> = refused.map(|room| room.sentence.clone()).collect();
    if why.is_empty() || overridden {
        return Ok(why.into_iter().map(|sentence| format!("capacity: {sentence}")).collect());
    }
    Err(NoRoom(why))
}

/// What keeps a rule from going back on a `fail`: a side on which nothing is ready, or that would be more than full.
/// Below that a bad candidate is worse than a crowded baseline.
pub fn forbids_rule(rooms: &[Room]) -> Option<String> {
    let over = |room: &&Room| room.capacity == Capacity::Refused && room.foreseen.is_none_or(|foreseen| foreseen > 1.0);
    rooms.iter().find(over).map(|room| room.sentence.clone())
}

/// Whether the side that gains traffic can carry it when the candidate's share becomes `to`.
pub fn room(service: &ServiceName, load: Option<&Load>, to: Weight, headroom: Headroom) -> Room {
    let unknown = |why: &str| Room {
        capacity: Capacity::Unknown,
        foreseen: None,
        sentence: format!("`{service}`: {why}; whether there is room cannot be told. Look before you start."),
    };
    let Some(load) = load else { return unknown("its traffic could not be read") };
    // With an unknown share every direction is possible; the side that ends up with more must carry it.
    let to_baseline = load.candidate_share.map_or(to.percent() < 50, |from| to < from);
    if load.candidate_share == Some(to) {
        let sentence = format!("`{service}`: traffic stays as it is.");
        return Room { capacity: Capacity::Fits, foreseen: None, sentence };
    }
    let (name, side, share) = match to_baseline {
        true => ("baseline", load.baseline, 1.0 - to.ratio()),
        false => ("candidate", load.candidate, to.ratio()),
    };
    let Some(ready) = side.ready else { return unknown(&format!("the {name}'s instances could not be counted")) };
    let of = side.total.map_or(String::new(), |total| format!(" of {total}"));
    let refused = |foreseen, why: String| Room {
        capacity: Capacity::Refused,
        foreseen,
        sentence: format!("`{service}`: {ready}{of} instances of the {name} are ready; {why}. Start more first."),
    };
    if ready == 0 {
        return refused(None, format!("it cannot take {:.0}\u{a0}% of the traffic", share * 100.0));
    }
    let Some(both) = total_load(load) else {
        let part = side.total.filter(|total| *total > 0).map(|total| f64::from(ready) / f64::from(total));
        return match part {
            Some(part) if part < headroom.least_ready => {
                let least = headroom.least_ready * 100.0;
                refused(None, format!("without knowing its saturation at least {least:.0}\u{a0}% must be"))
            }
            _ => unknown("its saturation is not known"),
        };
    };
    let foreseen = both * share / f64::from(ready);
    let percent = foreseen * 100.0;
    if foreseen >= headroom.refuse {
        return refused(Some(foreseen), format!("they would be {percent:.0}\u{a0}% full"));
    }
    let capacity = if foreseen >= headroom.warn { Capacity::Tight } else { Capacity::Fits };
    let sentence =
        format!("`{service}`: {ready}{of} instances of the {name} are ready and would be {percent:.0}\u{a0}% full.");
    Room { capacity, foreseen: Some(foreseen), sentence }
}

/// Both sides in full instances. A side that takes no traffic carries nothing, whatever is known of it.
fn total_load(load: &Load) -> Option<f64> {
    let share = load.candidate_share;
    let idle = |weight: Weight| share == Some(weight);
    let of = |side: &Side, idle: bool| {
        let known = side.saturation.filter(|s| s.is_finite() && *s >= 0.0).zip(side.ready);
        known.map(|(saturation, ready)| saturation * f64::from(ready)).filter(|_| !idle).or(idle.then_some(0.0))
    };
    of(&load.baseline, idle(Weight::FULL)).zip(of(&load.candidate, idle(Weight::ZERO))).map(|(a, b)| a + b)
}
