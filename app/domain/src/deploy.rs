//! How a service is deployed: the part of its document that names what brings a build into production.
//!
//! Running it is the server's work. A command runs on the server, so its program must stand on the server's own list
//! besides; a document alone never decides what is run.

use crate::service::check::{Found, check_secret, check_timeout, check_url};
use crate::service::{Secret, ServiceProblem};
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// What may stand inside an argument of a command.
pub const PLACEHOLDERS: [&str; 6] = ["service", "version", "digest", "key", "token", "cell"];

/// What deploys a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Deploy {
    /// A table in this process, for tests and the demo.
    #[serde(alias = "demo")]
    Memory,
    /// A program of yours that is told by signed requests and remembers keys and tokens.
    Webhook(DeployWebhook),
    /// A program on the server.
    Command(DeployCommand),
}

/// A program that is told by signed requests (Standard Webhooks 1.0).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeployWebhook {
    /// Receives orders and questions.
    pub url: String,
    /// `whsec_` and 24 to 64 bytes in base64.
    pub secret: Secret,
    /// While a secret is being changed: requests are signed with both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret: Option<Secret>,
    /// Longest wait for one answer. A deployment may take longer: answer `running` and be asked.
    #[serde(default = "DeployWebhook::default_timeout")]
    pub timeout: Span,
}

impl DeployWebhook {
    fn default_timeout() -> Span {
        Span::from_secs(15)
    }
}

/// A program on the server, never a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeployCommand {
    /// The program by its absolute path, then its arguments. Inside an argument `{service}`, `{version}`, `{digest}`,
    /// `{key}`, `{token}` and `{cell}` are filled in.
    pub run: Vec<String>,
    /// Says what became of a key, by its exit code; nobody can tell when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Vec<String>>,
    /// Variables of the server's environment that the program sees. Everything else is kept from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
}

/// Everything wrong with it; empty when it can be used. `at` is the path of the field, `deploy`.
pub fn problems(deploy: &Deploy, at: &str) -> Vec<ServiceProblem> {
    let mut found = Found(Vec::new());
    match deploy {
        Deploy::Memory => {}
        Deploy::Webhook(webhook) => {
            let at = format!("{at}.webhook");
            check_url(&format!("{at}.url"), &webhook.url, &mut found);
            check_secret(&format!("{at}.secret"), &webhook.secret, true, &mut found);
            if let Some(previous) = &webhook.previous_secret {
                check_secret(&format!("{at}.previous_secret"), previous, true, &mut found);
            }
            check_timeout(&format!("{at}.timeout"), webhook.timeout, &mut found);
        }
        Deploy::Command(command) => {
            let at = format!("{at}.command");
            check_command(&format!("{at}.run"), &command.run, &mut found);
            if let Some(ask) = &command.ask {
                check_command(&format!("{at}.ask"), ask, &mut found);
            }
            for (i, name) in command.environment.iter().enumerate() {
                check_variable(&format!("{at}.environment[{i}]"), name, &mut found);
            }
        }
    }
    found.0
}

fn check_command(at: &str, words: &[String], found: &mut Found) {
    let Some(program) = words.first() else {
        found.add(at, "name the program by its absolute path, then its arguments");
        return;
    };
    let odd = |c: char| c.is_control() || matches!(c, '{' | '}' | ',');
    if !program.starts_with('/') || program.split('/').any(|part| part == "..") || program.contains(odd) {
        let text = "name the program by its absolute path, without `..`, braces and commas: a path is not looked up";
        found.add(format!("{at}[0]"), text);
    }
    if words.len() > 64 {
        found.add(at, "use at most 64 arguments");
    }
    for (i, word) in words.iter().enumerate().skip(1) {
        if word.len() > 4_000 || word.contains('\0') {
            found.add(format!("{at}[{i}]"), "use at most 4,000 bytes without NUL");
        }
        for name in braced(word).filter(|name| !PLACEHOLDERS.contains(name)) {
            let known = PLACEHOLDERS.map(|name| format!("`{{{name}}}`")).join(", ");
            found.add(format!("{at}[{i}]"), format!("`{{{name}}}` is nothing that is filled in; there are {known}"));
        }
    }
}

/// Names in braces: `service` in `--to={service}`. Other braces mean nothing.
fn braced(word: &str) -> impl Iterator<Item = &str> {
    let name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    word.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(inside, _)| inside).filter(move |i| name(i))
}

fn check_variable(at: &str, name: &str, found: &mut Found) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
        found.add(at, "not the name of a variable");
    } else if name.starts_with("STERNWAY_") || name == "DATABASE_URL" {
        found.add(at, "Sternway's own settings and secrets are not handed to programs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(deploy: Value) -> Vec<String> {
        let deploy: Deploy = serde_json::from_value(deploy).expect("well-formed");
        problems(&deploy, "deploy").into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_command_is_read_with_its_placeholders() {
        let run = json!(["/usr/local/bin/deploy", "--to={service}", "{version}@{digest}", "{\"a\":{}}"]);
        assert_eq!(fields(json!({"command": {"run": run, "ask": ["/bin/asks", "{key}"]}})), Vec::<String>::new());
    }

    #[test]
    fn what_could_run_something_else_is_refused_by_its_place() {
        let wrong = json!({"command": {"run": ["deploy", "{servise}"], "ask": [], "environment": ["PATH", "A=B", "STERNWAY_SECRET_X"]}});
        let expected = ["run[0]", "run[1]", "ask", "environment[1]", "environment[2]"];
        assert_eq!(fields(wrong), expected.map(|field| format!("deploy.command.{field}")));
        for program in ["sh", "./x", "/a/../b", "/bin/{service}", "/a,/b", "/a\nb"] {
            assert_eq!(fields(json!({"command": {"run": [program]}})), ["deploy.command.run[0]"], "{program:?}");
        }
    }

    #[test]
    fn urls_and_secrets_of_a_webhook_are_checked() {
        let wrong = json!({"webhook": {"url": "ftp://x", "secret": {"value": "whsec_x"}, "timeout": "2m"}});
        assert_eq!(fields(wrong), ["url", "secret", "timeout"].map(|field| format!("deploy.webhook.{field}")));
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let read: Result<Deploy, _> = serde_json::from_value(json!({"command": {"run": ["/a"], "shell": true}}));
        assert!(read.is_err_and(|e| e.to_string().contains("shell")));
    }
}
