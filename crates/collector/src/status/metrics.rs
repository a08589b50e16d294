//! The counters, in Prometheus' words. Every name starts with `fenghuo_collector_`.

use fenghuo_model::{Reading, Sample};
use fenghuo_uplink::frame::GapReason;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::{Code, Status};

mod config;
mod delivery;
mod line;

pub use config::Loads;
use delivery::Delivery;
pub use delivery::DestinationMeter;

/// All counters of a collector.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    samples: IntCounterVec,
    reads: IntCounterVec,
    connects: IntCounterVec,
    connected: IntGaugeVec,
    gaps: IntCounterVec,
    /// Of destinations, by name.
    delivery: Delivery,
    /// Loads of the configuration.
    pub config: Loads,
    /// Frames that are durable in the spool.
    pub frames_spooled: IntCounter,
    /// Frames that went because there was no room.
    pub frames_dropped: IntCounter,
    /// Frames that were taken over from a damaged spool at the start.
    pub frames_rescued: IntCounter,
    /// Whether a damaged spool was set aside at the start.
    pub spool_set_aside: IntGauge,
    /// Readings that a source had to drop.
    pub readings_dropped: IntCounter,
    /// Bytes of the spool's file.
    pub spool_bytes: IntGauge,
    /// How far the read clock is ahead of the wall clock.
    pub clock_ahead_ms: IntGauge,
    /// Whether the read clock is not known to be right.
    pub clock_doubtful: IntGauge,
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("fenghuo_collector")
}

const RESCUED: &str = "Frames taken over from a damaged spool.";
const SET_ASIDE: &str = "Whether a damaged spool was set aside at the start.";
/// Names below are literals that Prometheus accepts, each registered once.
const SOUND: &str = "metric names are literals and unique";

impl Metrics {
    fn vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let vec = IntCounterVec::new(opts(name, help), labels).expect(SOUND);
        registry.register(Box::new(vec.clone())).expect(SOUND);
        vec
    }

    fn gauges(registry: &Registry, name: &str, help: &str, label: &str) -> IntGaugeVec {
        let vec = IntGaugeVec::new(opts(name, help), &[label]).expect(SOUND);
        registry.register(Box::new(vec.clone())).expect(SOUND);
        vec
    }

    fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::with_opts(opts(name, help)).expect(SOUND);
        registry.register(Box::new(counter.clone())).expect(SOUND);
        counter
    }

    fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::with_opts(opts(name, help)).expect(SOUND);
        registry.register(Box::new(gauge.clone())).expect(SOUND);
        gauge
    }

    /// A source is not there any more: nothing of it is shown.
    pub fn forget_source(&self, name: &str) {
        let labelled = |vec: &IntCounterVec, labels: &[&str]| {
            for label in labels {
                // One that was never counted is not there.
                drop(vec.remove_label_values(&[name, label]));
            }
        };
        labelled(&self.samples, &["good", "uncertain", "bad"]);
        let reads = ["due", "skipped", "answered", "failed", "unknown"];
        labelled(&self.reads, &reads);
        labelled(&self.connects, &["opened", "failed"]);
        drop(self.connected.remove_label_values(&[name]));
    }

    /// Counts a gap record.
    pub fn gap(&self, why: GapReason) {
        self.gaps.with_label_values(&[why.as_str()]).inc();
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written down, which the library does not rule out.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let r = &Registry::new();
        const CONNECTED: &str = "Whether the source is connected.";
        let connected = Self::gauges(r, "source_connected", CONNECTED, "source");
        Self {
            registry: r.clone(),
            samples: Self::vec(r, "samples_total", "Samples.", &["source", "quality"]),
            reads: Self::vec(
                r,
                "reads_total",
                "Cycles due and skipped, requests answered and failed.",
                &["source", "result"],
            ),
            connects: Self::vec(
                r,
                "source_connects_total",
                "Connections opened and failed.",
                &["source", "result"],
            ),
            connected,
            config: Loads::new(r),
            delivery: Delivery::new(r),
            gaps: Self::vec(r, "gaps_total", "Gap records by reason.", &["reason"]),
            frames_spooled: Self::counter(r, "frames_spooled_total", "Frames durable here."),
            frames_dropped: Self::counter(
                r,
                "frames_dropped_total",
                "Frames that went because there was no room.",
            ),
            frames_rescued: Self::counter(r, "frames_rescued_total", RESCUED),
            spool_set_aside: Self::gauge(r, "spool_set_aside", SET_ASIDE),
            readings_dropped: Self::counter(
                r,
                "readings_dropped_total",
                "Readings that a source had to drop.",
            ),
            spool_bytes: Self::gauge(r, "spool_bytes", "Bytes of the spool's file."),
            clock_ahead_ms: Self::gauge(
                r,
                "clock_ahead_ms",
                "How far the read clock is ahead of the wall clock.",
            ),
            clock_doubtful: Self::gauge(
                r,
                "clock_doubtful",
                "Whether the time of what is read is not known to be right.",
            ),
        }
    }
}

/// The counters of one source, looked up once.
#[derive(Clone, Debug)]
pub struct SourceMeter {
    name: String,
    status: Status,
    good: IntCounter,
    uncertain: IntCounter,
    bad: IntCounter,
    due: IntCounter,
    skipped: IntCounter,
    answered: IntCounter,
    failed: IntCounter,
    unknown: IntCounter,
    opened: IntCounter,
    refused: IntCounter,
    connected: IntGauge,
}

impl SourceMeter {
    pub(super) fn new(name: &str, status: &Status) -> Self {
        let m = &status.metrics;
        let samples = |quality| m.samples.with_label_values(&[name, quality]);
        let reads = |result| m.reads.with_label_values(&[name, result]);
        let connects = |result| m.connects.with_label_values(&[name, result]);
        Self {
            name: name.to_owned(),
            good: samples("good"),
            uncertain: samples("uncertain"),
            bad: samples("bad"),
            due: reads("due"),
            skipped: reads("skipped"),
            answered: reads("answered"),
            failed: reads("failed"),
            unknown: reads("unknown"),
            opened: connects("opened"),
            refused: connects("failed"),
            connected: m.connected.with_label_values(&[name]),
            status: status.clone(),
        }
    }

    /// Counts samples by quality.
    pub fn samples(&self, samples: &[(u32, Sample)]) {
        let (mut good, mut uncertain, mut bad) = (0, 0, 0);
        for (_, sample) in samples {
            match sample.reading {
                Reading::Good(_) => good += 1,
                Reading::Uncertain(..) => uncertain += 1,
                Reading::Bad(_) => bad += 1,
            }
        }
        for (counter, count) in [
            (&self.good, good),
            (&self.uncertain, uncertain),
            (&self.bad, bad),
        ] {
            if count > 0 {
                counter.inc_by(count);
            }
        }
    }

    /// Cycles came due.
    pub fn due(&self, cycles: u64) {
        self.due.inc_by(cycles);
    }

    /// Cycles could not be read in their time.
    pub fn skipped(&self, cycles: u64) {
        self.skipped.inc_by(cycles);
    }

    /// A request was answered with values.
    pub fn read(&self) {
        self.answered.inc();
    }

    /// A request brought no values.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// The connection is open.
    pub fn connected(&self) {
        self.opened.inc();
        self.connected.set(1);
        self.status.health.clear(Code::SourceDown, &self.name);
    }

    /// The connection is gone; whether it is a problem shows when it is tried again.
    pub fn disconnected(&self) {
        self.connected.set(0);
    }

    /// The source has been stopped: nothing of it is a problem any more.
    pub fn stopped(&self) {
        self.connected.set(0);
        self.status.health.clear_source(&self.name);
    }

    /// The connection cannot be opened.
    pub fn connect_failed(&self, address: &str, error: &dyn std::fmt::Display) {
        let error = error.to_string();
        self.connect_failed_in_words(address, &error, &error);
    }

    /// The connection cannot be opened, for a reason with words in both languages.
    pub fn connect_failed_in_words(&self, address: &str, zh: &str, en: &str) {
        self.refused.inc();
        self.connected.set(0);
        self.status.health.raise(
            Code::SourceDown,
            &self.name,
            format!("数据源 {} 无法连接 {address}：{zh}", self.name),
            format!("source {} cannot connect to {address}: {en}", self.name),
        );
    }

    /// A message came that nothing in the configuration is about.
    pub fn unknown(&self) {
        self.unknown.inc();
    }

    /// The broker refuses these subscriptions; it takes all of them when there are none.
    pub fn refused_subscriptions(&self, filters: &[String]) {
        let words = (!filters.is_empty()).then(|| {
            let list = filters.join(", ");
            (
                format!("数据源 {} 的服务器拒绝订阅：{list}", self.name),
                format!("the broker of source {} refuses to send {list}", self.name),
            )
        });
        let health = &self.status.health;
        health.set(Code::SubscriptionRefused, &self.name, words);
    }

    /// Readings had to be dropped.
    pub fn dropped(&self, readings: u64) {
        self.status.metrics.readings_dropped.inc_by(readings);
        self.status.health.raise(
            Code::QueueFull,
            &self.name,
            format!("数据源 {} 的队列已满，丢弃了读数", self.name),
            format!(
                "the queue of source {} was full; readings were dropped",
                self.name
            ),
        );
    }

    /// Readings are handed on again.
    pub fn flows(&self) {
        self.status.health.clear(Code::QueueFull, &self.name);
    }
}
