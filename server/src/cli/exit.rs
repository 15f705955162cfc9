//! How the commands end, for scripts and CI.

use super::remote::Trouble;
use std::process::ExitCode;

/// Done; of a watch: promoted.
pub(super) const DONE: u8 = 0;
/// Of a watch: rolled back, wholly or in part.
pub(super) const ROLLED_BACK: u8 = 1;
/// Of a watch: cancelled, frozen, or not decided in time; a person has to look.
pub(super) const NEEDS_A_PERSON: u8 = 2;
/// Not reached, refused, or given something unusable.
pub(super) const FAILED: u8 = 3;
/// Of a watch: `--timeout` is over.
pub(super) const TIMED_OUT: u8 = 4;
/// The command line itself is wrong (`EX_USAGE` of sysexits).
pub(super) const USAGE: u8 = 64;

/// For `--help` of everything that asks a server.
pub(super) const HELP: &str = "\
Exit codes:
  0   done
  3   the server cannot be reached or refused, or a value is not usable; the message says which
  64  the command line itself is wrong";

/// For `--help` of `release watch` and `release create`.
pub(super) const WATCH_HELP: &str = "\
Exit codes of a watch:
  0   promoted
  1   rolled back, wholly or in part
  2   cancelled, frozen, or not decided in time: a person has to look
  3   the server cannot be reached or refused, or a value is not usable; the message says which
  4   the time of `--timeout` is over and the release has not ended
  64  the command line itself is wrong";

/// The code of a finished command; what went wrong is told on standard error, as JSON if that was asked for.
pub(super) fn code(ended: Result<u8, Trouble>, json: bool) -> ExitCode {
    match ended {
        Ok(code) => code.into(),
        Err(trouble) => {
            let text = if json { trouble.json().to_string() } else { trouble.text() };
            super::terminal::complain(&text);
            FAILED.into()
        }
    }
}
