//! A set of seqs as ranges: small however many seqs it holds, as long as they are few runs.

use std::ops::RangeInclusive;

/// Seqs, kept as disjoint, ascending, non-touching ranges.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let after = self.0.partition_point(|&(from, _)| from <= seq);
        after > 0 && self.0[after - 1].1 >= seq
    }

    /// Adds one seq. Returns whether it is new.
    pub fn insert(&mut self, seq: u64) -> bool {
        if self.contains(seq) {
            return false;
        }
        self.insert_range(seq, seq);
        true
    }

    /// Adds `from..=to`; nothing when `from > to`.
    pub fn insert_range(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let start = self
            .0
            .partition_point(|&(_, end)| end.saturating_add(1) < from);
        let end = self
            .0
            .partition_point(|&(begin, _)| begin <= to.saturating_add(1));
        let merged = self.0[start..end]
            .iter()
            .fold((from, to), |(low, high), &(a, b)| (low.min(a), high.max(b)));
        self.0.splice(start..end, [merged]);
    }

    /// Removes `from..=to`; nothing when `from > to`.
    pub fn remove_range(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let parts = std::mem::take(&mut self.0)
            .into_iter()
            .flat_map(|(low, high)| {
                let before = (low < from).then(|| (low, high.min(from.saturating_sub(1))));
                let after = (high > to).then(|| (low.max(to.saturating_add(1)), high));
                [before, after].into_iter().flatten()
            });
        self.0 = parts.collect();
    }

    /// Removes every seq below `seq`.
    pub fn remove_below(&mut self, seq: u64) {
        self.0.retain(|&(_, to)| to >= seq);
        if let Some(first) = self.0.first_mut() {
            first.0 = first.0.max(seq);
        }
    }

    /// The smallest seq at or after `from` that is not in the set.
    #[must_use]
    pub fn first_missing(&self, from: u64) -> u64 {
        let after = self.0.partition_point(|&(begin, _)| begin <= from);
        match after.checked_sub(1).map(|at| self.0[at]) {
            Some((_, to)) if to >= from => to.saturating_add(1),
            _ => from,
        }
    }

    /// The largest seq below `below` that is not in the set.
    #[must_use]
    pub fn last_missing(&self, below: u64) -> Option<u64> {
        let last = below.checked_sub(1)?;
        let after = self.0.partition_point(|&(from, _)| from <= last);
        match after.checked_sub(1).map(|at| self.0[at]) {
            Some((from, to)) if to >= last => from.checked_sub(1),
            _ => Some(last),
        }
    }

    /// The largest seq in the set.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|&(_, to)| to)
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|&(from, to)| from..=to)
    }

    /// How many runs there are.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_equal_a_plain_set(steps in prop::collection::vec((0_u64..60, 0_u64..6, 0..5), 0..50)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (from, length, what) in steps {
                match what {
                    0 => {
                        ranges.remove_below(from);
                        set = set.split_off(&from);
                    }
                    1 => {
                        prop_assert_eq!(ranges.insert(from), set.insert(from));
                    }
                    2 => {
                        ranges.remove_range(from, from + length);
                        set.retain(|seq| !(from..=from + length).contains(seq));
                    }
                    _ => {
                        ranges.insert_range(from, from + length);
                        set.extend(from..=from + length);
                    }
                }
                let flat: Vec<u64> = ranges.iter().flatten().collect();
                prop_assert_eq!(flat, set.iter().copied().collect::<Vec<_>>());
                prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
                let missing = (from..).find(|seq| !set.contains(seq)).unwrap();
                prop_assert_eq!(ranges.first_missing(from), missing);
                let missing = (0..from).rev().find(|seq| !set.contains(seq));
                prop_assert_eq!(ranges.last_missing(from), missing);
            }
        }
    }
}
