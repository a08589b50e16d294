//! A gateway's spool and its link: which frames go when, with which envelope.
//!
//! Does what a collector's outbox does: live frames first; undelivered frames older than
//! [`HORIZON_MS`] become backlog when the link is back, and follow behind the live ones.

use std::collections::BTreeMap;

use fenghuo_model::{CatalogId, GatewayKey, Sample, Timestamp};

use crate::FrameInput;

/// Undelivered frames older than this are backlog.
pub const HORIZON_MS: i64 = 60_000;
/// So many frames are turned round while a link shuffles.
const SHUFFLED: usize = 4;

/// A frame that waits for delivery.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The gateway's clock when it was closed.
    pub watermark: Timestamp,
    /// The catalog of its point indexes.
    pub catalog: CatalogId,
    /// Point index and sample.
    pub samples: Vec<(u32, Sample)>,
    /// How far the clock was set within it.
    pub clock_step_ms: i64,
}

#[derive(Clone, Debug)]
struct Waiting {
    frame: Frame,
    epoch: u64,
    epoch_first: u64,
}

/// What was not delivered yet, and the link's state.
#[derive(Debug)]
pub struct Link {
    gateway: GatewayKey,
    epoch: u64,
    epoch_first: u64,
    next: u64,
    live_from: u64,
    waiting: BTreeMap<u64, Waiting>,
    down_until: Option<i64>,
    gone: bool,
    rate: Option<u64>,
    shuffle_until: Option<i64>,
}

impl Link {
    /// A new spool.
    pub const fn new(gateway: GatewayKey) -> Self {
        Self {
            gateway,
            epoch: 1,
            epoch_first: 1,
            next: 1,
            live_from: 1,
            waiting: BTreeMap::new(),
            down_until: None,
            gone: false,
            rate: None,
            shuffle_until: None,
        }
    }

    /// The collector starts again with the same spool.
    pub const fn new_run(&mut self) {
        self.epoch += 1;
        self.epoch_first = self.next;
    }

    /// A new disk: nothing waits, and numbers begin anew.
    pub fn replace(&mut self) {
        self.epoch += 1;
        (self.epoch_first, self.next, self.live_from) = (1, 1, 1);
        self.waiting.clear();
    }

    /// No delivery until then; `gone`: what waits then is lost.
    pub const fn lose(&mut self, until: i64, gone: bool, rate: Option<u64>) {
        self.down_until = Some(until);
        self.gone = gone;
        self.rate = rate;
    }

    /// Frames arrive in another order until then.
    pub const fn shuffle(&mut self, until: i64) {
        self.shuffle_until = Some(until);
    }

    /// Before the next frame is closed: the link may be back, and what waits too old.
    pub fn wake(&mut self, now: i64, clock: Timestamp) {
        if self.down_until.is_some_and(|until| now < until) {
            return;
        }
        if self.down_until.take().is_some() && std::mem::take(&mut self.gone) {
            self.waiting.clear();
            self.live_from = self.next;
        }
        let oldest = self.waiting.range(self.live_from..).next();
        let age = oldest.map(|(_, w)| clock.as_millis() - w.frame.watermark.as_millis());
        if age.is_some_and(|age| age > HORIZON_MS) {
            self.live_from = self.next;
        }
    }

    /// Takes a closed frame.
    pub fn push(&mut self, frame: Frame) {
        let waiting = Waiting {
            frame,
            epoch: self.epoch,
            epoch_first: self.epoch_first,
        };
        self.waiting.insert(self.next, waiting);
        self.next += 1;
    }

    /// How many frames wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What arrives now.
    pub fn deliver(&mut self, now: i64, received: Timestamp) -> Vec<FrameInput> {
        if self.down_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let mut live: Vec<u64> = self
            .waiting
            .range(self.live_from..)
            .map(|(s, _)| *s)
            .collect();
        if let Some(until) = self.shuffle_until {
            if now < until && live.len() < SHUFFLED {
                return Vec::new();
            }
            live.reverse();
            self.shuffle_until = Some(until).filter(|until| now < *until);
        }
        let border = self.live_from;
        let mut out: Vec<_> = live
            .iter()
            .filter_map(|seq| self.send(*seq, received))
            .collect();
        let at_once = match self.rate {
            Some(_) if now % 1_000 != 0 => 0,
            Some(rate) => usize::try_from(rate).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let backlog = self.waiting.range(..border).take(at_once);
        let backlog: Vec<u64> = backlog.map(|(seq, _)| *seq).collect();
        out.extend(backlog.iter().filter_map(|seq| self.send(*seq, received)));
        out
    }

    fn send(&mut self, seq: u64, received: Timestamp) -> Option<FrameInput> {
        let first = |from: u64, link: &Self| link.waiting.range(from..).next().map(|(s, _)| *s);
        let oldest = first(0, self).unwrap_or(seq);
        self.live_from = self.live_from.max(oldest);
        let live_oldest = first(self.live_from, self).unwrap_or(self.next);
        let sent = self.waiting.remove(&seq)?;
        Some(FrameInput {
            gateway: self.gateway.clone(),
            received,
            epoch: sent.epoch,
            seq,
            epoch_first: sent.epoch_first,
            oldest,
            live_from: self.live_from,
            live_oldest,
            watermark: sent.frame.watermark,
            catalog: sent.frame.catalog,
            samples: sent.frame.samples,
            clock_step_ms: sent.frame.clock_step_ms,
        })
    }
}
