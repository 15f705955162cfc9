//! `sternway release …`: made, looked at, acted on, followed.

use super::exit;
use super::remote::Remote;
use clap::{Args, Subcommand};
use std::process::ExitCode;

mod act;
mod back;
mod create;
mod data;
pub(super) mod find;
mod forward;
mod look;
mod watch;

#[derive(Debug, Args)]
pub(super) struct ReleaseCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a release; with --start and --watch in one go
    #[command(after_long_help = exit::WATCH_HELP)]
    Create(create::Create),
    /// List releases, newest first
    #[command(after_long_help = exit::HELP)]
    List(look::List),
    /// Show one release: where it stands and what happened
    #[command(after_long_help = exit::HELP)]
    Show(look::Show),
    /// Follow a release until it ends; the exit code says how it ended
    #[command(after_long_help = exit::WATCH_HELP)]
    Watch(watch::Watch),
    /// Start it: the first stage's traffic goes to the candidate
    #[command(after_long_help = exit::HELP)]
    Start(act::Start),
    /// Move on to the next stage, or past the last one
    #[command(after_long_help = exit::HELP)]
    Promote(act::Promote),
    /// Stop promoting; traffic stays
    #[command(after_long_help = exit::HELP)]
    Hold(act::Plain),
    /// End a hold or a freeze
    #[command(after_long_help = exit::HELP)]
    Resume(act::Plain),
    /// Take all traffic back to the baseline
    #[command(after_long_help = exit::HELP)]
    Rollback(back::Rollback),
    /// How the way back goes: each step, and what needs a person
    #[command(after_long_help = exit::HELP)]
    Steps(back::Steps),
    /// Choose how a way back goes on where a step needs a person
    #[command(after_long_help = exit::HELP)]
    Choose(back::Choose),
    /// Data that changes shape with it: how far, moving it, asking it
    #[command(after_long_help = exit::HELP)]
    Data(data::Data),
    /// Replace the candidate by a hotfix
    #[command(after_long_help = exit::HELP)]
    Rollforward(forward::Rollforward),
    /// Neither forward nor back, because going back would harm data
    #[command(after_long_help = exit::HELP)]
    Freeze(act::Plain),
    /// Give up a release that has not started
    #[command(after_long_help = exit::HELP)]
    Cancel(act::Plain),
    /// Let rules act again on a service that was rolled back; name the release that was
    #[command(after_long_help = exit::HELP)]
    ResumeAutomation(act::Plain),
    /// Set one item of the checklist
    #[command(after_long_help = exit::HELP)]
    Check(act::Check),
}

impl ReleaseCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match self.what {
            What::Create(create) => create.run(remote).await,
            What::List(list) => list.run(remote).await,
            What::Show(show) => show.run(remote).await,
            What::Watch(watch) => watch.run(remote).await,
            What::Start(start) => start.run(remote).await,
            What::Promote(promote) => promote.run(remote).await,
            What::Hold(act) => act.run(remote, "hold").await,
            What::Resume(act) => act.run(remote, "resume").await,
            What::Rollback(rollback) => rollback.run(remote).await,
            What::Steps(steps) => steps.run(remote).await,
            What::Choose(choose) => choose.run(remote).await,
            What::Data(data) => data.run(remote).await,
            What::Rollforward(act) => act.run(remote).await,
            What::Freeze(act) => act.run(remote, "freeze").await,
            What::Cancel(act) => act.run(remote, "cancel").await,
            What::ResumeAutomation(act) => act.run(remote, "resume_automation").await,
            What::Check(check) => check.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}
