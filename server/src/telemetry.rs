//! What Sternway says about itself: log lines and metrics.

pub mod log;
pub mod metrics;

pub use log::LogFormat;
pub use metrics::Metrics;
