//! The head: samples that are in memory and not yet in a file, by series and month.
//!
//! Invariants:
//! - a seal takes all that a series has for a month, so "applied up to position p" in a
//!   file says exactly which samples it has;
//! - `floors` counts, for each log position, the unsealed blocks that begin there; its
//!   first key is the lowest position that the log must keep;
//! - a block that is being sealed stays readable here until its commit is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{SampleId, Timestamp, ValueType, sample::TEXT_BYTES_MAX};

use crate::block::Block;
use crate::file::TIME_MAX;
use crate::writer::{Applied, Row};
use crate::{Month, SeriesId};

/// Emptied blocks kept for reuse, so that a steady load allocates nothing.
const SPARE_BLOCKS_MAX: usize = 256;
/// Births of blocks that were sealed since are swept out when they outnumber the living by
/// this many.
const BIRTHS_SLACK: usize = 4_096;

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

    /// Keeps the list of births in proportion to the blocks that live.
    fn sweep_births(&mut self) {
        if self.births.len() > 2 * self.blocks + BIRTHS_SLACK {
            let mut births = std::mem::take(&mut self.births);
            births.retain(|birth| self.is_living(birth));
            self.births = births;
        }
    }

    fn is_living(&self, birth: &Birth) -> bool {
        let slot = self.slots.get(birth.key.series.slot());
        let mut heads = slot.into_iter().flat_map(|slot| &slot.heads);
        heads.any(|head| {
            head.month == birth.key.month && head.first == birth.first && !head.block.is_empty()
        })
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

    /// Lets time pass; blocks older than `age` become due.
    pub(crate) fn advance(&mut self, now: Timestamp, age: Duration) {
        if self.now == Timestamp::MIN {
            // Blocks that came before the first tick count from it.
            self.births.iter_mut().for_each(|birth| birth.at = now);
        }
        self.now = self.now.max(now);
        let born_by = self.now.minus(age);
        while self.births.front().is_some_and(|birth| birth.at <= born_by) {
            let Some(birth) = self.births.pop_front() else {
                break;
            };
            if let Some(head) = self.head_mut(birth.key)
                && !head.block.is_empty()
                && head.first == birth.first
                && !head.due
            {
                head.due = true;
                self.due.push_back(birth.key);
            }
        }
    }

    /// Makes up to `count` more blocks due, the fullest ones.
    pub(crate) fn fullest_due(&mut self, count: usize) {
        let mut found: Vec<(usize, HeadKey)> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            for head in slot
                .heads
                .iter()
                .filter(|head| !head.due && !head.block.is_empty())
            {
                let key = HeadKey {
                    month: head.month,
                    series: SeriesId::of_slot(at),
                };
                found.push((head.block.weight(), key));
            }
        }
        found.sort_unstable_by_key(|(weight, key)| (std::cmp::Reverse(*weight), *key));
        for (_, key) in found.into_iter().take(count) {
            if let Some(head) = self.head_mut(key) {
                head.due = true;
                self.due.push_back(key);
            }
        }
    }

    /// Takes up to `count` due blocks; they stay readable until [`Heads::sealed`].
    pub(crate) fn take_due(&mut self, count: usize) -> Vec<Arc<Sealing>> {
        let count = count.min(self.due.len());
        let keys: Vec<HeadKey> = self.due.drain(..count).collect();
        let mut taken: Vec<_> = keys.into_iter().filter_map(|key| self.take(key)).collect();
        taken.sort_unstable_by_key(|sealing| sealing.key);
        taken
    }

    fn take(&mut self, key: HeadKey) -> Option<Arc<Sealing>> {
        let spare = self.spare.pop().unwrap_or_default();
        let slot = self.slots.get_mut(key.series.slot())?;
        let value_type = slot.value_type;
        let head = slot.heads.iter_mut().find(|head| head.month == key.month)?;
        head.due = false;
        if head.block.is_empty() {
            return None;
        }
        let mut block = std::mem::replace(&mut head.block, spare);
        block.sort();
        let sealing = Arc::new(Sealing {
            key,
            value_type,
            block,
            first: head.first,
            last: head.last,
        });
        head.sealing = Some(Arc::clone(&sealing));
        Some(sealing)
    }

    /// The commit of these blocks is durable.
    pub(crate) fn sealed(&mut self, batch: Vec<Arc<Sealing>>) {
        for sealing in batch {
            self.weight -= sealing.block.weight();
            self.samples -= sealing.block.len();
            self.release(sealing.first);
            let chunk_samples = self.chunk_samples;
            if let Some(slot) = self.slots.get_mut(sealing.key.series.slot()) {
                if let Some(head) = slot
                    .heads
                    .iter_mut()
                    .find(|head| head.month == sealing.key.month)
                {
                    head.sealing = None;
                    head.applied = sealing.last;
                    head.threshold = chunk_samples;
                }
                drop_idle(slot);
            }
            self.recycle(sealing);
        }
    }

    /// The commit of these blocks failed for certain: they are unsealed again, and due.
    pub(crate) fn unsealed(&mut self, batch: Vec<Arc<Sealing>>) {
        for sealing in batch {
            let key = sealing.key;
            let Some(head) = self.head_mut(key) else {
                continue;
            };
            head.sealing = None;
            head.due = true;
            let later = std::mem::take(&mut head.block);
            let later_first = (!later.is_empty()).then_some(head.first);
            head.first = sealing.first;
            head.last = head.last.max(sealing.last);
            let (before, mut block) = (later.weight(), sealing.block.clone());
            let whole = before + block.weight();
            block.append(&later);
            let merged = block.weight();
            head.block = block;
            // Texts are counted in whole rows, which may round otherwise once merged.
            self.weight = self.weight + merged - whole;
            later_first
                .into_iter()
                .for_each(|first| self.release(first));
            self.due.push_back(key);
        }
    }

    fn release(&mut self, first: u64) {
        if let Some(count) = self.floors.get_mut(&first) {
            *count -= 1;
            self.blocks -= 1;
            if *count == 0 {
                self.floors.remove(&first);
            }
        }
    }

    fn recycle(&mut self, sealing: Arc<Sealing>) {
        // A reader may still hold it; then its memory is simply not reused.
        if self.spare.len() < SPARE_BLOCKS_MAX
            && let Ok(sealing) = Arc::try_unwrap(sealing)
        {
            let mut block = sealing.block;
            block.clear();
            self.spare.push(block);
        }
    }

    fn head_mut(&mut self, key: HeadKey) -> Option<&mut Head> {
        let slot = self.slots.get_mut(key.series.slot())?;
        slot.heads.iter_mut().find(|head| head.month == key.month)
    }

    /// Copies what is in memory of a series in `from..until`, by month, each part sorted.
    pub(crate) fn copy(&self, series: SeriesId, from: i64, until: i64) -> Vec<(Month, Block)> {
        let Some(slot) = self.slots.get(series.slot()) else {
            return Vec::new();
        };
        let overlapping = |head: &&Head| head.until > from && head.from < until;
        let mut parts = Vec::new();
        for head in slot.heads.iter().filter(overlapping) {
            let mut part = Block::default();
            let sealing = head.sealing.as_ref().map(|sealing| &sealing.block);
            for block in sealing.into_iter().chain([&head.block]) {
                part.append_where(block, |entry| (from..until).contains(&entry.time));
            }
            if !part.is_empty() {
                parts.push((head.month, part));
            }
        }
        parts
    }

    /// The latest sample in memory of a series.
    pub(crate) fn latest(
        &self,
        series: SeriesId,
    ) -> Option<((i64, SampleId), fenghuo_model::Sample)> {
        let slot = self.slots.get(series.slot())?;
        let blocks = slot.heads.iter().flat_map(|head| {
            let sealing = head.sealing.as_ref().map(|sealing| &sealing.block);
            sealing.into_iter().chain([&head.block])
        });
        let rows = blocks.flat_map(|block| block.entries.iter().map(move |entry| (block, entry)));
        let (block, entry) = rows.max_by_key(|(_, entry)| entry.key())?;
        Some((entry.key(), block.sample(slot.value_type, entry)))
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
