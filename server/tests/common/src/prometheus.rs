//! A real Prometheus.

use crate::{free_port, http_get, log, signal, spawn};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Child;

/// What is scraped, with the labels its series get.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub labels: Vec<(String, String)>,
}

impl Target {
    pub fn new(address: SocketAddr, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { address, labels }
    }
}

/// Ends with the test.
pub struct PrometheusProcess {
    dir: TempDir,
    child: Child,
    port: u16,
}

impl PrometheusProcess {
    /// Scrapes every 250 ms.
    pub async fn start(targets: &[Target]) -> Self {
        Self::start_every(Duration::from_millis(250), targets).await
    }

    pub async fn start_every(interval: Duration, targets: &[Target]) -> Self {
        let dir = tempfile::tempdir().expect("a folder for Prometheus");
        let (every, timeout) = (interval.as_millis(), interval.as_millis() * 4 / 5);
        let mut text = format!(
            "global:\n  scrape_interval: {every}ms\n  scrape_timeout: {timeout}ms\nscrape_configs:\n  - job_name: test\n    \
             static_configs:\n",
        );
        for Target { address, labels } in targets {
            writeln!(text, "      - targets: ['{address}']\n        labels:").expect("text grows");
            for (name, value) in labels {
                writeln!(text, "          {name}: '{value}'").expect("text grows");
            }
        }
        std::fs::write(dir.path().join("prometheus.yml"), text).expect("the folder is ours");
        let port = free_port();
        let child = spawn("prometheus", &arguments(port), dir.path());
        let mut process = Self { dir, child, port };
        process.wait().await;
        process
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the process; its data stays.
    pub async fn stop(&mut self) {
        self.child.kill().await.expect("the process is ours to end");
    }

    /// Stops its heart: connections are taken and never answered.
    pub async fn pause(&self) {
        signal(&self.child, "STOP").await;
    }

    /// Starts it again with its data.
    pub async fn start_again(&mut self) {
        self.child = spawn("prometheus", &arguments(self.port), self.dir.path());
        self.wait().await;
    }

    async fn wait(&mut self) {
        for _ in 0..1500 {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                panic!("Prometheus ended with {status}: {}", log(self.dir.path()));
            }
            if http_get(self.port, "/-/ready").await.is_some_and(|(status, _)| status == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Prometheus does not answer: {}", log(self.dir.path()));
    }
}

fn arguments(port: u16) -> Vec<String> {
    vec![
        "--config.file=prometheus.yml".to_owned(),
        "--storage.tsdb.path=data".to_owned(),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ]
}
