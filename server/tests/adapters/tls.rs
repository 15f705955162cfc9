//! I7: who shows a certificate that nobody trusts hears nothing: webhooks, Prometheus, channels, PostgreSQL, Redis.

use super::support::{NOW, connections, driver, hands, intent, outbound, source};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use sternway_domain::id::{ReleaseId, SagaId};
use sternway_domain::saga::{Answer, Cache, StepId};
use sternway_domain::service::Secret;
use sternway_domain::signal::SourceFailure;
use sternway_peers::{RedisProcess, eventually};
use sternway_server::ports::DriverFailure;
use sternway_server::steps::notify::Notice;
use sternway_server::steps::settings::{Channel, StepSettings};
use sternway_server::store::{self, StoreError};
use tempfile::TempDir;
use uuid::Uuid;

const SECRETS: &[(&str, &str)] = &[("STERNWAY_SECRET_HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];

/// A server that signed its certificate itself. Lives as long as the test's process.
struct Impostor {
    address: SocketAddr,
    /// Connections on which something was said after the certificate had been shown.
    heard: Arc<AtomicU32>,
    /// Those that ended at the certificate.
    left: Arc<AtomicU32>,
    dir: TempDir,
}

/// What it pretends to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mask {
    Web,
    Postgres,
}

impl Impostor {
    fn start(mask: Mask) -> Impostor {
        let dir = certificate("DNS:localhost,IP:127.0.0.1");
        let chain = vec![CertificateDer::from_pem_file(dir.path().join("cert.pem")).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_file(dir.path().join("key.pem")).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("TLS 1.2 and 1.3").with_no_client_auth().with_single_cert(chain, key);
        let config = Arc::new(config.expect("they belong together"));

        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        let (heard, left) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (hear, leave) = (heard.clone(), left.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = if meet(stream, config.clone(), mask) { &hear } else { &leave };
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Impostor { address, heard, left, dir }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn heard(&self) -> u32 {
        self.heard.load(Ordering::SeqCst)
    }

    /// What is said to it is counted a moment after whoever said it has gone.
    async fn hears_more_than(&self, before: u32) {
        let more = || async { (self.heard() > before).then_some(()) };
        eventually("it was spoken to", Duration::from_secs(5), more).await;
    }

    /// It was connected to so often since, was told nothing, and showed its certificate each time.
    async fn only_showed_its_certificate(&self, times: u32) {
        eventually("the other side left", Duration::from_secs(5), || async {
            (self.left.load(Ordering::SeqCst) >= times).then_some(())
        })
        .await;
        assert_eq!(self.heard(), 0, "it was told something");
    }
}

/// `cert.pem` for these names, which signed itself, and `key.pem`. Nothing is wrong with it but that nobody vouches for it.
fn certificate(names: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"])
        .args(["-addext", &format!("subjectAltName={names}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(dir.path())
        .output()
        .expect("`openssl` is installed with `make test-deps`");
    assert!(made.status.success(), "{made:?}");
    dir
}

/// Whether anything is said to it.
fn meet(mut stream: TcpStream, config: Arc<ServerConfig>, mask: Mask) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("more than nothing");
    if mask == Mask::Postgres {
        let mut asked = [0; 8];
        if stream.read_exact(&mut asked).is_err() || stream.write_all(b"S").is_err() {
            return false;
        }
    }
    let mut stream = StreamOwned::new(ServerConnection::new(config).expect("a good configuration"), stream);
    let mut said = [0; 4096];
    if !stream.read(&mut said).is_ok_and(|read| read > 0) {
        return false;
    }
    if mask == Mask::Web {
        // The other side may have gone; it is the one to complain.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_webhook_with_a_certificate_of_its_own_when_traffic_is_moved_then_it_is_not_told() {
    let impostor = Impostor::start(Mask::Web);
    let traffic = json!({"webhook": {
        "url": impostor.url("/shift"), "observe_url": impostor.url("/state"),
        "secret": {"env": "STERNWAY_SECRET_HOOK"}, "timeout": "3s", "attempts": 1,
    }});
    let driver = driver(traffic, &outbound(SECRETS));
    let told = driver.apply(&intent(5)).await;
    assert!(
        matches!(&told, Err(DriverFailure::Unreachable { detail, .. }) if detail.contains("certificate")),
        "{told:?}"
    );
    let seen = driver.observe(NOW).await;
    assert!(matches!(seen, Err(DriverFailure::Unreachable { .. })), "{seen:?}");
    impostor.only_showed_its_certificate(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_prometheus_with_a_certificate_of_its_own_when_read_then_it_is_down() {
    let impostor = Impostor::start(Mask::Web);
    let signals =
        json!({"prometheus": {"url": impostor.url(""), "baseline": "a=\"1\"", "canary": "a=\"2\"", "timeout": "3s"}});
    let read = source(signals).read(NOW).await;
    assert!(matches!(&read, Err(SourceFailure::Down { .. })), "{read:?}");
    impostor.only_showed_its_certificate(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_channel_with_a_certificate_of_its_own_when_people_are_told_then_nobody_hears() {
    let impostor = Impostor::start(Mask::Web);
    let channel = Channel::Webhook { url: Secret::Value(impostor.url("/hook")), secret: None };
    let settings = StepSettings { channels: [("ops".to_owned(), channel)].into(), ..StepSettings::default() };
    let (release, saga) = (ReleaseId(Uuid::from_u128(7)), SagaId(Uuid::from_u128(8)));
    let notice =
        Notice { text: "Rollback begins", release, saga, step: StepId(3), key: "k", checkpoint: None, link: None };
    let told = hands(settings, &[]).notify(&["ops".to_owned()], &notice).await;
    assert!(told.by.is_empty(), "{told:?}");
    assert!(
        matches!(&told.answer, Answer::Failed { error, .. } if error.contains("certificate")),
        "surely not told: {told:?}"
    );
    impostor.only_showed_its_certificate(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_postgresql_with_a_certificate_of_its_own_when_opened_with_verify_full_then_it_learns_nothing() {
    let impostor = Impostor::start(Mask::Postgres);
    let address = format!("postgres://sternway:secret@{}/sternway", impostor.address);
    let opened = store::open(&format!("{address}?sslmode=verify-full")).await.map(|_| ());
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "{opened:?}");
    impostor.only_showed_its_certificate(1).await;

    // Not for another reason: as soon as somebody vouches for the certificate it is spoken to.
    let trusted = format!("{address}?sslmode=verify-full&sslrootcert={}", impostor.certificate().display());
    let opened = store::open(&trusted).await.map(|_| ());
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "it is no PostgreSQL: {opened:?}");
    impostor.hears_more_than(0).await;
    // Without a word about certificates any is good enough: why `sternway config check` warns.
    let before = impostor.heard();
    let opened = store::open(&address).await.map(|_| ());
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "it is no PostgreSQL: {opened:?}");
    impostor.hears_more_than(before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_redis_with_tls_when_emptied_then_only_one_that_is_vouched_for_under_its_name_is_spoken_to() {
    let (own, other) = (certificate("IP:127.0.0.1"), certificate("IP:127.0.0.1"));
    let file = |dir: &TempDir| dir.path().join("cert.pem").display().to_string();
    let (peer, port) = RedisProcess::with_tls(&own.path().join("cert.pem"), &own.path().join("key.pem")).await;
    peer.ask("SET cart:1 x\r\nSET cart:2 x").await.expect("written");
    let impostor = Impostor::start(Mask::Web);
    let address = |host: &str, port: u16, roots: &str| format!("rediss://:p%40ss@{host}:{port}/0{roots}");
    let (root, others) = (format!("?sslrootcert={}", file(&own)), format!("?sslrootcert={}", file(&other)));
    let empty = format!("?sslrootcert={}", own.path().join("key.pem").display());
    let hands = hands(
        connections(&[
            ("unknown", address("127.0.0.1", port, "")),
            ("other", address("127.0.0.1", port, &others)),
            ("name", address("localhost", port, &root)),
            ("empty", address("127.0.0.1", port, &empty)),
            ("lost", address("127.0.0.1", port, "?sslrootcert=/nowhere/ca.pem")),
            ("plain", address("127.0.0.1", peer.port(), &root)),
            ("impostor", address("127.0.0.1", impostor.address.port(), "")),
            ("good", address("127.0.0.1", port, &root)),
        ]),
        &[],
    );
    let cache = |name: &str| Cache::Redis { connection: name.parse().expect("a name"), pattern: "cart:*".to_owned() };
    for (name, again, told) in [
        ("unknown", false, "not trusted"),
        ("other", false, "not trusted"),
        ("name", false, "not trusted"),
        ("empty", false, "no certificate in it"),
        ("lost", false, "/nowhere/ca.pem"),
        ("plain", true, "no TLS with it"),
        ("impostor", false, "not trusted"),
    ] {
        let answer = hands.empty_cache(&cache(name), "k").await;
        let Answer::Failed { error, again: may } = &answer else { panic!("{name}: {answer:?}") };
        assert!(error.contains(told) && *may == again && !error.contains("p%40ss"), "{name}: {answer:?}");
    }
    impostor.only_showed_its_certificate(1).await;
    assert_eq!(peer.ask("DBSIZE").await.as_deref(), Some(":2"), "nothing was deleted");
    let done = hands.empty_cache(&cache("good"), "k").await;
    assert_eq!(done, Answer::Done { output: "keys deleted: 2".to_owned() });
    assert_eq!(peer.ask("DBSIZE").await.as_deref(), Some(":0"));
}
