//! What the collector says of itself: counters, problems, and the page that shows them.

pub mod clock;
mod few;
pub mod health;
pub mod http;
pub mod log;
pub mod metrics;
pub mod service;

pub use health::{Code, Health};
pub use metrics::{DestinationMeter, Metrics, SourceMeter};

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Counters and problems, shared by every stage.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Problems that are there now.
    pub health: Arc<Health>,
    /// How often the spool's thread has begun its round, whatever came of the one before.
    pub spool_rounds: Arc<AtomicU64>,
}

impl Status {
    /// The counters of one source.
    #[must_use]
    pub fn source(&self, name: &str) -> SourceMeter {
        SourceMeter::new(name, self)
    }

    /// The counters of one destination.
    #[must_use]
    pub fn destination(&self, name: &str) -> DestinationMeter {
        DestinationMeter::new(name, &self.metrics)
    }
}
