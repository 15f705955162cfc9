//! The command deployer with real programs.

use super::support::{hands, order, question};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use sternway_domain::deploy::Deploy;
use sternway_domain::id::ServiceName;
use sternway_domain::saga::Answer;
use sternway_domain::time::Span;
use sternway_peers::eventually;
use sternway_server::ports::Deployer;
use sternway_server::steps::settings::StepSettings;
use tempfile::TempDir;

/// A program in a folder of its own.
struct Script {
    dir: TempDir,
    path: PathBuf,
}

impl Script {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("deploy");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made a program");
        Self { dir, path }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn deployer(&self, more: Value) -> Arc<dyn Deployer> {
        let mut command = json!({"run": [self.path, "--to={service}", "{version}", "{token}"]});
        command.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let deploy: Deploy = serde_json::from_value(json!({"command": command})).expect("well-formed");
        let settings = StepSettings { commands: vec![self.path.display().to_string()], ..StepSettings::default() };
        let service = ServiceName::new("checkout").expect("a name");
        hands(settings, &[]).deployer(&service, &deploy).expect("is listed")
    }
}

fn secs(secs: i64) -> Span {
    Span::from_secs(secs)
}

async fn gone(pid: &str) -> bool {
    // A zombie still has a folder, but runs nothing.
    let path = Path::new("/proc").join(pid).join("stat");
    tokio::fs::read_to_string(path).await.map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn given_a_program_when_it_ends_well_then_its_words_are_kept_and_it_saw_nothing_it_should_not() {
    let script = Script::new("echo \"$*\"; /usr/bin/env | /usr/bin/sort | /usr/bin/tr '\\n' ' '");
    let deployer = script.deployer(json!({"environment": ["CARGO_MANIFEST_DIR"]}));
    let Answer::Done { output } = deployer.deploy(&order(2, 7, secs(20))).await else { panic!("it ends well") };
    assert!(output.starts_with("--to=checkout 1.41.3 7\n"), "{output}");
    let names: Vec<&str> = output
        .lines()
        .last()
        .expect("variables")
        .split(' ')
        .filter_map(|v| v.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let own = ["CARGO_MANIFEST_DIR", "PWD", "STERNWAY_ATTEMPT", "STERNWAY_FENCING_TOKEN", "STERNWAY_KEY"];
    // The shell sets `PWD` by itself, and some add more of their own.
    assert!(names.iter().all(|name| own.contains(name) || ["OLDPWD", "SHLVL", "_"].contains(name)), "{names:?}");
    assert!(output.contains("STERNWAY_KEY=saga:4:do") && output.contains("STERNWAY_ATTEMPT=2"), "{output}");
    assert!(!deployer.fenced());
}

#[tokio::test]
async fn given_hostile_arguments_when_run_then_no_shell_reads_them() {
    let script = Script::new("for word in \"$@\"; do echo \"[$word]\"; done");
    let marker = script.beside("owned");
    let hostile = format!("; touch {0} $(touch {0}) `touch {0}` | & > {0}", marker.display());
    let run = json!({"run": [script.path, hostile, "{key}"]});
    let Answer::Done { output } = script.deployer(run).deploy(&order(1, 7, secs(20))).await else {
        panic!("ends well")
    };
    assert_eq!(output, format!("[{hostile}]\n[saga:4:do]"));
    assert!(!marker.exists());
}

#[tokio::test]
async fn given_exit_codes_when_run_then_they_say_what_the_contract_says() {
    let temporary = Script::new("echo busy >&2; exit 75").deployer(json!({})).deploy(&order(1, 7, secs(20))).await;
    assert_eq!(temporary, Answer::Failed { error: "exit code 75: busy".to_owned(), again: true });
    let wrong = Script::new("exit 3").deployer(json!({})).deploy(&order(1, 7, secs(20))).await;
    assert!(matches!(wrong, Answer::Failed { again: false, .. }), "{wrong:?}");
    let killed = Script::new("kill -9 $$").deployer(json!({})).deploy(&order(1, 7, secs(20))).await;
    assert!(matches!(killed, Answer::Unknown { .. }), "{killed:?}");
    let script = Script::new("exit 0");
    let deployer = script.deployer(json!({}));
    std::fs::remove_file(&script.path).expect("was there");
    let missing = deployer.deploy(&order(1, 7, secs(20))).await;
    assert!(
        matches!(&missing, Answer::Failed { error, again: false } if error.contains("cannot be started")),
        "{missing:?}"
    );
}

#[tokio::test]
async fn given_a_program_that_hangs_when_its_time_is_over_then_its_whole_group_ends_and_nobody_knows_what_it_did() {
    let script = Script::new("trap '' TERM\n/bin/sleep 300 &\necho $! >\"${0%/*}/pid\"\necho begun\nwait\nwait");
    let begun = Instant::now();
    let answer = script.deployer(json!({})).deploy(&order(1, 7, secs(1))).await;
    assert!(matches!(&answer, Answer::Unknown { detail } if detail.contains("begun")), "{answer:?}");
    assert!((1..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let pid = std::fs::read_to_string(script.beside("pid")).expect("it began").trim().to_owned();
    let ended = || async { gone(&pid).await.then_some(()) };
    eventually("what the program started has ended", Duration::from_secs(5), ended).await;
}

#[tokio::test]
async fn given_a_program_when_nobody_waits_any_more_then_its_group_ends() {
    let script =
        Script::new("/bin/sleep 300 &\necho $! >\"${0%/*}/pid.new\"\nmv \"${0%/*}/pid.new\" \"${0%/*}/pid\"\nwait");
    let deployer = script.deployer(json!({"environment": ["PATH"]}));
    let waiting = tokio::spawn(async move { deployer.deploy(&order(1, 7, secs(60))).await });
    let pid = script.beside("pid");
    let begun = || async { std::fs::read_to_string(&pid).ok() };
    let pid = eventually("it begins", Duration::from_secs(10), begun).await.trim().to_owned();
    assert!(!gone(&pid).await);
    waiting.abort();
    let ended = || async { gone(&pid).await.then_some(()) };
    eventually("what the program started has ended", Duration::from_secs(5), ended).await;
}

#[tokio::test]
async fn given_a_program_that_talks_too_much_when_run_then_only_its_last_words_are_kept() {
    let script = Script::new("/usr/bin/head -c 3000000 /dev/zero | /usr/bin/tr '\\0' x; echo; echo last");
    let Answer::Done { output } = script.deployer(json!({})).deploy(&order(1, 7, secs(20))).await else {
        panic!("ends")
    };
    assert!(output.ends_with("last") && output.len() <= 8 * 1024, "{}", output.len());
}

#[tokio::test]
async fn given_a_question_when_asked_then_the_exit_code_answers_and_without_one_nobody_can_tell() {
    let script = Script::new("echo \"$2\"; exit \"$1\"");
    let silent = script.deployer(json!({}));
    assert!(matches!(silent.ask(&question(1, 7)).await, Answer::CannotTell { .. }));
    for (code, wanted) in [
        ("0", Answer::Done { output: "saga:4:do".to_owned() }),
        ("1", Answer::NeverArrived),
        ("2", Answer::Failed { error: "saga:4:do".to_owned(), again: false }),
        ("75", Answer::Running),
        ("9", Answer::CannotTell { detail: "exit code 9: saga:4:do".to_owned() }),
    ] {
        let asked = script.deployer(json!({"ask": [script.path, code, "{key}"]})).ask(&question(1, 7)).await;
        assert_eq!(asked, wanted);
    }
}

#[test]
fn given_a_program_that_is_not_listed_then_it_is_refused_with_what_to_do() {
    let deploy: Deploy =
        serde_json::from_value(json!({"command": {"run": ["/bin/sh", "-c", "true"]}})).expect("well-formed");
    let service = ServiceName::new("checkout").expect("a name");
    let Err(error) = hands(StepSettings::default(), &[]).deployer(&service, &deploy) else { panic!("was taken") };
    assert_eq!(error.field, "deploy.command.run[0]");
    assert!(error.text.contains("`deploy.commands`"), "{}", error.text);
}
