//! Values by size, for a quantile.

use serde::{Deserialize, Serialize};

/// A value and how many samples it stands for.
pub type Entry = (f64, u32);

/// Entries by value, then by count. At most one for each cell of a window.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Sorted {
    entries: Vec<Entry>,
    /// Entries that stand for more than one sample.
    shared: u32,
}

impl Sorted {
    fn place(&self, entry: Entry) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(value, count)| value.total_cmp(&entry.0).then(count.cmp(&entry.1)))
    }

    /// Adds an entry; one that stands for nothing is left out.
    pub fn insert(&mut self, entry: Entry) {
        if entry.1 == 0 {
            return;
        }
        let (Ok(place) | Err(place)) = self.place(entry);
        self.entries.insert(place, entry);
        self.shared += u32::from(entry.1 > 1);
    }

    /// Takes an entry away.
    pub fn remove(&mut self, entry: Entry) {
        if let (Ok(place), true) = (self.place(entry), entry.1 > 0) {
            self.entries.remove(place);
            self.shared -= u32::from(entry.1 > 1);
        }
    }

    /// Adds many.
    pub fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        self.entries.extend(entries.filter(|entry| entry.1 > 0));
        self.entries
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let shared = self.entries.iter().filter(|entry| entry.1 > 1).count();
        self.shared = u32::try_from(shared).unwrap_or(u32::MAX);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets all; keeps the room.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.shared = 0;
    }

    /// The value below which `share` of the samples lie, interpolated between neighbours.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of samples, far below 2^53"
    )]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let place = last as f64 * share.clamp(0.0, 1.0);
        let low = place.floor();
        let (below, above) = self.neighbours(low as u64)?;
        let part = place - low;
        let apart = above - below;
        Some(if part == 0.0 {
            below
        } else if apart.is_finite() {
            below + apart * part
        } else {
            below * (1.0 - part) + above * part
        })
    }

    fn count(&self) -> u64 {
        if self.shared == 0 {
            return self.entries.len() as u64;
        }
        let counts = self.entries.iter().map(|(_, count)| u64::from(*count));
        counts.sum()
    }

    /// The values at `place` and after it.
    fn neighbours(&self, place: u64) -> Option<(f64, f64)> {
        let mut rest = place;
        let mut at = 0;
        if self.shared == 0 {
            at = usize::try_from(place).ok()?;
            rest = 0;
        }
        while let Some((_, count)) = self.entries.get(at) {
            let count = u64::from(*count);
            if rest < count {
                break;
            }
            rest -= count;
            at += 1;
        }
        let (value, count) = *self.entries.get(at)?;
        let is_last_of_its_own = rest + 1 == u64::from(count);
        let next = self.entries.get(at + 1).filter(|_| is_last_of_its_own);
        Some((value, next.map_or(value, |(next, _)| *next)))
    }
}
