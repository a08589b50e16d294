//! The InfluxDB 2 sink: every sample and every alarm event, as lines.
//!
//! ```text
//!  log ──► source ──► batch ──┐
//!  journal ──► alarms ────────┼─► client ──► InfluxDB 2
//!  history ──► refill ────────┘      cursor (a mark in the log) moves when it was taken
//! ```
//!
//! - The cursor is stored with the log, asynchronously; the log is kept from the *stored*
//!   one on ([`Influx::keep_from`]), so a kill repeats a second's lines at most and loses
//!   none.
//! - When the database is away, slow or refuses its token, the sink tries again for ever
//!   (1 s, doubling to a minute) and holds the log within its budget of bytes and age. Past
//!   it the oldest entries are let go: the sink notes the times of their samples
//!   ([`hole`]) and writes those from history when the database is back ([`refill`]), newest
//!   log entries first.
//! - When the log itself cannot be read for as long as the budget's age, it is released
//!   altogether (`keep_from` is `u64::MAX`).
//! - A sink without a stored cursor begins with the log's oldest entry and the journal's
//!   first event; what only history has is not written.
//!
//! Samples and alarms: see [`batch`] and [`alarms`] for their lines. Runs on one thread of
//! its own; nobody waits for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use fenghuo_history::History;
use fenghuo_log::{Head, Log, Reader};
use tokio::sync::watch;

use self::client::Database;
use self::cursor::{Cursor, MARK};
use self::source::{Known, Source};
use self::worker::Worker;
use crate::clock;
use crate::feed::Feed;
use crate::intake::Intake;
use crate::journal::JournalReader;
use crate::metrics::{Metrics, SinkMetrics};
use crate::view::Trouble;

pub mod alarms;
pub mod batch;
mod client;
pub mod cursor;
mod held;
pub mod hole;
pub mod line;
pub mod refill;
mod source;
mod worker;

/// The sink's name in metrics.
pub const NAME: &str = "influx";

/// How the sink is set up.
#[derive(Clone)]
pub struct InfluxConfig {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// The organization.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// The API token.
    pub token: String,
    /// Bytes of the log that the sink may hold.
    pub budget_bytes: u64,
    /// How long it may hold them.
    pub budget_age: Duration,
}

impl std::fmt::Debug for InfluxConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InfluxConfig")
            .field("url", &self.url)
            .field("org", &self.org)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// What the sink works with.
#[derive(Clone)]
pub struct InfluxParts {
    /// The way from the log.
    pub feed: Feed,
    /// The journal's file.
    pub journal: PathBuf,
    /// Where what was let go is fetched from.
    pub history: History,
    /// Where the cursor goes.
    pub intake: Intake,
    /// Figures.
    pub metrics: Arc<Metrics>,
}

/// What others may see of the sink while it runs.
#[derive(Debug)]
struct Status {
    keep_from: Arc<AtomicU64>,
    fault: Arc<Mutex<Option<Trouble>>>,
}

impl Status {
    fn keep_from(&self, position: u64) {
        self.keep_from.store(position, Ordering::Relaxed);
    }

    fn set_fault(&self, fault: Option<Trouble>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// The sink, ready to run.
pub struct Influx {
    config: InfluxConfig,
    client: influxdb2::Client,
    source: Source,
    log: Reader,
    head: Head,
    journal: JournalReader,
    history: History,
    intake: Intake,
    metrics: SinkMetrics,
    cursor: Cursor,
    status: Status,
}

impl Influx {
    /// Checks the configuration, and reads from the log how far the sink has come.
    ///
    /// # Errors
    /// When the configuration cannot be used or a store cannot be read.
    pub fn new(config: InfluxConfig, log: &Log, parts: InfluxParts) -> anyhow::Result<Self> {
        let client = client::client(&config)?;
        let cursor = start(log)?;
        let known = Known::load(log)?;
        let status = Status {
            keep_from: Arc::new(AtomicU64::new(cursor.position)),
            fault: Arc::default(),
        };
        Ok(Self {
            config,
            client,
            source: Source::new(parts.feed.reader(log.path())?, known),
            log: log.reader()?,
            head: log.head(),
            journal: JournalReader::open(&parts.journal)?,
            history: parts.history,
            intake: parts.intake,
            metrics: parts.metrics.sink(NAME),
            cursor,
            status,
        })
    }

    /// The log position from which on the sink needs the log; `u64::MAX` when released.
    #[must_use]
    pub fn keep_from(&self) -> Arc<AtomicU64> {
        self.status.keep_from.clone()
    }

    /// What is wrong, while it is.
    #[must_use]
    pub fn fault(&self) -> Arc<Mutex<Option<Trouble>>> {
        self.status.fault.clone()
    }

    /// Runs on a blocking thread until told to stop (or until `stop`'s other end is gone).
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let runtime = tokio::runtime::Handle::current();
        let database = Database::new(self.client.clone(), &self.config, runtime, stop);
        let worker = Worker::new(self, database);
        if let Err(error) = tokio::task::spawn_blocking(move || worker.run()).await {
            tracing::error!(%error, "the influxdb sink ended; nothing is written until a restart");
        }
    }
}

/// Where the sink begins. A cursor beyond the log's end belongs to another life of the log:
/// all that is there is written again, which changes nothing.
fn start(log: &Log) -> anyhow::Result<Cursor> {
    let first = log.first()?.unwrap_or(log.next());
    let fresh = Cursor {
        position: first,
        at: clock::now().as_millis(),
        ..Cursor::default()
    };
    let Some(bytes) = log.mark(MARK)? else {
        return Ok(fresh);
    };
    let stored = Cursor::decode(&bytes)
        .with_context(|| format!("{}: the mark `{MARK}` is no cursor", log.path().display()))?;
    if stored.position <= log.next() {
        return Ok(stored);
    }
    tracing::warn!(
        position = stored.position,
        next = log.next(),
        "the influxdb sink was further than the log reaches; writing the log again"
    );
    Ok(Cursor {
        event: stored.event,
        hole: stored.hole,
        ..fresh
    })
}

#[cfg(test)]
mod tests;
