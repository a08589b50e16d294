//! The counters of destinations.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::Metrics;

const LABEL: &str = "destination";

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    sent: IntCounterVec,
    receipted: IntCounterVec,
    refused: IntCounterVec,
    corrupt: IntCounterVec,
    lost: IntCounterVec,
    connects: IntCounterVec,
    pending: IntGaugeVec,
    backlog_seconds: IntGaugeVec,
    up: IntGaugeVec,
}

impl Delivery {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name, help| Metrics::vec(registry, name, help, &[LABEL]);
        let gauge = |name, help| Metrics::gauges(registry, name, help, LABEL);
        Self {
            sent: counter("frames_sent_total", "Frames handed to the link."),
            receipted: counter("frames_receipted_total", "Frames durable at the server."),
            refused: counter("frames_refused_total", "Frames refused for ever."),
            corrupt: counter("frames_corrupt_total", "Frames damaged on disk."),
            lost: counter(
                "frames_lost_total",
                "Frames dropped for want of room that it had not got.",
            ),
            connects: counter("link_connects_total", "Connections to the server's broker."),
            pending: gauge("frames_pending", "Frames not yet receipted."),
            backlog_seconds: gauge(
                "backlog_seconds",
                "Age of the oldest frame not yet receipted.",
            ),
            up: gauge("link_up", "Whether the server answers."),
        }
    }
}

/// The counters of one destination, looked up once.
#[derive(Clone, Debug)]
pub struct DestinationMeter {
    /// Its name.
    pub name: String,
    /// Frames handed to the link, repeats included.
    pub sent: IntCounter,
    /// Frames that the server has, durably.
    pub receipted: IntCounter,
    /// Frames that the server refused for ever.
    pub refused: IntCounter,
    /// Frames found damaged on disk.
    pub corrupt: IntCounter,
    /// Frames dropped for want of room that it had not got.
    pub lost: IntCounter,
    /// Connections to the server's broker.
    pub connects: IntCounter,
    /// Frames not yet receipted.
    pub pending: IntGauge,
    /// Age of the oldest frame that is not receipted.
    pub backlog_seconds: IntGauge,
    /// Whether the server answers.
    pub up: IntGauge,
}

impl DestinationMeter {
    pub(in crate::status) fn new(name: &str, metrics: &Metrics) -> Self {
        let of = &metrics.delivery;
        let counter = |vec: &IntCounterVec| vec.with_label_values(&[name]);
        let gauge = |vec: &IntGaugeVec| vec.with_label_values(&[name]);
        Self {
            name: name.to_owned(),
            sent: counter(&of.sent),
            receipted: counter(&of.receipted),
            refused: counter(&of.refused),
            corrupt: counter(&of.corrupt),
            lost: counter(&of.lost),
            connects: counter(&of.connects),
            pending: gauge(&of.pending),
            backlog_seconds: gauge(&of.backlog_seconds),
            up: gauge(&of.up),
        }
    }
}
