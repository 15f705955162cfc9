//! Many measurements in few numbers.

use serde_json::{Value, json};
use std::time::Duration;

/// Times of one kind, in order of size.
#[derive(Debug, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// The smallest time that at least this share of all did not exceed (nearest rank). `share` is above 0, up to 1.
    pub(crate) fn at(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub(crate) fn p50(&self) -> Duration {
        self.at(0.50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(0.99)
    }

    pub(crate) fn most(&self) -> Duration {
        self.at(1.0)
    }

    /// `p50 12.3 ms, p99 45.6 ms of 60`.
    pub(crate) fn words(&self) -> String {
        format!("p50 {}, p99 {} of {}", shown(self.p50()), shown(self.p99()), self.0.len())
    }

    /// Milliseconds.
    pub(crate) fn json(&self) -> Value {
        let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        json!({"n": self.0.len(), "p50_ms": ms(self.p50()), "p99_ms": ms(self.p99()), "max_ms": ms(self.most())})
    }
}

/// With three digits that count and a unit.
pub(crate) fn shown(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ..0.9995 => format!("{:.0} µs", ms * 1e3),
        ..9.995 => format!("{ms:.2} ms"),
        ..99.95 => format!("{ms:.1} ms"),
        ..9_999.5 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
    .replace(' ', "\u{a0}")
}

/// Bytes for people.
pub(crate) fn kilobytes(bytes: usize) -> String {
    format!("{:.1}\u{a0}KB", bytes as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_hundred_times_then_the_percentiles_are_the_ranks() {
        let times = Times::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!([times.p50(), times.p99(), times.most()], [50, 99, 100].map(Duration::from_millis));
        let few = Times::of((1..=3).map(Duration::from_millis).collect());
        assert_eq!([few.p50(), few.p99()], [2, 3].map(Duration::from_millis));
    }

    #[test]
    fn given_a_time_then_it_is_shown_with_a_unit_that_fits() {
        let shown = |micros| shown(Duration::from_micros(micros)).replace('\u{a0}', " ");
        assert_eq!([shown(87), shown(1_234), shown(45_678), shown(150_400)], ["87 µs", "1.23 ms", "45.7 ms", "150 ms"]);
        assert_eq!(shown(12_345_678), "12.3 s");
    }
}
