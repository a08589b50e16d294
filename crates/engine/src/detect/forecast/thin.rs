//! Evenly spaced members of a stream, few enough to keep.
//!
//! Keeps every n-th item; when there is no more room, every second of the kept ones goes and
//! n doubles. No chance is involved, and what is kept stands evenly in the stream. Bound:
//! `MAX` items, whatever is pushed. Cost: O(1) per item on average.

use serde::{Deserialize, Serialize};

/// At most `MAX` items of a stream; `MAX` is even.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Thin<T, const MAX: usize> {
    kept: Vec<T>,
    /// Every so-manieth item is kept.
    stride: u64,
    /// Items seen since the last one that was kept.
    passed: u64,
}

impl<T, const MAX: usize> Default for Thin<T, MAX> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            stride: 1,
            passed: 0,
        }
    }
}

impl<T: Copy, const MAX: usize> Thin<T, MAX> {
    /// Takes the next item of the stream.
    pub fn push(&mut self, item: T) {
        if !self.kept.is_empty() && self.passed + 1 < self.stride {
            self.passed += 1;
            return;
        }
        if self.kept.len() >= MAX {
            let mut odd = true;
            self.kept.retain(|_| {
                odd = !odd;
                !odd
            });
            self.stride = self.stride.saturating_mul(2);
        }
        self.kept.push(item);
        self.passed = 0;
    }

    /// What is kept, in order.
    pub fn items(&self) -> &[T] {
        &self.kept
    }

    /// What is kept, in order, to be changed in place.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.kept
    }
}
