//! The server: a log whose frames and marks are one transaction, and a talk in memory.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::CatalogId;
use fenghuo_uplink::hello::Hello;
use fenghuo_uplink::inbox::{Inbox, Offer};
use fenghuo_uplink::receipt::{Receipt, Refusal, RefusalReason, Window};

use super::collector::is_poison;
use super::{Sent, Truth, Up};

const WINDOW: Window = Window {
    frames: 8,
    bytes: 1_000,
};

/// What is on disk.
#[derive(Clone, Default, Debug)]
pub struct Log {
    pub id: [u8; 16],
    pub frames: Vec<Sent>,
    /// The memory of each epoch, as bytes, written with its frames.
    marks: BTreeMap<u64, Vec<u8>>,
    catalogs: BTreeSet<u8>,
}

impl Log {
    pub fn new(id: u8) -> Self {
        Self {
            id: [id; 16],
            ..Self::default()
        }
    }

    fn inbox(&self) -> Inbox {
        let mut inbox = Inbox::default();
        for (epoch, bytes) in &self.marks {
            assert!(inbox.restore(*epoch, bytes));
        }
        inbox
    }
}

#[derive(Debug)]
pub struct Server {
    pub log: Log,
    pub is_full: bool,
    pub windows: [bool; 2],
    inbox: Inbox,
    nonce: u64,
    oldest: u64,
    epochs: BTreeSet<u64>,
    wanted: BTreeSet<u8>,
    refusals: BTreeMap<(u64, u64), Refusal>,
    waiting: Vec<Sent>,
    receipt_due: bool,
    /// How often the log was found to be an old copy of itself.
    pub renewed: u8,
}

impl Server {
    pub fn new(log: Log) -> Self {
        Self {
            inbox: log.inbox(),
            log,
            is_full: false,
            windows: [true; 2],
            nonce: 0,
            oldest: 0,
            epochs: BTreeSet::new(),
            wanted: BTreeSet::new(),
            refusals: BTreeMap::new(),
            waiting: Vec::new(),
            receipt_due: false,
            renewed: 0,
        }
    }

    /// Killed and started again over the same log: what was not committed is gone.
    pub fn restart(&mut self) {
        let renewed = self.renewed;
        *self = Self::new(std::mem::take(&mut self.log));
        self.renewed = renewed;
    }

    pub fn set_full(&mut self, full: bool) {
        self.receipt_due |= full != self.is_full;
        self.is_full = full;
    }

    pub fn set_windows(&mut self, windows: [bool; 2]) {
        self.receipt_due |= windows != self.windows;
        self.windows = windows;
    }

    pub fn take(&mut self, message: Up) {
        match message {
            Up::Hello(bytes) => self.hello(&Hello::decode(&bytes).unwrap()),
            Up::Catalog(id) => {
                self.log.catalogs.insert(id);
                self.wanted.remove(&id);
                self.receipt_due = true;
            }
            // A hello does not wait, so it overtakes frames that do.
            Up::Frame(frame) => self.waiting.push(frame),
        }
    }

    fn hello(&mut self, hello: &Hello) {
        self.nonce = hello.nonce;
        self.oldest = hello.oldest;
        self.epochs = hello.epochs.iter().map(|span| span.epoch).collect();
        self.epochs.insert(hello.epoch);
        self.refusals.clear();
        self.receipt_due = true;
        for CatalogId(id) in &hello.catalogs {
            if !self.log.catalogs.contains(&id[0]) {
                self.wanted.insert(id[0]);
            }
        }
        let receipted = hello.trimmed_below.saturating_sub(1);
        let is_held = self.inbox.holds(hello.trimmed_epoch, receipted);
        if hello.log_id == Some(self.log.id) && receipted > 0 && !is_held {
            self.renewed += 1;
            self.log.id[15] = self.renewed;
        }
    }

    /// One transaction for what waits; receipts only after it. A full disk takes nothing.
    pub fn commit(&mut self, truth: &mut Truth) -> Option<Vec<u8>> {
        let mut marks = BTreeSet::new();
        for frame in std::mem::take(&mut self.waiting) {
            if self.is_full {
                continue;
            }
            let (epoch, seq) = (frame.epoch, frame.seq);
            self.epochs.insert(epoch);
            let oldest = frame.oldest.min(seq);
            self.oldest = match self.receipt_due {
                true => self.oldest.min(oldest),
                false => oldest,
            };
            self.receipt_due = true;
            let crc = u32::try_from(frame.content).unwrap();
            match self.inbox.offer(epoch, seq, crc) {
                Offer::Duplicate => continue,
                Offer::Conflict => panic!("one number for two contents"),
                Offer::New => {}
            }
            if !self.log.catalogs.contains(&frame.catalog) {
                self.wanted.insert(frame.catalog);
                continue;
            }
            if is_poison(frame.content) {
                let why = RefusalReason::Invalid;
                self.refusals
                    .insert((epoch, seq), Refusal { epoch, seq, why });
                continue;
            }
            self.inbox.accept(epoch, seq, crc);
            marks.insert(epoch);
            truth.logged.insert(frame.content);
            self.log.frames.push(frame);
        }
        for epoch in marks {
            self.log.marks.insert(epoch, self.inbox.encode(epoch));
        }
        std::mem::take(&mut self.receipt_due).then(|| self.receipt().encode())
    }

    fn receipt(&self) -> Receipt {
        let window = |is_open: bool| match is_open && !self.is_full {
            true => WINDOW,
            false => Window::default(),
        };
        let epochs = self.epochs.iter();
        Receipt {
            log_id: self.log.id,
            nonce: self.nonce,
            epochs: epochs
                .map(|epoch| self.inbox.receipt(*epoch, self.oldest))
                .collect(),
            refused: self.refusals.values().copied().collect(),
            want_catalogs: self.wanted.iter().map(|id| CatalogId([*id; 16])).collect(),
            live: window(self.windows[0]),
            backlog: window(self.windows[1]),
            again: None,
        }
    }
}
