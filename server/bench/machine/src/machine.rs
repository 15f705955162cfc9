//! What the figures were measured on.

use serde_json::{Value, json};
use std::fs::read_to_string;

/// Taken at the start of the run.
#[derive(Debug)]
pub(crate) struct Machine {
    cores: usize,
    kernel: String,
    memory_mb: u64,
    load: String,
    open_files: u64,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let line = |path: &str| read_to_string(path).unwrap_or_default().trim().to_owned();
        let load = line("/proc/loadavg");
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: line("/proc/sys/kernel/osrelease"),
            memory_mb: number(&line("/proc/meminfo"), "MemTotal:") / 1_000,
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
            open_files: number(&line("/proc/self/limits"), "Max open files"),
        }
    }

    /// Files and sockets this process may have open.
    pub(crate) fn open_files(&self) -> u64 {
        self.open_files
    }

    pub(crate) fn words(&self) -> String {
        let Self { cores, kernel, memory_mb, load, .. } = self;
        let memory = *memory_mb as f64 / 1e3;
        format!("{cores} cores, {memory:.1} GB, Linux {kernel}, load average {load} at the start")
    }

    pub(crate) fn json(&self) -> Value {
        let Self { cores, kernel, memory_mb, load, open_files } = self;
        json!({
            "cores": cores, "kernel": kernel, "memory_mb": memory_mb, "load_average": load, "open_files": open_files,
        })
    }
}

/// Resident memory of a process and the most it ever had, MB.
pub(crate) fn resident(pid: u32) -> Option<(f64, f64)> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mb = |name| number(&status, name) as f64 * 1024.0 / 1e6;
    Some((mb("VmRSS:"), mb("VmHWM:")))
}

/// Time a process has computed, seconds, in all its threads.
pub(crate) fn computed(pid: u32) -> Option<f64> {
    // Linux counts in hundredths here whatever its own clock does.
    const PER_SECOND: f64 = 100.0;
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / PER_SECOND)
}

/// The first number after a name; 0 when there is none.
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}
