//! What leaves the spool: first what every destination has and was kept long enough, then, for
//! want of room, what every destination has, and last the oldest frames, with a gap record
//! for each destination that had not got them.

use fenghuo_log::{Batch, LogError};
use fenghuo_model::Timestamp;
use fenghuo_uplink::frame::GapReason;

use super::Store;

/// The oldest frames go when less than this share of the budget, or [`RESERVE_BYTES_MAX`],
/// is left.
const RESERVE_SHARE: u64 = 16;
const RESERVE_BYTES_MAX: u64 = 4 << 20;
/// At most this share of the frames goes at once.
const SLICE_SHARE: u64 = 32;
/// Frames are freed each time this share of the time for which they are kept has passed.
const KEEP_SHARE: u32 = 1_024;

/// How many frames are looked at for one that can be read.
const NEAR: u64 = 64;

/// Frames that went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone {
    /// How many of them a destination had not got.
    pub lost: u64,
    /// The oldest frame that may still be there.
    pub first: u64,
}

impl Gone {
    /// Both.
    #[must_use]
    pub fn and(before: Option<Self>, more: Option<Self>) -> Option<Self> {
        match (before, more) {
            (Some(before), Some(more)) => Some(Self {
                lost: before.lost + more.lost,
                first: more.first,
            }),
            (before, more) => more.or(before),
        }
    }
}

impl Store {
    /// Every destination has what is below.
    fn done_below(&self) -> u64 {
        let done = self.accounts.iter();
        let done = done.map(|account| account.custody().done_below);
        done.min().unwrap_or(0)
    }

    /// Frees what every destination has and was kept long enough. Returns the oldest frame
    /// that is left, if any went.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed; what was not freed is freed later.
    pub fn free(&mut self) -> Result<Option<u64>, LogError> {
        let done = self.done_below().min(self.log.next());
        let keep = self.terms.keep;
        // A new epoch may have begun with an earlier clock.
        let is_due = |freed: Timestamp, newest: Timestamp| {
            newest < freed || newest.since(freed) >= keep / KEEP_SHARE
        };
        if let (Some(freed), Some(newest)) = (self.freed, self.newest)
            && !is_due(freed, newest)
        {
            return Ok(None);
        }
        let Some(first) = self.log.first()? else {
            return Ok(None);
        };
        self.freed = self.newest;
        let below = match self.newest {
            Some(newest) if !keep.is_zero() => self.first_younger(first, done, newest)?,
            _ => done,
        };
        if below <= first {
            return Ok(None);
        }
        self.log.trim(below)?;
        let mut batch = Batch::default();
        self.forget_below(below, &mut batch);
        if !batch.is_empty() {
            self.log.append(&batch)?;
        }
        Ok(Some(below))
    }

    /// The first of `first..done` that is to be kept. Watermarks do not decrease but where a
    /// clock that was wrong is set right; then some frames may stay longer.
    fn first_younger(&self, first: u64, done: u64, newest: Timestamp) -> Result<u64, LogError> {
        let (mut low, mut high) = (first, done.max(first));
        while low < high {
            let middle = low + (high - low) / 2;
            let watermark = self.watermark_of(middle)?;
            let is_old = |watermark: Timestamp| {
                newest.since(watermark).max(watermark.since(newest)) > self.terms.keep
            };
            // What cannot be read need not be kept.
            if watermark.is_none_or(is_old) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Drops the oldest frames while there is less room than the reserve.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn make_room(&mut self) -> Result<Option<Gone>, LogError> {
        let reserve = (self.terms.budget_bytes / RESERVE_SHARE).min(RESERVE_BYTES_MAX);
        let mut gone = None;
        loop {
            let space = self.log.space()?;
            // With next to nothing in the spool, the room is taken by others.
            let held = space.file_bytes - space.free_page_bytes.min(space.file_bytes);
            if space.appendable_bytes() >= reserve || held <= reserve {
                break;
            }
            let Some(slice) = self.drop_slice()? else {
                break;
            };
            gone = Gone::and(gone, Some(slice));
        }
        Ok(gone)
    }

    /// Whether it is the budget, and not the file system, that has no room.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be asked.
    pub fn is_over_budget(&self) -> Result<bool, LogError> {
        let space = self.log.space()?;
        Ok(space.disk_free_bytes > space.budget_left_bytes)
    }

    /// Drops one slice of the oldest frames, but never the newest frame. What every
    /// destination has goes first, and is no loss.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn drop_slice(&mut self) -> Result<Option<Gone>, LogError> {
        let Some(first) = self.log.first()? else {
            return Ok(None);
        };
        let held = self.log.next() - first;
        if held <= 1 {
            return Ok(None);
        }
        let mut end = first + (held / SLICE_SHARE).max(1);
        let done = self.done_below();
        if done > first {
            end = end.min(done);
        }
        let before = (self.accounts.clone(), self.spans.clone());
        match self.drop_below(first, end) {
            Ok(lost) => Ok(Some(Gone { lost, first: end })),
            Err(error) => {
                // Nothing went, so nothing is owed for it.
                (self.accounts, self.spans) = before;
                Err(error)
            }
        }
    }

    /// What goes and the note of it are one transaction: a kill loses neither.
    fn drop_below(&mut self, first: u64, end: u64) -> Result<u64, LogError> {
        let mut batch = Batch::default();
        let lost = self.note_drop(first, end)?;
        self.forget_below(end, &mut batch);
        self.mark_gaps(&mut batch);
        self.log.trim_with(end, &batch)?;
        Ok(lost)
    }

    /// Notes for each destination what it will not get of `first..end`. Returns how many
    /// frames that is for the one that loses most.
    fn note_drop(&mut self, first: u64, end: u64) -> Result<u64, LogError> {
        let until = self.watermark_near(end - 1)?;
        let mut most = 0;
        for at in 0..self.accounts.len() {
            let from = self.accounts[at].custody().done_below.max(first);
            if from >= end {
                continue;
            }
            let begin = self.watermark_near(from)?;
            self.accounts[at].owe((begin, until), end - from, GapReason::Budget);
            most = most.max(end - from);
        }
        Ok(most)
    }

    /// Watermark of a frame, or of the next one that can be read: a gap must begin somewhere
    /// near, and not in 1970.
    fn watermark_near(&self, seq: u64) -> Result<Timestamp, LogError> {
        for near in seq..self.log.next().min(seq + NEAR) {
            if let Some(watermark) = self.watermark_of(near)? {
                return Ok(watermark);
            }
        }
        Ok(self.newest.unwrap_or_default())
    }
}
