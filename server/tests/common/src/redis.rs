//! A real Redis.

use crate::{eventually, free_port, log, spawn};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;

/// Ends with the test.
pub struct RedisProcess {
    port: u16,
    password: String,
    dir: TempDir,
    _child: Child,
}

impl RedisProcess {
    /// Empty, with a password.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same, answering TLS beside it, with this certificate and its key: the port too.
    pub async fn with_tls(certificate: &Path, key: &Path) -> (Self, u16) {
        let (port, path) = (free_port().to_string(), |path: &Path| path.display().to_string());
        let (certificate, key) = (path(certificate), path(key));
        let words = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        // It wants somebody to believe, though it asks nobody for a certificate.
        let more = ["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"];
        (Self::with(&[&words[..], &more].concat()).await, port.parse().expect("a number"))
    }

    async fn with(more: &[&str]) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let password = "p%40ss".to_owned();
        let words = format!(
            "--port {port} --bind 127.0.0.1 --requirepass p@ss --appendonly no --daemonize no --dir {}",
            dir.path().display()
        );
        let mut arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        // Keeps nothing.
        arguments.extend(["--save".to_owned(), String::new()]);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        let child = spawn("redis-server", &arguments, dir.path());
        let redis = Self { port, password, dir, _child: child };
        let answers = || async { redis.ask("PING").await.filter(|said| said.starts_with("+PONG")) };
        eventually("Redis answers", Duration::from_secs(20), answers).await;
        redis
    }

    /// With its password.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it says to commands written as a person would, one a line; the first line of the last answer.
    pub async fn ask(&self, commands: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        stream.write_all(format!("AUTH p@ss\r\n{commands}\r\nQUIT\r\n").as_bytes()).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        let lines: Vec<&str> = text.lines().collect();
        // The last one says good-bye.
        lines.iter().rev().nth(1).map(|line| (*line).to_owned())
    }

    pub fn log(&self) -> String {
        log(self.dir.path())
    }
}
