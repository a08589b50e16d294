//! How old the oldest frame without receipt is, from a thinned list of watermarks. Pure.

use std::collections::VecDeque;

use fenghuo_model::Timestamp;

/// Watermarks that are remembered; with more, every second one is forgotten and the rest
/// come half as often, so that the answer is a little coarse in a long outage.
const MARKS_MAX: usize = 4_096;
const SPACING_MS: i64 = 1_000;

/// Watermarks of some frames, oldest first.
#[derive(Debug)]
pub struct Ages {
    marks: VecDeque<(u64, Timestamp)>,
    spacing_ms: i64,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            marks: VecDeque::new(),
            spacing_ms: SPACING_MS,
        }
    }
}

impl Ages {
    /// A frame was spooled.
    pub fn add(&mut self, seq: u64, watermark: Timestamp) {
        let is_near = self
            .marks
            .back()
            .is_some_and(|(_, last)| watermark.as_millis() - last.as_millis() < self.spacing_ms);
        if is_near {
            return;
        }
        if self.marks.len() == MARKS_MAX {
            let mut at = 0;
            self.marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.spacing_ms *= 2;
        }
        self.marks.push_back((seq, watermark));
    }

    /// Age in seconds of the oldest frame at or after `oldest`.
    pub fn backlog_seconds(&mut self, oldest: u64, now: Timestamp) -> i64 {
        while self.marks.get(1).is_some_and(|(seq, _)| *seq <= oldest) {
            self.marks.pop_front();
        }
        if self.marks.len() <= 1 {
            self.spacing_ms = SPACING_MS;
        }
        let oldest = self.marks.front();
        let age = oldest.map_or(0, |(_, watermark)| now.since(*watermark).as_secs());
        i64::try_from(age).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_follows_the_oldest_frame_within_bounds() {
        let mut ages = Ages::default();
        for seq in 1..=20_000_i64 {
            ages.add(seq.unsigned_abs(), Timestamp::from_millis(seq * 1_000));
        }
        assert!(ages.marks.len() <= MARKS_MAX);
        let now = Timestamp::from_millis(20_000_000);
        assert_eq!(ages.backlog_seconds(1, now), 19_999);
        let half = ages.backlog_seconds(10_000, now);
        assert!((10_000..=10_016).contains(&half), "{half}");
    }
}
