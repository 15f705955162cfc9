//! A real PostgreSQL.

use crate::free_port;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Runs as long as its standard input is open: so it ends with the test, however the test ends.
const SCRIPT: &str = r#"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sternway-postgres-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
"$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
"$1/postgres" -D "$dir/data" -p "$2" -k "$dir" -c listen_addresses=127.0.0.1 -c max_connections=200 \
    $3 >>"$dir/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
"#;

/// What is lost in a crash is lost: it does not wait for the disk.
const HASTY: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

/// An empty server on a free loopback port, its data in a folder of its own. Ends with the test.
pub struct PostgresProcess {
    programs: PathBuf,
    child: Child,
    port: u16,
    databases: AtomicU32,
}

impl PostgresProcess {
    /// The server all tests of this process share, started by the first of them.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresProcess> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Does not wait for the disk.
    pub fn start() -> Self {
        Self::start_with(HASTY)
    }

    /// With the settings of a new installation: a commit waits for the disk.
    pub fn start_durable() -> Self {
        Self::start_with("")
    }

    /// Whether there is a PostgreSQL on this machine.
    pub fn installed() -> bool {
        programs().is_some()
    }

    fn start_with(settings: &str) -> Self {
        let programs =
            programs().unwrap_or_else(|| panic!("`initdb` is not installed; install PostgreSQL with `make test-deps`"));
        let port = free_port();
        let mut command = as_postgres("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(&programs).arg(port.to_string()).arg(settings);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().expect("`sh` or `runuser` cannot be started");
        let mut process = Self { programs, child, port, databases: AtomicU32::new(0) };
        process.wait();
        process
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut command = self.client("createdb");
        let output = command.arg(&name).output().expect("`createdb` stands beside `initdb`");
        assert!(output.status.success(), "createdb: {}", String::from_utf8_lossy(&output.stderr));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]).arg(self.port.to_string());
        command
    }

    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.client("pg_isready").output().expect("`pg_isready` stands beside `initdb`").status.success() {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                panic!("PostgreSQL ended with {status}");
            }
            assert!(Instant::now() < end, "PostgreSQL does not answer within 60 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for PostgresProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nothing to do about it here, and the test has its result already.
        let _ = self.child.wait();
    }
}

/// PostgreSQL refuses to run as root; Debian has a user for it.
fn as_postgres(program: &str) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}

/// Where Debian puts each version, the newest first; otherwise where the shell finds it.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = found.into_iter().rev().map(|(_, bin)| bin).chain(std::env::split_paths(&path));
    places.into_iter().find(|bin| Path::new(bin).join("initdb").is_file())
}
