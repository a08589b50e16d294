//! Makes and registers figures, all under one prefix.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

/// For durations: 0.25 ms to 4 s, doubling.
const SECONDS_FIRST: f64 = 0.000_25;
const SECONDS_BUCKETS: usize = 15;
/// For sizes of batches: 1 to 8,192 entries, doubling.
const ENTRIES_BUCKETS: usize = 14;

/// Makes and registers. A failure means two equal or invalid names below: a test makes all.
pub(super) struct Maker(pub(super) Registry);

impl Maker {
    fn keep<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("metric names are constants and valid");
        self.0
            .register(Box::new(collector.clone()))
            .expect("metric names are constants and unique");
        collector
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(full(name), help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(full(name), help), labels))
    }

    pub(super) fn counter_each(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = &'static str>,
    ) -> Vec<IntCounter> {
        let family = self.counters(name, help, &[label]);
        values
            .map(|value| family.with_label_values(&[value]))
            .collect()
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(full(name), help))
    }

    pub(super) fn gauge_of(&self, name: &str, help: &str) -> Gauge {
        self.keep(Gauge::new(full(name), help))
    }

    pub(super) fn seconds_by(&self, name: &str, help: &str, label: &str) -> GaugeVec {
        self.keep(GaugeVec::new(Opts::new(full(name), help), &[label]))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        self.gauges_by(name, help, &[label])
    }

    pub(super) fn gauges_by(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(full(name), help), labels))
    }

    pub(super) fn gauge_each(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = &'static str>,
    ) -> Vec<IntGauge> {
        let family = self.gauges(name, help, label);
        values
            .map(|value| family.with_label_values(&[value]))
            .collect()
    }

    pub(super) fn seconds(&self, name: &str, help: &str) -> Histogram {
        self.histogram(name, help, SECONDS_FIRST, SECONDS_BUCKETS)
    }

    pub(super) fn entries(&self, name: &str, help: &str) -> Histogram {
        self.histogram(name, help, 1.0, ENTRIES_BUCKETS)
    }

    fn histogram(&self, name: &str, help: &str, first: f64, count: usize) -> Histogram {
        let made = prometheus::exponential_buckets(first, 2.0, count).and_then(|buckets| {
            Histogram::with_opts(HistogramOpts::new(full(name), help).buckets(buckets))
        });
        self.keep(made)
    }
}

fn full(name: &str) -> String {
    format!("fenghuo_{name}")
}
