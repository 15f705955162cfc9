//! Real peers for the tests: started on free loopback ports, waited for by asking them, ended with the test.
//!
//! A peer that is not installed fails the test and names `make test-deps`; nothing is skipped.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

mod cable;
mod chance;
mod haproxy;
mod instance;
mod load;
mod page;
mod postgres;
mod prometheus;
mod redis;
mod wire;

pub use cable::{Cable, Line};
pub use chance::Chance;
pub use haproxy::{Backend, HaproxyProcess, Server};
pub use instance::Instance;
pub use load::{Load, Sample};
pub use page::Page;
pub use postgres::PostgresProcess;
pub use prometheus::{PrometheusProcess, Target};
pub use redis::RedisProcess;

/// Below those that Linux takes by itself for connections: what is free here is not taken before it is used.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A port nobody listens on, and that nobody else of this process was given lately.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u32::from(std::process::id() as u16).wrapping_mul(127);
    for _ in 0..PORTS {
        let ahead = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST_PORT + ((begin + ahead) % u32::from(PORTS)) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("loopback has no free port from {FIRST_PORT} on");
}

pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Asks until the answer is something; panics with `what` after `within`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The status and body of one plain HTTP request; `None` when nobody answers.
pub async fn http_get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(loopback(port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// A program of the machine, its output in `log` inside `dir`. Ends when dropped.
fn spawn(program: &str, arguments: &[String], dir: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("the folder is ours");
    let also = log.try_clone().expect("an open file can be opened twice");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).stdin(std::process::Stdio::null()).stdout(log).stderr(also);
    // Where Debian puts what only administrators use to call.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin")).kill_on_drop(true);
    command.spawn().unwrap_or_else(|e| panic!("`{program}` cannot be started ({e}); install it with `make test-deps`"))
}

/// Sternway itself, or another program of this build, its output in `log` inside `dir`. Ends when dropped.
pub fn program(path: &str, arguments: &[String], dir: &Path) -> Child {
    spawn(path, arguments, dir)
}

/// Sends a signal, `TERM` or `STOP`, to a process of the test.
pub async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("the process has not been waited for").to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().await;
    assert!(sent.is_ok_and(|status| status.success()), "the process is ours and there");
}

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}
