//! What should be done in the world, as data. The executor makes no choices.

use crate::actor::Rule;
use crate::plan::Weight;
use crate::release::Command;

/// One thing to do. Doing it twice is doing it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the service's driver for this weight. `key` never carries another weight.
    ShiftTraffic { weight: Weight, key: String },
    /// Write down what was seen; not a decision.
    Record(Command),
    /// Act under a rule, through the same door as a person.
    Decide { rule: Rule, command: Command },
}
