//! The head: samples that are in memory and not yet in a file, by series and month.
//!
//! Invariants:
//! - a seal takes all that a series has for a month, so "applied up to position p" in a
//!   file says exactly which samples it has;
//! - `floors` counts, for each log position, the unsealed blocks that begin there; its
//!   first key is the lowest position that the log must keep;
//! - a block that is being sealed stays readable here until its commit is durable.

mod due;
mod sealing;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use fenghuo_model::{Timestamp, ValueType, sample::TEXT_BYTES_MAX};

use crate::block::Block;
use crate::file::TIME_MAX;
use crate::writer::{Applied, Row};
use crate::{Month, SeriesId};

/// One series in one month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct HeadKey {
    pub(crate) month: Month,
    pub(crate) series: SeriesId,
}

/// A block on its way into a file, with the log positions that it covers.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) key: HeadKey,
    pub(crate) value_type: ValueType,
    pub(crate) block: Block,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

#[derive(Debug)]
struct Head {
    month: Month,
    from: i64,
    until: i64,
    block: Block,
    first: u64,
    last: u64,
    /// Up to this position the file has everything.
    applied: u64,
    threshold: usize,
    due: bool,
    sealing: Option<Arc<Sealing>>,
}

impl Head {
    fn new(month: Month, applied: u64, threshold: usize, block: Block) -> Self {
        Self {
            month,
            from: month.start().as_millis(),
            until: month.end().as_millis(),
            block,
            first: 0,
            last: 0,
            applied,
            threshold,
            due: false,
            sealing: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.block.is_empty() && self.sealing.is_none()
    }
}

/// The heads of one series: nearly always one, two around the turn of a month, more while
/// a backlog comes in.
#[derive(Debug)]
struct Slot {
    value_type: ValueType,
    heads: Vec<Head>,
}

/// A block that began at a time, to be sealed when it is old.
#[derive(Debug)]
struct Birth {
    at: Timestamp,
    key: HeadKey,
    first: u64,
}

#[derive(Debug)]
pub(crate) struct Heads {
    slots: Vec<Slot>,
    chunk_samples: usize,
    weight: usize,
    samples: usize,
    floors: BTreeMap<u64, usize>,
    /// How many blocks `floors` counts.
    blocks: usize,
    due: VecDeque<HeadKey>,
    births: VecDeque<Birth>,
    spare: Vec<Block>,
    last: u64,
    now: Timestamp,
    oldest: Month,
}

impl Heads {
    pub(crate) fn new(chunk_samples: usize, floor: u64, oldest: Month) -> Self {
        Self {
            slots: Vec::new(),
            chunk_samples,
            weight: 0,
            samples: 0,
            floors: BTreeMap::new(),
            blocks: 0,
            due: VecDeque::new(),
            births: VecDeque::new(),
            spare: Vec::new(),
            last: floor.saturating_sub(1),
            now: Timestamp::MIN,
            oldest,
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn add_slots(&mut self, types: &[ValueType]) {
        let slot = |value_type: &ValueType| Slot {
            value_type: *value_type,
            heads: Vec::new(),
        };
        self.slots.extend(types.iter().map(slot));
    }

    /// The last position taken.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Everything below is in the files.
    pub(crate) fn floor(&self) -> u64 {
        let first = self.floors.first_key_value().map(|(position, _)| *position);
        first.unwrap_or(self.last.saturating_add(1))
    }

    pub(crate) const fn samples(&self) -> usize {
        self.samples
    }

    /// Samples held, with texts weighed in.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn due(&self) -> usize {
        self.due.len()
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) const fn oldest(&self) -> Month {
        self.oldest
    }

    /// Takes the rows of one log position. `applied` says how far a file has a series.
    pub(crate) fn append(
        &mut self,
        position: u64,
        rows: &[Row],
        applied: impl Fn(HeadKey) -> u64,
    ) -> Applied {
        let mut outcome = Applied::default();
        let oldest = self.oldest.start().as_millis();
        for row in rows {
            let time = row.sample.time.as_millis();
            if !self.can_hold(row, time) {
                outcome.refused += 1;
            } else if time < oldest {
                outcome.expired += 1;
            } else if self.push(position, time, row, &applied) {
                outcome.stored += 1;
            } else {
                outcome.replayed += 1;
            }
        }
        self.samples += outcome.stored;
        self.last = position;
        self.sweep_births();
        outcome
    }

    fn can_hold(&self, row: &Row, time: i64) -> bool {
        let Some(slot) = self.slots.get(row.series.slot()) else {
            return false;
        };
        let fits = row.sample.reading.value().is_none_or(|value| match value {
            fenghuo_model::Value::Text(text) => {
                slot.value_type == ValueType::Text && text.len() <= TEXT_BYTES_MAX
            }
            other => other.value_type() == slot.value_type,
        });
        fits && (0..=TIME_MAX).contains(&time)
    }

    /// False when the file has the sample already.
    fn push(
        &mut self,
        position: u64,
        time: i64,
        row: &Row,
        applied: impl Fn(HeadKey) -> u64,
    ) -> bool {
        let slot = &mut self.slots[row.series.slot()];
        let at = match slot
            .heads
            .iter()
            .position(|head| (head.from..head.until).contains(&time))
        {
            Some(at) => at,
            None => open_head(slot, row, self.chunk_samples, &mut self.spare, applied),
        };
        let head = &mut slot.heads[at];
        if position <= head.applied {
            return false;
        }
        let month = head.month;
        let key = HeadKey {
            month,
            series: row.series,
        };
        if head.block.is_empty() {
            head.first = position;
            *self.floors.entry(position).or_default() += 1;
            self.blocks += 1;
            self.births.push_back(Birth {
                at: self.now,
                key,
                first: position,
            });
        }
        let before = head.block.weight();
        head.block.push(row.id, &row.sample);
        head.last = position;
        self.weight += head.block.weight() - before;
        if !head.due && head.block.weight() >= head.threshold {
            head.due = true;
            self.due.push_back(key);
        }
        true
    }

    fn head_mut(&mut self, key: HeadKey) -> Option<&mut Head> {
        let slot = self.slots.get_mut(key.series.slot())?;
        slot.heads.iter_mut().find(|head| head.month == key.month)
    }

    /// Forgets what is older than `oldest`, and takes no more of it.
    pub(crate) fn expire(&mut self, oldest: Month) {
        self.oldest = self.oldest.max(oldest);
        for at in 0..self.slots.len() {
            let heads = &mut self.slots[at].heads;
            let gone: Vec<Head> = heads.extract_if(.., |head| head.month < oldest).collect();
            for head in gone.iter().filter(|head| !head.block.is_empty()) {
                self.weight -= head.block.weight();
                self.samples -= head.block.len();
                self.release(head.first);
            }
        }
        self.due.retain(|key| key.month >= oldest);
        self.births.retain(|birth| birth.key.month >= oldest);
    }
}

/// Begins a head for a month that the series has none for, and answers its place.
fn open_head(
    slot: &mut Slot,
    row: &Row,
    chunk_samples: usize,
    spare: &mut Vec<Block>,
    applied: impl Fn(HeadKey) -> u64,
) -> usize {
    let month = Month::of(row.sample.time);
    let key = HeadKey {
        month,
        series: row.series,
    };
    let threshold = first_threshold(row.series, chunk_samples);
    let block = spare.pop().unwrap_or_default();
    drop_idle(slot);
    slot.heads
        .push(Head::new(month, applied(key), threshold, block));
    slot.heads.len() - 1
}

/// Series that begin together would be sealed together for ever: the first seal comes
/// somewhere between half a chunk and a whole one.
fn first_threshold(series: SeriesId, chunk_samples: usize) -> usize {
    let half = chunk_samples.div_ceil(2);
    let spread = series.number().wrapping_mul(0x9e37_79b1) as usize % half.max(1);
    half + spread
}

/// Keeps at most one head that holds nothing.
fn drop_idle(slot: &mut Slot) {
    if slot.heads.len() > 1 {
        let latest = slot.heads.iter().map(|head| head.month).max();
        slot.heads
            .retain(|head| Some(head.month) == latest || !head.is_idle());
    }
}
