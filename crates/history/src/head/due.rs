//! When a block must be sealed: it is old, or memory is short.

use std::time::Duration;

use fenghuo_model::Timestamp;

use super::{Birth, HeadKey, Heads};
use crate::SeriesId;

/// Births of blocks that were sealed since are swept out when they outnumber the living by
/// this many.
const BIRTHS_SLACK: usize = 4_096;

impl Heads {
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

    /// Keeps the list of births in proportion to the blocks that live.
    pub(super) fn sweep_births(&mut self) {
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
}
