//! What needs no server: schemas of the documents, completions of the shell.

use super::remote::{Result, wrong};
use super::terminal::say;
use super::{Cli, exit};
use crate::documents::{Kind, schema};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Service, Plan, Checklist, Runbook, Flag, Migration or ChangeFreeze
    #[arg(value_name = "KIND")]
    kind: String,
}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        exit::code(self.print(), false)
    }

    fn print(self) -> Result<u8> {
        let Some(kind) = Kind::named(&self.kind) else {
            let kinds = Kind::ALL.map(|kind| format!("`{kind}`")).join(", ");
            return Err(wrong(format!("there is no kind `{}`; there are {kinds}", super::terminal::clean(&self.kind))));
        };
        say(&serde_json::to_string_pretty(&schema(kind)).unwrap_or_default());
        Ok(exit::DONE)
    }
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sternway", &mut text);
        say(String::from_utf8_lossy(&text).trim_end());
        exit::DONE.into()
    }
}
