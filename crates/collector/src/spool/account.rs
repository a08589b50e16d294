//! What one destination has, and what it will never get.
//!
//! A frame is the same for every destination; what is missing is not. A gap record of one
//! destination is therefore no part of a frame: it travels in the envelope of the frame that
//! is spooled next, and again whenever that frame is sent again: a server that was restored
//! from an older copy has lost both. What must stay true: a gap record is on disk from the
//! moment that something went until its frame leaves the spool; only then, and if the frame
//! was not delivered, it goes with another.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_log::{Batch, Log, LogError};
use fenghuo_model::Timestamp;
use fenghuo_uplink::frame::{Gap, GapReason};

use super::gaps::Gaps;
use super::marks::{self, Custody};

/// Frames that gap records wait for; with more, the oldest records go with the next frame.
const NOTES_MAX: usize = 64;
/// Frames given up that are remembered; one beyond is offered, and given up, again.
const GIVEN_UP_MAX: usize = 4_096;

/// Gap records that go with a frame's envelope; none: no more.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// The frame.
    pub seq: u64,
    /// The records.
    pub gaps: Vec<Gap>,
}

/// The account of one destination.
#[derive(Clone, Debug)]
pub struct Account {
    name: String,
    custody: Custody,
    /// For the next frame.
    owed: Gaps,
    /// With frames in the spool, or about to be written to it.
    notes: BTreeMap<u64, Gaps>,
    /// Refused by the destination, or damaged, and still in the spool.
    given_up: BTreeSet<u64>,
}

impl Account {
    /// Reads the marks of a destination.
    pub fn load(log: &Log, name: &str) -> Result<Self, LogError> {
        let damaged = |key: &str| marks::damaged(log.path(), key);
        let gaps = |key: &str, bytes: &[u8]| Gaps::decode(bytes).ok_or_else(|| damaged(key));
        let mut account = Self {
            name: name.to_owned(),
            custody: Custody::default(),
            owed: Gaps::default(),
            notes: BTreeMap::new(),
            given_up: BTreeSet::new(),
        };
        let key = marks::of(marks::DESTINATION, name);
        if let Some(bytes) = log.mark(&key)? {
            account.custody = Custody::decode(&bytes).ok_or_else(|| damaged(&key))?;
        }
        let key = marks::of(marks::OWED, name);
        if let Some(bytes) = log.mark(&key)? {
            account.owed = gaps(&key, &bytes)?;
        }
        for (key, bytes) in log.marks(marks::NOTE)? {
            if let Some(seq) = marks::number_of(marks::NOTE, &key, name) {
                account.notes.insert(seq, gaps(&key, &bytes)?);
            }
        }
        for (key, _) in log.marks(marks::REFUSED)? {
            account
                .given_up
                .extend(marks::number_of(marks::REFUSED, &key, name));
        }
        Ok(account)
    }

    /// What it has.
    pub const fn custody(&self) -> Custody {
        self.custody
    }

    /// Frames that it will not get.
    pub fn given_up(&self) -> Vec<u64> {
        self.given_up.iter().copied().collect()
    }

    /// The gap records that go with frames.
    pub fn notes(&self) -> Vec<Note> {
        let note = |(seq, gaps): (&u64, &Gaps)| Note {
            seq: *seq,
            gaps: gaps.records().to_vec(),
        };
        self.notes.iter().map(note).collect()
    }

    /// Something will never come; the next frame says so.
    pub fn owe(&mut self, (from, until): (Timestamp, Timestamp), count: u64, why: GapReason) {
        self.owed.add(from, until, count, why);
    }

    /// Writes down what is owed. What goes with frames from `unwritten` on is owed too, as far
    /// as the disk knows: they may never be written.
    pub fn mark_owed(&self, unwritten: u64, batch: &mut Batch) {
        let mut owed = self.owed.clone();
        for gaps in self.notes.range(unwritten..).map(|(_, gaps)| gaps) {
            owed.merge(gaps);
        }
        batch.replace_mark(marks::of(marks::OWED, &self.name), owed.encode());
    }

    /// Frame `seq` takes what is owed, and the batch writes both. Returns what delivery has to
    /// know.
    pub fn seal(&mut self, seq: u64, batch: &mut Batch) -> Vec<Note> {
        if self.owed.is_empty() {
            return Vec::new();
        }
        let gaps = std::mem::take(&mut self.owed);
        let mut told = Vec::new();
        if self.notes.len() == NOTES_MAX
            && let Some((oldest, gaps)) = self.notes.pop_first()
        {
            if oldest >= self.custody.done_below {
                self.owed.merge(&gaps);
            }
            batch.mark(marks::numbered_of(marks::NOTE, oldest, &self.name), None);
            told.push(Note {
                seq: oldest,
                gaps: Vec::new(),
            });
        }
        self.mark_owed(seq, batch);
        let key = marks::numbered_of(marks::NOTE, seq, &self.name);
        batch.mark(key, gaps.encode());
        told.push(Note {
            seq,
            gaps: gaps.records().to_vec(),
        });
        self.notes.insert(seq, gaps);
        told
    }

    /// It has everything below `custody.done_below`.
    pub fn done(&mut self, custody: Custody, batch: &mut Batch) {
        self.custody = custody;
        let key = marks::of(marks::DESTINATION, &self.name);
        batch.mark(key, Some(custody.encode()));
    }

    /// Frame `seq` will never get there: what was to go with it goes with another. What is owed
    /// is to be written down.
    pub fn give_up(&mut self, seq: u64, why: u8, batch: &mut Batch) {
        if let Some(gaps) = self.take_back(seq, batch) {
            self.owed.merge(&gaps);
        }
        if self.given_up.len() < GIVEN_UP_MAX && self.given_up.insert(seq) {
            let key = marks::numbered_of(marks::REFUSED, seq, &self.name);
            batch.mark(key, Some(vec![why]));
        }
    }

    /// What it refused of `from..=to` is offered again.
    pub fn offer_again(&mut self, from: u64, to: u64, batch: &mut Batch) {
        self.given_up.retain(|seq| {
            let is_again = (from..=to).contains(seq);
            if is_again {
                let key = marks::numbered_of(marks::REFUSED, *seq, &self.name);
                batch.mark(key, None);
            }
            !is_again
        });
    }

    /// Frames below are not in the spool any more. What was to go with one that was not
    /// delivered goes with another.
    pub fn gone_below(&mut self, below: u64, unwritten: u64, batch: &mut Batch) {
        let gone: Vec<u64> = self.notes.range(..below).map(|(seq, _)| *seq).collect();
        for seq in &gone {
            if let Some(gaps) = self.take_back(*seq, batch)
                && *seq >= self.custody.done_below
            {
                self.owed.merge(&gaps);
            }
        }
        if !gone.is_empty() {
            self.mark_owed(unwritten, batch);
        }
        let kept = self.given_up.split_off(&below);
        for seq in std::mem::replace(&mut self.given_up, kept) {
            batch.mark(marks::numbered_of(marks::REFUSED, seq, &self.name), None);
        }
    }

    fn take_back(&mut self, seq: u64, batch: &mut Batch) -> Option<Gaps> {
        let gaps = self.notes.remove(&seq)?;
        batch.mark(marks::numbered_of(marks::NOTE, seq, &self.name), None);
        Some(gaps)
    }
}

/// Removes what is left of destinations that are not configured any more: they must not hold
/// the spool. Returns their names.
pub fn forget_others(log: &mut Log, names: &[String]) -> Result<BTreeSet<String>, LogError> {
    let mut batch = Batch::default();
    let mut gone = BTreeSet::new();
    for prefix in [marks::DESTINATION, marks::OWED, marks::NOTE, marks::REFUSED] {
        for (key, _) in log.marks(prefix)? {
            let name = marks::name_in(prefix, &key);
            if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
                gone.insert(name.to_owned());
                batch.mark(key, None);
            }
        }
    }
    if !batch.is_empty() {
        log.append(&batch)?;
    }
    Ok(gone)
}
