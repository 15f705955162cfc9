//! How much memory the program needs with many active releases, and how much it computes for them.

use crate::fleet::RELEASES;
use crate::machine::{computed, resident};
use crate::report::{Figure, Report};
use crate::site::Site;
use serde_json::json;
use std::time::Duration;

const GOAL_MB: f64 = 120.0;

/// After everything else was asked of this site; `ran`: since the first release was started.
pub(crate) fn measure(site: &Site, before: Option<(f64, f64)>, ran: Duration, interval: Duration, report: &mut Report) {
    let (Some((now, most)), Some((empty, _))) = (resident(site.pid()), before) else {
        eprintln!("  memory is read from /proc, which is not there");
        return;
    };
    let cores = computed(site.pid()).unwrap_or_default() / ran.as_secs_f64();
    let (ran, every) = (ran.as_secs_f64(), interval.as_secs_f64());
    report.add(Figure {
        name: "memory",
        what: format!("memory of `sternway serve` with {RELEASES} active releases"),
        measured: format!("{now:.0}\u{a0}MB resident, at most {most:.0}\u{a0}MB, {cores:.2} cores busy on average"),
        floor: format!(
            "before the first release {empty:.0}\u{a0}MB; ran {ran:.0}\u{a0}s, a tick every {every:.0}\u{a0}s"
        ),
        goal: format!("{GOAL_MB:.0}\u{a0}MB"),
        met: Some(now <= GOAL_MB),
        data: json!({"resident_mb": now, "peak_mb": most, "empty_mb": empty, "ran_s": ran, "cores_busy": cores}),
    });
}
