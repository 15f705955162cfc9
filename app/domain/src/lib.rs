//! The mind of Sternway: what a release is, what its signals mean, who may do what, what is written down.
//!
//! Everything here is a pure function of its arguments. Time and randomness are passed in; there is no IO and no
//! async. Deliberately absent: storage, transport, and anything that knows a database or a proxy by name.
#![forbid(unsafe_code)]

pub mod access;
pub mod actor;
pub mod alarm;
pub mod artifact;
pub mod audit;
pub mod change_freeze;
pub mod checklist;
pub mod component;
pub mod deploy;
pub mod effect;
pub mod engine;
pub mod flag;
pub mod id;
pub mod judge;
pub mod migration;
pub mod number;
pub mod plan;
pub mod preview;
pub mod probe;
pub mod recovery;
pub mod rehearsal;
pub mod release;
pub mod runbook;
pub mod saga;
#[cfg(feature = "schema")]
mod schema;
pub mod service;
pub mod signal;
pub mod time;
