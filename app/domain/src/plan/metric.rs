//! The metrics a guard or a limit can name.

use super::Tolerance;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One metric of a service. Written `errors`, `p50`, `p90`, `p95`, `p99`, `traffic`, `saturation`, `kpi:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// Failed requests over all requests, ratio 0-1.
    Errors,
    /// A quantile of request duration in percent (50, 90, 95, 99); seconds.
    Latency(u8),
    /// Requests per second, per percent of traffic when arms are compared.
    Traffic,
    /// The fullest resource, ratio 0-1.
    Saturation,
    /// A business ratio such as conversions per request, 0-1; less is worse.
    Kpi(String),
}

impl Metric {
    /// Whether a smaller value is the worse one.
    pub fn less_is_worse(&self) -> bool {
        matches!(self, Metric::Kpi(_) | Metric::Traffic)
    }

    /// `judge.md` section 3.2: errors 1.5x + 0.0005, latency 1.25x, KPI ratios 0.97x; saturation 1.25x + 0.05.
    pub fn default_tolerance(&self) -> Tolerance {
        let (ratio, plus) = match self {
            Metric::Errors => (1.5, Some(0.0005)),
            Metric::Latency(_) => (1.25, None),
            Metric::Traffic => (0.5, None),
            Metric::Saturation => (1.25, Some(0.05)),
            Metric::Kpi(_) => (0.97, None),
        };
        Tolerance { ratio: Some(ratio), plus }
    }

    /// For people: `errors`, `p99 latency`, `conversions`.
    pub fn label(&self) -> String {
        match self {
            Metric::Errors => "errors".to_owned(),
            Metric::Latency(q) => format!("p{q} latency"),
            Metric::Traffic => "traffic".to_owned(),
            Metric::Saturation => "saturation".to_owned(),
            Metric::Kpi(name) => name.clone(),
        }
    }

    /// A value of this metric with its unit: `0.31 %`, `212 ms`, `412/s`, `61 %`.
    pub fn show(&self, value: f64) -> String {
        const NBSP: char = '\u{a0}';
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Metric::Errors | Metric::Kpi(_) => format!("{:.2}{NBSP}%", value * 100.0),
            Metric::Saturation => format!("{:.0}{NBSP}%", value * 100.0),
            Metric::Traffic if value < 10.0 => format!("{value:.1}/s"),
            Metric::Traffic => format!("{}/s", grouped(value.round() as i64)),
            Metric::Latency(_) if value < 0.001 => format!("{:.2}{NBSP}ms", value * 1e3),
            Metric::Latency(_) if value < 0.01 => format!("{:.1}{NBSP}ms", value * 1e3),
            Metric::Latency(_) if value < 1.0 => format!("{:.0}{NBSP}ms", value * 1e3),
            Metric::Latency(_) => format!("{value:.2}{NBSP}s"),
        }
    }
}

/// `18 534`: thousands parted by a no-break space.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric: use `errors`, `p50`, `p90`, `p95`, `p99`, `traffic`, `saturation` or `kpi:NAME`")]
pub struct MetricError(String);

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        match text {
            "errors" => Ok(Metric::Errors),
            "p50" => Ok(Metric::Latency(50)),
            "p90" => Ok(Metric::Latency(90)),
            "p95" => Ok(Metric::Latency(95)),
            "p99" => Ok(Metric::Latency(99)),
            "traffic" => Ok(Metric::Traffic),
            "saturation" => Ok(Metric::Saturation),
            _ => match text.strip_prefix("kpi:") {
                Some(name) if (1..=40).contains(&name.len()) && name.chars().all(plain) => {
                    Ok(Metric::Kpi(name.to_owned()))
                }
                _ => Err(MetricError(text.chars().take(60).collect())),
            },
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricError;

    fn try_from(text: String) -> Result<Self, MetricError> {
        text.parse()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Errors => f.write_str("errors"),
            Metric::Latency(q) => write!(f, "p{q}"),
            Metric::Traffic => f.write_str("traffic"),
            Metric::Saturation => f.write_str("saturation"),
            Metric::Kpi(name) => write!(f, "kpi:{name}"),
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_unit() {
        assert_eq!(Metric::Errors.show(0.0031), "0.31\u{a0}%");
        assert_eq!(Metric::Latency(99).show(0.2124), "212\u{a0}ms");
        assert_eq!(Metric::Traffic.show(1128.0), "1\u{a0}128/s");
        assert_eq!(Metric::Errors.show(f64::NAN), "–");
    }

    #[test]
    fn every_metric_survives_being_written_and_read() {
        for text in ["errors", "p50", "p99", "traffic", "saturation", "kpi:conversions"] {
            assert_eq!(text.parse::<Metric>().map(|m| m.to_string()), Ok(text.to_owned()));
        }
        assert!("kpi:a b".parse::<Metric>().is_err());
    }
}
