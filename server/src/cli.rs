//! The command line: one arm per subcommand, one file per arm.

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod alarms;
mod apply;
mod audit;
mod config;
mod confirm_restore;
mod decisions;
mod demo;
mod emergency;
mod exit;
mod flags;
mod freezes;
mod judge;
mod local;
mod people;
mod plan;
mod rehearse;
mod release;
mod remote;
mod serve;
mod terminal;
mod words;

/// A release control plane: watch canaries, promote them, take them back.
#[derive(Debug, Parser)]
#[command(name = "sternway", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows Sternway with real traffic: services, a router, load, and four releases under way.
    Demo(demo::Demo),
    /// Runs the server.
    Serve(serve::Serve),
    /// Looks at the configuration.
    Config(config::ConfigCommand),
    /// Makes releases, shows them, acts on them, follows them.
    Release(Box<release::ReleaseCommand>),
    /// Shows who decided what, when and why.
    #[command(after_long_help = exit::HELP)]
    Decisions(decisions::Decisions),
    /// Checks the decision log: that it is the one that was signed, and extends what was pinned.
    Audit(audit::AuditCommand),
    /// Lists flags, shows them, switches them on and off.
    #[command(after_long_help = exit::HELP)]
    Flags(flags::FlagsCommand),
    /// Lists what needs a person and who was told; tries whether people are told.
    #[command(after_long_help = exit::HELP)]
    Alarms(alarms::AlarmsCommand),
    /// Lists change freezes: what is in force until when, and what comes next.
    #[command(after_long_help = exit::HELP)]
    Freezes(freezes::FreezesCommand),
    /// Applies services, plans, checklists, runbooks, flags, migrations and change freezes: all of them or none.
    #[command(after_long_help = exit::HELP)]
    Apply(apply::Apply),
    /// Shows plans, with every default if wanted.
    #[command(after_long_help = exit::HELP)]
    Plan(plan::PlanCommand),
    /// Judges recorded arms from files, or recomputes a recorded verdict.
    Judge(judge::JudgeCommand),
    /// Plays a rollback thousands of times with faults, in virtual time, and says what could happen.
    #[command(after_long_help = rehearse::HELP)]
    Rehearse(rehearse::Rehearse),
    /// Goes back without the server: makes keys, and drives the proxy when nothing else works.
    #[command(after_long_help = emergency::HELP)]
    Emergency(emergency::EmergencyCommand),
    /// Goes on after the database was restored, once you have looked at what is observed.
    #[command(after_long_help = exit::HELP)]
    ConfirmRestore(confirm_restore::ConfirmRestore),
    /// Prints the JSON Schema of a kind of document.
    Schema(local::Schema),
    /// Lists and makes accounts; for admins.
    #[command(after_long_help = exit::HELP)]
    People(people::PeopleCommand),
    /// Lists, makes and revokes your API tokens.
    #[command(after_long_help = exit::HELP)]
    Token(people::TokenCommand),
    /// Says who the server takes you for, and what you may do.
    #[command(after_long_help = exit::HELP)]
    Whoami(people::Whoami),
    /// Prints what makes the shell complete this command line.
    Completions(local::Completions),
}

impl Cli {
    /// Reads the arguments of this process, or prints help or what is wrong with them and says how to end.
    pub fn read() -> Result<Self, ExitCode> {
        Cli::try_parse().map_err(|error| {
            let _gone = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            ExitCode::from(if asked { exit::DONE } else { exit::USAGE })
        })
    }

    pub async fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Demo(demo) => demo.run().await.map_err(boxed),
            Command::Serve(serve) => serve.run().await.map_err(boxed),
            Command::Config(config) => config.run().map_err(boxed),
            Command::Release(release) => Ok(release.run().await),
            Command::Decisions(decisions) => Ok(decisions.run().await),
            Command::Audit(audit) => Ok(audit.run().await),
            Command::Flags(flags) => Ok(flags.run().await),
            Command::Alarms(alarms) => Ok(alarms.run().await),
            Command::Freezes(freezes) => Ok(freezes.run().await),
            Command::Apply(apply) => Ok(apply.run().await),
            Command::Plan(plan) => Ok(plan.run().await),
            Command::Judge(judge) => Ok(judge.run().await),
            Command::Rehearse(rehearse) => Ok(rehearse.run()),
            Command::Emergency(emergency) => Ok(emergency.run().await),
            Command::ConfirmRestore(confirm) => Ok(confirm.run().await),
            Command::Schema(schema) => Ok(schema.run()),
            Command::People(people) => Ok(people.run().await),
            Command::Token(token) => Ok(token.run().await),
            Command::Whoami(whoami) => Ok(whoami.run().await),
            Command::Completions(completions) => Ok(completions.run()),
        };
        match done {
            Ok(code) => code,
            Err(error) => {
                eprintln!("sternway: {}", with_causes(error.as_ref()));
                ExitCode::FAILURE
            }
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn boxed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Failure {
    Box::new(error)
}

/// The error and what caused it, each once, on one line.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
