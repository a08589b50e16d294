//! The judge: folds the log, writes the events into the journal, and only then shows them.
//!
//! It begins at the newest snapshot. Entries up to the journal's last event rebuild state:
//! their events must be in the journal already, word for word, and are told to nobody again;
//! a difference is a fault that health shows. What must stay true:
//! - an event is in the journal before anyone sees it (sentence 4);
//! - a snapshot is written only when every event up to its position is in the journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fenghuo_engine::{Change, Engine, EventId, Input};
use fenghuo_model::PointRef;
use tokio::sync::watch;

use crate::board::Board;
use crate::clock;
use crate::entry::{self, Decoded};
use crate::explain::Questions;
use crate::feed::{Fed, FeedReader};
use crate::ingest::Shared;
use crate::journal::{Active, Batch, Journal, Written};
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::view::{self, CurrentView, ReloadView, Stamps, Words};

mod coverage;
mod load;
mod notices;
mod points;
mod rules;
pub mod status;
mod windows;
pub use status::Sources;

/// Entries judged in one batch: one journal transaction.
const BATCH_ENTRIES: usize = 256;
/// A batch ends with the entry that brings it to so many events: they are seen only when all
/// of them are on disk, and the first must not wait for a storm behind it.
const BATCH_EVENTS: usize = 2_000;
/// How often changed readings go to the screens.
const CURRENT_EVERY: Duration = Duration::from_millis(250);

/// What the judge works with.
pub struct Parts {
    /// The log's entries.
    pub feed: FeedReader,
    /// Where events go.
    pub journal: Journal,
    /// The alarms that are not over by the journal.
    pub alarms: Active,
    /// Where snapshots go.
    pub snapshots: Snapshots,
    /// How often one is taken.
    pub snapshot_every: Duration,
    /// How long what was told is kept; none keeps all.
    pub keep_notices: Option<Duration>,
    /// What screens see.
    pub board: Arc<Board>,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// What is shared with ingest.
    pub shared: Arc<Shared>,
    /// The carriers of notices.
    pub carriers: Vec<String>,
    /// The position judged last, for those who wait for it.
    pub judged: watch::Sender<u64>,
    /// Where health looks besides.
    pub sources: Sources,
    /// Who wants to know why.
    pub questions: Questions,
    /// Set to end the thread.
    pub stop: Arc<AtomicBool>,
}

/// The judge thread's state.
pub struct Judge {
    parts: Parts,
    engine: Engine,
    next: u64,
    events: Vec<Change>,
    titles: BTreeMap<PointRef, Words>,
    changed: BTreeMap<String, CurrentView>,
    shown: Instant,
    snapshot: Instant,
    snapshot_position: u64,
    /// Coverage is shown in rounds.
    round: coverage::Round,
    /// Notices of this batch.
    told: notices::Told,
    /// What people were told of in the last ten minutes.
    load: load::Load,
    windows: windows::Windows,
    /// What this batch's change of the rules did.
    reload: Option<ReloadView>,
    /// Rules or points changed since they were shown.
    rules_changed: bool,
    /// Events of a replay that the journal has otherwise.
    differences: u64,
    fault: Option<String>,
    /// The engine has folded what the journal could not take.
    ahead: bool,
}

/// A frame's or tick's facts that the stamps of its events come from.
#[derive(Clone, Copy, Default)]
struct Origin {
    read: Option<i64>,
    received: Option<i64>,
}

impl Judge {
    /// Starts from a snapshot (or nothing) and the journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(mut parts: Parts, engine: Option<Engine>) -> anyhow::Result<Self> {
        let mut engine = engine.unwrap_or_default();
        engine.show_all();
        let journal = parts.journal.reader()?;
        let load = load::Load::since(&journal, clock::now())?;
        let windows = windows::Windows::until(&journal, engine.position(), clock::now())?;
        parts.board.write().alarms = std::mem::take(&mut parts.alarms);
        let differences = u64::from(!agree(&engine, &parts));
        let mut judge = Self {
            next: engine.position() + 1,
            snapshot_position: engine.position(),
            engine,
            parts,
            events: Vec::new(),
            titles: BTreeMap::new(),
            changed: BTreeMap::new(),
            shown: Instant::now(),
            snapshot: Instant::now(),
            round: coverage::Round::default(),
            told: notices::Told::default(),
            load,
            windows,
            reload: None,
            rules_changed: true,
            differences,
            fault: None,
            ahead: false,
        };
        judge.show_points();
        windows::show(&mut judge);
        rules::recall(&judge)?;
        rules::warn_missing(&judge);
        rules::show(&mut judge);
        Ok(judge)
    }

    /// Runs until told to stop; takes a last snapshot then.
    pub fn run(mut self) {
        while !self.parts.stop.load(Ordering::Relaxed) {
            self.parts.questions.answer(&self.engine);
            let entries = match self.parts.feed.read(self.next, BATCH_ENTRIES) {
                Ok(entries) => entries,
                Err(error) => {
                    self.trouble(format!("cannot read the log: {error}"));
                    continue;
                }
            };
            if entries.is_empty() {
                self.parts.shared.judge_lag_ms.store(0, Ordering::Relaxed);
                self.show_changes(false);
                self.parts.feed.wait(self.next, Duration::from_millis(100));
                continue;
            }
            self.judge(&entries);
            self.snapshot_if_due();
        }
        self.show_changes(true);
        self.take_snapshot();
    }

    fn trouble(&mut self, what: String) {
        if self.fault.as_ref() != Some(&what) {
            tracing::error!(what, "the judge cannot go on");
        }
        self.fault = Some(what);
        status::show(self);
        std::thread::sleep(Duration::from_millis(500));
    }

    /// Judges the first of these entries (one at least) and goes on behind them.
    fn judge(&mut self, entries: &[Fed]) {
        let begun = Instant::now();
        let mut written = Vec::new();
        let mut kept: Vec<(u64, u8, &[u8])> = Vec::new();
        let mut ticked = false;
        let mut last_received = None;
        let mut last = 0;
        for (position, entry) in entries {
            last = *position;
            let origin = match &**entry {
                Decoded::Frame(frame) => {
                    self.engine
                        .apply(*position, Input::Frame(frame.input()), &mut self.events);
                    if self.engine.points_changed() {
                        self.show_points();
                    }
                    last_received = Some(frame.received);
                    Origin {
                        read: Some(frame.head.watermark.as_millis()),
                        received: Some(frame.received),
                    }
                }
                Decoded::Small(kind, body, input) => {
                    self.engine
                        .apply(*position, input.clone(), &mut self.events);
                    if entry::is_kept(*kind) {
                        kept.push((*position, *kind, body));
                    }
                    if matches!(*kind, entry::CATALOG | entry::RULES) {
                        self.show_points();
                    }
                    if *kind == entry::RULES {
                        rules::changed(self, *position);
                    }
                    ticked |= *kind == entry::TICK;
                    if let Input::Act(act) = input {
                        self.windows.take(act);
                    }
                    Origin::default()
                }
            };
            let first = written.len();
            self.write_down(origin, &mut written);
            notices::collect(self, *position, &written, first);
            if written.len() >= BATCH_EVENTS {
                break;
            }
        }
        if !self.commit(&mut written, &kept) {
            return;
        }
        self.next = last + 1;
        let lag = last_received.map_or(0, |received| (clock::now().as_millis() - received).max(0));
        self.parts.shared.judge_lag_ms.store(lag, Ordering::Relaxed);
        self.parts.metrics.judge_batch(begun.elapsed());
        self.parts.metrics.judged(last, lag);
        windows::show(self);
        // Nobody may be waiting just now.
        self.parts.judged.send_replace(last);
        self.collect_changes();
        self.show_changes(false);
        if ticked {
            status::show(self);
            coverage::show(self);
            load::show(self);
            rules::show(self);
            notices::forget(self);
        }
    }

    /// Turns the events of one entry into journal rows; those of a replay are compared.
    fn write_down(&mut self, origin: Origin, written: &mut Vec<Written>) {
        let judged = clock::now().as_millis();
        for Change { event, alarm } in std::mem::take(&mut self.events) {
            let body = match serde_json::to_string(&event) {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%error, event = %event.id, "an event that cannot be written down");
                    self.differences += 1;
                    continue;
                }
            };
            if self
                .parts
                .journal
                .last()
                .is_some_and(|last| event.id <= last)
            {
                self.compare(event.id, &body);
                continue;
            }
            let stamps = Stamps {
                read: origin.read,
                received: origin.received,
                judged: Some(judged),
                journaled: None,
            };
            let alarm = view::alarm(&alarm, &self.engine, &self.titles, stamps);
            let view = view::event(&event, alarm);
            written.push(Written {
                id: event.id,
                occurrence: event.occurrence,
                body,
                view,
            });
        }
    }

    fn compare(&mut self, id: EventId, body: &str) {
        let stored = self.parts.journal.body(id);
        let same = matches!(&stored, Ok(Some(stored)) if stored == body);
        if !same {
            self.differences += 1;
            tracing::error!(event = %id, ?stored, replayed = body, "a replayed event differs from the journal");
        }
    }

    /// Writes the journal, trying for as long as it takes: judging goes no further without.
    /// Returns whether it was written; when it was not, the server is stopping, and nothing
    /// may be shown or snapshot that the journal does not have.
    fn commit(&mut self, rows: &mut [Written], kept: &[(u64, u8, &[u8])]) -> bool {
        let begun = Instant::now();
        let journaled = clock::now().as_millis();
        for row in &mut *rows {
            row.view.alarm.stamps.journaled = Some(journaled);
        }
        let told = std::mem::take(&mut self.told);
        let reload = self.reload.take();
        let reload_text = reload
            .as_ref()
            .and_then(|it| serde_json::to_string(it).ok());
        let batch = Batch {
            events: rows,
            entries: kept,
            notices: &told.rows,
            noticed: told.up_to,
            reload: reload_text.as_deref(),
        };
        while let Err(error) = self.parts.journal.write(batch) {
            self.trouble(format!("cannot write the journal: {error}"));
            if self.parts.stop.load(Ordering::Relaxed) {
                self.ahead = true;
                return false;
            }
        }
        self.fault = None;
        if reload.is_some() {
            self.parts.board.write().reload = reload;
        }
        if !told.rows.is_empty() {
            self.parts.sources.told.notify_waiters();
        }
        if rows.is_empty() {
            return true;
        }
        self.parts.metrics.journal_append(begun.elapsed());
        log_events(rows);
        for row in rows {
            self.parts.metrics.event(&row.view.transition);
            self.parts.board.event(row.id, row.occurrence, &row.view);
            self.load.event(&row.view);
            if let Some(received) = row.view.alarm.stamps.received {
                let took = (clock::now().as_millis() - received).max(0);
                self.parts
                    .metrics
                    .event_delay(Duration::from_millis(took.unsigned_abs()));
            }
        }
        true
    }

    fn collect_changes(&mut self) {
        let changed = &mut self.changed;
        self.engine.changes(|point, sample, silent| {
            let current = view::current(point, sample, silent);
            changed.insert(current.id.clone(), current);
        });
    }

    fn show_changes(&mut self, now: bool) {
        if (now || self.shown.elapsed() >= CURRENT_EVERY) && !self.changed.is_empty() {
            self.shown = Instant::now();
            let changed = std::mem::take(&mut self.changed);
            self.parts.board.current(changed.into_values().collect());
        }
    }

    /// Points and limits changed.
    fn show_points(&mut self) {
        self.rules_changed = true;
        self.titles = self
            .engine
            .points()
            .map(|(point, def)| (point.clone(), Words::from(&def.title)))
            .collect();
        let points = points::points(&self.engine);
        let levels = points::levels(&self.engine);
        let mut shown = self.parts.board.write();
        shown.points = points;
        shown.levels = levels;
    }

    fn snapshot_if_due(&mut self) {
        if self.snapshot.elapsed() >= self.parts.snapshot_every {
            self.take_snapshot();
        }
    }

    fn take_snapshot(&mut self) {
        self.snapshot = Instant::now();
        if self.ahead || self.engine.position() == self.snapshot_position {
            return;
        }
        match self.parts.snapshots.write(&self.engine) {
            Ok(bytes) => {
                self.snapshot_position = self.engine.position();
                self.parts.metrics.snapshot(
                    self.snapshot_position,
                    bytes as u64,
                    self.snapshot.elapsed(),
                );
            }
            Err(error) => tracing::error!(%error, "cannot write a snapshot; the log is kept"),
        }
    }
}

/// Events logged one by one in a batch; the journal has them all.
const LOGGED_MAX: usize = 20;

fn log_events(rows: &[Written]) {
    for row in rows.iter().take(LOGGED_MAX) {
        let alarm = &row.view.alarm;
        tracing::info!(
            event = %row.id,
            alarm = alarm.alarm,
            severity = alarm.severity,
            state = alarm.state,
            by = alarm.acked_by,
            "{}",
            row.view.transition
        );
    }
    if rows.len() > LOGGED_MAX {
        tracing::info!(
            more = rows.len() - LOGGED_MAX,
            "more alarm events; see the journal"
        );
    }
}

/// Whether snapshot and journal have the same alarms, where that can be told before the fold
/// goes on: a journal that is older than the snapshot lacks events for good.
fn agree(engine: &Engine, parts: &Parts) -> bool {
    let last = parts.journal.last().map_or(0, |event| event.position);
    if engine.position() < last {
        return true;
    }
    let shown = parts.board.read();
    let same = engine
        .book()
        .iter()
        .map(|alarm| alarm.occurrence)
        .eq(shown.alarms.keys().copied());
    if !same {
        tracing::error!("snapshot and journal have different alarms: one of them was restored");
    }
    same
}

#[cfg(test)]
mod tests;
