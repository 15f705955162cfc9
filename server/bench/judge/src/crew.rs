//! Runs spread over all cores; results come in the order of the runs, so that nothing depends on the number of cores.

use std::sync::atomic::{AtomicU64, Ordering};

/// `f(0)`, `f(1)`, … `f(runs - 1)`.
pub(crate) fn each<T: Send>(runs: u64, f: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return done;
            }
            done.push((run, f(run)));
        }
    };
    let mut all: Vec<(u64, T)> = std::thread::scope(|scope| {
        let crew: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        crew.into_iter().flat_map(|one| one.join().expect("a run does not panic")).collect()
    });
    all.sort_by_key(|(run, _)| *run);
    all.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_run_is_done_once_and_in_order() {
        assert_eq!(super::each(1000, |run| run * run), (0..1000).map(|run| run * run).collect::<Vec<u64>>());
    }
}
