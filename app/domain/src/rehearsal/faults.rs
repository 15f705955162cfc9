//! What goes wrong in a rehearsal, and how often.

use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How often things go wrong, each a chance 0-1 per occasion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// A replica dies after an instruction: a commit or a message sent.
    pub crash: f64,
    /// A replica sleeps through its lease, between a commit and what it was about to do.
    pub pause: f64,
    /// A commit succeeds and its answer is lost.
    pub commit_lost: f64,
    /// A message is lost, either way.
    pub lost: f64,
    /// A message arrives twice.
    pub repeated: f64,
    /// A message arrives up to a minute late.
    pub late: f64,
    /// A driver takes longer than the step may.
    pub slow: f64,
    /// A driver refuses.
    pub refuse: f64,
    /// A driver says the opposite of what it did.
    pub lie: f64,
    /// A driver forgot what it was asked for and cannot tell.
    pub forget: f64,
    /// A replica's clock jumps by up to an hour, either way.
    pub clock: f64,
    /// The person on call undoes, stops, or leaves a step out, rather than retrying and waiting.
    pub impatient: f64,
    /// How long things go wrong. Afterwards everything works.
    pub last: Span,
}

impl Faults {
    pub const NONE: Faults = Faults {
        crash: 0.0,
        pause: 0.0,
        commit_lost: 0.0,
        lost: 0.0,
        repeated: 0.0,
        late: 0.0,
        slow: 0.0,
        refuse: 0.0,
        lie: 0.0,
        forget: 0.0,
        clock: 0.0,
        impatient: 0.0,
        last: Span::ZERO,
    };

    /// Everything at once, often.
    pub const STORM: Faults = Faults {
        crash: 0.05,
        pause: 0.03,
        commit_lost: 0.03,
        lost: 0.1,
        repeated: 0.1,
        late: 0.1,
        slow: 0.05,
        refuse: 0.1,
        lie: 0.05,
        forget: 0.03,
        clock: 0.01,
        impatient: 0.3,
        last: Span::from_secs(600),
    };
}

impl Default for Faults {
    fn default() -> Self {
        Faults { last: Span::from_secs(600), ..Faults::NONE }
    }
}

/// Why a text names no faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    #[error("`{0}`: write `NAME=CHANCE`, `none` or `storm`")]
    Shape(String),
    #[error("there is no fault `{0}`; there are {1}")]
    Unknown(String, String),
    #[error("`{0}`: a chance is a number from 0 to 1")]
    Chance(String),
    #[error("`{0}`: a time is written `10m`")]
    Time(String),
}

/// `none`, `storm`, or a list over none: `crash=0.05, lost=0.1, last=10m`.
impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        match text.trim() {
            "none" => return Ok(Faults::NONE),
            "storm" => return Ok(Faults::STORM),
            _ => {}
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.into_iter().try_fold(Faults::default(), Faults::with)
    }
}

impl Faults {
    fn with(mut self, part: &str) -> Result<Self, FaultsError> {
        let (name, value) = part.split_once('=').ok_or_else(|| FaultsError::Shape(part.to_owned()))?;
        if name == "last" {
            self.last = value.parse().map_err(|_| FaultsError::Time(part.to_owned()))?;
            return Ok(self);
        }
        let mut chances = self.chances();
        let names = chances.each_ref().map(|(name, _)| format!("`{name}`")).join(", ");
        let Some((_, chance)) = chances.iter_mut().find(|(known, _)| *known == name) else {
            return Err(FaultsError::Unknown(name.to_owned(), format!("{names}, `last`")));
        };
        let given = value.parse::<f64>().ok().filter(|given| (0.0..=1.0).contains(given));
        **chance = given.ok_or_else(|| FaultsError::Chance(part.to_owned()))?;
        Ok(self)
    }

    fn chances(&mut self) -> [(&'static str, &mut f64); 12] {
        [
            ("crash", &mut self.crash),
            ("pause", &mut self.pause),
            ("commit_lost", &mut self.commit_lost),
            ("lost", &mut self.lost),
            ("repeated", &mut self.repeated),
            ("late", &mut self.late),
            ("slow", &mut self.slow),
            ("refuse", &mut self.refuse),
            ("lie", &mut self.lie),
            ("forget", &mut self.forget),
            ("clock", &mut self.clock),
            ("impatient", &mut self.impatient),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_one_by_one() {
        assert_eq!("storm".parse(), Ok(Faults::STORM));
        let some: Faults = "crash=0.5, last=1m".parse().expect("well written");
        assert_eq!((some.crash, some.lost, some.last), (0.5, 0.0, Span::from_secs(60)));
        for (wrong, told) in [
            ("crash", "NAME=CHANCE"),
            ("crush=1", "no fault `crush`; there are `crash`"),
            ("crash=2", "0 to 1"),
            ("crash=NaN", "0 to 1"),
            ("last=x", "`10m`"),
        ] {
            let error = wrong.parse::<Faults>().expect_err(wrong);
            assert!(error.to_string().contains(told), "{wrong}: {error}");
        }
    }
}
