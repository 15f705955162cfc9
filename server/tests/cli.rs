//! The real binary against a real server: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

#[path = "cli/acts.rs"]
mod acts;
#[path = "cli/alarms.rs"]
mod alarms;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/audit_keys.rs"]
mod audit_keys;
#[path = "cli/data.rs"]
mod data;
#[path = "cli/documents.rs"]
mod documents;
#[path = "cli/emergency.rs"]
mod emergency;
#[path = "cli/emergency_known.rs"]
mod emergency_known;
#[path = "cli/flags.rs"]
mod flags;
#[path = "cli/freezes.rs"]
mod freezes;
#[path = "cli/judge.rs"]
mod judge;
#[path = "cli/packs.rs"]
mod packs;
#[path = "cli/packs_changed.rs"]
mod packs_changed;
#[path = "cli/packs_flags.rs"]
mod packs_flags;
#[path = "cli/packs_long.rs"]
mod packs_long;
#[path = "cli/packs_zip.rs"]
mod packs_zip;
#[path = "cli/redacted.rs"]
mod redacted;
#[path = "cli/rehearse.rs"]
mod rehearse;
#[path = "cli/rig.rs"]
mod rig;
#[path = "cli/starts.rs"]
mod starts;
#[path = "cli/tamper.rs"]
mod tamper;
#[path = "cli/tampered.rs"]
mod tampered;
#[path = "cli/tiles.rs"]
mod tiles;
#[path = "cli/troubles.rs"]
mod troubles;
#[path = "cli/two_sources.rs"]
mod two_sources;
#[path = "cli/watch.rs"]
mod watch;
