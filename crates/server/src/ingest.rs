//! Ingest: the one writer of the log. What waits in the intake is checked, appended in one
//! transaction, and only then receipted, answered and fed on.
//!
//! What must stay true:
//! - a receipt goes out after the transaction that it speaks of is on disk (sentence 1);
//! - a frame's number and its entry are one transaction, so it enters once (sentence 2);
//! - when there is no room for frames, ticks and acts still enter: a reserve is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fenghuo_engine::Deed;
use fenghuo_log::{Batch, Log, LogError};
use fenghuo_model::{CatalogId, GatewayKey};
use fenghuo_uplink::receipt::{Again, Window};
use prost::Message;

use crate::entry::{self, Catalogs, Decoded, RawAct, RawCatalog, RawTick};
use crate::feed::{Feed, catalog_mark};
use crate::intake::{ActRequest, Control, Intake, Talk};
use crate::metrics::Metrics;
use crate::transport::Receipts;

mod frames;
mod gate;
pub mod start;

use gate::Gate;
pub use gate::GateView;

/// Frames taken in one batch.
const BATCH_FRAMES: usize = 64;
/// How often room is looked at and the log trimmed.
const CARE_EVERY: Duration = Duration::from_secs(1);
/// Entries trimmed in one go, so that frames never wait long for it.
const TRIM_ENTRIES: u64 = 4_000;
/// Backlog is admitted while the judge lags less than this.
const JUDGE_LAG_MS_MAX: i64 = 1_000;

const LIVE_WINDOW: Window = Window {
    frames: 64,
    bytes: 8 << 20,
};
const BACKLOG_WINDOW: Window = Window {
    frames: 32,
    bytes: 4 << 20,
};

/// What ingest tells others, and what others tell ingest.
#[derive(Debug, Default)]
pub struct Shared {
    /// How far the judge is behind, by its own account.
    pub judge_lag_ms: AtomicI64,
    /// Whether there is room for frames.
    pub has_room: AtomicBool,
    /// Bytes that frames may still take.
    pub free_bytes: AtomicU64,
    /// Bytes of the log's file.
    pub log_bytes: AtomicU64,
    /// Oldest position in the log.
    pub log_first: AtomicU64,
    /// Next position.
    pub log_next: AtomicU64,
    /// What is known of each gateway's delivery.
    pub gates: std::sync::Mutex<BTreeMap<GatewayKey, GateView>>,
    /// What went wrong with the log last, if it still is.
    pub fault: std::sync::Mutex<Option<String>>,
}

/// How far the log must be kept, asked each time anew.
pub type KeepFrom = Box<dyn Fn() -> u64 + Send>;

/// The ingest thread's state.
pub struct Ingest {
    log: Log,
    intake: Intake,
    feed: Feed,
    receipts: Receipts,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
    gates: HashMap<GatewayKey, Gate>,
    catalogs: Catalogs,
    reserve_bytes: u64,
    keep_from: KeepFrom,
    /// Memory may be ahead of the disk, and the disk cannot be asked: nothing is taken and
    /// nothing receipted until it can.
    unsure: bool,
    cared: Option<Instant>,
}

impl Ingest {
    /// Runs until the intake is closed and empty.
    pub fn run(mut self) {
        loop {
            self.care();
            let room = self.shared.has_room.load(Ordering::Relaxed) && !self.unsure;
            let lag = self.shared.judge_lag_ms.load(Ordering::Relaxed);
            let with_backlog = lag < JUDGE_LAG_MS_MAX;
            let taken =
                self.intake
                    .take(BATCH_FRAMES, room, with_backlog, Duration::from_millis(250));
            let idle = taken.control.is_empty() && taken.frames.is_empty();
            if taken.closed && idle {
                return;
            }
            if !taken.control.is_empty() {
                self.control(taken.control);
            }
            if !taken.frames.is_empty() {
                self.frames(taken.frames);
            }
        }
    }

    /// Looks after room and trimming.
    fn care(&mut self) {
        if self.cared.is_some_and(|at| at.elapsed() < CARE_EVERY) {
            return;
        }
        self.cared = Some(Instant::now());
        if self.unsure {
            self.reload_gates();
        }
        if let Err(error) = self.trim() {
            tracing::error!(%error, "cannot trim the log");
        }
        match self.log.space() {
            Ok(space) => {
                let free = space.appendable_bytes().saturating_sub(self.reserve_bytes);
                self.shared.free_bytes.store(free, Ordering::Relaxed);
                self.shared
                    .log_bytes
                    .store(space.file_bytes, Ordering::Relaxed);
                self.metrics
                    .log_size(space.file_bytes, free, self.log.next());
                self.set_room(free > 0);
            }
            Err(error) => tracing::error!(%error, "cannot ask for the free space"),
        }
        self.publish_gates();
    }

    fn set_room(&mut self, room: bool) {
        let before = self.shared.has_room.swap(room, Ordering::Relaxed);
        if before == room {
            return;
        }
        if room {
            tracing::warn!("there is room again, frames are accepted");
        } else {
            tracing::error!("no room for frames: they are refused until there is");
        }
        for gate in self.gates.values_mut() {
            gate.receipt_due = true;
        }
        self.send_receipts();
    }

    fn trim(&mut self) -> Result<(), LogError> {
        let first = self.log.first()?.unwrap_or(self.log.next());
        let below = (self.keep_from)().min(first.saturating_add(TRIM_ENTRIES));
        if below > first {
            self.log.trim(below)?;
        }
        let first = self.log.first()?.unwrap_or(self.log.next());
        self.shared.log_first.store(first, Ordering::Relaxed);
        self.shared
            .log_next
            .store(self.log.next(), Ordering::Relaxed);
        self.metrics.trimmed(first);
        Ok(())
    }

    fn publish_gates(&self) {
        let mut shared = self
            .shared
            .gates
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for (key, gate) in &self.gates {
            shared.insert(key.clone(), gate.view());
        }
    }

    /// Appends a batch and feeds its entries on.
    fn append(&mut self, batch: &Batch, entries: Vec<Decoded>) -> Result<u64, LogError> {
        let begun = Instant::now();
        let appended = self.log.append(batch);
        self.metrics.log_append(begun.elapsed(), batch.len());
        let mut fault = self
            .shared
            .fault
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match appended {
            Ok(positions) => {
                *fault = None;
                let first = positions.start;
                self.feed
                    .push(positions.zip(entries.into_iter().map(Arc::new)));
                self.shared
                    .log_next
                    .store(self.log.next(), Ordering::Relaxed);
                Ok(first)
            }
            Err(error) => {
                *fault = Some(error.to_string());
                tracing::error!(%error, "the log takes nothing");
                // What may have reached the disk after all is read from there.
                self.feed.forget();
                Err(error)
            }
        }
    }

    /// Puts control messages into the log; those that need no entry are just taken.
    fn control(&mut self, messages: Vec<Control>) {
        let mut batch = Batch::default();
        let mut entries = Vec::new();
        let mut answers = Vec::new();
        // Seconds in which the disk stood still were no seconds for anybody: of the ticks
        // that waited only the last one counts.
        let mut tick = None;
        for message in messages {
            match message {
                Control::Talk(key, talk) => self.talk(&key, talk, &mut batch, &mut entries),
                Control::Mark(key, value) => batch.mark(key, Some(value)),
                Control::Tick(at) => tick = Some(at),
                Control::Act(request) => {
                    let position = self.log.next() + entries.len() as u64;
                    self.ask_again(&request.deed, position, &mut batch);
                    answers.push((
                        entries.len() as u64,
                        request.answer_with(&mut batch, &mut entries),
                    ));
                }
            }
        }
        if let Some(at) = tick {
            let deaf = !self.shared.has_room.load(Ordering::Relaxed) || self.unsure;
            let raw = RawTick { at, deaf };
            push(&mut batch, &mut entries, entry::TICK, raw.encode_to_vec());
        }
        let appended = if batch.is_empty() {
            Ok(0)
        } else {
            self.append(&batch, entries)
        };
        for (offset, answer) in answers {
            let position = appended
                .as_ref()
                .map(|first| first + offset)
                .map_err(ToString::to_string);
            // The person may have gone away; their act stands in the log all the same.
            drop(answer.send(position));
        }
        if appended.is_err() {
            self.reload_gates();
        }
        self.send_receipts();
    }

    fn talk(
        &mut self,
        key: &GatewayKey,
        talk: Talk,
        batch: &mut Batch,
        entries: &mut Vec<Decoded>,
    ) {
        let Some(gate) = gate::of(&mut self.gates, key) else {
            tracing::warn!(gateway = %key, "too many gateways");
            return;
        };
        match talk {
            Talk::State(payload) => gate.state(&payload),
            Talk::Hello(payload) => match fenghuo_uplink::hello::Hello::decode(&payload) {
                Err(error) => {
                    gate.malformed += 1;
                    tracing::warn!(gateway = %key, %error, "a hello that is none");
                }
                Ok(hello) => {
                    let rolled_back = gate.hello(&hello, self.log.id().0);
                    if gate.again.is_some_and(|again| again.id == hello.offered) {
                        tracing::info!(gateway = %key, "the period that was asked for is offered again");
                        gate.again = None;
                        batch.mark(gate::again_mark(key), None);
                    }
                    tracing::info!(gateway = %key, pending = gate.figures.pending, software = hello.software, "gateway says hello");
                    if rolled_back {
                        self.renew_log_id(key);
                    }
                    self.want_unknown(key, &hello.catalogs);
                }
            },
            Talk::Catalog(payload) => match gate.assembler.take(&payload) {
                Ok(None) => {}
                Ok(Some(catalog)) => self.learn(key, catalog, batch, entries),
                Err(error) => {
                    gate.malformed += 1;
                    tracing::warn!(gateway = %key, %error, "a catalog that is none");
                }
            },
        }
    }

    /// An act may ask a gateway for a period; the act's place in the log names the request.
    fn ask_again(&mut self, deed: &Deed, position: u64, batch: &mut Batch) {
        let Deed::OfferAgain {
            gateway,
            from,
            until,
        } = deed
        else {
            return;
        };
        if let Some(gate) = gate::of(&mut self.gates, gateway) {
            let again = Again {
                id: position,
                from: from.as_millis(),
                until: until.as_millis(),
            };
            gate.again = Some(again);
            gate.receipt_due = true;
            batch.mark(gate::again_mark(gateway), Some(again.encode_to_vec()));
        }
    }

    /// A collector was receipted for more than this log has: it is an old copy of itself.
    fn renew_log_id(&mut self, key: &GatewayKey) {
        match self.log.renew_id() {
            Ok(()) => tracing::error!(
                gateway = %key, log = %self.log.id(),
                "the log is older than its receipts: it was restored, and has a new id now"
            ),
            Err(error) => tracing::error!(%error, "cannot renew the log's id"),
        }
    }

    fn want_unknown(&mut self, key: &GatewayKey, ids: &[CatalogId]) {
        let Some(gate) = self.gates.get_mut(key) else {
            return;
        };
        for id in ids {
            if !gate.catalogs.contains(id) {
                gate.want(*id);
            }
        }
    }

    /// A gateway's catalog becomes an entry, and a mark that is never trimmed.
    fn learn(
        &mut self,
        key: &GatewayKey,
        catalog: fenghuo_model::Catalog,
        batch: &mut Batch,
        entries: &mut Vec<Decoded>,
    ) {
        let Some(gate) = self.gates.get_mut(key) else {
            return;
        };
        gate.want.remove(&catalog.id());
        if !gate.catalogs.insert(catalog.id()) {
            return;
        }
        let bytes = fenghuo_uplink::catalog::to_bytes(&catalog);
        let raw = RawCatalog {
            gateway: key.to_string(),
            catalog: bytes.clone(),
        };
        batch.mark(catalog_mark(catalog.id()), Some(bytes));
        batch.mark(gate::catalog_mark(key, catalog.id()), Some(Vec::new()));
        push(batch, entries, entry::CATALOG, raw.encode_to_vec());
        tracing::info!(gateway = %key, catalog = %catalog.id(), points = catalog.points().len(), "catalog learnt");
        self.catalogs.insert(catalog.id(), Arc::new(catalog));
        gate.receipt_due = true;
    }

    fn send_receipts(&mut self) {
        if self.unsure {
            return;
        }
        let room = self.shared.has_room.load(Ordering::Relaxed);
        let lag = self.shared.judge_lag_ms.load(Ordering::Relaxed);
        let live = if room { LIVE_WINDOW } else { Window::default() };
        let backlog = if room && lag < JUDGE_LAG_MS_MAX {
            BACKLOG_WINDOW
        } else {
            Window::default()
        };
        let log_id = self.log.id().0;
        for (key, gate) in &mut self.gates {
            if std::mem::take(&mut gate.receipt_due) {
                self.receipts
                    .send(key, &gate.receipt(log_id, live, backlog));
            }
        }
    }

    /// After a failed append memory may be ahead of the disk: ask the disk.
    fn reload_gates(&mut self) {
        match start::gates(&self.log) {
            Ok(mut stored) => {
                self.unsure = false;
                for (key, gate) in &mut self.gates {
                    gate.restore(stored.remove(key));
                }
            }
            Err(error) => {
                self.unsure = true;
                tracing::error!(%error, "cannot read what was delivered; nothing is taken until it can");
            }
        }
    }
}

impl ActRequest {
    fn answer_with(
        self,
        batch: &mut Batch,
        entries: &mut Vec<Decoded>,
    ) -> tokio::sync::oneshot::Sender<Result<u64, String>> {
        let raw = RawAct {
            at: crate::clock::now().as_millis(),
            by: self.by,
            comment: self.comment,
            deed: entry::deed_text(&self.deed),
        };
        push(batch, entries, entry::ACT, raw.encode_to_vec());
        self.answer
    }
}

/// Adds a small entry that this server wrote itself.
fn push(batch: &mut Batch, entries: &mut Vec<Decoded>, kind: u8, body: Vec<u8>) {
    match entry::small(kind, &body) {
        Ok(input) => {
            batch.push(kind, body.clone());
            entries.push(Decoded::Small(kind, body, input));
        }
        Err(error) => tracing::error!(%error, "an entry of our own that cannot be read"),
    }
}

/// Wanted catalogs, sorted.
type Wanted = BTreeSet<CatalogId>;

#[cfg(test)]
mod tests;
