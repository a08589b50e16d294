//! Count: how often something happened in the last `over`.
//!
//! - **Sees** a number, over (now - `over`, now]:
//!   `rises` counts how often the point turned on (from 0 to another number);
//!   `increase` adds up how far a counter went up, at the time of the later sample; where it
//!   is smaller than before it began anew, and counts from 0;
//!   `samples` counts the samples that have a value.
//! - **Unknown** never alone: what was counted stays counted. While the newest reading is bad,
//!   and until `over` has passed since, or since the beginning, the number is the least that
//!   it can be, and in doubt (see [`Memory::is_least`]). The first state after something
//!   unknown is no rise. A counter goes on over a gap when its last value is in the window:
//!   the increase then surely is, too. `samples` is exact while readings are bad: they have
//!   no value. A sum too large for a float is unknown (`not_a_number`).
//! - **In doubt** for `over` after a doubtful sample also (not `samples`).
//! - **Memory** at most [`BUCKETS_MAX`] buckets, none while nothing happens. What happened
//!   leaves the window up to a 254th of `over` late, never early.
//! - **Cost** some comparisons per sample; a timer when the oldest bucket leaves.
//!
//! A level with `below` or `under` must not take the least for the count: whoever compares
//! asks [`Memory::is_least`] first.
//!
//! ```toml
//! [[rule]]
//! id       = "pump.starts"
//! title    = { zh = "泵启动过于频繁", en = "Pump starts too often" }
//! select   = { kind = "state", device = "pump" }
//! detector = "count"
//! of       = "rises"
//! over     = "1h"
//! [[rule.level]]
//! name     = "L1"
//! above    = 6
//! severity = "yellow"
//! ```

use fenghuo_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};

use super::ring::{self, Ring};
use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule::{Count, Counted};

#[cfg(test)]
mod tests;

/// Most buckets.
pub const BUCKETS_MAX: usize = 256;
/// A bucket takes in what happens within `over` divided by this. Two less than there are
/// buckets, for the one that is filling and the one that is leaving.
const STEPS: u64 = 254;

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Bucket {
    begin: Timestamp,
    last: Timestamp,
    sum: f64,
}

/// A value at a time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Point {
    at: Timestamp,
    value: f64,
}

/// What happened in the window, by buckets.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    buckets: Ring<Bucket, BUCKETS_MAX>,
    /// Of all buckets.
    total: f64,
    /// The newest instant.
    at: Option<Timestamp>,
    /// The last value.
    last: Option<Point>,
    /// Nothing unknown came after `last`.
    is_next: bool,
    /// The first thing that was seen at all, where it was a value: an older memory ends there.
    first: Option<Point>,
    /// Everything has been seen since.
    seen_since: Option<Timestamp>,
    /// Everything has been good since.
    good_since: Option<Timestamp>,
}

impl Detect for Memory {
    type Spec = Count;

    fn see(&mut self, spec: &Count, now: &Now) -> Seen {
        let begins = self.at.is_none();
        let at = self.at.map_or(now.at, |newest| newest.max(now.at));
        self.at = Some(at);
        match now.reading {
            Ok((value, doubtful)) if now.fresh => {
                let point = Point { at, value };
                if begins {
                    self.first = Some(point);
                }
                self.take(spec, point, doubtful);
            }
            Err(_) if spec.of != Counted::Samples => self.lose(),
            Err(_) if now.fresh => {
                self.seen_since.get_or_insert(at);
                self.good_since.get_or_insert(at);
            }
            _ => {}
        }
        self.drop_old(spec, at);
        self.answer(spec)
    }

    fn due(&self, spec: &Count) -> Option<Timestamp> {
        let at = self.at?;
        let leaves = self.buckets.oldest().map(|bucket| bucket.last);
        [leaves, self.seen_since, self.good_since]
            .into_iter()
            .flatten()
            .map(|begin| ring::after(begin, spec.over_ms))
            .filter(|due| *due > at)
            .min()
    }

    fn shift(&mut self, by_ms: i64) {
        for bucket in self.buckets.iter_mut() {
            ring::shift(&mut bucket.begin, by_ms);
            ring::shift(&mut bucket.last, by_ms);
        }
        for point in self.last.iter_mut().chain(&mut self.first) {
            ring::shift(&mut point.at, by_ms);
        }
        let instants = [&mut self.at, &mut self.seen_since, &mut self.good_since];
        for at in instants.into_iter().flatten() {
            ring::shift(at, by_ms);
        }
    }

    /// What was counted stays counted until it leaves the window.
    fn forget(&mut self, _: &Count) {
        self.lose();
    }

    fn join(&mut self, spec: &Count, mut before: Self) {
        let Some(at) = self.at else {
            *self = before;
            return;
        };
        if let Some(first) = self.first {
            if spec.of != Counted::Samples {
                before.add(spec, first.at, before.happened(spec, first));
            }
            self.go_on(&before, first.at);
        }
        if self.last.is_none() {
            self.last = before.last;
        }
        self.first = before.first;
        self.buckets.prepend(before.buckets);
        self.add_up();
        self.drop_old(spec, at);
    }
}

impl Memory {
    /// The number is the least that it can be: something in the window was not seen.
    #[must_use]
    pub fn is_least(&self, spec: &Count) -> bool {
        !self.lasts(spec, self.seen_since)
    }

    /// Whether what began then fills the window.
    fn lasts(&self, spec: &Count, since: Option<Timestamp>) -> bool {
        let span = self.at.zip(since);
        span.is_some_and(|(at, since)| ring::elapsed(since, at) >= spec.over_ms)
    }

    fn take(&mut self, spec: &Count, point: Point, doubtful: bool) {
        let sum = self.happened(spec, point);
        self.add(spec, point.at, sum);
        self.last = Some(point);
        self.is_next = true;
        self.seen_since.get_or_insert(point.at);
        if doubtful && spec.of != Counted::Samples {
            self.good_since = None;
        } else {
            self.good_since.get_or_insert(point.at);
        }
    }

    fn lose(&mut self) {
        self.is_next = false;
        self.seen_since = None;
    }

    /// What happened between the last value and this one.
    fn happened(&self, spec: &Count, now: Point) -> f64 {
        let begin = ring::before(now.at, spec.over_ms);
        let last = self.last;
        match spec.of {
            Counted::Samples => 1.0,
            Counted::Rises => {
                let was_off = self.is_next && last.is_some_and(|last| last.value == 0.0);
                f64::from(u8::from(was_off && now.value != 0.0))
            }
            Counted::Increase => {
                last.filter(|last| self.is_next || last.at > begin)
                    .map_or(0.0, |last| {
                        let step = now.value - last.value;
                        if step >= 0.0 {
                            step
                        } else {
                            now.value.max(0.0)
                        }
                    })
            }
        }
    }

    fn add(&mut self, spec: &Count, at: Timestamp, sum: f64) {
        if sum == 0.0 {
            return;
        }
        self.total += sum;
        let width = spec.over_ms.div_ceil(STEPS).max(1);
        let is_full = self.buckets.is_full();
        match self.buckets.newest_mut() {
            Some(bucket) if is_full || ring::elapsed(bucket.begin, at) < width => {
                bucket.last = at;
                bucket.sum += sum;
            }
            _ => {
                let begin = at;
                self.buckets.push(Bucket {
                    begin,
                    last: at,
                    sum,
                });
            }
        }
    }

    fn drop_old(&mut self, spec: &Count, at: Timestamp) {
        let begin = ring::before(at, spec.over_ms);
        let mut left = false;
        while self.buckets.oldest().is_some_and(|old| old.last <= begin) {
            self.buckets.pop();
            left = true;
        }
        if left {
            self.add_up();
        }
    }

    /// Adds up anew, so that rounding cannot build up, nor an overflow stay.
    fn add_up(&mut self) {
        // The sum of nothing is 0.0 here; `sum()` would make it -0.0.
        self.total = self
            .buckets
            .iter()
            .fold(0.0, |total, bucket| total + bucket.sum);
    }

    fn answer(&self, spec: &Count) -> Seen {
        if !self.total.is_finite() {
            return Seen::Unknown(Hold::Reading(Reason::NotANumber));
        }
        let is_sure = self.lasts(spec, self.seen_since) && self.lasts(spec, self.good_since);
        Seen::Number(self.total, !is_sure)
    }

    /// Goes on from an older memory where nothing was missed since it began, `first` being
    /// the first value seen.
    fn go_on(&mut self, before: &Self, first: Timestamp) {
        if self.seen_since == Some(first) && before.is_next {
            self.seen_since = before.seen_since;
        }
        if self.good_since == Some(first) && before.good_since.is_some() {
            self.good_since = before.good_since;
        }
    }
}
