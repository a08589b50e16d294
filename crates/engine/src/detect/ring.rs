//! What the timed memories share: a ring with a bound, and arithmetic of instants.
//!
//! A ring grows to what it needs and never past its bound; in the steady state nothing is
//! allocated. Arithmetic of instants stops at the type's ends and never wraps.

use std::collections::VecDeque;
use std::collections::vec_deque::{Iter, IterMut};

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Items in the order in which they came, at most `MAX`: the oldest makes room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ring<T, const MAX: usize>(VecDeque<T>);

impl<T, const MAX: usize> Default for Ring<T, MAX> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T, const MAX: usize> Ring<T, MAX> {
    /// Adds the newest; gives the oldest when there was no room.
    pub fn push(&mut self, item: T) -> Option<T> {
        let dropped = if self.is_full() { self.pop() } else { None };
        self.0.push_back(item);
        dropped
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    /// The oldest.
    #[must_use]
    pub fn oldest(&self) -> Option<&T> {
        self.0.front()
    }

    /// The newest, to look at or change.
    pub fn newest_mut(&mut self) -> Option<&mut T> {
        self.0.back_mut()
    }

    /// By age: 0 is the oldest.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)
    }

    /// By age, to change it.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at)
    }

    /// From the oldest to the newest.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter()
    }

    /// From the oldest to the newest, to change them.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One more would push out the oldest.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX
    }

    /// Forgets all; keeps the room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Puts `older` before its own. Where both are too many the oldest go.
    pub fn prepend(&mut self, mut older: Self) {
        older.0.append(&mut self.0);
        while older.0.len() > MAX {
            older.0.pop_front();
        }
        *self = older;
    }
}

/// A span as a signed number: past the type's end, its end.
#[must_use]
pub fn signed(span_ms: u64) -> i64 {
    i64::try_from(span_ms).unwrap_or(i64::MAX)
}

/// `span_ms` before `at`.
#[must_use]
pub fn before(at: Timestamp, span_ms: u64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_sub(signed(span_ms)))
}

/// `span_ms` after `at`.
#[must_use]
pub fn after(at: Timestamp, span_ms: u64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(signed(span_ms)))
}

/// How long `at` is after `from`, in milliseconds; 0 when it is not after it.
#[must_use]
pub fn elapsed(from: Timestamp, at: Timestamp) -> u64 {
    let span = at.as_millis().saturating_sub(from.as_millis());
    u64::try_from(span).unwrap_or(0)
}

/// Moves an instant, for a clock that was set.
pub fn shift(at: &mut Timestamp, by_ms: i64) {
    *at = Timestamp::from_millis(at.as_millis().saturating_add(by_ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut ring = Ring::<u8, 2>::default();
        assert_eq!(
            (ring.push(1), ring.push(2), ring.push(3)),
            (None, None, Some(1))
        );
        assert_eq!(
            (
                ring.oldest().copied(),
                ring.newest_mut().copied(),
                ring.len()
            ),
            (Some(2), Some(3), 2)
        );
        let mut newer = Ring::<u8, 2>::default();
        newer.push(4);
        newer.prepend(ring);
        assert_eq!(newer.iter().copied().collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn instants_stop_at_the_ends() {
        let (begin, end) = (
            Timestamp::from_millis(i64::MIN),
            Timestamp::from_millis(i64::MAX),
        );
        assert_eq!(before(begin, u64::MAX), begin);
        assert_eq!(after(end, u64::MAX), end);
        assert_eq!(elapsed(end, begin), 0);
        assert_eq!(elapsed(begin, end), i64::MAX as u64);
        let mut at = end;
        shift(&mut at, i64::MAX);
        assert_eq!(at, end);
    }
}
