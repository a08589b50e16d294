//! A lane's timers, by instant.
//!
//! Most points report together, so most timers are due together: those of one instant share
//! a bucket, which is put in order only when its turn comes. What must stay true: timers come
//! in the order of their instants, those of one instant in their own order, each once.

use std::collections::BTreeMap;

use fenghuo_model::Timestamp;

/// What is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// The point may have fallen silent.
    Stale(u32),
    /// A detector's verdict may change by time alone.
    Detector(u32),
}

/// The timers of a lane: one or two for each point and detector.
#[derive(Clone, PartialEq, Debug)]
pub struct Timers {
    buckets: BTreeMap<i64, Bucket>,
    /// When the first one is due; `i64::MAX` when there is none.
    soonest: i64,
}

/// The timers of an instant.
#[derive(Clone, PartialEq, Debug, Default)]
struct Bucket {
    timers: Vec<Timer>,
    /// They stand in order, the first one last, each once.
    in_order: bool,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            soonest: i64::MAX,
        }
    }
}

impl Timers {
    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds one.
    pub fn set(&mut self, due: Timestamp, timer: Timer) {
        let due = due.as_millis();
        self.soonest = self.soonest.min(due);
        self.buckets.entry(due).or_default().add(timer);
    }

    /// Takes the first one that is due before `end`. Asked for every sample: mostly a look at
    /// one number.
    #[inline]
    pub fn take_before(&mut self, end: i64) -> Option<(Timestamp, Timer)> {
        if self.soonest < end {
            self.take()
        } else {
            None
        }
    }

    fn take(&mut self) -> Option<(Timestamp, Timer)> {
        let mut first = self.buckets.first_entry()?;
        let due = *first.key();
        let timer = first.get_mut().take();
        if first.get().timers.is_empty() {
            first.remove();
            let next = self.buckets.first_key_value();
            self.soonest = next.map_or(i64::MAX, |(due, _)| *due);
        }
        timer.map(|timer| (Timestamp::from_millis(due), timer))
    }
}

impl Bucket {
    fn add(&mut self, timer: Timer) {
        if !self.in_order {
            self.timers.push(timer);
        } else if let Err(place) = self.place(timer) {
            self.timers.insert(place, timer);
        }
    }

    fn place(&self, timer: Timer) -> Result<usize, usize> {
        self.timers.binary_search_by(|known| timer.cmp(known))
    }

    fn take(&mut self) -> Option<Timer> {
        if !self.in_order {
            self.timers.sort_unstable_by(|a, b| b.cmp(a));
            self.timers.dedup();
            self.in_order = true;
        }
        self.timers.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(timers: &mut Timers, end: i64) -> Vec<(i64, Timer)> {
        let next = || timers.take_before(end);
        std::iter::from_fn(next)
            .map(|(due, timer)| (due.as_millis(), timer))
            .collect()
    }

    #[test]
    fn timers_come_in_order_each_once() {
        let mut timers = Timers::default();
        let (a, b, c) = (Timer::Stale(1), Timer::Stale(2), Timer::Detector(0));
        for (due, timer) in [(7, c), (5, b), (7, a), (5, b), (7, b), (9, a)] {
            timers.set(Timestamp::from_millis(due), timer);
        }
        assert_eq!(drain(&mut timers, 5), []);
        assert_eq!(drain(&mut timers, 8), [(5, b), (7, a), (7, b), (7, c)]);
        assert_eq!(drain(&mut timers, 10), [(9, a)]);
        assert_eq!(timers, Timers::default());
    }

    #[test]
    fn one_that_joins_its_own_instant_still_has_its_turn() {
        let mut timers = Timers::default();
        let at = Timestamp::from_millis(5);
        for slot in [1, 3, 5] {
            timers.set(at, Timer::Stale(slot));
        }
        assert_eq!(timers.take_before(6), Some((at, Timer::Stale(1))));
        timers.set(at, Timer::Stale(4));
        timers.set(at, Timer::Stale(3));
        timers.set(Timestamp::from_millis(4), Timer::Stale(9));
        let rest = [(4, 9), (5, 3), (5, 4), (5, 5)].map(|(due, slot)| (due, Timer::Stale(slot)));
        assert_eq!(drain(&mut timers, 6), rest);
    }
}
