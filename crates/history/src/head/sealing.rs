//! A block's way out of the head, and back when its commit failed.

use std::sync::Arc;

use super::{HeadKey, Heads, Sealing, drop_idle};

/// Emptied blocks kept for reuse, so that a steady load allocates nothing.
const SPARE_BLOCKS_MAX: usize = 256;

impl Heads {
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

    pub(super) fn release(&mut self, first: u64) {
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
}
