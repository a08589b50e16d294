//! The server's memory of what one gateway delivered: each (epoch, seq) enters once.
//!
//! The memory of an epoch is stored as a mark in the same transaction as its frames, so it
//! can never disagree with the log. Numbers are remembered as ranges, for good; the CRCs of
//! the newest [`RECENT_MAX`] frames of an epoch are remembered too, so that the same number
//! with other bytes is found to be a conflict and not taken for a repeat.

use std::collections::{BTreeMap, VecDeque};

use crate::ranges::Ranges;
use crate::receipt::{EpochReceipt, RANGES_MAX};

/// Frames of an epoch whose CRC is remembered.
pub const RECENT_MAX: usize = 256;
/// Epochs remembered of one gateway; the collector would have to restart this often before
/// the oldest is forgotten.
pub const EPOCHS_MAX: usize = 4_096;

/// What an offered frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// Not here yet.
    New,
    /// Already here: receipt it again.
    Duplicate,
    /// The number is here with other bytes.
    Conflict,
}

/// One epoch's memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Seen {
    ranges: Ranges,
    recent: VecDeque<(u64, u32)>,
    /// Orders epochs by their last frame, so that the stalest is forgotten first.
    touched: u64,
}

/// The memory of one gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inbox {
    epochs: BTreeMap<u64, Seen>,
    touches: u64,
}

impl Inbox {
    /// What a frame would be here.
    #[must_use]
    pub fn offer(&self, epoch: u64, seq: u64, crc: u32) -> Offer {
        let Some(seen) = self.epochs.get(&epoch) else {
            return Offer::New;
        };
        if !seen.ranges.contains(seq) {
            return Offer::New;
        }
        match seen.recent.iter().find(|(recent, _)| *recent == seq) {
            Some((_, known)) if *known != crc => Offer::Conflict,
            _ => Offer::Duplicate,
        }
    }

    /// Remembers a frame. Returns the epoch that had to be forgotten for it, if any: its
    /// mark has to go too.
    pub fn accept(&mut self, epoch: u64, seq: u64, crc: u32) -> Option<u64> {
        self.touches += 1;
        let seen = self.epochs.entry(epoch).or_default();
        seen.touched = self.touches;
        seen.ranges.insert(seq);
        if seen.recent.len() == RECENT_MAX {
            seen.recent.pop_front();
        }
        seen.recent.push_back((seq, crc));
        if self.epochs.len() <= EPOCHS_MAX {
            return None;
        }
        let stalest = self.epochs.iter().min_by_key(|(_, seen)| seen.touched)?;
        let stalest = *stalest.0;
        self.epochs.remove(&stalest);
        Some(stalest)
    }

    /// Whether a frame's number is here.
    #[must_use]
    pub fn holds(&self, epoch: u64, seq: u64) -> bool {
        self.epochs
            .get(&epoch)
            .is_some_and(|seen| seen.ranges.contains(seq))
    }

    /// How many of an epoch's numbers `from..=to` are here.
    #[must_use]
    pub fn held(&self, epoch: u64, from: u64, to: u64) -> u64 {
        let ranges = self.epochs.get(&epoch).into_iter();
        let ranges = ranges.flat_map(|seen| seen.ranges.iter());
        ranges
            .map(|range| (*range.start().max(&from), *range.end().min(&to)))
            .map(|(from, to)| to.saturating_add(1).saturating_sub(from))
            .sum()
    }

    /// The receipt of an epoch: of its ranges that reach `oldest` or more the lowest, where
    /// backlog is filled in, and the highest, where live frames are. With many holes between
    /// (frames that were refused) neither lane may wait for the other.
    #[must_use]
    pub fn receipt(&self, epoch: u64, oldest: u64) -> EpochReceipt {
        let ranges = self.epochs.get(&epoch).map(|seen| {
            let above = || seen.ranges.iter().filter(|range| *range.end() >= oldest);
            let count = above().count();
            let is_told = |at: usize| at < RANGES_MAX / 2 || at + RANGES_MAX / 2 >= count;
            let told = above().enumerate().filter(|(at, _)| is_told(*at));
            told.map(|(_, range)| (*range.start(), *range.end()))
                .collect()
        });
        EpochReceipt {
            epoch,
            ranges: ranges.unwrap_or_default(),
        }
    }

    /// The bytes of an epoch's mark.
    #[must_use]
    pub fn encode(&self, epoch: u64) -> Vec<u8> {
        let empty = Seen::default();
        let seen = self.epochs.get(&epoch).unwrap_or(&empty);
        let mut bytes = Vec::with_capacity(16 + seen.ranges.runs() * 16 + seen.recent.len() * 12);
        bytes.extend_from_slice(&seen.touched.to_le_bytes());
        bytes.extend_from_slice(&(seen.ranges.runs() as u64).to_le_bytes());
        for range in seen.ranges.iter() {
            bytes.extend_from_slice(&range.start().to_le_bytes());
            bytes.extend_from_slice(&range.end().to_le_bytes());
        }
        for (seq, crc) in &seen.recent {
            bytes.extend_from_slice(&seq.to_le_bytes());
            bytes.extend_from_slice(&crc.to_le_bytes());
        }
        bytes
    }

    /// Puts an epoch's mark back. Returns whether the bytes were a mark.
    #[must_use]
    pub fn restore(&mut self, epoch: u64, bytes: &[u8]) -> bool {
        let Some(seen) = decode(bytes) else {
            return false;
        };
        self.touches = self.touches.max(seen.touched);
        self.epochs.insert(epoch, seen);
        true
    }
}

fn decode(mut bytes: &[u8]) -> Option<Seen> {
    let mut number = || {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        bytes = rest;
        Some(u64::from_le_bytes(*head))
    };
    let mut seen = Seen {
        touched: number()?,
        ..Seen::default()
    };
    for _ in 0..number()? {
        let (from, to) = (number()?, number()?);
        seen.ranges.insert_range(from, to);
    }
    let (recent, rest) = bytes.as_chunks::<12>();
    if !rest.is_empty() || recent.len() > RECENT_MAX {
        return None;
    }
    for entry in recent {
        let (seq, crc) = entry.split_first_chunk::<8>()?;
        let crc = u32::from_le_bytes(crc.try_into().ok()?);
        seen.recent.push_back((u64::from_le_bytes(*seq), crc));
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_a_duplicate_and_other_bytes_are_a_conflict() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.offer(1, 5, 0xaa), Offer::New);
        assert_eq!(inbox.accept(1, 5, 0xaa), None);
        assert_eq!(inbox.offer(1, 5, 0xaa), Offer::Duplicate);
        assert_eq!(inbox.offer(1, 5, 0xbb), Offer::Conflict);
        assert_eq!(inbox.offer(2, 5, 0xbb), Offer::New);
    }

    #[test]
    fn numbers_are_remembered_longer_than_bytes() {
        let mut inbox = Inbox::default();
        for seq in 1..=1_000 {
            inbox.accept(9, seq, 1);
        }
        assert_eq!(inbox.offer(9, 3, 2), Offer::Duplicate);
        assert_eq!(inbox.offer(9, 999, 2), Offer::Conflict);
        assert_eq!(inbox.receipt(9, 400).ranges, [(1, 1_000)]);
        assert!(inbox.encode(9).len() < 4_096);
    }

    #[test]
    fn a_mark_brings_the_memory_back() {
        let mut inbox = Inbox::default();
        for seq in [1, 2, 3, 7, 8, 12] {
            inbox.accept(4, seq, u32::try_from(seq).unwrap());
        }
        let mut back = Inbox::default();
        assert!(back.restore(4, &inbox.encode(4)));
        assert_eq!(back, inbox);
        assert!(!back.restore(5, &[1, 2, 3]));
        assert_eq!(back.receipt(4, 4).ranges, [(7, 8), (12, 12)]);
        assert_eq!(
            (back.held(4, 2, 7), back.held(4, 13, 20), back.held(5, 1, 9)),
            (3, 0, 0)
        );
    }

    /// Every second live frame is refused while the backlog before them is long.
    #[test]
    fn a_receipt_speaks_of_both_ends_of_a_run_with_many_holes() {
        let mut inbox = Inbox::default();
        for seq in (1..=3).chain((1_001..=1_401).step_by(2)) {
            inbox.accept(9, seq, 1);
        }
        let ranges = inbox.receipt(9, 4).ranges;
        assert_eq!(ranges.len(), RANGES_MAX);
        assert_eq!(
            (ranges[0], ranges[RANGES_MAX - 1]),
            ((1_001, 1_001), (1_401, 1_401))
        );
        assert!(ranges.is_sorted());
        assert_eq!(inbox.receipt(9, 1_300).ranges.len(), 51);
    }

    #[test]
    fn the_stalest_epoch_is_forgotten_first() {
        let mut inbox = Inbox::default();
        for epoch in 0..EPOCHS_MAX as u64 {
            assert_eq!(inbox.accept(epoch, 1, 0), None);
        }
        inbox.accept(0, 2, 0);
        assert_eq!(inbox.accept(u64::MAX, 1, 0), Some(1));
        assert!(inbox.holds(0, 1));
    }
}
