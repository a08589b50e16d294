//! The server's figures for Prometheus, in a registry of their own.
//!
//! Every label comes from a closed list, from the configuration (carriers, sinks) or from a
//! bounded list (enterprises under load), so the number of series is bounded whatever
//! gateways and browsers send. Handles of what is
//! counted on the hot path are resolved once: counting there is one atomic addition.
//! Numbers are kept in the units of their names (seconds, bytes, log positions).

use std::time::Duration;

use fenghuo_model::Severity;
use prometheus::{
    Gauge, GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

mod labels;
mod make;
#[cfg(test)]
mod tests;

pub use labels::{FrameResult, GatewayState, Queue, TRANSITIONS};
use make::Maker;

/// Everything that is counted. Methods never fail and never wait.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    frames: Vec<IntCounter>,
    samples: IntCounter,
    ticks: IntCounter,
    intake_dropped: Vec<IntCounter>,
    intake_waiting: Vec<IntGauge>,
    log: LogMetrics,
    judge: JudgeMetrics,
    history: HistoryMetrics,
    alarms_active: Vec<IntGauge>,
    gateways: Vec<IntGauge>,
    screens: IntGauge,
    http_requests: IntCounterVec,
    notices: IntGaugeVec,
    stuck: GaugeVec,
    per_ten_minutes: IntGaugeVec,
    flood: IntGaugeVec,
    sinks: SinkFamilies,
}

#[derive(Debug)]
struct LogMetrics {
    append_seconds: Histogram,
    batch_entries: Histogram,
    bytes: IntGauge,
    free_bytes: IntGauge,
    next_position: IntGauge,
    trim_position: IntGauge,
}

#[derive(Debug)]
struct JudgeMetrics {
    position: IntGauge,
    lag_seconds: Gauge,
    batch_seconds: Histogram,
    events: IntCounterVec,
    event_delay_seconds: Histogram,
    journal_append_seconds: Histogram,
    snapshot_seconds: Histogram,
    snapshot_bytes: IntGauge,
    snapshot_position: IntGauge,
}

#[derive(Debug)]
struct HistoryMetrics {
    written: IntCounter,
    refused: IntCounter,
    series: IntGauge,
    head_samples: IntGauge,
    bytes: IntGauge,
    replay_position: IntGauge,
}

#[derive(Debug)]
struct SinkFamilies {
    position: IntGaugeVec,
    lag_entries: IntGaugeVec,
    points: IntCounterVec,
    errors: IntCounterVec,
}

/// One sink's figures, resolved once.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    position: IntGauge,
    lag_entries: IntGauge,
    points: IntCounter,
    errors: IntCounter,
}

impl SinkMetrics {
    /// What the other side has: the position, and how many log entries follow it.
    pub fn reached(&self, position: u64, log_next: u64) {
        set(&self.position, position);
        set(
            &self.lag_entries,
            log_next.saturating_sub(position.saturating_add(1)),
        );
    }

    /// Points that the other side took.
    pub fn points(&self, count: u64) {
        self.points.inc_by(count);
    }

    /// A try that failed.
    pub fn error(&self) {
        self.errors.inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All figures at zero.
    #[must_use]
    pub fn new() -> Self {
        let make = Maker(Registry::new());
        make.gauges("build_info", "Which program this is", "version")
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Self {
            frames: make.counter_each(
                "frames_total",
                "Frames by what became of them",
                "result",
                FrameResult::ALL.iter().map(|it| it.as_str()),
            ),
            samples: make.counter("samples_total", "Samples of accepted frames"),
            ticks: make.counter("ticks_total", "Clock entries in the log"),
            intake_dropped: make.counter_each(
                "intake_dropped_total",
                "Messages refused before ingest",
                "queue",
                Queue::ALL.iter().map(|it| it.as_str()),
            ),
            intake_waiting: make.gauge_each(
                "intake_waiting",
                "Frames that wait for the log",
                "queue",
                [Queue::Live, Queue::Backlog].iter().map(|it| it.as_str()),
            ),
            log: LogMetrics::new(&make),
            judge: JudgeMetrics::new(&make),
            history: HistoryMetrics::new(&make),
            alarms_active: make.gauge_each(
                "alarms_active",
                "Alarms that are not over",
                "severity",
                Severity::ALL.iter().map(|it| it.as_str()),
            ),
            gateways: make.gauge_each(
                "gateways",
                "Gateways by state",
                "state",
                GatewayState::ALL.iter().map(|it| it.as_str()),
            ),
            screens: make.gauge("screens", "Screens that read the stream"),
            http_requests: make.counters(
                "http_requests_total",
                "HTTP requests answered",
                &["route", "status"],
            ),
            notices: make.gauges_by("notices", "Notices to people", &["carrier", "state"]),
            stuck: make.seconds_by(
                "carrier_stuck_seconds",
                "How long a carrier's oldest notice has waited in spite of a try",
                "carrier",
            ),
            per_ten_minutes: make.gauges(
                "alarms_per_10min",
                "Alarms that people were told of in the last ten minutes",
                "enterprise",
            ),
            flood: make.gauges(
                "alarm_flood",
                "1 during a flood: more than 10 in ten minutes begin one, fewer than 5 end it",
                "enterprise",
            ),
            sinks: SinkFamilies::new(&make),
            registry: make.0,
        }
    }

    /// What became of a frame.
    pub fn frame(&self, result: FrameResult) {
        self.frames[result.index()].inc();
    }

    /// Samples of accepted frames.
    pub fn samples(&self, count: u64) {
        self.samples.inc_by(count);
    }

    /// A clock entry went into the log.
    pub fn tick(&self) {
        self.ticks.inc();
    }

    /// Everything refused by a queue since start: a total, not an addition.
    pub fn intake_dropped(&self, queue: Queue, total: u64) {
        raise_to(&self.intake_dropped[queue.index()], total);
    }

    /// Frames that wait.
    pub fn intake_waiting(&self, live: usize, backlog: usize) {
        set_count(&self.intake_waiting[0], live);
        set_count(&self.intake_waiting[1], backlog);
    }

    /// A batch is durable in the log.
    pub fn log_append(&self, took: Duration, entries: usize) {
        self.log.append_seconds.observe(took.as_secs_f64());
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch is far below 2^52 entries"
        )]
        self.log.batch_entries.observe(entries as f64);
    }

    /// The log's file and where it ends.
    pub fn log_size(&self, bytes: u64, free_bytes: u64, next: u64) {
        set(&self.log.bytes, bytes);
        set(&self.log.free_bytes, free_bytes);
        set(&self.log.next_position, next);
    }

    /// The log was trimmed below a position.
    pub fn trimmed(&self, position: u64) {
        set(&self.log.trim_position, position);
    }

    /// The judge has come to a position, this far behind the log.
    pub fn judged(&self, position: u64, lag_ms: i64) {
        set(&self.judge.position, position);
        #[expect(clippy::cast_precision_loss, reason = "a lag is far below 2^52 ms")]
        self.judge.lag_seconds.set(lag_ms as f64 / 1_000.0);
    }

    /// A batch was judged.
    pub fn judge_batch(&self, took: Duration) {
        self.judge.batch_seconds.observe(took.as_secs_f64());
    }

    /// An alarm event, by its transition's stable name.
    pub fn event(&self, transition: &str) {
        self.judge.events.with_label_values(&[transition]).inc();
    }

    /// How long an event took from the frame's arrival to being in the journal.
    pub fn event_delay(&self, took: Duration) {
        self.judge.event_delay_seconds.observe(took.as_secs_f64());
    }

    /// Events are durable in the journal.
    pub fn journal_append(&self, took: Duration) {
        self.judge
            .journal_append_seconds
            .observe(took.as_secs_f64());
    }

    /// A snapshot is durable.
    pub fn snapshot(&self, position: u64, bytes: u64, took: Duration) {
        set(&self.judge.snapshot_position, position);
        set(&self.judge.snapshot_bytes, bytes);
        self.judge.snapshot_seconds.observe(took.as_secs_f64());
    }

    /// Alarms that are not over.
    pub fn alarms_active(&self, severity: Severity, count: usize) {
        set_count(
            &self.alarms_active[usize::from(severity.ordinal()) - 1],
            count,
        );
    }

    /// Gateways in a state.
    pub fn gateways(&self, state: GatewayState, count: usize) {
        set_count(&self.gateways[state.index()], count);
    }

    /// Samples that history took.
    pub fn history_written(&self, samples: u64) {
        self.history.written.inc_by(samples);
    }

    /// The history's size, and the position that replay would begin with.
    pub fn history_size(&self, stats: &fenghuo_history::Stats, replay_from: u64) {
        set_count(&self.history.series, stats.series);
        set_count(&self.history.head_samples, stats.head_samples);
        set(&self.history.bytes, stats.bytes);
        set(&self.history.replay_position, replay_from);
        raise_to(&self.history.refused, stats.refused);
    }

    /// A screen came (+1) or went (-1).
    pub fn screen(&self, change: i64) {
        self.screens.add(change);
    }

    /// An HTTP request was answered. The route is a pattern of ours, never a client's path.
    pub fn http(&self, route: &str, status: u16) {
        self.http_requests
            .with_label_values(&[route, &status.to_string()])
            .inc();
    }

    /// A carrier's notices: those that wait, were told, and failed for ever.
    pub fn notices(&self, carrier: &str, [pending, told, failed]: [u64; 3]) {
        for (state, count) in [("pending", pending), ("told", told), ("failed", failed)] {
            set(&self.notices.with_label_values(&[carrier, state]), count);
        }
    }

    /// How long a carrier's oldest notice has waited in spite of a try.
    pub fn stuck(&self, carrier: &str, since: Duration) {
        let gauge = self.stuck.with_label_values(&[carrier]);
        gauge.set(since.as_secs_f64());
    }

    /// An enterprise's alarms in the last ten minutes. The caller bounds the names.
    pub fn load(&self, enterprise: &str, count: usize, flooded: bool) {
        set_count(
            &self.per_ten_minutes.with_label_values(&[enterprise]),
            count,
        );
        let flood = self.flood.with_label_values(&[enterprise]);
        set_count(&flood, usize::from(flooded));
    }

    /// An enterprise had none for ten minutes.
    pub fn no_load(&self, enterprise: &str) {
        for family in [&self.per_ten_minutes, &self.flood] {
            // It may never have been shown.
            drop(family.remove_label_values(&[enterprise]));
        }
    }

    /// The figures of one configured sink.
    #[must_use]
    pub fn sink(&self, name: &str) -> SinkMetrics {
        SinkMetrics {
            position: self.sinks.position.with_label_values(&[name]),
            lag_entries: self.sinks.lag_entries.with_label_values(&[name]),
            points: self.sinks.points.with_label_values(&[name]),
            errors: self.sinks.errors.with_label_values(&[name]),
        }
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        match TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            Ok(()) => text,
            Err(error) => format!("# metrics could not be written: {error}\n"),
        }
    }
}

impl LogMetrics {
    fn new(make: &Maker) -> Self {
        Self {
            append_seconds: make.seconds("log_append_seconds", "Log append until durable"),
            batch_entries: make.entries("log_batch_entries", "Entries in one log append"),
            bytes: make.gauge("log_bytes", "Bytes of the log's file"),
            free_bytes: make.gauge("log_free_bytes", "Bytes left before frames are refused"),
            next_position: make.gauge("log_next_position", "Next log position"),
            trim_position: make.gauge("log_trim_position", "The log was trimmed below it"),
        }
    }
}

impl JudgeMetrics {
    fn new(make: &Maker) -> Self {
        let events = make.counters("alarm_events_total", "Alarm events", &["transition"]);
        for transition in TRANSITIONS {
            events.with_label_values(&[transition]).inc_by(0);
        }
        Self {
            position: make.gauge("judge_position", "Last log position judged"),
            lag_seconds: make.gauge_of("judge_lag_seconds", "How far the judge is behind"),
            batch_seconds: make.seconds("judge_batch_seconds", "Judging one batch"),
            events,
            event_delay_seconds: make.seconds(
                "alarm_event_delay_seconds",
                "From a frame's arrival to its event in the journal",
            ),
            journal_append_seconds: make
                .seconds("journal_append_seconds", "Journal append until durable"),
            snapshot_seconds: make.seconds("snapshot_seconds", "Writing one snapshot"),
            snapshot_bytes: make.gauge("snapshot_bytes", "Bytes of the newest snapshot"),
            snapshot_position: make.gauge("snapshot_position", "Position of the newest snapshot"),
        }
    }
}

impl HistoryMetrics {
    fn new(make: &Maker) -> Self {
        Self {
            written: make.counter("history_samples_total", "Samples that history took"),
            refused: make.counter("history_refused_total", "Samples that history cannot store"),
            series: make.gauge("history_series", "Series in history"),
            head_samples: make.gauge("history_head_samples", "Samples in memory only"),
            bytes: make.gauge("history_bytes", "Bytes of history on disk"),
            replay_position: make.gauge("history_replay_position", "Where replay would begin"),
        }
    }
}

impl SinkFamilies {
    fn new(make: &Maker) -> Self {
        let by = &["sink"];
        Self {
            position: make.gauges_by("sink_position", "Last log position delivered", by),
            lag_entries: make.gauges_by("sink_lag_entries", "Log entries not delivered", by),
            points: make.counters("sink_points_total", "Points delivered", by),
            errors: make.counters("sink_errors_total", "Failed deliveries", by),
        }
    }
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn set_count(gauge: &IntGauge, count: usize) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// For totals that are counted elsewhere; only one task may call it for a counter.
fn raise_to(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
