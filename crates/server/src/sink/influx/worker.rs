//! The sink's loop: deliver, look after the log's budget, wait.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::batch::{self, LINES_MAX};
use super::client::{Database, Failure};
use super::cursor::{Cursor, MARK};
use super::held::Held;
use super::refill::Refill;
use super::{Influx, alarms};
use crate::clock;
use crate::feed::FeedError;
use crate::intake::Control;
use crate::journal::JournalError;
use crate::notify::retry::Backoff;
use crate::view::Trouble;

/// How often cursor and budget are looked after.
const CARE_EVERY: Duration = Duration::from_secs(1);
/// Small batches gather this long.
const LINGER: Duration = Duration::from_millis(250);
/// Entries behind the log's end from which on held bytes are counted.
const COUNT_FROM: u64 = 2_000;
/// Alarm events written in one go.
const EVENTS: usize = 1_000;
/// While new entries keep coming, one turn in so many also fetches from history.
const REFILL_EVERY: u32 = 4;
/// Longest time spent on letting go before the database is tried again.
const LET_GO: Duration = Duration::from_millis(500);
/// After a start the database is given this long before anything is let go: what waits may
/// be old only because the server was down.
const GRACE: Duration = Duration::from_secs(10);
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
};

/// Why a turn did not end well.
enum Trip {
    Database(Failure),
    Log(FeedError),
    Journal(JournalError),
}

impl From<FeedError> for Trip {
    fn from(error: FeedError) -> Self {
        Self::Log(error)
    }
}

/// The state of the loop.
pub struct Worker {
    sink: Influx,
    database: Database,
    held: Held,
    refill: Refill,
    turns: u32,
    failures: u32,
    away_since: Option<i64>,
    retry_at: Option<Instant>,
    began: Instant,
    cared_at: Option<Instant>,
    unreadable_since: Option<Instant>,
    stored: Option<Cursor>,
    /// Said once for each time that the database is away.
    letting_go: bool,
}

impl Worker {
    /// Nothing done yet.
    pub fn new(sink: Influx, database: Database) -> Self {
        Self {
            held: Held::new(sink.config.budget_bytes),
            refill: Refill::default(),
            turns: 0,
            failures: 0,
            away_since: None,
            retry_at: None,
            began: Instant::now(),
            cared_at: None,
            unreadable_since: None,
            stored: None,
            letting_go: false,
            sink,
            database,
        }
    }

    /// Runs until the server stops.
    pub fn run(mut self) {
        loop {
            if self.cared_at.is_none_or(|at| at.elapsed() >= CARE_EVERY) {
                self.cared_at = Some(Instant::now());
                self.care();
            }
            let wait = self.turn();
            if self.database.pause(wait) {
                break;
            }
        }
        self.store();
    }

    /// One turn; answers how long to wait before the next.
    fn turn(&mut self) -> Duration {
        let left = self
            .retry_at
            .map(|at| at.saturating_duration_since(Instant::now()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return left.min(CARE_EVERY);
        }
        match self.deliver() {
            Ok(more) => {
                self.unreadable_since = None;
                if more { Duration::ZERO } else { LINGER }
            }
            Err(Trip::Database(Failure::Stopped)) => Duration::ZERO,
            Err(Trip::Database(Failure::Away(why))) => self.away(&why),
            Err(Trip::Log(error)) => self.unreadable(&error.to_string()),
            Err(Trip::Journal(error)) => {
                self.local(&error.to_string());
                CARE_EVERY
            }
        }
    }

    /// Writes the next of everything; answers whether more waits.
    fn deliver(&mut self) -> Result<bool, Trip> {
        self.turns = self.turns.wrapping_add(1);
        let samples = self.samples()?;
        let events = self.events()?;
        let may_refill = !samples || self.turns.is_multiple_of(REFILL_EVERY);
        let refilled = may_refill && self.refill()?;
        Ok(samples || events || refilled)
    }

    fn samples(&mut self) -> Result<bool, Trip> {
        let mut cursor = self.sink.cursor.clone();
        let taken = self.sink.source.take(&mut cursor)?;
        let rows = taken.rows.len();
        self.write(batch::bodies(taken.rows))?;
        self.sink.cursor = cursor;
        Ok(rows >= LINES_MAX
            || (taken.entries > 0 && self.sink.head.next() > self.sink.cursor.position + 64))
    }

    fn events(&mut self) -> Result<bool, Trip> {
        let events = self
            .sink
            .journal
            .events(self.sink.cursor.event, EVENTS)
            .map_err(Trip::Journal)?;
        let Some(last) = events.last() else {
            return Ok(false);
        };
        self.write(alarms::bodies(&events))?;
        self.sink.cursor.event = last.id;
        Ok(events.len() == EVENTS)
    }

    fn refill(&mut self) -> Result<bool, Trip> {
        let Influx {
            cursor,
            history,
            source,
            ..
        } = &self.sink;
        let Some(step) = self.refill.step(&cursor.hole, history, &source.known) else {
            return Ok(false);
        };
        if let Err(trip) = self.write(batch::bodies(step.rows)) {
            self.refill.again();
            return Err(trip);
        }
        if let Some(until) = step.filled {
            self.sink.cursor.hole.filled(until);
            if self.sink.cursor.hole.is_empty() {
                tracing::info!("influxdb has what was missing, from history");
            }
        }
        Ok(true)
    }

    fn write(&mut self, bodies: Vec<Bytes>) -> Result<(), Trip> {
        for body in bodies {
            let written = match self.database.write(body) {
                Ok(written) => written,
                Err(failure) => return Err(Trip::Database(failure)),
            };
            self.sink.metrics.points(written.taken);
            if let Some((line, why)) = written.example {
                for _ in 0..written.dropped {
                    self.sink.metrics.error();
                }
                let dropped = written.dropped;
                tracing::error!(
                    dropped,
                    line,
                    why,
                    "influxdb refuses lines; they are dropped"
                );
            }
            self.back();
        }
        Ok(())
    }

    fn back(&mut self) {
        if self.failures > 0 {
            tracing::info!(tries = self.failures, "influxdb takes lines again");
        }
        (self.failures, self.away_since, self.retry_at) = (0, None, None);
        self.letting_go = false;
    }

    fn away(&mut self, why: &str) -> Duration {
        self.sink.metrics.error();
        if self.failures == 0 {
            tracing::warn!(why, "influxdb takes nothing; trying again for ever");
        }
        self.failures = self.failures.saturating_add(1);
        let since = *self
            .away_since
            .get_or_insert_with(|| clock::now().as_millis());
        let wait = BACKOFF.wait(self.failures);
        self.retry_at = Some(Instant::now() + wait);
        let since = fenghuo_model::Timestamp::from_millis(since);
        let (zh, en) = if self.sink.cursor.hole.is_empty() {
            ("", "")
        } else {
            (
                "；部分日志已放弃，恢复后从历史库补写",
                "; what was let go of the log will be written from history",
            )
        };
        self.sink.status.set_fault(Some(Trouble::new(
            "sink_influx_away",
            format!("InfluxDB 自 {since:#} 起无法写入：{why}{zh}"),
            format!("InfluxDB has taken nothing since {since:#}: {why}{en}"),
        )));
        wait.min(CARE_EVERY)
    }

    /// The log cannot be read. It is not held for ever because of that.
    fn unreadable(&mut self, why: &str) -> Duration {
        let since = *self.unreadable_since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.sink.config.budget_age {
            self.sink.status.keep_from(u64::MAX);
        }
        self.local(why);
        CARE_EVERY
    }

    fn local(&self, why: &str) {
        self.sink.metrics.error();
        tracing::error!(why, "the influxdb sink cannot read");
        self.sink.status.set_fault(Some(Trouble::new(
            "sink_influx_read",
            format!("InfluxDB 写出模块无法读取数据：{why}"),
            format!("the InfluxDB sink cannot read: {why}"),
        )));
    }

    /// Cursor, budget, figures.
    fn care(&mut self) {
        self.store();
        let next = self.sink.head.next();
        self.sink
            .metrics
            .reached(self.sink.cursor.position.saturating_sub(1), next);
        if let Err(error) = self.budget(next) {
            let wait = self.unreadable(&error.to_string());
            self.retry_at = Some(Instant::now() + wait);
            return;
        }
        if self.unreadable_since.is_none() {
            self.keep();
        }
        if self.failures == 0 && self.unreadable_since.is_none() {
            self.sink.status.set_fault(self.filling());
        }
    }

    fn filling(&self) -> Option<Trouble> {
        let hole = &self.sink.cursor.hole;
        (!hole.is_empty()).then(|| {
            let hours = hole.length_ms() / 3_600_000 + 1;
            Trouble::new(
                "sink_influx_refill",
                format!("InfluxDB 缺少约 {hours} 小时的数据，正在从历史库补写"),
                format!(
                    "InfluxDB lacks about {hours} h of data; they are being written from history"
                ),
            )
        })
    }

    /// Hands the cursor to the log's writer when it moved; a full queue is tried again.
    fn store(&mut self) {
        let cursor = &self.sink.cursor;
        if self.stored.as_ref() == Some(cursor) {
            return;
        }
        let mark = Control::Mark(MARK.to_owned(), cursor.encode());
        match self.sink.intake.control(mark) {
            Ok(()) => self.stored = Some(cursor.clone()),
            Err(refused) => tracing::warn!(%refused, "the influxdb cursor is not stored yet"),
        }
    }

    /// The log is kept from the cursor that a restart would find.
    fn keep(&mut self) {
        match self.sink.log.mark(MARK) {
            Ok(Some(bytes)) => match Cursor::decode(&bytes) {
                Some(durable) => {
                    self.sink
                        .status
                        .keep_from(durable.position.min(self.sink.cursor.position));
                }
                None => tracing::error!(mark = MARK, "the log's mark is no cursor"),
            },
            // Not stored yet: the position from the start stands.
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the log's mark cannot be read"),
        }
    }

    /// Lets the oldest entries go until the rest is within the budget, for a while.
    fn budget(&mut self, next: u64) -> Result<(), FeedError> {
        let started = Instant::now();
        let cursor = &self.sink.cursor;
        self.held.passed(cursor.position);
        if next.saturating_sub(cursor.position) > COUNT_FROM || self.failures > 0 {
            self.held.count(&self.sink.log)?;
        }
        let age = i64::try_from(self.sink.config.budget_age.as_millis()).unwrap_or(i64::MAX);
        let oldest = clock::now().as_millis().saturating_sub(age);
        let below = self.held.let_go_below().unwrap_or(0);
        let over = |cursor: &Cursor| {
            cursor.position < below || (cursor.at < oldest && cursor.position < next)
        };
        if !over(&self.sink.cursor) || self.began.elapsed() < GRACE {
            return Ok(());
        }
        if !self.letting_go {
            let held_bytes = self.held.bytes();
            tracing::error!(
                held_bytes,
                "the influxdb sink is over its budget of the log; letting go of the oldest entries"
            );
            self.letting_go = true;
        }
        self.refill.again();
        while over(&self.sink.cursor) && started.elapsed() < LET_GO {
            if self.sink.source.let_go(&mut self.sink.cursor, over)? == 0 {
                break;
            }
        }
        self.held.passed(self.sink.cursor.position);
        Ok(())
    }
}
