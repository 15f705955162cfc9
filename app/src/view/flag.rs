//! Flags.

use super::release::{ActButton, ToastView};
use super::{PillView, StateView, Tone, When};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlagsView {
    /// The environment that states are of.
    pub environment: String,
    pub rows: Vec<FlagRow>,
    pub empty: Option<StateView>,
    /// After an act that the person has just made.
    pub toast: Option<ToastView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlagRow {
    pub key: String,
    pub purpose: String,
    pub pill: PillView,
    /// Where it stands otherwise than here: `on in staging`. May be empty.
    pub elsewhere: String,
    pub owner: String,
    /// `31 Dec 2026`, `expired 1 Nov 2026`, `permanent`.
    pub expiry: String,
    pub expiry_tone: Tone,
    /// The last switch anywhere: when, by whom. `None`: never switched.
    pub at: Option<When>,
    /// `Switched off by Maya Ortiz`.
    pub flip: String,
    /// In that person's words.
    pub quote: String,
    pub act: ActButton,
}
