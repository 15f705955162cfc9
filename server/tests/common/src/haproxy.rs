//! A real HAProxy.

use crate::{eventually, free_port, log, spawn};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;

/// A backend with a frontend of its own.
#[derive(Debug, Clone)]
pub struct Backend {
    pub name: String,
    /// `roundrobin`, or `static-rr` to be refused.
    pub balance: String,
    pub servers: Vec<Server>,
    /// Where clients connect; chosen by [`Backend::new`].
    pub port: u16,
}

#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub address: SocketAddr,
    /// As configured, 0-256.
    pub weight: u16,
    /// Whether HAProxy itself looks every 100 ms if it is up.
    pub check: bool,
}

impl Backend {
    pub fn new(name: &str, servers: Vec<Server>) -> Self {
        Self { name: name.to_owned(), balance: "roundrobin".to_owned(), servers, port: free_port() }
    }
}

impl Server {
    pub fn new(name: &str, address: SocketAddr, weight: u16) -> Self {
        Self { name: name.to_owned(), address, weight, check: false }
    }
}

/// Ends with the test.
pub struct HaproxyProcess {
    dir: TempDir,
    child: Child,
    admin_port: u16,
}

impl HaproxyProcess {
    pub async fn start(backends: &[Backend]) -> Self {
        let dir = tempfile::tempdir().expect("a folder for HAProxy");
        let admin_port = free_port();
        let mut text = format!(
            "global\n  stats socket {0}/admin.sock mode 600 level admin\n  stats socket ipv4@127.0.0.1:{admin_port} level admin\n  \
             server-state-file {0}/haproxy.state\ndefaults\n  mode http\n  load-server-state-from-file global\n  timeout connect 1s\n  \
             timeout client 10s\n  timeout server 10s\n",
            dir.path().display()
        );
        for backend in backends {
            let Backend { name, balance, port, servers } = backend;
            let written = write!(
                text,
                "frontend front-{name}\n  bind 127.0.0.1:{port}\n  http-request return status 200 if {{ path /haproxy-is-up }}\n  \
                 default_backend {name}\nbackend {name}\n  balance {balance}\n"
            );
            written.expect("text grows");
            for Server { name, address, weight, check } in servers {
                let check = if *check { " check inter 100ms" } else { "" };
                writeln!(text, "  server {name} {address} weight {weight}{check}").expect("text grows");
            }
        }
        std::fs::write(dir.path().join("haproxy.cfg"), text).expect("the folder is ours");
        let child = spawn("haproxy", &Self::arguments(), dir.path());
        let mut process = Self { dir, child, admin_port };
        process.wait().await;
        process
    }

    /// The runtime socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("admin.sock")
    }

    /// The same by TCP.
    pub fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// Where HAProxy looks for server states when it starts.
    pub fn state_file(&self) -> PathBuf {
        self.dir.path().join("haproxy.state")
    }

    /// Moves the socket file away: whoever looks for it finds nothing, and HAProxy goes on serving.
    pub fn hide_socket(&self) {
        std::fs::rename(self.socket(), self.hidden()).expect("the socket is there and ours");
    }

    /// Puts the socket file back.
    pub fn show_socket(&self) {
        std::fs::rename(self.hidden(), self.socket()).expect("the socket was hidden");
    }

    fn hidden(&self) -> PathBuf {
        self.dir.path().join("hidden.sock")
    }

    /// The answer to one command, read by this test's own hand; also while the socket is hidden.
    pub async fn command(&self, command: &str) -> Option<String> {
        let path = Some(self.hidden()).filter(|hidden| hidden.exists()).unwrap_or_else(|| self.socket());
        let mut stream = UnixStream::connect(path).await.ok()?;
        stream.write_all(format!("{command}\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    /// The weight HAProxy says a server has.
    pub async fn weight(&self, backend: &str, server: &str) -> u16 {
        let answer = self.command(&format!("get weight {backend}/{server}")).await.expect("HAProxy answers");
        let number = answer.split_whitespace().next().and_then(|word| word.parse().ok());
        number.unwrap_or_else(|| panic!("HAProxy says {answer:?}"))
    }

    /// Ends the process; the socket file goes too.
    pub async fn stop(&mut self) {
        self.child.kill().await.expect("the process is ours to end");
        // A leftover when already gone is none.
        let _ = std::fs::remove_file(self.socket());
    }

    /// Starts it again with the same configuration, as after a reload.
    pub async fn start_again(&mut self) {
        self.child = spawn("haproxy", &Self::arguments(), self.dir.path());
        self.wait().await;
    }

    fn arguments() -> Vec<String> {
        ["-f", "haproxy.cfg", "-db"].map(str::to_owned).to_vec()
    }

    async fn wait(&mut self) {
        for _ in 0..500 {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                panic!("HAProxy ended with {status}: {}", log(self.dir.path()));
            }
            if self.command("show info").await.is_some_and(|answer| answer.contains("Uptime")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("HAProxy does not answer: {}", log(self.dir.path()));
    }

    /// Waits until HAProxy's own check has found a server `UP` or `DOWN`.
    pub async fn wait_for_status(&self, backend: &str, server: &str, status: &str) {
        eventually(&format!("{backend}/{server} {status}"), Duration::from_secs(10), || async {
            let stat = self.command(&format!("show stat {backend} 4 -1")).await?;
            let line = stat.lines().find(|line| line.starts_with(&format!("{backend},{server},")))?;
            line.split(',').nth(17)?.starts_with(status).then_some(())
        })
        .await;
    }
}
