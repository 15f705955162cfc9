//! Accounts and tokens: `sternway people`, `sternway token`, `sternway whoami`.

use super::exit;
use super::remote::{Key, Remote, Result, read_file, wrong};
use super::terminal::{clean, moment_of, say, table, text, words};
use crate::auth::{Person, Token, TokenMade};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct PeopleCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: PeopleWhat,
}

#[derive(Debug, Subcommand)]
enum PeopleWhat {
    /// List everybody with an account
    List,
    /// Make an account
    Add(Add),
}

#[derive(Debug, Args)]
struct Add {
    /// The name that decisions show: `Maya Ortiz`
    #[arg(long)]
    name: String,
    /// The name to sign in with, an e-mail address as a rule
    #[arg(long)]
    login: String,
    /// viewer, release_manager, on_call, auditor or admin
    #[arg(long)]
    role: String,
    /// File with the first password, 8 to 128 characters; `-` or left out: standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    password_file: PathBuf,
    #[command(flatten)]
    key: Key,
}

impl PeopleCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match self.what {
            PeopleWhat::List => people(remote).await,
            PeopleWhat::Add(add) => add.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}

async fn people(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["people"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let people: Vec<Person> = client.shape(&json["items"])?;
    let mut table = table(&["name", "login", "role", "since (UTC)", "closed (UTC)"]);
    for person in people {
        table.add_row([
            clean(&person.name),
            clean(&person.login),
            words(&person.role),
            moment_of(&person.created_at),
            person.disabled_at.as_deref().map(moment_of).unwrap_or_default(),
        ]);
    }
    say(&text(&mut table));
    Ok(exit::DONE)
}

impl Add {
    async fn run(self, remote: &Remote) -> Result<u8> {
        if self.password_file == Path::new("-") && std::io::stdin().is_terminal() {
            return Err(wrong(
                "the password would be seen while it is typed; pipe it in, or name a file with `--password-file`",
            ));
        }
        let password = read_file(&self.password_file)?;
        let password = password.trim_end_matches(['\n', '\r']);
        let client = remote.client()?;
        let body = json!({"name": self.name, "login": self.login, "role": self.role.replace(['-', ' '], "_"), "password": password});
        let json = client.post(&["people"], &body, &self.key.get()).await?;
        if remote.json {
            say(&json.to_string());
        } else {
            let person: Person = client.shape(&json)?;
            say(&format!(
                "{} has an account: signs in as `{}`, {}.",
                clean(&person.name),
                clean(&person.login),
                words(&person.role)
            ));
        }
        Ok(exit::DONE)
    }
}

#[derive(Debug, Args)]
pub(super) struct TokenCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: TokenWhat,
}

#[derive(Debug, Subcommand)]
enum TokenWhat {
    /// List your tokens, also those that are over
    List,
    /// Make a token for yourself; its secret is shown once
    Create(Create),
    /// Revoke a token, by its id
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Create {
    /// What it is for: `ci-deploy`
    #[arg(long)]
    name: String,
    /// How many days it lives, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: u16,
    /// viewer, release_manager, on_call, auditor or admin, at most your own, which it is if left out; or flag_client, which evaluates flags and does nothing else
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
struct Revoke {
    /// Its id, as `sternway token list` shows it
    #[arg(value_name = "TOKEN")]
    id: String,
    #[command(flatten)]
    key: Key,
}

impl TokenCommand {
    pub(super) async fn run(self) -> ExitCode {
        let remote = &self.remote;
        let ended = match self.what {
            TokenWhat::List => tokens(remote).await,
            TokenWhat::Create(create) => create.run(remote).await,
            TokenWhat::Revoke(revoke) => revoke.run(remote).await,
        };
        exit::code(ended, remote.json)
    }
}

async fn tokens(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json = client.get(&["tokens"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let tokens: Vec<Token> = client.shape(&json["items"])?;
    let mut table = table(&["name", "role", "until (UTC)", "used (UTC)", "revoked (UTC)", "id"]);
    for token in tokens {
        let moment = |at: &Option<String>| at.as_deref().map(moment_of).unwrap_or_default();
        table.add_row([
            Cell::new(clean(&token.name)),
            Cell::new(words(&token.role)),
            Cell::new(moment_of(&token.expires_at)),
            Cell::new(moment(&token.used_at)),
            Cell::new(moment(&token.revoked_at)),
            Cell::new(clean(&token.id)),
        ]);
    }
    say(&text(&mut table));
    Ok(exit::DONE)
}

impl Create {
    async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let mut body = json!({"name": self.name, "expires_in_days": self.days});
        if let Some(role) = self.role {
            body["role"] = role.replace(['-', ' '], "_").into();
        }
        let json = client.post(&["tokens"], &body, &self.key.get()).await?;
        if remote.json {
            say(&json.to_string());
            return Ok(exit::DONE);
        }
        let TokenMade { token, secret } = client.shape(&json)?;
        // The secret alone goes to standard output, so that it can be piped into a safe place.
        let until = moment_of(&token.expires_at);
        super::terminal::complain(&format!(
            "Token `{}`, {}, until {until} UTC, id {}.",
            clean(&token.name),
            words(&token.role),
            clean(&token.id)
        ));
        match secret {
            Some(secret) => say(&clean(&secret)),
            None => return Err(wrong("this token was made before with the same key; its secret is not shown again")),
        }
        Ok(exit::DONE)
    }
}

impl Revoke {
    async fn run(self, remote: &Remote) -> Result<u8> {
        let client = remote.client()?;
        let json = client.delete(&["tokens", &self.id], &self.key.get()).await?;
        if remote.json {
            say(&json.to_string());
        } else {
            let token: Token = client.shape(&json)?;
            say(&format!("Token `{}` is revoked.", clean(&token.name)));
        }
        Ok(exit::DONE)
    }
}

#[derive(Debug, Args)]
pub(super) struct Whoami {
    #[command(flatten)]
    remote: Remote,
}

/// As the API shows it.
#[derive(Deserialize)]
struct Me {
    name: String,
    key: String,
    role: String,
    may: Vec<String>,
}

impl Whoami {
    pub(super) async fn run(self) -> ExitCode {
        exit::code(whoami(&self.remote).await, self.remote.json)
    }
}

async fn whoami(remote: &Remote) -> Result<u8> {
    let client = remote.client()?;
    let json: Value = client.get(&["whoami"], &[]).await?;
    if remote.json {
        say(&json.to_string());
        return Ok(exit::DONE);
    }
    let me: Me = client.shape(&json)?;
    let may: Vec<String> = me.may.iter().map(|act| words(act)).collect();
    say(&format!("{} ({}), {} at {}.", clean(&me.name), clean(&me.key), words(&me.role), client.server()));
    say(&format!("May {}.", may.join(", ")));
    Ok(exit::DONE)
}
