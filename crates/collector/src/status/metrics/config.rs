//! How loading the configuration went.

use prometheus::{IntCounterVec, IntGauge, Registry};

use super::Metrics;
use crate::clock;

/// Counts loads of the configuration. The first one, at the start, succeeded.
#[derive(Clone, Debug)]
pub struct Loads {
    reloads: IntCounterVec,
    last_successful: IntGauge,
    last_success_seconds: IntGauge,
}

impl Loads {
    pub(super) fn new(registry: &Registry) -> Self {
        let loads = Self {
            reloads: Metrics::vec(
                registry,
                "config_reloads_total",
                "Reloads of the configuration that were asked for.",
                &["result"],
            ),
            last_successful: Metrics::gauge(
                registry,
                "config_last_reload_successful",
                "Whether the last load of the configuration succeeded.",
            ),
            last_success_seconds: Metrics::gauge(
                registry,
                "config_last_reload_success_timestamp_seconds",
                "Wall time of the last load of the configuration that succeeded.",
            ),
        };
        for result in ["done", "refused"] {
            loads.reloads.with_label_values(&[result]);
        }
        loads.now(true);
        loads
    }

    /// It was loaded again, or refused.
    pub fn loaded(&self, is_done: bool) {
        let result = if is_done { "done" } else { "refused" };
        self.reloads.with_label_values(&[result]).inc();
        self.now(is_done);
    }

    fn now(&self, is_done: bool) {
        self.last_successful.set(i64::from(is_done));
        if is_done {
            let seconds = clock::wall_time().as_millis() / 1_000;
            self.last_success_seconds.set(seconds);
        }
    }
}
