//! What readers see of the head: copies, made under its lock.

use fenghuo_model::{Sample, SampleId};

use super::{Head, Heads};
use crate::block::Block;
use crate::{Month, SeriesId};

impl Heads {
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
    pub(crate) fn latest(&self, series: SeriesId) -> Option<((i64, SampleId), Sample)> {
        let slot = self.slots.get(series.slot())?;
        let blocks = slot.heads.iter().flat_map(|head| {
            let sealing = head.sealing.as_ref().map(|sealing| &sealing.block);
            sealing.into_iter().chain([&head.block])
        });
        let rows = blocks.flat_map(|block| block.entries.iter().map(move |entry| (block, entry)));
        let (block, entry) = rows.max_by_key(|(_, entry)| entry.key())?;
        Some((entry.key(), block.sample(slot.value_type, entry)))
    }
}
