//! How many bytes of the log the sink holds back from being trimmed.
//!
//! Counted exactly, by reading what lies between the cursor and the log's end once, and kept
//! as a short list of segments, so that what the cursor passes can be taken off again.

use std::collections::VecDeque;

use fenghuo_log::{LogError, Reader};

/// Entries read in one go.
const READ_ENTRIES: usize = 1_024;
/// Bytes read in one go.
const READ_BYTES: usize = 4 << 20;
/// Bytes counted in one call: the rest is counted by the next.
const COUNT_BYTES: u64 = 64 << 20;
/// Segments that a full budget has, about.
const SEGMENTS: u64 = 64;

#[derive(Clone, Copy, Debug)]
struct Segment {
    /// The position after its last entry.
    end: u64,
    bytes: u64,
}

/// The count.
#[derive(Debug)]
pub struct Held {
    budget_bytes: u64,
    /// The next entry to count.
    next: u64,
    segments: VecDeque<Segment>,
    bytes: u64,
}

impl Held {
    /// Nothing counted yet.
    #[must_use]
    pub const fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            next: 0,
            segments: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Bytes held, as far as they were counted.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes off what lies below the cursor.
    pub fn passed(&mut self, cursor: u64) {
        while let Some(first) = self.segments.front()
            && first.end <= cursor
        {
            self.bytes -= first.bytes;
            self.segments.pop_front();
        }
        self.next = self.next.max(cursor);
    }

    /// Counts on from where it was.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn count(&mut self, log: &Reader) -> Result<(), LogError> {
        let mut counted = 0;
        while counted < COUNT_BYTES {
            let entries = log.read(self.next, READ_ENTRIES, READ_BYTES)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let bytes = entry.body.len() as u64;
                counted += bytes;
                self.add(entry.position + 1, bytes);
            }
        }
        Ok(())
    }

    fn add(&mut self, end: u64, bytes: u64) {
        self.next = end;
        self.bytes += bytes;
        let full = self.budget_bytes / SEGMENTS;
        match self.segments.back_mut() {
            Some(last) if last.bytes < full => {
                last.end = end;
                last.bytes += bytes;
            }
            _ => self.segments.push_back(Segment { end, bytes }),
        }
    }

    /// The position below which entries must be let go, so that the rest is within the
    /// budget; none when it is.
    #[must_use]
    pub fn let_go_below(&self) -> Option<u64> {
        let mut bytes = self.bytes;
        let mut below = None;
        for segment in &self.segments {
            if bytes <= self.budget_bytes {
                break;
            }
            bytes -= segment.bytes;
            below = Some(segment.end);
        }
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_the_budget_is_let_go_from_the_front() {
        let mut held = Held::new(6_400);
        for position in 1..=64 {
            held.add(position + 1, 100);
        }
        assert_eq!((held.bytes(), held.let_go_below()), (6_400, None));
        held.add(66, 150);
        assert_eq!(held.let_go_below(), Some(3));
        held.passed(3);
        assert_eq!((held.bytes(), held.let_go_below()), (6_350, None));
        held.passed(1_000);
        assert_eq!(
            (held.bytes(), held.segments.len(), held.next),
            (0, 0, 1_000)
        );
    }

    #[test]
    fn segments_stay_few() {
        let mut held = Held::new(64_000);
        for position in 0..10_000 {
            held.add(position + 1, 10);
        }
        assert_eq!(held.bytes(), 100_000);
        assert!(held.segments.len() <= 101, "{}", held.segments.len());
    }
}
