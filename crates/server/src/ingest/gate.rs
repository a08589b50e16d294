//! One gateway's door: what it delivered, what it was told, what is wanted of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fenghuo_model::{CatalogId, GatewayKey};
use fenghuo_uplink::catalog::Assembler;
use fenghuo_uplink::hello::{EpochSpan, Hello};
use fenghuo_uplink::inbox::Inbox;
use fenghuo_uplink::receipt::{Again, LIST_MAX, Receipt, Refusal, Window};
use fenghuo_uplink::wire;
use prost::Message;

use crate::entry::FrameEntry;

/// Most gateways that one server takes.
const GATES_MAX: usize = 100_000;
/// Refusals remembered until the collector says hello again.
const REFUSALS_MAX: usize = 64;
/// Epochs named in one receipt.
const EPOCHS_MAX: usize = 64;

/// What was stored of a gateway.
#[derive(Debug, Default)]
pub struct Stored {
    /// What it delivered.
    pub inbox: Inbox,
    /// The catalogs that it uses.
    pub catalogs: BTreeSet<CatalogId>,
    /// The period that it is asked to offer again.
    pub again: Option<Again>,
}

/// What can be shown of a gateway's delivery.
#[derive(Clone, Debug, Default)]
pub struct GateView {
    /// Whether its MQTT connection is there, by what it said last.
    pub connected: bool,
    /// The newest run.
    pub epoch: u64,
    /// Frames that it has not delivered yet, by its last hello or frame.
    pub pending: u64,
    /// Live data: taken less read.
    pub lag_ms: Option<i64>,
    /// Its clock less ours.
    pub skew_ms: Option<i64>,
    /// Refused for ever.
    pub refused: u64,
    /// Came again.
    pub duplicates: u64,
    /// Damaged on the way.
    pub corrupt: u64,
    /// Named a catalog that was not known yet.
    pub unknown_catalog: u64,
    /// Gap records.
    pub gaps: u64,
    /// Messages that are none.
    pub malformed: u64,
}

/// The door.
#[derive(Debug, Default)]
pub struct Gate {
    pub inbox: Inbox,
    pub catalogs: BTreeSet<CatalogId>,
    pub want: super::Wanted,
    pub assembler: Assembler,
    pub receipt_due: bool,
    pub malformed: u64,
    pub figures: GateView,
    /// What the next receipt speaks of begins here.
    oldest: u64,
    /// The period that it is asked to offer again, until its hello says that it does.
    pub again: Option<Again>,
    nonce: u64,
    /// Runs that receipts speak of: those of the last hello, and the ones frames came from.
    epochs: BTreeSet<u64>,
    refusals: BTreeMap<(u64, u64), Refusal>,
    skews: std::collections::VecDeque<i64>,
}

/// Finds or makes a gateway's door.
pub fn of<'a>(gates: &'a mut HashMap<GatewayKey, Gate>, key: &GatewayKey) -> Option<&'a mut Gate> {
    if !gates.contains_key(key) {
        if gates.len() >= GATES_MAX {
            return None;
        }
        gates.insert(key.clone(), Gate::default());
    }
    gates.get_mut(key)
}

/// The mark of a run's memory.
pub fn seen_mark(key: &GatewayKey, epoch: u64) -> String {
    format!("seen/{key}/{epoch:016x}")
}

/// The mark that says that a gateway uses a catalog.
pub fn catalog_mark(key: &GatewayKey, id: CatalogId) -> String {
    format!("uses/{key}/{id}")
}

/// The mark of a period that a gateway is asked to offer again.
pub fn again_mark(key: &GatewayKey) -> String {
    format!("again/{key}")
}

impl Gate {
    /// Puts back what was stored.
    pub fn restore(&mut self, stored: Option<Stored>) {
        let stored = stored.unwrap_or_default();
        self.inbox = stored.inbox;
        self.catalogs = stored.catalogs;
        self.again = stored.again;
    }

    /// Online, or gone.
    pub fn state(&mut self, payload: &[u8]) {
        match wire::State::decode(payload) {
            Ok(state) => self.figures.connected = state.online,
            Err(_) => self.malformed += 1,
        }
    }

    /// Takes a hello. Returns whether the collector was receipted by this log for a frame
    /// that this log does not have.
    pub fn hello(&mut self, hello: &Hello, log_id: [u8; 16]) -> bool {
        self.nonce = hello.nonce;
        self.oldest = hello.oldest;
        self.figures.connected = true;
        self.figures.epoch = hello.epoch;
        self.figures.pending = self.missing_of(&hello.epochs);
        self.epochs = hello.epochs.iter().map(|span| span.epoch).collect();
        self.epochs.insert(hello.epoch);
        self.refusals.clear();
        self.receipt_due = true;
        hello.log_id == Some(log_id)
            && hello.trimmed_below > 1
            && !self
                .inbox
                .holds(hello.trimmed_epoch, hello.trimmed_below - 1)
    }

    /// How many frames of these runs are not here: a hello names also what was delivered.
    fn missing_of(&self, spans: &[EpochSpan]) -> u64 {
        let missing = spans.iter().map(|span| {
            let all = span.last.saturating_add(1).saturating_sub(span.first);
            all.saturating_sub(self.inbox.held(span.epoch, span.first, span.last))
        });
        missing.fold(0, u64::saturating_add)
    }

    /// A frame of this run came: the next receipt speaks of it. A frame of an older talk may
    /// come late and claim that more is done than is, so the lowest claim since the last
    /// receipt counts, and none counts for longer.
    pub fn heard(&mut self, epoch: u64, seq: u64, oldest: u64) {
        let oldest = oldest.min(seq);
        self.oldest = if self.receipt_due {
            self.oldest.min(oldest)
        } else {
            oldest
        };
        self.receipt_due = true;
        if self.epochs.insert(epoch) && self.epochs.len() > EPOCHS_MAX {
            // The collector names the runs it still has in its next hello.
            self.epochs.pop_first();
        }
        self.epochs.insert(epoch);
    }

    /// Asks for a catalog; more than a receipt can name are asked for in their turn.
    pub fn want(&mut self, id: CatalogId) {
        if self.want.len() < LIST_MAX {
            self.want.insert(id);
        }
    }

    /// Remembers a refusal until the next hello.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.figures.refused += 1;
        self.receipt_due = true;
        if self.refusals.len() == REFUSALS_MAX {
            self.refusals.pop_first();
        }
        self.refusals.insert((refusal.epoch, refusal.seq), refusal);
    }

    /// Follows how the gateway's clock stands to ours. What was sent is never received
    /// before, so the largest difference of the last frames is the nearest to the truth.
    pub fn clocked(&mut self, sent: i64, received: i64) {
        if self.skews.len() == 60 {
            self.skews.pop_front();
        }
        self.skews.push_back(sent.saturating_sub(received));
        self.figures.skew_ms = self.skews.iter().max().copied();
    }

    /// A frame goes into the log.
    pub fn delivered(&mut self, frame: &FrameEntry) {
        self.figures.epoch = frame.head.epoch;
        self.figures.gaps += frame.gaps.len() as u64;
        if frame.head.seq >= frame.live_from {
            self.figures.lag_ms = Some(frame.received - frame.head.watermark.as_millis());
            self.figures.pending = (frame.head.seq + 1).saturating_sub(frame.oldest);
        }
    }

    /// The receipt as of now.
    pub fn receipt(&self, log_id: [u8; 16], live: Window, backlog: Window) -> Receipt {
        Receipt {
            log_id,
            nonce: self.nonce,
            epochs: self
                .epochs
                .iter()
                .map(|epoch| self.inbox.receipt(*epoch, self.oldest))
                .collect(),
            refused: self.refusals.values().copied().collect(),
            want_catalogs: self.want.iter().copied().collect(),
            live,
            backlog,
            again: self.again,
        }
    }

    /// What can be shown.
    pub fn view(&self) -> GateView {
        GateView {
            malformed: self.malformed,
            ..self.figures.clone()
        }
    }
}
