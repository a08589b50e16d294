//! The collector: a disk with a budget, what is not on it yet, and the outbox over it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fenghuo_model::CatalogId;
use fenghuo_uplink::hello::{EPOCHS_MAX, EpochSpan, Hello};
use fenghuo_uplink::outbox::{Action, Lane, Outbox, Start, Timing};
use fenghuo_uplink::receipt::Receipt;

use super::{Sent, Truth, Up};

/// Frames that the disk holds; the oldest go when there are more.
const BUDGET: usize = 150;
/// Frames that go at once.
const SLICE: usize = 20;
/// Delivered frames that stay, for a server that is restored from an older copy.
const KEPT: u64 = 40;
/// A frame that the server refuses for ever.
pub const fn is_poison(content: u64) -> bool {
    content % 61 == 7
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    epoch: u64,
    content: u64,
    catalog: u8,
    watermark: i64,
    damaged: bool,
}

/// What the destination is known to have.
#[derive(Clone, Copy, Default, Debug)]
struct Custody {
    log_id: Option<[u8; 16]>,
    receipted_below: u64,
    epoch: u64,
}

#[derive(Clone, Debug)]
pub struct Disk {
    frames: BTreeMap<u64, Stored>,
    next: u64,
    trimmed: u64,
    custody: Custody,
    refused: BTreeSet<u64>,
}

enum Order {
    Trim(u64, Custody),
    Refused(u64),
}

pub struct Collector {
    pub disk: Disk,
    pub outbox: Outbox,
    epoch: u64,
    catalog: u8,
    unsynced: Vec<Stored>,
    /// Decided and not on disk yet; a crash forgets it.
    orders: VecDeque<Order>,
    pub is_full: bool,
    /// Seqs sent since the last hello, and the highest of each lane: first sends ascend.
    sent: BTreeSet<u64>,
    highest: [u64; 2],
    sent_to: Option<[u8; 16]>,
    named_until: Option<u64>,
}

impl Collector {
    pub fn new(epoch: u64) -> Self {
        let disk = Disk {
            frames: BTreeMap::new(),
            next: 1,
            trimmed: 1,
            custody: Custody::default(),
            refused: BTreeSet::new(),
        };
        Self::start(disk, epoch, 0)
    }

    fn start(disk: Disk, epoch: u64, clock: i64) -> Self {
        let first = disk.frames.keys().next().copied().unwrap_or(disk.next);
        let oldest = first.max(disk.trimmed).min(disk.next);
        let watermark = disk.frames.get(&oldest).map(|frame| frame.watermark);
        let start = Start {
            nonce_seed: epoch,
            log_id: disk.custody.log_id,
            first,
            oldest,
            next: disk.next,
            oldest_watermark: watermark,
            epochs: spans(&disk),
            refused: disk.refused.iter().copied().collect(),
        };
        Self {
            outbox: Outbox::new(Timing::default(), &start, clock),
            catalog: (epoch % 3) as u8,
            epoch,
            disk,
            unsynced: Vec::new(),
            orders: VecDeque::new(),
            is_full: false,
            sent: BTreeSet::new(),
            highest: [0; 2],
            sent_to: None,
            named_until: None,
        }
    }

    /// Killed and started again: what was not synced, and what was not ordered, is gone.
    pub fn restart(&mut self, epoch: u64, clock: i64) {
        *self = Self::start(self.disk.clone(), epoch, clock);
    }

    pub fn contents(&self) -> BTreeSet<u64> {
        self.disk.frames.values().map(|f| f.content).collect()
    }

    pub fn read(&mut self, content: u64, clock: i64) {
        self.unsynced.push(Stored {
            epoch: self.epoch,
            content,
            catalog: self.catalog,
            watermark: clock,
            damaged: false,
        });
    }

    /// Writes what waits, makes room, and obeys; then, and not before, it is offered.
    pub fn sync(&mut self, clock: i64, truth: &mut Truth) {
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Trim(below, custody) => self.free(below, custody, truth),
                Order::Refused(seq) => {
                    self.disk.refused.insert(seq);
                    let frame = self.disk.frames.get(&seq);
                    frame.into_iter().for_each(|f| truth.lose(f.content));
                }
            }
        }
        if self.is_full {
            return;
        }
        for frame in std::mem::take(&mut self.unsynced) {
            let seq = self.disk.next;
            self.disk.next += 1;
            self.disk.frames.insert(seq, frame);
            truth.owed.insert(frame.content);
            self.outbox
                .spooled(seq, frame.epoch, frame.watermark, clock);
        }
        if self.disk.frames.len() > BUDGET {
            for _ in 0..SLICE {
                if let Some((_, frame)) = self.disk.frames.pop_first() {
                    truth.lose(frame.content);
                }
            }
            let first = self.disk.frames.keys().next().copied();
            self.outbox.gone_below(first.unwrap_or(self.disk.next));
        }
    }

    fn free(&mut self, below: u64, custody: Custody, truth: &mut Truth) {
        self.disk.trimmed = below;
        self.disk.custody = custody;
        let below = below.min(self.disk.next.saturating_sub(KEPT));
        let kept = self.disk.frames.split_off(&below);
        for (seq, frame) in std::mem::replace(&mut self.disk.frames, kept) {
            assert!(
                truth.is_safe(frame.content) || self.disk.refused.contains(&seq),
                "seq {seq} is freed and nobody has it"
            );
            // Receipted once, and kept for as long as was promised.
            if truth.at_risk.remove(&frame.content) {
                truth.owed.remove(&frame.content);
            }
        }
        self.disk.refused = self.disk.refused.split_off(&below);
        self.outbox.gone_below(below);
    }

    /// A frame rots on the disk.
    pub fn rot(&mut self, pick: u64) {
        let count = self.disk.frames.len() as u64;
        if count > 0 {
            let at = usize::try_from(pick % count).unwrap_or(0);
            if let Some(frame) = self.disk.frames.values_mut().nth(at) {
                frame.damaged = true;
            }
        }
    }

    /// Does what the outbox says until it says nothing more.
    pub fn drive(&mut self, now: u64, truth: &mut Truth, up: &mut VecDeque<Up>) {
        let clock = i64::try_from(now).unwrap();
        for _ in 0..256 {
            let Some(action) = self.outbox.poll(now, clock) else {
                return;
            };
            match action {
                Action::Hello(nonce) => {
                    self.sent.clear();
                    self.highest = [0; 2];
                    up.push_back(Up::Hello(self.hello(nonce, clock).encode()));
                }
                Action::Catalog(id) => up.push_back(Up::Catalog(id.0[0])),
                Action::Send(seq, lane) => up.extend(self.send(seq, lane, truth).map(Up::Frame)),
                Action::Trim(below) => {
                    let custody = self.custody();
                    self.orders.push_back(Order::Trim(below, custody));
                }
                Action::Refused(refusal) => {
                    let frame = self.disk.frames.get(&refusal.seq);
                    assert!(frame.is_none_or(|frame| is_poison(frame.content)));
                    self.orders.push_back(Order::Refused(refusal.seq));
                }
                Action::NewEpoch => panic!("an epoch is drawn at each start"),
            }
        }
        panic!("the outbox talks without end: {:?}", self.outbox);
    }

    fn custody(&self) -> Custody {
        let Some((receipted, epoch)) = self.outbox.receipted() else {
            return self.disk.custody;
        };
        Custody {
            log_id: self.outbox.log_id(),
            receipted_below: receipted + 1,
            epoch,
        }
    }

    fn hello(&mut self, nonce: u64, clock: i64) -> Hello {
        let epochs: Vec<_> = self.outbox.epochs().take(EPOCHS_MAX).copied().collect();
        let is_cut = self.outbox.epochs().count() > epochs.len();
        self.named_until = epochs.last().filter(|_| is_cut).map(|span| span.last);
        let custody = self.custody();
        Hello {
            nonce,
            epoch: self.epoch,
            oldest: self.outbox.verify_from(),
            newest: self.disk.next - 1,
            catalogs: vec![CatalogId([self.catalog; 16])],
            sent: clock,
            log_id: custody.log_id,
            trimmed_below: custody.receipted_below,
            trimmed_epoch: custody.epoch,
            epochs,
            software: "sim".to_owned(),
            offered: 0,
        }
    }

    fn send(&mut self, seq: u64, lane: Lane, truth: &mut Truth) -> Option<Sent> {
        assert_eq!(lane == Lane::Live, seq >= self.outbox.live_from());
        if self.sent_to != self.outbox.log_id() {
            self.sent_to = self.outbox.log_id();
            self.sent.clear();
            self.highest = [0; 2];
        }
        let highest = &mut self.highest[lane as usize];
        // A repeat is no first, even where its frame has grown old and changed its lane.
        if self.sent.insert(seq) {
            assert!(seq > *highest, "seq {seq} is overtaken in its lane");
            *highest = seq;
        }
        let Some(frame) = self.disk.frames.get(&seq).copied() else {
            panic!("seq {seq} is offered and not on disk: {:?}", self.outbox);
        };
        if frame.damaged {
            truth.lose(frame.content);
            self.outbox.lost(seq);
            return None;
        }
        self.outbox.sent(seq, 10);
        let (oldest, live_oldest) = (self.outbox.oldest(), self.outbox.live_oldest());
        let live_from = self.outbox.live_from();
        for (_, done) in self.declared(oldest, live_from, live_oldest) {
            assert!(
                truth.is_safe(done.content),
                "declared as done and it is not"
            );
        }
        Some(Sent {
            epoch: frame.epoch,
            seq,
            content: frame.content,
            catalog: frame.catalog,
            oldest,
        })
    }

    /// Frames on disk of which the envelope says that nothing of them will come.
    fn declared(&self, oldest: u64, from: u64, to: u64) -> impl Iterator<Item = (&u64, &Stored)> {
        let refused = &self.disk.refused;
        let below = self.disk.frames.range(..oldest);
        let live = self.disk.frames.range(from..to.max(from));
        below
            .chain(live)
            .filter(|(seq, frame)| !refused.contains(seq) && !is_poison(frame.content))
    }

    pub fn receipt(&mut self, payload: &[u8], now: u64) {
        let receipt = Receipt::decode(payload).unwrap();
        self.outbox.receipt(&receipt, now);
        if self
            .named_until
            .is_some_and(|last| self.outbox.oldest() > last)
        {
            self.named_until = None;
            self.outbox.name_more(now);
        }
    }

    /// Whether all is delivered, and that is noted.
    pub fn is_done(&self) -> bool {
        let is_noted = self.disk.trimmed == self.disk.next;
        self.outbox.pending() == 0 && self.unsynced.is_empty() && is_noted
    }
}

fn spans(disk: &Disk) -> Vec<EpochSpan> {
    let mut epochs: Vec<EpochSpan> = Vec::new();
    for (&seq, frame) in &disk.frames {
        match epochs.last_mut() {
            Some(span) if span.epoch == frame.epoch => span.last = seq,
            _ => epochs.push(EpochSpan {
                epoch: frame.epoch,
                first: seq,
                last: seq,
            }),
        }
    }
    epochs
}
