//! From the click on "Roll back" to weight 0 at the proxy, beside the bare socket command.

use crate::report::{Figure, Report};
use crate::site::{Seen, Site};
use crate::stats::{Times, shown};
use crate::wire::Connection;
use serde_json::json;
use std::time::{Duration, Instant};
use sternway_peers::HaproxyProcess;

const GOAL: Duration = Duration::from_millis(150);

/// How many releases are rolled back, one after the other.
pub(crate) const ROUNDS: usize = 60;
/// While many others are under way.
pub(crate) const ROUNDS_OF_MANY: usize = 50;

/// What the socket alone takes, and the way through Sternway.
pub(crate) struct Clicks {
    raw: Times,
    click: Times,
    answer: Times,
    /// The release had changed since it was looked at; the person looked again.
    again: usize,
}

/// Rolls back `rounds` releases of this service, each at its first stage. Its servers are `stable` and `canary`.
pub(crate) async fn measure(site: &Site, haproxy: &HaproxyProcess, service: &str, rounds: usize) -> Clicks {
    let (mut raw, mut click, mut answers, mut again) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut connection = site.connect().await;
    for _ in 0..rounds {
        raw.push(bare(haproxy, service).await);
        let started = site.started(&mut connection, service, "steady").await;
        let mut seen = confirmed(site, &mut connection, &started.id).await;
        loop {
            if let Some((zero, answered)) = clicked(site, &mut connection, haproxy, service, &seen).await {
                click.push(zero);
                answers.push(answered);
                break;
            }
            again += 1;
            seen = site.seen(&mut connection, &seen.id).await;
        }
        site.until(&mut connection, &seen.id, "rolled_back").await;
    }
    Clicks { raw: Times::of(raw), click: Times::of(click), answer: Times::of(answers), again }
}

/// How long after the click HAProxy has weight 0, and when it was answered; `None` when the release had changed.
async fn clicked(
    site: &Site,
    connection: &mut Connection,
    haproxy: &HaproxyProcess,
    service: &str,
    seen: &Seen,
) -> Option<(Duration, Duration)> {
    let path = format!("/releases/{}/act/rollback", seen.id);
    let (version, key) = (seen.version.to_string(), site.key());
    let fields = [
        ("reason", "Errors above tolerance"),
        ("expected_version", version.as_str()),
        ("idempotency_key", key.as_str()),
    ];
    let clicked = Instant::now();
    let zero = async {
        while haproxy.weight(service, "canary").await > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        clicked.elapsed()
    };
    let sent = async {
        let answer = site.form(connection, &path, &fields).await;
        (answer.status, clicked.elapsed())
    };
    tokio::pin!(sent, zero);
    // A refused click moves nothing: then nobody waits for it.
    let ((status, answered), zero) = tokio::select! {
        answer = &mut sent => match answer {
            (303, _) => (answer, zero.await),
            _ => (answer, Duration::MAX),
        },
        zero = &mut zero => (sent.await, zero),
    };
    assert!([303, 409].contains(&status), "a rollback was answered with {status}");
    (status == 303).then_some((zero, answered))
}

/// The socket's own way: the command, and reading it back.
async fn bare(haproxy: &HaproxyProcess, service: &str) -> Duration {
    set(haproxy, service, 13).await;
    let began = Instant::now();
    set(haproxy, service, 0).await;
    assert_eq!(haproxy.weight(service, "canary").await, 0);
    began.elapsed()
}

async fn set(haproxy: &HaproxyProcess, service: &str, weight: u16) {
    let said = haproxy.command(&format!("set server {service}/canary weight {weight}")).await;
    assert_eq!(said.as_deref().map(str::trim), Some(""), "HAProxy takes the command");
}

/// The release, once its first stage is confirmed by the proxy and its first verdict is written down.
pub(crate) async fn confirmed(site: &Site, connection: &mut Connection, id: &str) -> Seen {
    for _ in 0..1_000 {
        let release = site.get(connection, &format!("/api/v1/releases/{id}")).await;
        if release["confirmed"] == true && !release["verdict"].is_null() {
            return Seen::read(&release);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the first stage of `{id}` is not confirmed within 10 s");
}

impl Clicks {
    pub(crate) fn report(&self, report: &mut Report, name: &'static str, with: &str) {
        let again = if self.again > 0 { format!(", {} looked again", self.again) } else { String::new() };
        report.add(Figure {
            name,
            what: format!("click → HAProxy weight 0, {with}"),
            measured: format!(
                "{}{again}; the click is answered after p50 {}",
                self.click.words(),
                shown(self.answer.p50())
            ),
            floor: format!("socket command and read back: {}", self.raw.words()),
            goal: format!("p99 {}", shown(GOAL)),
            met: Some(self.click.p99() <= GOAL),
            data: json!({
                "click_to_zero": self.click.json(), "answered": self.answer.json(), "looked_again": self.again,
                "floor_socket_command": self.raw.json(),
            }),
        });
    }
}
